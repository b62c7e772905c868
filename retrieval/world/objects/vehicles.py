"""What rolls and floats: cars, boats. What flies is in `aircraft`, household objects in `things`.

Lengths are roughly metres. x runs from stern to bow, so `solids.mirrored` makes the other side of anything.
Wheels, cabins and window insets at the top serve the whole family; each kind of vehicle then has its own chapter.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.palette import PALETTE
from retrieval.world.solids import Array, Point

RUBBER = Material(Color("black", (0.07, 0.07, 0.08)), 0.8)
GLASS = Material(Color("blue", (0.16, 0.24, 0.32)), 0.08)
STEEL = Material(Color("gray", (0.74, 0.75, 0.77)), 0.25, metallic=0.6)
DARK = Material(Color("black", PALETTE["black"]), 0.6)
LAMP = Material(Color("yellow", (0.99, 0.94, 0.74)), 0.15)
TAIL_LAMP = Material(Color("red", (0.70, 0.06, 0.05)), 0.15)


def wheel(center: Point, radius: float, width: float, rim: Color) -> list[Part]:
    """A tyre with a dished rim and a hub cap, rolling along x, its outer side away from y = 0."""
    w, r = width / 2, radius
    tyre = [
        (0, -w),
        (0.80 * r, -w),
        (0.93 * r, -0.85 * w),
        (r, -0.45 * w),
        (r, 0.45 * w),
        (0.93 * r, 0.85 * w),
        (0.80 * r, w),
    ]
    tyre += [(0.68 * r, 0.95 * w), (0.66 * r, 0.6 * w), (0, 0.6 * w)]
    dish = [
        (0, 0.5 * w),
        (0.66 * r, 0.5 * w),
        (0.65 * r, 0.92 * w),
        (0.58 * r, 0.95 * w),
        (0.5 * r, 0.7 * w),
        (0.22 * r, 0.8 * w),
    ]
    dish += [(0.2 * r, 1.05 * w), (0.1 * r, 1.12 * w), (0, 1.14 * w)]

    def placed(profile: list[tuple[float, float]]) -> trimesh.Trimesh:
        outward = -90.0 if center[1] >= 0 else 90.0
        return solids.moved(solids.turned(solids.crisp(solids.lathe(profile, 36)), 0, outward), center)

    return [Part("wheel", placed(tyre), RUBBER), Part("wheel", placed(dish), Material(rim, 0.3, metallic=0.3))]


def inset(quad: Array, left: float, right: float, low: float = 0.12, high: float = 0.88) -> Array:
    """A smaller quadrilateral on `quad` (4, 3; counter-clockwise from lower left), in shares of its sides."""
    a, b, c, d = quad
    return np.array(
        [
            (1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * d + u * c)
            for u, v in ((left, low), (right, low), (right, high), (left, high))
        ]
    )


def cabin(
    base: tuple[float, float, float, float], roof: tuple[float, float, float, float], rounding: float
) -> tuple[trimesh.Trimesh, list[Array]]:
    """A tapering cabin and its right, left, front and back faces, each (4, 3).

    base and roof hold x at the back, x at the front, half the width, and the height.
    """
    rows = [
        [(x, y, z) for x, y in ((back, -w), (front, -w), (front, w), (back, w))] for back, front, w, z in (base, roof)
    ]
    p = np.array(rows)  # (2 heights, 4 corners, 3)
    faces = []
    for i, j in ((0, 1), (2, 3), (1, 2), (3, 0)):
        quad = np.array([p[0, i], p[0, j], p[1, j], p[1, i]])
        out = np.cross(quad[1] - quad[0], quad[3] - quad[0])
        faces.append(quad + rounding * out / np.linalg.norm(out))
    crown = [(0.7 * x + 0.15 * (roof[0] + roof[1]), 0.6 * y, z + 0.05) for x, y, z in p[1]]
    return solids.hull([tuple(corner) for corner in p.reshape(-1, 3)] + crown, rounding), faces


def car_body(length: float, width: float, belt: float, axles: tuple[float, float], radius: float) -> trimesh.Trimesh:
    """The painted lower body with bulging wings and open wheel arches."""
    half, sill = width / 2, 0.62 * radius
    tub = sdf.block((0, 0, (sill + belt) / 2), (length / 2, half - 0.03, (belt - sill) / 2), 0.26)
    wings = [sdf.mirrored(sdf.ring((x, half - 0.14, radius), radius + 0.06, 0.12, axis=1)) for x in axles]
    arches = [sdf.limb((x, -width, radius), (x, width, radius), radius + 0.06) for x in axles]
    below = sdf.block((0, 0, sill - 0.5), (length, width, 0.5), 0.01)  # cuts the rings of the wings open above the road
    return sdf.surface(sdf.carve(0.05, sdf.blend(0.12, tub, *wings), *arches, below), 78)


def car_trim(half: float, belt: float, radius: float) -> list[Part]:
    """Chrome bumpers, the grille and the lamps of a car that reaches from -half to half along x."""
    low = 0.62 * radius + 0.16
    bumper = solids.curve(
        [(half - 0.16, -0.8, low), (half + 0.03, -0.55, low), (half + 0.03, 0.55, low), (half - 0.16, 0.8, low)]
    )
    bumpers = solids.pipe(bumper, 0.07), solids.pipe(bumper * [-1, 1, 1], 0.07)
    mouth = [
        (half - 0.02, -0.3, low + 0.12),
        (half - 0.02, 0.3, low + 0.12),
        (half - 0.04, 0.34, belt - 0.18),
        (half - 0.04, -0.34, belt - 0.18),
    ]
    lamp_height = belt - 0.24
    rings = solids.pebble((half - 0.07, 0.56, lamp_height), (0.07, 0.18, 0.18))
    return [
        Part("bumper", solids.joined(*bumpers), STEEL),
        Part("grille", solids.pane(mouth, 0.05, 0.08), DARK),
        Part("light", solids.mirrored(rings), STEEL),
        Part("light", solids.mirrored(solids.pebble((half - 0.02, 0.57, lamp_height), (0.07, 0.14, 0.14))), LAMP),
        Part("light", solids.mirrored(solids.pebble((-half + 0.05, 0.6, lamp_height), (0.08, 0.11, 0.13))), TAIL_LAMP),
    ]


def car_door(front: float, belt: float, side: float) -> list[Part]:
    """The line around a car's door and its handle, on both sides."""
    back, low = front - 0.8, 0.42
    outline = [(back, belt - 0.1), (back, low + 0.08), (back + 0.08, low), (front - 0.1, low), (front, low + 0.1)]
    outline.append((front, belt - 0.1))
    line = solids.pipe([(x, side, z) for x, z in outline], 0.014, sections=8)
    handle = solids.pipe([(back + 0.1, side + 0.03, belt - 0.2), (back + 0.28, side + 0.03, belt - 0.2)], 0.028)
    return [Part("door", solids.mirrored(line), DARK), Part("door", solids.mirrored(handle), STEEL)]


