"""Animals of the world: smooth bodies with a gesture, and the eyes, ears, legs, whiskers and fins that they share.

A head is modelled upright at the origin, looking along +x, and `pose` then lets it turn and nod. Skins of body and head
are one melted surface that `sdf.split` divides into named parts. Food is in `food`, plants in `plants`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import trimesh
from scipy.interpolate import PchipInterpolator
from trimesh.transformations import euler_matrix

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.sdf import Array, Field, Point
from retrieval.world.solids import Flat

INK = Material(Color("black", (0.03, 0.03, 0.035)), roughness=0.15)
GLINT = Material(Color("white", (0.95, 0.95, 0.95)), roughness=0.3)
FRONT = ((15.0, 55.0), (-55.0, -15.0))
SIDE = ((55.0, 100.0), (-100.0, -55.0))


def coat(color: Color) -> Material:
    """Fur or feathers: the colour without shine."""
    return Material(color, roughness=0.75)


def horn(color: Color) -> Material:
    """Bills, feet, noses: the colour with some shine."""
    return Material(color, roughness=0.35)


def pose(at: Point, turn: float = 0.0, nod: float = 0.0, tilt: float = 0.0) -> Array:
    """The motion of a head modelled at the origin: tilted (to its left ear up), nodded (down), turned (left), then carried to `at`. Degrees."""
    matrix = np.array(euler_matrix(*np.radians([tilt, nod, turn])), float)
    matrix[:3, 3] = at
    return matrix


def moved(point: Point, motion: Array) -> Point:
    """The point, carried along by the motion."""
    x, y, z = motion[:3, :3] @ point + motion[:3, 3]
    return (float(x), float(y), float(z))


def posed(parts: Sequence[Part], motion: Array) -> list[Part]:
    """The parts, carried along by the motion."""
    return [replace(part, mesh=solids.posed(part.mesh, motion)) for part in parts]


def melted(
    body: Field, head: Field, body_color: Color, head_color: Color, width: float = 0.15, cells: int = 56
) -> list[Part]:
    """Body and head as one smooth skin, divided where it comes nearer to the head."""
    skin = sdf.surface(sdf.blend(width, body, head), cells)
    front, rest = sdf.split(skin, sdf.nearer(head, body))
    return [Part("body", rest, coat(body_color)), Part("head", front, coat(head_color))]


def eyes(at: Point, radius: float, look: Point, iris: Color | None = None, slit: float = 1.0) -> list[Part]:
    """A pair of eyes at `at` and its mirror image, looking along `look`: black beads, or an iris whose pupil is `slit` times as wide as high."""
    place, gaze = np.array(at), np.array(look) / np.linalg.norm(look)
    spark = place + radius * (0.8 * gaze + np.array([0.0, -0.1, 0.42]))
    glint = Part("eye", solids.mirrored(solids.ball(tuple(spark), radius * 0.24)), GLINT)
    white = solids.mirrored(solids.ball(at, radius))
    if iris is None:
        return [Part("eye", white, INK), glint]
    pupil = solids.pebble(tuple(place + radius * 0.42 * gaze), tuple(radius * np.array([0.64, 0.76 * slit, 0.76])))
    return [Part("eye", white, horn(iris)), Part("eye", solids.mirrored(pupil), INK), glint]


def patched(part: Part, region: Field, color: Color, name: str | None = None) -> list[Part]:
    """The part with a patch of another colour, and perhaps of another name, where it lies in the region."""
    patch, rest = sdf.split(part.mesh, region)
    return [replace(part, mesh=rest), Part(name or part.name, patch, replace(part.material, color=color))]


def whiskers(at: Point, reach: float, color: Color) -> Part:
    """Three whiskers on each cheek, fanned out from `at`."""
    x, y, z = at
    ends = [(x + 0.02, y + reach, z + reach * fan) for fan in (0.24, 0.02, -0.2)]
    bends = [(x + 0.1, y + 0.5 * reach, z + reach * (0.7 * fan + 0.05)) for fan in (0.24, 0.02, -0.2)]
    hairs = [
        solids.pipe(solids.curve([at, bend, end], 8), 0.012, sections=5) for bend, end in zip(bends, ends, strict=True)
    ]
    return Part("whiskers", solids.mirrored(solids.joined(*hairs)), coat(color))


def snout(at: Point, radius: float, fur: Color, nose: Color) -> list[Part]:
    """The muzzle of a cat, a rabbit or a mouse: two whisker pads and a chin that leave the mouth between them, and a nose."""
    x, y, z = at
    pads = sdf.mirrored(sdf.sphere((x, 0.72 * radius, z), radius))
    chin = sdf.sphere((x - 0.3 * radius, 0.0, z - 0.85 * radius), 0.75 * radius)
    tip = sdf.blend(
        0.3 * radius,
        sdf.ellipsoid((x + 0.75 * radius, 0.0, z + 0.75 * radius), (0.35 * radius, 0.62 * radius, 0.3 * radius)),
        sdf.sphere((x + 0.8 * radius, 0.0, z + 0.45 * radius), 0.25 * radius),
    )
    return [
        Part("mouth", sdf.surface(sdf.union(pads, chin), 30), coat(fur)),
        Part("nose", sdf.surface(tip, 16), horn(nose)),
    ]


def four_legs(front: Point, back: Point, radius: float, stride: float) -> Field:
    """Four legs down to the ground from the hips `front` and `back` and their mirror images, in mid-walk by `stride`."""
    steps = [(front, 1, stride), (front, -1, -stride), (back, 1, -stride), (back, -1, stride)]
    return sdf.union(*[leg((x, side * y, z), (x + step, side * y, 0.0), radius) for (x, y, z), side, step in steps])


def leg(hip: Point, foot: Point, radius: float) -> Field:
    """A leg that narrows from the hip to a soft paw pointing forward, at `foot` on the ground."""
    x, y, z = foot
    paw = sdf.ellipsoid((x + 0.4 * radius, y, z + 0.5 * radius), (1.05 * radius, 0.8 * radius, 0.55 * radius))
    return sdf.blend(0.5 * radius, sdf.limb(hip, (x, y, z + 0.6 * radius), radius, 0.66 * radius), paw)


@object_class("duck", family="animal", azimuths=SIDE, elevations=(4.0, 24.0))
def duck(draw: Draw) -> list[Part]:
    """A duck, sitting as on water or standing on webbed feet, that looks about and may quack."""
    plumage = draw.color("plumage", ["yellow", "yellow", "white", "white", "brown", "gray"])
    hooded = plumage.name in ("brown", "gray")
    hood = draw.color("head", ["green"]) if hooded else plumage
    orange = draw.color("bill", ["orange"])
    neck, plump = draw.uniform("neck", 0.1, 0.42), draw.uniform("plumpness", 0.9, 1.12)
    lift, gape = draw.uniform("tail", 0.25, 0.6), draw.choice("quack", [0.0, 0.0, 22.0])
    top: Point = (0.62 + 0.15 * neck, 0.0, 0.78 + neck)
    look = pose(top, draw.uniform("turn", -30.0, 30.0), draw.uniform("nod", -14.0, 12.0))
    body = sdf.blend(
        0.3,
        sdf.ellipsoid((-0.15, 0.0, 0.0), (0.92, 0.56 * plump, 0.5 * plump)),
        sdf.ellipsoid((0.38, 0.0, 0.06), (0.46, 0.45 * plump, 0.46 * plump)),
        sdf.limb((-0.7, 0.0, 0.12), (-1.22, 0.0, lift), 0.3, 0.05),
        sdf.limb((0.5, 0.0, 0.25), (top[0] - 0.04, 0.0, top[2] - 0.2), 0.32, 0.22),
    )
    skin = sdf.surface(sdf.blend(0.12, body, sdf.posed(sdf.ellipsoid((0.0, 0.0, 0.0), (0.4, 0.37, 0.38)), look)), 58)
    head, rest = sdf.split(skin, sdf.sphere(top, 0.44))
    parts = [Part("head", head, coat(hood)), Part("body", rest, coat(plumage))]
    if hooded:
        collar, rest = sdf.split(rest, sdf.sphere(top, 0.52))
        parts[1:] = [Part("neck", collar, GLINT), Part("body", rest, coat(plumage))]
    parts += posed(
        [
            *beak(0.38 * draw.uniform("bill", 0.85, 1.2), gape, orange),
            *eyes((0.2, 0.25, 0.11), 0.075, (0.5, 0.85, 0.1)),
        ],
        look,
    )
    parts.append(
        Part("wing", solids.mirrored(wing(draw.uniform("wing", -6.0, 16.0), plump)), coat(plumage.shade(0.86)))
    )
    return parts + (webbed_legs(0.4, orange) if draw.choice("stance", ["sitting", "standing"]) == "standing" else [])


def beak(length: float, gape: float, color: Color) -> list[Part]:
    """A duck's bill in front of a head of radius 0.36, opened by `gape` degrees."""
    upper = sdf.blend(
        0.08,
        sdf.ellipsoid((0.3 + length / 2, 0.0, -0.06), (0.68 * length, 0.19, 0.075)),
        sdf.ellipsoid((0.3 + length, 0.0, -0.045), (0.15, 0.2, 0.06)),
        sdf.limb((0.26, 0.0, 0.04), (0.3 + 0.7 * length, 0.0, -0.03), 0.13, 0.04),
    )
    lower = sdf.ellipsoid((0.3 + length / 2, 0.0, -0.12), (0.62 * length, 0.16, 0.05))
    jaw = solids.turned(sdf.surface(lower, 22), 1, gape, (0.25, 0.0, -0.1))
    return [Part("beak", sdf.surface(upper, 30), horn(color)), Part("beak", jaw, horn(color.shade(0.85)))]


