"""What runs in the street besides cars: buses and bicycles. Cars are in `vehicles`, trains in `railway`.

Lengths are roughly metres, bulky where a true vehicle would be too thin to be seen. x runs from the rear to the front.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.things import facing
from retrieval.world.objects.vehicles import DARK, GLASS, LAMP, RUBBER, STEEL, TAIL_LAMP, wheel
from retrieval.world.solids import Array, Flat, Point

WICKER = Material(Color("brown", (0.66, 0.45, 0.24)), 0.8)


def rectangle(left: float, right: float, low: float, high: float) -> list[Flat]:
    """The four corners of an upright rectangle."""
    return [(left, low), (right, low), (right, high), (left, high)]


def side_panel(outline: list[Flat], y: float, depth: float = 0.09, corner: float = 0.08) -> trimesh.Trimesh:
    """A plate with the outline [(x, z), ...] that lies in both walls, y and -y: windows, doors, signs."""
    return solids.mirrored(solids.moved(solids.board(outline, depth, 0.03, corner), (0.0, y, 0.0)))


# ----- Bus


def bus_profile(upper: list[Flat], axles: tuple[float, float], radius: float, sill: float) -> list[Flat]:
    """The side view [(x, z), ...] of a bus: `upper` from the rear sill over the roof to the front sill, then arches."""
    clear = radius + 0.07
    edge = np.degrees(np.arcsin((sill - radius) / clear))
    front, rear = max(axles), min(axles)
    arches = [
        (x, z) for axle in (front, rear) for x, _, z in solids.arc((axle, 0, radius), clear, edge, 180 - edge, steps=20)
    ]
    return [*upper, *arches]


def bus_front(half: float, wall: float, width: float, sill: float, glass: tuple[float, float]) -> list[Part]:
    """The lamps, bumpers, mirrors and windscreen of a bus from -half to half whose windscreen stands at x = wall."""
    bumper = solids.slab((half - 0.02, 0, sill + 0.1), (0.2, width * 0.98, 0.2), 0.08)
    screen = facing(rectangle(-0.43 * width, 0.43 * width, *glass), wall - 0.25, wall + 0.03, 0.03)
    rear = facing(rectangle(-0.36 * width, 0.36 * width, glass[0] + 0.1, glass[1]), -half - 0.03, -half + 0.05, 0.03)
    lamp = solids.pebble((half, 0.34 * width, sill + 0.36), (0.07, 0.14, 0.14), 2)
    tail = solids.pebble((-half, 0.4 * width, sill + 0.4), (0.06, 0.1, 0.18), 2)
    arm = solids.pipe([(wall - 0.2, 0.45 * width, glass[1]), (wall + 0.2, 0.56 * width, glass[1])], 0.045, sections=8)
    mirror = solids.slab((wall + 0.22, 0.57 * width, glass[1] - 0.24), (0.12, 0.2, 0.46), 0.055)
    return [
        Part("bumper", solids.joined(bumper, solids.turned(bumper, 2, 180.0)), DARK),
        Part("window", solids.joined(screen, rear), GLASS),
        Part("light", solids.mirrored(lamp), LAMP),
        Part("light", solids.mirrored(tail), TAIL_LAMP),
        Part("mirror", solids.mirrored(solids.joined(arm, mirror)), DARK),
    ]


def bus_door(front: float, y: float, low: float, high: float, frame: Material) -> list[Part]:
    """A folding door with two tall panes behind x = front, in both walls."""
    leaf = side_panel(rectangle(front - 0.92, front, low, high), y, 0.1, 0.06)
    panes = [
        side_panel(rectangle(right - 0.36, right, low + 0.12, high - 0.08), y + 0.02, 0.12, 0.06)
        for right in (front - 0.07, front - 0.49)
    ]
    return [Part("door", leaf, frame), Part("door", solids.joined(*panes), GLASS)]


def window_row(left: float, right: float, low: float, high: float, count: int, y: float) -> Part:
    """`count` windows side by side in both walls."""
    step = (right - left) / count
    panes = [
        side_panel(rectangle(left + (k + 0.07) * step, left + (k + 0.93) * step, low, high), y) for k in range(count)
    ]
    return Part("window", solids.joined(*panes), GLASS)


def bus_decks(
    upstairs: bool, span: tuple[float, float, float], belt: float, deck: float, side: float, count: int
) -> list[Part]:
    """The rows of windows, one above the other; `span`: x of the rear wall, the door's front and the windscreen."""
    rear, door, wall = span
    rows = [window_row(rear + 0.22, door - 0.98, belt, deck, count, side)]
    if upstairs:
        rows.append(window_row(rear + 0.22, wall - 0.28, deck + 0.42, deck + 1.05, count + 1, side))
        screen = rectangle(-0.4 * 2 * side, 0.4 * 2 * side, deck + 0.45, deck + 1.05)
        rows.append(Part("window", facing(screen, wall - 0.3, wall + 0.03, 0.03), GLASS))
    return rows


