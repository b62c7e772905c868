"""What stands out in a landscape: castles and lighthouses. Windmills are in `mills`, houses in `places`.

Lengths are roughly storeys; fronts look along +x. Towers serve the whole family and come first; what is fixed to a
tower is modelled facing +x at the origin and then carried to its wall.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.places import carried, flat_on_wall, gable, opening
from retrieval.world.objects.things import facing
from retrieval.world.solids import Array, Flat, Point

SHADOW = Material(Color("black", (0.06, 0.06, 0.08)), 0.6)
TIMBER = Material(Color("brown", (0.42, 0.27, 0.15)), 0.75)
ROCK = Material(Color("gray", (0.42, 0.41, 0.40)), 0.95)
IRON = Material(Color("black", (0.13, 0.13, 0.15)), 0.4)
WHITEWASH = Material(Color("white", (0.93, 0.92, 0.88)), 0.7)
LAMP = Material(Color("yellow", (1.0, 0.88, 0.35)), 0.2)
GRASS = Material(Color("green", (0.30, 0.48, 0.20)), 0.95)


def chip(center: Point, size: Point, rounding: float = 0.02) -> trimesh.Trimesh:
    """A box with soft edges and few faces, for what comes in dozens."""
    signs = 2.0 * np.indices((2, 2, 2)).reshape(3, 8).T - 1
    return solids.hull(np.array(center) + signs * (np.array(size) / 2 - rounding), rounding, detail=0)


def around(mesh: trimesh.Trimesh, count: int, first: float = 0.0) -> trimesh.Trimesh:
    """Copies of the mesh, evenly turned about the z axis from `first` degrees."""
    return solids.joined(*[solids.turned(mesh, 2, first + 360.0 * k / count) for k in range(count)])


def embrasure(width: float, height: float, trim: Material) -> list[Part]:
    """A dark arched window facing +x, its sill at the origin, in a frame that stands out."""
    frame = solids.moved(flat_on_wall(opening(1.5 * width, height + 0.5 * width, True), 0.07, 0.02), (-0.03, 0, 0))
    hole = solids.moved(flat_on_wall(opening(width, height, True), 0.07, 0.01), (-0.015, 0, 0.12 * width))
    return [Part("window", frame, trim), Part("window", hole, SHADOW)]


def on_tower(parts: list[Part], radius: float, height: float, degrees: float = 0.0, slope: float = 0.0) -> list[Part]:
    """What faces +x at the origin, carried to a tower's wall; `slope` is by how many degrees the wall leans inwards."""
    leaning = [Part(p.name, solids.turned(p.mesh, 1, -slope), p.material) for p in parts]
    placed = [Part(p.name, solids.moved(p.mesh, (radius, 0.0, height)), p.material) for p in leaning]
    return carried(placed, (0.0, 0.0, 0.0), degrees)


def pennant(foot: Point, height: float, reach: float, cloth: Material) -> list[Part]:
    """A pole at `foot` with a waving forked flag that flies towards +y, or -y if `reach` is negative."""
    x, y, z = foot
    wave = np.linspace(0.0, 1.0, 9)
    drop = 0.38 * height * (1 - 0.35 * wave)
    ripple = 0.05 * height * np.sin(1.6 * np.pi * wave)
    top = [(y + reach * s, z + height - 0.04 + r) for s, r in zip(wave, ripple, strict=True)]
    low = [(y + reach * s, z + height - 0.04 + r - d) for s, r, d in zip(wave, ripple, drop, strict=True)]
    notch = (y + 0.72 * reach, (top[-1][1] + low[-1][1]) / 2)
    outline = [*top, notch, *low[::-1]]
    return [
        Part("pole", solids.pipe([(x, y, z - 0.1), (x, y, z + height)], 0.03, sections=8), TIMBER),
        Part("flag", facing([(float(a), float(b)) for a, b in outline], x - 0.02, x + 0.02, 0.008), cloth),
    ]


# ----- Castle


