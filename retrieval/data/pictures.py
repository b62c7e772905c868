"""One picture of a table: a file, the bytes of one, an array, or a drawing as vectors. Pictures are values: two that
are equal show the same pixels.
"""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from retrieval.data.augment import VariedPicture, varied_drawing
from retrieval.images import OWNER, Strokes, flatten, open_image, rasterise, squared

Pixels = npt.NDArray[np.uint8]
SHIFT = 3  # pixels by which a drawing of 64 is moved at most: it is never centred quite like another


class Picture(ABC):
    """Pixels that are made when they are asked for."""

    @abstractmethod
    def open(self) -> Image.Image:
        """The picture as 8-bit RGB, transparent pixels on white, at its own size."""

    def pixels(self, size: int | None = None) -> Pixels:
        """The whole picture on a square of `size` pixels; None: as it is.   -> (H, W, 3) RGB"""
        image = self.open()
        return np.asarray(image if size is None else squared(image, size), np.uint8)

    def view(self, size: int, rng: np.random.Generator) -> Tensor:
        """A varied view, random from `rng` and from torch's generator.   -> uint8 (3, size, size)"""
        image = self.open()
        side = min(size * 8 // 7, max(image.size))  # 256 for 224: a part of it is shown; never enlarged
        return _varied(size)(_channels_first(np.array(squared(image, side))))


@dataclass(frozen=True)
class PictureFile(Picture):
    """A file, opened each time: too many can be listed to be held."""

    path: Path

    def open(self) -> Image.Image:
        """Raises UnreadableImage for a file that cannot be shown."""
        return open_image(self.path, OWNER)


@dataclass(frozen=True)
class EncodedPicture(Picture):
    """The bytes of a PNG, JPEG or WebP file."""

    encoded: bytes

    def open(self) -> Image.Image:
        with Image.open(io.BytesIO(self.encoded)) as image:
            return flatten(image)


@dataclass(frozen=True, eq=False)
class ArrayPicture(Picture):
    """Pixels in memory: (H, W, 3) uint8 RGB, never written to."""

    array: Pixels

    def open(self) -> Image.Image:
        return Image.fromarray(self.array)

    def pixels(self, size: int | None = None) -> Pixels:
        if size is None or self.array.shape[:2] == (size, size):
            return self.array
        return super().pixels(size)

    def view(self, size: int, rng: np.random.Generator) -> Tensor:
        return _varied(size)(_channels_first(self.array))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ArrayPicture) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        return hash((self.array.shape, self.array.tobytes()))


@dataclass(frozen=True)
class StrokePicture(Picture):
    """A drawing as lines of a pen: each view is drawn anew by a slightly different hand."""

    strokes: Strokes

    def open(self) -> Image.Image:
        return rasterise(self.strokes)

    def pixels(self, size: int | None = None) -> Pixels:
        return np.asarray(self.open() if size is None else rasterise(self.strokes, size), np.uint8)

    def view(self, size: int, rng: np.random.Generator) -> Tensor:
        drawn = np.asarray(rasterise(varied_drawing(self.strokes, rng), size))
        most = max(1, round(SHIFT * size / 64))
        return _channels_first(np.roll(drawn, rng.integers(-most, most + 1, 2), (0, 1)))


View = Callable[[Picture, int, np.random.Generator], Tensor]  # picture, size -> uint8 (3, size, size)


def varied(picture: Picture, size: int, rng: np.random.Generator) -> Tensor:
    """Another view each time it is asked for: drawings vary as vectors, the others as pixels."""
    return picture.view(size, rng)


def mirrored(picture: Picture, size: int, rng: np.random.Generator) -> Tensor:
    """The whole picture, every second time mirrored."""
    pixels = picture.pixels(size)
    return _channels_first(np.array(pixels[:, ::-1] if rng.random() < 0.5 else pixels))


@lru_cache
def _varied(size: int) -> VariedPicture:
    return VariedPicture(size)


def _channels_first(pixels: Pixels) -> Tensor:
    """(H, W, 3) -> (3, H, W)"""
    return torch.from_numpy(pixels if pixels.flags.writeable else pixels.copy()).permute(2, 0, 1)
