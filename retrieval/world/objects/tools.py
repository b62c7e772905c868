"""Small things for the hand: alarm clocks, hammers, scissors. What is worn is in `wear`, furniture in `furniture`.

A clock stands in the yz plane and faces +x. Hammers and scissors lie on the ground, their handles towards +x, and are
seen from above, so that their outline speaks.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.things import DARK, STEEL, disc, strip, turned_about
from retrieval.world.solids import Array, Flat

BRASS = Material(Color("yellow", (0.86, 0.65, 0.28)), 0.25, metallic=0.7)
PAPER = Material(Color("white", (0.95, 0.94, 0.90)), 0.6)
IRON = Material(Color("gray", (0.56, 0.57, 0.60)), 0.35, metallic=0.7)

# ----- Alarm clock

FACE = 0.31  # how far in front of the middle the dial lies
DIGITS: dict[str, list[list[Flat]]] = {  # strokes (across, up) of figures that are 0.6 wide and 1 high
    "1": [[(0.1, 0.75), (0.3, 1.0), (0.3, 0.0)]],
    "2": [[(0.0, 0.8), (0.15, 1.0), (0.45, 1.0), (0.6, 0.75), (0.0, 0.0), (0.6, 0.0)]],
    "3": [[(0.0, 1.0), (0.6, 1.0), (0.25, 0.6), (0.6, 0.35), (0.45, 0.0), (0.0, 0.05)]],
    "6": [[(0.5, 1.0), (0.1, 0.55), (0.05, 0.2), (0.2, 0.0), (0.5, 0.05), (0.58, 0.35), (0.35, 0.5), (0.08, 0.38)]],
    "9": [[(0.1, 0.0), (0.5, 0.45), (0.55, 0.8), (0.4, 1.0), (0.1, 0.95), (0.02, 0.65), (0.25, 0.5), (0.52, 0.62)]],
}


def around(degrees: float, radius: float) -> Flat:
    """The place (y, z) on the dial that is `degrees` clockwise from the top, for a viewer in front (+y is right)."""
    return float(np.sin(np.radians(degrees)) * radius), float(np.cos(np.radians(degrees)) * radius)


def hand(degrees: float, length: float, half_width: float, front: float) -> trimesh.Trimesh:
    """A clock hand from a little behind the middle to `length`."""
    tip, tail = around(degrees, length), around(degrees + 180, 0.12)
    return strip(tail, tip, half_width, front)


def figure(text: str, center: Flat, height: float) -> list[trimesh.Trimesh]:
    """A number on the dial: one or two digits of strokes."""
    wide = 0.8 * height * len(text) - 0.2 * height
    pieces = []
    for k, digit in enumerate(text):
        left = center[0] - wide / 2 + 0.8 * height * k
        for stroke in DIGITS[digit]:
            line = [(FACE + 0.01, left + height * y, center[1] + height * (z - 0.5)) for y, z in stroke]
            pieces.append(solids.pipe(line, 0.028, sections=8))
    return pieces


def dial_marks(kind: str, radius: float) -> trimesh.Trimesh:
    """The marks of the hours: twelve ticks, twelve dots, or four numbers with ticks between them."""
    if kind == "dots":
        spots = [around(30 * k, 0.74 * radius) for k in range(12)]
        return solids.joined(*[disc((FACE, y, z), 0.055 if k % 3 else 0.085, 0.03) for k, (y, z) in enumerate(spots)])
    pieces = []
    for k in range(12):
        if kind == "numbers" and k % 3 == 0:
            pieces += figure(str(k or 12), around(30 * k, 0.66 * radius), 0.32 * radius)
        else:
            inner, wide = (0.6, 0.04) if k % 3 == 0 else (0.7, 0.026)
            pieces.append(strip(around(30 * k, inner * radius), around(30 * k, 0.82 * radius), wide, FACE + 0.012))
    return solids.joined(*pieces)


def bell(radius: float, rise: float) -> trimesh.Trimesh:
    """A bell like half a ball on a short post, its post at the origin, its crown upwards."""
    turn = np.radians(np.linspace(0, 90, 14))
    dome = [(radius * float(np.cos(t)), 0.2 + rise * radius * float(np.sin(t))) for t in turn]
    lip = [(0, 0.2), (0.9 * radius, 0.17), (1.06 * radius, 0.16), (1.06 * radius, 0.2)]
    post = solids.cylinder((0, 0, -0.12), (0, 0, 0.25), 0.06, 16)
    return solids.joined(
        solids.lathe([*lip, *dome[:-1], (0, 0.2 + rise * radius)], 40), post, knob(0.2 + rise * radius)
    )


def knob(height: float) -> trimesh.Trimesh:
    """A small ball on top of a bell."""
    return solids.pebble((0, 0, height + 0.02), (0.055, 0.055, 0.055), 2)


def clock_top(draw: Draw, out: float, metal: Material, paint: Material) -> list[Part]:
    """Two bells, the hammer between them, and perhaps a handle that arches over all, on a case that ends at `out`."""
    spread, size = draw.uniform("bell_spread", 31, 39), draw.uniform("bell_size", 0.38, 0.5)
    shape = bell(size, draw.uniform("bell_height", 0.75, 1.05))
    bells = [solids.turned(solids.moved(shape, (0, 0, out + 0.02)), 0, s * spread) for s in (-1, 1)]
    lean = draw.uniform("hammer_lean", -8, 8)
    rod = solids.pipe([(0, 0, 0.95), (0, 0, 1.42)], 0.05)
    striker = solids.turned(solids.joined(rod, solids.pebble((0, 0, 1.46), (0.1, 0.2, 0.1), 2)), 0, lean)
    coat = draw.choice("bells", ["metal", "metal", "painted"])
    parts = [Part("bell", mesh, metal if coat == "metal" else paint) for mesh in bells]
    parts.append(Part("hammer", striker, metal))
    if draw.choice("handle", ["none", "arch"]) == "arch":
        peak = draw.uniform("handle_height", 1.95, 2.15) + out - 1
        line = [
            (0, y, z) for y, z in ((-0.55, 1.25), (-0.44, peak - 0.15), (0, peak), (0.44, peak - 0.15), (0.55, 1.25))
        ]
        parts.append(Part("handle", solids.pipe(solids.curve(line, 28), 0.06), metal))
    return parts


def clock_legs(kind: str, out: float, spread: float, metal: Material) -> Part:
    """Two feet below a case that ends at `out`, at `spread` degrees to both sides of the lowest point."""
    foot = solids.pipe([(0, 0, -0.9), (0, 0, -1.28)], [0.09, 0.06])
    if kind == "ball":
        foot = solids.joined(
            solids.pipe([(0, 0, -0.9), (0, 0, -1.2)], 0.06), solids.pebble((0, 0, -1.22), (0.12,) * 3, 2)
        )
    elif kind == "cone":
        foot = solids.pipe([(0, 0, -0.9), (0, 0, -1.3)], [0.15, 0.05])
    placed = [solids.turned(solids.moved(foot, (0, 0, 1 - out)), 0, s * spread) for s in (-1, 1)]
    return Part("leg", solids.joined(*placed), metal)


@object_class("alarm clock", family="thing", azimuths=((-32, 32),), elevations=(2, 18), synonyms=("clock",))
def alarm_clock(draw: Draw) -> list[Part]:
    """A clock with two bells on legs: round or square, with numbers, ticks or dots, at any hour."""
    words = ["red", "blue", "green", "yellow", "pink", "orange", "purple", "white", "gray", "black"]
    paint = Material(draw.color("case", words), 0.3)
    metal = {"steel": STEEL, "brass": BRASS}[draw.choice("metal", ["steel", "brass"])]
    thick = draw.uniform("rim", 0.13, 0.2)
    shape = draw.choice("case_shape", ["round", "round", "round", "square"])
    case, rim, dial = clock_case(shape, thick)
    out = 1.0 if shape == "round" else 1.16
    hour, minute = draw.choice("hour", list(range(12))), 5 * draw.choice("minute", list(range(12)))
    slim = draw.uniform("hand_width", 0.045, 0.07)
    long = 0.7 * (1 - thick)
    hands = [
        hand(30 * hour + minute / 2, 0.62 * long, 1.25 * slim, FACE + 0.05),
        hand(6 * minute, long, slim, FACE + 0.08),
        disc((FACE + 0.06, 0, 0), 0.1, 0.06),
    ]
    ink = Material(draw.color("hands", ["black", "black", "red", "blue"], 0.02), 0.5)
    marks = dial_marks(draw.choice("marks", ["numbers", "numbers", "ticks", "dots"]), 1 - thick)
    return [
        Part("case", case, paint),
        Part("case", rim, paint),
        Part("face", dial, PAPER),
        Part("number", marks, DARK),
        Part("hand", solids.joined(*hands), ink),
        *clock_top(draw, out, metal, paint),
        clock_legs(draw.choice("leg", ["peg", "ball", "cone"]), out, draw.uniform("leg_spread", 28, 42), metal),
    ]


def clock_case(kind: str, thick: float) -> tuple[trimesh.Trimesh, trimesh.Trimesh, trimesh.Trimesh]:
    """The case of a clock of radius 1, the rim around its face, and the face."""
    if kind == "square":
        square = [(s * 0.97, t * 0.97) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        flat = [(0.98 * (1 - thick) * y, 0.98 * (1 - thick) * z) for y, z in square]
        turn = np.linspace(0, 2 * np.pi, 73)
        loop = 0.9 * np.stack([np.cos(turn), np.sin(turn)], 1)
        loop /= np.sum(np.abs(loop / 0.9) ** 7, axis=1, keepdims=True) ** (1 / 7)  # nearly a square
        ring = solids.pipe(np.column_stack([np.full(73, FACE - 0.04), loop]), thick * 0.7)
        case = facing_plate(solids.plate(square, 0.6, 0.1, 0.35), -0.35)
        return case, ring, facing_plate(solids.plate(flat, 0.04, 0.01, 0.25), FACE - 0.04)
    back = [(0, -0.4), (0.6, -0.38), (0.9, -0.25), (1.0, -0.05), (1.0, 0.24), (0, 0.24)]
    ring = solids.pipe(solids.arc((FACE - 0.04, 0, 0), 1 - thick / 2, 0, 360, axis=0, steps=56), thick * 0.7)
    return solids.turned(solids.lathe(back, 56), 1, 90), ring, disc((FACE - 0.02, 0, 0), 1 - thick * 0.6, 0.04)


def facing_plate(plate: trimesh.Trimesh, back: float) -> trimesh.Trimesh:
    """A plate that lay in the xy plane, now in the yz plane with its lower side at x = `back`."""
    return solids.moved(solids.posed(plate, np.eye(4)[[2, 0, 1, 3]]), (back, 0, 0))


# ----- Hammer


def hammer_claw(reach: float, bend: float, thick: float) -> trimesh.Trimesh:
    """Two prongs that leave the head towards -y, spread a little, and bend towards the handle."""
    side = [(0.0, 0.05), (0.0, -0.3 * reach), (0.25 * bend, -0.72 * reach), (bend, -reach)]
    line = solids.curve([(x, y, 0.0) for x, y in side], 18)
    spread = np.interp(np.arange(18), [0, 5, 17], [0.0, 0.06, 0.12])
    radii = thick * np.interp(np.arange(18), [0, 6, 17], [0.85, 0.74, 0.3])
    prongs = [solids.pipe(line + np.outer(spread, (0, 0, s)), radii, across=1.25) for s in (-1, 1)]
    return solids.joined(*prongs)


def hammer_face(start: float, end: float, radius: float) -> trimesh.Trimesh:
    """The striking end of a head along +y from `start` to `end`: a slim neck, then a thick round face."""
    span = end - start
    shape = [(0.72, 0.0), (0.66, 0.35), (0.7, 0.5), (1.0, 0.62), (1.0, 0.92), (0.9, 1.0)]
    profile = [(radius * r, start + span * s) for r, s in shape]
    return solids.turned(solids.lathe([(0, start), *profile, (0, end)], 36), 0, -90)


def hammer_head(draw: Draw, thick: float) -> trimesh.Trimesh:
    """The metal head across the handle's end at the origin: claw, ball or two faces."""
    kind = draw.choice("head", ["curved claw"] * 3 + ["straight claw"] * 2 + ["ball", "two faces"])
    face = draw.uniform("face_reach", 0.6, 0.85)
    cheek = solids.hull(
        [(x * 0.6 * thick, y * 0.16, z * 0.5 * thick) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], 0.45 * thick
    )
    front = hammer_face(0.1, face, 1.1 * thick)
    if kind == "two faces":
        return solids.joined(cheek, front, solids.scaled(front, (1, -1, 1)))
    if kind == "ball":
        neck = solids.pipe([(0, -0.1, 0), (0, -0.55, 0)], [0.7 * thick, 0.55 * thick])
        return solids.joined(cheek, front, neck, solids.ball((0, -0.62, 0), 0.95 * thick))
    reach = draw.uniform("claw_reach", 0.75, 0.95)
    bend = draw.uniform("claw_bend", 0.4, 0.58) if kind == "curved claw" else draw.uniform("claw_bend", 0.1, 0.2)
    return solids.joined(cheek, front, hammer_claw(reach, bend, 1.15 * thick))


