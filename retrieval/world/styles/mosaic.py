"""Mosaics: small square stones laid in rows along the edges of the object, each of one colour, with grout between.

After Hausner, "Simulating Decorative Mosaics" (SIGGRAPH 2001): the stones are the cells of a centroidal Voronoi diagram
in a Manhattan metric that is turned with the direction of the nearest edge, and edges push stones aside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree

from retrieval.world.render import Buffers
from retrieval.world.styles.drawing import Drawing, noise, resized, to_image

Array = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

GROUTS = {"dark": (0.16, 0.15, 0.15), "gray": (0.45, 0.43, 0.41), "pale": (0.82, 0.78, 0.71)}
FIELDS = {  # what the ground of a mosaic is laid in: two neighbouring tones, sRGB
    "ivory": ((0.93, 0.89, 0.79), (0.87, 0.82, 0.70)),
    "gold": ((0.80, 0.66, 0.36), (0.88, 0.76, 0.48)),
    "blue": ((0.25, 0.42, 0.62), (0.33, 0.52, 0.70)),
    "celadon": ((0.55, 0.70, 0.68), (0.64, 0.78, 0.75)),
    "terracotta": ((0.76, 0.55, 0.45), (0.84, 0.65, 0.54)),
    "moss": ((0.55, 0.62, 0.42), (0.64, 0.70, 0.50)),
    "plum": ((0.40, 0.34, 0.44), (0.50, 0.43, 0.54)),
}
APART = 0.34  # distance in sRGB between the object's mean colour and the field it is laid in
ROUNDS = 6  # of moving stones to the middle of their cells
NEIGHBOURS = 5  # stones that may own a pixel
SMALLEST = 2.6  # pixels of the finished picture, the side of a stone


@dataclass(frozen=True)
class Stones:
    """The stones of a mosaic: middles (N, 2) in pixels, x right and y down; directions in radians; sides in pixels."""

    middles: Array
    turns: Array
    sides: Array

    def enlarged(self, factor: int) -> Stones:
        """The same stones on a picture that is `factor` times as large."""
        return Stones((self.middles + 0.5) * factor - 0.5, self.turns, self.sides * factor)


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The scene as a mosaic."""
    side = 2 * buffers.size
    size = max(float(rng.uniform(0.019, 0.027)), SMALLEST / buffers.size)
    coarse = float(rng.uniform(1.25, 1.6))  # stones of the field are larger
    grout, spread = str(rng.choice(list(GROUTS))), float(rng.uniform(0.02, 0.05))
    mask = resized(buffers.mask.astype(np.float32), side) > 0.5
    plan = mask[::2, ::2]  # stones are laid out at half the size: four times as fast
    stones = _laid(plan, *_directions(buffers, buffers.size), size * buffers.size, coarse, rng).enlarged(2)
    owner, inside = _cells(stones, side)
    motif, field = _motif(buffers, side, mask, rng)
    colors = _colors(motif, owner, inside, len(stones.middles))
    colors *= 1 + rng.normal(0, spread, (len(colors), 1))
    colors += rng.normal(0, spread / 2, colors.shape)
    lit = 1 + 0.10 * (_bevel(stones, owner, side)) + 0.03 * noise(rng, side, 0.012)
    laid = colors[owner] * lit[..., None]
    joint = np.array(GROUTS[grout]) * (1 + 0.06 * noise(rng, side, 0.01)[..., None])
    picture = joint * (1 - inside[..., None]) + laid * inside[..., None]
    params: dict[str, float | str] = {
        "stone": round(size, 4),
        "coarse": round(coarse, 3),
        "grout": grout,
        "field": field,
        "spread": round(spread, 3),
    }
    return Drawing(to_image(picture, buffers.size), params)


