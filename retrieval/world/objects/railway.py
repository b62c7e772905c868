"""What runs on rails: steam locomotives with a tender, and modern trains. What runs in the street is in `traffic`.

Lengths are roughly metres, and trains are short for their height so that they fill a picture. The ground is at z = 0.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.aircraft import ahead
from retrieval.world.objects.things import facing
from retrieval.world.objects.traffic import rectangle, side_panel, window_row
from retrieval.world.objects.vehicles import DARK, GLASS, LAMP, STEEL

RAIL = 0.24  # height of the rails' upper edge
GAUGE = 0.64  # half the distance between the rails
TENDER = -1.42  # x of the front of a steam train's tender
FLOOR, HALF_WIDTH = 0.62, 0.86  # of a modern carriage
IRON = Material(Color("black", (0.13, 0.13, 0.15)), 0.4)
TIMBER = Material(Color("brown", (0.36, 0.25, 0.17)), 0.9)
COAL = Material(Color("black", (0.06, 0.06, 0.07)), 0.7)
STEAM = Material(Color("white", (0.93, 0.93, 0.93)), 0.95)


def driving_wheels(places: list[float], radius: float, side: float, rail: float, paint: Material) -> list[Part]:
    """Large wheels at both sides: iron tyres around painted discs, and a coupling rod from the first to the last."""
    level = rail + radius
    tyre = solids.turned(trimesh.creation.torus(radius - 0.09, 0.09, major_sections=40, minor_sections=10), 0, 90.0)
    edge = 0.9 * radius
    face = solids.lathe(
        [(0, -0.06), (edge, -0.06), (edge, 0.02), (0.3 * radius, 0.05), (0.26 * radius, 0.11), (0, 0.12)]
    )
    disc = solids.crisp(solids.turned(face, 0, -90.0))
    first, last = places[0], places[-1]
    rod = solids.slab(((first + last) / 2, side + 0.15, level - 0.4 * radius), (last - first + 0.24, 0.1, 0.1), 0.04)
    return [
        Part("wheel", solids.mirrored(solids.joined(*[solids.moved(tyre, (x, side, level)) for x in places])), IRON),
        Part("wheel", solids.mirrored(solids.joined(*[solids.moved(disc, (x, side, level)) for x in places])), paint),
        Part("rod", solids.mirrored(rod), STEEL),
    ]


def small_wheels(places: list[float], radius: float, side: float, rail: float) -> Part:
    """Solid wheels on both rails, with a raised hub."""
    profile = [(0, -0.07), (radius, -0.07), (radius, 0.05), (0.75 * radius, 0.05), (0.7 * radius, 0.0)]
    disc = solids.crisp(solids.lathe([*profile, (0.3 * radius, 0.02), (0.25 * radius, 0.09), (0, 0.09)], 28))
    discs = [solids.moved(solids.turned(disc, 0, -90.0), (x, side, rail + radius)) for x in places]
    return Part("wheel", solids.mirrored(solids.joined(*discs)), IRON)


def track(rear: float, front: float) -> list[Part]:
    """Two rails on sleepers between x = rear and front."""
    rail = solids.mirrored(solids.slab(((rear + front) / 2, GAUGE, RAIL - 0.07), (front - rear, 0.12, 0.14), 0.03))
    places = np.linspace(rear + 0.2, front - 0.2, round((front - rear) / 0.6))
    ties = [solids.slab((x, 0, 0.06), (0.24, 2 * GAUGE + 0.4, 0.12), 0.03) for x in places]
    return [Part("rail", rail, STEEL), Part("sleeper", solids.joined(*ties), TIMBER)]


def chimney(kind: str, x: float, foot: float, height: float) -> trimesh.Trimesh:
    """A locomotive's chimney: a straight pipe with a lip, a funnel, or a wide spark arrester."""
    profiles = {
        "straight": [(0.24, 0), (0.17, 0.12), (0.17, 0.85), (0.25, 0.88), (0.25, 1.0), (0.15, 1.0)],
        "funnel": [(0.22, 0), (0.14, 0.12), (0.15, 0.4), (0.33, 0.96), (0.34, 1.0), (0.24, 1.0)],
        "balloon": [(0.2, 0), (0.14, 0.1), (0.16, 0.35), (0.38, 0.7), (0.36, 0.78), (0.2, 1.0)],
    }
    wall = [(r, z * height) for r, z in profiles[kind]]
    return solids.moved(solids.crisp(solids.lathe([(0, 0), *wall, (0, 0.9 * height)], 32), 40), (x, 0, foot))