def bus_stripes(kind: str, span: tuple[float, float], belt: float, side: float, accent: Material) -> list[Part]:
    """One broad stripe or two narrow ones along both walls below the windows, or none."""
    levels = {
        "none": [],
        "broad": [(belt - 0.3, belt - 0.1)],
        "narrow": [(belt - 0.34, belt - 0.26), (belt - 0.2, belt - 0.12)],
    }
    bands = [side_panel(rectangle(*span, *level), side + 0.005, 0.06, 0.03) for level in levels[kind]]
    return [Part("stripe", band, accent) for band in bands]


def school_extras(wall: float, half: float, top: float, side: float) -> list[Part]:
    """The flashing lights above a school bus's windscreen, its grille and the stop sign at its side."""
    lamps = [solids.pebble((wall - 0.22, y, top - 0.06), (0.1, 0.16, 0.14), 2) for y in (-0.7, 0.7)]
    spot = [(0.26 * np.cos(t), 0.26 * np.sin(t)) for t in np.radians(np.arange(22.5, 360, 45))]
    octagon = [(float(x) + wall - 1.6, float(z) + 1.02) for x, z in spot]
    return [
        Part("light", solids.joined(*lamps), TAIL_LAMP),
        Part("grille", facing(rectangle(-0.4, 0.4, 0.62, 0.98), half - 0.1, half + 0.03, 0.03), DARK),
        Part("sign", side_panel(octagon, side + 0.06, 0.14, 0.03), Material(Color("red", (0.75, 0.08, 0.07)), 0.4)),
    ]


BUS_PAINTS = {
    "city": ["blue", "green", "white", "red", "orange", "purple"],
    "school": ["yellow", "yellow", "orange"],
    "double-decker": ["red", "red", "green", "blue", "yellow", "pink"],
}


