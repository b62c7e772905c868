"""Cartoons: flat colours in two or three tones, a clean ink outline of changing width, a simple coloured background."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from retrieval.world.render import Buffers
from retrieval.world.styles.contours import OUTLINE, Contour, smoothed, trace
from retrieval.world.styles.drawing import Drawing, Stroke, ink, resized, to_image

Array = npt.NDArray[np.float64]

SCENERY = ("flat", "ground", "spot", "rays", "dots")
SKIES = ("#fde9c9", "#cfe8f5", "#d9efd3", "#f6d5d5", "#e3dbf3", "#fff3b0", "#bfe3df", "#ffd8b5", "#f4f1ea", "#c9d6f2")


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The scene as a cartoon."""
    side = 2 * buffers.size
    tones, shine = int(rng.integers(2, 4)), bool(rng.random() < 0.7)
    scenery, width = str(rng.choice(SCENERY)), float(rng.uniform(0.010, 0.019))
    paper = _color(str(rng.choice(SKIES)))
    mask = _crisp(buffers.mask.astype(float), side)[..., None]
    body = _vivid(_flat(buffers, side)) * _tones(buffers, side, tones)[..., None]
    if shine:
        body = body + _shine(buffers, side)[..., None] * (1 - body) * 0.75
    back = _scenery(scenery, paper, buffers, side, rng)
    picture = back * (1 - mask) + np.clip(body, 0, 1) * mask
    lines = ink([_pen(c, width, rng) for c in trace(buffers) if c.length > 0.02], side)[..., None]
    dark = np.array((0.10, 0.08, 0.12))
    picture = picture * (1 - lines) + dark * lines
    params: dict[str, float | str] = {
        "tones": tones,
        "shine": float(shine),
        "scenery": scenery,
        "line_width": round(width, 4),
    }
    return Drawing(to_image(picture, buffers.size), params)


def _color(code: str) -> Array:
    """ "#rrggbb" -> sRGB in [0, 1]. (3,)"""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def _crisp(soft: npt.NDArray[np.floating], side: int, level: float = 0.5) -> Array:
    """1 where the smoothed field is above `level`, 0 below, with an edge about one pixel wide. (side, side)"""
    field = resized(ndimage.gaussian_filter(soft.astype(float), 0.004 * soft.shape[0]), side).astype(float)
    slope = np.hypot(*np.gradient(field))
    return np.clip((field - level) / np.maximum(slope, 1e-3) + 0.5, 0.0, 1.0)


def _flat(buffers: Buffers, side: int) -> Array:
    """Each part's colour, carried beyond the outline so that no background shines through the ink. (side, side, 3)"""
    nearest = ndimage.distance_transform_edt(~buffers.mask, return_distances=False, return_indices=True)
    return resized(buffers.albedo[tuple(nearest)], side).astype(float)


def _vivid(color: Array) -> Array:
    """Colours as a printer of comics would mix them: more saturated, black lifted a little."""
    gray = color.mean(axis=-1, keepdims=True)
    return np.clip(0.06 + 0.96 * (gray + 1.25 * (color - gray)), 0.0, 1.0)


def _tones(buffers: Buffers, side: int, count: int) -> Array:
    """Light in `count` flat steps: shadow, (middle,) full. (side, side)"""
    light = (buffers.normal * buffers.light).sum(axis=-1)
    shadow = _crisp(light, side, 0.12)
    if count == 2:
        return 0.76 + 0.28 * shadow
    return 0.68 + 0.20 * shadow + 0.18 * _crisp(light, side, 0.62)


def _shine(buffers: Buffers, side: int) -> Array:
    """The highlight that says "round": where the surface mirrors the light to the viewer. (side, side)"""
    half = np.array(buffers.light) + np.array((0.0, 0.0, 1.0))
    half /= np.linalg.norm(half)
    return _crisp(np.where(buffers.mask, (buffers.normal * half).sum(axis=-1), 0.0), side, 0.972)


def _scenery(name: str, paper: Array, buffers: Buffers, side: int, rng: np.random.Generator) -> Array:
    """A background in two related colours. (side, side, 3)"""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    rows, columns = np.nonzero(buffers.mask)
    low, center = rows.max() / buffers.detail, columns.mean() / buffers.detail
    soft = 1.5 / side
    other = np.clip(paper * (0.86, 0.88, 0.90) + rng.normal(0, 0.02, 3), 0, 1)
    edge: Array
    if name == "ground":
        edge = np.clip((y - low + 0.16) / soft, 0, 1)
    elif name == "spot":
        edge = np.clip((0.44 - np.hypot(x - 0.5, y - 0.5)) / soft + 0.5, 0, 1)
    elif name == "rays":
        turn = np.arctan2(y - 0.5, x - 0.5) * 10 + rng.uniform(0, 6)
        edge = np.clip(np.sin(turn) * np.hypot(x - 0.5, y - 0.5) / 10 / soft + 0.5, 0, 1)
    elif name == "dots":
        u, v = (x + y) * 11, (x - y) * 11
        edge = np.clip((0.22 * (0.4 + y) - np.hypot(u % 1 - 0.5, v % 1 - 0.5)) / (soft * 15) + 0.5, 0, 1)
    else:
        edge = np.zeros_like(x)
    back = paper * (1 - edge[..., None]) + other * edge[..., None]
    if name in ("flat", "ground"):  # a shadow under the feet keeps the object on the ground
        reach = (columns.max() - columns.min()) / buffers.detail * 0.46
        shade = np.clip((1 - np.hypot((x - center) / reach, (y - low) / (reach * 0.16))) / (soft * 8) + 0.5, 0, 1)
        back = back * (1 - 0.28 * shade[..., None])
    return back


def _pen(contour: Contour, width: float, rng: np.random.Generator) -> Stroke:
    """The contour as one stroke of a brush pen: full for the outline, finer inside, swelling where it runs downhill."""
    points = smoothed(contour.points, 0.018, contour.closed)
    along = np.linspace(0, 1, len(points))
    heading = np.gradient(points, axis=0)
    downhill = np.abs(heading[:, 0]) / np.maximum(np.hypot(*heading.T), 1e-9)
    taper = (
        np.ones_like(along)
        if contour.closed
        else np.clip(np.minimum(along, 1 - along) * contour.length / 0.05, 0.35, 1.0)
    )
    base = width * (1.0 if contour.kind == OUTLINE else 0.62)
    swell = (
        0.85 + 0.3 * downhill + 0.15 * np.sin(along * 2 * np.pi * max(1, round(contour.length * 2)) + rng.uniform(0, 6))
    )
    return points, base * taper * swell
