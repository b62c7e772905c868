"""Long-legged mammals of the world: horse and giraffe, whose jointed legs are posed bone by bone."""

from __future__ import annotations

import numpy as np

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Part, object_class
from retrieval.world.objects.anatomy import (
    INK,
    IVORY,
    ORIGIN,
    SIDE,
    coat,
    eyes,
    gesture,
    horn,
    melted,
    moved,
    patched,
    pose,
    posed,
)
from retrieval.world.objects.mammals import dappled, hide, mixed
from retrieval.world.sdf import Array, Field, Point

Bend = tuple[float, float]  # degrees forward of straight down: of the upper and of the lower half of a leg

MANES = {
    "brown": ["black", "white"],
    "gray": ["black", "white"],
    "white": ["gray", "black"],
    "black": ["white", "gray"],
}


def jointed(hip: Point, lengths: tuple[float, ...], angles: tuple[float, ...]) -> list[Point]:
    """The joints of a leg that starts at `hip`; each bone leans by its angle, in degrees forward of straight down."""
    x, y, z = hip
    joints = [hip]
    for length, angle in zip(lengths, np.radians(angles), strict=True):
        x, z = x + length * float(np.sin(angle)), z - length * float(np.cos(angle))
        joints.append((x, y, z))
    return joints


def hoofed_leg(joints: list[Point], thigh: float, shin: float) -> tuple[Field, Field]:
    """A slender leg through hip, knee, ankle and tip that ends in a flared hoof, and the region of the hoof."""
    hip, knee, ankle, tip = joints
    leg = sdf.blend(
        0.5 * shin,
        sdf.limb(hip, knee, thigh, 1.2 * shin),
        sdf.limb(knee, ankle, 1.2 * shin, shin),
        sdf.limb(ankle, tip, shin, 1.35 * shin),
    )
    ahead = np.array(tip) - np.array(ankle)
    x, y, z = (np.array(tip) + shin * ahead / np.linalg.norm(ahead)).tolist()
    return leg, sdf.sphere((x, y, z), 1.75 * shin)


@object_class("horse", family="animal", azimuths=SIDE, elevations=(2.0, 18.0), synonyms=("pony", "stallion", "mare"))
def horse(draw: Draw) -> list[Part]:
    """A horse that walks, trots, gallops or rears, its mane and tail flowing, perhaps with socks or white patches."""
    fur = hide(draw, "coat", ["brown", "brown", "white", "black", "gray"])
    hair = draw.color("mane", MANES[fur.name], 0.015)
    gait = draw.choice("gait", ["walk", "walk", "trot", "trot", "rear", "gallop"])
    stout, long = draw.uniform("stoutness", 0.88, 1.15), draw.uniform("legs", 0.8, 1.12)
    rise = pose((-0.6, 0.0, 1.4 * long), 0.0, {"rear": -38.0, "gallop": -8.0}.get(gait, 0.0))  # about the hind hips
    lean = np.radians(draw.uniform("neck", 38.0, 64.0) - (12.0 if gait == "gallop" else 0.0))
    length = draw.uniform("neck length", 0.8, 1.05)
    poll: Point = (1.22 + length * float(np.cos(lean)), 0.0, 0.26 + length * float(np.sin(lean)))
    look = rise @ gesture(draw, poll, turn=20.0, nod=6.0, tilt=4.0) @ pose(ORIGIN, 0.0, 44.0)
    legs, hooves = horse_legs(gait, rise, long)
    trunk = sdf.blend(0.08, sdf.posed(horse_trunk(stout, poll), rise), legs)
    body, head = melted(trunk, sdf.posed(horse_skull(), look), 0.1, fur, 66)
    hoof, rest = sdf.split(body.mesh, hooves)
    skin = horse_marks(Part("body", rest, coat(fur)), head, look, hooves, draw)
    return [
        *skin,
        Part("hoof", hoof, horn(Color("black", (0.13, 0.11, 0.1)))),
        *posed([horse_mane(poll, hair, draw), horse_tail(hair, 0.4 if gait == "gallop" else 0.0, draw)], rise),
        *posed(horse_face(fur, hair), look),
    ]


