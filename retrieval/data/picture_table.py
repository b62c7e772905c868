"""The one table of pictures, for training and for evaluation: a row for each picture, and columns of what is known.

A table never changes: `select`, `where` and `with_columns` make others, which share its pictures. Pixels come from
`pictures`, when they are asked for; `in_memory` decodes them once. Batches are drawn by `sampler`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor

from retrieval.data.pictures import ArrayPicture, Picture, Pixels
from retrieval.errors import DataError
from retrieval.types import Domain, Region

Column = tuple[str, ...]
UNKNOWN: dict[str, Any] = {  # column -> what stands in it where nothing is known
    "ids": "",
    "domains": "",
    "labels": "",
    "instances": "",
    "colors": "",
    "media": "",
    "words": frozenset(),
    "splits": "",
    "captions": (),
    "regions": (),
}


@dataclass(frozen=True)
class Row:
    """One picture and what is known of it; "" or nothing where that is unknown."""

    picture: Picture
    id: str
    domain: Domain
    label: str = ""
    instance: str = ""  # the very object that is shown, where other pictures show it too
    color: str = ""  # the word for its main colour
    medium: str = ""  # how its style is spoken of, if not by its domain's name
    words: frozenset[str] = frozenset()  # what else it may be called: a name, keywords
    split: str = ""  # train, val or test
    captions: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()

    @property
    def style(self) -> str:
        """The word for its style."""
        return self.medium or self.domain.name


class PictureTable:
    """Pictures in order, with columns of N entries each. A single string stands for a column of it.

    Without `labels` the table is unlabelled, and whoever asks for a label gets an error. `problems`: what is wrong with
    this copy of the data, in sentences.
    """

    def __init__(
        self,
        pictures: Iterable[Picture],
        domains: str | Sequence[str],
        *,
        labels: str | Sequence[str] | None = None,
        ids: Sequence[str] = (),
        instances: Sequence[str] = (),
        colors: Sequence[str] = (),
        media: str | Sequence[str] = (),
        words: Sequence[frozenset[str]] = (),
        splits: str | Sequence[str] = (),
        captions: Sequence[tuple[str, ...]] = (),
        regions: Sequence[tuple[Region, ...]] = (),
        problems: Sequence[str] = (),
    ) -> None:
        self.pictures = tuple(pictures)
        self.problems = tuple(problems)
        self.is_labelled = labels is not None
        given = {
            "ids": ids or [str(number) for number in range(len(self.pictures))],
            "domains": domains,
            "labels": "" if labels is None else labels,
            "instances": instances,
            "colors": colors,
            "media": media,
            "words": words,
            "splits": splits,
            "captions": captions,
            "regions": regions,
        }
        self._columns = {name: self._filled(name, values) for name, values in given.items()}

    def _filled(self, name: str, values: Sequence[Any]) -> tuple[Any, ...]:
        count = len(self.pictures)
        if not values and name not in ("domains", "labels"):
            return (UNKNOWN[name],) * count
        column = (values,) * count if isinstance(values, str) else tuple(values)
        if len(column) != count:
            raise ValueError(f"{count} pictures, but {len(column)} {name}. Give each picture one.")
        return column

    # ---------------------------------------------------------------- columns, (N,) each

    @property
    def ids(self) -> Column:
        """The name of each picture, unique in its source."""
        return self._columns["ids"]

    @property
    def domains(self) -> Column:
        """The name of each picture's domain."""
        return self._columns["domains"]

    @property
    def labels(self) -> Column:
        """The class that each picture shows, "" where nobody knows. Raises DataError for an unlabelled table."""
        if not self.is_labelled:
            raise DataError("These pictures have no labels. Use a table that is labelled.")
        return self._columns["labels"]

    @property
    def instances(self) -> Column:
        """The very object that each picture shows, "" where nobody knows."""
        return self._columns["instances"]

    @property
    def colors(self) -> Column:
        """The word for each picture's main colour, "" where nobody knows."""
        return self._columns["colors"]

    @property
    def words(self) -> tuple[frozenset[str], ...]:
        """What else each picture may be called."""
        return self._columns["words"]

    @property
    def splits(self) -> Column:
        """train, val or test."""
        return self._columns["splits"]

    @property
    def captions(self) -> tuple[tuple[str, ...], ...]:
        """The sentences that were written about each picture."""
        return self._columns["captions"]

    @property
    def regions(self) -> tuple[tuple[Region, ...], ...]:
        """The parts of each picture that have a box and a phrase."""
        return self._columns["regions"]

    # ---------------------------------------------------------------- rows

    def __len__(self) -> int:
        return len(self.pictures)

    @overload
    def __getitem__(self, at: int) -> Row: ...
    @overload
    def __getitem__(self, at: slice) -> PictureTable: ...
    def __getitem__(self, at: int | slice) -> Row | PictureTable:
        if isinstance(at, slice):
            return self.select(range(len(self))[at])
        ids, domains, *others = (column[at] for column in self._columns.values())
        return Row(self.pictures[at], ids, Domain(domains), *others)

    def __iter__(self) -> Iterator[Row]:
        return (self[number] for number in range(len(self)))

    def select(self, rows: Iterable[int]) -> PictureTable:
        """The rows of these numbers, in that order."""
        chosen = list(rows)
        columns = {name: tuple(column[row] for row in chosen) for name, column in self._columns.items()}
        return self._like([self.pictures[row] for row in chosen], columns)

    def where(
        self,
        condition: Callable[[Row], bool] | None = None,
        *,
        domain: Domain | None = None,
        labels: Collection[str] | None = None,
        split: str | None = None,
    ) -> PictureTable:
        """The rows of a domain, of some labels, of a split, and of which a condition is true."""
        rows: Iterable[int] = range(len(self))
        if domain is not None:
            rows = [row for row in rows if self.domains[row] == domain.name]
        if labels is not None:
            rows = [row for row in rows if self.labels[row] in labels]
        if split is not None:
            rows = [row for row in rows if self.splits[row] == split]
        return self.select(row for row in rows if condition is None or condition(self[row]))

    def rows_by(self, column: str) -> dict[str, list[int]]:
        """The numbers of the rows by what stands in a column, sorted; rows of which nothing is known are left out."""
        rows: dict[str, list[int]] = {}
        for row, value in enumerate(self._columns[column]):
            if value:
                rows.setdefault(value, []).append(row)
        return dict(sorted(rows.items()))

    # ---------------------------------------------------------------- other tables

    def with_columns(self, **columns: str | Sequence[Any]) -> PictureTable:
        """The same pictures with some columns replaced."""
        filled = {name: self._filled(name, values) for name, values in columns.items()}
        return self._like(self.pictures, self._columns | filled, is_labelled=self.is_labelled or "labels" in columns)

    def with_problems(self, *problems: str) -> PictureTable:
        """The same pictures with these problems more."""
        table = self._like(self.pictures, self._columns)
        table.problems = (*self.problems, *problems)
        return table

    def without_labels(self) -> PictureTable:
        """The same pictures, of which only the domain is known: ids are "photo-0", "photo-1" and so on."""
        counts: dict[str, int] = {}
        ids = []
        for domain in self.domains:
            counts[domain] = counts.get(domain, -1) + 1
            ids.append(f"{domain}-{counts[domain]}")
        return PictureTable(self.pictures, self.domains, ids=ids, problems=self.problems)

    def in_memory(self, size: int | None = None) -> PictureTable:
        """The same rows with pixels decoded once, on squares of `size` pixels; None: at their own size, which must be
        one.
        """
        if not len(self):
            return self
        return self._like([ArrayPicture(array) for array in self.pixels(size=size)], self._columns)

    def _like(
        self, pictures: Sequence[Picture], columns: dict[str, tuple[Any, ...]], *, is_labelled: bool | None = None
    ) -> PictureTable:
        table = object.__new__(PictureTable)
        table.pictures, table.problems, table._columns = tuple(pictures), self.problems, columns
        table.is_labelled = self.is_labelled if is_labelled is None else is_labelled
        return table

    # ---------------------------------------------------------------- pixels

    def pixels(self, rows: Sequence[int] | slice = slice(None), size: int | None = None) -> Pixels:
        """Some of the pictures, in memory.   -> (B, H, W, 3) RGB

        Raises DataError where no size is given and they differ in theirs.
        """
        numbers = range(len(self))[rows] if isinstance(rows, slice) else rows
        if not numbers:
            return np.zeros((0, size or 0, size or 0, 3), np.uint8)
        first = self.pictures[numbers[0]].pixels(size)
        stacked = np.empty((len(numbers), *first.shape), np.uint8)
        for place, number in enumerate(numbers):
            pixels = self.pictures[number].pixels(size)
            if pixels.shape != first.shape:
                shapes = " and ".join(f"{p.shape[1]} x {p.shape[0]}" for p in (first, pixels))
                raise DataError(f"The pictures differ in size ({shapes}), so no array holds them. Name a size.")
            stacked[place] = pixels
        return stacked

    def tensor(self, rows: Sequence[int] | slice = slice(None), size: int | None = None) -> Tensor:
        """Some of the pictures.   -> (B, 3, H, W) in [-1, 1]"""
        return torch.from_numpy(self.pixels(rows, size)).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def concatenate(tables: Sequence[PictureTable]) -> PictureTable:
    """All rows and all problems of several tables: either all are labelled or none is."""
    if not tables:
        return PictureTable((), (), labels=())
    if len({table.is_labelled for table in tables}) != 1:
        raise ValueError(f"{len(tables)} tables, some of them labelled. Give all of one kind.")
    columns = {name: tuple(v for table in tables for v in table._columns[name]) for name in UNKNOWN}
    whole = tables[0]._like([picture for table in tables for picture in table.pictures], columns)
    return whole.with_problems(*(problem for table in tables[1:] for problem in table.problems))
