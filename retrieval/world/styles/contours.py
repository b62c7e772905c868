"""The lines of a scene as polylines: outline, seams between parts, folds and inner overlaps, traced from the buffers.

Pixels where a buffer jumps are thinned to a skeleton, the skeleton is cut at its junctions into chains, and chains that
continue each other smoothly are joined, so that a line is as long as a person would draw it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.morphology import skeletonize

from retrieval.world.render import Buffers

Array = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Pixel = tuple[int, int]

OUTLINE, SEAM, OVERLAP, FOLD, THREAD = "outline", "seam", "overlap", "fold", "thread"
SLENDER = 0.014  # fraction of the side: what is thinner is drawn as one line, not as two edges
GAP = 0.007  # how far weaker lines keep from the outline, so that it stays whole; later their ends bridge the gap
NEAR = 0.011  # lines closer together than this would run into each other
STEPS = [(0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)]  # straight neighbours first


@dataclass(frozen=True)
class Contour:
    """One line: points (N, 2) in [0, 1], x right and y down; closed = a loop.

    kind: outline, seam (part meets part), overlap (depth jumps), fold (the surface turns sharply) or thread (a thing as
    thin as a line).
    """

    points: Array
    kind: str
    closed: bool

    @property
    def length(self) -> float:
        """Length as a fraction of the picture's side."""
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())


@lru_cache(maxsize=1)  # cartoon and sketch draw the same scene one after the other
def trace(buffers: Buffers, shortest: float = 0.012) -> list[Contour]:
    """The lines of the scene: outlines first, then rings, then the longest.

    Left out are specks shorter than `shortest` (fraction of the side) and lines that crowd those before them.
    """
    edges = _edges(buffers)
    thin: Bools = skeletonize(np.any(list(edges.values()), axis=0))
    near = {kind: ndimage.binary_dilation(edge, iterations=2) for kind, edge in edges.items()}
    border = ndimage.binary_dilation(edges[OUTLINE] | edges[THREAD], iterations=max(2, round(GAP * buffers.detail)) + 2)
    contours = [_contour(line, near, border) for line in _joined(_chains(thin))]
    contours = [contour for contour in contours if contour.length >= shortest]
    return _uncrowded(sorted(contours, key=lambda c: (c.kind != OUTLINE, not c.closed, -c.length)), buffers.detail)


def _uncrowded(contours: list[Contour], side: int) -> list[Contour]:
    """The contours that keep their distance from those before them."""
    radius = max(1, round(NEAR * side))
    span = np.arange(-radius, radius + 1)
    disc = np.stack(np.meshgrid(span, span), -1).reshape(-1, 2)
    disc = disc[np.hypot(*disc.T) <= radius]
    taken = np.zeros((side, side), bool)
    kept = []
    for contour in contours:
        x, y = np.clip((contour.points * side).astype(int), 0, side - 1).T
        if taken[y, x].mean() < 0.55:
            kept.append(contour)
            around = np.clip(np.stack([x, y], 1)[:, None] + disc, 0, side - 1).reshape(-1, 2)
            taken[around[:, 1], around[:, 0]] = True
    return kept


def smoothed(points: Array, width: float, closed: bool = False) -> Array:
    """The polyline, evenly spaced and smoothed over about `width` (fraction of the side); its ends stay. (M, 2)"""
    spacing = width / 3
    points = resampled(points, spacing)
    if len(points) < 4:
        return points
    mode = "wrap" if closed else "nearest"
    if closed:
        core = ndimage.gaussian_filter1d(points[:-1], 2.0, axis=0, mode=mode)
        return np.concatenate([core, core[:1]])
    ends = 2 * points[[0, -1]]  # mirror the line through its ends, so that smoothing does not shorten it
    pad = min(8, len(points) - 1)
    wide = np.concatenate([ends[0] - points[pad:0:-1], points, ends[1] - points[-2 : -pad - 2 : -1]])
    return ndimage.gaussian_filter1d(wide, 2.0, axis=0, mode=mode)[pad:-pad]


def resampled(points: Array, spacing: float) -> Array:
    """The polyline with points about `spacing` apart, ends kept. (M, 2)"""
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = max(2, round(along[-1] / spacing) + 1)
    at = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(at, along, points[:, i]) for i in range(2)], axis=1)


