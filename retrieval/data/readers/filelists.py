"""The lists of files that come with published data sets: one "FOLDERS/CLASS/picture.jpg number" a line.

The number is the authors' own and differs from list to list, so the class is always that of the folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.files import stays_inside, table_of
from retrieval.data.readers.layouts import Names
from retrieval.data.readers.problems import odd_totals, some
from retrieval.data.splits import SPLITS
from retrieval.errors import DataError
from retrieval.types import PHOTO, SKETCH, Domain, Item

Part = Literal["seen", "held-out", "unseen"]
ENDINGS: dict[Part, str] = {"seen": "train", "held-out": "test", "unseen": "zero"}


def listed(listing: Path, within: Path, domain: Domain, names: Names) -> PictureTable:
    """The pictures that a list names, in its order. Lines that cannot be used and files that are missing are left out
    and named among the problems.

    Raises DataError for a list that is missing, names no class of the data set, or names no file that is there.
    """
    items: list[Item] = []
    damaged, missing = [], []
    for number, line in _lines(listing):
        name, _, mark = line.strip().rpartition(" ")
        label = names.find(PurePosixPath(name).parent.name) if mark.isdecimal() and stays_inside(name) else None
        if label is None:
            damaged.append(str(number))
        elif not (within / name).is_file():
            missing.append(name)
        else:
            items.append(Item(PurePosixPath(name).as_posix(), within / name, domain, label))
    if not items and missing:
        raise DataError(
            f"None of the files that {listing} names is in {within}. Name the folder that its paths start in."
        )
    if not items:
        raise DataError(f'{listing} lists no picture. Expected lines such as "cat/picture.jpg 3"; fetch the list anew.')
    problems = []
    if damaged:
        problems.append(f"Lines of {listing.name} that cannot be used: {len(damaged):,} ({some(damaged)}).")
    if missing:
        problems.append(f"Files named in {listing.name} that are missing: {len(missing):,} ({some(missing)}).")
    return table_of(items, problems)


@dataclass(frozen=True)
class ZeroShotLists:
    """How the lists of a sketch data set are called, with {ending}, and how long they were published.

    counts: split -> part -> numbers of sketches and of photos.
    """

    names: Names
    sketches: str
    photos: str
    counts: Mapping[str, Mapping[Part, Mapping[str, int]]]

    def read(self, folder: Path, lists: str, part: Part) -> PictureTable:
        """What the lists in FOLDER/LISTS/ name: sketches and photos of the seen or the unseen classes, or the sketches
        of seen classes that were held out. Says which split it should be and where it differs.
        """
        place, ending = folder / lists, ENDINGS[part]
        parts = [listed(place / self.sketches.format(ending=ending), folder, SKETCH, self.names)]
        if part != "held-out":  # no photos were
            parts.append(listed(place / self.photos.format(ending=ending), folder, PHOTO, self.names))
        whole = concatenate(parts)
        return whole.with_problems(*self._odd(whole, lists, part))

    def _odd(self, table: PictureTable, lists: str, part: Part) -> list[str]:
        labels = set(table.labels)
        for name, published in self.counts.items():
            if labels == set(SPLITS[name].unseen if part == "unseen" else SPLITS[name].seen):
                held = Counter({SKETCH: "sketches", PHOTO: "photos"}[row.domain] for row in table)
                return odd_totals(held, published.get(part, {}))
        return [
            f"The {len(labels)} {part} classes in {lists} are those of no published split ({', '.join(self.counts)})."
        ]


def _lines(listing: Path) -> list[tuple[int, str]]:
    """The lines that are not empty, with their numbers from 1."""
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The list {listing} cannot be read. It is published apart from the pictures: fetch it."
        ) from error
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
