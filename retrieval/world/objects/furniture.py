"""Furniture: tables and desks, couches, floor lamps. Chairs and small household goods are in `things`.

Lengths are roughly metres. The long side of a table or couch lies along y and faces +x.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.things import DARK, STEEL, bar, facing, turned_about
from retrieval.world.solids import Flat, Point

BRASS = Material(Color("yellow", (0.83, 0.62, 0.27)), 0.3, metallic=0.7)
GLOW = Material(Color("yellow", (1.0, 0.93, 0.68)), 0.4)
METALS = {"steel": STEEL, "brass": BRASS, "black": DARK}
SQUARENESS = 5.0  # of cushions: 2 is a ball, more is nearer to a box
CORNERS = [(x, y) for x in (-1, 1) for y in (-1, 1)]


def round_outline(radius_x: float, radius_y: float) -> list[Flat]:
    """An ellipse of 56 points (x, y)."""
    angles = np.linspace(0, 2 * np.pi, 56, endpoint=False)
    return [(radius_x * float(np.cos(a)), radius_y * float(np.sin(a))) for a in angles]


def oblong(half_x: float, half_y: float) -> list[Flat]:
    """A rectangle (x, y) around the origin."""
    return [(-half_x, -half_y), (half_x, -half_y), (half_x, half_y), (-half_x, half_y)]


# ----- Table


def turned_leg(height: float, radius: float) -> trimesh.Trimesh:
    """A leg from the lathe: a slim foot, a swelling, a bead below the square block at its top."""
    shape = [(0.62, 0.0), (0.8, 0.06), (0.6, 0.14), (0.95, 0.4), (1.1, 0.6), (0.7, 0.7), (1.15, 0.74), (0.75, 0.78)]
    line = np.array(shape) * (radius, height)
    block = solids.slab((0, 0, 0.9 * height), (1.9 * radius, 1.9 * radius, 0.2 * height), 0.015)
    return solids.joined(
        solids.lathe([(0, 0), *solids.curve(line.tolist(), 40).tolist(), (0, 0.8 * height)], 24), block
    )


def table_legs(kind: str, spots: list[Flat], height: float, thick: float) -> trimesh.Trimesh:
    """Legs under a top at `height`: `spots` are their places (x, y); splayed ones lean outwards."""
    if kind == "turned":
        return solids.joined(*[solids.moved(turned_leg(height, 1.2 * thick), (x, y, 0)) for x, y in spots])
    if kind == "straight":
        size = (1.9 * thick, 1.9 * thick, height)
        return solids.joined(*[solids.slab((x, y, height / 2), size, 0.02) for x, y in spots])
    out = 1.22 if kind == "splayed" else 1.0
    square = kind == "tapered"
    return solids.joined(
        *[
            bar((x, y, height - 1.2 * thick), (out * x, out * y, 0.05), 1.25 * thick, 0.7 * thick, square)
            for x, y in spots
        ]
    )


def runner(half_x: float, half_y: float, height: float, cloth: Material) -> Part:
    """A strip of cloth along a table's middle whose ends hang down."""
    wide, drop = 0.55 * half_x, 0.28
    pieces = [solids.slab((0, 0, height + 0.012), (2 * wide, 2 * half_y + 0.06, 0.04), 0.015)]
    pieces += [
        solids.slab((0, s * (half_y + 0.02), height + 0.03 - drop / 2), (2 * wide, 0.04, drop), 0.015) for s in (-1, 1)
    ]
    return Part("cloth", solids.joined(*pieces), cloth)


def four_legged_table(draw: Draw, height: float, paint: Material, top_paint: Material) -> list[Part]:
    """A dining table with a frame below its top, perhaps with a drawer or a strip of cloth."""
    half_y, half_x = draw.uniform("length", 0.72, 1.1), draw.uniform("depth", 0.45, 0.62)
    thick = draw.uniform("leg_thickness", 0.055, 0.08)
    is_round = draw.choice("top", ["straight", "straight", "oval"]) == "oval"
    board = round_outline(half_x * 1.15, half_y) if is_round else oblong(half_x, half_y)
    top = solids.moved(solids.plate(board, 0.09, 0.03, 0.06), (0, 0, height - 0.09))
    reach = 0.66 if is_round else 0.88
    ax, ay = reach * half_x, (reach if is_round else 0.91) * half_y
    deep = draw.uniform("frame_height", 0.1, 0.2)
    z = height - 0.09 - deep / 2
    frame = [solids.slab((s * ax, 0, z), (0.05, 2 * ay, deep), 0.012) for s in (-1, 1)]
    frame += [solids.slab((0, s * ay, z), (2 * ax, 0.05, deep), 0.012) for s in (-1, 1)]
    spots = [(x * ax, y * ay) for x, y in CORNERS]
    legs = table_legs(draw.choice("legs", ["straight", "tapered", "turned", "splayed"]), spots, height - 0.08, thick)
    parts = [
        Part("top", top, top_paint),
        Part("frame", solids.joined(*frame), paint),
        Part("leg", legs, paint),
    ]
    extra = draw.choice("extra", ["none", "none", "none", "drawer", "cloth"])
    if extra == "drawer":
        parts += drawer((ax + 0.02, 0.0, z), 0.8 * ay, 0.72 * deep, top_paint)
    elif extra == "cloth" and not is_round:
        cloth = Material(draw.color("cloth", ["red", "blue", "white", "yellow", "green"]), 0.9)
        parts.append(runner(half_x, half_y, height, cloth))
    return parts


