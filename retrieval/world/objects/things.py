"""What stands in a room: furniture, crockery, other household objects. Buildings are in `places`, cars in `vehicles`.

Each object has the unit of length that suits it. Its front looks along +x, and what speaks through its outline
(a handle, a waist) lies in the yz plane.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.solids import Array, Flat, Point

STEEL = Material(Color("gray", (0.76, 0.77, 0.79)), 0.25, metallic=0.7)
DARK = Material(Color("black", (0.10, 0.09, 0.09)), 0.45)
CYCLE = np.eye(4)[[2, 0, 1, 3]]  # turns a plate's x, y, z into y, z, x: from lying to facing front
WOODS = {
    "oak": (0.72, 0.50, 0.28),
    "walnut": (0.36, 0.21, 0.12),
    "cherry": (0.58, 0.28, 0.14),
    "birch": (0.86, 0.70, 0.48),
}


def wood(draw: Draw, name: str) -> Material:
    """One of a few woods, all of them brown in a caption."""
    tint = draw.choice(name, list(WOODS))
    return Material(Color("brown", WOODS[tint]), 0.4)


def turned_about(parts: list[Part], axis: int, degrees: float) -> list[Part]:
    """The parts, turned together around an axis through the origin."""
    return [Part(p.name, solids.turned(p.mesh, axis, degrees), p.material) for p in parts]


def facing(outline: list[Flat], back: float, front: float, rounding: float) -> trimesh.Trimesh:
    """The outline [(y, z), ...] as a plate in the yz plane that reaches from x = back to x = front."""
    return solids.moved(solids.posed(solids.plate(outline, front - back, rounding), CYCLE), (back, 0, 0))


def disc(center: Point, radius: float, thickness: float) -> trimesh.Trimesh:
    """A coin that faces +x."""
    half = thickness / 2
    return solids.crisp(solids.cylinder((center[0] - half, *center[1:]), (center[0] + half, *center[1:]), radius))


# ----- Crockery


def shell(radii: Array, heights: Array, thickness: float) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """The outer and the inner side of a vessel whose wall follows `radii` at `heights`, with a round lip."""
    lip = thickness / 2
    turn = np.radians([0, 30, 60, 90, 120, 150, 180])
    brim = np.column_stack([radii[-1] - lip + lip * np.cos(turn), heights[-1] + lip * np.sin(turn)])
    foot = [(0, 0.02), (radii[0] * 0.8, 0.02), (radii[0] * 0.84, 0.0), (radii[0] * 0.94, 0.0)]
    wall = np.column_stack([radii, heights])
    hollow = np.column_stack([radii - thickness, heights])[::-1]
    outside = solids.lathe([*foot, *map(tuple, wall), *map(tuple, brim)], 72)
    inside = solids.lathe(
        [tuple(brim[-1]), *map(tuple, hollow[:-1]), (hollow[-2][0] * 0.9, thickness), (0, thickness)], 72
    )
    return solids.crisp(outside, 50), solids.crisp(inside, 50)


def ear(kind: str, wall: Array, reach: float) -> trimesh.Trimesh:
    """A handle towards +y between the wall's points (y, z) `wall[0]` above and `wall[1]` below."""
    (y1, z1), (y0, z0) = wall
    drop = z1 - z0
    bends = {
        "round": [(y1 + 0.6 * reach, z1 + 0.05), (y1 + reach, z1 - 0.4 * drop), (y0 + 0.65 * reach, z0 - 0.02)],
        "square": [
            (y1 + 0.8 * reach, z1 + 0.02),
            (y1 + reach, z1 - 0.12 * drop),
            (y0 + reach, z0 + 0.12 * drop),
            (y0 + 0.8 * reach, z0 - 0.02),
        ],
        "drop": [
            (y1 + 0.55 * reach, z1 + 0.08),
            (y1 + reach, z1 - 0.15 * drop),
            (y1 + 0.75 * reach, z1 - 0.6 * drop),
            (y0 + 0.2 * reach, z0 + 0.04),
        ],
    }[kind]
    line = solids.curve([(y1 + 0.02, z1), *bends, (y0 + 0.02, z0)], 32)
    return solids.pipe(np.column_stack([np.zeros(len(line)), line]), 0.05, across=1.6)