def _directions(buffers: Buffers, side: int) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The way rows of stones run at each pixel, radians: along the nearest edge; and the edges. (side, side) each

    Edges are the outline and the borders between parts.
    """
    part = np.where(buffers.mask, buffers.part + 1, 0)
    at = ((np.arange(side) + 0.5) * buffers.detail / side).astype(int)
    small = part[np.ix_(at, at)]
    edge = np.zeros((side, side), bool)
    edge[:-1] |= small[1:] != small[:-1]
    edge[:, :-1] |= small[:, 1:] != small[:, :-1]
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(~edge), 0.012 * side)
    down, right = np.gradient(distance)
    return np.arctan2(down, right), edge


def _laid(
    mask: npt.NDArray[np.bool_],
    turn: Array,
    edge: npt.NDArray[np.bool_],
    size: float,
    coarse: float,
    rng: np.random.Generator,
) -> Stones:
    """Stones all over the picture, moved until they lie evenly, in rows along the edges."""
    side = len(mask)
    middles = np.concatenate([_scattered(mask, size, rng), _scattered(~mask, coarse * size, rng)])
    free = ~edge
    y, x = np.nonzero(free)
    pixels = np.stack([x, y], axis=1).astype(float)
    stones = _oriented(middles, mask, turn, size, coarse)
    for _ in range(ROUNDS):
        owner, _ = _nearest(stones, pixels)
        count = np.bincount(owner, minlength=len(middles))
        sums = np.stack([np.bincount(owner, pixels[:, i], len(middles)) for i in range(2)], axis=1)
        held = count > 0
        middles = np.where(held[:, None], sums / np.maximum(count, 1)[:, None], stones.middles)
        stones = _oriented(np.clip(middles, 0, side - 1), mask, turn, size, coarse)
    return stones


def _scattered(where: npt.NDArray[np.bool_], size: float, rng: np.random.Generator) -> Array:
    """Points `size` apart on a shaken grid, those that lie in the region. (N, 2)"""
    side = len(where)
    at = np.arange(size / 2, side, size)
    grid = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    shaken = np.clip(grid + rng.uniform(-0.3, 0.3, grid.shape) * size, 0, side - 1)
    x, y = shaken.astype(int).T
    return shaken[where[y, x]]


def _oriented(middles: Array, mask: npt.NDArray[np.bool_], turn: Array, size: float, coarse: float) -> Stones:
    """The stones at these places: each turned as the rows run there."""
    x, y = middles.astype(int).T
    return Stones(middles, turn[y, x], np.where(mask[y, x], size, coarse * size))


def _nearest(stones: Stones, pixels: Array) -> tuple[Integers, Array]:
    """For each pixel (P, 2) the stone that owns it, and its distance in the stone's turned Manhattan metric (P,), where
    1 is the stone's edge.
    """
    near = cKDTree(stones.middles).query(pixels, k=NEIGHBOURS)[1]  # (P, K)
    delta = pixels[:, None] - stones.middles[near]  # (P, K, 2)
    cosine, sine = np.cos(stones.turns[near]), np.sin(stones.turns[near])
    along = np.abs(delta[..., 0] * cosine + delta[..., 1] * sine)
    across = np.abs(delta[..., 1] * cosine - delta[..., 0] * sine)
    distance = np.maximum(along, across) / (0.5 * stones.sides[near])
    best = distance.argmin(axis=1)
    rows = np.arange(len(pixels))
    ordered = np.partition(distance, 1, axis=1)
    gap = np.maximum(distance[rows, best], 1 - 0.5 * (ordered[:, 1] - ordered[:, 0]))
    return near[rows, best], gap


def _cells(stones: Stones, side: int) -> tuple[Integers, Array]:
    """Each pixel's stone, and how much of the pixel the stone covers; the rest is grout. (side, side) each"""
    y, x = np.mgrid[0:side, 0:side]
    owner, gap = _nearest(stones, np.stack([x.ravel(), y.ravel()], axis=1).astype(float))
    sides = stones.sides[owner]
    inside = np.clip((0.90 - gap) * sides / 2 + 0.5, 0.0, 1.0)
    return owner.reshape(side, side), inside.reshape(side, side)


def _motif(buffers: Buffers, side: int, mask: npt.NDArray[np.bool_], rng: np.random.Generator) -> tuple[Array, str]:
    """The colours to be laid: the object in a few clear tones on a field of two, and the field's name.

    The first is (side, side, 3).
    """
    light = np.clip((buffers.normal * buffers.light).sum(axis=-1), 0, 1)
    tones = 0.62 + 0.16 * (light > 0.18) + 0.20 * (light > 0.55) + 0.14 * (light > 0.9)
    body = np.clip(0.04 + buffers.albedo * tones[..., None] * 1.02, 0, 1)
    gray = body.mean(axis=-1, keepdims=True)
    rich = resized(np.clip(gray + 1.2 * (body - gray), 0, 1).astype(np.float32), side).astype(float)
    mean = rich[mask].mean(axis=0) if mask.any() else np.full(3, 0.5)
    fits = [name for name, (first, _) in FIELDS.items() if np.linalg.norm(np.subtract(first, mean)) >= APART]
    chosen = str(rng.choice(fits or list(FIELDS)))
    first, second = (np.array(color) for color in FIELDS[chosen])
    blend = (noise(rng, side, 0.3) > 0)[..., None]
    return np.where(mask[..., None], rich, np.where(blend, first, second)), chosen


def _colors(motif: Array, owner: Integers, inside: Array, count: int) -> Array:
    """Each stone's colour: the mean of what it covers. (count, 3)"""
    weight = inside.ravel() + 1e-6
    total = np.bincount(owner.ravel(), weight, count)
    sums = [np.bincount(owner.ravel(), weight * motif[..., i].ravel(), count) for i in range(3)]
    return np.stack(sums, axis=1) / np.maximum(total, 1e-9)[:, None]


def _bevel(stones: Stones, owner: Integers, side: int) -> Array:
    """Light from above left on each stone, about -1 to 1. (side, side)"""
    y, x = np.mgrid[0:side, 0:side]
    away = (stones.middles[owner] - np.stack([x, y], axis=-1)) / stones.sides[owner][..., None]
    return np.clip((away[..., 0] + away[..., 1]), -1, 1)