def roof_rack(back: float, front: float, top: float, luggage: Color) -> list[Part]:
    """Two rails with a suitcase on them."""
    rails = [
        solids.pipe([(x, -0.5, top), (x, -0.5, top + 0.1), (x, 0.5, top + 0.1), (x, 0.5, top)], 0.025)
        for x in (back + 0.15, front - 0.15)
    ]
    middle = ((back + front) / 2, 0.0, top + 0.24)
    case = solids.slab(middle, (0.75, 0.7, 0.24), 0.06)
    straps = [solids.slab((middle[0] + x, 0, middle[2]), (0.06, 0.73, 0.27), 0.02) for x in (-0.2, 0.2)]
    return [
        Part("rack", solids.joined(*rails), STEEL),
        Part("suitcase", case, Material(luggage, 0.7)),
        Part("suitcase", solids.joined(*straps), DARK),
    ]


@object_class(
    "car", family="vehicle", azimuths=((48, 80), (-80, -48)), elevations=(6, 20), synonyms=("automobile", "motorcar")
)
def car(draw: Draw) -> list[Part]:
    """A rounded little car: hatchback, saloon or estate, with chrome, lamps and a door."""
    paint = Material(draw.color("paint", ["red", "blue", "yellow", "green", "orange", "white", "pink", "purple"]), 0.25)
    rim = draw.color("rim", ["white", "gray", "black"], 0.02)
    kind = draw.choice("kind", ["hatchback", "saloon", "estate"])
    length = draw.uniform("length", 3.1, 3.5) + {"hatchback": 0.0, "saloon": 0.6, "estate": 0.45}[kind]
    radius = draw.uniform("wheel_radius", 0.33, 0.41)
    belt = 2 * radius + draw.uniform("belt", 0.18, 0.26)  # above the wheel arches
    top = belt + draw.uniform("cabin_height", 0.46, 0.62)
    bonnet = draw.uniform("bonnet", 0.24, 0.31) * length
    width, half, axle = 1.7, length / 2, length * 0.31
    boot = 0.19 * length if kind == "saloon" else 0.12
    slope = {"hatchback": 0.34, "saloon": 0.42, "estate": 0.16}[kind]
    roof = (-half + boot + slope, half - bonnet - 0.55, 0.5, top)
    shell, (right, left, front, back) = cabin((-half + boot, half - bonnet, 0.63, belt - 0.06), roof, 0.12)
    body = car_body(length, width, belt, (-axle, axle), radius)
    glazed = [inset(right, *share, 0.2, 0.9) for share in ((0.06, 0.46), (0.52, 0.96))]
    glazed += [inset(left, *share, 0.2, 0.9) for share in ((0.04, 0.48), (0.54, 0.94))]
    glazed += [inset(front, 0.06, 0.94, 0.16, 0.92), inset(back, 0.1, 0.9, 0.25, 0.9)]
    spots = [(x, y, radius) for x in (-axle, axle) for y in (-0.76, 0.76)]
    mirror = solids.pebble((half - bonnet - 0.12, 0.86, belt + 0.06), (0.06, 0.1, 0.08))
    load = []
    if draw.choice("load", ["none", "none", "suitcase"]) == "suitcase":
        luggage = draw.color("suitcase", ["brown", "orange", "blue"])
        load = roof_rack(roof[0], roof[1], top + 0.12, luggage)
    return [
        Part("body", body, paint),
        Part("roof", shell, paint),
        *[Part("window", solids.pane(quad, 0.03, 0.07), GLASS) for quad in glazed],
        *car_trim(half, belt, radius),
        *car_door(axle - radius - 0.22, belt, width / 2 - 0.02),
        Part("mirror", solids.mirrored(mirror), paint),
        *load,
        *[piece for spot in spots for piece in wheel(spot, radius, 0.26, rim)],
    ]