def _edges(buffers: Buffers) -> dict[str, Bools]:
    """For each kind of line, the pixels that lie on it. (R, R)"""
    part, mask = buffers.part, buffers.mask
    gap, echo = max(2, round(GAP * buffers.detail)), max(2, round(0.009 * buffers.detail))
    thread = _slender(mask.astype(np.int32), shortest=0.06)
    outline = _differs(mask) & ~ndimage.binary_dilation(thread, iterations=2)
    border = ndimage.binary_dilation(outline | thread, iterations=gap)
    inner = _slender(part, shortest=0.085) & ~border
    seam = _differs(part) & ~border & ~ndimage.binary_dilation(inner, iterations=2)
    settled = ndimage.binary_dilation(outline | thread | seam | inner, iterations=echo)
    inside = mask & ~settled
    bend, turn = _jumps(buffers)
    steep = buffers.normal[..., 2] < 0.25  # at grazing angles depth and normal change fast without an edge
    overlap = inside & (bend > np.where(steep, 0.12, 11.0 / buffers.detail))  # radius 1 spans about 0.4 of the side
    fold = inside & ~overlap & (turn > np.where(steep, 0.5, 0.18))  # 1 - cos 35 degrees = 0.18
    return {OUTLINE: outline, SEAM: seam, OVERLAP: overlap, FOLD: fold, THREAD: skeletonize(inner | thread)}


def _slender(label: npt.NDArray[np.int32], shortest: float) -> Bools:
    """Pixels of the object where no square of SLENDER fits into their label: whiskers, masts, strings. (R, R)

    Areas shorter than `shortest` (fraction of the side) are tips of corners, pupils and the like, and do not count.
    """
    side = label.shape[0]
    window = 2 * max(1, round(SLENDER / 2 * side)) + 1
    square = np.ones((window, window))
    core = ndimage.minimum_filter(label, window) == ndimage.maximum_filter(label, window)
    thin = (label > label.min()) & ~ndimage.binary_dilation(core, square)
    thin = ndimage.binary_closing(thin, square) & (label > label.min())  # no dashes where it is just wide enough
    areas, _ = ndimage.label(thin, np.ones((3, 3)))
    long = [max(s.stop - s.start for s in box) >= shortest * side for box in ndimage.find_objects(areas)]
    return np.array([False, *long])[areas]


def _jumps(buffers: Buffers) -> tuple[Array, Array]:
    """How much the depth bends (world units) and the surface turns (1 - cosine) from pixel to pixel. Two (R, R)"""
    depth = buffers.depth.astype(float)
    bend, turn = np.zeros(depth.shape), np.zeros(depth.shape)
    for axis in (0, 1):
        bend = np.maximum(bend, np.abs(np.roll(depth, 1, axis) - 2 * depth + np.roll(depth, -1, axis)))
        turn = np.maximum(turn, 1 - (buffers.normal * np.roll(buffers.normal, -1, axis)).sum(axis=-1))
    return bend, turn


def _differs(values: npt.NDArray[np.generic]) -> Bools:
    """Pixels whose right or lower neighbour has another value. (R, R)"""
    result = np.zeros(values.shape, bool)
    result[:-1] |= values[:-1] != values[1:]
    result[:, :-1] |= values[:, :-1] != values[:, 1:]
    return result


def _chains(thin: Bools) -> list[Array]:
    """The skeleton, cut at its junctions: chains (N, 2) of x, y from end or junction to end or junction.

    A loop ends where it began.
    """
    pixels = {(int(y), int(x)) for y, x in np.argwhere(thin)}
    links = {p: _neighbours(p, pixels) for p in pixels}
    nodes = [p for p in pixels if len(links[p]) != 2]
    seen: set[frozenset[Pixel]] = set()
    chains = [
        _walk(start, step, links, seen)
        for start in sorted(nodes) + sorted(pixels)  # loops have no node: they start anywhere
        for step in links[start]
        if frozenset((start, step)) not in seen
    ]
    return _meeting([p for p in nodes if len(links[p]) > 2], chains, thin.shape)


def _meeting(forks: list[Pixel], chains: list[list[Pixel]], shape: tuple[int, ...]) -> list[Array]:
    """The chains, their ends moved to the middle of the junction, which often is a clump of several forking pixels."""
    clumps = np.zeros(shape, int)
    for fork in forks:
        clumps[fork] = 1
    clumps, count = ndimage.label(clumps, np.ones((3, 3)))
    centers = np.array([(0.0, 0.0), *ndimage.center_of_mass(clumps > 0, clumps, range(1, count + 1))])
    lines = []
    for chain in chains:
        if len({int(clumps[p]) for p in chain} | {0}) == 2 and all(clumps[p] for p in chain):
            continue  # a bridge inside one clump
        line = np.array(chain, float)
        for end in (0, -1):
            if clumps[chain[end]]:
                line[end] = centers[clumps[chain[end]]]
        lines.append(line[:, ::-1])
    return lines


