"""Solids for made things: boxes, lathes, extrusions and sweeps, as triangle meshes with the z axis up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import shapely.geometry as plane
import trimesh
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull
from trimesh.transformations import rotation_matrix, translation_matrix

Point = tuple[float, float, float]
Flat = tuple[float, float]
Array = npt.NDArray[np.float64]
AXES = np.eye(3)


def moved(mesh: trimesh.Trimesh, offset: Point) -> trimesh.Trimesh:
    """A copy of the mesh, shifted."""
    copy = mesh.copy()
    copy.apply_transform(translation_matrix(offset))
    return copy


def turned(mesh: trimesh.Trimesh, axis: int, degrees: float, about: Point = (0.0, 0.0, 0.0)) -> trimesh.Trimesh:
    """A copy of the mesh, turned about an axis (0, 1, 2) through `about`, counter-clockwise seen from the axis' tip."""
    copy = mesh.copy()
    copy.apply_transform(rotation_matrix(np.radians(degrees), AXES[axis], about))
    return copy


def scaled(mesh: trimesh.Trimesh, factors: Point) -> trimesh.Trimesh:
    """A copy of the mesh, stretched along the axes about the origin."""
    copy = mesh.copy()
    copy.apply_transform(np.diag([*factors, 1.0]))
    return copy


def joined(*meshes: trimesh.Trimesh) -> trimesh.Trimesh:
    """All meshes as one (no boolean: they may overlap)."""
    return trimesh.util.concatenate(meshes)


def box(center: Point, size: Point) -> trimesh.Trimesh:
    """A box with full side lengths `size`."""
    return moved(trimesh.creation.box(extents=size), center)


def cylinder(start: Point, end: Point, radius: float, sections: int = 32) -> trimesh.Trimesh:
    """A closed cylinder from one point to another."""
    return trimesh.creation.cylinder(radius=radius, segment=[start, end], sections=sections)


def ball(center: Point, radius: float) -> trimesh.Trimesh:
    """A sphere."""
    return moved(trimesh.creation.icosphere(subdivisions=3, radius=radius), center)


def lathe(profile: Sequence[Flat], sections: int = 48) -> trimesh.Trimesh:
    """The profile [(radius, z), ...] turned around the z axis: cups, lamps, domes. Begin and end at radius 0 to close
    it.
    """
    return trimesh.creation.revolve(np.array(profile, float), sections=sections)


def extrude(outline: Sequence[Flat], depth: float, holes: Sequence[Sequence[Flat]] = ()) -> trimesh.Trimesh:
    """The outline [(x, y), ...] pulled along z from 0 to `depth`."""
    return trimesh.creation.extrude_polygon(plane.Polygon(outline, holes), depth)


def standing(outline: Sequence[Flat], depth: float, holes: Sequence[Sequence[Flat]] = ()) -> trimesh.Trimesh:
    """The outline [(x, z), ...] upright in the xz plane, pulled symmetrically along y over `depth`."""
    flat = extrude(outline, depth, holes)
    return moved(turned(flat, 0, 90.0), (0.0, depth / 2, 0.0))


def tube(points: Sequence[Point], radius: float, sections: int = 16) -> trimesh.Trimesh:
    """A round bar along the polyline `points`, with a ball at every joint so that bends are smooth."""
    bars = [cylinder(a, b, radius, sections) for a, b in pairwise(points)]
    knots = [moved(trimesh.creation.icosphere(subdivisions=2, radius=radius), p) for p in points]
    return joined(*bars, *knots)


def arc(center: Point, radius: float, start: float, stop: float, axis: int = 1, steps: int = 24) -> list[Point]:
    """Points on a circle in the plane across `axis`; degrees, counted from the plane's first axis to its second."""
    i, j = [(1, 2), (0, 2), (0, 1)][axis]
    points = np.tile(np.array(center, float), (steps, 1))
    angles = np.radians(np.linspace(start, stop, steps))
    points[:, i] += radius * np.cos(angles)
    points[:, j] += radius * np.sin(angles)
    return [(float(x), float(y), float(z)) for x, y, z in points]


def posed(mesh: trimesh.Trimesh, pose: npt.NDArray[np.float64]) -> trimesh.Trimesh:
    """A copy of the mesh, carried along by a rigid motion (a 4x4 matrix)."""
    copy = mesh.copy()
    copy.apply_transform(pose)
    return copy