def wing(lift: float, plump: float) -> trimesh.Trimesh:
    """The folded left wing of a duck: a drop along its side that ends in three feathers, raised by `lift` degrees."""
    feathers = [
        sdf.limb((-0.2, 0.0, 0.1 - 0.1 * i), (-0.86 + 0.1 * i, 0.0, 0.22 - 0.17 * i), 0.2, 0.07) for i in range(3)
    ]
    drop = sdf.blend(0.06, sdf.ellipsoid((0.08, 0.0, 0.02), (0.42, 0.3, 0.3)), *feathers)
    flat = solids.scaled(sdf.surface(drop, 34), (1.0, 0.42, 1.0))
    return solids.moved(solids.turned(flat, 1, lift), (-0.12, 0.5 * plump, 0.06))


def webbed_legs(height: float, color: Color) -> list[Part]:
    """Two thin legs under a body of radius 0.5, on webbed feet."""
    web = [(-0.12, 0.06), (0.36, 0.27), (0.35, 0.12), (0.48, 0.0), (0.35, -0.12), (0.36, -0.27), (-0.12, -0.06)]
    foot = solids.moved(solids.extrude(web, 0.06), (0.0, 0.26, -0.45 - height))
    shin = solids.cylinder((-0.08, 0.26, -0.3), (0.0, 0.26, -0.42 - height), 0.075)
    return [Part("leg", solids.mirrored(shin), horn(color)), Part("foot", solids.mirrored(foot), horn(color))]


