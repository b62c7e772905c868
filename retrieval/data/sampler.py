"""The one sampler: training batches drawn from tables of pictures, each batch a function of (seed, epoch, step).

Which rows stand in a batch is decided here; how a picture is varied is `pictures`' business, what is said of it
`wording`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from retrieval.data.augment import normalised
from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable, Row
from retrieval.data.pictures import View, varied
from retrieval.data.wording import Wording, captions
from retrieval.errors import DataError
from retrieval.images import Preprocess

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