def hammer_handle(kind: str, length: float, thick: float, paint: Material, grip: Material) -> list[Part]:
    """A handle along +x: turned wood with a swelling end, or a straight bar in a rubber grip."""
    if kind == "wood":
        stops = [0.0, 0.2, 0.45, 0.75, 0.95, 1.0]
        sizes = np.array([0.62, 0.6, 0.82, 1.05, 1.15, 0.95]) * thick
        line = [(length * s, 0, 0) for s in np.linspace(0, 1, 24)]
        body = solids.pipe(line, np.interp(np.linspace(0, 1, 24), stops, sizes), across=0.85)
        top = solids.slab((-1.15 * thick, 0, 0), (0.12, 0.6 * thick, 0.5 * thick), 0.02)
        return [Part("handle", body, paint), Part("handle", top, paint)]
    start = 0.42 * length
    bar = solids.pipe([(0, 0, 0), (start + 0.1, 0, 0)], 0.6 * thick)
    rest = np.array([(x, 0, 0) for x in np.linspace(start, length, 30)])
    share = np.linspace(0, 1, 30)
    sizes = thick * (1.0 + 0.1 * share + 0.14 * np.exp(-(((share - 0.97) / 0.08) ** 2)))
    return [Part("handle", solids.pipe(rest, sizes, across=0.85), paint), Part("shaft", bar, grip)]


