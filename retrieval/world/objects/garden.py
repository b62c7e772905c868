"""Food from the garden: pears, carrots and pineapples. Skins and leaves come from `food` and `plants`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from scipy.interpolate import PchipInterpolator

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.food import BARK, FLESH, leaning, peel, reshaped
from retrieval.world.objects.plants import leaf
from retrieval.world.sdf import Field, Point
from retrieval.world.solids import Array

PULP = Material(Color("yellow", (0.97, 0.84, 0.38)), roughness=0.5)
SEED = Material(Color("brown", (0.2, 0.11, 0.05)), roughness=0.4)


@object_class("pear", family="food", azimuths=((-32.0, 32.0),), elevations=(4.0, 24.0))
def pear(draw: Draw) -> list[Part]:
    """A pear with a long or a short neck, a stem and mostly a leaf; whole, bitten, or beside its own cut half."""
    color = draw.color("skin", ["green", "green", "green", "yellow", "yellow", "yellow", "red", "brown"], 0.035)
    neck, belly = draw.uniform("neck", 0.95, 1.4), draw.uniform("belly", 0.72, 0.88)
    slim, lean = draw.uniform("neck width", 0.25, 0.36), draw.uniform("lean", -0.16, 0.16)
    serving = draw.choice("serving", ["whole", "whole", "bitten", "halved"])
    fruit = pear_body(neck, belly, slim)
    parts = pear_skin(fruit, belly, color, serving == "bitten")
    parts.append(pear_stem(neck + slim, draw.uniform("stem bend", -0.3, 0.3)))
    if draw.choice("leaf", ["leaf", "leaf", "none"]) == "leaf":
        reach, side = draw.uniform("leaf length", 0.75, 1.05), draw.choice("leaf side", [1.0, -1.0])
        top = neck + slim + 0.06
        spine = [(0.0, 0.0, top), (0.1, side * 0.5 * reach, top + 0.2), (0.16, side * reach, top + 0.1)]
        blade = leaf(solids.curve(spine, 14), 0.3 * reach, 0.35, (0.75, 0.0, 0.66))
        parts.append(Part("leaf", blade, peel(draw.color("leaf", ["green"]).shade(0.8))))
    parts = reshaped(parts, lambda mesh: leaning(mesh, lean))
    if serving == "halved":
        parts += half_pear(fruit, belly, draw.choice("half side", [1.0, -1.0]), color)
    return parts


def pear_body(neck: float, belly: float, slim: float) -> Field:
    """The form of a pear around the z axis, from the middle of its belly at the origin to the neck's end."""
    return sdf.carve(
        0.2,
        sdf.blend(
            0.4,
            sdf.ellipsoid((0.0, 0.0, 0.0), (belly, belly, 0.95 * belly)),
            sdf.limb((0.0, 0.0, 0.4), (0.0, 0.0, neck), 0.53 * belly, slim),
        ),
        sdf.sphere((0.0, 0.0, neck + slim + 0.1), 0.16),
        sdf.sphere((0.0, 0.0, -1.06 * belly), 0.24),
    )


def pear_skin(fruit: Field, belly: float, color: Color, bitten: bool) -> list[Part]:
    """The skin of a pear, perhaps with a bite out of the side that it turns to the viewer."""
    if not bitten:
        return [Part("skin", sdf.surface(fruit, 56), peel(color)), pear_blossom(belly)]
    marks = [((0.98 * belly, 0.1, 0.42), 0.36), ((1.06 * belly, -0.12, 0.02), 0.38), ((0.94 * belly, 0.3, 0.1), 0.3)]
    whole = sdf.surface(sdf.cut(fruit, *[sdf.sphere(at, radius) for at, radius in marks]), 56)
    inside, outside = sdf.split(whole, sdf.union(*[sdf.sphere(at, radius + 0.012) for at, radius in marks]))
    parts = [Part("skin", outside, peel(color)), Part("bite", inside, FLESH), pear_blossom(belly)]
    return reshaped(parts, lambda mesh: solids.turned(mesh, 2, 38.0))


def pear_blossom(belly: float) -> Part:
    """The dry rest of the blossom below a pear."""
    return Part("blossom", solids.pebble((0.0, 0.0, -0.86 * belly), (0.1, 0.1, 0.06), 2), BARK)


def pear_stem(top: float, bend: float) -> Part:
    """A woody stem out of a pear whose neck ends at the height `top`."""
    line = solids.curve([(0.0, 0.0, top - 0.12), (0.1 * bend, 0.0, top + 0.14), (bend, 0.02, top + 0.42)], 10)
    return Part("stem", solids.pipe(line, np.linspace(0.05, 0.068, 10)), BARK)


