"""What people build: houses and their relatives. Plants are in `plants`, vehicles in `vehicles`, furniture in `things`.

Lengths are roughly storeys. Windows and doors are modelled facing +x at the origin and then carried to their wall.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.solids import Array, Flat, Point

GLASS = Material(Color("blue", (0.22, 0.34, 0.44)), 0.08)
WHITE = Material(Color("white", (0.92, 0.91, 0.87)), 0.6)
STONE = Material(Color("gray", (0.55, 0.54, 0.52)), 0.9)
BRICK = Material(Color("red", (0.55, 0.24, 0.17)), 0.9)
BRASS = Material(Color("yellow", (0.80, 0.62, 0.22)), 0.3, metallic=0.8)
LEAF = Material(Color("green", (0.20, 0.42, 0.17)), 0.9)


def carried(parts: list[Part], place: Point, degrees: float = 0.0) -> list[Part]:
    """The parts, turned about z and then moved to `place`."""
    return [Part(p.name, solids.moved(solids.turned(p.mesh, 2, degrees), place), p.material) for p in parts]


def flat_on_wall(outline: list[Flat], depth: float, corner: float) -> trimesh.Trimesh:
    """The outline [(y, z), ...] as a plate on the plane x = 0 that stands out by `depth`."""
    return solids.pane([(0.0, y, z) for y, z in outline], depth, corner)


def opening(width: float, height: float, arched: bool) -> list[Flat]:
    """The outline [(y, z), ...] of a door or window that stands on z = 0, with a flat or a round top."""
    half = width / 2
    if not arched:
        return [(-half, 0), (half, 0), (half, height), (-half, height)]
    bow = [(half * np.cos(t), height - half + half * np.sin(t)) for t in np.linspace(0, np.pi, 13)]
    return [(-half, 0), (half, 0), *[(float(y), float(z)) for y, z in bow]]


def window(width: float, height: float, arched: bool) -> list[Part]:
    """A window facing +x, centred on the origin: white frame, glass, mullions and sill."""
    low = -height / 2
    frame = opening(width, height, arched)
    glass = opening(width - 0.09, height - 0.09, arched)
    bars = [
        solids.slab((0.03, 0, 0), (0.05, 0.035, height - 0.06), 0.01),
        solids.slab((0.03, 0, 0), (0.05, width - 0.06, 0.035), 0.01),
    ]
    sill = solids.slab((0.05, 0, low - 0.01), (0.12, width + 0.1, 0.06), 0.02)
    return [
        Part("window", solids.moved(flat_on_wall(frame, 0.035, 0.01), (0, 0, low)), WHITE),
        Part("window", solids.moved(flat_on_wall(glass, 0.045, 0.005), (0, 0, low + 0.045)), GLASS),
        Part("window", solids.joined(*bars, sill), WHITE),
    ]


def shutters(width: float, height: float, paint: Material) -> list[Part]:
    """A pair of open shutters with slats for a window at the origin."""
    leaf = 0.42 * width
    pieces = []
    for side in (-1, 1):
        y = side * (width + leaf + 0.04) / 2
        pieces.append(solids.slab((0.02, y, 0), (0.05, leaf, height), 0.012))
        pieces += [
            solids.slab((0.045, y, z), (0.03, 0.75 * leaf, 0.045), 0.012) for z in np.linspace(-0.38, 0.38, 5) * height
        ]
    return [Part("shutter", solids.joined(*pieces), paint)]


def flower_box(width: float, height: float, blossom: Color) -> list[Part]:
    """A planted box below a window at the origin."""
    low = -height / 2 - 0.07
    box = solids.slab((0.1, 0, low), (0.16, width + 0.12, 0.13), 0.02)
    spots = np.linspace(-width / 2, width / 2, 6)
    leaves = [solids.pebble((0.1, y, low + 0.08), (0.08, 0.07, 0.06), 2) for y in spots]
    heads = [
        solids.pebble((0.13, y, low + 0.13 + 0.03 * (k % 2)), (0.045, 0.045, 0.045), 1) for k, y in enumerate(spots)
    ]
    return [
        Part("box", box, Material(Color("brown", (0.42, 0.26, 0.15)), 0.8)),
        Part("flower", solids.joined(*leaves), LEAF),
        Part("flower", solids.joined(*heads), Material(blossom, 0.7)),
    ]


def door(width: float, height: float, arched: bool, paint: Material) -> list[Part]:
    """A door facing +x whose foot is at z = 0, a step above the ground: frame, panel, light, knob and steps."""
    frame = flat_on_wall(opening(width + 0.12, height + 0.06, arched), 0.04, 0.01)
    leaf = flat_on_wall(opening(width, height, arched), 0.06, 0.01)
    inner = width * 0.62
    panel = solids.slab((0.06, 0, 0.22 * height), (0.035, inner, 0.26 * height), 0.015)
    light = solids.moved(flat_on_wall(opening(inner, 0.36 * height, arched), 0.025, 0.01), (0.05, 0, 0.5 * height))
    treads = ((0.15, 0.3, -0.04, 0.12), (0.25, 0.4, -0.07, 0.06))  # x, breadth, middle and height, down to the ground
    steps = [solids.slab((x, 0, z), (0.3, width + wide, high), 0.02) for x, wide, z, high in treads]
    return [
        Part("door", frame, WHITE),
        Part("door", leaf, paint),
        Part("door", panel, Material(paint.color.shade(0.85), 0.6)),
        Part("door", light, GLASS),
        Part("door", solids.pebble((0.1, 0.38 * width, 0.45 * height), (0.035, 0.035, 0.035), 2), BRASS),
        Part("step", solids.joined(*steps), STONE),
    ]


def roof_slope(
    ridge: tuple[Point, Point], eave: tuple[Point, Point], rows: int, thickness: float
) -> list[trimesh.Trimesh]:
    """Overlapping courses of shingles between two edges; each course lies with its lower edge on the next."""
    top, bottom = np.array(ridge), np.array(eave)  # (2 ends, 3)
    up = np.cross(top[1] - top[0], bottom[0] - top[0])
    up *= np.sign(up[2]) / np.linalg.norm(up)
    courses = []
    for k in range(rows):
        high, low = top + (bottom - top) * k / rows, top + (bottom - top) * (k + 1.15 if k < rows - 1 else k + 1) / rows
        corners = [*(high - up * thickness), *high, *(low - up * 0.2 * thickness), *(low + up * 0.8 * thickness)]
        courses.append(solids.hull([(float(x), float(y), float(z)) for x, y, z in corners], 0.018, detail=1))
    return courses


def gable(depth: float, width: float, wall: float, ridge: float) -> Array:
    """Corners (10, 3) of a house with its ridge along x: two pentagons."""
    front = [(-width / 2, 0), (width / 2, 0), (width / 2, wall), (0, ridge), (-width / 2, wall)]
    return np.array([(x, y, z) for x in (-depth / 2, depth / 2) for y, z in front])


def chimney(place: Point, height: float, pots: int) -> list[Part]:
    """A brick chimney with a stone cap and clay pots, its foot at `place`."""
    x, y, z = place
    stack = solids.slab((x, y, z + height / 2), (0.26, 0.26, height), 0.015)
    cap = solids.slab((x, y, z + height), (0.34, 0.34, 0.08), 0.02)
    spots = [(0.0, 0.0)] if pots == 1 else [(0.0, -0.08), (0.0, 0.08)]
    clay = [
        solids.pipe([(x + a, y + b, z + height), (x + a, y + b, z + height + 0.13)], [0.065, 0.05]) for a, b in spots
    ]
    return [Part("chimney", stack, BRICK), Part("chimney", cap, STONE), Part("chimney", solids.joined(*clay), BRICK)]


@object_class(
    "house", family="place", azimuths=((-12, 12), (6, 34), (-34, -6)), elevations=(2, 15), synonyms=("home", "cottage")
)
def house(draw: Draw) -> list[Part]:
    """A small house with a pitched roof, its gable or its eaves to the front, with a door, windows and a chimney."""
    plaster = Material(draw.color("wall", ["white", "yellow", "pink", "blue", "orange", "red", "green", "brown"]), 0.85)
    tiles = Material(draw.color("roof", ["red", "brown", "gray", "orange", "blue"]), 0.8)
    paint = Material(draw.color("door", ["red", "blue", "green", "brown", "yellow"]), 0.5)
    gabled = draw.choice("front", ["gable", "gable", "gable", "eaves"]) == "gable"
    floors = draw.choice("floors", [1.0, 1.0, 2.0])
    front, deep = draw.uniform("width", 1.9, 2.5), draw.uniform("depth", 1.6, 2.2)
    wall = 1.05 + (floors - 1) * 0.85 + draw.uniform("wall", 0.0, 0.2)
    span, long = (front, deep) if gabled else (deep, front)
    pitch = np.tan(np.radians(draw.uniform("pitch", 36, 50)))
    ridge = wall + span / 2 * pitch
    turn = 0.0 if gabled else 90.0
    shell = solids.hull([(float(x), float(y), float(z)) for x, y, z in gable(long, span, wall, ridge)], 0.02, detail=1)
    over, lift = 0.14, 0.07
    ends = (-long / 2 - over, long / 2 + over)
    courses = []
    for side in (-1, 1):
        y = side * (span / 2 + over * 0.9)
        eave_z = ridge + lift - abs(y) * pitch
        courses += roof_slope(
            ((ends[0], 0, ridge + lift), (ends[1], 0, ridge + lift)),
            ((ends[0], y, eave_z), (ends[1], y, eave_z)),
            6,
            0.07,
        )
    cap = solids.pipe([(ends[0], 0, ridge + lift + 0.02), (ends[1], 0, ridge + lift + 0.02)], 0.06)
    offset = draw.choice("chimney", [-1.0, 1.0]) * 0.26 * span
    foot = ridge - abs(offset) * pitch - 0.1
    stack = chimney(
        (-0.2 * long, offset, foot),
        ridge - foot + draw.uniform("chimney_height", 0.12, 0.35),
        draw.choice("pots", [1, 2]),
    )
    roof = carried(
        [Part("wall", shell, plaster), Part("roof", solids.joined(*courses, cap), tiles), *stack], (0, 0, 0), turn
    )
    plinth = Part("wall", solids.slab((0, 0, 0.03), (deep + 0.06, front + 0.06, 0.14), 0.03), STONE)
    if gabled:  # the line between wall and gable, as everybody draws it
        roof.append(Part("beam", solids.slab((deep / 2 + 0.03, 0, wall), (0.1, front + 0.06, 0.1), 0.02), tiles))
    return [*roof, plinth, *house_front(draw, front, deep, wall, ridge if gabled else wall, int(floors), paint)]


def window_spots(front: float, deep: float, floors: int, aside: bool) -> tuple[list[Point], list[Point]]:
    """Where a house has windows: (x, y, z) on its front around a door in the middle or aside, and on its left side."""
    left, right = (-0.27, 0.2) if aside else (-0.29, 0.29)
    ground = [right] if aside else [left, right]
    faced = [(deep / 2, share * front, 0.66) for share in ground]
    faced += [(deep / 2, share * front, 0.62 + 0.86 * floor) for floor in range(1, floors) for share in (left, right)]
    beside = [(share * deep, front / 2, 0.66 + 0.84 * floor) for floor in range(floors) for share in (-0.24, 0.24)]
    return faced, beside


def house_front(
    draw: Draw, front: float, deep: float, wall: float, top: float, floors: int, paint: Material
) -> list[Part]:
    """Door and windows of a house `front` wide and `deep` deep, and a window in the gable if `top` lies high enough."""
    arched = draw.choice("arched", ["no", "no", "yes"]) == "yes"
    width, height = draw.uniform("window_width", 0.34, 0.46), draw.uniform("window_height", 0.42, 0.56)
    trim = draw.choice("trim", ["plain", "shutters", "flowers"])
    if trim == "shutters":
        width *= 0.78
    plain = window(width, height, arched and trim != "shutters")
    pane = plain
    if trim == "shutters":
        pane = [*plain, *shutters(width, height, paint)]
    elif trim == "flowers":
        pane = [*plain, *flower_box(width, height, paint.color)]
    aside = draw.choice("door_place", ["middle", "middle", "side"]) == "side"
    parts = carried(door(0.46, 0.8, arched, paint), (deep / 2, -0.27 * front if aside else 0.0, 0.1))
    faced, beside = window_spots(front, deep, floors, aside)
    for spot in faced:
        parts += carried(pane, spot)
    for x, y, z in beside:
        parts += [*carried(plain, (x, y, z), 90), *carried(plain, (x, -y, z), -90)]
    if top > wall + 0.5:
        parts += carried(window(0.3, 0.34, True), (deep / 2, 0, wall + 0.36 * (top - wall)))
    return parts
