"""Signed distance fields: organic shapes that melt into each other, and the mesh of their surface.

A `Field` knows its distance function and its bounding box, so it can be meshed without asking where it lies.
Distances are negative inside; blended distances are bounds rather than exact, which meshing does not mind.
After Inigo Quilez' catalogue of distance functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt
import trimesh
from skimage.measure import marching_cubes

Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]


@dataclass(frozen=True)
class Field:
    """distance: points (..., 3) -> (...); low and high: corners of a box that holds the surface."""

    distance: Callable[[Array], Array]
    low: Array
    high: Array


def _length(vectors: Array) -> Array:
    """Euclidean lengths (..., 3) -> (...); several times faster than the general norm along a short axis."""
    return np.asarray(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)))


def ellipsoid(center: Point, radii: Point) -> Field:
    """An ellipsoid along the axes."""
    c, r = np.array(center, float), np.array(radii, float)

    def distance(p: Array) -> Array:
        square = (p - c) ** 2
        near = np.sqrt(square @ r**-2)
        slope = np.sqrt(square @ r**-4)
        return near * (near - 1.0) / np.maximum(slope, 1e-9)

    return Field(distance, c - r, c + r)


def sphere(center: Point, radius: float) -> Field:
    """A ball."""
    c = np.array(center, float)
    return Field(lambda p: _length(p - c) - radius, c - radius, c + radius)


def limb(start: Point, end: Point, radius: float, end_radius: float | None = None) -> Field:
    """A rod with round ends whose radius runs from `radius` to `end_radius`: necks, legs, fingers."""
    a, b = np.array(start, float), np.array(end, float)
    ra, rb = radius, radius if end_radius is None else end_radius
    axis = b - a
    length2 = max(float(axis @ axis), 1e-12)

    def distance(p: Array) -> Array:
        t = np.clip((p - a) @ axis / length2, 0.0, 1.0)
        return _length(p - a - t[..., None] * axis) - (ra + (rb - ra) * t)

    return Field(distance, np.minimum(a - ra, b - rb), np.maximum(a + ra, b + rb))


def block(center: Point, half: Point, rounding: float = 0.05) -> Field:
    """A box along the axes, half-lengths `half`, edges rounded by `rounding`."""
    c, h = np.array(center, float), np.array(half, float)

    def distance(p: Array) -> Array:
        q = np.abs(p - c) - (h - rounding)
        outside = _length(np.maximum(q, 0.0))
        return outside + np.minimum(np.maximum(np.maximum(q[..., 0], q[..., 1]), q[..., 2]), 0.0) - rounding

    return Field(distance, c - h, c + h)


def ring(center: Point, radius: float, thickness: float, axis: int = 2) -> Field:
    """A torus around `axis` (0, 1 or 2)."""
    c = np.array(center, float)
    flat = [i for i in range(3) if i != axis]
    reach = np.full(3, radius + thickness)
    reach[axis] = thickness

    def distance(p: Array) -> Array:
        q = p - c
        around = _length(q[..., flat]) - radius
        return np.hypot(around, q[..., axis]) - thickness

    return Field(distance, c - reach, c + reach)


def path(points: Sequence[Point], radii: Sequence[float]) -> Field:
    """A tube through `points` with a radius at each: tails, trunks, arms."""
    pieces = [limb(a, b, ra, rb) for a, b, ra, rb in zip(points, points[1:], radii, radii[1:], strict=False)]
    return union(*pieces)


def union(*fields: Field) -> Field:
    """All fields together, with sharp seams."""

    def distance(p: Array) -> Array:
        return reduce(np.minimum, (f.distance(p) for f in fields))

    return Field(distance, np.min([f.low for f in fields], axis=0), np.max([f.high for f in fields], axis=0))


def blend(width: float, *fields: Field) -> Field:
    """All fields together, seams melted over about `width`."""

    def distance(p: Array) -> Array:
        total = fields[0].distance(p)
        for f in fields[1:]:
            other = f.distance(p)
            mix = np.clip(0.5 + 0.5 * (other - total) / width, 0.0, 1.0)
            total = other * (1 - mix) + total * mix - width * mix * (1 - mix)
        return total

    low = np.min([f.low for f in fields], axis=0) - width / 4
    high = np.max([f.high for f in fields], axis=0) + width / 4
    return Field(distance, low, high)


def cut(field: Field, *tools: Field) -> Field:
    """What is left of `field` when the tools are taken away."""

    def distance(p: Array) -> Array:
        return np.maximum(field.distance(p), -reduce(np.minimum, (t.distance(p) for t in tools)))

    return Field(distance, field.low, field.high)


def carve(width: float, field: Field, *tools: Field) -> Field:
    """What is left of `field` when the tools are taken away, the new edges rounded over about `width`."""
    tool = union(*tools)

    def distance(p: Array) -> Array:
        inside, outside = field.distance(p), -tool.distance(p)
        mix = np.maximum(width - np.abs(inside - outside), 0.0) / width
        return np.maximum(inside, outside) + mix * mix * width / 4

    return Field(distance, field.low, field.high)


def mirrored(field: Field) -> Field:
    """The field and its mirror image on the other side of the plane y = 0."""
    flip = np.array([1.0, -1.0, 1.0])
    low, high = field.low.copy(), field.high.copy()
    reach = max(abs(low[1]), abs(high[1]))
    low[1], high[1] = -reach, reach
    return Field(lambda p: np.minimum(field.distance(p), field.distance(p * flip)), low, high)


def surface(field: Field, cells: int = 56) -> trimesh.Trimesh:
    """The field's surface as a triangle mesh; `cells` grid cells along its longest side."""
    span = field.high - field.low
    step = float(span.max()) / cells
    low = field.low - 2 * step
    counts = np.maximum(np.ceil(span / step).astype(int) + 5, 5)
    axes = [low[i] + step * np.arange(counts[i]) for i in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    vertices, faces, _, _ = marching_cubes(field.distance(points), 0.0, spacing=(step, step, step))
    return trimesh.Trimesh(vertices + low, faces, process=False)


def posed(field: Field, pose: Array) -> Field:
    """The field carried along by a rigid motion, a 4x4 matrix: a head is modelled upright and then looks about."""
    turn, shift = pose[:3, :3], pose[:3, 3]
    corners = np.array(np.meshgrid(*zip(field.low, field.high, strict=True))).reshape(3, -1).T
    moved = corners @ turn.T + shift
    return Field(lambda p: field.distance((p - shift) @ turn), moved.min(axis=0), moved.max(axis=0))


def nearer(field: Field, other: Field) -> Field:
    """The region that lies closer to `field` than to `other`: where a head ends and a body begins."""
    return Field(lambda p: field.distance(p) - other.distance(p), field.low, field.high)


def split(mesh: trimesh.Trimesh, region: Field) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """The mesh inside and outside the region, triangles cut along its border: patches of another name or colour."""
    points, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    depth = region.distance(points)
    within = depth < 0
    count = within[faces].sum(axis=1)
    crossing = faces[(count == 1) | (count == 2)]
    odd = within[crossing] == (within[crossing].sum(axis=1) == 1)[:, None]  # the corner that is alone on its side
    roll = (np.argmax(odd, axis=1)[:, None] + np.arange(3)) % 3
    lone, b, c = np.take_along_axis(crossing, roll, axis=1).T
    ends = np.sort(np.stack([np.stack([lone, b], 1), np.stack([lone, c], 1)]).reshape(-1, 2), axis=1)
    edges, new = np.unique(ends, axis=0, return_inverse=True)
    share = depth[edges[:, 0]] / (depth[edges[:, 0]] - depth[edges[:, 1]])
    cuts = points[edges[:, 0]] + share[:, None] * (points[edges[:, 1]] - points[edges[:, 0]])
    p, q = new.reshape(2, -1) + len(points)
    tips = np.stack([lone, p, q], axis=1)
    rests = np.concatenate([np.stack([p, b, c], axis=1), np.stack([p, c, q], axis=1)])
    alone = within[lone]
    inside = np.concatenate([faces[count == 3], tips[alone], rests[np.tile(~alone, 2)]])
    outside = np.concatenate([faces[count == 0], tips[~alone], rests[np.tile(alone, 2)]])
    everything = np.concatenate([points, cuts])
    first, second = (trimesh.Trimesh(everything, side, process=False) for side in (inside, outside))
    first.remove_unreferenced_vertices()
    second.remove_unreferenced_vertices()
    return first, second


def cast(field: Field, origins: Array, direction: Point, steps: int = 24) -> Array:
    """The points (n, 3) where rays from `origins` (n, 3) along the unit `direction` meet the surface."""
    points, ahead = np.array(origins, float), np.array(direction, float)
    for _ in range(steps):
        points = points + 0.8 * field.distance(points)[:, None] * ahead
    return points