def drawer(center: Point, width: float, height: float, paint: Material) -> list[Part]:
    """The front of a drawer that faces +x, and its knob."""
    x, y, z = center
    front = solids.slab(center, (0.05, width, height), 0.015)
    return [Part("drawer", front, paint), Part("knob", solids.ball((x + 0.06, y, z), 0.035), BRASS)]


def pedestal_table(draw: Draw, height: float, paint: Material, top_paint: Material) -> list[Part]:
    """A round table on one column, with a plate or curved feet below."""
    radius = draw.uniform("radius", 0.68, 0.95)
    border = [(radius - 0.02, 0.0), (radius, 0.02), (radius, 0.08), (radius - 0.015, 0.095)]
    top = solids.moved(solids.lathe([(0, 0), *border, (0, 0.095)], 72), (0, 0, height - 0.095))
    fat = draw.uniform("column", 0.09, 0.14)
    waist = [(1.5, 0.0), (1.0, 0.15), (1.5, 0.35), (0.8, 0.6), (1.0, 0.85), (2.2, 1.0)]
    plain = [(1.0, 0.0), (1.0, 0.4), (1.0, 0.8), (1.5, 1.0)]
    shape = np.array(waist if draw.choice("column_shape", ["turned", "plain"]) == "turned" else plain)
    line = solids.curve((shape * (fat, height - 0.22) + (0, 0.14)).tolist(), 40)
    column = solids.lathe([(0, 0.14), *line.tolist(), (0, height - 0.08)], 36)
    parts = [Part("top", top, top_paint), Part("leg", column, paint)]
    if draw.choice("foot", ["plate", "feet"]) == "plate":
        rim = 0.62 * radius
        foot = solids.lathe([(0, 0), (rim, 0), (rim, 0.05), (0.8 * rim, 0.09), (1.4 * fat, 0.18), (0, 0.18)], 48)
        return [*parts, Part("foot", foot, paint)]
    bent = solids.curve([(0.0, 0, 0.36), (0.3 * radius, 0, 0.3), (0.55 * radius, 0, 0.1), (0.72 * radius, 0, 0.07)], 16)
    toes = [solids.turned(solids.pipe(bent, np.linspace(0.09, 0.065, 16)), 2, 90 * k + 45) for k in range(4)]
    return [*parts, Part("foot", solids.joined(*toes), paint)]


def desk(draw: Draw, height: float, paint: Material, top_paint: Material) -> list[Part]:
    """A writing desk: drawers on one side or both, a panel at the back, legs where there are no drawers."""
    half_y, half_x = draw.uniform("length", 0.85, 1.1), draw.uniform("depth", 0.42, 0.54)
    top = solids.moved(solids.plate(oblong(half_x, half_y), 0.09, 0.03, 0.05), (0, 0, height - 0.09))
    back = solids.slab((-half_x + 0.08, 0, 0.7 * height), (0.05, 1.8 * half_y, 0.5 * height), 0.015)
    parts = [Part("top", top, top_paint), Part("back", back, paint)]
    side = draw.choice("drawer_side", [-1.0, 1.0])
    rows, wide = draw.choice("rows", [2, 3]), draw.uniform("drawer_width", 0.5, 0.68) * half_y
    stacks = [side, -side] if draw.choice("stacks", ["one", "one", "two"]) == "two" else [side]
    low = draw.uniform("drawer_foot", 0.12, 0.45)
    for place in stacks:
        y, tall = place * (half_y - wide / 2 - 0.05), height - 0.08 - low
        parts.append(Part("frame", solids.slab((-0.01, y, low + tall / 2), (1.8 * half_x, wide, tall), 0.02), paint))
        for k in range(rows):
            z = low + tall * (k + 0.5) / rows
            parts += drawer((0.9 * half_x, y, z), 0.84 * wide, 0.8 * tall / rows, top_paint)
        feet = [(x * 0.76 * half_x, y + s * 0.38 * wide) for x, s in CORNERS]
        parts.append(Part("leg", table_legs("straight", feet, low + 0.04, 0.05), paint))
    if len(stacks) == 1:
        spots = [(x * 0.84 * half_x, -side * (half_y - 0.12)) for x in (-1, 1)]
        parts.append(Part("leg", table_legs("straight", spots, height - 0.08, 0.06), paint))
    return parts


