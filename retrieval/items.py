"""items.jsonl: the list of a gallery's pictures, readable without torch, so the page knows what there is before the
model is loaded.

The pictures of the gallery in `<folder>/` lie below it. Somebody's own folder of pictures keeps its gallery in a
hidden folder inside, `<folder>/.guise/`; then the pictures lie below the parent. That folder is the gallery's root,
and paths are relative to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.errors import GalleryError
from retrieval.files import write_text
from retrieval.types import Domain, Hit, Item, Region

ITEMS = "items.jsonl"
PRIVATE = ".guise"


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
    root = root_of(home).resolve()
    items = []
    try:
        lines = (home / ITEMS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise GalleryError(f"{home / ITEMS} cannot be read. {rebuild_hint(home)}") from error
    for number, line in enumerate(lines, start=1):
        try:
            told = json.loads(line)
            path = (root / told["path"]).resolve()
            boxes = tuple(Region(tuple(part["box"]), part["phrase"]) for part in told.get("parts", ()))
            item = Item(
                str(told["id"]), path, Domain(str(told["domain"])), told.get("label"), told.get("caption"), boxes
            )
        except (ValueError, KeyError, TypeError) as error:
            raise GalleryError(f"{home / ITEMS}, line {number}, is damaged ({error}). {rebuild_hint(home)}") from error
        if not path.is_relative_to(root):
            raise GalleryError(
                f"{home / ITEMS}, line {number}, names a picture outside the gallery. {rebuild_hint(home)}"
            )
        items.append(item)
    return items


def write_items(home: Path, items: Sequence[Item]) -> None:
    """Write items.jsonl, unless one that lists the same pictures is there already: it may know more of them."""
    if (home / ITEMS).is_file() and read_items(home) == list(items):
        return
    root = root_of(home).resolve()
    lines = []
    for item in items:
        told = asdict(item) | {"path": item.path.resolve().relative_to(root).as_posix(), "domain": item.domain.name}
        told["parts"] = told.pop("regions")
        lines.append(json.dumps(told, ensure_ascii=False))
    write_text(home / ITEMS, "".join(line + "\n" for line in lines))


def domains_of(items: Iterable[Item]) -> tuple[str, ...]:
    """The domains of the items, in the order in which they first occur."""
    return tuple(dict.fromkeys(item.domain.name for item in items))


def labels_of(items: Iterable[Item]) -> tuple[str, ...]:
    """The classes of the items, sorted."""
    return tuple(sorted({item.label for item in items if item.label}))


def rebuild_hint(home: Path) -> str:
    """What to do about a gallery that cannot be used as it is."""
    return f"Rebuild it: python -m retrieval index {root_of(home)}"


def hit_as_json(hit: Hit) -> dict[str, Any]:
    """The hit as programs and the command line get it."""
    return {
        "id": hit.item.id,
        "label": hit.item.label,
        "domain": hit.item.domain.name,
        "score": round(hit.score, 6),
        "rank": hit.rank,
    }
