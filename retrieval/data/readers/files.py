"""Files that are known by name alone: listed as items, read when a picture is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from retrieval.data.picture_table import PictureTable, Row
from retrieval.data.pictures import PictureFile
from retrieval.types import Item


def table_of(items: Sequence[Item], problems: Sequence[str] = ()) -> PictureTable:
    """The items as rows, in their order. A label that an item does not have is ""."""
    return PictureTable(
        [PictureFile(item.path) for item in items],
        [item.domain.name for item in items],
        labels=[item.label or "" for item in items],
        ids=[item.id for item in items],
        captions=[(item.caption,) if item.caption else () for item in items],
        problems=problems,
    )


def path_of(row: Row) -> Path:
    """The file of a row of such a table."""
    assert isinstance(row.picture, PictureFile), f"{row.id} is no file"
    return row.picture.path


def stays_inside(name: str) -> bool:
    """Whether a path in a list or an annotation leads to a place inside the data set's folder."""
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