def round_tower(radius: float, height: float, top: str, roof: float, stone: Material, tiles: Material) -> list[Part]:
    """A round tower at the origin under battlements or a cone; `roof` is the height of the cone in radii."""
    foot = [(0, 0), (1.12 * radius, 0), (1.12 * radius, 0.1), (radius, 0.22)]
    if top == "cone":
        neck = [(radius, height - 0.12), (1.1 * radius, height - 0.1), (1.1 * radius, height), (0, height)]
        eave = [(0, height - 0.02), (1.32 * radius, height - 0.02), (1.3 * radius, height + 0.05)]
        hat = [*eave, (0.62 * radius, height + 0.45 * roof * radius), (0, height + roof * radius)]
        return [
            Part("tower", solids.crisp(solids.lathe([*foot, *neck], 32)), stone),
            Part("roof", solids.crisp(solids.lathe(hat, 32)), tiles),
        ]
    rim = 1.2 * radius
    neck = [(radius, height - 0.4 * radius), (rim, height - 0.12 * radius), (rim, height), (0, height)]
    count = 8
    tooth = chip((0.9 * rim, 0, height + 0.17 * radius), (0.22 * rim, 0.46 * rim, 0.42 * radius))
    crown = around(tooth, count, 180.0 / count)
    return [Part("tower", solids.crisp(solids.lathe([*foot, *neck], 32)), stone), Part("battlement", crown, stone)]


def curtain(start: Flat, end: Flat, height: float, stone: Material) -> list[Part]:
    """A wall with battlements between two points (x, y) of the ground."""
    (x, y), (u, v) = start, end
    long = float(np.hypot(u - x, v - y))
    count = max(int(long / 0.36), 2)
    tooth = chip((0, 0, height + 0.1), (0.55 * long / count, 0.26, 0.3))
    teeth = [solids.moved(tooth, (share * long, 0, 0)) for share in (np.arange(count) + 0.5) / count]
    ledge = chip((long / 2, 0, height - 0.06), (long, 0.36, 0.1))
    parts = [
        Part("wall", chip((long / 2, 0, height / 2), (long, 0.26, height)), stone),
        Part("battlement", solids.joined(*teeth, ledge), stone),
    ]
    return carried(parts, (x, y, 0.0), float(np.degrees(np.arctan2(v - y, u - x))))


def gate(width: float, height: float, kind: str, trim: Material) -> list[Part]:
    """A castle gate facing +x at the origin: an arch of stone with a timber door or a portcullis."""
    frame = flat_on_wall(opening(1.4 * width, height + 0.2 * width, True), 0.12, 0.02)
    hollow = solids.moved(flat_on_wall(opening(width, height, True), 0.1, 0.01), (0.04, 0, 0))
    if kind == "portcullis":
        spots = np.linspace(-0.36, 0.36, 4) * width
        bars = [chip((0.16, y, 0.45 * height), (0.05, 0.05, 0.9 * height - 0.9 * abs(y)), 0.01) for y in spots]
        bars += [chip((0.16, 0, z * height), (0.05, 0.96 * width, 0.05), 0.01) for z in (0.2, 0.45, 0.68)]
        return [
            Part("gate", frame, trim),
            Part("gate", hollow, SHADOW),
            Part("gate", solids.joined(*bars), Material(Color("gray", (0.45, 0.45, 0.47)), 0.4, metallic=0.5)),
        ]
    bands = [
        chip((0.15, s * 0.24 * width, z * height), (0.05, 0.4 * width, 0.06), 0.01)
        for s in (-1, 1)
        for z in (0.25, 0.62)
    ]
    seam = chip((0.145, 0, 0.49 * height), (0.03, 0.04, 0.97 * height), 0.005)
    return [
        Part("gate", frame, trim),
        Part("gate", hollow, TIMBER),
        Part("gate", solids.joined(*bands, seam), IRON),
    ]


def keep(kind: str, width: float, height: float, top: str, stone: Material, tiles: Material) -> list[Part]:
    """The great tower in the middle of a castle: square with turrets at its front corners, or round."""
    if kind == "round":
        return round_tower(0.55 * width, height, top, 2.6, stone, tiles)
    half = width / 2
    corners = [(half, -half), (half, half), (-half, half), (-half, -half), (half, -half)]
    parts = [Part("tower", chip((0, 0, height / 2), (width, width, height)), stone)]
    for a, b in pairwise(corners):
        parts += curtain(a, b, height, stone)[1:]  # its battlements
    for x, y in corners[:2]:
        parts += carried(round_tower(0.24 * width, height + 0.35, top, 2.8, stone, tiles), (x, y, 0.0))
    return parts


