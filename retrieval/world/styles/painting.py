"""Paintings: layers of bristly strokes from broad to fine, laid along the form, in paint that catches the light.

After Hertzmann, "Painterly Rendering with Curved Brush Strokes of Multiple Sizes" (SIGGRAPH 1998): each layer repaints
where the canvas still differs from the scene. Ours adds the direction of strokes from the surface normals, bristles,
and a relief that is lit at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from retrieval.world.render import Buffers
from retrieval.world.styles.drawing import Drawing, noise, resized, to_image

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Manner:
    """How a painter works. Widths are fractions of the picture; the rest are factors around 1."""

    widths: tuple[float, ...]
    length: float  # of a stroke, in widths
    color_spread: float  # standard deviation of a stroke's colour around the scene's
    turn_spread: float  # of its direction, radians
    relief: float  # how thick the paint stands
    accuracy: float  # colour difference that is left unpainted by the finer layers


MANNERS = {
    "oil": Manner((0.120, 0.060, 0.031, 0.017, 0.011), 4.2, 0.026, 0.18, 1.0, 0.060),
    "gouache": Manner((0.140, 0.070, 0.034, 0.018, 0.011), 3.4, 0.014, 0.12, 0.40, 0.050),
    "impression": Manner((0.090, 0.048, 0.028, 0.017, 0.012), 3.0, 0.042, 0.26, 0.9, 0.065),
}
GROUNDS = (
    (0.62, 0.42, 0.28),
    (0.72, 0.60, 0.45),
    (0.45, 0.42, 0.44),
    (0.80, 0.74, 0.64),
)  # the toned canvas under the paint
FINEST = 1.2  # pixels of the finished picture; strokes below this cannot be seen
BRUSHES, BRISTLES, BRUSH_LENGTH = 12, 24, 72


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The scene as a painting."""
    name = str(rng.choice(list(MANNERS)))
    manner = MANNERS[name]
    warmth, richness = float(rng.normal(0.01, 0.03)), float(rng.uniform(1.15, 1.5))
    side = 2 * buffers.size
    motif = _motif(buffers, side, warmth, richness)
    angle = _directions(buffers, side, rng)
    canvas = np.empty((side, side, 4), np.float32)  # red, green, blue, height of the paint
    canvas[..., :3] = np.array(GROUNDS[int(rng.integers(len(GROUNDS)))]) * (
        1 + 0.05 * noise(rng, side, 0.02)[..., None]
    )
    canvas[..., 3] = 0.0
    interest = _interest(buffers, side)
    brushes = _brushes(rng)
    visible = [width for width in manner.widths if width * buffers.size >= FINEST]
    for layer, width in enumerate(visible):
        _paint_layer(canvas, motif, angle, interest, brushes, manner, layer, width, rng)
    picture = _lit(canvas, manner.relief, side, rng)
    params: dict[str, float | str] = {"manner": name, "warmth": round(warmth, 3), "richness": round(richness, 3)}
    return Drawing(to_image(picture, buffers.size), params)


def _motif(buffers: Buffers, side: int, warmth: float, richness: float) -> Floats:
    """What the painter sees: the photo with richer colour, warm lights and cool shadows. (side, side, 3)"""
    seen = resized(buffers.photo, side).astype(float)
    tone = seen.mean(axis=-1, keepdims=True)
    rich = tone + richness * (seen - tone)
    temperature = (tone - 0.45) * np.array((0.10, 0.02, -0.12)) + warmth * np.array((1.0, 0.2, -1.0))
    return np.clip(rich + temperature + 0.01, 0.02, 0.98).astype(np.float32)