@object_class("cat", family="animal", azimuths=((-42.0, 42.0),), elevations=(3.0, 20.0), synonyms=("kitten",))
def cat(draw: Draw) -> list[Part]:
    """A cat, sitting upright or walking, with its head turned and tilted and its tail curled."""
    fur = draw.color("fur", ["orange", "orange", "gray", "black", "brown", "white"])
    iris = draw.color("eyes", ["green", "yellow", "blue"])
    sits = draw.choice("stance", ["sitting", "sitting", "walking"]) == "sitting"
    stout = draw.uniform("stoutness", 0.88, 1.12)
    # The face looks at the viewer while the body stands askew, so that both can be seen.
    askew = pose(
        (0.0, 0.0, 0.0),
        draw.choice("side", [1.0, -1.0]) * draw.uniform("askew", *((0.0, 40.0) if sits else (35.0, 75.0))),
    )
    trunk = sitting_trunk(stout) if sits else walking_trunk(stout, draw.uniform("stride", 0.08, 0.22))
    neck: Point = (0.26, 0.0, 1.5) if sits else (0.68, 0.0, 1.4)
    look = pose(
        moved(neck, askew),
        draw.uniform("turn", -24.0, 24.0),
        draw.uniform("nod", -6.0, 10.0),
        draw.uniform("tilt", -14.0, 14.0),
    )
    skull = sdf.blend(
        0.12,
        sdf.ellipsoid((0.0, 0.0, 0.0), (0.48, 0.56, 0.47)),
        sdf.mirrored(sdf.ellipsoid((0.06, 0.32, -0.14), (0.32, draw.uniform("cheeks", 0.24, 0.38), 0.24))),
    )
    body, head = melted(sdf.posed(trunk, askew), sdf.posed(skull, look), fur, fur, 0.08, 52)
    parts = [
        *marked(body, draw.choice("pattern", ["plain", "bib", "tabby"]), neck, askew),
        head,
        *posed([cat_tail(draw, fur, sits)], askew),
    ]
    return parts + posed(cat_face(fur, iris, draw.uniform("ears", 0.8, 1.1)), look)