@object_class(
    "bus", family="vehicle", azimuths=((48, 76), (-76, -48)), elevations=(5, 18), synonyms=("coach", "school bus")
)
def bus(draw: Draw) -> list[Part]:
    """A city bus, a school bus with a bonnet, or a double-decker."""
    kind = draw.choice("kind", list(BUS_PAINTS))
    paint = Material(draw.color("paint", BUS_PAINTS[kind]), 0.3)
    accents = (
        ["black"] if kind == "school" else [w for w in ("white", "red", "yellow", "blue") if w != paint.color.name]
    )
    accent = Material(draw.color("accent", accents), 0.4)
    rim = draw.color("rim", ["gray", "white"], 0.02)
    double, school = kind == "double-decker", kind == "school"
    half = draw.uniform("length", 4.9, 6.2) / 2 + {"city": 0.1, "school": 0.3, "double-decker": -0.15}[kind]
    radius, width, sill = draw.uniform("wheel_radius", 0.42, 0.52), 2.0, 0.36
    deck = sill + draw.uniform("deck_height", 1.6, 1.9)  # the upper edge of the lower windows
    top = deck + (1.3 if double else 0.32)
    nose = draw.uniform("nose", 0.9, 1.3) if school else 0.0
    wall, slant, bonnet = half - nose, draw.uniform("slant", 0.04, 0.3), 2 * radius + 0.42
    upper = [(-half, sill), (-half, top), (wall - slant, top), (wall, top - 0.55)]
    upper += [(wall, bonnet + 0.1), (half - 0.1, bonnet), (half, bonnet - 0.2)] if school else []
    axles = (-half + (0.85 if double else 1.1), half - (0.98 if school else 1.85))
    door = min(wall - 0.2, axles[1] - radius - 0.15) if school else wall - 0.22
    body = solids.board(bus_profile([*upper, (half, sill)], axles, radius, sill), width, 0.12, 0.14)
    inside = solids.box((0, 0, 2 * radius), (1.7 * half, width - 0.3, 1.2 * radius))  # dark behind the arches
    side, belt = width / 2 - 0.03, max(2 * radius + 0.26, sill + 0.78)
    stripes = bus_stripes(
        draw.choice("stripe", ["none", "broad", "narrow"]), (-half + 0.12, door - 1.0), belt, side, accent
    )
    glass = (max(belt, bonnet + 0.2) if school else belt, deck)
    extras = school_extras(wall, half, top, side) if school else []
    return [
        Part("body", body, paint),
        Part("body", inside, DARK),
        *bus_decks(double, (-half, door, wall), belt, deck, side, draw.choice("windows", [3, 4, 5])),
        *stripes,
        *bus_front(half, wall, width, sill, glass),
        *bus_door(door, side, sill + 0.06, deck, accent),
        *extras,
        *[piece for x in axles for y in (-0.84, 0.84) for piece in wheel((x, y, radius), radius, 0.34, rim)],
    ]


# ----- Bicycle


def spoked(
    center: Point, radius: float, tyre: float, spokes: int, spoke: float
) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """The round rim, `tyre` thick, and the spokes with the hub of a wheel that rolls along x."""
    torus = trimesh.creation.torus(radius - tyre, tyre, major_sections=40, minor_sections=10)
    rim = solids.moved(solids.turned(torus, 0, 90.0), center)
    bars = [
        solids.cylinder(
            (0, 0, 0), (float((radius - tyre) * np.cos(t)), 0, float((radius - tyre) * np.sin(t))), spoke, 8
        )
        for t in np.linspace(0, 2 * np.pi, spokes, endpoint=False) + 0.3
    ]
    hub = solids.cylinder((0, -2.2 * spoke, 0), (0, 2.2 * spoke, 0), 2.6 * spoke, 16)
    return rim, solids.moved(solids.joined(*bars, hub), center)


def bicycle_frame(kind: str, hub: Point, crank: Point, seat: Point, head: tuple[Point, Point]) -> trimesh.Trimesh:
    """The tubes between the rear hub, the crank, the saddle's post and the lower and upper end of the head tube."""
    low, high = head
    down, post = solids.pipe([crank, low], 0.065), solids.pipe([crank, seat], 0.06)
    waist = 0.45 * crank[0] + 0.55 * seat[0], 0.0, 0.45 * crank[2] + 0.55 * seat[2]
    tops: dict[str, list[Point] | Array] = {
        "diamond": [(high[0] + 0.02, 0, high[2] - 0.08), (seat[0] + 0.02, 0, seat[2] - 0.06)],
        "step-through": solids.curve([high, (0.2, 0, 0.45 * low[2] + 0.55 * crank[2] + 0.1), waist], 16),
        "cruiser": solids.curve([high, (0.15, 0, high[2] - 0.02), (seat[0] + 0.02, 0, seat[2] - 0.2), hub], 24),
    }
    stays = [
        solids.pipe([(x, 0.05, z), (hub[0], 0.11, hub[2])], 0.04) for x, z in ((seat[0], seat[2] - 0.1), crank[::2])
    ]
    both = [solids.mirrored(stay) for stay in stays]
    return solids.joined(down, post, solids.pipe(head, 0.085), solids.pipe(tops[kind], 0.055), *both)