@object_class(
    "table", family="thing", azimuths=((20, 62), (-62, -20)), elevations=(24, 38), synonyms=("desk", "dining table")
)
def table(draw: Draw) -> list[Part]:
    """A table: on four legs, round on one column, or a desk with drawers."""
    paint = Material(
        draw.color("wood", ["brown"] * 4 + ["orange", "white", "gray", "black", "blue", "green"], 0.03), 0.4
    )
    height = draw.uniform("height", 0.92, 1.2)
    kind = draw.choice("kind", ["four legs", "four legs", "pedestal", "desk"])
    below = paint
    if draw.choice("legs_paint", ["same", "same", "pale"]) == "pale":
        below = Material(draw.color("legs", ["white", "black"], 0.03), 0.4)
    build = {"four legs": four_legged_table, "pedestal": pedestal_table, "desk": desk}[kind]
    return build(draw, height, below, paint)


# ----- Couch


def cushion(center: Point, size: Point) -> trimesh.Trimesh:
    """A stuffed box with full side lengths `size`: soft edges, slightly swollen sides."""
    ball = trimesh.creation.icosphere(subdivisions=4)
    steep = np.sum(np.abs(ball.vertices) ** SQUARENESS, axis=1, keepdims=True) ** (1 / SQUARENESS)
    ball.vertices = ball.vertices / steep * (np.array(size) / 2) + np.array(center)
    return ball


def couch_arm(kind: str, side: float, half: float, depth: float, top: float, wide: float) -> trimesh.Trimesh:
    """The arm of a couch at y = `side` * `half`, outwards of it: a box, a roll, or a slope down to the front."""
    y, low = side * (half + wide / 2), 0.16
    if kind == "box":
        return solids.slab((0, y, (low + top) / 2), (depth, wide, top - low), 0.07)
    if kind == "slope":
        edges = [
            (-depth / 2, low),
            (depth / 2, low),
            (depth / 2, 0.74 * top),
            (0.1, 0.8 * top),
            (-depth / 2, 1.2 * top),
        ]
        return solids.moved(solids.board(edges, wide, 0.06, 0.1), (0, y, 0))
    roll = 0.72 * wide
    panel = solids.slab((0, y, (low + top) / 2 - 0.05), (depth - 0.04, 0.84 * wide, top - low - 0.05), 0.05)
    ends = [(x * (depth / 2 - 0.05), y + side * 0.05, top - 0.5 * roll) for x in (-1, 1)]
    return solids.joined(panel, solids.hull([(x, y, z) for x, y, z in ends], roll, detail=3))


def couch_back(kind: str, half: float, back: float, height: float) -> trimesh.Trimesh:
    """The upright back of a couch: straight, or with a top that rises to one hump or several."""
    rise = {"straight": 0.0, "hump": 0.2, "waves": 0.09}[kind]
    across = np.linspace(half, -half, 41)
    share = across / half
    crest = height + rise * (np.cos(np.pi * share) if kind == "hump" else np.abs(np.cos(np.pi * share)))
    outline = [(-half, 0.16), (half, 0.16), *[(float(y), float(z)) for y, z in zip(across, crest, strict=True)]]
    return facing(outline, back, back + 0.26, 0.08)


