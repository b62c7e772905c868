"""Engravings: parallel lines that bend around the form and swell where it is dark, crossed in the deepest shade.

The lines are where the scene is cut by evenly spaced planes, so they lie on the surface as the grooves of a burin do;
their width follows the tone (after Ostromoukhov, "Digital Facial Engraving", SIGGRAPH 1999, with planes for his drawn
parametric grids).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from retrieval.world.render import FAR, Buffers
from retrieval.world.styles.contours import FOLD, OUTLINE, smoothed, trace
from retrieval.world.styles.drawing import Drawing, Stroke, ink, noise, resized, to_image

Array = npt.NDArray[np.float64]

PAPERS = {
    "white": (0.97, 0.97, 0.95),
    "cream": (0.96, 0.92, 0.83),
    "sand": (0.90, 0.83, 0.70),
    "blue": (0.84, 0.89, 0.92),
}
INKS = {
    "black": (0.08, 0.07, 0.08),
    "sepia": (0.30, 0.18, 0.10),
    "navy": (0.08, 0.13, 0.30),
    "oxblood": (0.36, 0.08, 0.09),
}
FINEST = 2.4  # pixels of the finished picture between two lines, at least
WORLD = 2.2  # world units across a picture, roughly: brings picture plane and depth to one scale
STEEP = 0.42  # lines per pixel of the drawing beyond which only their mean tone is drawn


@dataclass(frozen=True)
class Grid:
    """One family of lines: where they cut, and how dark it must be for them to appear and to close."""

    direction: tuple[float, float, float]  # across the lines: x right, y down, z away from the viewer
    begin: float  # darkness at which the lines appear
    full: float  # darkness at which they fill their room


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The scene as an engraving."""
    side = 2 * buffers.size
    paper, plate = str(rng.choice(list(PAPERS))), str(rng.choice(list(INKS), p=[0.55, 0.2, 0.15, 0.1]))
    lines = min(float(rng.uniform(46, 64)), buffers.size / FINEST)
    slant = float(rng.uniform(-0.5, 0.5))
    backdrop = str(rng.choice(["blank", "sky", "ground", "vignette"]))
    wave = 0.10 * noise(rng, side, 0.22)
    tone = _darkness(buffers, side)
    mask = resized(buffers.mask.astype(np.float32), side).astype(float)
    first = Grid((np.sin(slant), np.cos(slant), 0.55), 0.06, 0.98)
    second = Grid((np.cos(slant), -np.sin(slant) * 0.8, 0.45), 0.50, 1.15)
    place = _places(buffers, side)
    cover = 1 - (1 - _lines(place, tone, first, lines, wave)) * (1 - _lines(place, tone, second, lines, wave))
    around = _backdrop(backdrop, buffers, side, lines, wave)
    cover = cover * mask + around * (1 - mask)
    cover = np.maximum(cover, ink([_burin(c.points, c.kind, c.closed) for c in trace(buffers)], side))
    colors = np.array(PAPERS[paper]) * (1 + 0.012 * noise(rng, side, 0.03)[..., None])
    picture = colors * (1 - cover[..., None]) + np.array(INKS[plate]) * cover[..., None]
    params: dict[str, float | str] = {
        "paper": paper,
        "ink": plate,
        "lines": round(lines, 2),
        "slant": round(slant, 3),
        "backdrop": backdrop,
    }
    return Drawing(to_image(picture, buffers.size), params)


def _darkness(buffers: Buffers, side: int) -> Array:
    """How much ink each pixel wants: from the light on the form and from its own colour, 0 = paper. (side, side)"""
    light = np.clip((buffers.normal * buffers.light).sum(axis=-1), 0.0, 1.0)
    own = buffers.albedo @ np.array((0.30, 0.59, 0.11))
    own = (own**0.8 * 0.75 + 0.25).astype(np.float32)
    seen = own * (0.34 + 0.74 * light)
    soft = resized(ndimage.gaussian_filter(seen, 0.002 * buffers.detail), side).astype(float)
    return np.clip(1.06 - 1.1 * soft, 0.0, 1.0)


def _places(buffers: Buffers, side: int) -> Array:
    """Where each pixel's surface point lies: x right, y down, depth, in world units. (side, side, 3)"""
    depth = np.where(buffers.mask, buffers.depth, np.nan)
    near = float(np.nanmin(depth))
    nearest = ndimage.distance_transform_edt(~buffers.mask, return_distances=False, return_indices=True)
    filled = ndimage.gaussian_filter(depth[tuple(nearest)] - near, 0.004 * buffers.detail)
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side * WORLD
    return np.stack([x, y, resized(filled.astype(np.float32), side).astype(float)], axis=-1)


def _lines(place: Array, tone: Array, grid: Grid, lines: float, wave: Array) -> Array:
    """How much of each pixel the grid's lines cover, in [0, 1]. (side, side)"""
    across = np.array(grid.direction) / np.linalg.norm(grid.direction)
    phase = (place @ across) * lines / WORLD + wave
    wanted = np.clip((tone - grid.begin) / (grid.full - grid.begin), 0.0, 0.94)
    return _grooves(phase, wanted)


def _grooves(phase: Array, wanted: Array) -> Array:
    """Lines at whole numbers of the phase that cover the wanted share, with soft edges; their mean where too dense."""
    slope = np.hypot(*np.gradient(phase))  # lines per pixel
    off = np.abs(phase - np.rint(phase)) * 2  # 0 on a line, 1 between two
    sharp = np.clip((wanted - off) / np.maximum(2 * slope, 1e-6) + 0.5, 0.0, 1.0)
    sharp = np.where(wanted > 0.02, sharp, 0.0)
    blurred = np.clip((slope - STEEP) / STEEP, 0.0, 1.0)
    mixed: Array = sharp * (1 - blurred) + wanted * blurred
    return mixed


def _backdrop(name: str, buffers: Buffers, side: int, lines: float, wave: Array) -> Array:
    """Level lines behind the object: none, a sky that fades downwards, a ground with a shadow, or a dark oval."""
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side
    rows, columns = np.nonzero(buffers.mask)
    foot, middle = rows.max() / buffers.detail, columns.mean() / buffers.detail
    reach = max((columns.max() - columns.min()) / buffers.detail * 0.55, 0.1)
    shadow = 0.62 * np.clip(
        1.2 - np.hypot((x - middle - 0.05) / reach, (y - foot + 0.01) / (0.16 * reach + 0.02)), 0, 1
    )
    tone = {
        "blank": np.zeros_like(x),
        "sky": 0.40 * np.clip(1 - y / 0.75, 0, 1),
        "ground": 0.26 * np.clip((y - foot + 0.17) / 0.03, 0, 1) * np.clip(1.4 - y, 0, 1),
        "vignette": 0.5 * np.clip(1.5 - 2.2 * np.hypot(x - 0.5, y - 0.5), 0, 0.6),
    }[name]
    floor = resized((buffers.depth < FAR).astype(np.float32), side).astype(float)
    return _grooves(y * lines + 0.6 * wave, np.maximum(tone, shadow * floor))


def _burin(points: Array, kind: str, closed: bool) -> Stroke:
    """A contour as one cut: deeper along the outline, fading towards its ends."""
    line = smoothed(points, 0.012, closed)
    along = np.linspace(0.0, 1.0, len(line))
    width = {OUTLINE: 0.0085, FOLD: 0.0035}.get(kind, 0.0055)
    taper = 1.0 if closed else np.clip(np.minimum(along, 1 - along) * 8, 0.3, 1.0)
    return line, width * taper * (1 + 0.15 * np.sin(14 * along))