# ----- Boats


def boat_hull(length: float, beam: float, depth: float, sheer: float) -> tuple[trimesh.Trimesh, Array]:
    """A pointed hull with a flat transom, and its deck edge (N, 3) from stern to bow on the side of positive y."""
    along = np.linspace(0.0, 1.0, 30)
    bow, stern = np.maximum((along - 0.35) / 0.65, 0.0), np.maximum((0.35 - along) / 0.35, 0.0)  # 0 amidships
    half = beam / 2 * np.maximum(1 - bow**2.3 - 0.22 * stern**2, 0.012)
    edge = 1.6 * sheer * (along - 0.4) ** 2
    keel = -depth * (1 - 0.75 * np.maximum((along - 0.55) / 0.45, 0.0) ** 2.2 - 0.13 * stern**2)
    belly = np.linspace(0.0, np.pi, 25)
    rings = []
    for share, b, top, low in zip(along, half, edge, keel, strict=True):
        across = b * np.sign(np.cos(belly)) * np.abs(np.cos(belly)) ** 0.75
        heights = top - (top - low) * np.sin(belly) ** 0.8
        rake = 0.10 * length * share**3 * (heights - heights.min()) / (depth + sheer)  # the stem leans forward
        rings.append(np.column_stack([(share - 0.5) * length + rake, -across, heights]))
    stack = np.array(rings)
    return solids.crisp(solids.loft(stack), 40), stack[:, -1]


def sail(
    tack: Point, clew: Point, head: Point, belly: float, rows: tuple[float, float] = (0.0, 1.0)
) -> trimesh.Trimesh:
    """A full triangular sail between its front lower corner, its back lower corner and its top.

    `rows` is the share of its height that is made, so that a sail can be striped.
    """
    up, along = np.meshgrid(np.linspace(*rows, 14), np.linspace(0.0, 1.0, 14), indexing="ij")
    a, b, c = (np.array(p) for p in (tack, clew, head))
    reach = along * (1 + 0.16 * np.sin(np.pi * up)) * (1 - up)  # a rounded leech
    grid = a + up[..., None] * (c - a) + reach[..., None] * (b - a)
    grid[..., 1] += belly * np.sin(np.pi * along) * np.sin(np.pi * np.minimum(up + 0.18, 1.0)) * (1 - 0.5 * up)
    return solids.sheet(grid, 0.02)


def portholes(spots: list[Point], radius: float) -> list[Part]:
    """Round windows with steel rims, looking out to both sides."""
    rims = [
        solids.turned(solids.lathe([(0, 0), (radius, 0), (radius, 0.03), (0.8 * radius, 0.05), (0, 0.05)], 24), 0, -90)
        for _ in spots
    ]
    panes = [solids.pebble((x, y + 0.03, z), (0.72 * radius, 0.035, 0.72 * radius), 2) for x, y, z in spots]
    placed = [solids.moved(solids.crisp(rim), spot) for rim, spot in zip(rims, spots, strict=True)]
    return [
        Part("porthole", solids.mirrored(solids.joined(*placed)), STEEL),
        Part("porthole", solids.mirrored(solids.joined(*panes)), GLASS),
    ]