@object_class("couch", family="thing", azimuths=((-42, 42),), elevations=(8, 26), synonyms=("sofa", "settee"))
def couch(draw: Draw) -> list[Part]:
    """A stuffed couch for two or three: boxy, rolled or sloping arms, loose cushions, perhaps pillows."""
    words = ["red", "blue", "green", "gray", "brown", "yellow", "orange", "purple", "pink", "white"]
    cloth = Material(draw.color("cloth", words), 0.85)
    seats = draw.choice("seats", [2, 2, 3])
    each, depth = draw.uniform("seat_width", 0.68, 0.84), draw.uniform("depth", 0.92, 1.08)
    half, wide = seats * each / 2, draw.uniform("arm_width", 0.2, 0.32)
    level = draw.uniform("seat_height", 0.34, 0.42)
    top, back = level + draw.uniform("arm_height", 0.3, 0.4), level + draw.uniform("back_height", 0.58, 0.8)
    arm = draw.choice("arms", ["box", "roll", "slope"])
    base = solids.slab((0.0, 0, 0.27), (depth - 0.04, 2 * half + 0.1, 0.24), 0.05)
    rear = couch_back(draw.choice("back", ["straight", "straight", "hump", "waves"]), half + 0.04, -depth / 2, back)
    arms = [couch_arm(arm, side, half, depth, top, wide) for side in (-1.0, 1.0)]
    spots = [each * (k - (seats - 1) / 2) for k in range(seats)]
    thick = draw.uniform("cushion", 0.17, 0.24)
    seat = [cushion((0.15, y, level + 0.06), (depth - 0.24, each, thick + 0.04)) for y in spots]
    parts = [
        Part("base", base, cloth),
        Part("back", rear, cloth),
        *[Part("arm", mesh, cloth) for mesh in arms],
        *[Part("seat", mesh, Material(cloth.color.shade(1.12), 0.85)) for mesh in seat],
        couch_feet(draw.choice("feet", ["round", "tapered", "block"]), half + wide * 0.7, depth / 2 - 0.12),
    ]
    if draw.choice("back_cushions", ["loose", "loose", "none"]) == "loose":
        tall = back - level - 0.1
        rests = [cushion((0, 0, 0), (0.27, each, tall + 0.06)) for _ in spots]
        placed = [
            solids.moved(solids.turned(mesh, 1, -9), (-depth / 2 + 0.34, y, level + 0.14 + tall / 2))
            for mesh, y in zip(rests, spots, strict=True)
        ]
        parts += [Part("cushion", mesh, Material(cloth.color.shade(1.06), 0.85)) for mesh in placed]
    return parts + couch_pillows(draw, half, level, depth, cloth.color.name)


def couch_feet(kind: str, half: float, deep: float) -> Part:
    """Four short feet below a couch."""
    if kind == "round":
        feet = [solids.pebble((x * deep, y * half, 0.09), (0.09, 0.09, 0.09), 2) for x, y in CORNERS]
    elif kind == "block":
        feet = [solids.slab((x * deep, y * half, 0.09), (0.14, 0.14, 0.18), 0.02) for x, y in CORNERS]
    else:
        feet = [bar((x * deep, y * half, 0.2), (1.1 * x * deep, y * half, 0.04), 0.07, 0.04, False) for x, y in CORNERS]
    return Part("foot", solids.joined(*feet), Material(Color("brown", (0.30, 0.17, 0.09)), 0.4))


def couch_pillows(draw: Draw, half: float, level: float, depth: float, cloth: str) -> list[Part]:
    """None, one or two square pillows that lean in the corners, of another colour than the couch."""
    count = draw.choice("pillows", [0, 1, 2])
    if not count:
        return []
    words = [word for word in ("red", "yellow", "blue", "white", "green", "orange") if word != cloth]
    cover = Material(draw.color("pillow", words), 0.85)
    first = draw.choice("pillow_side", [-1.0, 1.0])
    parts = []
    for side in (first, -first)[:count]:
        square = cushion((0, 0, 0), (0.24, 0.48, 0.48))
        leaning = solids.turned(solids.turned(square, 1, -18), 2, -side * 22)
        parts.append(
            Part("pillow", solids.moved(leaning, (-depth / 2 + 0.56, side * (half - 0.25), level + 0.38)), cover)
        )
    return parts


# ----- Floor lamp

SHADES = {  # half profiles from the top rim to the bottom rim: (radius, height), in shares of the shade's
    "drum": [(0.9, 1.0), (0.95, 0.5), (1.0, 0.0)],
    "cone": [(0.42, 1.0), (0.71, 0.5), (1.0, 0.0)],
    "bell": [(0.34, 1.0), (0.42, 0.7), (0.58, 0.38), (0.8, 0.14), (1.0, 0.0)],
    "dome": [(0.08, 1.0), (0.45, 0.92), (0.78, 0.66), (0.95, 0.32), (1.0, 0.0)],
}