def _directions(buffers: Buffers, side: int, rng: np.random.Generator) -> Array:
    """The way strokes run at each pixel, radians, y down: around the form, in slow swirls beside it. (side, side)"""
    mask = buffers.mask.astype(float)
    slope_x, slope_y = buffers.normal[..., 0] * mask, -buffers.normal[..., 1] * mask
    swirl = 0.5 * noise(rng, buffers.detail, 0.45) + rng.choice(
        [0.0, np.pi / 4, -np.pi / 4, np.pi / 2], p=[0.5, 0.2, 0.2, 0.1]
    )
    # Doubled angles make opposite directions equal, so that they can be averaged.
    cosine = (slope_y**2 - slope_x**2) + (1 - mask) * 0.5 * np.cos(2 * swirl)
    sine = -2 * slope_x * slope_y + (1 - mask) * 0.5 * np.sin(2 * swirl)
    width = buffers.detail * 0.012
    angle = np.arctan2(ndimage.gaussian_filter(sine, width), ndimage.gaussian_filter(cosine, width)) / 2
    step = (np.arange(side) * buffers.detail // side).astype(int)
    return angle[np.ix_(step, step)]


def _brushes(rng: np.random.Generator) -> Floats:
    """Prints of brushes: opacity and height of the paint, bristle by bristle. (BRUSHES, BRISTLES, BRUSH_LENGTH, 2)"""
    along = np.linspace(-1, 1, BRUSH_LENGTH)
    across = np.linspace(-1, 1, BRISTLES)
    prints = np.empty((BRUSHES, BRISTLES, BRUSH_LENGTH, 2), np.float32)
    for brush in prints:
        streaks = ndimage.gaussian_filter(rng.normal(size=(BRISTLES, BRUSH_LENGTH)), (0.8, 14))
        streaks /= streaks.std()
        begin, stop = -0.94 + 0.10 * ndimage.gaussian_filter1d(rng.normal(size=(2, BRISTLES)), 0.8, axis=1)
        begin, stop = begin + 0.22 * across**2, stop + 0.16 * across**2
        ends = np.clip((along - begin[:, None]) * 12, 0, 1) * np.clip((-along - stop[:, None]) * 9, 0, 1)
        sides = np.clip((1 - np.abs(across)) * 7, 0, 1)[:, None]
        dry = np.clip(1.25 + 0.5 * streaks - 0.75 * np.clip(along, 0, 1) ** 2, 0, 1)  # the brush runs out of paint
        brush[..., 0] = ends * sides * dry
        brush[..., 1] = 0.5 + 0.22 * streaks + 0.25 * np.abs(across)[:, None] ** 3
    return prints


def _interest(buffers: Buffers, side: int) -> Floats:
    """Where a painter looks closely: 1 on seams and outline, less within the object, little beside it. (side, side)"""
    edge = (buffers.part != np.roll(buffers.part, 1, 0)) | (buffers.part != np.roll(buffers.part, 1, 1))
    close = np.exp(-ndimage.distance_transform_edt(~edge) / (0.02 * buffers.detail))
    return resized(np.maximum(close, np.where(buffers.mask, 0.45, 0.06)).astype(np.float32), side)


def _paint_layer(
    canvas: Floats,
    motif: Floats,
    angle: Array,
    interest: Floats,
    brushes: Floats,
    manner: Manner,
    layer: int,
    width: float,
    rng: np.random.Generator,
) -> None:
    """Cover the canvas with strokes of one width (fraction of the side), finer layers only where they are needed."""
    side = canvas.shape[0]
    wide, long = width * side, width * side * manner.length
    soft = ndimage.gaussian_filter(motif, (wide * 0.22, wide * 0.22, 0))
    spots = _spots(canvas, soft, interest, manner, layer, wide, long, rng)
    y, x = spots.T.astype(int)
    turn = angle[y, x] + rng.normal(0, manner.turn_spread, len(spots))
    reach = _reach(soft, spots, turn, long / 2, tolerance=0.16 if layer else 0.40)
    colors = soft[y, x] * (1 + rng.normal(0, manner.color_spread, (len(spots), 1))) + rng.normal(
        0, manner.color_spread * 0.6, (len(spots), 3)
    )
    far = np.clip(spots + reach[:, 1:] * np.stack([np.sin(turn), np.cos(turn)], 1), 0, side - 1).astype(int)
    bend = (angle[far[:, 0], far[:, 1]] - angle[y, x] + np.pi / 2) % np.pi - np.pi / 2
    for i in rng.permutation(len(spots)):
        ahead, behind = reach[i, 1], reach[i, 0]
        half = max((ahead + behind) / 2, wide * 0.6)
        shift = (ahead - behind) / 2
        center = (spots[i, 0] + shift * np.sin(turn[i]), spots[i, 1] + shift * np.cos(turn[i]))
        curve = float(np.clip(bend[i], -0.6, 0.6)) / max(half, 1.0)
        _stroke(
            canvas, brushes[i % BRUSHES], center, float(turn[i]), half, wide / 2, curve, np.clip(colors[i], 0.02, 0.98)
        )


def _spots(
    canvas: Floats,
    soft: Floats,
    interest: Floats,
    manner: Manner,
    layer: int,
    wide: float,
    long: float,
    rng: np.random.Generator,
) -> Array:
    """Centres of this layer's strokes: a jittered grid, thinned where all is right or nobody looks. (N, 2) as y, x"""
    side = canvas.shape[0]
    pitch = 0.62 * float(np.sqrt(wide * long * 0.5))
    count = max(3, round(side / pitch))
    grid = np.stack(np.meshgrid(np.arange(count), np.arange(count), indexing="ij"), -1).reshape(-1, 2)
    spots = np.clip((grid + rng.uniform(0, 1, grid.shape)) * side / count, 0, side - 1)
    if layer == 0:
        return spots
    wrong = ndimage.gaussian_filter(np.abs(canvas[..., :3] - soft).mean(axis=-1), wide * 0.4)
    y, x = spots.T.astype(int)
    need = np.clip(wrong[y, x] / manner.accuracy, 0.12 / layer, 1.0) ** 1.5
    return spots[rng.random(len(spots)) < need * interest[y, x] ** (0.5 * (layer - 1))]


def _reach(soft: Floats, spots: Array, turn: Array, half: float, tolerance: float) -> Array:
    """How far each stroke may run backwards and forwards before the colour under it changes. (N, 2) pixels"""
    side = soft.shape[0]
    here = soft[tuple(spots.T.astype(int))]  # (N, 3)
    reach = np.full((len(spots), 2), half * 0.12)
    for column, sign in enumerate((-1.0, 1.0)):
        free = np.ones(len(spots), bool)
        for share in (0.25, 0.5, 0.75, 1.0):
            step = sign * share * half * np.stack([np.sin(turn), np.cos(turn)], 1)
            y, x = np.clip(spots + step, 0, side - 1).T.astype(int)
            free &= np.abs(soft[y, x] - here).max(axis=-1) < tolerance
            reach[free, column] = share * half
    return reach


def _stroke(
    canvas: Floats,
    brush: Floats,
    center: tuple[float, float],
    turn: float,
    half: float,
    broad: float,
    curve: float,
    color: Array,
) -> None:
    """Lay one stroke on the canvas: `half` its half-length, `broad` its half-width, pixels; `curve` in 1 / pixels."""
    side = canvas.shape[0]
    reach = int(half + broad + abs(curve) * half * half) + 2
    top, left = max(int(center[0]) - reach, 0), max(int(center[1]) - reach, 0)
    patch = canvas[top : int(center[0]) + reach + 1, left : int(center[1]) + reach + 1]
    y = (np.arange(top, top + patch.shape[0], dtype=np.float32) - center[0])[:, None]
    x = (np.arange(left, left + patch.shape[1], dtype=np.float32) - center[1])[None, :]
    along = x * np.cos(turn) + y * np.sin(turn)
    across = y * np.cos(turn) - x * np.sin(turn) - (0.5 * curve) * along * along
    column = (along * ((BRUSH_LENGTH - 1) / 2 / half) + (BRUSH_LENGTH / 2)).astype(np.int32)
    row = (across * ((BRISTLES - 1) / 2 / broad) + (BRISTLES / 2)).astype(np.int32)
    touched = np.flatnonzero((column >= 0) & (column < BRUSH_LENGTH) & (row >= 0) & (row < BRISTLES))
    if not len(touched):
        return
    touch = brush[row.ravel()[touched], column.ravel()[touched]]  # (T, 2): opacity, height
    paint = np.empty((len(touched), 4), np.float32)
    paint[:, :3] = color * (0.93 + 0.14 * touch[:, 1:])
    paint[:, 3] = touch[:, 1] * min(1.0, broad / (0.02 * side))
    py, px = np.divmod(touched, patch.shape[1])
    under = patch[py, px]
    patch[py, px] = under + touch[:, :1] * (paint - under)


def _lit(canvas: Floats, relief: float, side: int, rng: np.random.Generator) -> Array:
    """The canvas lit from above left, so that ridges of paint shine and the weave shows faintly. (side, side, 3)"""
    y, x = np.mgrid[0:side, 0:side] * (2 * np.pi * 90 / side)
    weave = np.sin(x) * np.sin(y) if side >= 360 else np.zeros((side, side))  # finer than the pixels of a small picture
    height = ndimage.gaussian_filter(canvas[..., 3].astype(float), 0.6) + 0.03 * weave
    fall = np.gradient(height)
    shade = (fall[0] + fall[1]) * (0.55 * relief * side / 512)
    picture = canvas[..., :3] * (1 + np.clip(shade, -0.25, 0.30)[..., None])
    return picture + 0.006 * noise(rng, side, 0.01)[..., None]
