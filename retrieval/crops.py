"""Where the object of a picture is: what stands on a sheet of paper or on an even ground, or where a network looks.

People photograph sheets and rooms; encoders were shown things that fill their picture. A crop is offered beside the
whole picture, never in its place. Where a network looks is told by its encoder; which of the two is searched with is
decided in `match`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

SIDE = 256  # pixels on the longer side of what is looked at
COARSE = 64  # likewise, for the light on a sheet and for telling objects apart
KEPT = 512  # pixels on the longer side of a crop
EVEN = 12  # levels by which an even ground differs from its colour
ALIKE = 0.9  # share of a border that is even ground, or of a sheet that is paper
APART = 40  # levels by which what stands on an even ground differs from it
INK = 0.8  # of the paper's brightness: what is darker is ink
PALE = 0.88  # of the paper's brightness: what is brighter is paper
MOST = 0.25  # share of a sheet that ink covers at most
REACH = 2  # cells between two parts of one object
SPECK = 0.1  # of the largest object: what is smaller is dirt
MARGIN = 0.08  # ground around an object, as a share of its longer side
TIGHT = 0.8  # share of a side: what fills more of the picture is not cropped to
SPREAD = 1.25  # deviations of what a network looks at on each side of its middle
LEAST = 0.1  # of such a deviation, as a share of the picture

Box = tuple[float, float, float, float]
"""Left, upper, right and lower end, as shares of the picture in [0, 1]."""
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ground:
    """What an object stands on: where it does not show it, in a reduced copy, and the picture of the ground alone."""

    covered: Mask  # (h, w)
    picture: Image.Image  # (w, h), RGB


def ground_of(image: Image.Image) -> Ground | None:
    """The even ground or the sheet of paper that fills most of the RGB picture; None where nothing does."""
    scale = SIDE / max(image.size)
    small = image.resize([max(1, round(side * scale)) for side in image.size], Image.Resampling.BOX)
    return _even(small) or _sheet(small)


def object_box(ground: Ground) -> Box | None:
    """The box around the object on the ground and its margin; None where nothing stands on it."""
    covered = ground.covered
    height, width = covered.shape
    cell = max(1, SIDE // COARSE)
    counts = np.zeros((-(-height // cell) * cell, -(-width // cell) * cell), np.int64)
    counts[:height, :width] = covered
    cells = counts.reshape(counts.shape[0] // cell, cell, -1, cell).sum(axis=(1, 3))
    objects = list(_objects(cells))
    if not objects:
        return None
    most = max(sum(cells[place] for place in places) for places in objects)
    kept = [place for places in objects if sum(cells[p] for p in places) >= SPECK * most for place in places]
    rows, columns = (sorted(place[axis] for place in kept) for axis in (0, 1))
    grow = MARGIN * max(rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0])
    ends = columns[0] - grow, rows[0] - grow, columns[-1] + 1 + grow, rows[-1] + 1 + grow
    return _within(tuple(end * cell / (height if axis % 2 else width) for axis, end in enumerate(ends)))


def salient_box(saliency: npt.NDArray[np.float32], size: tuple[int, int]) -> Box:
    """The square around what a network looks at in a picture of this size (width, height), which it saw whole on a
    square: saliency (h, w) over that square.
    """
    weights = np.maximum(saliency - np.median(saliency), 0) + 1e-9
    weights /= weights.sum()
    longer = max(size)
    middles, deviations = [], []
    for along, side in zip((weights.sum(axis=0), weights.sum(axis=1)), size, strict=True):  # along x, along y
        places = (np.arange(len(along)) + 0.5) / len(along)
        middle = float(places @ along)
        deviations.append(float(np.sqrt((places - middle) ** 2 @ along)))
        middles.append(middle * longer - (longer - side) / 2)
    reach = SPREAD * max(*deviations, LEAST) * longer
    (x, y), (width, height) = middles, size
    return _within(((x - reach) / width, (y - reach) / height, (x + reach) / width, (y + reach) / height))


def crop(image: Image.Image, box: Box, ground: Ground | None = None) -> Image.Image | None:
    """The part of the picture in the box, with the light on its ground evened out; None where the box is most of the
    picture, so that both would look the same.
    """
    if max(box[2] - box[0], box[3] - box[1]) > TIGHT:
        return None
    part = image.crop(_scaled(box, image.size, whole=True))
    if not min(part.size):
        return None
    part.thumbnail((KEPT, KEPT), Image.Resampling.LANCZOS)
    if ground is None:
        return part
    light = ground.picture.resize(part.size, Image.Resampling.BILINEAR, box=_scaled(box, ground.picture.size))
    values = np.asarray(part, np.uint16) * 255 // np.maximum(np.asarray(light, np.uint16), 1)
    return Image.fromarray(np.minimum(values, 255).astype(np.uint8))


def _even(small: Image.Image) -> Ground | None:
    """The ground of a picture whose border is of one colour, as that of a clean page or a product's photo."""
    pixels = np.asarray(small, np.int16)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    color = np.median(border, axis=0)
    if (np.abs(border - color).max(axis=1) <= EVEN).mean() < ALIKE:
        return None
    covered = np.abs(pixels - color).max(axis=2) > APART
    return Ground(covered, Image.new("RGB", small.size, "white"))


