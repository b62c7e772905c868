"""The one sampler: training batches drawn from tables of pictures, each batch a function of (seed, epoch, step).

Which rows stand in a batch is decided here; how a picture is varied is `pictures`' business, what is said of it
`wording`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from retrieval.data.augment import normalised
from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable, Row, concatenate
from retrieval.data.pictures import ArrayPicture, View, unvaried, varied
from retrieval.data.wording import Wording, captions, no_words
from retrieval.errors import DataError
from retrieval.images import Preprocess
from retrieval.types import Domain

Place = tuple[int, int]  # a portion and a row of its table


@dataclass(frozen=True)
class Portion:
    """Pictures, and the share of every batch that comes from them."""

    table: PictureTable
    share: float

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of its domains, in the order in which they first occur."""
        return tuple(dict.fromkeys(self.table.domains))


class Sampler:
    """An endless supply of batches, cut into epochs of `steps`.

    Pictures come in groups of `group` of one class: the first by the portions' shares and evenly from their classes,
    the second, where it can be, of the very same instance in another portion, the others from whichever portions show
    that class. So a batch holds the same object, and the same class, in several domains. From an unlabelled portion any
    picture may come.

    exact: every batch has the first of its groups exactly by the shares, and not only on average. labelled: whether
    batches carry labels, which are places in `classes` (None: in all that are shown, sorted). workers: processes that
    make batches ahead; 0: they are made when they are asked for. Never by a thread of this process, which would share
    torch's generator with the step that trains, and nothing could be repeated.
    """

    def __init__(
        self,
        portions: Sequence[Portion],
        preprocess: Preprocess,
        *,
        batch: int = 128,
        steps: int = 100,
        group: int = 1,
        exact: bool = False,
        workers: int = 0,
        view: View = varied,
        wording: Wording = captions,
        labelled: bool = True,
        classes: Sequence[str] | None = None,
    ) -> None:
        for number, portion in enumerate(portions):
            if not len(portion.table):
                raise DataError(f"Portion {number} of {len(portions)} holds no pictures. Leave it out, or fill it.")
            if labelled and not portion.table.is_labelled:
                raise DataError(f"Portion {number} of {len(portions)} is unlabelled. Ask for batches without labels.")
        self.portions = tuple(portions)
        self.preprocess = preprocess
        self._batch, self._steps, self._group = batch, steps, group
        self._exact, self._workers = exact, workers
        self._view, self._wording, self._labelled = view, wording, labelled
        self._by_label = [_by_label(portion.table) for portion in portions]
        self._by_instance = [portion.table.rows_by("instances") for portion in portions]
        shown = {label for rows in self._by_label for label in rows if label}
        self.classes = tuple(sorted(shown) if classes is None else classes)

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        if self._workers:
            steps = _Epoch(self, seed, epoch)
            yield from DataLoader(steps, None, num_workers=self._workers, generator=torch.Generator())
            return
        for step in range(self._steps):
            yield self.batch(seed, epoch, step)

    def batch(self, seed: int, epoch: int, step: int) -> Batch:
        """One batch of an epoch."""
        rng = np.random.default_rng([seed, epoch, step])
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.integers(2**31)))
            rows: list[Row] = []
            images: list[Tensor] = []
            for group in self._groups(seed, epoch, step, rng):
                shown = [self.portions[which].table[at] for which, at in group]
                images += [self._view(row.picture, self.preprocess.size, rng) for row in shown]
                rows += shown
        return self._batch_of(rows[: self._batch], images[: self._batch], rng)

    def _batch_of(self, rows: Sequence[Row], images: Sequence[Tensor], rng: np.random.Generator) -> Batch:
        texts, holds = self._wording(rows, rng)
        labels = torch.tensor([self.classes.index(row.label) for row in rows]) if self._labelled else None
        return Batch(
            images=normalised(torch.stack(list(images)), self.preprocess.mean, self.preprocess.std),
            domains=[row.domain for row in rows],
            labels=labels,
            texts=texts,
            holds=holds,
            instances=[row.instance for row in rows],
        )

    # ---------------------------------------------------------------- which rows

    def _groups(self, seed: int, epoch: int, step: int, rng: np.random.Generator) -> Iterator[list[Place]]:
        """The groups of one batch, each drawn when it is asked for."""
        for begin in range(0, self._batch, self._group):
            yield self._alike(begin, rng)

    def _alike(self, begin: int, rng: np.random.Generator) -> list[Place]:
        """One group, which begins at that place of the batch: pictures of one class."""
        shares = np.array([portion.share for portion in self.portions])
        if self._exact:
            first = int(np.searchsorted(shares.cumsum() / shares.sum(), (begin + 0.5) / self._batch))
        else:
            first = int(rng.choice(len(shares), p=shares / shares.sum()))
        labels = list(self._by_label[first])
        label = labels[int(rng.integers(len(labels)))]
        row = _any(self._by_label[first][label], rng)
        group = [(first, row), *self._twin(first, row, rng)]
        having = shares * [label in rows for rows in self._by_label]
        more = map(int, rng.choice(len(shares), self._group - 1, p=having / having.sum()))
        group += [(which, _any(self._by_label[which][label], rng)) for which in more]
        return group[: self._group]

    def _twin(self, which: int, row: int, rng: np.random.Generator) -> list[Place]:
        """The same instance in another portion, or nothing."""
        instance = self.portions[which].table.instances[row]
        others = [i for i, rows in enumerate(self._by_instance) if i != which and instance in rows]
        if not instance or not others:
            return []
        other = _any(others, rng)
        return [(other, _any(self._by_instance[other][instance], rng))]


