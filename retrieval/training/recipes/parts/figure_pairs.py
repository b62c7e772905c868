"""Figures and captions for a prior: latents of each picture and of its mirror image, and states of each caption, which
frozen networks have made once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import EMPTY
from retrieval.methods.dad import DROPPED
from retrieval.types import Domain

CHUNK = 64


@dataclass(frozen=True)
class FigureBatch(Batch):
    """`images` are latents (B, C, h, w), `states` (B, L, W) those of a caption of each."""

    states: Tensor | None = None


@dataclass(frozen=True)
class FigurePairs:
    """N pictures and their T captions."""

    latents: Tensor  # (N, 2, C, h, w), the second of the mirror image
    states: Tensor  # (T, L, W) in half precision
    captions: Tensor  # (N, K) rows of `states`
    empty: Tensor  # (L, W) of no words

    def batch(self, rows: Tensor, random: torch.Generator) -> FigureBatch:
        """Those pictures (B,), each with a random caption of its own; in one of ten no words are read."""
        count = len(rows)
        side, which = (torch.randint(n, (count,), generator=random) for n in (2, self.captions.shape[1]))
        states = self.states[self.captions[rows, which]].float()
        unread = torch.rand(count, generator=random) < DROPPED
        return FigureBatch(
            images=self.latents[rows, side],
            domains=[Domain("")] * count,
            labels=None,
            texts=(),
            holds=torch.zeros(count, 0, dtype=torch.bool),
            states=torch.where(unread[:, None, None], self.empty, states),
        )


@dataclass(frozen=True)
class FigureBatches:
    """`steps` batches in an epoch, each of different pictures."""

    pairs: FigurePairs
    size: int
    steps: int

    def __len__(self) -> int:
        return self.steps

    def epoch(self, seed: int, epoch: int) -> Iterator[FigureBatch]:
        """The batches of one epoch, which depend on its seed alone."""
        random = torch.Generator().manual_seed(seed)
        for _ in range(self.steps):
            rows = torch.randperm(len(self.pairs.latents), generator=random)[: self.size]
            yield self.pairs.batch(rows, random)


@torch.no_grad()
def gather_figures(prior: Prior, table: PictureTable) -> FigurePairs:
    """The pairs of upright pictures of one size, all with as many captions."""
    encoded = []
    for first in range(0, len(table), CHUNK):
        pictures = table.tensor(range(first, min(first + CHUNK, len(table))))
        encoded.append(torch.stack([prior.latents.encode(view) for view in (pictures, pictures.flip(-1))], dim=1))
    texts = [text for row in table.captions for text in row]
    states = [prior.reader(texts[first : first + CHUNK]).half() for first in range(0, len(texts), CHUNK)]
    rows = torch.arange(len(texts)).view(len(table), -1)
    return FigurePairs(torch.cat(encoded), torch.cat(states), rows, prior.reader([EMPTY])[0])
