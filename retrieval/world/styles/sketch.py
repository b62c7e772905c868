"""Sketches: the scene as a person would draw it with a mouse or a pen, in few quick lines on white paper.

The contours become strokes: long lines first, small details left out at random; every stroke is simplified, moved, bent
and cut short or overshot a little. The strokes are returned, so that a drawing can also be replayed on a canvas.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.measure import approximate_polygon

from retrieval.world.render import Buffers
from retrieval.world.styles.contours import FOLD, OUTLINE, OVERLAP, SEAM, THREAD, Contour, smoothed, trace
from retrieval.world.styles.drawing import Drawing, Stroke, ink, noise, resized, to_image

Array = npt.NDArray[np.float64]

KEPT = {OUTLINE: 1.0, SEAM: 0.92, THREAD: 0.9, OVERLAP: 0.8, FOLD: 0.6}  # how likely a person draws a line of this kind
SPECK = 0.03  # shorter lines are left out, unless they are rings; fraction of the side
FACE = frozenset({"eye", "nostril", "nose"})  # however hasty, a person draws these, if only as a dot
LARGEST_EYE = 0.07  # of the side; what is larger, or long as a carrot, is drawn by its contour
ECHO = 0.035  # of the side: an inner line that keeps so near to the outline says the same thing twice
ECHOES = 0.5  # how likely a patient hand draws such lines too
DOT = 0.022  # of the side: the radius below which an eye is a dot, not a ring
TOOLS = ("mouse", "pen", "pencil")


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The scene as a line drawing."""
    tool = str(rng.choice(TOOLS, p=[0.5, 0.3, 0.2]))
    care = float(rng.uniform(0.0, 1.0))  # 1: a patient hand, 0: a hasty one
    width = float(rng.uniform(0.010, 0.020) if tool != "pencil" else rng.uniform(0.007, 0.012))
    warped = by_hand(buffers, tool, care, rng)
    picture = _on_paper([(line, _pressure(line, width, tool, rng)) for line in warped], tool, 2 * buffers.size, rng)
    params: dict[str, float | str] = {
        "tool": tool,
        "care": round(care, 3),
        "line_width": round(width, 4),
        "strokes": len(warped),
    }
    return Drawing(to_image(picture, buffers.size), params, tuple(warped))


def by_hand(buffers: Buffers, tool: str, care: float, rng: np.random.Generator) -> list[Array]:
    """The strokes of a hand with `tool` that takes `care` in [0, 1]: polylines (N, 2) in [0, 1]."""
    face, traced = _face(buffers), trace(buffers)
    if face:
        covered = np.any([np.hypot(*(_grid(64) - middle).T) < radius + 0.012 for middle, radius in face], axis=0)
        traced = [contour for contour in traced if contour.kind == OUTLINE or not _inside(contour, covered)]
    lines = [line for contour in _chosen(traced, care, rng) for line in _strokes(contour, care, tool, rng)]
    lines += [_eye(middle, radius, rng) for middle, radius in face]
    return _bent(lines, 0.012 * (1.3 - care), rng)


def _face(buffers: Buffers) -> list[tuple[Array, float]]:
    """Eyes, nostrils and noses that can be seen: middle (x, y) and radius of each, fractions of the side."""
    named = np.isin(buffers.part, [place for place, name in enumerate(buffers.names) if name in FACE])
    areas, count = ndimage.label(ndimage.binary_closing(named, iterations=2))
    found = []
    for number in range(1, count + 1):
        rows, columns = np.nonzero(areas == number)
        radius = float(np.sqrt(len(rows) / np.pi)) / buffers.detail
        long, short = sorted((np.ptp(rows) + 1, np.ptp(columns) + 1), reverse=True)
        if 0.004 < radius < LARGEST_EYE and long < 1.7 * short:
            found.append(((np.array([columns.mean(), rows.mean()]) + 0.5) / buffers.detail, radius))
    return found


def _grid(side: int) -> Array:
    """The middles of the cells of a square grid on the picture. (side * side, 2)"""
    at = (np.arange(side) + 0.5) / side
    return np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)


def _inside(contour: Contour, covered: npt.NDArray[np.bool_]) -> bool:
    """Whether most of the contour runs through covered cells of a `_grid`."""
    side = round(float(np.sqrt(len(covered))))
    x, y = np.clip((contour.points * side).astype(int), 0, side - 1).T
    return bool(covered[y * side + x].mean() > 0.6)


def _eye(middle: Array, radius: float, rng: np.random.Generator) -> Array:
    """A dot, or a ring where there is room: one stroke that goes round more than once."""
    size = max(radius * rng.uniform(0.85, 1.2), 0.009)
    turns = rng.uniform(1.02, 1.15) if size > DOT else 2.0
    angle = rng.uniform(0, 2 * np.pi) + np.linspace(0, turns * 2 * np.pi, 18)
    shrink = np.ones(18) if size > DOT else np.linspace(1.0, 0.2, 18)
    around = np.stack([np.cos(angle) * rng.uniform(0.85, 1.1), np.sin(angle)], axis=1) * shrink[:, None]
    return middle + size * around + rng.normal(0, 0.003, 2)


