"""Real pictures as training examples: files that are opened when their turn comes, and the photographs of packs (see
`stored`), with a concept and a split for each.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.data.augment import VariedPicture
from retrieval.data.batches import Example
from retrieval.data.stored import stored
from retrieval.images import open_image, squared
from retrieval.types import Domain, Item


@dataclass(frozen=True)
class Labelled:
    """Pictures of one size, row by row: what each shows, and in which split it is."""

    pictures: npt.NDArray[np.uint8]  # (N, size, size, 3) RGB
    labels: tuple[str, ...]  # (N,)
    splits: tuple[str, ...]  # (N,): train, val or test

    def of(self, split: str) -> Labelled:
        """The rows of one split."""
        return self._rows([i for i, name in enumerate(self.splits) if name == split])

    def only(self, labels: Collection[str]) -> Labelled:
        """The rows with one of the labels."""
        return self._rows([i for i, name in enumerate(self.labels) if name in labels])

    def _rows(self, rows: Sequence[int]) -> Labelled:
        return Labelled(
            self.pictures[list(rows)], tuple(self.labels[i] for i in rows), tuple(self.splits[i] for i in rows)
        )


def read_pack(folder: Path, domain: str, labels: Collection[str] | None, size: int) -> Labelled:
    """The pack's pictures of the labels in a domain, `size` pixels a side; None: of everything that has a concept.
    Labels without pictures are left out.

    Raises DataError when the folder holds no such pack.
    """
    rows = [row for row in stored(folder, (domain,)) if row.concept and (labels is None or row.concept in labels)]
    pictures = np.zeros((len(rows), size, size, 3), np.uint8)
    for place, row in enumerate(rows):
        pictures[place] = row.squared(size)
    return Labelled(pictures, tuple(row.concept for row in rows), tuple(row.told["split"] for row in rows))


def joined(parts: Sequence[Labelled]) -> Labelled:
    """All rows of several packs."""
    return Labelled(
        np.concatenate([part.pictures for part in parts]),
        tuple(label for part in parts for label in part.labels),
        tuple(split for part in parts for split in part.splits),
    )


class Pictures:
    """Labelled pictures of one domain as a source of training examples."""

    def __init__(self, found: Labelled, domain: Domain, size: int) -> None:
        self.examples = [Example(label, domain) for label in found.labels]
        self._pixels = torch.from_numpy(found.pictures).permute(0, 3, 1, 2)  # (N, 3, H, W)
        self._varied = VariedPicture(size)

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        return self._varied(self._pixels[index])


class Files:
    """Labelled files as a source of training examples: too many to be held, so each is opened when it is drawn."""

    def __init__(self, items: Sequence[Item], size: int) -> None:
        self.examples = [Example(item.label or "", item.domain) for item in items]
        self._paths = [item.path for item in items]
        self._opened = size * 8 // 7  # pixels of what is cropped: 256 for 224
        self._varied = VariedPicture(size)

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        pixels = np.array(squared(open_image(self._paths[index]), self._opened))  # (H, W, 3)
        return self._varied(torch.from_numpy(pixels).permute(2, 0, 1))
