"""Anybody's folder of pictures.

FOLDER/DOMAIN/CLASS/picture.png   domain and label from the folders
FOLDER/CLASS/picture.png          label from the folder
FOLDER/picture.png                neither

What lies deeper in a class belongs to it.
"""

from __future__ import annotations

from pathlib import Path

from retrieval.data.concepts import spoken
from retrieval.errors import DataError
from retrieval.files import printable
from retrieval.formats import SUFFIXES
from retrieval.types import PHOTO, Domain, Item, OnSkip, Skipped, no_skip

OTHERS = {".jxl", ".jp2", ".svg", ".psd", ".ico", ".dng", ".cr2", ".nef", ".arw", ""}
"""Suffixes of pictures that are not opened, and of files that may well be pictures."""


def folder_items(folder: Path, domain: Domain = PHOTO, on_skip: OnSkip = no_skip) -> list[Item]:
    """Every picture file below the folder, sorted by path; hidden files and folders are passed over.

    `domain` is said of pictures whose folders do not tell theirs. The id is the path within the folder. What looks like
    a picture but cannot be one of a gallery is reported to `on_skip`.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Name a folder that holds pictures.")
    items, root = [], folder.resolve()
    for path in sorted(folder.rglob("*")):
        within = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES | OTHERS or _hidden(within) or path.is_dir():
            continue
        if reason := _unfit(path, within, root):
            on_skip(Skipped(path, reason))
        else:
            items.append(_item(path, within, domain))
    if not items:
        raise DataError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}). Name a folder that does.")
    return items


def _unfit(path: Path, within: Path, root: Path) -> str:
    """Why the file is no picture of a gallery, in a sentence; "" where it is one."""
    name = printable(path.name)
    if path.suffix.lower() in OTHERS:
        kind = f"the suffix {path.suffix}" if path.suffix else "no suffix"
        return f"{name} has {kind}. Save it as PNG, JPEG or WEBP, with that suffix."
    try:
        str(within).encode("utf-8")
    except UnicodeEncodeError:
        return f"{name} has a name, or lies in a folder with one, that is no UTF-8. Rename it."
    if path.is_symlink() and not path.exists():
        return f"{name} is a link to something that is not there. Copy the picture itself."
    if not path.resolve().is_relative_to(root):
        return f"{name} is a link that leaves the folder. Copy the picture itself."
    return "" if path.is_file() else f"{name} is not a file."


def _item(path: Path, within: Path, domain: Domain) -> Item:
    match within.parts[:-1]:
        case (above, label, *_):
            return Item(within.as_posix(), path, Domain(above), spoken(label))
        case (label,):
            return Item(within.as_posix(), path, domain, spoken(label))
        case _:
            return Item(within.as_posix(), path, domain)


def _hidden(within: Path) -> bool:
    return any(part.startswith(".") for part in within.parts)
