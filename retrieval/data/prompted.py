"""Pictures with prompts, for a prior: what stands in the picture, said in one fixed sentence, parts of it left out by
chance, so that the prior also knows what a style is without a thing, and a thing without a style.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from retrieval.data.augment import normalised
from retrieval.diffusion.prompts import EMPTY, prompt
from retrieval.images import Preprocess
from retrieval.methods.base import Batch
from retrieval.types import Domain


@dataclass(frozen=True)
class Shelf:
    """Pictures of one style; `colors` are "" where none is told."""

    style: str  # the word for it
    pictures: npt.NDArray[np.uint8]  # (N, size, size, 3) RGB
    labels: Sequence[str]  # (N,)
    colors: Sequence[str]  # (N,)
    share: float  # of all batches


@dataclass(frozen=True)
class Said:
    """How often what is left out of a prompt."""

    nothing: float = 0.1  # everything
    no_style: float = 0.1
    no_thing: float = 0.1
    color: float = 0.4  # of the others, where a colour is known, how many tell it


class Prompted:
    """An endless supply of pictures and prompts, cut into epochs: every batch a function of (seed, epoch, position).

    Styles come by their shares, the labels of a style evenly; half of the pictures are mirrored.
    """

    def __init__(
        self, shelves: Sequence[Shelf], preprocess: Preprocess, *, batch: int, steps: int, said: Said | None = None
    ) -> None:
        self._shelves = shelves
        self._preprocess = preprocess
        self._batch = batch
        self._steps = steps
        self._said = said or Said()
        self._rows = [_by_label(shelf.labels) for shelf in shelves]

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for step in range(self._steps):
            yield self._made(np.random.default_rng([seed, epoch, step]))

    def _made(self, rng: np.random.Generator) -> Batch:
        shares = np.array([shelf.share for shelf in self._shelves])
        pictures, texts, domains = [], [], []
        for which in rng.choice(len(shares), self._batch, p=shares / shares.sum()):
            shelf, rows = self._shelves[which], self._rows[which]
            label = list(rows)[int(rng.integers(len(rows)))]
            row = rows[label][int(rng.integers(len(rows[label])))]
            picture = shelf.pictures[row]
            pictures.append(picture[:, ::-1] if rng.random() < 0.5 else picture)
            texts.append(self._sentence(shelf.style, label, shelf.colors[row], rng))
            domains.append(Domain(shelf.style))
        images = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)  # (B, 3, H, W)
        return Batch(
            images=normalised(images, self._preprocess.mean, self._preprocess.std),
            domains=domains,
            labels=None,
            texts=texts,
            holds=torch.eye(len(texts), dtype=torch.bool),
        )

    def _sentence(self, style: str, label: str, color: str, rng: np.random.Generator) -> str:
        said, drawn = self._said, rng.random()
        if drawn < said.nothing:
            return EMPTY
        if drawn < said.nothing + said.no_thing:
            return prompt(style)
        told = color if color and rng.random() < said.color else None
        return prompt(None if drawn < said.nothing + said.no_thing + said.no_style else style, label, told)


def _by_label(labels: Sequence[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        rows.setdefault(label, []).append(row)
    return rows
