"""Anybody's folder of pictures.

FOLDER/DOMAIN/CLASS/picture.png   domain and label from the folders
FOLDER/CLASS/picture.png          label from the folder
FOLDER/picture.png                neither
"""

from __future__ import annotations

from pathlib import Path

from retrieval.data.concepts import spoken
from retrieval.errors import DataError
from retrieval.types import PHOTO, Domain, Item

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp"}


def folder_items(folder: Path, domain: Domain = PHOTO) -> list[Item]:
    """Every picture file below the folder, sorted by path; hidden files and folders are passed over.

    `domain` is said of pictures whose folders do not tell theirs. The id is the path within the folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Name a folder that holds pictures.")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    items = [_item(path, path.relative_to(folder), domain) for path in files if not _hidden(path.relative_to(folder))]
    if not items:
        raise DataError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}). Name a folder that does.")
    return items


def _item(path: Path, within: Path, domain: Domain) -> Item:
    folders = within.parts[:-1]
    label = spoken(folders[-1]) if folders else None
    if len(folders) >= 2:
        domain = Domain(folders[-2])
    return Item(within.as_posix(), path, domain, label)


def _hidden(within: Path) -> bool:
    return any(part.startswith(".") for part in within.parts)