TOPS = {  # what covers the corner towers and the keep
    "cones": ("cone", "cone"),
    "battlements": ("battlement", "battlement"),
    "pointed corners": ("cone", "battlement"),
    "pointed keep": ("battlement", "cone"),
}


@object_class("castle", family="place", azimuths=((-34.0, 34.0),), elevations=(4.0, 20.0), synonyms=("fortress",))
def castle(draw: Draw) -> list[Part]:
    """A castle: towers at the corners of a wall with a gate, a keep in the middle, cone roofs or battlements, flags."""
    paint = draw.color("wall", ["gray", "gray", "brown", "yellow", "white", "pink"])
    stone, trim = Material(weathered(paint), 0.9), Material(weathered(paint).shade(0.72), 0.9)
    tiles = Material(draw.color("roof", ["red", "blue", "purple", "green", "orange"]), 0.6)
    corner, middle = TOPS[draw.choice("tops", list(TOPS))]
    span, front = draw.uniform("span", 1.0, 1.45), draw.uniform("depth", 0.75, 1.1)
    radius, high = draw.uniform("tower width", 0.32, 0.46), draw.uniform("tower height", 1.3, 2.0)
    wall, pitch = high * draw.uniform("wall", 0.5, 0.66), draw.uniform("roof pitch", 2.0, 3.2)
    tower = round_tower(radius, high, corner, pitch, stone, tiles)
    slit = embrasure(0.34 * radius, 0.8 * radius, trim)
    tower += [*on_tower(slit, radius, 0.68 * high), *on_tower(slit, radius, 0.3 * high)]
    parts = [part for x in (front, -front) for y in (-span, span) for part in carried(tower, (x, y, 0.0))]
    for start, end in (
        ((front, -span), (front, span)),
        ((-front, -span), (front, -span)),
        ((-front, span), (front, span)),
    ):
        parts += curtain(start, end, wall, stone)
    parts += on_tower(
        gate(0.62 * span, 0.78 * wall, draw.choice("gate", ["portcullis", "door"]), trim), front + 0.1, 0.0
    )
    main, width = draw.uniform("keep height", 1.25, 1.7) * high, draw.uniform("keep width", 0.8, 1.0) * span
    shape = draw.choice("keep", ["round", "square"])
    great = keep(shape, width, main, middle, stone, tiles)
    great += on_tower(embrasure(0.22, 0.46, trim), (0.5 if shape == "square" else 0.55) * width, 0.72 * main)
    parts += carried(great, (-0.2 * front, 0.0, 0.0))
    cloth = Material(draw.color("flag", ["red", "blue", "yellow", "orange", "purple"]), 0.7)
    wind = draw.choice("wind", [1.0, -1.0])
    peak = main + (2.6 * 0.55 * width if shape == "round" and middle == "cone" else 0.0)
    parts += pennant((-0.2 * front, 0.0, peak), 0.8, 0.55 * wind, cloth)
    for y in (-span, span):
        parts += pennant((front, y, high + (pitch * radius if corner == "cone" else 0.0)), 0.55, 0.4 * wind, cloth)
    return parts


def weathered(paint: Color) -> Color:
    """The colour as stone has it: paler and less pure, still of the same name."""
    red, green, blue = (0.62 * np.array(paint.rgb) + 0.38 * np.array((0.76, 0.73, 0.67))).tolist()
    return Color(paint.name, (red, green, blue))


# ----- Lighthouse


def bands_of(mesh: trimesh.Trimesh, kind: str, height: float, turns: float) -> list[trimesh.Trimesh]:
    """The mesh as it is, or divided into its odd and its even stripes: rings, or a spiral of so many turns."""
    if kind == "plain":
        return [mesh]
    count = 2 * int(turns) + 1

    def stripe(p: Array) -> Array:
        phase = p[..., 2] / height * count
        if kind == "spiral":
            phase = 0.8 * phase + np.arctan2(p[..., 1], p[..., 0]) / np.pi
        return np.asarray(-np.sin(np.pi * phase))

    return list(sdf.split(mesh, sdf.Field(stripe, *mesh.bounds)))