def horse_trunk(stout: float, poll: Point) -> Field:
    """Barrel, rump, chest and neck of a horse whose hind hips are at the origin."""
    return sdf.blend(
        0.25,
        sdf.ellipsoid((0.6, 0.0, 0.12), (0.9, 0.4 * stout, 0.42 * stout)),
        sdf.ellipsoid((-0.04, 0.0, 0.18), (0.46, 0.4 * stout, 0.45)),
        sdf.ellipsoid((1.16, 0.0, 0.12), (0.42, 0.37 * stout, 0.48)),
        sdf.limb((1.2, 0.0, 0.26), poll, 0.38, 0.22),
    )


def horse_legs(gait: str, rise: Array, long: float) -> tuple[Field, Field]:
    """The four legs of a horse in its gait, and the regions of their hooves; the trunk is risen by `rise`."""
    bends: dict[str, tuple[Bend, Bend, Bend, Bend]] = {  # fore left, fore right, hind left, hind right
        "walk": ((24.0, 12.0), (-14.0, -26.0), (-30.0, -10.0), (2.0, 26.0)),
        "trot": ((66.0, -32.0), (-12.0, -16.0), (-6.0, 24.0), (-40.0, -34.0)),
        "rear": ((84.0, -26.0), (58.0, -56.0), (4.0, -4.0), (-16.0, 2.0)),
        "gallop": ((70.0, 34.0), (48.0, -34.0), (-56.0, -36.0), (-34.0, -14.0)),
    }
    hips: list[Point] = [(1.2, 0.2, -0.02), (1.2, -0.2, -0.02), (-0.02, 0.22, 0.02), (-0.02, -0.22, 0.02)]
    legs, hooves = [], []
    for hip, thigh, (upper, lower) in zip(hips, (0.2, 0.2, 0.28, 0.28), bends[gait], strict=True):
        joints = jointed(moved(hip, rise), (0.66 * long, 0.5 * long, 0.12), (upper, lower, lower + 12.0))
        leg, hoof = hoofed_leg(joints, thigh, 0.095)
        legs.append(leg)
        hooves.append(hoof)
    return sdf.union(*legs), sdf.union(*hooves)


def horse_skull() -> Field:
    """The long head of a horse, along +x."""
    return sdf.blend(
        0.1,
        sdf.ellipsoid((0.08, 0.0, -0.03), (0.32, 0.2, 0.29)),
        sdf.limb((0.1, 0.0, 0.0), (0.72, 0.0, -0.04), 0.21, 0.14),
        sdf.ellipsoid((0.78, 0.0, -0.07), (0.18, 0.16, 0.17)),
    )


def horse_marks(body: Part, head: Part, look: Array, hooves: Field, draw: Draw) -> list[Part]:
    """Body and head of a horse: plain, with a blaze down the face and socks, or with large white patches."""
    pattern = draw.choice("pattern", ["plain", "plain", "blaze", "patches"])
    if pattern == "plain" or body.material.color.name == "white":
        return [body, head]
    blaze = sdf.posed(sdf.ellipsoid((0.34, 0.0, 0.24), (0.42, 0.09, 0.2)), look)
    if pattern == "blaze":
        socks = Field(lambda points: hooves.distance(points) - 0.24, hooves.low - 0.24, hooves.high + 0.24)
        return [*patched(body, socks, IVORY.color), *patched(head, blaze, IVORY.color)]
    size, seed = draw.uniform("patch size", 0.6, 1.05), draw.uniform("patch places", 0, 1e6)
    return [*dappled(body, size, 0.35, IVORY.color, seed), *patched(head, blaze, IVORY.color)]


def horse_face(fur: Color, hair: Color) -> list[Part]:
    """Ears, eyes, nostrils and forelock of a horse's head."""
    ear = sdf.limb((-0.12, 0.12, 0.14), (-0.2, 0.16, 0.46), 0.11, 0.03)
    nostril = solids.mirrored(solids.pebble((0.87, 0.11, 0.0), (0.05, 0.04, 0.05), 2))
    forelock = sdf.path([(-0.16, 0.0, 0.22), (0.06, 0.0, 0.28), (0.3, 0.0, 0.18)], [0.11, 0.1, 0.03])
    return [
        Part("ear", sdf.surface(sdf.mirrored(ear), 30), coat(fur)),
        *eyes((0.22, 0.165, 0.08), 0.08, (0.4, 1.0, 0.1)),
        Part("nostril", nostril, INK),
        Part("mane", sdf.surface(forelock, 20), coat(hair)),
    ]


