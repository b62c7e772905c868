"""Real pictures on disk: files that are opened when their turn comes, and packs, photographs of many sources with a
concept and a split for each.

A pack is a folder with one `DOMAIN.npz` per domain (`blob`, the encoded images back to back, and `offs` (N + 1,)) and
`metadata.csv` (id, domain, idx, concept, split, note, ...). Packs are not part of the project: see `packs`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from retrieval.data.augment import VariedPicture
from retrieval.data.batches import Example
from retrieval.data.concepts import spoken
from retrieval.errors import DataError
from retrieval.images import flatten, open_image, squared
from retrieval.types import Domain, Item

RESERVED = "leak=reserved"  # rows with this note are never used


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
    try:
        with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["domain"] == domain and RESERVED not in row["note"]]
    except OSError as error:
        raise DataError(
            f"There is no pack of {domain} pictures in {folder} ({error.strerror}). Set GUISE_DATA to the folder of "
            "packs."
        ) from error
    known = {spoken(row["concept"]) for row in rows if row["concept"]}
    wanted = [row for row in rows if spoken(row["concept"]) in (known if labels is None else known & set(labels))]
    pictures = decoded(folder / f"{domain}.npz", [int(row["idx"]) for row in wanted], size)
    return Labelled(pictures, tuple(spoken(row["concept"]) for row in wanted), tuple(row["split"] for row in wanted))


def decoded(file: Path, places: Sequence[int], size: int) -> npt.NDArray[np.uint8]:
    """The pictures at these places of a pack's file, on white, `size` pixels a side.   -> (N, size, size, 3) RGB"""
    try:
        with np.load(file) as arrays:
            blob, offsets = arrays["blob"], arrays["offs"]
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror}). Set GUISE_DATA to the folder of packs.") from error
    pictures = np.zeros((len(places), size, size, 3), np.uint8)
    for row, place in enumerate(places):
        with Image.open(io.BytesIO(blob[offsets[place] : offsets[place + 1]].tobytes())) as image:
            pictures[row] = np.asarray(squared(flatten(image), size))
    return pictures


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