def lamp_shade(kind: str, radius: float, height: float, paint: Material, trim: Material) -> list[Part]:
    """A shade whose lower rim lies at z = 0, its hoops of another colour, with a pale lining and a bulb."""
    line = solids.curve([(radius * r, height * z) for r, z in SHADES[kind]], 24)
    lid = [(0.0, height)] if kind == "dome" else [(float(line[0, 0]) - 0.03, height - 0.01)]
    outer = solids.lathe([*line[::-1].tolist(), *lid][::-1], 56)
    inner = solids.lathe([(float(r) - 0.025, float(z)) for r, z in line[::-1]], 56)
    hoops = [solids.pipe(solids.arc((0, 0, z), r, 0, 360, axis=2, steps=48), 0.022) for r, z in (line[0], line[-1])]
    return [
        Part("shade", outer, paint),
        Part("trim", solids.joined(*hoops[0 if kind != "dome" else 1 :]), trim),
        Part("shade", inner, GLOW),
        Part("bulb", solids.pebble((0, 0, 0.35 * height), (0.11, 0.11, 0.14), 2), GLOW),
    ]


def lamp_foot(kind: str, reach: float, paint: Material) -> Part:
    """What a floor lamp stands on: a round plate, a dome, or three legs that meet at z = 0.62."""
    if kind == "plate":
        rim = [(0, 0), (reach, 0), (reach, 0.05), (0.9 * reach, 0.08), (0.1, 0.11), (0, 0.11)]
        return Part("base", solids.lathe(rim, 48), paint)
    if kind == "dome":
        swell = solids.curve([(reach, 0.0), (0.86 * reach, 0.1), (0.4 * reach, 0.18), (0.06, 0.26)], 16)
        return Part("base", solids.lathe([(0, 0), *swell.tolist(), (0, 0.26)], 48), paint)
    legs = [solids.pipe([(0, 0, 0.62), (1.35 * reach, 0, 0.04)], 0.036) for _ in range(3)]
    return Part("base", solids.joined(*[solids.turned(leg, 2, 120 * k + 30) for k, leg in enumerate(legs)]), paint)


def shifted(parts: list[Part], offset: Point) -> list[Part]:
    """The parts, moved together."""
    return [Part(p.name, solids.moved(p.mesh, offset), p.material) for p in parts]


def bent_pole(low: float, rise: float, height: float, out: float) -> list[Point]:
    """The line of a pole that goes straight up to `rise`, then over a hump and down to `height`, `out` to the side."""
    peak = height + 0.25
    bend = [(0, rise), (0.04 * out, rise + 0.4 * (peak - rise)), (0.5 * out, peak), (0.97 * out, height)]
    return [(0.0, 0.0, low), *[(0.0, float(y), float(z)) for y, z in solids.curve(bend, 28)]]


@object_class(
    "floor lamp",
    family="thing",
    azimuths=((-35, 35), (145, 215)),
    elevations=(0, 14),
    synonyms=("standing lamp", "lamp"),
)
def floor_lamp(draw: Draw) -> list[Part]:
    """A standing lamp: a straight pole below its shade, a crooked neck, or a wide arch."""
    words = ["white", "yellow", "red", "orange", "blue", "green", "pink", "purple"]
    paint = Material(draw.color("shade", words), 0.7)
    metal = METALS[draw.choice("metal", list(METALS))]
    kind = draw.choice("pole", ["straight", "straight", "crook", "arch"])
    radius = draw.uniform("shade_width", 0.34, 0.5)
    tall = draw.uniform("shade_height", 0.75, 1.15) * radius
    height, side = draw.uniform("height", 1.5, 1.9), draw.choice("side", [-1.0, 1.0])
    shape = draw.choice("shade_shape", ["drum", "cone", "bell"] if kind == "straight" else ["cone", "dome"])
    stand = draw.choice("foot", ["plate", "dome", "tripod"])
    foot = lamp_foot(stand, draw.uniform("foot_width", 0.26, 0.36), metal)
    low = 0.6 if stand == "tripod" else 0.05
    trim = paint
    if draw.choice("trim", ["same", "other"]) == "other":
        trim = Material(draw.color("trim", [w for w in ("white", "black", "brown") if w != paint.color.name]), 0.6)
    shade = lamp_shade(shape, radius, tall, paint, trim)
    pole, out = [(0.0, 0.0, low), (0.0, 0.0, height + 0.6 * tall)], 0.0
    if kind != "straight":
        out = side * (draw.uniform("reach", 0.45, 0.6) if kind == "crook" else draw.uniform("reach", 0.8, 1.1))
        pole = bent_pole(low, height * (0.75 if kind == "crook" else 0.5), height, out)
        tilted = turned_about(shifted(shade, (0, 0, -tall)), 0, side * draw.uniform("tilt", 0, 22))
        shade = shifted(tilted, (0, 0, 0.08 * tall))
    thick = draw.uniform("pole_width", 0.03, 0.04)
    return [*shifted(shade, (0, out, height)), Part("pole", solids.pipe(pole, thick), metal), foot]