def steam_cloud(x: float, z: float, size: float, puffs: int) -> Part:
    """Puffs of steam that trail back from the chimney's mouth."""
    balls = [
        sdf.sphere(
            (x - 0.32 * size * k - 0.03 * k * k, 0.1 * (-1) ** k * size, z + 0.12 + 0.24 * size * k),
            (0.2 + 0.09 * k) * size,
        )
        for k in range(puffs)
    ]
    return Part("steam", sdf.surface(sdf.blend(0.08, *balls), 36), STEAM)


def boiler(front: float, rear: float, level: float, girth: float, paint: Material, brass: Material) -> list[Part]:
    """The boiler along x with its bands, the smokebox door, the lamp and the dome."""
    length = front - rear
    profile = [(0, 0), (girth, 0), (girth, 0.78 * length)]
    smokebox = [
        (0, 0.76 * length),
        (girth + 0.05, 0.76 * length),
        (girth + 0.05, length),
        (0.85 * girth, length + 0.06),
    ]
    smokebox += [(0.8 * girth, length + 0.06), (0.5 * girth, length + 0.12), (0, length + 0.14)]
    bands = [
        solids.turned(trimesh.creation.torus(girth, 0.045, major_sections=36, minor_sections=8), 1, 90)
        for _ in range(2)
    ]
    placed = [
        solids.moved(band, (rear + share * length, 0, level)) for band, share in zip(bands, (0.2, 0.55), strict=True)
    ]
    dome = solids.lathe([(0, 0), (0.26, 0), (0.22, 0.2), (0.2, 0.34), (0.12, 0.44), (0, 0.47)], 28)
    lamp = solids.cylinder((front - 0.02, 0, level + girth + 0.16), (front + 0.2, 0, level + girth + 0.16), 0.17)
    glow = solids.pebble((front + 0.2, 0, level + girth + 0.16), (0.05, 0.14, 0.14), 2)
    return [
        Part("boiler", ahead([*profile, (0, 0.78 * length)], (rear, 0, level)), paint),
        Part("boiler", ahead(smokebox, (rear, 0, level)), IRON),
        Part("band", solids.joined(*placed), brass),
        Part("dome", solids.moved(dome, (rear + 0.38 * length, 0, level + girth - 0.06)), brass),
        Part("lamp", lamp, IRON),
        Part("lamp", glow, LAMP),
    ]


def driver_cab(rear: float, front: float, floor: float, roof: float, paint: Material, trim: Material) -> list[Part]:
    """The cab with an open window on each side and an overhanging, arched roof."""
    middle = (rear + front) / 2
    house = solids.slab((middle, 0, (floor + roof) / 2), (front - rear, 1.5, roof - floor), 0.06)
    window = side_panel(rectangle(middle - 0.27, middle + 0.27, roof - 0.75, roof - 0.18), 0.74, 0.1, 0.08)
    arch = [(y, float(roof + 0.2 - 0.22 * (y / 0.85) ** 2)) for y in np.linspace(-0.88, 0.88, 15)]
    lid = facing([*arch, (0.88, roof - 0.08), (-0.88, roof - 0.08)], rear - 0.18, front + 0.15, 0.03)
    return [Part("cab", house, paint), Part("window", window, DARK), Part("roof", lid, trim)]


def tender(rear: float, front: float, floor: float, load: str, paint: Material) -> list[Part]:
    """A little wagon heaped with coal or logs."""
    middle, length = (rear + front) / 2, front - rear
    tub = solids.slab((middle, 0, floor + 0.42), (length, 1.4, 0.84), 0.06)
    rim = solids.slab((middle, 0, floor + 0.84), (length + 0.1, 1.5, 0.12), 0.05)
    if load == "coal":
        heap = sdf.blend(
            0.1,
            *[sdf.sphere((middle + x * length, y, floor + 0.84), 0.3) for x in (-0.26, 0.0, 0.26) for y in (-0.3, 0.3)],
        )
        freight = Part("coal", sdf.surface(heap, 30), COAL)
    else:
        spots = [(y, 0.98) for y in (-0.42, 0.0, 0.42)] + [(y, 1.3) for y in (-0.2, 0.2)]
        logs = [solids.cylinder((rear + 0.1, y, floor + z), (front - 0.1, y, floor + z), 0.2, 16) for y, z in spots]
        freight = Part("log", solids.joined(*logs), TIMBER)
    return [Part("wagon", solids.joined(tub, rim), paint), freight]