def half_pear(fruit: Field, belly: float, side: float, color: Color) -> list[Part]:
    """The cut half of a pear that leans on the whole one, the flesh with core and seeds towards the viewer."""
    back = sdf.cut(fruit, sdf.block((3.0, 0.0, 0.0), (3.0, 3.0, 3.0), 0.0))
    flesh, rind = sdf.split(sdf.surface(back, 50), sdf.block((0.0, 0.0, 0.0), (0.02, 3.0, 3.0), 0.0))
    core = solids.pebble((0.0, 0.0, -0.02), (0.03, 0.26, 0.32), 2)
    seeds = [solids.pebble((0.02, s * 0.11, 0.0), (0.04, 0.065, 0.13), 2) for s in (1.0, -1.0)]
    parts = [
        Part("skin", rind, peel(color)),
        Part("flesh", flesh, FLESH),
        Part("core", core, Material(Color("yellow", (0.86, 0.76, 0.5)), 0.6)),
        Part("seed", solids.joined(*seeds), SEED),
    ]

    def leant(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
        return solids.turned(solids.turned(solids.scaled(mesh, (0.86, 0.86, 0.86)), 1, -16.0), 0, -8.0 * side)

    sunk = float(rind.vertices[:, 2].min() - leant(rind).vertices[:, 2].min())
    return reshaped(parts, lambda mesh: solids.moved(leant(mesh), (0.3 * belly, 1.6 * side * belly, sunk)))


@object_class("carrot", family="food", azimuths=((38.0, 72.0), (-72.0, -38.0)), elevations=(38.0, 66.0))
def carrot(draw: Draw) -> list[Part]:
    """A carrot with its leaves, or a bunch of several, lying on the ground."""
    color = draw.color("root", ["orange"] * 9 + ["purple"], 0.03)
    long, thick = draw.uniform("length", 1.7, 2.5), draw.uniform("thickness", 0.3, 0.4)
    form, bend = draw.choice("form", ["tapered", "blunt", "pointed"]), draw.uniform("bend", -0.28, 0.28)
    tops = draw.choice("leaves", ["feathers", "feathers", "bush", "stalks"])
    tall, green = draw.uniform("leaf length", 0.9, 1.3), draw.color("leaf", ["green"])
    count = int(draw.choice("count", [1.0, 1.0, 1.0, 1.0, 1.0, 3.0]))
    fan, parts = draw.uniform("fan", 20.0, 27.0), []
    slim, spread = (thick, 96.0) if count == 1 else (0.62 * thick, 44.0)
    for i in range(count):
        one = carrot_root(long * (1.0 - 0.12 * (i % 2)), slim, form, bend * (1 - i), 7, color.shade(1.0 - 0.06 * i))
        one += carrot_leaves(tops, tall, slim, spread, green.shade(1.0 + 0.1 * (i % 2)))
        parts += [carrot_aside(part, fan * (i - (count - 1) / 2)) for part in one]
    return parts


def carrot_aside(part: Part, degrees: float) -> Part:
    """The part of a carrot, turned around the point where the leaves of a bunch are tied together."""
    return replace(part, mesh=solids.turned(part.mesh, 2, degrees, (-0.95, 0.0, 0.0)))


FORMS = {  # how the thickness of a carrot goes from the shoulder to the tip
    "tapered": ([0.0, 0.03, 0.1, 0.35, 0.7, 0.92, 1.0], [0.5, 0.82, 1.0, 0.86, 0.52, 0.2, 0.05]),
    "blunt": ([0.0, 0.03, 0.1, 0.4, 0.8, 0.95, 1.0], [0.5, 0.82, 1.0, 0.94, 0.72, 0.42, 0.06]),
    "pointed": ([0.0, 0.03, 0.1, 0.3, 0.6, 0.85, 1.0], [0.5, 0.86, 1.0, 0.74, 0.38, 0.16, 0.05]),
}


def carrot_root(long: float, thick: float, form: str, bend: float, rings: int, color: Color) -> list[Part]:
    """A root along +x from its shoulder at the origin, notched by rings, its underside on the plane z = 0."""
    along = np.linspace(0.0, 1.0, 90)
    radii = thick * PchipInterpolator(*FORMS[form])(along)
    spine = np.stack([long * along, bend * np.sin(np.pi * along), radii], axis=1)
    turn = np.linspace(0.0, 2 * np.pi, 28, endpoint=False)
    skin = solids.swept(spine, radii, np.stack([np.cos(turn), np.sin(turn)], axis=1))
    creases = []
    for i in range(rings):
        k = int(6 + 76 * (i + 0.5 + 0.3 * (-1.0) ** (i // 2)) / rings)
        start = 137.5 * i
        sweep = np.radians(np.linspace(start, start + 200.0 - 60.0 * (i % 2), 22))
        out = radii[k] * 0.985
        loop = spine[k] + np.stack([0.0 * sweep, out * np.cos(sweep), out * np.sin(sweep)], axis=1)
        creases.append(solids.pipe(loop, 0.024, sections=8))
    return [
        Part("root", skin, Material(color, 0.5)),
        Part("ring", solids.joined(*creases), Material(color.shade(0.62), 0.7)),
    ]


def carrot_leaves(tops: str, tall: float, thick: float, spread: float, green: Color) -> list[Part]:
    """The leaves behind a carrot's shoulder: feathery fronds, a bush of broad leaves, or stalks cut short."""
    count = {"feathers": 5, "bush": 7, "stalks": 6}[tops]
    stalks: list[trimesh.Trimesh] = []
    blades: list[trimesh.Trimesh] = []
    for i in range(count):
        aside = np.radians(spread * (i / (count - 1) - 0.5))
        rise = 0.1 + 0.5 * ((i * 2) % 3) / 2
        reach = tall * (0.45 if tops == "stalks" else 0.82 + 0.18 * np.cos(2.4 * i))
        x, y = -float(np.cos(aside)) * reach, float(np.sin(aside)) * reach
        knots: list[Point] = [
            (0.06, 0.2 * y * thick, thick),
            (0.5 * x, 0.45 * y, thick + 0.4 * rise),
            (x, y, thick + rise * 0.7),
        ]
        line = solids.curve(knots, 20)
        stalks.append(solids.pipe(line, np.linspace(0.055, 0.036, 20), sections=8))
        if tops != "stalks":
            blades += leaflets(line, 0.26 if tops == "feathers" else 0.4, 4 if tops == "feathers" else 2)
    parts = [Part("stalk", solids.joined(*stalks), Material(green.shade(1.2), 0.6))]
    return parts + ([Part("leaf", solids.joined(*blades), Material(green, 0.6))] if blades else [])


def leaflets(line: Array, size: float, pairs: int) -> list[trimesh.Trimesh]:
    """Small leaves in pairs along the outer half of a stalk, and one at its tip."""
    tip = (line[-1] - line[-4]) / np.linalg.norm(line[-1] - line[-4])
    found = [leaflet(line[-3], line[-1] + 1.1 * size * tip, 0.4 * size)]
    for i in range(pairs):
        k = int(7 + 12 * i / pairs)
        ahead = (line[k + 1] - line[k]) / np.linalg.norm(line[k + 1] - line[k])
        aside = np.cross((0.0, 0.0, 1.0), ahead)
        reach = size * (1.35 - 0.5 * i / pairs)
        ends = [line[k] + reach * (0.7 * ahead + 0.9 * s * aside) for s in (1.0, -1.0)]
        found += [leaflet(line[k], end, 0.36 * reach) for end in ends]
    return found


def leaflet(start: Array, end: Array, width: float) -> trimesh.Trimesh:
    """A small arched leaf that lies level from one point to another."""
    x, y, _ = (end - start).tolist()
    middle = 0.5 * (start + end) + (0.0, 0.0, 0.04)
    return leaf(solids.curve([list(point) for point in (start, middle, end)], 8), width, 0.35, (-y, x, 0.0))


@object_class("pineapple", family="food", azimuths=((-36.0, 36.0),), elevations=(4.0, 26.0))
def pineapple(draw: Draw) -> list[Part]:
    """A pineapple: a barrel of diamonds under a crown of stiff leaves, whole or with a cut slice."""
    color = draw.color("skin", ["yellow", "yellow", "yellow", "orange", "orange", "green"], 0.035)
    tall, wide = draw.uniform("height", 1.5, 2.0), draw.uniform("width", 0.56, 0.74)
    form, lean = draw.choice("form", ["barrel", "egg", "cone"]), draw.uniform("lean", -0.05, 0.05)
    count = int(draw.choice("diamonds", [5.0, 6.0, 7.0]))
    parts = pineapple_body(tall, wide, form, count, color)
    crown = draw.choice("crown", ["upright", "spreading", "bushy"])
    leaves = pineapple_crown(crown, draw.uniform("crown height", 0.8, 1.25), draw.color("leaf", ["green"]))
    parts += reshaped(leaves, lambda mesh: solids.moved(mesh, (0.0, 0.0, tall - 0.06)))
    parts = reshaped(parts, lambda mesh: leaning(mesh, lean))
    if draw.choice("serving", ["whole", "whole", "whole", "with a slice"]) == "with a slice":
        parts += pineapple_slice(wide, draw.choice("slice side", [1.0, -1.0]), color)
    return parts


BARRELS = {  # the outline of a pineapple from the foot to the crown: (height, radius), as shares
    "barrel": ([0.0, 0.04, 0.2, 0.5, 0.8, 0.95, 1.0], [0.5, 0.72, 0.95, 1.0, 0.92, 0.66, 0.42]),
    "egg": ([0.0, 0.04, 0.2, 0.4, 0.75, 0.94, 1.0], [0.5, 0.76, 1.0, 1.03, 0.82, 0.54, 0.36]),
    "cone": ([0.0, 0.05, 0.15, 0.3, 0.7, 0.94, 1.0], [0.62, 0.88, 1.02, 1.03, 0.78, 0.52, 0.34]),
}


def pineapple_body(tall: float, wide: float, form: str, count: int, color: Color) -> list[Part]:
    """A bumpy skin along which two families of `count` grooves wind up and cross."""
    outline = PchipInterpolator(*BARRELS[form])
    turns = 0.42  # how far a groove winds round on its way up
    height, around = np.linspace(0.0, 1.0, 90), np.linspace(0.0, 2 * np.pi, 120, endpoint=False)
    h, a = np.meshgrid(height, around, indexing="ij")
    left, right = (count * (a / (2 * np.pi) + s * turns * h) for s in (1.0, -1.0))
    bump = np.abs(np.sin(np.pi * left) * np.sin(np.pi * right)) ** 0.8
    radius = wide * outline(h) * (0.93 + 0.09 * bump)
    rings = np.stack([radius * np.cos(a), radius * np.sin(a), tall * h], axis=2)
    climb = np.linspace(0.03, 0.97, 40)
    out = 0.945 * wide * outline(climb)
    grooves = []
    for start in np.arange(count) / count:
        for s in (1.0, -1.0):
            angle = 2 * np.pi * (start - s * turns * climb)
            line = np.stack([out * np.cos(angle), out * np.sin(angle), tall * climb], axis=1)
            grooves.append(solids.pipe(line, 0.022, sections=6))
    return [
        Part("skin", solids.loft(rings), Material(color.shade(1.4) if color.name == "green" else color, 0.55)),
        Part("groove", solids.joined(*grooves), Material(color.shade(0.5), 0.8)),
    ]


def pineapple_crown(crown: str, tall: float, green: Color) -> list[Part]:
    """Whorls of sword-shaped leaves, the outer ones shorter and further bent outwards."""
    flare = {"upright": 0.6, "spreading": 1.0, "bushy": 0.85}[crown]
    whorls = [(7, 0.42, 0.8, 0.8), (6, 0.74, 0.55, 0.95), (5, 1.0, 0.22, 1.12)]
    parts = []
    for tier, (count, rise, out, shade) in enumerate(whorls):
        top, far = tall * rise, flare * out
        knots = [(0.12, 0.0, -0.04), (0.18 + 0.4 * far, 0.0, 0.5 * top), (0.1 + far, 0.0, top * (1.0 - 0.2 * out))]
        blade = leaf(solids.curve(knots, 14), 0.19 if crown == "bushy" else 0.15, 0.4)
        blades = [solids.turned(blade, 2, 360.0 * i / count + 25.0 * tier) for i in range(count)]
        parts.append(Part("leaf", solids.joined(*blades), Material(green.shade(shade), 0.45)))
    return parts


def pineapple_slice(wide: float, side: float, color: Color) -> list[Part]:
    """A slice without its core that leans on a pineapple of this width, towards the viewer."""
    size = 0.8 * wide
    wavy = np.linspace(0.0, 2 * np.pi, 72, endpoint=False)
    rim = size * (1.0 + 0.03 * np.cos(12 * wavy))
    edge = [(float(r * np.cos(t)), float(r * np.sin(t))) for r, t in zip(rim, wavy, strict=True)]
    hole = [(float(0.28 * size * np.cos(t)), float(0.28 * size * np.sin(t))) for t in wavy[::3]]
    pulp = [(0.9 * x, 0.9 * y) for x, y in edge]
    parts = [
        Part("skin", solids.extrude(edge, 0.15, [pulp]), Material(color.shade(0.75), 0.6)),
        Part("flesh", solids.moved(solids.extrude(pulp, 0.16, [hole]), (0.0, 0.0, -0.005)), PULP),
    ]

    def leant(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
        upright = solids.moved(solids.turned(mesh, 1, 66.0), (0.0, 0.0, 0.94 * size))
        return solids.moved(solids.turned(upright, 2, 10.0 * side), (0.62 * wide, 1.25 * wide * side, 0.0))

    return reshaped(parts, leant)