def sitting_trunk(stout: float) -> Field:
    """The body of a cat that sits upright on its haunches, forelegs together."""
    haunch = sdf.ellipsoid((-0.08, 0.36 * stout, 0.34), (0.44, 0.2 * stout, 0.36))
    return sdf.blend(
        0.12,
        sdf.limb((-0.28, 0.0, 0.45), (0.1, 0.0, 1.08), 0.46 * stout, 0.32 * stout),
        sdf.mirrored(leg((0.2, 0.17, 0.95), (0.42, 0.17, 0.0), 0.17)),
        sdf.mirrored(sdf.blend(0.05, haunch, sdf.ellipsoid((0.26, 0.42 * stout, 0.09), (0.24, 0.13, 0.1)))),
    )


def walking_trunk(stout: float, stride: float) -> Field:
    """The body of a cat in mid-walk, its neck raised."""
    return sdf.blend(
        0.15,
        sdf.limb((-0.52, 0.0, 0.82), (0.42, 0.0, 0.86), 0.36 * stout, 0.34 * stout),
        sdf.limb((0.42, 0.0, 0.92), (0.62, 0.0, 1.25), 0.3, 0.24),
        four_legs((0.46, 0.2, 0.7), (-0.6, 0.22, 0.7), 0.16, stride),
    )


def marked(body: Part, pattern: str, neck: Point, motion: Array) -> list[Part]:
    """A cat's body, carried along by the motion, with a white bib and socks, with dark stripes, or plain."""
    x, _, z = neck
    if pattern == "bib":
        bib = sdf.ellipsoid((x + 0.2, 0.0, z - 0.62), (0.32, 0.22, 0.42))
        return patched(
            body, sdf.posed(sdf.union(bib, sdf.block((0.0, 0.0, 0.0), (2.0, 2.0, 0.17))), motion), GLINT.color
        )
    if pattern == "tabby":
        bands = [
            sdf.block((x - 0.7, side, z - 0.4 - 0.24 * i), (0.85, 0.85, 0.045)) for i in range(4) for side in (1, -1)
        ]
        return patched(body, sdf.posed(sdf.union(*bands), motion), body.material.color.shade(0.55))
    return [body]


