"""Animals of the world: smooth bodies, each with a gesture. What they share, from eyes to fins, is in `anatomy`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from scipy.interpolate import PchipInterpolator

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Part, object_class
from retrieval.world.objects.anatomy import (
    IVORY,
    PINK,
    SIDE,
    askew,
    coat,
    eyes,
    fin,
    four_legs,
    gesture,
    horn,
    leg,
    melted,
    moved,
    patched,
    posed,
    snout,
    whiskers,
)
from retrieval.world.sdf import Array, Field, Point


@object_class("duck", family="animal", azimuths=SIDE, elevations=(4.0, 24.0))
def duck(draw: Draw) -> list[Part]:
    """A duck, sitting as on water or standing on webbed feet, that looks about and may quack."""
    plumage = draw.color("plumage", ["yellow", "yellow", "white", "white", "brown", "gray"], 0.025)
    orange = draw.color("bill", ["orange"])
    neck, plump = draw.uniform("neck", 0.1, 0.42), draw.uniform("plumpness", 0.9, 1.12)
    top: Point = (0.62 + 0.15 * neck, 0.0, 0.78 + neck)
    look = gesture(draw, top, turn=30.0, nod=14.0, tilt=4.0)
    body = sdf.blend(
        0.3,
        sdf.ellipsoid((-0.15, 0.0, 0.0), (0.92, 0.56 * plump, 0.5 * plump)),
        sdf.ellipsoid((0.38, 0.0, 0.06), (0.46, 0.45 * plump, 0.46 * plump)),
        sdf.limb((-0.7, 0.0, 0.12), (-1.22, 0.0, draw.uniform("tail", 0.25, 0.6)), 0.3, 0.05),
        sdf.limb((0.5, 0.0, 0.25), (top[0] - 0.04, 0.0, top[2] - 0.2), 0.32, 0.22),
    )
    skull = sdf.posed(sdf.ellipsoid((0.0, 0.0, 0.0), (0.4, 0.37, 0.38)), look)
    parts = duck_skin(sdf.surface(sdf.blend(0.12, body, skull), 58), top, plumage, draw)
    bill = beak(draw.uniform("bill", 0.33, 0.46), draw.choice("quack", [0.0, 0.0, 22.0]), orange)
    parts += posed([*bill, *eyes((0.2, 0.25, 0.11), 0.075, (0.5, 0.85, 0.1))], look)
    parts.append(duck_wings(draw.uniform("wing", -6.0, 16.0), plump, plumage))
    return parts + (webbed_legs(0.4, orange) if draw.choice("stance", ["sitting", "standing"]) == "standing" else [])


def duck_skin(skin: trimesh.Trimesh, top: Point, plumage: Color, draw: Draw) -> list[Part]:
    """Head and body of a duck; dark ones may be drakes with a green head and a white collar."""
    head, rest = sdf.split(skin, sdf.sphere(top, 0.44))
    if plumage.name in ("yellow", "white") or draw.choice("dress", ["hen", "drake"]) == "hen":
        return [Part("head", head, coat(plumage)), Part("body", rest, coat(plumage))]
    collar, body = sdf.split(rest, sdf.sphere(top, 0.52))
    return [
        Part("head", head, coat(draw.color("head", ["green"]))),
        Part("neck", collar, IVORY),
        Part("body", body, coat(plumage)),
    ]


def beak(length: float, gape: float, color: Color) -> list[Part]:
    """A duck's bill in front of a head of radius 0.4, opened by `gape` degrees."""
    upper = sdf.blend(
        0.08,
        sdf.ellipsoid((0.3 + length / 2, 0.0, -0.06), (0.68 * length, 0.19, 0.075)),
        sdf.ellipsoid((0.3 + length, 0.0, -0.045), (0.15, 0.2, 0.06)),
        sdf.limb((0.26, 0.0, 0.04), (0.3 + 0.7 * length, 0.0, -0.03), 0.13, 0.04),
    )
    lower = sdf.ellipsoid((0.3 + length / 2, 0.0, -0.12), (0.62 * length, 0.16, 0.05))
    jaw = solids.turned(sdf.surface(lower, 22), 1, gape, (0.25, 0.0, -0.1))
    return [Part("beak", sdf.surface(upper, 30), horn(color)), Part("beak", jaw, horn(color.shade(0.85)))]