@object_class(
    "mug", family="thing", azimuths=((-35, 35), (145, 215)), elevations=(12, 30), synonyms=("cup", "coffee mug")
)
def mug(draw: Draw) -> list[Part]:
    """A mug with one handle at its side: plain, banded or dotted, empty or full."""
    glaze = Material(draw.color("glaze", ["white", "red", "blue", "green", "yellow", "orange", "pink", "purple"]), 0.2)
    inner = Material(draw.color("inside", ["white", "white", "yellow", "blue"], 0.02), 0.2)
    height = draw.uniform("height", 0.85, 1.2)
    top = draw.uniform("width", 0.42, 0.54)
    foot = top * draw.uniform("taper", 0.78, 1.04)
    belly = draw.uniform("belly", -0.02, 0.08)
    share = np.concatenate([[0.0, 0.03], np.linspace(0.07, 1.0, 18)])
    radii = foot + (top - foot) * share + belly * np.sin(np.pi * share)
    radii[0] *= 0.95  # a small chamfer at the foot
    outside, inside = shell(radii, share * height, 0.06)

    def at(z: float) -> float:
        return float(np.interp(z, share * height, radii))

    high, low = height * 0.8, height * draw.uniform("handle_foot", 0.2, 0.32)
    handle = ear(
        draw.choice("handle", ["round", "square", "drop"]),
        np.array([(at(high), high), (at(low), low)]),
        draw.uniform("handle_reach", 0.27, 0.36),
    )
    parts = [Part("body", outside, glaze), Part("inside", inside, inner), Part("handle", handle, glaze)]
    pattern = draw.choice("pattern", ["plain", "band", "stripes", "dots"])
    if pattern != "plain":
        contrasts = [word for word in ("blue", "red", "white", "black", "yellow") if word != glaze.color.name]
        accent = Material(draw.color("pattern", contrasts), 0.25)
    spans = {"band": [(0.38, 0.66)], "stripes": [(0.18, 0.25), (0.45, 0.52), (0.72, 0.79)]}.get(pattern, [])
    for a, b in spans:
        levels = np.linspace(a, b, 6) * height
        parts.append(Part("band", solids.lathe([(at(z) + 0.004, z) for z in levels], 72), accent))
    if pattern == "dots":
        spots = [(level, 45 * k + 22.5 * row) for row, level in enumerate((0.26, 0.5, 0.74)) for k in range(8)]
        dots = [
            solids.turned(solids.pebble((at(z * height) - 0.004, 0, z * height), (0.012, 0.07, 0.07), 2), 2, angle)
            for z, angle in spots
        ]
        parts.append(Part("dot", solids.joined(*dots), accent))
    drink = draw.choice("drink", ["none", "coffee", "milk"])
    if drink != "none":
        level = 0.86 * height
        surface = solids.lathe(
            [(0, level - 0.03), (at(level) - 0.058, level - 0.03), (at(level) - 0.058, level), (0, level)], 72
        )
        tint = Color("brown", (0.23, 0.12, 0.06)) if drink == "coffee" else Color("white", (0.92, 0.87, 0.78))
        parts.append(Part("drink", solids.crisp(surface), Material(tint, 0.15)))
    return parts


# ----- Furniture


def bar(start: Point, end: Point, thick: float, slim: float, square: bool) -> trimesh.Trimesh:
    """A tapering leg or rail from `start` to `end`, round or with four sides."""
    if not square:
        return solids.pipe([start, end], [thick, slim])
    offsets = np.array([(1, 1, 0), (1, -1, 0), (-1, 1, 0), (-1, -1, 0)])
    ends = [tuple(np.array(p) + 0.75 * r * o) for p, r in ((start, thick), (end, slim)) for o in offsets]
    return solids.hull(ends, 0.2 * slim, detail=1)


def chair_back(kind: str, count: int, foot: Point, head: Point, square: bool) -> list[trimesh.Trimesh]:
    """Posts at +-y of `foot` and `head` with spindles, rungs or a panel between them."""
    low, high = np.array(foot), np.array(head)

    def at(share: float, across: float) -> Point:
        x, y, z = low + (high - low) * share
        return float(x - 0.05 * (1 - across * across)), float(y * across), float(z)

    posts = [bar(at(0, side), at(1, side), 0.055, 0.05, square) for side in (-1, 1)]
    rail = [at(0.93, across) for across in np.linspace(-1, 1, 9)]
    pieces = [*posts, solids.pipe(rail, 0.05, across=2.2)]
    if kind == "spindles":
        pieces += [solids.pipe([at(0, a), at(0.9, a)], 0.03) for a in np.linspace(-1, 1, count + 2)[1:-1]]
    elif kind == "rungs":
        pieces += [
            solids.pipe([at(share, a) for a in np.linspace(-1, 1, 9)], 0.035, across=2.2)
            for share in np.linspace(0.9, 0.25, count)[1:]
        ]
    else:
        corners = [at(s, a) for s, a in ((0.3, 0.85), (0.3, -0.85), (0.9, -0.85), (0.9, 0.85))]
        pieces.append(solids.hull([(x - 0.01, y, z) for x, y, z in corners], 0.035))
    return pieces