def cat_face(fur: Color, iris: Color, ears: float) -> list[Part]:
    """Ears, eyes with slit pupils, muzzle and whiskers on a head of radius 0.46."""
    pink = Color("pink", (0.85, 0.5, 0.5))
    cone, hollow = (
        sdf.limb((0.0, 0.0, -0.1), (0.0, 0.05, 0.48 * ears), 0.26, 0.02),
        ((0.24, -0.02, -0.1), (0.12, 0.05, 0.4 * ears)),
    )
    shell = sdf.surface(sdf.cut(cone, sdf.limb(*hollow, 0.2, 0.02)), 30)
    inner, outer = (solids.mirrored(place_ear(mesh)) for mesh in sdf.split(shell, sdf.limb(*hollow, 0.215, 0.035)))
    light = fur.shade(1.25) if fur.name != "black" else fur.shade(2.5)
    return [
        Part("ear", outer, coat(fur)),
        Part("ear", inner, coat(pink)),
        *eyes((0.36, 0.22, 0.07), 0.125, (1.0, 0.3, 0.0), iris, 0.5),
        *snout((0.4, 0.0, -0.16), 0.12, light, pink),
        whiskers((0.44, 0.17, -0.15), 0.62, Color("white", (0.9, 0.9, 0.88)) if fur.name != "white" else INK.color),
    ]