def handlebar(kind: str, stem: Point) -> list[Part]:
    """The bar on top of the stem and its grips."""
    x, _, z = stem
    bends = {
        "flat": [(x, 0, z), (x + 0.04, 0.2, z + 0.02), (x, 0.5, z + 0.04)],
        "drop": [
            (x, 0, z),
            (x + 0.05, 0.26, z),
            (x + 0.3, 0.3, z),
            (x + 0.34, 0.31, z - 0.2),
            (x + 0.06, 0.33, z - 0.32),
        ],
        "swept": [(x, 0, z), (x + 0.08, 0.2, z + 0.14), (x - 0.1, 0.42, z + 0.2), (x - 0.42, 0.46, z + 0.14)],
    }
    line = solids.curve(bends[kind], 24)
    bar, grip = solids.mirrored(solids.pipe(line, 0.048)), solids.mirrored(solids.pipe(line[-9:], 0.072))
    return [Part("handlebar", bar, STEEL), Part("handlebar", grip, DARK)]


def saddle(x: float, z: float, length: float, leather: Material) -> Part:
    """A saddle with a broad back and a narrow nose."""
    shape = sdf.blend(
        0.12,
        sdf.mirrored(sdf.ellipsoid((x - 0.14, 0.1, z), (0.18, 0.14, 0.08))),
        sdf.limb((x - 0.1, 0, z + 0.01), (x + length, 0, z), 0.08, 0.055),
    )
    return Part("saddle", sdf.surface(shape, 30), leather)


def pedals(crank: Point, turn: float) -> list[Part]:
    """The chain wheel, the cranks, `turn` degrees from level, and their pedals."""
    x, _, z = crank
    ring = solids.turned(trimesh.creation.torus(0.21, 0.045, major_sections=32, minor_sections=8), 0, 90.0)
    disc = solids.cylinder((0, -0.03, 0), (0, 0.03, 0), 0.12)
    arms, treads = [], []
    for side in (-1, 1):
        dx, dz = side * 0.36 * np.cos(np.radians(turn)), side * 0.36 * np.sin(np.radians(turn))
        arms.append(solids.pipe([(x, side * 0.15, z), (x + dx, side * 0.17, z + dz)], 0.042))
        treads.append(solids.slab((x + dx, side * 0.3, z + dz), (0.26, 0.24, 0.09), 0.035))
    wheel = solids.moved(solids.joined(ring, disc), (x, -0.13, z))
    return [Part("crank", solids.joined(wheel, *arms), STEEL), Part("pedal", solids.joined(*treads), DARK)]


def mudguard(hub: Point, radius: float, start: float, stop: float) -> trimesh.Trimesh:
    """A strip around the wheel between two angles."""
    return solids.pipe(solids.arc(hub, radius + 0.06, start, stop, steps=20), 0.035, across=3.0)


def basket(x: float, z: float) -> Part:
    """An open wicker basket around x, on z, in front of the handlebar."""
    corners = [(-0.2, -0.28), (0.2, -0.28), (0.24, 0.0), (0.2, 0.28), (-0.2, 0.28), (-0.24, 0.0)]
    loop = solids.ring_curve(corners, 24)
    rings = [
        np.column_stack([x + k * loop[:, 0], k * loop[:, 1], np.full(24, z + h)]) for k, h in ((0.8, 0), (1.1, 0.4))
    ]
    hoops = [solids.pipe(np.vstack([ring, ring[:1]]), 0.035, sections=8) for ring in (rings[1], np.mean(rings, axis=0))]
    return Part("basket", solids.joined(solids.loft(rings), *hoops), WICKER)


