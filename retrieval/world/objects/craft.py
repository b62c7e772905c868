"""What rises and dives: helicopters, submarines, hot air balloons. Airplanes are in `aircraft`.

Lengths are roughly metres, x runs from stern to bow.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.vehicles import DARK, GLASS, LAMP, STEEL
from retrieval.world.sdf import Field
from retrieval.world.solids import Array, Point

BUBBLE = Material(Color("blue", (0.35, 0.55, 0.68)), 0.06)
WICKER = Material(Color("brown", (0.66, 0.44, 0.22)), 0.85)
ROPE = Material(Color("brown", (0.45, 0.33, 0.20)), 0.9)
LEATHER = Material(Color("brown", (0.36, 0.20, 0.11)), 0.6)
BRASS = Material(Color("yellow", (0.85, 0.62, 0.22)), 0.25, metallic=0.8)


# ----- Helicopter


def rotor(mast: Point, reach: float, blades: int, chord: float, turn: float) -> list[Part]:
    """The main rotor: a hub with drooping blades around a vertical axis."""
    blade = solids.hull(
        [
            (0.12, -0.4 * chord, 0),
            (0.12, 0.4 * chord, 0),
            *[(reach, y, -0.06 * reach) for y in (-0.5 * chord, 0.5 * chord)],
        ],
        0.05,
        detail=1,
    )
    turned = [solids.moved(solids.turned(blade, 2, turn + 360 * k / blades), mast) for k in range(blades)]
    hub = solids.lathe([(0, -0.1), (0.16, -0.08), (0.18, 0.02), (0.1, 0.12), (0, 0.14)], 24)
    return [Part("rotor", solids.joined(*turned), DARK), Part("rotor", solids.moved(hub, mast), STEEL)]


def tail_rotor(center: Point, reach: float, blades: int, turn: float) -> list[Part]:
    """The small rotor at the side of the tail."""
    blade = solids.hull([(0, 0, 0.05), (-0.06, 0, reach), (0.06, 0, reach)], 0.035, detail=1)
    turned = [solids.turned(blade, 1, turn + 360 * k / blades) for k in range(blades)]
    placed = solids.moved(solids.joined(*turned), (center[0], center[1] + 0.05, center[2]))
    return [Part("tail rotor", placed, DARK), Part("tail rotor", solids.pebble(center, (0.09, 0.1, 0.09), 2), STEEL)]


def skids(front: float, rear: float, spread: float, belly: float) -> Part:
    """Two runners with upturned fronts, on arched struts under a belly at height `belly`."""
    runner = solids.curve(
        [(rear, spread, 0.06), (front, spread, 0.06), (front + 0.2, spread, 0.12), (front + 0.34, spread, 0.26)], 28
    )
    struts = [
        solids.pipe(solids.curve([(x, 0.1, belly), (x, 0.75 * spread, 0.62 * belly), (x, spread, 0.08)], 14), 0.05)
        for x in (front - 0.22, rear + 0.3)
    ]
    return Part("skid", solids.mirrored(solids.joined(solids.pipe(runner, 0.06), *struts)), STEEL)


def floats(front: float, rear: float, spread: float, belly: float) -> Part:
    """Two sausage-shaped floats on struts."""
    body = sdf.limb((rear, spread, 0.16), (front, spread, 0.18), 0.16, 0.15)
    struts = [solids.pipe([(x, 0.1, belly), (x, spread, 0.2)], 0.05) for x in (front - 0.3, rear + 0.35)]
    return Part("float", solids.mirrored(solids.joined(sdf.surface(body, 34), *struts)), DARK)


def tail_boom(kind: str, start: Point, end: Point, girth: float, paint: Material) -> list[Part]:
    """The boom from the cabin to the tail rotor: a tapering tube, or an open lattice of bars."""
    if kind == "tube":
        return [Part("tail", sdf.surface(sdf.limb(start, end, girth, 0.1), 44), paint)]
    a, b = np.array(start), np.array(end)
    offsets = girth * np.array([(0, -0.8, -0.6), (0, 0.8, -0.6), (0, 0, 0.8)])
    rails = [[a + (b - a) * s + offset * (1 - 0.75 * s) for s in np.linspace(0, 1, 7)] for offset in offsets]
    bars = [solids.pipe(rail, 0.045, sections=8) for rail in rails]
    bars += [
        solids.pipe([rails[i][k], rails[(i + 1) % 3][k + 1]], 0.035, sections=8) for k in range(6) for i in range(3)
    ]
    return [Part("tail", solids.joined(*bars), paint)]


def cockpit(shape: Field, glazing: str, paint: Material) -> list[Part]:
    """The cabin, its nose of glass: a whole bubble, or a windscreen with side windows in a painted body."""
    skin = sdf.surface(shape, 52)
    if glazing == "bubble":
        glass, rest = sdf.split(skin, sdf.block((1.2, 0, 1.75), (1.0, 2.0, 1.0), 0.02))
        return [Part("window", glass, BUBBLE), Part("body", rest, paint)]
    frame = sdf.union(
        sdf.block((0.42, 0, 1.1), (0.07, 2.0, 2.0), 0.01),
        sdf.block((0.0, 0, 0.5), (3.0, 2.0, 0.48), 0.01),
        sdf.block((0.0, 0, 1.75), (3.0, 2.0, 0.3), 0.01),
        sdf.block((-1.35, 0, 1.0), (1.2, 2.0, 2.0), 0.01),
        sdf.block((1.0, 0, 1.0), (2.0, 0.06, 2.0), 0.01),
    )
    rest, glass = sdf.split(skin, frame)
    return [Part("window", glass, GLASS), Part("body", rest, paint)]


@object_class(
    "helicopter", family="vehicle", azimuths=((52, 84), (-84, -52)), elevations=(8, 24), synonyms=("chopper",)
)
def helicopter(draw: Draw) -> list[Part]:
    """A helicopter on skids or floats, with a glass bubble or a closed cabin."""
    paint = Material(draw.color("body", ["red", "blue", "yellow", "green", "orange", "white"]), 0.25)
    accents = [word for word in ("white", "red", "black", "yellow") if word != paint.color.name]
    accent = Material(draw.color("accent", accents), 0.3)
    glazing = draw.choice("cabin", ["bubble", "closed", "closed"])
    plump, length = draw.uniform("plumpness", 0.9, 1.12), draw.uniform("cabin_length", 0.85, 1.15)
    boom, lift = draw.uniform("boom", 1.5, 2.0), draw.uniform("boom_rise", 0.1, 0.45)
    cabin = sdf.ellipsoid((0.3, 0, 0.98), (length, 0.62 * plump, 0.66 * plump))
    rump = sdf.limb((0.1, 0, 1.1), (-0.75, 0, 1.25), 0.5 * plump, 0.26)
    shape = cabin if glazing == "bubble" else sdf.blend(0.25, cabin, rump)
    top = 0.98 + 0.62 * plump
    start, end = (-0.5, 0.0, 1.2), (-0.6 - boom, 0.0, 1.3 + lift)
    motor = sdf.blend(
        0.1,
        sdf.block((-0.15, 0, top), (0.5, 0.26, 0.2), 0.14),
        sdf.limb((-0.3, 0, top - 0.1), (-0.75, 0, 1.2), 0.2, 0.14),
    )
    mast = (-0.05, 0.0, top + 0.5)
    fin = [
        (end[0] + 0.22, end[2]),
        (end[0] - 0.1, end[2] + 0.1),
        (end[0] - 0.42, end[2] + 0.62),
        (end[0] - 0.18, end[2] + 0.62),
    ]
    keel = [(end[0] + 0.2, end[2]), (end[0] - 0.1, end[2]), (end[0] - 0.2, end[2] - 0.4), (end[0] - 0.04, end[2] - 0.4)]
    wing = solids.slab((end[0] + 0.55, 0, end[2] - 0.04), (0.3, 1.0, 0.08), 0.035)
    gear = skids if draw.choice("gear", ["skids", "skids", "floats"]) == "skids" else floats
    frame = "lattice" if glazing == "bubble" and draw.choice("boom_kind", ["lattice", "tube"]) == "lattice" else "tube"
    return [
        *cockpit(shape, glazing, paint),
        Part("engine", sdf.surface(motor, 34), accent),
        Part("mast", solids.cylinder((mast[0], 0, top), mast, 0.075), STEEL),
        *rotor(
            mast,
            draw.uniform("rotor", 1.7, 2.2),
            draw.choice("blades", [2, 3, 4]),
            draw.uniform("chord", 0.22, 0.32),
            draw.uniform("turn", 0, 180),
        ),
        *tail_boom(frame, start, end, 0.24, paint),
        Part("fin", solids.joined(solids.board(fin, 0.1, 0.035), solids.board(keel, 0.1, 0.035), wing), accent),
        *tail_rotor(
            (end[0] - 0.12, 0.12, end[2] + 0.1),
            draw.uniform("tail_rotor", 0.4, 0.52),
            draw.choice("tail_blades", [2, 3, 4]),
            draw.uniform("tail_turn", 0, 90),
        ),
        gear(0.85, -0.55, draw.uniform("spread", 0.6, 0.75), 0.98 - 0.5 * plump),
        Part("light", solids.pebble((0.3 + 0.86 * length, 0, 0.66), (0.1, 0.1, 0.1), 2), LAMP),
    ]


# ----- Submarine


def pressure_hull(half: float, girth: float, level: float, taper: float) -> Field:
    """A blunt-nosed hull along x that ends in a pointed stern; `taper`: x where the stern begins to narrow."""
    return sdf.union(
        sdf.limb((half - girth, 0, level), (taper, 0, level), girth),
        sdf.limb((taper, 0, level), (-half, 0, level + 0.08), girth, 0.1),
    )


def submarine_tower(kind: str, x: float, foot: float, height: float, length: float) -> trimesh.Trimesh:
    """The tower on the deck: upright with round ends, swept like a fin, or stepped with a lower front."""
    low, wide = length / 2, 0.2
    tops = {
        "upright": (low - 0.08, -low + 0.08),
        "swept": (low - 0.35, -low + 0.02),
        "stepped": (low - 0.1, -low + 0.1),
    }
    front, back = tops[kind]
    ends = [(x + low, 0, foot), (x - low, 0, foot), (x + front, 0, foot + height), (x + back, 0, foot + height)]
    tower = solids.hull(ends, [wide, wide, 0.8 * wide, 0.8 * wide])
    if kind != "stepped":
        return tower
    step = solids.hull(
        [(x + low + 0.3, 0, foot), (x, 0, foot), (x + low + 0.2, 0, foot + 0.4 * height), (x, 0, foot + 0.4 * height)],
        0.16,
    )
    return solids.joined(tower, step)


def periscope(x: float, foot: float, height: float) -> trimesh.Trimesh:
    """A tube that bends forward at its top."""
    top = foot + height
    return solids.pipe(
        solids.curve([(x, 0, foot), (x, 0, top - 0.12), (x + 0.08, 0, top), (x + 0.34, 0, top)], 28), 0.075
    )


def side_windows(field: Field, places: list[float], height: float, radius: float) -> list[Part]:
    """Round windows with brass rims where the hull's side lies, looking out to both sides."""
    rims, panes = [], []
    for x in places:
        spot = sdf.cast(field, np.array([[x, 2.0, height]]), (0.0, -1.0, 0.0), 60)[0]
        ring = trimesh.creation.torus(radius, 0.3 * radius, major_sections=28, minor_sections=10)
        rims.append(solids.moved(solids.turned(ring, 0, 90.0), (x, float(spot[1]), height)))
        panes.append(solids.pebble((x, float(spot[1]), height), (radius, 0.06, radius), 2))
    return [
        Part("porthole", solids.mirrored(solids.joined(*rims)), BRASS),
        Part("porthole", solids.mirrored(solids.joined(*panes)), GLASS),
    ]