@object_class("hammer", family="thing", azimuths=((-70, 70),), elevations=(52, 78), synonyms=("claw hammer",))
def hammer(draw: Draw) -> list[Part]:
    """A hammer lying on its side: claw, ball or sledge, with a wooden handle or a rubber grip."""
    kind = draw.choice("handle", ["wood", "wood", "grip"])
    words = (
        ["brown", "brown", "orange", "red", "yellow"]
        if kind == "wood"
        else ["red", "blue", "yellow", "orange", "green", "black"]
    )
    paint = Material(draw.color("handle", words), 0.45)
    iron = {"steel": STEEL, "iron": IRON}[draw.choice("metal", ["steel", "iron"])]
    thick = draw.uniform("thickness", 0.15, 0.2)
    length = draw.uniform("length", 1.9, 2.5)
    parts = [Part("head", hammer_head(draw, 1.15 * thick), iron), *hammer_handle(kind, length, thick, paint, iron)]
    side = draw.choice("side", [0.0, 180.0])
    return turned_about(parts, 0, side)


# ----- Scissors


def scissor_blade(kind: str, length: float, wide: float) -> trimesh.Trimesh:
    """A flat blade along -x from behind the pivot at the origin; its cutting edge lies towards +y."""
    edge = 0.32 * wide
    tip = {
        "pointed": [(-length, edge - 0.02), (-0.85 * length, -0.35 * wide)],
        "blunt": [(-length, 0.2 * edge), (-length, -0.45 * wide)],
        "angled": [(-length, edge - 0.02), (-0.9 * length, -0.62 * wide)],
    }[kind]
    outline = [
        (0.2, -0.5 * wide),
        (0.2, 0.5 * wide),
        (-0.1, 0.6 * wide),
        (-0.2, edge),
        *tip,
        (-0.4 * length, -0.7 * wide),
        (-0.1, -0.7 * wide),
    ]
    return solids.plate(outline, 0.08, 0.02, 0.04)


