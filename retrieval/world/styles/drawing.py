"""What a style returns, and the few things that every style does: resize, and put ink on paper without jagged edges."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from retrieval.world.render import Buffers

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Stroke = tuple[
    Array, Array
]  # points (N, 2) in [0, 1], x right, y down; width at each point (N,), fraction of the picture


@dataclass(frozen=True)
class Drawing:
    """A finished picture (RGB), the style's own choices and, for line drawings, the strokes: (N, 2) in [0, 1]."""

    image: Image.Image
    params: dict[str, float | str]
    strokes: tuple[Array, ...] | None = None


Style = Callable[[Buffers, np.random.Generator], Drawing]


def resized(picture: npt.NDArray[np.floating], side: int) -> Floats:
    """The picture (H, H, C) or (H, H) at `side` pixels; smooth, and free of aliasing when it gets smaller."""
    if picture.ndim == 2:
        return resized(picture[..., None], side)[..., 0]
    mode = Image.Resampling.BOX if picture.shape[0] % side == 0 else Image.Resampling.BICUBIC
    planes = [Image.fromarray(np.ascontiguousarray(picture[..., c], np.float32)) for c in range(picture.shape[-1])]
    return np.stack([np.asarray(plane.resize((side, side), mode)) for plane in planes], axis=-1)


def to_image(picture: npt.NDArray[np.floating], side: int) -> Image.Image:
    """sRGB in [0, 1], (H, H, 3), as an RGB image of `side` pixels."""
    small = picture if picture.shape[0] == side else resized(picture, side)
    return Image.fromarray((np.clip(small, 0.0, 1.0) * 255 + 0.5).astype(np.uint8))


def ink(strokes: Sequence[Stroke], side: int) -> Floats:
    """How much of each pixel the strokes of round pens cover, in [0, 1]; drawn at four times the size. (side, side)"""
    big = 4 * side
    sheet = Image.new("L", (big, big), 0)
    pen = ImageDraw.Draw(sheet)
    for points, widths in strokes:
        places, radii = points * big, np.maximum(widths * big / 2, 0.5)
        for (x0, y0), (x1, y1), r0, r1 in zip(places, places[1:], radii, radii[1:], strict=False):
            across = np.array([y0 - y1, x1 - x0])
            across /= max(float(np.hypot(*across)), 1e-9)
            (ax, ay), (bx, by) = across * r0, across * r1
            pen.polygon([(x0 + ax, y0 + ay), (x1 + bx, y1 + by), (x1 - bx, y1 - by), (x0 - ax, y0 - ay)], fill=255)
        for (x, y), r in zip(places, radii, strict=True):
            pen.ellipse((x - r, y - r, x + r, y + r), fill=255)
    cover: Floats = np.asarray(sheet.resize((side, side), Image.Resampling.BOX)).astype(np.float32) / np.float32(255)
    return cover


def noise(rng: np.random.Generator, side: int, grain: float) -> Array:
    """Smooth noise of mean 0 and deviation 1; `grain` is its feature size as a fraction of the side. (side, side)"""
    cells = int(np.clip(2.5 / grain, 4, side))
    coarse = ndimage.gaussian_filter(rng.normal(size=(cells, cells)), 1.0)
    fine = resized(coarse.astype(np.float32), side).astype(float)
    spread: Array = (fine - fine.mean()) / max(float(fine.std()), 1e-9)
    return spread