class EachOnce(Sampler):
    """Batches of unlabelled pictures, unvaried: as many of one portion as of any other, in no order; an epoch has about
    every picture once, if `steps` is None. `Batch.instances` are the pictures' ids.

    Raises DataError for pictures in memory of another size than is read: made smaller they would look different.
    """

    def __init__(
        self, tables: Sequence[PictureTable], preprocess: Preprocess, *, batch: int, steps: int | None = None
    ) -> None:
        for table in tables:
            _check_size(table, preprocess.size)
        named = [table.without_labels() if table.is_labelled else table for table in tables]
        named = [table.with_columns(instances=table.ids) for table in named]
        super().__init__(
            [Portion(table, 1.0) for table in named],
            preprocess,
            batch=batch,
            steps=steps or max(1, round(sum(map(len, named)) / batch)),
            view=unvaried,
            wording=no_words,
            labelled=False,
        )
        self.table = concatenate(named)
        self._plan = lru_cache(maxsize=1)(self._planned)

    @property
    def domains(self) -> list[Domain]:
        """The domain of each row of `table`."""
        return [row.domain for row in self.table]

    def whole(self, batch: int = 128) -> Iterator[Batch]:
        """Every picture once, in the order of `table`."""
        rng = np.random.default_rng(0)  # asked for, but nothing is varied
        for start in range(0, len(self.table), batch):
            rows = list(self.table[start : start + batch])
            yield self._batch_of(rows, [unvaried(row.picture, self.preprocess.size, rng) for row in rows], rng)

    def _groups(self, seed: int, epoch: int, step: int, rng: np.random.Generator) -> Iterator[list[Place]]:
        yield self._plan(seed, epoch)[step]

    def _planned(self, seed: int, epoch: int) -> list[list[Place]]:
        """The rows of every batch of an epoch: each portion in an order of its own, over and over."""
        rng = np.random.default_rng([seed, epoch])
        counts = self._counts(rng)
        orders = [
            _order(len(portion.table), int(many.sum()), rng)
            for portion, many in zip(self.portions, counts, strict=True)
        ]
        starts = np.concatenate([np.zeros((len(counts), 1), int), counts.cumsum(axis=1)], axis=1)  # (P, steps + 1)
        plan = []
        for step in range(self._steps):
            rows = [
                (which, int(row))
                for which, order in enumerate(orders)
                for row in order[starts[which, step] : starts[which, step + 1]]
            ]
            plan.append([rows[place] for place in rng.permutation(len(rows))])
        return plan

    def _counts(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """How many pictures of each portion stand in each batch.   -> (P, steps)"""
        many = len(self.portions)
        counts = np.full((many, self._steps), self._batch // many)
        for step in range(self._steps):
            counts[rng.permutation(many)[: self._batch % many], step] += 1
        return counts


class _Epoch(Dataset[Batch]):
    """The batches of one epoch by their position, so that processes can share the work."""

    def __init__(self, sampler: Sampler, seed: int, epoch: int) -> None:
        self._sampler, self._seed, self._epoch = sampler, seed, epoch

    def __len__(self) -> int:
        return len(self._sampler)

    def __getitem__(self, step: int) -> Batch:
        return self._sampler.batch(self._seed, self._epoch, step)


def _by_label(table: PictureTable) -> dict[str, list[int]]:
    """The rows of each label; all rows under "" where the table is unlabelled."""
    return table.rows_by("labels") if table.is_labelled else {"": list(range(len(table)))}


def _any(values: Sequence[int], rng: np.random.Generator) -> int:
    return values[int(rng.integers(len(values)))]


def _order(count: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """At least as many rows as wanted: all of them, shuffled, again and again."""
    rounds = -(-wanted // count)
    return np.concatenate([rng.permutation(count) for _ in range(rounds)])


def _check_size(table: PictureTable, size: int) -> None:
    sides = sorted({side for p in table.pictures if isinstance(p, ArrayPicture) for side in p.array.shape[:2]})
    if sides not in ([], [size]):
        raise DataError(
            f"The pictures have {', '.join(map(str, sides))} pixels a side, but {size} are read. Render them at that "
            "size."
        )