def duck_wings(lift: float, plump: float, plumage: Color) -> Part:
    """The folded wings of a duck: drops along its sides that end in three feathers, raised by `lift` degrees."""
    ends = [((-0.2, 0.0, 0.1 - 0.1 * i), (-0.86 + 0.1 * i, 0.0, 0.22 - 0.17 * i)) for i in range(3)]
    feathers = [sdf.limb(start, end, 0.2, 0.07) for start, end in ends]
    drop = sdf.blend(0.06, sdf.ellipsoid((0.08, 0.0, 0.02), (0.42, 0.3, 0.3)), *feathers)
    flat = solids.scaled(sdf.surface(drop, 34), (1.0, 0.42, 1.0))
    wing = solids.moved(solids.turned(flat, 1, lift), (-0.12, 0.5 * plump, 0.06))
    return Part("wing", solids.mirrored(wing), coat(plumage.shade(0.86)))


def webbed_legs(height: float, color: Color) -> list[Part]:
    """Two thin legs under a body of radius 0.5, on webbed feet."""
    web = [(-0.12, 0.06), (0.36, 0.27), (0.35, 0.12), (0.48, 0.0), (0.35, -0.12), (0.36, -0.27), (-0.12, -0.06)]
    foot = solids.moved(solids.extrude(web, 0.06), (0.0, 0.26, -0.45 - height))
    shin = solids.cylinder((-0.08, 0.26, -0.3), (0.0, 0.26, -0.42 - height), 0.075)
    return [Part("leg", solids.mirrored(shin), horn(color)), Part("foot", solids.mirrored(foot), horn(color))]


@object_class("cat", family="animal", azimuths=((-38.0, 38.0),), elevations=(3.0, 20.0), synonyms=("kitten",))
def cat(draw: Draw) -> list[Part]:
    """A cat, sitting upright or walking, with its head turned and tilted and its tail curled."""
    fur = draw.color("fur", ["orange", "orange", "gray", "black", "brown", "white"], 0.022)
    sits, stout = draw.choice("stance", ["sit", "sit", "walk"]) == "sit", draw.uniform("stoutness", 0.88, 1.12)
    stand = askew(draw, *((0.0, 40.0) if sits else (35.0, 75.0)))
    neck: Point = (0.26, 0.0, 1.5) if sits else (0.68, 0.0, 1.4)
    look = gesture(draw, moved(neck, stand), turn=18.0)
    trunk = sitting_trunk(stout) if sits else walking_trunk(stout, draw.uniform("stride", 0.08, 0.22))
    skull = sdf.blend(
        0.12,
        sdf.ellipsoid((0.0, 0.0, 0.0), (0.48, 0.56, 0.47)),
        sdf.mirrored(sdf.ellipsoid((0.06, 0.32, -0.14), (0.32, draw.uniform("cheeks", 0.24, 0.38), 0.24))),
    )
    body, head = melted(sdf.posed(trunk, stand), sdf.posed(skull, look), 0.08, fur, 52)
    iris, pattern = draw.color("eyes", ["green", "yellow", "blue"]), draw.choice("pattern", ["plain", "bib", "tabby"])
    face = cat_face(fur, iris, draw.uniform("ears", 0.8, 1.1))
    tail = cat_tail(draw, "behind" if not sits else draw.choice("tail", ["around", "beside"]), fur)
    return [*cat_marks(body, pattern, neck, stand), head, *posed([tail], stand), *posed(face, look)]


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


def cat_marks(body: Part, pattern: str, neck: Point, stand: Array) -> list[Part]:
    """A cat's body in the pose `stand`: with a white bib and socks, with dark stripes, or plain."""
    x, _, z = neck
    if pattern == "bib":
        bib, socks = sdf.ellipsoid((x + 0.2, 0.0, z - 0.62), (0.32, 0.22, 0.42)), sdf.block((0, 0, 0), (2.0, 2.0, 0.17))
        return patched(body, sdf.posed(sdf.union(bib, socks), stand), IVORY.color)
    if pattern == "tabby":
        places = [(x - 0.7, side, z - 0.4 - 0.24 * i) for i in range(4) for side in (1.0, -1.0)]
        bands = sdf.union(*[sdf.block(place, (0.85, 0.85, 0.045)) for place in places])
        return patched(body, sdf.posed(bands, stand), body.material.color.shade(0.55))
    return [body]


def cat_face(fur: Color, iris: Color, ears: float) -> list[Part]:
    """Ears, eyes with slit pupils, muzzle and whiskers on a head of radius 0.48."""
    cone = sdf.limb((0.0, 0.0, -0.1), (0.0, 0.05, 0.48 * ears), 0.26, 0.02)
    base, peak = (0.24, -0.02, -0.1), (0.12, 0.05, 0.4 * ears)
    shell = sdf.surface(sdf.cut(cone, sdf.limb(base, peak, 0.2, 0.02)), 30)
    inner, outer = sdf.split(shell, sdf.limb(base, peak, 0.215, 0.035))
    return [
        Part("ear", cat_ears(outer), coat(fur)),
        Part("ear", cat_ears(inner), coat(PINK)),
        *eyes((0.36, 0.22, 0.07), 0.125, (1.0, 0.3, 0.0), iris, 0.5),
        *snout((0.4, 0.0, -0.16), 0.12, fur),
        whiskers((0.44, 0.17, -0.15), 0.72, fur),
    ]


