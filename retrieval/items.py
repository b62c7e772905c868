"""items.jsonl: the list of a gallery's pictures, readable without torch, so the page knows what there is before the
model is loaded.

The pictures of the gallery in `<folder>/` lie below it. Somebody's own folder of pictures keeps its gallery in a
hidden folder inside, `<folder>/.guise/`; then the pictures lie below the parent. That folder is the gallery's root,
and paths are relative to it.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import GalleryError
from retrieval.files import printable, write_files
from retrieval.schema import shorten
from retrieval.types import Domain, Hit, Item, Region, Skipped

ITEMS = "items.jsonl"
PRIVATE = ".guise"
SKIPPED = "skipped.json"
NAMED = 10  # so many files that were left out are named, the rest are counted


def home_of(folder: Path) -> Path:
    """Where the gallery of a folder is kept: in the folder itself if it lists its pictures, else in the hidden folder
    inside.
    """
    return folder if folder.name == PRIVATE or (folder / ITEMS).is_file() else folder / PRIVATE


def root_of(home: Path) -> Path:
    """The folder that holds the pictures of the gallery in `home`."""
    return home.parent if home.name == PRIVATE else home


def read_items(home: Path) -> list[Item]:
    """The gallery's pictures, in order. Raises GalleryError for a line that is damaged or leads out of the gallery's
    root.
    """
    try:
        text = (home / ITEMS).read_text(encoding="utf-8")
    except PermissionError as error:
        raise GalleryError(f"{home / ITEMS} may not be read ({error.strerror}). Allow reading it.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise GalleryError(f"{home / ITEMS} cannot be read. {repair_hint(home)}") from error
    root = root_of(home).resolve()
    lines = text.removesuffix("\n").split("\n")  # no other sign ends a line: names and captions may hold them
    return [_item(home, root, number, line) for number, line in enumerate(lines, start=1) if text]


def _item(home: Path, root: Path, number: int, line: str) -> Item:
    try:
        payload = json.loads(line)
        regions = tuple(_region(part) for part in payload.get("parts", ()))
        label, caption = (_text(payload.get(key), optional=True) for key in ("label", "caption"))
        within = os.path.normpath(str(_text(payload["path"])))
        item = Item(
            str(_text(payload["id"])), root / within, Domain(str(_text(payload["domain"]))), label, caption, regions
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = shorten(str(error))
        raise GalleryError(f"{home / ITEMS}, line {number}, is damaged ({reason}). {repair_hint(home)}") from error
    if Path(within).is_absolute() or Path(within).parts[:1] == ("..",):
        raise GalleryError(f"{home / ITEMS}, line {number}, names a picture outside the gallery. {repair_hint(home)}")
    return item


def _text(value: object, *, optional: bool = False) -> str | None:
    """The value, which must be a text that can be written as UTF-8 and named to the file system."""
    if value is None and optional:
        return None
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(f"{shorten(value)} is not a text")
    value.encode("utf-8")
    return value


def _region(part: Mapping[str, Any]) -> Region:
    x, y, width, height = (float(number) for number in part["box"])
    return Region((x, y, width, height), str(_text(part["phrase"])))


def listing(home: Path, items: Sequence[Item]) -> bytes:
    """What items.jsonl is to hold. A list of the same pictures that is there stays: it may know more of them."""
    try:
        if (home / ITEMS).is_file() and read_items(home) == list(items):
            return (home / ITEMS).read_bytes()
    except GalleryError:  # a damaged list is replaced
        pass
    root = root_of(home).resolve()
    lines = []
    for item in items:
        payload = asdict(item) | {"path": item.path.resolve().relative_to(root).as_posix(), "domain": item.domain.name}
        payload["parts"] = payload.pop("regions")
        lines.append(json.dumps(payload, ensure_ascii=False))
    return "".join(line + "\n" for line in lines).encode("utf-8")


def missing_of(home: Path, items: Sequence[Item]) -> list[int]:
    """The places of pictures that are no longer there, or that a link has led out of the gallery's root."""
    root = root_of(home).resolve()
    inside = {folder: folder.resolve().is_relative_to(root) for folder in {item.path.parent for item in items}}
    return [
        place
        for place, item in enumerate(items)
        if not (inside[item.path.parent] and item.path.is_file() and _stays(item.path, root))
    ]


def _stays(path: Path, root: Path) -> bool:
    return not path.is_symlink() or path.resolve().is_relative_to(root)


def domains_of(items: Iterable[Item]) -> tuple[str, ...]:
    """The domains of the items, in the order in which they first occur."""
    return tuple(dict.fromkeys(item.domain.name for item in items))


def labels_of(items: Iterable[Item]) -> tuple[str, ...]:
    """The classes of the items, sorted."""
    return tuple(sorted({item.label for item in items if item.label}))


def rebuild_hint(home: Path) -> str:
    """What to do about an index that cannot be used as it is."""
    return f"Rebuild it: python -m retrieval index {shlex.quote(str(root_of(home)))}"


def repair_hint(home: Path) -> str:
    """What to do about a list that cannot be used as it is: somebody's own folder is looked through again."""
    if home.name == PRIVATE:
        return rebuild_hint(home)
    return f"Restore it from where it came, or remove it and index the folder as pictures. {rebuild_hint(home)}"


def hit_as_json(hit: Hit) -> dict[str, Any]:
    """The hit as programs and the command line get it."""
    return {
        "id": hit.item.id,
        "label": hit.item.label,
        "domain": hit.item.domain.name,
        "score": round(hit.score, 6),
        "rank": hit.rank,
    }


# ---------------------------------------------------------------- what is not in the gallery


def write_skipped(home: Path, skipped: Sequence[Skipped]) -> None:
    """Keep which files of the gallery's folder were left out of it, and why, for those who look at it later."""
    root = root_of(home)
    rows = [[printable(os.path.relpath(file.path, root)), file.reason] for file in skipped]
    write_files({home / SKIPPED: (json.dumps(rows, indent=1) + "\n").encode()})


def read_skipped(home: Path) -> list[Skipped]:
    """The files that were left out when the gallery was made; none where nothing is known of them."""
    try:
        rows = json.loads((home / SKIPPED).read_text(encoding="utf-8"))
        return [Skipped(Path(str(name)), str(reason)) for name, reason in rows]
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def name_skipped(skipped: Sequence[Skipped]) -> list[str]:
    """A line for each of the first files that were left out, and one for how many more there are."""
    lines = [f"{printable(str(file.path))}: {file.reason}" for file in skipped[:NAMED]]
    return lines + ([f"and {len(skipped) - NAMED:,} more"] if len(skipped) > NAMED else [])
