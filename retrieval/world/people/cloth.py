"""What garments are cut from: a trunk-shaped column, sleeves, trouser legs, folds, and patterns in the mesh."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import trimesh

from retrieval.world import sdf
from retrieval.world.model import Color, Material, Part
from retrieval.world.people.identity import Body, Garment
from retrieval.world.people.skeleton import Arm, Leg, Skeleton
from retrieval.world.sdf import Array, Field, Point

Knots = Sequence[tuple[float, float, float, float]]  # height above the hips, forward, half depth, half width
CELL = 0.0155  # the side of a mesh cell, metres
AROUND = 0.14  # a trunk's mean radius, metres: turns angles into lengths for patterns


def fabric(color: Color, roughness: float = 0.85) -> Material:
    """Cloth: no shine."""
    return Material(color, roughness)


def leather(color: Color) -> Material:
    """Leather, rubber, plastics: some shine."""
    return Material(color, 0.42)


def meshed(field: Field, cell: float = CELL) -> trimesh.Trimesh:
    """The field's surface in cells of that side."""
    return sdf.surface(field, max(8, int(float((field.high - field.low).max()) / cell)))


def torso(body: Body) -> Knots:
    """The trunk's skin, from the seat to the neck."""
    girth, hips, shoulders = body.girth, body.hips, body.shoulders
    belly = 0.05 * max(girth - 1.0, 0.0)
    return (
        (-0.11, -0.004, 0.085 * girth, 0.110 * hips),
        (-0.03, -0.010, 0.115 * girth, 0.148 * hips * girth**0.5),
        (0.06, 0.2 * belly, 0.105 * girth, 0.138 * hips * girth**0.6),
        (0.15, 0.004 + belly, 0.098 * girth, 0.120 * girth),
        (0.28, 0.008 + 0.4 * belly, 0.115 * girth, 0.142 * shoulders * girth**0.5),
        (0.38, 0.000, 0.105 * girth**0.5, 0.148 * shoulders),
        (0.44, -0.008, 0.086, 0.128 * shoulders),
        (0.49, -0.012, 0.062, 0.074),
        (0.54, -0.010, 0.050, 0.052),
    )


def grown(knots: Knots, by: float) -> Knots:
    """The same column, wider all around."""
    return tuple((up, ahead, deep + by, wide + by) for up, ahead, deep, wide in knots)


def locals_of(bones: Skeleton, p: Array) -> tuple[Array, Array, Array]:
    """World points in the frame of the twisted trunk: forward, left and up from the hips, each (...)."""
    up = p[..., 2] - bones.hips[2]
    x, y = bones.axis(up)
    turn = bones.turn(up)
    dx, dy = p[..., 0] - x, p[..., 1] - y
    return dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn), up


def column(bones: Skeleton, knots: Knots, low: float, high: float, folds: tuple[int, float] = (0, 0.0)) -> Field:
    """The trunk-shaped solid through the knots, cut flat at heights `low` and `high`.

    folds: how many pleats, and how deep at the lower end; they fade out upwards.
    """
    table = np.array(knots).T
    reach = float(table[2:].max() + np.abs(table[1]).max()) + folds[1] + 0.04
    count, deep = folds

    def distance(p: Array) -> Array:
        ahead, left, up = locals_of(bones, p)
        forward, rx, ry = (_smooth(up, table[0], row) for row in table[1:])
        ahead = ahead - forward
        away = np.sqrt((ahead / rx) ** 2 + (left / ry) ** 2)
        flat = (away - 1.0) * np.minimum(rx, ry)
        if count:
            fade = np.clip((high - up) / (high - low), 0.0, 1.0) ** 1.5
            flat = flat - deep * fade * np.cos(count * np.arctan2(left / ry, ahead / rx) + 0.7)
        return np.maximum(flat, np.maximum(low - up, up - high))

    middle = np.array([*bones.chest(0.0, 0.0, (low + high) / 2)])
    half = np.array([reach, reach, (high - low) / 2])
    return Field(distance, middle - half, middle + half)


def _smooth(at: Array, knots: Array, values: Array) -> Array:
    """Values between knots, by a monotone curve sampled finely. -> as `at`"""
    from scipy.interpolate import PchipInterpolator

    fine = np.linspace(knots[0], knots[-1], 96)
    return np.interp(at, fine, PchipInterpolator(knots, values)(fine))


def cropped(field: Field, point: Array, outward: Array) -> Field:
    """The field without what lies beyond the plane through `point`."""
    normal = outward / np.linalg.norm(outward)
    return Field(lambda p: np.maximum(field.distance(p), (p - point) @ normal), field.low, field.high)