@object_class(
    "bicycle", family="vehicle", azimuths=((66, 106), (-106, -66)), elevations=(3, 14), synonyms=("bike", "cycle")
)
def bicycle(draw: Draw) -> list[Part]:
    """A bicycle on its stand, with a racing, an upright or a plain bar; the front wheel may be turned a little."""
    paint = Material(
        draw.color("frame", ["red", "blue", "green", "yellow", "orange", "pink", "purple", "white"], 0.03), 0.25
    )
    leather = Material(draw.color("saddle", ["black", "brown", "white"], 0.03), 0.6)
    kind = draw.choice("kind", ["diamond", "step-through", "cruiser"])
    radius, base = draw.uniform("wheel_radius", 0.62, 0.76), draw.uniform("wheelbase", 1.9, 2.15)
    hub, nave = (-0.45 * base, 0.0, radius), (0.55 * base, 0.0, radius)
    crank, tall = (-0.04 * base, 0.0, 0.85 * radius), draw.uniform("height", 0.78, 1.0)
    seat = (crank[0] - 0.3, 0.0, radius + tall - 0.06)
    low, high = (nave[0] - 0.3, 0.0, radius + 0.68 * tall), (nave[0] - 0.4, 0.0, radius + tall)
    tyre, spokes = draw.uniform("tyre", 0.05, 0.075), draw.choice("spokes", [8, 10, 12])
    stem = (high[0] - 0.06, 0.0, high[2] + draw.uniform("stem", 0.16, 0.3))
    fork = solids.pipe(
        [(low[0], 0.06, low[2] - 0.04), (low[0] + 0.1, 0.12, low[2] - 0.25), (nave[0], 0.12, radius)], 0.045
    )
    crown = solids.pipe([(low[0], -0.06, low[2] - 0.04), (low[0], 0.06, low[2] - 0.04)], 0.06)
    front, rear = (spoked(place, radius, tyre, spokes, 0.02) for place in (nave, hub))
    steered = [
        Part("wheel", front[0], RUBBER),
        Part("spoke", front[1], STEEL),
        Part("fork", solids.joined(solids.mirrored(fork), crown), paint),
        Part("handlebar", solids.pipe([high, stem], 0.05), STEEL),
        *handlebar(draw.choice("bar", ["flat", "drop", "swept"]), stem),
    ]
    extras = draw.choice("extras", ["none", "mudguards", "basket"])
    fixed = [
        Part("frame", bicycle_frame(kind, hub, crank, seat, (low, high)), paint),
        Part("wheel", rear[0], RUBBER),
        Part("spoke", rear[1], STEEL),
        Part("post", solids.pipe([seat, (seat[0] - 0.07, 0, seat[2] + 0.2)], 0.045), STEEL),
        saddle(seat[0] - 0.07, seat[2] + 0.24, draw.uniform("saddle_length", 0.24, 0.36), leather),
        *pedals(crank, draw.uniform("crank", 0, 180)),
        Part("stand", solids.mirrored(solids.pipe([(hub[0], 0.14, radius), (hub[0] - 0.1, 0.3, 0.04)], 0.04)), STEEL),
    ]
    if extras != "none":
        steered.append(Part("mudguard", mudguard(nave, radius, 40, 165), paint))
        fixed.append(Part("mudguard", mudguard(hub, radius, 20, 175), paint))
    if extras == "basket":
        steered.append(basket(nave[0] - 0.02, high[2] - 0.12))
    return [*fixed, *steering(steered, low, high, draw.uniform("steer", -14, 14))]


def steering(parts: list[Part], low: Point, high: Point, degrees: float) -> list[Part]:
    """The parts, turned about the line from `low` to `high`."""
    axis = np.subtract(high, low)
    pose = trimesh.transformations.rotation_matrix(np.radians(degrees), axis, low)
    return [Part(part.name, solids.posed(part.mesh, pose), part.material) for part in parts]