def pennant_and_rudder(masthead: Point, stern: float, depth: float, flag: Material, timber: Material) -> list[Part]:
    """The flag at the masthead and the rudder behind the transom."""
    x, _, z = masthead
    rudder = [(stern - 0.2, -0.8 * depth), (stern + 0.1, -0.8 * depth), (stern + 0.02, 0.12), (stern - 0.1, 0.12)]
    return [
        Part("flag", solids.board([(x, z - 0.04), (x, z + 0.2), (x - 0.42, z + 0.08)], 0.02, 0.008), flag),
        Part("rudder", solids.board(rudder, 0.06, 0.02), timber),
    ]


@object_class(
    "sailboat",
    family="vehicle",
    azimuths=((62, 108), (-108, -62)),
    elevations=(3, 16),
    synonyms=("sailing boat", "yacht"),
)
def sailboat(draw: Draw) -> list[Part]:
    """A small yacht under a mainsail and perhaps a jib, with a cabin, portholes and a pennant."""
    paint = Material(draw.color("hull", ["red", "blue", "white", "green", "yellow", "orange", "brown"]), 0.3)
    canvas = Material(draw.color("sail", ["white", "white", "white", "red", "yellow", "orange", "blue"], 0.03), 0.8)
    stripe = Material(draw.color("stripe", ["red", "blue", "orange", "green"]), 0.8)
    length, depth = draw.uniform("length", 2.8, 3.4), draw.uniform("depth", 0.58, 0.78)
    mast, top = draw.uniform("mast_place", 0.02, 0.14) * length, draw.uniform("mast_height", 2.7, 3.5)
    belly = draw.uniform("belly", 0.12, 0.3) * draw.choice("tack", [-1.0, 1.0])
    timber = Material(Color("brown", (0.60, 0.39, 0.20)), 0.5)
    hull, edge = boat_hull(length, 0.36 * length, depth, draw.uniform("sheer", 0.15, 0.4))
    planks = [
        edge * (1, side, 1) + (0, 0, lift)
        for side, lift in ((0.97, -0.05), (0.97, 0.02), (-0.97, 0.02), (-0.97, -0.05))
    ]
    deck = solids.loft(np.stack(planks, axis=1))
    rail = solids.mirrored(solids.pipe(np.add(edge, (0, 0, 0.02)), 0.035, sections=8))
    boom, back = 0.32, -0.44 * length
    corners = (mast - 0.04, 0.0, boom + 0.06), (back, 0.0, boom + 0.1), (mast - 0.04, 0.0, top - 0.08)
    parts = [
        Part("hull", hull, paint),
        Part("deck", solids.crisp(deck), timber),
        Part("rail", rail, timber),
        Part("mast", solids.pipe([(mast, 0, 0), (mast, 0, top)], [0.05, 0.03]), timber),
        Part("mast", solids.pipe([(mast, 0, boom), (back - 0.08, 0, boom + 0.04)], 0.035), timber),
    ]
    stripes = draw.choice("stripes", [1, 1, 6])  # one: a sail of one colour
    for k in range(stripes):
        cloth = sail(*corners, belly, (k / stripes, (k + 1) / stripes))
        parts.append(Part("sail", cloth, stripe if k % 2 else canvas))
    if draw.choice("sails", ["main", "main and jib", "main and jib"]) != "main":
        foot, bow = (mast + 0.08, 0.0, 0.34), (0.5 * length, 0.0, edge[-1][2] + 0.1)
        parts.append(Part("sail", sail(bow, foot, (mast + 0.06, 0.0, 0.86 * top), 0.8 * belly), canvas))
        parts.append(Part("rope", solids.pipe([bow, (mast, 0, 0.88 * top)], 0.01, sections=6), DARK))
    parts += pennant_and_rudder((mast, 0.0, top), -length / 2, depth, stripe, timber)
    if draw.choice("cabin", ["cabin", "cabin", "open"]) == "cabin":
        house, _ = cabin((-0.24 * length, mast + 0.35, 0.2, 0.0), (-0.2 * length, mast + 0.15, 0.16, 0.2), 0.06)
        parts += [Part("cabin", house, Material(Color("white", (0.92, 0.9, 0.86)), 0.5))]
        parts += portholes([(x, 0.2, 0.13) for x in (-0.12 * length, 0.0)], 0.06)
    return parts
