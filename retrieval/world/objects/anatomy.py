"""What animals share: coats, poses, eyes, muzzles, whiskers, legs and fins. The animals themselves are in `animals`.

A head is modelled upright at the origin, looking along +x; a `pose` then lets it turn, nod and tilt. The skins of body
and head are one melted surface that is divided into named parts afterwards, so that no seam shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import trimesh
from trimesh.transformations import euler_matrix

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part
from retrieval.world.sdf import Array, Field, Point
from retrieval.world.solids import Flat

ORIGIN: Point = (0.0, 0.0, 0.0)
INK = Material(Color("black", (0.03, 0.03, 0.035)), roughness=0.15)
IVORY = Material(Color("white", (0.95, 0.95, 0.95)), roughness=0.3)
PINK = Color("pink", (0.86, 0.5, 0.51))
SIDE = ((55.0, 100.0), (-100.0, -55.0))  # azimuths from which an animal is known by its profile


def coat(color: Color) -> Material:
    """Fur or feathers: the colour without shine."""
    return Material(color, roughness=0.75)


def horn(color: Color) -> Material:
    """Bills, feet, noses: the colour with some shine."""
    return Material(color, roughness=0.35)


def paler(fur: Color) -> Color:
    """The colour of the muzzle and belly of an animal with this fur."""
    return fur.shade(2.5 if fur.name == "black" else 1.22)


def pose(at: Point, turn: float = 0.0, nod: float = 0.0, tilt: float = 0.0) -> Array:
    """The motion (4x4) that tilts a head at the origin, nods it down, turns it left, and sets it `at`; degrees."""
    matrix = np.array(euler_matrix(*np.radians([tilt, nod, turn])), float)
    matrix[:3, 3] = at
    return matrix


def gesture(draw: Draw, at: Point, turn: float = 24.0, nod: float = 8.0, tilt: float = 12.0) -> Array:
    """The pose of a head at `at` that looks about freely, by so many degrees at most."""
    return pose(
        at, draw.uniform("turn", -turn, turn), draw.uniform("nod", -nod, nod), draw.uniform("tilt", -tilt, tilt)
    )


def askew(draw: Draw, low: float, high: float) -> Array:
    """A turn of the body to either side, while the face goes on looking ahead, so that a viewer in front sees both."""
    return pose(ORIGIN, draw.choice("body side", [1.0, -1.0]) * draw.uniform("body turn", low, high))


def moved(point: Point, motion: Array) -> Point:
    """The point, carried along by the motion."""
    x, y, z = motion[:3, :3] @ point + motion[:3, 3]
    return (float(x), float(y), float(z))


def posed(parts: Sequence[Part], motion: Array) -> list[Part]:
    """The parts, carried along by the motion."""
    return [replace(part, mesh=solids.posed(part.mesh, motion)) for part in parts]


def melted(body: Field, head: Field, width: float, fur: Color, cells: int) -> tuple[Part, Part]:
    """Body and head as one smooth skin, seams melted over `width`, divided where it comes nearer to the head."""
    skin = sdf.surface(sdf.blend(width, body, head), cells)
    front, rest = sdf.split(skin, sdf.nearer(head, body))
    return Part("body", rest, coat(fur)), Part("head", front, coat(fur))


def patched(part: Part, region: Field, color: Color) -> list[Part]:
    """The part with a patch of another colour where it lies in the region."""
    patch, rest = sdf.split(part.mesh, region)
    return [replace(part, mesh=rest), replace(part, mesh=patch, material=replace(part.material, color=color))]


def eyes(at: Point, radius: float, look: Point, iris: Color | None = None, slit: float = 1.0) -> list[Part]:
    """Two eyes, at `at` and its mirror image, looking along `look`.

    Black beads, or coloured by `iris` with a pupil that is `slit` times as wide as high.
    """
    place, gaze = np.array(at), np.array(look) / np.linalg.norm(look)
    x, y, z = (place + radius * (0.8 * gaze + np.array([0.0, -0.1, 0.42]))).tolist()
    glint = Part("eye", solids.mirrored(solids.ball((x, y, z), 0.24 * radius)), IVORY)
    ball = solids.mirrored(solids.ball(at, radius))
    if iris is None:
        return [Part("eye", ball, INK), glint]
    x, y, z = (place + 0.42 * radius * gaze).tolist()
    pupil = solids.pebble((x, y, z), (0.64 * radius, 0.76 * radius * slit, 0.76 * radius))
    return [Part("eye", ball, horn(iris)), Part("eye", solids.mirrored(pupil), INK), glint]


def whiskers(at: Point, reach: float, fur: Color) -> Part:
    """Three whiskers on each cheek, fanned out from `at`, dark on white fur and white on any other."""
    x, y, z = at
    hairs = []
    for fan in (0.24, 0.02, -0.2):
        bend = (x + 0.1, y + 0.5 * reach, z + reach * (0.7 * fan + 0.05))
        hair = solids.curve([at, bend, (x + 0.02, y + reach, z + reach * fan)], 8)
        hairs.append(solids.pipe(hair, 0.016, sections=5))
    return Part("whisker", solids.mirrored(solids.joined(*hairs)), INK if fur.name == "white" else IVORY)


def snout(at: Point, radius: float, fur: Color) -> list[Part]:
    """A muzzle: two whisker pads and a chin that leave the mouth between them, and a nose."""
    x, _, z = at
    pads = sdf.mirrored(sdf.sphere((x, 0.72 * radius, z), radius))
    chin = sdf.sphere((x - 0.3 * radius, 0.0, z - 0.85 * radius), 0.75 * radius)
    tip = sdf.blend(
        0.3 * radius,
        sdf.ellipsoid((x + 0.75 * radius, 0.0, z + 0.75 * radius), (0.35 * radius, 0.62 * radius, 0.3 * radius)),
        sdf.sphere((x + 0.8 * radius, 0.0, z + 0.45 * radius), 0.25 * radius),
    )
    return [
        Part("mouth", sdf.surface(sdf.union(pads, chin), 30), coat(paler(fur))),
        Part("nose", sdf.surface(tip, 16), horn(PINK)),
    ]


def four_legs(front: Point, back: Point, radius: float, stride: float) -> Field:
    """Four legs from the hips `front` and `back` and their mirror images to the ground, in mid-walk by `stride`."""
    steps = [(front, 1, stride), (front, -1, -stride), (back, 1, -stride), (back, -1, stride)]
    return sdf.union(*[leg((x, side * y, z), (x + step, side * y, 0.0), radius) for (x, y, z), side, step in steps])


def leg(hip: Point, foot: Point, radius: float) -> Field:
    """A leg that narrows from the hip to a soft paw pointing forward, at `foot` on the ground."""
    x, y, z = foot
    paw = sdf.ellipsoid((x + 0.4 * radius, y, z + 0.5 * radius), (1.05 * radius, 0.8 * radius, 0.55 * radius))
    return sdf.blend(0.5 * radius, sdf.limb(hip, (x, y, z + 0.6 * radius), radius, 0.66 * radius), paw)


def fin(base: Sequence[Flat], tip: Sequence[Flat], rays: int, depth: float = 0.035) -> trimesh.Trimesh:
    """A thin fin in the xz plane from the curve `base` to the curve `tip`, ridged and scalloped by its rays."""
    across = np.linspace(0.0, 1.0, 6 * rays + 1)
    roots, ends = (solids.curve(line, len(across)) for line in (base, tip))
    ridge = 0.5 - 0.5 * np.cos(2 * np.pi * rays * across)  # 0 between two rays, 1 on a ray
    rings = []
    for root, end, high in zip(roots, ends, ridge, strict=True):
        out = np.linspace(0.0, 1.0, 7)
        x, z = (root + (end - root) * (out * (0.93 + 0.07 * high))[:, None]).T
        thick = depth * (0.35 + 0.65 * high) * (1.0 - 0.75 * out)
        left, right = np.stack([x, thick, z], axis=1), np.stack([x, -thick, z], axis=1)
        rings.append(np.concatenate([left, right[::-1]]))
    return solids.crisp(solids.loft(rings), 60.0)