def place_ear(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A left ear modelled upright at the origin, flattened and set on a cat's head."""
    return solids.moved(solids.turned(solids.scaled(mesh, (0.6, 1.0, 1.0)), 0, -14.0), (-0.02, 0.3, 0.32))


def cat_tail(draw: Draw, fur: Color, sits: bool) -> Part:
    """A tail that lies around the paws, curls up beside the body or, when walking, waves behind."""
    side = draw.choice("tail side", [1.0, -1.0])
    curl = draw.uniform("tail curl", 0.6, 1.2)
    around = [(-0.6, 0.1, 0.12), (-0.5, 0.6, 0.1), (0.1, 0.74, 0.1), (0.5, 0.55, 0.1), (0.66, 0.3, 0.1)]
    beside = [
        (-0.6, 0.1, 0.12),
        (-0.6, 0.6, 0.14),
        (-0.5, 0.9, 0.4),
        (-0.5, 0.86, 0.8),
        (-0.5, 0.86 + 0.25 * curl, 1.1),
    ]
    behind = [
        (-0.75, 0.0, 0.95),
        (-1.05, 0.1, 1.2),
        (-1.1, 0.4, 1.6),
        (-1.05, 0.4 + 0.2 * curl, 2.0),
        (-1.0, 0.3 + 0.5 * curl, 2.2),
    ]
    shape = draw.choice("tail", ["around", "beside"]) if sits else "behind"
    points = np.array({"around": around, "beside": beside, "behind": behind}[shape])
    line = solids.curve((points * (1.0, side, 1.0)).tolist(), 28)
    return Part("tail", solids.pipe(line, np.linspace(0.12, 0.085, 28)), coat(fur))


@object_class("fish", family="animal", azimuths=SIDE, elevations=(0.0, 22.0))
def fish(draw: Draw) -> list[Part]:
    """A fish in mid-stroke of its tail, with rayed fins, gills, round lips and perhaps bands."""
    color = draw.color("scales", ["orange", "orange", "blue", "yellow", "red", "green", "purple"])
    fins = color.shade(draw.uniform("fin shade", 0.65, 1.2))
    high, deep = draw.uniform("height", 0.42, 0.68), draw.uniform("width", 0.24, 0.32)
    trunk = sdf.blend(
        0.25,
        sdf.ellipsoid((0.05, 0.0, 0.0), (1.0, deep, high)),
        sdf.limb((-0.6, 0.0, 0.0), (-1.12, 0.0, 0.0), 0.34 * high, 0.1),
    )
    front = sdf.ellipsoid((0.8, 0.0, 0.0), (0.4, 3.0, 1.4 * high))  # its rear edge is the gill
    head, body = sdf.split(sdf.surface(trunk, 48), front)
    skin = Part("body", body, horn(color))
    pattern = draw.choice("pattern", ["plain", "belly", "bands", "bands"])
    if pattern != "plain":
        bands = sdf.union(
            *[sdf.cut(sdf.sphere((x, 0.0, 0.0), 1.0), sdf.sphere((x + 0.19, 0.0, 0.0), 1.0)) for x in (0.92, 0.4)]
        )
        region = bands if pattern == "bands" else sdf.block((0.0, 0.0, -1.35 * high), (2.0, 1.0, high))
        parts = patched(skin, region, draw.color("pattern", ["white", "yellow"]))
    else:
        parts = [skin]
    parts += [Part("head", head, horn(color)), *fish_face(trunk, high, draw.uniform("eye", 0.1, 0.15), fins)]
    parts += fish_fins(
        trunk, high, draw.choice("tail", ["forked", "round", "fan"]), draw.uniform("crest", 0.22, 0.5), fins
    )
    swing, pitch = draw.uniform("swing", -0.4, 0.4), draw.uniform("pitch", -8.0, 14.0)
    return [replace(part, mesh=solids.turned(swimming(part.mesh, swing), 1, -pitch)) for part in parts]


def swimming(mesh: trimesh.Trimesh, swing: float) -> trimesh.Trimesh:
    """The mesh with everything behind x = 0.4 swung aside, more and more towards the tail."""
    x, y, z = mesh.vertices.T
    swung = mesh.copy()
    swung.vertices = np.stack([x, y + 0.35 * swing * np.clip(0.4 - x, 0.0, None) ** 2, z], axis=1)
    return swung


def fish_face(trunk: Field, high: float, eye: float, lips: Color) -> list[Part]:
    """Eyes, gill edges and round lips on a fish's trunk whose nose is at x = 1.05."""
    side = np.array([(0.7, 1.0, 0.24 * high)])
    _, y, z = sdf.cast(trunk, side, (0.0, -1.0, 0.0))[0]
    sweep = np.radians(np.linspace(-48.0, 48.0, 20))
    arc = np.stack([0.8 - 0.4 * np.cos(sweep), np.full(20, 1.0), 1.05 * high * np.sin(sweep) * 0.95], axis=1)
    gill = solids.pipe(sdf.cast(trunk, arc, (0.0, -1.0, 0.0)), 0.024, sections=8)
    mouth = sdf.surface(sdf.ring((1.03, 0.0, -0.08 * high), 0.075, 0.042, axis=0), 18)
    return [
        *eyes((0.7, float(y) - 0.45 * eye, float(z)), eye, (0.35, 1.0, 0.05), GLINT.color),
        Part("gill", solids.mirrored(gill), horn(lips.shade(0.8))),
        Part("mouth", mouth, horn(lips)),
    ]


def fish_fins(trunk: Field, high: float, tail: str, crest: float, color: Color) -> list[Part]:
    """Tail, back, belly and breast fins around a fish's trunk."""
    tips = {
        "forked": [(-1.72, 0.62), (-1.42, 0.24), (-1.3, 0.0), (-1.42, -0.24), (-1.72, -0.62)],
        "round": [(-1.4, 0.44), (-1.66, 0.26), (-1.74, 0.0), (-1.66, -0.26), (-1.4, -0.44)],
        "fan": [(-1.62, 0.58), (-1.62, 0.28), (-1.58, 0.0), (-1.62, -0.28), (-1.62, -0.58)],
    }[tail]
    back = [(x, 0.94 * high * np.sqrt(1.0 - (x - 0.05) ** 2)) for x in (0.4, 0.1, -0.25, -0.62)]
    comb = [
        (x - 0.3 * crest * (i > 0) - 0.1 * i, z + crest * (0.55, 1.0, 0.95, 0.55)[i]) for i, (x, z) in enumerate(back)
    ]
    belly = [(-0.3, -0.9 * high), (-0.5, -0.74 * high), (-0.68, -0.55 * high)]
    keel = [(-0.45, -1.0 * high - 0.12), (-0.78, -0.95 * high - 0.1), (-0.9, -0.62 * high)]
    chest = fin([(0.22, -0.9 * high), (0.05, -0.94 * high)], [(0.02, -high - 0.18), (-0.28, -high - 0.08)], 3)
    palm = solids.moved(
        fin([(0.0, 0.08), (0.0, -0.1)], [(-0.4, 0.1), (-0.44, -0.06), (-0.32, -0.22)], 4), (0.0, 0.0, 0.0)
    )
    _, y, z = sdf.cast(trunk, np.array([(0.24, 1.0, -0.22 * high)]), (0.0, -1.0, 0.0))[0]
    breast = solids.moved(solids.turned(palm, 2, -32.0), (0.24, float(y) - 0.02, float(z)))
    meshes = {
        "tail": fin([(-1.02, 0.11), (-1.06, 0.0), (-1.02, -0.11)], tips, 9),
        "fin": solids.joined(
            fin(back, comb, 8),
            fin(belly, keel, 4),
            solids.mirrored(solids.turned(chest, 0, 16.0, (0.0, 0.0, -0.9 * high))),
            solids.mirrored(breast),
        ),
    }
    return [Part(name, mesh, horn(color)) for name, mesh in meshes.items()]


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


@object_class("rabbit", family="animal", azimuths=((-62.0, 62.0),), elevations=(3.0, 20.0), synonyms=("bunny", "hare"))
def rabbit(draw: Draw) -> list[Part]:
    """A rabbit, crouching or sitting up with its paws held out, ears up, parted or one of them folded over."""
    fur = draw.color("fur", ["white", "white", "gray", "brown", "brown", "black"], 0.03)
    upright = draw.choice("stance", ["crouching", "sitting up"]) == "sitting up"
    askew = pose(
        (0.0, 0.0, 0.0),
        draw.choice("side", [1.0, -1.0]) * draw.uniform("askew", *((0.0, 40.0) if upright else (25.0, 65.0))),
    )
    trunk = (
        upright_trunk(draw.uniform("roundness", 0.9, 1.15))
        if upright
        else crouching_trunk(draw.uniform("roundness", 0.9, 1.12))
    )
    neck: Point = (0.16, 0.0, 1.5) if upright else (0.72, 0.0, 0.98)
    look = pose(
        moved(neck, askew),
        draw.uniform("turn", -25.0, 25.0),
        draw.uniform("nod", -10.0, 8.0),
        draw.uniform("tilt", -10.0, 10.0),
    )
    skull = sdf.blend(
        0.14,
        sdf.ellipsoid((-0.04, 0.0, 0.04), (0.4, 0.36, 0.37)),
        sdf.ellipsoid((0.2, 0.0, -0.1), (0.28, 0.25, 0.22)),
        sdf.mirrored(sdf.sphere((0.1, 0.2, -0.14), 0.19)),
    )
    parts = melted(sdf.posed(trunk, askew), sdf.posed(skull, look), fur, fur, 0.1, 50)
    scut = Part("tail", solids.ball((-0.84, 0.0, 0.34) if not upright else (-0.62, 0.0, 0.28), 0.19), coat(GLINT.color))
    fold = draw.choice("ears", ["up", "up", "parted", "folded"])
    face = rabbit_ears(fur, draw.uniform("ear length", 0.75, 1.1), fold) + rabbit_face(fur)
    return [*parts, *posed([scut], askew), *posed(face, look)]


def crouching_trunk(plump: float) -> Field:
    """The body of a rabbit on all fours: a round back, big thighs, long hind feet."""
    return sdf.blend(
        0.14,
        sdf.ellipsoid((-0.24, 0.0, 0.5 * plump), (0.62, 0.46 * plump, 0.5 * plump)),
        sdf.limb((0.2, 0.0, 0.5), (0.6, 0.0, 0.72), 0.36, 0.26),
        sdf.mirrored(sdf.ellipsoid((-0.22, 0.36 * plump, 0.34), (0.4, 0.18, 0.34))),
        sdf.mirrored(sdf.ellipsoid((0.1, 0.4 * plump, 0.09), (0.38, 0.12, 0.1))),
        sdf.mirrored(leg((0.52, 0.17, 0.5), (0.58, 0.17, 0.0), 0.13)),
    )


def upright_trunk(plump: float) -> Field:
    """The body of a rabbit that sits up and holds its forepaws before its chest."""
    return sdf.blend(
        0.1,
        sdf.limb((-0.18, 0.0, 0.48), (0.06, 0.0, 1.12), 0.47 * plump, 0.28),
        sdf.mirrored(sdf.ellipsoid((0.0, 0.36 * plump, 0.32), (0.4, 0.19, 0.32))),
        sdf.mirrored(sdf.ellipsoid((0.34, 0.36 * plump, 0.09), (0.38, 0.13, 0.1))),
        sdf.mirrored(sdf.limb((0.18, 0.24, 1.0), (0.44, 0.14, 0.82), 0.12, 0.09)),
    )


def rabbit_ears(fur: Color, length: float, fold: str) -> list[Part]:
    """Two long ears, pink within, on a head of radius 0.38."""
    part = 0.5 if fold == "parted" else 0.2
    up = [(-0.1, 0.13, 0.25), (-0.14, 0.18 + 0.3 * part, 0.35 + 0.45 * length), (-0.2, 0.16 + part, 0.28 + length)]
    over = [
        *up[:1],
        (-0.1, 0.24, 0.3 + 0.42 * length),
        (0.02, 0.36, 0.36 + 0.55 * length),
        (0.16, 0.5, 0.3 + 0.2 * length),
    ]
    parts: list[Part] = []
    for side, spine in ((1.0, up), (-1.0, over if fold == "folded" else up)):
        line = solids.curve([(x, side * y, z) for x, y, z in spine], 26)
        widths = PchipInterpolator([0.0, 0.2, 0.6, 0.85, 1.0], [0.11, 0.15, 0.18, 0.13, 0.02])(
            np.linspace(0.0, 1.0, 26)
        )
        for name, scale, ahead, color in (
            ("ear", 1.0, 0.0, fur),
            ("ear", 0.64, 0.22, Color("pink", (0.87, 0.55, 0.56))),
        ):
            turn = np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
            section = np.stack([scale * np.cos(turn), 0.36 * scale * np.sin(turn) - ahead], axis=1)
            parts.append(Part(name, solids.swept(line, widths, section), coat(color)))
    return parts


def rabbit_face(fur: Color) -> list[Part]:
    """Eyes at the sides, muzzle, nose, teeth and whiskers on a head of radius 0.38."""
    pale = fur.shade(1.2) if fur.name != "black" else fur.shade(2.5)
    hair = INK.color if fur.name == "white" else GLINT.color
    return [
        *eyes((0.2, 0.26, 0.1), 0.09, (0.7, 0.75, 0.1)),
        *snout((0.38, 0.0, -0.12), 0.1, pale, Color("pink", (0.87, 0.48, 0.5))),
        Part("tooth", solids.slab((0.45, 0.0, -0.2), (0.04, 0.08, 0.09), 0.012), GLINT),
        whiskers((0.42, 0.13, -0.11), 0.45, hair),
    ]