def screw(x: float, level: float, reach: float, blades: int, turn: float) -> list[Part]:
    """A ship's propeller behind the stern: broad twisted blades around a boss."""
    blade = solids.turned(solids.pebble((0, 0, 0.55 * reach), (0.05, 0.3 * reach, 0.5 * reach), 2), 2, 28.0)
    turned = [solids.turned(blade, 0, turn + 360 * k / blades) for k in range(blades)]
    boss = solids.pebble((-0.05, 0, 0), (0.2, 0.12, 0.12), 2)
    return [Part("propeller", solids.moved(solids.joined(*turned, boss), (x, 0, level)), BRASS)]


def stern_fins(x: float, level: float, reach: float, paint: Material) -> Part:
    """Four fins in a cross at the stern."""
    fin = solids.hull([(x + 0.32, 0, 0.05), (x - 0.1, 0, 0.05), (x + 0.1, 0, reach), (x - 0.14, 0, reach)], 0.05)
    turned = [solids.turned(fin, 0, angle) for angle in (0, 90, 180, 270)]
    return Part("fin", solids.moved(solids.joined(*turned), (0, 0, level)), paint)


def handrail(rear: float, front: float, height: float) -> Part:
    """A railing of posts and one rail on the deck."""
    posts = [solids.pipe([(x, 0, height - 0.15), (x, 0, height + 0.3)], 0.04) for x in np.linspace(rear, front, 4)]
    return Part(
        "rail", solids.joined(*posts, solids.pipe([(rear, 0, height + 0.3), (front, 0, height + 0.3)], 0.04)), STEEL
    )


