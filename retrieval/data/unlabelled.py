"""Pictures of several domains, of which nobody says what they show: all that an unsupervised method may see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from retrieval.data.augment import normalised
from retrieval.errors import DataError
from retrieval.images import Preprocess
from retrieval.methods.base import Batch
from retrieval.types import Domain


@dataclass(frozen=True)
class Collection:
    """The pictures of one domain, each with a name of its own, which says nothing."""

    domain: Domain
    names: Sequence[str]  # (N,)
    pictures: npt.NDArray[np.uint8]  # (N, size, size, 3) RGB


class Unlabelled:
    """An endless supply of batches without labels, cut into epochs: every batch a function of (seed, epoch, position).

    A batch has as many pictures of one domain as of any other, in no order; its `things` are their names. An epoch has
    about every picture once, if `steps` is None.
    """

    def __init__(
        self, collections: Sequence[Collection], preprocess: Preprocess, *, batch: int, steps: int | None = None
    ) -> None:
        sides = {collection.pictures.shape[1] for collection in collections}
        if sides != {preprocess.size}:
            raise DataError(
                f"The pictures have {', '.join(map(str, sorted(sides)))} pixels a side, but {preprocess.size} are "
                "read. Render them at that size."
            )
        self._collections = collections
        self._preprocess = preprocess
        self._batch = batch
        self._steps = steps or max(1, round(sum(len(c.names) for c in collections) / batch))

    def __len__(self) -> int:
        return self._steps

    @property
    def names(self) -> list[str]:
        """Of all pictures, collection by collection."""
        return [name for collection in self._collections for name in collection.names]

    @property
    def domains(self) -> list[Domain]:
        """Of all pictures, in the order of their names."""
        return [collection.domain for collection in self._collections for _ in collection.names]

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch: each collection in an order of its own, over and over."""
        rng = np.random.default_rng([seed, epoch])
        counts = self._counts(rng)
        orders = [
            self._order(len(c.names), int(many.sum()), rng) for c, many in zip(self._collections, counts, strict=True)
        ]
        starts = np.concatenate([np.zeros((len(counts), 1), int), counts.cumsum(axis=1)], axis=1)  # (D, steps + 1)
        for step in range(self._steps):
            rows = [
                (which, row)
                for which, order in enumerate(orders)
                for row in order[starts[which, step] : starts[which, step + 1]]
            ]
            yield self._made([rows[place] for place in rng.permutation(len(rows))])

    def whole(self, batch: int = 128) -> Iterator[Batch]:
        """Every picture once, in the order of the names."""
        rows = [(which, row) for which, c in enumerate(self._collections) for row in range(len(c.names))]
        for start in range(0, len(rows), batch):
            yield self._made(rows[start : start + batch])

    def _counts(self, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """How many pictures of each collection stand in each batch.   -> (D, steps)"""
        many = len(self._collections)
        counts = np.full((many, self._steps), self._batch // many)
        for step in range(self._steps):
            counts[rng.permutation(many)[: self._batch % many], step] += 1
        return counts

    @staticmethod
    def _order(count: int, wanted: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """At least as many rows as wanted: all of them, shuffled, again and again."""
        rounds = -(-wanted // count)
        return np.concatenate([rng.permutation(count) for _ in range(rounds)])

    def _made(self, rows: Sequence[tuple[int, int]]) -> Batch:
        pictures = np.stack([self._collections[which].pictures[row] for which, row in rows])
        images = torch.from_numpy(pictures).permute(0, 3, 1, 2)  # (B, 3, H, W)
        return Batch(
            images=normalised(images, self._preprocess.mean, self._preprocess.std),
            domains=[self._collections[which].domain for which, _ in rows],
            labels=None,
            texts=(),
            holds=torch.zeros(len(rows), 0, dtype=torch.bool),
            things=[str(self._collections[which].names[row]) for which, row in rows],
        )