@object_class(
    "chair", family="thing", azimuths=((25, 65), (-65, -25)), elevations=(8, 26), synonyms=("seat", "dining chair")
)
def chair(draw: Draw) -> list[Part]:
    """A wooden kitchen chair with a high back: spindles, rungs or a panel, perhaps a cushion or arms."""
    paint = Material(draw.color("wood", ["brown", "brown", "white", "red", "blue", "green", "yellow", "black"]), 0.4)
    width, depth = draw.uniform("width", 0.9, 1.1) / 2, draw.uniform("depth", 0.88, 1.0) / 2
    height = draw.uniform("seat_height", 0.85, 1.1)
    back = draw.uniform("back_height", 0.9, 1.3)
    lean, splay = draw.uniform("lean", 0.08, 0.26), draw.uniform("splay", 0.0, 0.1)
    square = draw.choice("legs", ["round", "square"]) == "square"
    bow = 0.04 if draw.choice("seat", ["straight", "round"]) == "straight" else 0.22
    outline = [(-depth, -width * 0.92), (depth, -width), (depth, width), (-depth, width * 0.92)]
    seat = solids.moved(solids.plate(outline, 0.11, 0.045, bow + 0.02), (0, 0, height - 0.11))
    knees = [(x * (depth - 0.1), y * (width - 0.1)) for x in (-1, 1) for y in (-1, 1)]
    feet = [(x + splay * np.sign(x), y + splay * np.sign(y)) for x, y in knees]
    legs = [
        bar((a, b, height - 0.06), (c, d, 0.05), 0.062, 0.045, square)
        for (a, b), (c, d) in zip(knees, feet, strict=True)
    ]
    if draw.choice("stretchers", ["none", "bars"]) == "bars":
        mid = [((a + c) / 2, (b + d) / 2, height / 2) for (a, b), (c, d) in zip(knees, feet, strict=True)]
        legs += [solids.pipe([mid[i], mid[j]], 0.032) for i, j in ((0, 2), (1, 3), (0, 1))]
    foot, head = (-depth + 0.08, width * 0.86, height - 0.05), (-depth + 0.08 - lean, width * 0.86, height + back)
    rest = chair_back(
        draw.choice("back", ["spindles", "rungs", "panel"]), draw.choice("bars", [3, 4, 5]), foot, head, square
    )
    parts = [
        Part("seat", seat, paint),
        Part("leg", solids.joined(*legs), paint),
        Part("back", solids.joined(*rest), paint),
    ]
    extra = draw.choice("extra", ["none", "none", "cushion", "arms"])
    if extra == "cushion":
        soft = solids.moved(
            solids.plate([(0.86 * x, 0.84 * y) for x, y in outline], 0.13, 0.06, 0.2), (0.03, 0, height - 0.01)
        )
        parts.append(
            Part("cushion", soft, Material(draw.color("cushion", ["red", "blue", "yellow", "green", "pink"]), 0.9))
        )
    elif extra == "arms":
        top = height + 0.42
        for y in (-width + 0.08, width - 0.08):
            rest_line = [(-depth - lean * 0.2, y, top + 0.02), (depth * 0.75, y, top), (depth * 0.75, y, top)]
            arm = solids.joined(
                solids.pipe(rest_line[:2], 0.045), solids.pipe([(depth * 0.7, y, height - 0.04), rest_line[1]], 0.04)
            )
            parts.append(Part("arm", arm, paint))
    return parts


# ----- Umbrella