def lantern(radius: float, height: float, cap: str, paint: Material) -> list[Part]:
    """A lighthouse's gallery, lamp room and cap from z = 0 up, on a tower whose top has this radius."""
    deck = 1.62 * radius
    base = [(0, -0.3 * radius), (0.95 * radius, -0.3 * radius), (deck, -0.02), (deck, 0.1), (0, 0.1)]
    post = solids.cylinder((0.92 * deck, 0, 0.05), (0.92 * deck, 0, 0.36), 0.03, 8)
    rails = [
        solids.lathe(
            [(0.92 * deck + 0.035 * np.cos(t), z + 0.035 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 8)], 32
        )
        for z in (0.22, 0.38)
    ]
    glass = 0.74 * radius
    pane = solids.cylinder((0, 0, 0.05), (0, 0, height), glass)
    bars = around(chip((glass, 0, height / 2), (0.07, 0.06, height)), 8, 22.5)
    eave = [(0, height - 0.02), (1.3 * glass, height - 0.02), (1.3 * glass, height + 0.06)]
    if cap == "dome":
        rise = [(1.12 * glass * np.cos(t), height + 0.06 + glass * np.sin(t)) for t in np.linspace(0, np.pi / 2, 12)]
    else:
        rise = [(0.4 * glass, height + 0.95 * glass), (0, height + 1.2 * glass)]
    peak = rise[-1][1]
    knob = solids.joined(solids.ball((0, 0, peak), 0.09), solids.cylinder((0, 0, peak), (0, 0, peak + 0.3), 0.03, 8))
    return [
        Part("gallery", solids.crisp(solids.lathe(base)), paint),
        Part("railing", solids.joined(around(post, 12), *rails), paint),
        Part("lamp", solids.crisp(pane), LAMP),
        Part("lamp", bars, IRON),
        Part("roof", solids.crisp(solids.lathe([*eave, *[(float(r), float(z)) for r, z in rise]])), paint),
        Part("roof", knob, paint),
    ]


def collar(radius: float, height: float) -> trimesh.Trimesh:
    """A rounded ledge around a tower of this radius."""
    section = [(radius - 0.03, -0.05), (radius + 0.04, -0.03), (radius + 0.04, 0.03), (radius - 0.03, 0.05)]
    return solids.crisp(solids.lathe([(r, height + z) for r, z in section]), 50.0)


def rocks(draw: Draw, reach: float, rise: float) -> trimesh.Trimesh:
    """A heap of boulders around the origin, up to about `rise` high."""
    stones = []
    for k in range(11):
        size = draw.uniform(f"rock {k}", 0.26, 0.44) * reach
        turn, out = 2.4 * k, reach * np.sqrt((k + 0.4) / 11)
        core = [
            (size * 0.5 * np.cos(2.1 * j + k), size * 0.6 * np.sin(2.1 * j + k), 0.6 * size * ((j + k) % 3 - 1) / 2)
            for j in range(5)
        ]
        at = (out * np.cos(turn), out * np.sin(turn), rise * (1.1 - out / reach) * 0.7)
        stones.append(
            solids.moved(solids.hull(core, 0.45 * size, detail=1), (float(at[0]), float(at[1]), float(at[2])))
        )
    return solids.joined(*stones)