def wavy(field: Field, depth: float, waves: Callable[[Array], Array]) -> Field:
    """The field with its surface moved in and out by `depth` times `waves` (points (..., 3) -> (...) in [-1, 1])."""
    return Field(lambda p: field.distance(p) - depth * waves(p), field.low - depth, field.high + depth)


def triple(point: Array) -> Point:
    """An array of three as a point."""
    x, y, z = point
    return float(x), float(y), float(z)


def tapered(joints: Sequence[Array], radii: Sequence[float], length: float) -> Field:
    """A sleeve or trouser leg along the joints, `length` bones long, cut square at its end."""
    whole, rest = int(min(length, len(joints) - 1)), length - int(min(length, len(joints) - 1))
    points, sizes = list(joints[: whole + 1]), list(radii[: whole + 1])
    if rest > 1e-6:
        points.append(joints[whole] + rest * (joints[whole + 1] - joints[whole]))
        sizes.append(radii[whole] + rest * (radii[whole + 1] - radii[whole]))
    pieces = [
        sdf.limb(triple(a), triple(b), ra, rb)
        for a, b, ra, rb in zip(points, points[1:], sizes, sizes[1:], strict=False)
    ]
    pieces[-1] = cropped(pieces[-1], points[-1], points[-1] - points[-2])
    return sdf.blend(0.02, *pieces)


def sleeve(arm: Arm, radii: Sequence[float], length: float) -> Field:
    """A sleeve: radii at shoulder, elbow and wrist; length 2 reaches the wrist."""
    return tapered((arm.shoulder, arm.elbow, arm.wrist), radii, length)


def trouser_leg(leg: Leg, radii: Sequence[float], length: float) -> Field:
    """A trouser leg: radii at hip, knee and ankle; length 2 reaches the ankle."""
    return tapered((leg.hip, leg.knee, leg.ankle), radii, length)


def laid(field: Field, points: Array, lift: float) -> Array:
    """Points (n, 3) drawn onto the field's surface and lifted off it: straps and belts."""
    p = np.array(points, float)
    step = 0.004
    for _ in range(5):
        here = field.distance(p)
        slope = np.stack([(field.distance(p + step * axis) - here) / step for axis in np.eye(3)], axis=-1)
        slope /= np.maximum(np.linalg.norm(slope, axis=-1, keepdims=True), 1e-6)
        p = p - (here - lift)[:, None] * slope * 0.9
    return p


def region(bones: Skeleton, inside: Callable[[Array, Array, Array], Array]) -> Field:
    """A region for `sdf.split`: `inside(ahead, left, up)` in the trunk's frame is negative within it."""
    far = np.full(3, 9.0)
    return Field(lambda p: inside(*locals_of(bones, p)), -far, far)


def parted(parts: Sequence[Part], where: Field, material: Material, name: str | None = None) -> list[Part]:
    """The parts, of another material (and name) where they lie in the region."""
    result = []
    for part in parts:
        inside, outside = sdf.split(part.mesh, where)
        if len(outside.faces):
            result.append(replace(part, mesh=outside))
        if len(inside.faces):
            result.append(Part(name or part.name, inside, material))
    return result


def patterned(bones: Skeleton, part: Part, garment: Garment) -> list[Part]:
    """The part with the garment's pattern in its second colour; a "print" is a Part of that name."""
    if garment.pattern is None or garment.second is None:
        return [part]
    return parted(
        [part],
        region(bones, PATTERN_SHAPES[garment.pattern]),
        fabric(garment.second),
        "print" if garment.pattern == "print" else None,
    )


def _bands(along: Array, period: float, width: float) -> Array:
    """Negative within bands of that width, once per period."""
    return np.abs(np.mod(along, period) - period / 2) - width / 2


def _striped(_ahead: Array, _left: Array, up: Array) -> Array:
    return _bands(up, 0.105, 0.047)


def _checked(ahead: Array, left: Array, up: Array) -> Array:
    around = AROUND * np.arctan2(left, ahead)
    return np.minimum(_bands(up, 0.10, 0.03), _bands(around + 0.05, 0.10, 0.03))


def _dotted(ahead: Array, left: Array, up: Array) -> Array:
    row = np.floor(up / 0.075)
    around = np.mod(AROUND * np.arctan2(left, ahead) + 0.0367 * np.mod(row, 2), 0.0733) - 0.0367
    return np.hypot(around, np.mod(up, 0.075) - 0.0375) - 0.021


def _print(ahead: Array, left: Array, up: Array) -> Array:
    """A big round print on the chest."""
    disc = np.hypot(left, up - 0.29) - 0.058
    return np.maximum(disc, -ahead)


PATTERN_SHAPES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "striped": _striped,
    "checked": _checked,
    "dotted": _dotted,
    "print": _print,
}