def canopy_point(ribs: int, rise: float, scallop: float, share: Array, turn: Array) -> Array:
    """Points (..., 3) of an open canopy of radius 1 that sags between ribs; `share` from tip to hem, `turn` in ribs."""
    slack = np.abs(np.sin(np.pi * turn))  # 0 on a rib, 1 half-way between two
    bent = share * (1 - scallop * slack * share**3)
    reach = np.sin(bent * 1.25) / np.sin(1.25) * (1 - 0.05 * slack * share)
    height = rise * (np.cos(bent * 1.25) - np.cos(1.25)) / (1 - np.cos(1.25))
    angle = 2 * np.pi * turn / ribs
    return np.stack([reach * np.cos(angle), reach * np.sin(angle), height], axis=-1)


@object_class(
    "umbrella", family="thing", azimuths=((-30, 30), (150, 210)), elevations=(0, 10), synonyms=("parasol", "brolly")
)
def umbrella(draw: Draw) -> list[Part]:
    """An open umbrella with a hooked handle: upright, tilted, or left to dry on its rim."""
    main = Material(draw.color("canopy", ["red", "blue", "yellow", "green", "purple", "pink", "orange", "black"]), 0.7)
    ribs = draw.choice("ribs", [6, 8, 8, 10])
    rise, scallop = draw.uniform("rise", 0.5, 0.75), draw.uniform("scallop", 0.1, 0.2)
    length, crook = draw.uniform("length", 0.85, 1.2), draw.uniform("crook", 0.11, 0.16)
    second = main
    if draw.choice("panels", ["one colour", "one colour", "two colours"]) == "two colours":
        second = Material(draw.color("second", ["white", "yellow", "pink", "blue"]), 0.7)
    handle_paint = wood(draw, "handle")
    share, across = np.meshgrid(np.linspace(0.0, 1.0, 14), np.linspace(0.0, 1.0, 13), indexing="ij")
    panels = [solids.sheet(canopy_point(ribs, rise, scallop, share, across + k)) for k in range(ribs)]
    wires = [
        canopy_point(ribs, rise, 0.0, np.linspace(0.05, 1.02, 12), np.full(12, float(k))) - (0, 0, 0.02)
        for k in range(ribs)
    ]
    struts = [solids.pipe([(0, 0, 0.02), tuple(line[6])], 0.01, sections=6) for line in wires]
    frame = solids.joined(*[solids.pipe(line, 0.012, sections=6) for line in wires], *struts)
    shaft = solids.pipe([(0, 0, -length), (0, 0, rise + 0.12)], [0.025, 0.018])
    hook = [(0.0, 0.0, -length + 0.25), *solids.arc((0, crook, -length), crook, 180, 375, axis=0, steps=20)]
    parts = [Part("canopy", solids.joined(*panels[k::2]), paint) for k, paint in enumerate((main, second))]
    parts += [
        Part("rib", frame, STEEL),
        Part("shaft", shaft, STEEL),
        Part("handle", solids.pipe(hook, 0.042), handle_paint),
    ]
    pose = draw.choice("pose", ["upright", "tilted", "resting"])
    side = draw.choice("side", ["left", "right"])
    tilt = {
        "upright": 3.0,
        "tilted": draw.uniform("tilt", 12, 32),
        "resting": np.degrees(np.arctan2(length + crook, 1.0)),
    }[pose]
    return turned_about(parts, 0, -tilt if side == "right" else tilt)


# ----- Guitar


def bouts(length: float, lower: float, waist: float, upper: float, cutaway: bool) -> list[Flat]:
    """The outline [(y, z), ...] of a guitar's body from z = 0 to `length`, with half widths at its bouts and waist."""
    half = [
        (0.55 * lower, 0.03),
        (0.95 * lower, 0.16),
        (lower, 0.3),
        (0.85 * lower, 0.48),
        (waist, 0.62),
        (0.93 * upper, 0.75),
        (upper, 0.86),
    ]
    top = [(0.8 * upper, 0.96), (0.4 * upper, 1.0)]
    scoop = [(0.86 * upper, 0.8), (0.5 * upper, 0.83), (0.27 * upper, 0.94)] if cutaway else [*half[6:], *top]
    right = [*half[:6], *scoop]
    left = [(-y, z) for y, z in [*half, *top]][::-1]
    return [(float(y), float(z) * length) for y, z in solids.ring_curve([(0.0, 0.0), *right, *left], 96)]