def undercarriage(tail: float, front: float, drivers: list[float], radius: float, floor: float) -> list[Part]:
    """The frame between x = tail and front, and the small wheels before the driving wheels and below the tender."""
    small = [max(front - 0.05, drivers[-1] + radius + 0.25), tail + 0.32, TENDER - 0.32]
    frame = solids.slab(((tail + front) / 2, 0, floor), (front - tail, 0.9, 0.2), 0.05)
    return [small_wheels(small, 0.25, GAUGE, RAIL), Part("frame", frame, IRON)]


def cowcatcher(front: float, floor: float, paint: Material) -> Part:
    """The wedge that clears the track before x = front."""
    edge = [(front + 0.75, y, RAIL + 0.06) for y in (-0.1, 0.1)]
    back = [(front + 0.1, y, z) for y in (-0.62, 0.62) for z in (RAIL + 0.06, floor)]
    return Part("cowcatcher", solids.hull([*edge, *back], 0.05), paint)


def steam_train(draw: Draw, paint: Material, trim: Material) -> list[Part]:
    """A steam locomotive with its tender."""
    girth, radius = draw.uniform("girth", 0.48, 0.6), draw.uniform("wheel_radius", 0.46, 0.58)
    front, floor = draw.uniform("boiler", 1.9, 2.5), RAIL + 0.06 + 1.3 * radius
    level, roof = floor + 0.2 + girth, floor + draw.uniform("roof", 1.6, 1.95)
    brass = Material(Color("yellow", (0.85, 0.62, 0.2)), 0.25, metallic=0.8)
    fitting = [2, 3] if 5.2 * radius < front + 0.31 else [2]  # behind the small wheels below the smokebox
    axles = draw.choice("axles", fitting)
    drivers = [float(-0.6 + 2.1 * radius * k) for k in range(axles)]
    tail = TENDER - draw.uniform("tender", 1.1, 1.6)
    height, stack = draw.uniform("chimney", 0.7, 1.0), draw.choice("chimney_kind", ["straight", "funnel", "balloon"])
    pipe = chimney(stack, front - 0.24, level + girth - 0.05, height)
    parts = [
        *boiler(front, -0.25, level, girth, paint, brass),
        *driver_cab(-1.2, -0.2, floor, roof, paint, trim),
        *tender(tail, TENDER, floor, draw.choice("load", ["coal", "logs"]), paint),
        *driving_wheels(drivers, radius, GAUGE, RAIL, trim),
        *undercarriage(tail, front, drivers, radius, floor),
        Part("chimney", pipe, IRON),
        cowcatcher(front, floor, trim),
    ]
    if draw.choice("steam", ["none", "steam"]) == "steam":
        size, puffs = draw.uniform("cloud", 0.9, 1.3), draw.choice("puffs", [3, 4])
        parts.append(steam_cloud(front - 0.24, level + girth + height, size, puffs))
    return parts


def carriage(stations: list[tuple[float, float, float]]) -> trimesh.Trimesh:
    """A railway carriage's skin through stations (x, half its width, height of its roof) above its floor."""
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    across, up = (np.sign(f(turn)) * np.abs(f(turn)) ** 0.42 for f in (np.cos, np.sin))
    rings = [
        np.column_stack([np.full(64, x), w * across, FLOOR + (top - FLOOR) * (up + 1) / 2]) for x, w, top in stations
    ]
    return solids.crisp(solids.loft(rings), 40)


def blunt(x: float, inward: float, top: float) -> list[tuple[float, float, float]]:
    """The stations of a carriage's rounded end at x; `inward` is 1 where the carriage lies ahead of it, else -1."""
    return [
        (x + inward * step, HALF_WIDTH - shrink, top - shrink) for step, shrink in ((0, 0.1), (0.03, 0.04), (0.1, 0))
    ]