def _chosen(contours: list[Contour], care: float, rng: np.random.Generator) -> list[Contour]:
    """The lines that this hand draws: outline and long thin things always, of the rest as many as patience allows."""
    patience = 7 + 40 * care**2
    outline = cKDTree(np.concatenate([c.points for c in contours if c.kind == OUTLINE] or [np.zeros((1, 2))]))
    echo = rng.random() < ECHOES * care
    chosen = []
    for contour in contours:
        echoes = contour.kind == SEAM and contour.length > 0.3
        if echoes and not echo and (outline.query(contour.points)[0] < ECHO).mean() > 0.7:
            continue  # a hem or a rim: a person draws its outer edge only
        if contour.kind in (OUTLINE, THREAD) and contour.length > (0.03 if contour.kind == OUTLINE else 0.12):
            chosen.append(contour)
            continue
        ring = contour.closed and contour.kind == SEAM  # an eye or a wheel: small, but it makes the face or the car
        size = np.clip(contour.length / 0.12, 0.25, 1.0)
        chance = 0.93 if ring else KEPT[contour.kind] * size ** (1 - care) * (0.7 + 0.3 * care)
        if rng.random() < chance and (ring or (len(chosen) < patience and contour.length > SPECK)):
            chosen.append(contour)
    return chosen


def _strokes(contour: Contour, care: float, tool: str, rng: np.random.Generator) -> list[Array]:
    """One contour as strokes (N, 2) in [0, 1]: cut where the hand pauses, simplified, misplaced, its ends off."""
    points = smoothed(contour.points, 0.022, contour.closed)
    if contour.closed:
        points = _reopened(points, rng)
    strokes = []
    for piece in _pauses(points, contour.length, rng):
        piece = approximate_polygon(piece, rng.uniform(0.004, 0.006 + 0.012 * (1 - care)))
        if tool != "mouse" or rng.random() < 0.5:  # the other half stays angular: a mouse is sampled rarely
            piece = smoothed(piece, 0.03)
        strokes.append(_misplaced(piece, care, rng))
    return strokes


def _reopened(points: Array, rng: np.random.Generator) -> Array:
    """A loop that starts anywhere and overlaps itself or stays open by a little."""
    core = np.roll(points[:-1], int(rng.integers(len(points))), axis=0)
    extra = int(np.clip(rng.normal(0.01, 0.02), -0.04, 0.06) * len(core))
    return np.concatenate([core, core[: 1 + max(extra, 0)]])[: len(core) + 1 + extra]


def _pauses(points: Array, length: float, rng: np.random.Generator) -> list[Array]:
    """Long lines are drawn in several strokes, more likely cut where they turn sharply."""
    cuts = int(rng.poisson(0.45 * length))
    if cuts == 0 or len(points) < 12:
        return [points]
    heading = np.diff(points, axis=0)
    turn = np.abs(np.diff(np.unwrap(np.arctan2(heading[:, 1], heading[:, 0]))))[3:-3] + 0.03
    places = rng.choice(len(turn), size=min(cuts, len(turn)), replace=False, p=turn / turn.sum()) + 4
    return [piece for piece in np.split(points, np.sort(places)) if len(piece) >= 3]


def _misplaced(points: Array, care: float, rng: np.random.Generator) -> Array:
    """The stroke, moved, turned and scaled a little about its middle; its ends overshoot or stop short."""
    slip = 0.010 * (1.2 - care)
    angle, scale = rng.normal(0, 3 * slip), 1 + rng.normal(0, 2 * slip)
    middle = points.mean(axis=0)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (points - middle) @ turn.T + middle + rng.normal(0, 0.5 * slip, 2)
    for end, inner in ((0, 1), (-1, -2)):
        run = moved[end] - moved[inner]
        moved[end] += run / max(float(np.linalg.norm(run)), 1e-9) * rng.normal(0.003, slip)
    return moved


def _bent(lines: list[Array], strength: float, rng: np.random.Generator) -> list[Array]:
    """All lines through one smooth distortion: a hand gets proportions slightly wrong. Lines stay in [0.01, 0.99]."""
    side = 32
    field = np.stack([noise(rng, side, 0.35), noise(rng, side, 0.35)], axis=-1) * strength  # (32, 32, 2)
    bent = []
    for line in lines:
        cell = np.clip((line * side).astype(int), 0, side - 1)
        shake = rng.normal(0, strength * 0.08, line.shape)
        bent.append(np.clip(line + field[cell[:, 1], cell[:, 0]] + shake, 0.01, 0.99))
    return bent


def _pressure(line: Array, width: float, tool: str, rng: np.random.Generator) -> Array:
    """The line's width at each point: constant for a mouse, swelling and fading for pen and pencil. (N,)"""
    if tool == "mouse":
        return np.full(len(line), width)
    along = np.linspace(0, 1, len(line))
    length = float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
    fade = np.clip(np.minimum(along, 1 - along) * length / 0.02, 0.55, 1.0)
    return width * fade * (1 + 0.18 * np.sin(along * rng.uniform(2, 9) + rng.uniform(0, 6)))


def _on_paper(strokes: list[Stroke], tool: str, side: int, rng: np.random.Generator) -> Array:
    """Black on white; a pencil is gray and catches on the grain of the paper. (side, side, 3)"""
    cover = ink(strokes, side).astype(float)
    if tool == "pencil":
        grain = resized(rng.normal(size=(min(side, 256),) * 2).astype(np.float32), side)
        cover = np.clip(cover * (0.80 + 0.16 * grain), 0, 1) * rng.uniform(0.72, 0.95)
    shade = 1.0 - cover * (0.97 if tool == "mouse" else rng.uniform(0.82, 0.97))
    return np.repeat(shade[..., None], 3, axis=-1)