def horse_mane(poll: Point, hair: Color, draw: Draw) -> Part:
    """A horse's mane along its neck up to the poll, in locks that fall on both sides."""
    root, top = np.array((1.2, 0.0, 0.26)), np.array(poll)
    along = top - root
    up = np.array([-along[2], 0.0, along[0]]) / np.linalg.norm(along)
    fall, locks = draw.uniform("mane", 0.28, 0.55), []
    for t in np.linspace(0.12, 1.0, 7):
        crest = root + t * along + up * (0.33 - 0.1 * t)
        middle = crest + np.array([-0.06, 0.24 - 0.05 * t, -0.08])
        tip = crest + np.array([-0.12, 0.4 - 0.12 * t, -fall * (0.35 + 0.65 * t)])
        points: list[Point] = [(float(x), float(y), float(z)) for x, y, z in (crest, middle, tip)]
        locks.append(sdf.path(points, [0.15, 0.13, 0.04]))
    return Part("mane", sdf.surface(sdf.mirrored(sdf.blend(0.05, *locks)), 44), coat(hair))


def horse_tail(hair: Color, wind: float, draw: Draw) -> Part:
    """A full tail that hangs from a horse's rump or is carried high, the more so in the wind of a gallop."""
    lift, sway = wind + draw.uniform("tail", 0.0, 0.42), draw.uniform("sway", -0.25, 0.25)
    bow: Point = (-0.62 - 0.3 * lift, 0.0, 0.3 + 0.35 * lift)
    drop: Point = (-0.78 - lift, 0.5 * sway, -0.25 + 0.3 * lift)
    line = solids.curve([(-0.38, 0.0, 0.36), bow, drop, (-0.84 - lift - 0.5 * wind, sway, wind - 0.9)], 26)
    return Part(
        "tail",
        solids.pipe(line, np.interp(np.linspace(0, 1, 26), [0, 0.3, 0.7, 1], [0.1, 0.15, 0.2, 0.03])),
        coat(hair),
    )


@object_class("giraffe", family="animal", azimuths=SIDE, elevations=(0.0, 15.0))
def giraffe(draw: Draw) -> list[Part]:
    """A giraffe with a net of patches, standing, walking or lying, its long neck upright or leaning to browse."""
    fur = mixed(hide(draw, "coat", ["yellow", "yellow", "orange"]), IVORY.color, 0.22)
    brown = draw.color("patches", ["brown"], 0.015).shade(draw.uniform("patch shade", 0.7, 1.1))
    line = giraffe_neck(draw.uniform("neck angle", 50.0, 82.0), draw.uniform("neck", 1.6, 2.3), draw)
    x, y, z = line[-1].tolist()
    look = gesture(draw, (x, y, z), turn=38.0, nod=8.0, tilt=8.0) @ pose(ORIGIN, 0.0, 14.0)
    stout = draw.uniform("stoutness", 0.9, 1.15)
    legs, hooves = giraffe_legs(
        draw.choice("stance", ["stand", "walk", "walk", "stand", "walk", "lie"]), draw.uniform("legs", 0.8, 1.1)
    )
    points: list[Point] = [(float(x), float(y), float(z)) for x, y, z in line[::3]]
    trunk = sdf.blend(
        0.2,
        sdf.limb((-0.46, 0.0, -0.08), (0.34, 0.0, 0.06), 0.38 * stout, 0.44 * stout),
        sdf.path(points, np.linspace(0.34, 0.17, len(points)).tolist()),
    )
    body, head = melted(sdf.blend(0.08, trunk, legs), sdf.posed(giraffe_skull(), look), 0.08, fur, 78)
    hoof, rest = sdf.split(body.mesh, hooves)
    size, seed = draw.uniform("patch size", 0.3, 0.46), draw.uniform("patch places", 0, 1e6)
    crest = solids.pipe(line[2:-2] + np.array([-0.24, 0.0, 0.08]), 0.09)
    return [
        *dappled(Part("body", rest, coat(fur)), size, 0.29, brown, seed),
        head,
        Part("hoof", hoof, horn(brown.shade(0.5))),
        Part("mane", crest, coat(brown)),
        *giraffe_tail(fur, brown),
        *posed(giraffe_face(fur, brown, draw.uniform("horns", 0.2, 0.32)), look),
    ]