def power_car(rear: float, nose: float, bluntness: float, top: float) -> list[trimesh.Trimesh]:
    """The windscreen and the painted skin of a car that reaches from `rear` over x = 0, where its nose begins."""
    share = np.linspace(0, 1, 24)[1:]
    bend = np.sqrt(1 - 0.98 * share**bluntness)
    head = [
        (nose * float(s), HALF_WIDTH * float(0.45 + 0.55 * b), FLOOR + (top - FLOOR) * float(0.3 + 0.7 * b))
        for s, b in zip(share, bend, strict=True)
    ]
    skin = carriage([*blunt(rear, 1, top), (0.4 * rear, HALF_WIDTH, top), (0.0, HALF_WIDTH, top), *head])
    return list(sdf.split(skin, sdf.block((nose, 0, 0.75 * top + 0.08), (nose, 0.62, 0.16 * top), 0.05)))


def carriage_side(rear: float, front: float, count: int, door: float, trim: Material) -> list[Part]:
    """A row of windows between x = rear and front, a stripe below it, and a door whose rear edge is at x = door."""
    y = HALF_WIDTH - 0.02
    return [
        window_row(rear, front, 1.35, 1.85, count, y),
        Part("stripe", side_panel(rectangle(rear, front, 0.92, 1.14), y, 0.08, 0.04), trim),
        Part("door", side_panel(rectangle(door, door + 0.4, 0.76, 1.9), y, 0.08, 0.06), trim),
    ]


def pantograph(x: float, top: float) -> Part:
    """The folding arm with its bow that takes current from a wire."""
    arm = solids.pipe([(x, 0, top - 0.03), (x + 0.55, 0, top + 0.28), (x + 0.05, 0, top + 0.55)], 0.06)
    bow = solids.pipe([(x + 0.05, -0.5, top + 0.55), (x + 0.05, 0.5, top + 0.55)], 0.06)
    return Part("pantograph", solids.joined(arm, bow), IRON)


def express_train(draw: Draw, paint: Material, trim: Material) -> list[Part]:
    """A modern power car with a sloping nose, and a carriage behind it."""
    nose, top = draw.uniform("nose", 0.6, 1.9), draw.uniform("roof", 2.15, 2.5)
    rear = -draw.uniform("power_car", 1.9, 2.4)
    joint = rear - 0.36  # where the carriage begins
    tail = joint - draw.uniform("carriage", 1.6, 2.3)
    glass, shell = power_car(rear, nose, draw.uniform("bluntness", 1.4, 2.6), top)
    wagon = carriage([*blunt(tail, 1, top), *blunt(joint, -1, top)[::-1]])
    bellows = solids.slab(((rear + joint) / 2, 0, 1.35), (0.6, 1.2, 1.3), 0.08)
    lamps = solids.mirrored(solids.pebble((0.94 * nose, 0.4, 0.98), (0.14, 0.13, 0.1), 2))
    wheels = [x + step for x in (0.0, rear + 0.6, joint - 0.55, tail + 0.55) for step in (-0.32, 0.32)]
    parts = [
        Part("body", solids.joined(shell, wagon), paint),
        Part("window", glass, GLASS),
        *carriage_side(rear + 0.7, -0.05, 2, rear + 0.17, trim),
        *carriage_side(tail + 0.15, joint - 0.68, draw.choice("windows", [2, 3]), joint - 0.57, trim),
        Part("bellows", bellows, DARK),
        Part("light", lamps, LAMP),
        Part("frame", solids.slab(((tail + 0.4) / 2, 0, 0.56), (-tail, 1.1, 0.3), 0.05), IRON),
        small_wheels(wheels, 0.28, GAUGE, RAIL),
    ]
    if draw.choice("current", ["overhead", "hidden"]) == "overhead":
        parts.append(pantograph(rear + 0.3, top))
    return parts


@object_class(
    "train", family="vehicle", azimuths=((48, 76), (-76, -48)), elevations=(5, 20), synonyms=("locomotive", "railway")
)
def train(draw: Draw) -> list[Part]:
    """A steam locomotive with its tender, or a modern train; perhaps on a piece of track."""
    paint = Material(draw.color("paint", ["red", "green", "blue", "black", "orange", "yellow", "white"], 0.035), 0.3)
    trims = [word for word in ("red", "yellow", "blue", "white") if word != paint.color.name]
    trim = Material(draw.color("trim", trims), 0.4)
    kind = draw.choice("kind", ["steam", "steam", "express"])
    parts = (steam_train if kind == "steam" else express_train)(draw, paint, trim)
    if draw.choice("ground", ["bare", "track"] if kind == "steam" else ["track"]) == "track":
        ends = np.array([part.mesh.bounds[:, 0] for part in parts])
        parts += track(float(ends.min()) - 0.1, float(ends.max()) + 0.1)
    return parts
