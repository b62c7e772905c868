"""What hovers and dives: helicopters, submarines. Airplanes are in `aircraft`, hot air balloons in `balloon`.

Lengths are roughly metres, x runs from stern to bow.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.vehicles import DARK, GLASS, LAMP, STEEL
from retrieval.world.sdf import Field
from retrieval.world.solids import Point

BUBBLE = Material(Color("blue", (0.35, 0.55, 0.68)), 0.06)
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


def motor(top: float, paint: Material) -> list[Part]:
    """The engine on a roof at z = top, and the mast in its middle that carries the rotor."""
    housing = sdf.blend(
        0.1,
        sdf.block((-0.15, 0, top), (0.5, 0.26, 0.2), 0.14),
        sdf.limb((-0.3, 0, top - 0.1), (-0.75, 0, 1.2), 0.2, 0.14),
    )
    mast = solids.cylinder((-0.05, 0, top), (-0.05, 0, top + 0.5), 0.075)
    return [Part("engine", sdf.surface(housing, 34), paint), Part("mast", mast, STEEL)]


def tail_fins(x: float, z: float, paint: Material) -> Part:
    """The swept fin, the small keel below it and the stabiliser at the end of a boom."""
    fin = [(x + 0.22, z), (x - 0.1, z + 0.1), (x - 0.42, z + 0.62), (x - 0.18, z + 0.62)]
    keel = [(x + 0.2, z), (x - 0.1, z), (x - 0.2, z - 0.4), (x - 0.04, z - 0.4)]
    wing = solids.slab((x + 0.55, 0, z - 0.04), (0.3, 1.0, 0.08), 0.035)
    return Part("fin", solids.joined(solids.board(fin, 0.1, 0.035), solids.board(keel, 0.1, 0.035), wing), paint)


def rotors(draw: Draw, mast: Point, end: Point) -> list[Part]:
    """The main rotor on top of the mast and the tail rotor beside the boom's end."""
    reach, chord = draw.uniform("rotor", 1.7, 2.2), draw.uniform("chord", 0.22, 0.32)
    main = rotor(mast, reach, draw.choice("blades", [2, 3, 4]), chord, draw.uniform("turn", -40, 40))
    size, count = draw.uniform("tail_rotor", 0.4, 0.52), draw.choice("tail_blades", [2, 3, 4])
    place = (end[0] - 0.12, 0.12, end[2] + 0.1)
    return [*main, *tail_rotor(place, size, count, draw.uniform("tail_turn", 0, 90))]


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
    cabin = sdf.ellipsoid((0.3, 0, 0.98), (length, 0.62 * plump, 0.66 * plump))
    rump = sdf.limb((0.1, 0, 1.1), (-0.75, 0, 1.25), 0.5 * plump, 0.26)
    shape = cabin if glazing == "bubble" else sdf.blend(0.25, cabin, rump)
    boom = draw.choice("boom_kind", ["lattice", "tube"] if glazing == "bubble" else ["tube"])
    end = (-0.6 - draw.uniform("boom", 1.5, 2.0), 0.0, 1.3 + draw.uniform("boom_rise", 0.1, 0.45))
    top = 0.98 + 0.62 * plump
    gear = skids if draw.choice("gear", ["skids", "skids", "floats"]) == "skids" else floats
    return [
        *cockpit(shape, glazing, paint),
        *motor(top, accent),
        *rotors(draw, (-0.05, 0.0, top + 0.5), end),
        *tail_boom(boom, (-0.5, 0.0, 1.2), end, 0.24, paint),
        tail_fins(end[0], end[2], accent),
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
    paint = Material(
        draw.color("hull", ["yellow", "yellow", "gray", "black", "red", "blue", "green", "orange"], 0.035), 0.3
    )
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