def finger_ring(center: Flat, reach: float, breadth: float, turn: float, thick: float) -> Array:
    """The closed line (n, 3) of an oval loop whose long axis is turned by `turn` degrees."""
    angles = np.linspace(0, 2 * np.pi, 49)
    oval = np.stack([reach * np.cos(angles), breadth * np.sin(angles)], axis=1)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    placed = oval @ np.array([[cos, sin], [-sin, cos]]) + np.array(center)
    return np.column_stack([placed, np.full(len(placed), thick)])


@object_class("scissors", family="thing", azimuths=((-75, 75),), elevations=(50, 78), synonyms=("pair of scissors",))
def scissors(draw: Draw) -> list[Part]:
    """Scissors lying open: pointed or blunt blades, two finger rings, a screw where they cross."""
    words = ["red", "orange", "blue", "green", "yellow", "purple", "pink", "black"]
    paint = Material(draw.color("handle", words), 0.4)
    steel = {"steel": STEEL, "iron": IRON}[draw.choice("metal", ["steel", "iron"])]
    opening = draw.uniform("opening", 13, 27)
    length, wide = draw.uniform("blade_length", 1.5, 2.3), draw.uniform("blade_width", 0.28, 0.4)
    kind = draw.choice("tip", ["pointed", "blunt", "angled"])
    shank, thick = draw.uniform("shank", 0.55, 0.95), draw.uniform("handle_thickness", 0.09, 0.12)
    reach, breadth = draw.uniform("ring_length", 0.42, 0.62), draw.uniform("ring_width", 0.32, 0.42)
    uneven = draw.choice("rings", [1.0, 1.0, 1.35])
    parts = []
    for side, level in ((1.0, 0.05), (-1.0, 0.13)):
        long = reach * (uneven if side > 0 else 1.0)
        center = (shank + 0.9 * long, breadth + 0.1)
        loop = finger_ring(center, long, breadth, 14, thick)
        root = loop[int(np.argmin(loop[:, 0] + 0.5 * loop[:, 1]))]
        stem = solids.curve([(0.08, 0.0, thick), (0.5 * root[0], 0.15 * root[1], thick), tuple(root)], 14)
        handle = solids.joined(solids.pipe(loop, thick), solids.pipe(stem, np.linspace(0.14, thick, 14)))
        blade = solids.moved(scissor_blade(kind, length, wide), (0, 0, level))
        for name, mesh, coat in (("handle", handle, paint), ("blade", blade, steel)):
            whole = solids.scaled(mesh, (1, side, 1)) if side < 0 else mesh
            parts.append(Part(name, solids.turned(whole, 2, side * opening), coat))
    screw = solids.lathe([(0, 0.0), (0.1, 0.0), (0.1, 0.24), (0.07, 0.27), (0, 0.28)], 28)
    return [*parts, Part("screw", screw, BRASS)]