@object_class("lighthouse", family="place", azimuths=((-42.0, 42.0),), elevations=(0.0, 14.0), synonyms=("beacon",))
def lighthouse(draw: Draw) -> list[Part]:
    """A tapering lighthouse in stripes, a spiral or one colour, on rocks, on a mound or beside its keeper's cottage."""
    paint = draw.color("tower", ["red", "red", "red", "blue", "black", "white", "green", "orange"])
    other = WHITEWASH if paint.name != "white" else Material(draw.color("stripe", ["red", "blue", "black"]), 0.6)
    wall = Material(paint, 0.6)
    kind, turns = draw.choice("pattern", ["rings", "rings", "spiral", "plain"]), draw.choice("stripes", [1.0, 2.0, 3.0])
    height, foot = draw.uniform("height", 2.3, 3.3), draw.uniform("foot", 0.56, 0.78)
    top = foot * draw.uniform("taper", 0.5, 0.68)
    flare = draw.uniform("flare", 0.0, 0.2)
    along = np.linspace(0.0, 1.0, 60)
    radii = top + (foot - top) * (1 - along) + flare * np.exp(-7 * along)
    profile = [(0.0, 0.0), *[(float(r), float(z)) for r, z in zip(radii, height * along, strict=True)], (0.0, height)]
    shaft = solids.crisp(solids.lathe(profile, draw.choice("sides", [48, 48, 8])))
    stripes = bands_of(shaft, kind, height, turns)
    parts = [Part("tower", mesh, (wall, other)[k % 2]) for k, mesh in enumerate(stripes)]
    if kind == "rings":
        count = 2 * int(turns) + 1
        levels = [k / count for k in range(1, count)]
        collars = [collar(float(np.interp(level, along, radii)), level * height) for level in levels]
        parts.append(Part("tower", solids.joined(*collars), other))
    painted = other if paint.name == "white" else wall
    metal = painted if draw.choice("metalwork", ["painted", "painted", "black"]) == "painted" else IRON
    head = lantern(top, draw.uniform("lamp room", 0.5, 0.66), draw.choice("cap", ["dome", "cone"]), metal)
    parts += carried(head, (0.0, 0.0, height))
    slope = float(np.degrees(np.arctan2(foot - top, height)))
    side = draw.uniform("windows", -25.0, 25.0)
    for share in (0.38, 0.6, 0.82):
        parts += on_tower(
            embrasure(0.15, 0.26, WHITEWASH), float(np.interp(share, along, radii)), share * height, side, slope
        )
    parts += on_tower(gate(0.34, 0.62, "door", WHITEWASH), float(radii[3]) - 0.04, 0.0, side, slope)
    return standing_on(draw, parts, foot)


def standing_on(draw: Draw, parts: list[Part], foot: float) -> list[Part]:
    """The lighthouse, whose foot has this radius, on rocks, on a mound, or beside its keeper's cottage."""
    ground = draw.choice("ground", ["rocks", "rocks", "mound", "cottage"])
    if ground == "rocks":
        lift = draw.uniform("cliff", 0.15, 0.5)
        return [*carried(parts, (0.0, 0.0, lift)), Part("rock", rocks(draw, 1.05, lift + 0.15), ROCK)]
    if ground == "mound":
        return [*carried(parts, (0.0, 0.0, 0.22)), Part("grass", solids.pebble((0, 0, 0), (1.5, 1.5, 0.3)), GRASS)]
    roof = Material(draw.color("cottage roof", ["red", "brown", "gray", "orange"]), 0.8)
    at = (-0.15, draw.choice("cottage side", [-1.0, 1.0]) * 1.15 * foot, 0.0)
    return [*parts, *carried(cottage(draw.uniform("cottage", 0.9, 1.15), roof), at)]


def cottage(long: float, tiles: Material) -> list[Part]:
    """A keeper's cottage at the origin, its ridge along y, with two windows to the front."""
    wall, ridge, deep = 0.55, 0.98, 0.9
    shell = solids.hull(gable(long, deep, wall, ridge), 0.02, detail=0)
    slopes = []
    for side in (-1, 1):
        rows = [
            (x, y, z)
            for x in (-0.56 * long, 0.56 * long)
            for y, z in ((0.0, ridge + 0.06), (side * 0.6 * deep, wall - 0.04))
        ]
        slopes.append(solids.hull(rows, 0.05, detail=0))
    parts = [Part("cottage", shell, WHITEWASH), Part("roof", solids.joined(*slopes), tiles)]
    stack = chip((0.3 * long, 0.1, ridge), (0.16, 0.16, 0.4))
    parts = carried([*parts, Part("chimney", stack, WHITEWASH)], (0.0, 0.0, 0.0), 90.0)
    for y in (-0.26, 0.26):
        parts += carried(embrasure(0.17, 0.2, tiles), (0.5 * deep, y * long, 0.2))
    return parts