def giraffe_neck(lean: float, length: float, draw: Draw) -> Array:
    """Points (13, 3) along a giraffe's neck that rises by `lean` degrees and is a little bowed."""
    t, angle = np.linspace(0.0, 1.0, 13), np.radians(lean)
    bow = draw.uniform("neck bend", -0.18, 0.22) * np.sin(np.pi * t)
    x = 0.42 + length * t * np.cos(angle) - bow * np.sin(angle)
    return np.stack([x, np.zeros(13), 0.2 + length * t * np.sin(angle) + bow * np.cos(angle)], axis=1)


def giraffe_legs(stance: str, long: float) -> tuple[Field, Field]:
    """The four legs of a giraffe, folded under it when it lies, and the regions of their hooves."""
    bends: dict[str, tuple[Bend, Bend, Bend, Bend]] = {  # fore left, fore right, hind left, hind right
        "stand": ((3.0, 3.0), (-5.0, -5.0), (-12.0, 2.0), (-4.0, 9.0)),
        "walk": ((16.0, 12.0), (-10.0, -18.0), (-24.0, -8.0), (2.0, 18.0)),
        "lie": ((78.0, -84.0), (70.0, -80.0), (64.0, -72.0), (54.0, -66.0)),
    }
    hips: list[Point] = [(0.42, 0.2, -0.1), (0.42, -0.2, -0.1), (-0.52, 0.2, -0.1), (-0.52, -0.2, -0.1)]
    legs, hooves = [], []
    for hip, (upper, lower) in zip(hips, bends[stance], strict=True):
        joints = jointed(hip, (0.75 * long, 0.72 * long, 0.1), (upper, lower, lower))
        leg, hoof = hoofed_leg(joints, 0.21, 0.105)
        legs.append(leg)
        hooves.append(hoof)
    return sdf.union(*legs), sdf.union(*hooves)


def giraffe_skull() -> Field:
    """The head of a giraffe, long and soft-nosed, along +x."""
    return sdf.blend(
        0.1,
        sdf.ellipsoid((0.04, 0.0, 0.02), (0.26, 0.21, 0.21)),
        sdf.limb((0.1, 0.0, 0.0), (0.5, 0.0, -0.06), 0.18, 0.12),
        sdf.ellipsoid((0.54, 0.0, -0.07), (0.16, 0.16, 0.14)),
    )


def giraffe_tail(fur: Color, brown: Color) -> list[Part]:
    """The hanging tail of a giraffe, with a dark tuft."""
    line = solids.curve([(-0.8, 0.0, 0.05), (-0.98, 0.05, -0.15), (-0.98, 0.1, -0.42)], 16)
    tuft = solids.pebble((-0.98, 0.1, -0.5), (0.1, 0.1, 0.2))
    return [Part("tail", solids.pipe(line, 0.06), coat(fur)), Part("tail", tuft, coat(brown.shade(0.5)))]


def giraffe_face(fur: Color, brown: Color, horns: float) -> list[Part]:
    """Horns with dark knobs, wide ears, eyes and nostrils of a giraffe's head."""
    stem = solids.pipe([(-0.04, 0.09, 0.14), (-0.06, 0.1, 0.2), (-0.1, 0.14, 0.2 + horns)], 0.065)
    knob = solids.ball((-0.1, 0.14, 0.22 + horns), 0.1)
    ear = solids.turned(solids.pebble((-0.14, 0.34, 0.1), (0.06, 0.2, 0.1)), 0, 15.0, (-0.14, 0.2, 0.1))
    nostril = solids.mirrored(solids.pebble((0.67, 0.07, -0.02), (0.04, 0.03, 0.03), 2))
    return [
        Part("horn", solids.mirrored(stem), coat(fur)),
        Part("horn", solids.mirrored(knob), coat(brown.shade(0.6))),
        Part("ear", solids.mirrored(ear), coat(fur)),
        *eyes((0.14, 0.17, 0.08), 0.08, (0.4, 1.0, 0.1)),
        Part("nostril", nostril, INK),
    ]