def strip(start: Flat, end: Flat, half_width: float, front: float) -> trimesh.Trimesh:
    """A flat band from one point (y, z) to another, its face at x = front: strings and frets that do not glitter."""
    along = np.array(end) - np.array(start)
    across = half_width * np.array([-along[1], along[0]]) / np.linalg.norm(along)
    corners = [np.array(start) - across, np.array(end) - across, np.array(end) + across, np.array(start) + across]
    outline = [(float(y), float(z)) for y, z in corners]
    return solids.crisp(solids.moved(solids.posed(solids.extrude(outline, 0.02), CYCLE), (front - 0.02, 0, 0)))


def headstock(base: float, top: float, paint: Material) -> list[Part]:
    """The head of a guitar's neck from z = base to top, with three tuners on each side."""
    span = top - base
    outline = [
        (-0.1, base),
        (0.1, base),
        (0.17, base + 0.25 * span),
        (0.15, top),
        (0.05, top - 0.04),
        (-0.05, top - 0.04),
        (-0.15, top),
        (-0.17, base + 0.25 * span),
    ]
    heights = base + span * np.array([0.32, 0.56, 0.8])
    posts = [disc((0.13, side * 0.09, z), 0.025, 0.06) for z in heights for side in (-1, 1)]
    keys = [
        solids.joined(
            solids.pipe([(0.07, side * 0.12, z), (0.07, side * 0.2, z)], 0.018),
            solids.pebble((0.07, side * 0.25, z), (0.03, 0.055, 0.05), 2),
        )
        for z in heights
        for side in (-1, 1)
    ]
    return [Part("head", facing(outline, 0.02, 0.12, 0.02), paint), Part("tuner", solids.joined(*posts, *keys), STEEL)]


@object_class("guitar", family="thing", azimuths=((-28, 28),), elevations=(2, 16), synonyms=("acoustic guitar",))
def guitar(draw: Draw) -> list[Part]:
    """An acoustic guitar seen from its front, upright or leaning to a side."""
    top = Material(draw.color("top", ["orange", "brown", "red", "blue", "yellow", "black", "white"]), 0.25)
    rim = wood(draw, "rim")
    length = draw.uniform("body_length", 1.25, 1.5)
    lower, waist, upper = (
        draw.uniform("lower_bout", 0.52, 0.6),
        draw.uniform("waist", 0.3, 0.38),
        draw.uniform("upper_bout", 0.4, 0.46),
    )
    neck = length + draw.uniform("neck", 0.9, 1.15)
    outline = bouts(length, lower, waist, upper, draw.choice("cutaway", ["none", "none", "cutaway"]) == "cutaway")
    hole, bridge = 0.64 * length, 0.27 * length
    rosette = Material(Color("white", (0.9, 0.85, 0.7)), 0.4)
    slim = [(0.93 * y, (z - length / 2) * 0.96 + length / 2) for y, z in outline]
    board = [(-0.085, hole + 0.16), (0.085, hole + 0.16), (0.065, neck), (-0.065, neck)]
    frets = [neck - (neck - bridge) * (1 - 0.5 ** (k / 12)) for k in range(1, 15)]
    wires = [strip((-0.07, z), (0.07, z), 0.011, 0.123) for z in frets if z > hole + 0.2]
    strings = [strip((0.9 * y, bridge), (0.6 * y, neck), 0.006, 0.128) for y in np.linspace(-0.075, 0.075, 6)]
    parts = [
        Part("body", facing(outline, -0.32, 0.05, 0.05), rim),
        Part("body", facing(slim, 0.0, 0.065, 0.012), top),
        Part("hole", solids.pipe(solids.arc((0.065, 0, hole), 0.2, 0, 360, axis=0, steps=40), 0.026), rosette),
        Part("hole", disc((0.065, 0, hole), 0.19, 0.02), DARK),
        Part("bridge", solids.slab((0.08, 0, bridge), (0.08, 0.4, 0.09), 0.02), DARK),
        Part("neck", solids.hull([(0.0, y, z) for y in (-0.04, 0.04) for z in (length - 0.1, neck)], 0.06), rim),
        Part("neck", facing(board, 0.05, 0.12, 0.012), DARK),
        Part("fret", solids.joined(*wires), STEEL),
        Part("string", solids.joined(*strings), STEEL),
        *headstock(neck, neck + 0.42, rim),
    ]
    leaning = draw.uniform("roll", 10, 24) * draw.choice("side", [-1.0, 1.0]) * draw.choice("pose", [0.0, 1.0])
    return turned_about(turned_about(parts, 1, -draw.uniform("tilt_back", 4, 14)), 0, leaning)