def mirrored(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The mesh and its mirror image on the other side of the plane y = 0."""
    return joined(mesh, scaled(mesh, (1.0, -1.0, 1.0)))


def swept(
    points: Sequence[Point] | Array, radii: Sequence[float] | Array, section: Array, side: Point = (0.0, 1.0, 0.0)
) -> trimesh.Trimesh:
    """A bar along `points` (n, 3) whose cross-section is the loop `section` (m, 2) times a radius at each point.

    The section's first axis starts out towards `side` and then follows the bar without twisting: ears, bananas, trunks.
    """
    line = np.array(points, float)
    forward = np.gradient(line, axis=0)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    rings, across = [], np.array(side, float)
    for place, ahead, radius in zip(line, forward, radii, strict=True):
        across = across - (across @ ahead) * ahead
        across /= np.linalg.norm(across)
        rings.append(place + radius * (section[:, :1] * across + section[:, 1:] * np.cross(ahead, across)))
    return loft(rings)


def crisp(mesh: trimesh.Trimesh, degrees: float = 30.0) -> trimesh.Trimesh:
    """The mesh with vertices doubled along edges sharper than `degrees`, so that shading does not bleed around them."""
    merged = mesh.copy()
    merged.merge_vertices(merge_norm=True)
    pairs = merged.face_adjacency[merged.face_adjacency_angles < np.radians(degrees)]
    count = len(merged.faces)
    links = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    patch = connected_components(links, directed=False)[1]
    corners = np.stack([np.repeat(patch, 3), merged.faces.ravel()], axis=1)
    unique, index = np.unique(corners, axis=0, return_inverse=True)
    return trimesh.Trimesh(merged.vertices[unique[:, 1]], index.reshape(-1, 3), process=False)


@cache
def directions(detail: int) -> Array:
    """Points (N, 3) spread evenly over the unit sphere: 42 for detail 1, 162 for detail 2."""
    return np.asarray(trimesh.creation.icosphere(subdivisions=detail).vertices, float)


def hull(centers: Sequence[Point] | Array, radius: float | Sequence[float], detail: int = 2) -> trimesh.Trimesh:
    """The tight skin around balls at `centers`: any convex form with rounded edges whose flat faces stay flat."""
    unit = directions(detail)
    radii = np.broadcast_to(np.array(radius, float), len(centers))
    points = (np.array(centers, float)[:, None] + radii[:, None, None] * unit).reshape(-1, 3)
    skin = ConvexHull(points)
    faces = skin.simplices.astype(int)
    a, b, c = (points[faces[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), skin.equations[:, :3]) < 0
    faces[inward] = faces[inward, ::-1]
    owner = np.sort(faces // len(unit), axis=1)
    is_flat = (owner[:, 0] < owner[:, 1]) & (owner[:, 1] < owner[:, 2])  # spans three balls: gets its own vertices
    flat = points[faces[is_flat]].reshape(-1, 3)
    loose = len(points) + np.arange(len(flat)).reshape(-1, 3)
    mesh = trimesh.Trimesh(np.concatenate([points, flat]), np.concatenate([faces[~is_flat], loose]), process=False)
    mesh.remove_unreferenced_vertices()
    return mesh


def slab(center: Point, size: Point, rounding: float = 0.04) -> trimesh.Trimesh:
    """A box with full side lengths `size` and rounded edges."""
    signs = 2.0 * np.indices((2, 2, 2)).reshape(3, 8).T - 1
    corners = np.array(center) + signs * (np.array(size) / 2 - rounding)  # (8, 3)
    return hull(corners, rounding, detail=1 if rounding < 0.05 else 2)


def loft(rings: Sequence[Array] | Array, closed: bool = True) -> trimesh.Trimesh:
    """A skin over rings of points (R, N, 3), each a loop with the same N; `closed` puts a flat cap on both ends."""
    stack = np.array(rings, float)  # (R, N, 3)
    count, around = stack.shape[:2]
    index = np.arange(count * around).reshape(count, around)
    a, b = index[:-1], index[1:]
    c, d = np.roll(b, -1, axis=1), np.roll(a, -1, axis=1)
    skin = np.concatenate([np.stack([a, d, b], -1), np.stack([d, c, b], -1)]).reshape(-1, 3)
    meshes = [trimesh.Trimesh(stack.reshape(-1, 3), skin, process=False)]
    for ring, step in ((stack[0], -1), (stack[-1], 1)) if closed else ():
        rim = np.arange(around)
        fan = np.stack([rim, np.roll(rim, -1), np.full(around, around)], -1)[:, ::step]
        meshes.append(trimesh.Trimesh(np.vstack([ring, ring.mean(0)]), fan, process=False))
    return joined(*meshes)


def plate(
    outline: Sequence[Flat], depth: float, rounding: float = 0.03, corner: float | None = None
) -> trimesh.Trimesh:
    """The outline [(x, y), ...] pulled along z from 0 to `depth`, with rounded rims.

    `corner` is the radius of the outline's corners, at least `rounding`, which is that of the rims.
    """
    reach = max(rounding, corner or 0.0) * 1.02
    soft = plane.Polygon(outline).buffer(-reach, quad_segs=6).buffer(2 * reach, quad_segs=6).buffer(-reach, quad_segs=6)
    loop = np.array(plane.polygon.orient(soft.simplify(reach * 0.01)).exterior.coords)[:-1]
    edge = np.roll(loop, -1, axis=0) - loop
    edge /= np.linalg.norm(edge, axis=1, keepdims=True)
    bend = edge + np.roll(edge, 1, axis=0)
    inward = np.stack([-bend[:, 1], bend[:, 0]], 1) / (np.sum(bend * edge, axis=1, keepdims=True))
    angles = np.radians([0, 22.5, 45, 67.5, 90])
    steps = [(rounding * (1 - np.sin(t)), rounding * (1 - np.cos(t))) for t in angles]
    steps += [(inset, depth - z) for inset, z in reversed(steps)]
    rings = [np.column_stack([loop + inset * inward, np.full(len(loop), z)]) for inset, z in steps]
    cap = plane.Polygon(rings[0][:, :2])
    points, faces = trimesh.creation.triangulate_polygon(cap)
    top = trimesh.Trimesh(np.column_stack([points, np.full(len(points), depth)]), faces, process=False)
    bottom = trimesh.Trimesh(np.column_stack([points, np.zeros(len(points))]), faces[:, ::-1], process=False)
    mesh = joined(loft(rings, closed=False), top, bottom)
    mesh.remove_unreferenced_vertices()
    return mesh


def curve(points: Sequence[Sequence[float]], steps: int = 24) -> Array:
    """`steps` points on the smooth curve through a few points, in the plane or in space, evenly spread between them."""
    knots = np.array(points, float)
    stops = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    return np.asarray(CubicSpline(stops, knots)(np.linspace(0.0, stops[-1], steps)), float)


def ring_curve(points: Sequence[Flat], steps: int = 48) -> Array:
    """`steps` points (steps, 2) on the smooth closed curve through a few points of the plane; none is repeated."""
    knots = np.array([*points, points[0]], float)
    stops = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    spline = CubicSpline(stops, knots, bc_type="periodic")
    return np.asarray(spline(np.linspace(0.0, stops[-1], steps, endpoint=False)), float)


def pipe(
    points: Sequence[Sequence[float]] | Array,
    radius: float | Sequence[float] | Array,
    across: float = 1.0,
    sections: int = 14,
) -> trimesh.Trimesh:
    """A bar with round ends along `points`, with a radius at each or one for all: handles, legs, frames.

    `across` widens the section at right angles to the plane in which the bar bends.
    """
    line = np.array(points, float)
    radii = np.broadcast_to(np.array(radius, float), len(line))
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    side = np.linalg.svd(line - line.mean(0), full_matrices=True)[2][2]  # across the bar's plane
    fall = np.radians([80.0, 60.0, 40.0, 20.0])
    first = [(line[0] - tangent[0] * radii[0] * np.sin(t), tangent[0], radii[0] * np.cos(t)) for t in fall]
    last = [(line[-1] + tangent[-1] * radii[-1] * np.sin(t), tangent[-1], radii[-1] * np.cos(t)) for t in fall[::-1]]
    turn = np.linspace(0.0, 2 * np.pi, sections, endpoint=False)[:, None]
    rings = []
    for place, ahead, r in [*first, *zip(line, tangent, radii, strict=True), *last]:
        bend = np.cross(side, ahead)
        bend /= np.linalg.norm(bend)
        rings.append(place + r * (np.cos(turn) * bend + np.sin(turn) * across * np.cross(ahead, bend)))
    return loft(rings)


def board(
    outline: Sequence[Flat], depth: float, rounding: float = 0.03, corner: float | None = None
) -> trimesh.Trimesh:
    """A `plate` upright in the xz plane, with `depth` centred on y = 0."""
    return moved(turned(plate(outline, depth, rounding, corner), 0, 90.0), (0.0, depth / 2, 0.0))


def pane(corners: Sequence[Point] | Array, depth: float = 0.03, corner: float = 0.06) -> trimesh.Trimesh:
    """A thin plate with rounded corners on a flat polygon in space, counter-clockwise from outside: windows, signs."""
    points = np.array(corners, float)
    right = points[1] - points[0]
    right /= np.linalg.norm(right)
    out = np.cross(points[1] - points[0], points[2] - points[0])
    out /= np.linalg.norm(out)
    frame = np.eye(4)
    frame[:3, :3] = np.column_stack([right, np.cross(out, right), out])
    frame[:3, 3] = points[0]
    flat = (points - points[0]) @ frame[:3, :2]
    return posed(plate([(float(x), float(y)) for x, y in flat], depth, depth * 0.45, corner), frame)


def pebble(center: Point, radii: Point, detail: int = 3) -> trimesh.Trimesh:
    """A ball with its own radius along each axis; small ones need less detail."""
    return moved(scaled(trimesh.creation.icosphere(subdivisions=detail), radii), center)


def sheet(grid: Array, thickness: float = 0.012) -> trimesh.Trimesh:
    """A thin cloth over a grid of points (R, C, 3), with an upper and a lower face: sails, canopies, flags."""
    index = np.arange(grid.shape[0] * grid.shape[1]).reshape(grid.shape[:2])
    a, b, c, d = index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)]).reshape(-1, 3)
    upper = trimesh.Trimesh(grid.reshape(-1, 3), faces, process=False)
    lower = trimesh.Trimesh(upper.vertices - thickness * upper.vertex_normals, faces[:, ::-1], process=False)
    return joined(upper, lower)
