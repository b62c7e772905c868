"""How published data sets lie on a disk: ROOT/CLASS/picture, in folders that every author names a little differently.

Class names are said here as everywhere (`concepts.spoken`), in the published spelling: a folder stands for a class when
the letters and digits agree, so "Hot_Air-Balloon" and "hotairballoon" are both "hot air balloon".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from retrieval.data.concepts import spoken
from retrieval.data.picture_table import PictureTable, Row
from retrieval.data.readers.files import table_of
from retrieval.data.readers.problems import some
from retrieval.errors import DataError
from retrieval.formats import SUFFIXES
from retrieval.types import Domain, Item


class Names:
    """The classes of a data set, found by any spelling. `aliases`: folder -> class, where the letters differ too."""

    def __init__(self, classes: Sequence[str], aliases: Mapping[str, str] | None = None) -> None:
        self.classes = tuple(classes)
        self._by_letters = {_letters(name): name for name in classes}
        self._by_letters |= {_letters(folder): name for folder, name in (aliases or {}).items()}

    def find(self, written: str) -> str | None:
        """The class in its published spelling; None for a name that the data set does not have."""
        return self._by_letters.get(_letters(written))


def existing(folder: Path, candidates: Sequence[str]) -> Path | None:
    """The first of the candidate folders that exists; "*" stands for a part of a name."""
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. Name the folder that the data set was unpacked into.")
    return next((path for name in candidates for path in sorted(folder.glob(name)) if path.is_dir()), None)


def pictures_of(root: Path, within: Path, domain: Domain, names: Names) -> PictureTable:
    """Every picture of ROOT/CLASS/, by folder and file name. Ids are paths within `within`.

    Folders that are no class of the data set are left out and named among the problems.
    """
    items: list[Item] = []
    unknown = []
    for place in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        label = names.find(place.name)
        if label is None:
            unknown.append(spoken(place.name))
            continue
        files = sorted(p for p in place.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
        items += [Item(path.relative_to(within).as_posix(), path, domain, label) for path in files]
    problem = f"Left out, as they are no classes of the data set: {some(unknown)} (in {root.relative_to(within)})."
    return table_of(items, [problem] if unknown else [])


def demanded(table: PictureTable, folder: Path, expected: str) -> PictureTable:
    """The table. Raises DataError when it holds no picture, with what was expected in the folder."""
    if not len(table):
        raise DataError(f"{folder} holds no picture of the data set. Expected {expected}.")
    return table


def without(table: PictureTable, left_out: Callable[[Row], bool], problem: str) -> PictureTable:
    """The table less some pictures, whose number stands for {number} in the sentence `problem`."""
    kept = table.where(lambda row: not left_out(row))
    number = len(table) - len(kept)
    return kept.with_problems(problem.format(number=f"{number:,}")) if number else kept


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