def _neighbours(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """Linked pixels; a diagonal counts only where no straight step leads the same way."""
    y, x = pixel
    return [
        (y + dy, x + dx)
        for dy, dx in STEPS
        if (y + dy, x + dx) in pixels and not (dy and dx and ((y + dy, x) in pixels or (y, x + dx) in pixels))
    ]


def _walk(start: Pixel, step: Pixel, links: dict[Pixel, list[Pixel]], seen: set[frozenset[Pixel]]) -> list[Pixel]:
    """Follow the line from `start` through `step` until it ends, forks or closes."""
    chain = [start, step]
    seen.add(frozenset((start, step)))
    while len(links[chain[-1]]) == 2 and chain[-1] != start:
        ahead = next(p for p in links[chain[-1]] if p != chain[-2])
        seen.add(frozenset((chain[-1], ahead)))
        chain.append(ahead)
    return chain


def _joined(chains: list[Array]) -> list[Array]:
    """The chains; at each junction the two that continue each other best become one."""
    lines = dict(enumerate(chains))
    ends: dict[tuple[float, ...], list[tuple[int, int]]] = {}
    for i, line in lines.items():
        for end in (0, -1):
            ends.setdefault(tuple(line[end]), []).append((i, end))
    for meeting in sorted(ends):
        pairs = sorted(
            (_deviation(lines[i], e, lines[j], f), i, e, j, f)
            for a, (i, e) in enumerate(ends[meeting])
            for j, f in ends[meeting][a + 1 :]
            if i in lines and j in lines and i != j
        )
        if pairs and pairs[0][0] < np.radians(50):
            _, i, e, j, f = pairs[0]
            _merge(lines, ends, (i, e), (j, f))
    return list(lines.values())


def _deviation(first: Array, end: int, second: Array, other: int) -> float:
    """How far the pen must turn, in radians, to go from one line's end into the other's."""
    leaving, entering = _heading(first, end), -_heading(second, other)
    return float(np.arccos(np.clip(leaving @ entering, -1.0, 1.0)))


def _heading(line: Array, end: int) -> Array:
    """The unit vector in which the line runs out of its `end`. (2,)"""
    back = line[min(8, len(line) - 1)] if end == 0 else line[-min(9, len(line))]
    run = line[end] - back
    unit: Array = run / max(float(np.linalg.norm(run)), 1e-9)
    return unit


def _merge(
    lines: dict[int, Array],
    ends: dict[tuple[float, ...], list[tuple[int, int]]],
    a: tuple[int, int],
    b: tuple[int, int],
) -> None:
    """Join line b to line a at the given ends; a lives on, and the table of ends follows."""
    (i, e), (j, f) = a, b
    first = lines[i] if e == -1 else lines[i][::-1]
    second = lines.pop(j) if f == 0 else lines.pop(j)[::-1]
    for key, old in ((first[0], (i, -1 - e)), (first[-1], (i, e)), (second[0], (j, f)), (second[-1], (j, -1 - f))):
        if old in ends[tuple(key)]:
            ends[tuple(key)].remove(old)
    lines[i] = np.concatenate([first, second[1:]])
    ends[tuple(first[0])].append((i, 0))
    ends[tuple(second[-1])].append((i, -1))


def _contour(line: Array, near: dict[str, Bools], border: Bools) -> Contour:
    """The pixel line (N, 2) as a contour of the first kind that most of its pixels belong to.

    Ends that stop short of the outline are drawn out to it.
    """
    x, y = line.astype(int).T
    kind = next((k for k, area in near.items() if area[y, x].mean() > 0.5), SEAM)
    closed = bool(np.array_equal(line[0], line[-1]))
    if kind not in (OUTLINE, THREAD) and not closed:
        reach = max(2, round(GAP * len(border)))
        for end in (0, -1):
            if border[y[end], x[end]]:
                point = line[end] + reach * _heading(line, end)
                line = np.concatenate([[point], line] if end == 0 else [line, [point]])
    return Contour((line + 1.0) / len(border), kind, closed)