def cat_ears(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """A left ear modelled upright at the origin, flattened, set on a cat's head, and its mirror image."""
    leaning = solids.turned(solids.scaled(mesh, (0.6, 1.0, 1.0)), 0, -14.0)
    return solids.mirrored(solids.moved(leaning, (-0.02, 0.3, 0.32)))


def cat_tail(draw: Draw, shape: str, fur: Color) -> Part:
    """A tail that lies around the paws, curls up beside a sitting cat, or waves behind a walking one."""
    side, curl = draw.choice("tail side", [1.0, -1.0]), draw.uniform("tail curl", 0.6, 1.2)
    knots: dict[str, list[Point]] = {
        "around": [(-0.6, 0.1, 0.12), (-0.5, 0.6, 0.1), (0.1, 0.74, 0.1), (0.5, 0.55, 0.1), (0.66, 0.3, 0.1)],
        "beside": [(-0.6, 0.1, 0.12), (-0.6, 0.6, 0.14), (-0.5, 0.9, 0.4), (-0.5, 0.86, 0.8)],
        "behind": [(-0.75, 0.0, 0.95), (-1.05, 0.1, 1.2), (-1.1, 0.4, 1.6), (-1.05, 0.4 + 0.2 * curl, 2.0)],
    }
    tips: dict[str, list[Point]] = {
        "around": [],
        "beside": [(-0.5, 0.86 + 0.25 * curl, 1.1)],
        "behind": [(-1.0, 0.3 + 0.5 * curl, 2.2)],
    }
    line = solids.curve([(x, side * y, z) for x, y, z in knots[shape] + tips[shape]], 28)
    return Part("tail", solids.pipe(line, np.linspace(0.12, 0.085, 28)), coat(fur))


@object_class("fish", family="animal", azimuths=((74.0, 102.0), (-102.0, -74.0)), elevations=(0.0, 18.0))
def fish(draw: Draw) -> list[Part]:
    """A fish in mid-stroke of its tail, with rayed fins, gills, round lips and perhaps bands."""
    color = draw.color("scales", ["orange", "orange", "blue", "yellow", "red", "green", "purple"])
    fins = color.shade(draw.uniform("fin shade", 0.65, 1.2))
    high, deep = draw.uniform("height", 0.44, 0.68), draw.uniform("width", 0.24, 0.32)
    trunk = sdf.blend(
        0.25,
        sdf.ellipsoid((0.05, 0.0, 0.0), (1.0, deep, high)),
        sdf.limb((-0.6, 0.0, 0.0), (-1.12, 0.0, 0.0), 0.34 * high, 0.1),
    )
    gill = sdf.ellipsoid((0.8, 0.0, 0.0), (0.4, 3.0, 1.4 * high))  # its rear edge divides head and body
    head, body = sdf.split(sdf.surface(trunk, 48), gill)
    parts = [Part("head", head, horn(color)), *fish_scales(Part("body", body, horn(color)), high, draw)]
    parts += fish_face(trunk, high, draw.uniform("eye", 0.07, 0.11), fins)
    tail, crest = draw.choice("tail", ["forked", "forked", "round", "fan"]), draw.uniform("crest", 0.1, 0.36)
    parts += [fish_tail(tail, fins), breast_fins(trunk, high, fins)]
    if draw.choice("fins", ["all", "breast", "breast"]) == "all":  # most people draw a fish without those on its back
        parts.append(fish_fins(high, crest, fins))
    swing, pitch = draw.uniform("swing", -0.4, 0.4), draw.uniform("pitch", -8.0, 14.0)
    return [replace(part, mesh=solids.turned(swimming(part.mesh, swing), 1, -pitch)) for part in parts]


def fish_scales(body: Part, high: float, draw: Draw) -> list[Part]:
    """A fish's body, plain, with a light belly, or with two bands that are bent like the gills."""
    pattern = draw.choice("pattern", ["plain", "plain", "belly", "bands"])
    if pattern == "plain":
        return [body]
    light = draw.color("pattern", ["white"] if body.material.color.name == "yellow" else ["white", "yellow"])
    if pattern == "belly":
        return patched(body, sdf.block((0.0, 0.0, -1.35 * high), (2.0, 1.0, high)), light)
    bands = [sdf.cut(sdf.sphere((x, 0.0, 0.0), 1.0), sdf.sphere((x + 0.19, 0.0, 0.0), 1.0)) for x in (0.92, 0.4)]
    return patched(body, sdf.union(*bands), light)


def swimming(mesh: trimesh.Trimesh, swing: float) -> trimesh.Trimesh:
    """The mesh with everything behind x = 0.4 swung aside, more and more towards the tail."""
    x, y, z = mesh.vertices.T
    swung = mesh.copy()
    swung.vertices = np.stack([x, y + 0.35 * swing * np.clip(0.4 - x, 0.0, None) ** 2, z], axis=1)
    return swung


def fish_face(trunk: Field, high: float, eye: float, lips: Color) -> list[Part]:
    """Eyes, gill edges and round lips on a fish's trunk whose nose is at x = 1.05."""
    _, y, z = sdf.cast(trunk, np.array([(0.7, 1.0, 0.24 * high)]), (0.0, -1.0, 0.0))[0].tolist()
    sweep = np.radians(np.linspace(-48.0, 48.0, 20))
    arc = np.stack([0.8 - 0.4 * np.cos(sweep), np.ones(20), high * np.sin(sweep)], axis=1)
    gill = solids.pipe(sdf.cast(trunk, arc, (0.0, -1.0, 0.0)), 0.024, sections=8)
    mouth = sdf.surface(sdf.ring((1.03, 0.0, -0.08 * high), 0.075, 0.042, axis=0), 18)
    return [
        *eyes((0.7, y - 0.45 * eye, z), eye, (0.35, 1.0, 0.05), IVORY.color),
        Part("gill", solids.mirrored(gill), horn(lips.shade(0.8))),
        Part("mouth", mouth, horn(lips)),
    ]


def fish_tail(shape: str, color: Color) -> Part:
    """The tail fin of a fish."""
    tips = {
        "forked": [(-1.86, 0.7), (-1.58, 0.26), (-1.48, 0.0), (-1.58, -0.26), (-1.86, -0.7)],
        "round": [(-1.4, 0.44), (-1.66, 0.26), (-1.74, 0.0), (-1.66, -0.26), (-1.4, -0.44)],
        "fan": [(-1.78, 0.66), (-1.76, 0.32), (-1.74, 0.0), (-1.76, -0.32), (-1.78, -0.66)],
    }
    return Part("tail", fin([(-1.02, 0.11), (-1.06, 0.0), (-1.02, -0.11)], tips[shape], 9), horn(color))


def fish_fins(high: float, crest: float, color: Color) -> Part:
    """The fins on the back and under the belly of a fish, the back fin `crest` high."""
    back = [(x, 0.94 * high * float(np.sqrt(1.0 - (x - 0.05) ** 2))) for x in (0.4, 0.1, -0.25, -0.62)]
    rises = [(0.0, 0.55), (-0.3, 1.0), (-0.3, 0.95), (-0.3, 0.55)]
    comb = [
        (x - 0.1 * i + dx * crest, z + dz * crest) for i, ((x, z), (dx, dz)) in enumerate(zip(back, rises, strict=True))
    ]
    rear = [(-0.3, -0.9 * high), (-0.5, -0.74 * high), (-0.68, -0.55 * high)]
    keel = [(-0.45, -high - 0.12), (-0.78, -0.95 * high - 0.1), (-0.9, -0.62 * high)]
    front = fin([(0.22, -0.9 * high), (0.05, -0.94 * high)], [(0.02, -high - 0.18), (-0.28, -high - 0.08)], 3)
    splayed = solids.mirrored(solids.turned(front, 0, 16.0, (0.0, 0.0, -0.9 * high)))
    return Part("fin", solids.joined(fin(back, comb, 8), fin(rear, keel, 4), splayed), horn(color))


def breast_fins(trunk: Field, high: float, color: Color) -> Part:
    """The pair of fins that a fish steers with, standing off its sides."""
    flat = fin([(0.0, 0.08), (0.0, -0.1)], [(-0.4, 0.1), (-0.44, -0.06), (-0.32, -0.22)], 4)
    x, y, z = sdf.cast(trunk, np.array([(0.24, 1.0, -0.22 * high)]), (0.0, -1.0, 0.0))[0].tolist()
    return Part("fin", solids.mirrored(solids.moved(solids.turned(flat, 2, -32.0), (x, y - 0.02, z))), horn(color))


@object_class("rabbit", family="animal", azimuths=((-62.0, 62.0),), elevations=(3.0, 20.0), synonyms=("bunny", "hare"))
def rabbit(draw: Draw) -> list[Part]:
    """A rabbit, crouching or sitting up with its paws held out, ears up, parted or one of them folded over."""
    fur = draw.color("fur", ["white", "white", "gray", "brown", "brown", "black"], 0.022)
    upright, plump = draw.choice("stance", ["crouch", "sit up"]) == "sit up", draw.uniform("roundness", 0.9, 1.13)
    stand = askew(draw, *((0.0, 40.0) if upright else (25.0, 65.0)))
    neck: Point = (0.16, 0.0, 1.5) if upright else (0.72, 0.0, 0.98)
    look = gesture(draw, moved(neck, stand), tilt=10.0)
    trunk = begging_trunk(plump) if upright else crouching_trunk(plump)
    skull = sdf.blend(
        0.14,
        sdf.ellipsoid((-0.04, 0.0, 0.04), (0.4, 0.36, 0.37)),
        sdf.ellipsoid((0.2, 0.0, -0.1), (0.28, 0.25, 0.22)),
        sdf.mirrored(sdf.sphere((0.1, 0.2, -0.14), 0.19)),
    )
    skin = melted(sdf.posed(trunk, stand), sdf.posed(skull, look), 0.1, fur, 50)
    scut = Part("tail", solids.ball((-0.62, 0.0, 0.28) if upright else (-0.84, 0.0, 0.34), 0.19), coat(IVORY.color))
    ears = rabbit_ears(
        draw.uniform("ear length", 0.75, 1.1), draw.choice("ears", ["up", "up", "parted", "folded"]), fur
    )
    return [*skin, *posed([scut], stand), *posed([*ears, *rabbit_face(fur)], look)]


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


def begging_trunk(plump: float) -> Field:
    """The body of a rabbit that sits up and holds its forepaws before its chest."""
    return sdf.blend(
        0.1,
        sdf.limb((-0.18, 0.0, 0.48), (0.06, 0.0, 1.12), 0.47 * plump, 0.28),
        sdf.mirrored(sdf.ellipsoid((0.0, 0.36 * plump, 0.32), (0.4, 0.19, 0.32))),
        sdf.mirrored(sdf.ellipsoid((0.34, 0.36 * plump, 0.09), (0.38, 0.13, 0.1))),
        sdf.mirrored(sdf.limb((0.18, 0.24, 1.0), (0.44, 0.14, 0.82), 0.12, 0.09)),
    )


def rabbit_ears(length: float, carriage: str, fur: Color) -> list[Part]:
    """Two long ears, pink within, on a head of radius 0.4: up, parted, or the right one folded over."""
    part, base = 0.5 if carriage == "parted" else 0.2, (-0.1, 0.13, 0.25)
    up = [base, (-0.14, 0.18 + 0.3 * part, 0.35 + 0.45 * length), (-0.2, 0.16 + part, 0.28 + length)]
    over = [
        base,
        (-0.1, 0.24, 0.3 + 0.42 * length),
        (0.02, 0.36, 0.36 + 0.55 * length),
        (0.16, 0.5, 0.3 + 0.2 * length),
    ]
    return [
        *rabbit_ear([(x, y, z) for x, y, z in up], fur),
        *rabbit_ear([(x, -y, z) for x, y, z in (over if carriage == "folded" else up)], fur),
    ]


def rabbit_ear(spine: list[Point], fur: Color) -> list[Part]:
    """A long flat ear through the points of `spine`, pink on its front."""
    along, turn = np.linspace(0.0, 1.0, 26), np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    widths = PchipInterpolator([0.0, 0.2, 0.6, 0.85, 1.0], [0.11, 0.15, 0.18, 0.13, 0.02])(along)
    outside = np.stack([np.cos(turn), 0.36 * np.sin(turn)], axis=1)
    inside = 0.64 * outside - np.array([0.0, 0.22])  # narrower, and a little out of the front of the ear
    line = solids.curve(spine, 26)
    return [
        Part("ear", solids.swept(line, widths, outside), coat(fur)),
        Part("ear", solids.swept(line, widths, inside), coat(PINK)),
    ]


def rabbit_face(fur: Color) -> list[Part]:
    """Eyes at the sides, muzzle, teeth and whiskers on a head of radius 0.4."""
    return [
        *eyes((0.2, 0.26, 0.1), 0.09, (0.7, 0.75, 0.1)),
        *snout((0.38, 0.0, -0.12), 0.1, fur),
        Part("tooth", solids.slab((0.45, 0.0, -0.2), (0.04, 0.08, 0.09), 0.012), IVORY),
        whiskers((0.42, 0.13, -0.11), 0.45, fur),
    ]