@object_class(
    "submarine", family="vehicle", azimuths=((58, 92), (-92, -58)), elevations=(4, 18), synonyms=("sub", "U-boat")
)
def submarine(draw: Draw) -> list[Part]:
    """A submarine with a tower, a periscope and a propeller: plump with portholes, or long and sleek."""
    paint = Material(draw.color("hull", ["yellow", "yellow", "gray", "black", "red", "blue", "green", "orange"]), 0.3)
    accents = [word for word in ("red", "white", "blue", "orange") if word != paint.color.name]
    accent = Material(draw.color("accent", accents), 0.35)
    build = draw.choice("build", ["plump", "plump", "long"])
    half, girth = {"plump": (1.5, 0.62), "long": (2.1, 0.5)}[build]
    half, girth = half * draw.uniform("length", 0.92, 1.1), girth * draw.uniform("girth", 0.94, 1.1)
    level = girth
    field = pressure_hull(half, girth, level, draw.uniform("taper", -0.4, 0.0) * half)
    skin = sdf.surface(field, 64)
    place = draw.uniform("tower_place", -0.05, 0.22) * half
    height, length = draw.uniform("tower_height", 0.45, 0.72), draw.uniform("tower_length", 0.6, 0.95)
    foot = level + girth - 0.1
    below, above = sdf.split(skin, sdf.block((0, 0, -2 + level - 0.3 * girth), (9, 9, 2), 0.01))
    two_tone = draw.choice("dress", ["plain", "two-tone"]) == "two-tone"
    count = draw.choice("portholes", [3, 4] if build == "plump" else [4, 5, 6])
    places = [float(x) for x in np.linspace(-0.25 * half, 0.72 * half, count)]
    stern = -half + 0.16
    summit = foot + height + 0.12
    parts = [
        *([Part("hull", above, paint), Part("hull", below, accent)] if two_tone else [Part("hull", skin, paint)]),
        Part(
            "tower",
            submarine_tower(draw.choice("tower", ["upright", "swept", "stepped"]), place, foot, height, length),
            paint,
        ),
        Part("periscope", periscope(place - 0.05, summit - 0.15, draw.uniform("periscope", 0.5, 0.8)), accent),
        *side_windows(field, places, level + 0.12 * girth, draw.uniform("porthole", 0.13, 0.17)),
        *screw(
            -half - 0.12,
            level + 0.08,
            draw.uniform("propeller", 0.36, 0.46),
            draw.choice("blades", [3, 4, 5]),
            draw.uniform("turn", 0, 90),
        ),
        stern_fins(stern + 0.1, level + 0.08, draw.uniform("fin", 0.48, 0.6), accent),
    ]
    if draw.choice("deck", ["bare", "rail"]) == "rail":
        parts.append(handrail(place + 0.62, place + 0.62 + 0.4 * half, level + girth - 0.02))
    return parts