def _sheet(small: Image.Image) -> Ground | None:
    """The paper of a drawing that was photographed, where light falls unevenly and the table may be seen."""
    cell, (width, height) = SIDE // COARSE, small.size
    pixels = np.pad(np.asarray(small), ((0, -height % cell), (0, -width % cell), (0, 0)), "edge")
    brightest = pixels.reshape(len(pixels) // cell, cell, -1, cell, 3).max(axis=(1, 3))
    closed = _over(_over(brightest, 3, np.max), 6, np.min)  # without lines; edges retreat
    light = Image.fromarray(np.ascontiguousarray(closed))
    paper = light.filter(ImageFilter.GaussianBlur(1)).resize(small.size, Image.Resampling.BICUBIC)
    share = np.asarray(small.convert("L"), np.float32) / np.maximum(np.asarray(paper.convert("L"), np.float32), 1)
    ink = share < INK
    if not 0 < ink.mean() <= MOST or (share > PALE).mean() < ALIKE:
        return None
    return Ground(ink, paper)


def _over(values: npt.NDArray[np.uint8], reach: int, pick: Callable[..., Any]) -> npt.NDArray[np.uint8]:
    """The largest or smallest within `reach` cells of each cell (h, w, 3)."""
    for axis in (0, 1):
        padded = np.pad(values, [(reach, reach) if a == axis else (0, 0) for a in range(3)], "edge")
        values = pick(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis), axis=-1)
    return values


def _objects(cells: npt.NDArray[np.int64]) -> Iterator[list[tuple[int, int]]]:
    """The cells that are not empty, as groups of those that lie at most `REACH` apart."""
    left = {(int(y), int(x)) for y, x in np.argwhere(cells)}
    near = [(dy, dx) for dy in range(-REACH, REACH + 1) for dx in range(-REACH, REACH + 1)]
    while left:
        group = [left.pop()]
        for y, x in group:  # grows while it is gone through
            beside = {(y + dy, x + dx) for dy, dx in near} & left
            left -= beside
            group.extend(beside)
        yield group


def _scaled(box: Box, size: tuple[int, int], *, whole: bool = False) -> tuple[float, float, float, float]:
    """The box in pixels of a picture of this size, `whole` ones where that is asked for."""
    left, upper, right, lower = (end * side for end, side in zip(box, size * 2, strict=True))
    return (round(left), round(upper), round(right), round(lower)) if whole else (left, upper, right, lower)


def _within(box: tuple[float, ...]) -> Box:
    left, upper, right, lower = (min(max(end, 0.0), 1.0) for end in box)
    return left, upper, right, lower