# ----- Hot air balloon


def envelope_profile(kind: str, height: float, steps: int) -> Array:
    """Points (steps, 2) of (radius, height) from the mouth to the crown of a balloon of radius 1."""
    knots = {
        "round": [(0.3, 0.0), (0.72, 0.28), (1.0, 0.68), (0.8, 0.92), (0.42, 0.99), (0.02, 1.0)],
        "pear": [(0.26, 0.0), (0.52, 0.24), (0.95, 0.62), (0.9, 0.82), (0.5, 0.97), (0.02, 1.0)],
        "broad": [(0.34, 0.0), (0.86, 0.3), (1.06, 0.6), (0.88, 0.87), (0.45, 0.98), (0.02, 1.0)],
    }[kind]
    return solids.curve([(r, z * height) for r, z in knots], steps)


def gore_colors(pattern: str, gores: int, rows: int, hues: int) -> Array:
    """Which colour each patch (gores, rows) of the balloon has, as an index below `hues`."""
    gore, row = np.meshgrid(np.arange(gores), np.arange(rows), indexing="ij")
    band = row * 8 // rows
    table = {
        "stripes": gore % hues,
        "bands": np.where((band == 3) | (band == 5), 1, np.where(band == 4, hues - 1, 0)),
        "chequers": (gore // 2 * (hues == 2) + gore * (hues == 3) + band) % hues,
        "spiral": (gore + row * gores // rows // 2) // 2 % hues,
        "teeth": np.where(np.abs(row - rows * 0.5 - np.where(gore % 2, 2, -2)) < rows * 0.13, 1, 0),
    }
    return np.asarray(table[pattern])


def envelope(profile: Array, colors: Array, bulge: float) -> dict[int, trimesh.Trimesh]:
    """The balloon's skin by colour index: gores that bulge between their seams."""
    gores, fine = len(colors), 6
    share = np.linspace(0, 1, fine + 1)
    skins: dict[int, list[trimesh.Trimesh]] = {}
    for k in range(gores):
        turn = 2 * np.pi * (k + share[:, None]) / gores
        radius = profile[:, 0] * (1 + bulge * np.sin(np.pi * share[:, None]))
        grid = np.stack(
            [radius * np.cos(turn), radius * np.sin(turn), np.broadcast_to(profile[:, 1], radius.shape)], -1
        )
        cuts = [0, *(np.flatnonzero(np.diff(colors[k])) + 1), colors.shape[1]]
        for first, last in pairwise(cuts):
            skins.setdefault(int(colors[k, first]), []).append(solids.sheet(grid[:, first : last + 1], 0.02))
    return {color: solids.joined(*pieces) for color, pieces in skins.items()}


def gondola(width: float, depth: float, kind: str, rim: Material) -> list[Part]:
    """A wicker basket of height `depth` on the ground, with a padded rim and woven bands."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    power = {"round": 1.0, "square": 0.4}[kind]
    loop = width * np.column_stack([np.sign(f(turn)) * np.abs(f(turn)) ** power for f in (np.cos, np.sin)])

    def hoop(z: float, flare: float) -> Array:
        return np.column_stack([flare * loop, np.full(40, z)])

    wall = solids.loft([hoop(0.0, 0.8), hoop(0.03, 0.86), hoop(0.5 * depth, 0.94), hoop(depth, 1.0)])
    bands = [hoop(share * depth, 0.865 + 0.13 * share) for share in (0.06, 0.36, 0.66)]
    padded = [np.vstack([ring, ring[:1]]) for ring in (*bands, hoop(depth, 1.0))]
    return [
        Part("basket", solids.crisp(wall, 40), WICKER),
        Part("basket", solids.joined(*[solids.pipe(ring, 0.03, sections=8) for ring in padded[:-1]]), ROPE),
        Part("basket", solids.pipe(padded[-1], 0.055, sections=10), rim),
    ]


@object_class(
    "hot air balloon",
    family="vehicle",
    azimuths=((0, 360),),
    elevations=(-2, 12),
    synonyms=("balloon", "hot-air balloon"),
)
def hot_air_balloon(draw: Draw) -> list[Part]:
    """A hot air balloon of coloured gores whose basket stands on the ground."""
    words = ["red", "blue", "yellow", "orange", "green", "purple", "pink", "white"]
    first = Material(draw.color("main", words), 0.6)
    rest = [word for word in words if word != first.color.name]
    second = Material(draw.color("second", rest), 0.6)
    third = Material(draw.color("third", [word for word in rest if word != second.color.name]), 0.6)
    paints = [first, second, third]
    pattern = draw.choice("pattern", ["stripes", "stripes", "bands", "chequers", "spiral", "teeth"])
    gores, hues = 12, draw.choice("hues", [2, 3])
    profile = envelope_profile(draw.choice("shape", ["round", "pear", "broad"]), draw.uniform("height", 1.9, 2.35), 33)
    skins = envelope(profile, gore_colors(pattern, gores, 32, hues), draw.uniform("bulge", 0.02, 0.06))
    width, depth = draw.uniform("basket_width", 0.3, 0.4), draw.uniform("basket_depth", 0.4, 0.54)
    gap = draw.uniform("rope_length", 0.4, 0.65)
    mouth = depth + gap
    kind = draw.choice("basket", ["round", "square"])
    corner = width * (0.98 if kind == "round" else 1.15)
    spots = [(float(np.cos(t)), float(np.sin(t))) for t in np.radians(np.arange(45, 360, 90))]
    rim = float(profile[0, 0])
    ropes = [solids.pipe([(corner * x, corner * y, depth), (rim * x, rim * y, mouth + 0.02)], 0.036) for x, y in spots]
    collar = solids.moved(trimesh.creation.torus(rim, 0.035, major_sections=36, minor_sections=8), (0, 0, mouth))
    crown = solids.pebble((0, 0, mouth + profile[-1, 1]), (0.16, 0.16, 0.03), 2)
    burner = solids.joined(
        *[solids.cylinder((0, y, depth + 0.3 * gap), (0, y, depth + 0.62 * gap), 0.06) for y in (-0.07, 0.07)],
        solids.pipe([(-corner * 0.7, 0, depth), (0, 0, depth + 0.3 * gap), (corner * 0.7, 0, depth)], 0.036),
    )
    bags = [
        solids.pebble((1.02 * corner * x, 1.02 * corner * y, 0.55 * depth), (0.08, 0.08, 0.12), 2) for x, y in spots
    ]
    parts = [Part("balloon", solids.moved(skins[k], (0, 0, mouth)), paints[k]) for k in sorted(skins)]
    parts += [
        Part("balloon", solids.joined(collar, crown), second),
        Part("rope", solids.joined(*ropes), ROPE),
        Part("burner", burner, STEEL),
        *gondola(width, depth, kind, LEATHER),
    ]
    if draw.choice("ballast", ["none", "sandbags"]) == "sandbags":
        parts.append(Part("sandbag", solids.joined(*bags), second))
    return parts
