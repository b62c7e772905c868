"""What people build of snow. Houses and towers are in `places` and `landmarks`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.solids import Point

COAL = Material(Color("black", (0.05, 0.05, 0.06)), 0.7)
CARROT = Material(Color("orange", (0.93, 0.45, 0.10)), 0.5)
TWIG = Material(Color("brown", (0.30, 0.19, 0.10)), 0.85)
FELT = Material(Color("black", (0.10, 0.10, 0.12)), 0.8)


def on_ball(center: Point, radius: float, aside: float, above: float, lift: float = 0.0) -> Point:
    """The point on a ball's surface that lies so many degrees aside and above its foremost point."""
    a, b = np.radians(aside), np.radians(above)
    x, y, z = np.array(center) + (radius + lift) * np.array([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])
    return (float(x), float(y), float(z))


def coals(center: Point, radius: float, spots: list[tuple[float, float]], size: float) -> trimesh.Trimesh:
    """Lumps of coal pressed into a ball at (aside, above) in degrees."""
    return solids.joined(*[solids.pebble(on_ball(center, radius, a, b), (size, size, size), 2) for a, b in spots])


def face(draw: Draw, center: Point, radius: float) -> list[Part]:
    """A snowman's face: eyes, a smile of coals, and a carrot that points forward and a little aside."""
    eyes = coals(center, radius, [(-22.0, 20.0), (22.0, 20.0)], 0.14 * radius)
    grin = draw.uniform("smile", 8.0, 26.0)
    mouth = [(a, -18.0 - grin * (1 - (a / 34.0) ** 2)) for a in (-34.0, -17.0, 0.0, 17.0, 34.0)]
    aside, reach = draw.uniform("nose side", -30.0, 30.0), draw.uniform("nose length", 0.7, 1.15) * radius
    root, tip = on_ball(center, 0.85 * radius, 0.0, 2.0), on_ball(on_ball(center, radius, 0.0, 2.0), reach, aside, -4.0)
    nose = solids.pipe(
        solids.curve([root, on_ball(center, radius, 0.0, 2.0), tip], 8), np.linspace(0.19, 0.05, 8) * radius
    )
    return [
        Part("eye", eyes, COAL),
        Part("mouth", coals(center, radius, mouth, 0.085 * radius), COAL),
        Part("nose", nose, CARROT),
    ]


def top_hat(radius: float, tall: float, band: Color) -> list[Part]:
    """A felt hat with a brim and a coloured band, its brim at z = 0, for a head of this radius."""
    brim, crown = 1.12 * radius, 0.7 * radius
    hat = [(0, 0), (brim, 0.02), (brim, 0.1 * radius), (crown, 0.12 * radius), (1.06 * crown, tall), (0, tall)]
    low, high = 0.12 * radius, 0.12 * radius + 0.3 * tall
    ribbon = [(crown, low), (1.05 * crown, low), (1.07 * crown, high), (crown, high)]
    return [
        Part("hat", solids.crisp(solids.lathe(hat)), FELT),
        Part("hat", solids.crisp(solids.lathe(ribbon)), Material(band, 0.8)),
    ]


def bobble_hat(radius: float, tall: float, wool: Color) -> list[Part]:
    """A knitted hat with a turned-up brim and a bobble, its brim at z = 0."""
    dome = [(0.95 * radius * np.cos(t), 0.1 * radius + 0.85 * tall * np.sin(t)) for t in np.linspace(0, np.pi / 2, 14)]
    brim = sdf.surface(sdf.ring((0, 0, 0.08 * radius), 0.92 * radius, 0.17 * radius), 40)
    bobble = solids.ball((0, 0, 0.1 * radius + 0.85 * tall + 0.15 * radius), 0.26 * radius)
    white = Material(Color("white", (0.95, 0.95, 0.93)), 0.9)
    cap = solids.lathe([(0.0, 0.0), *[(float(r), float(z)) for r, z in dome]])
    return [Part("hat", cap, Material(wool, 0.9)), Part("hat", solids.joined(brim, bobble), white)]


def bucket(radius: float, tall: float, tin: Color) -> list[Part]:
    """A bucket turned over, its rim at z = 0, with its handle hanging."""
    foot, rim = 0.62 * radius, 0.88 * radius
    wall = [
        (0, 0.02),
        (rim, 0.02),
        (1.08 * rim, 0.02),
        (1.08 * rim, 0.12 * radius),
        (rim, 0.14 * radius),
        (foot, tall),
        (0, tall),
    ]
    bow = solids.pipe(solids.arc((0.1 * radius, 0, 0.12 * radius), 1.08 * rim, -180.0, 0.0, axis=0), 0.05 * radius)
    metal = Material(tin, 0.35, metallic=0.3)
    return [Part("hat", solids.crisp(solids.lathe(wall)), metal), Part("hat", solids.turned(bow, 1, -38.0), FELT)]


def scarf(draw: Draw, at: Point, radius: float, wool: Material) -> list[Part]:
    """A scarf wound around a neck, its two ends hanging at one side."""
    x, y, z = at
    loop = solids.scaled(sdf.surface(sdf.ring((0, 0, 0), radius, 0.33 * radius), 44), (1.0, 1.0, 0.9))
    side = draw.choice("knot side", [-1.0, 1.0])
    turn = side * draw.uniform("knot", 25.0, 45.0)
    hang = draw.uniform("scarf length", 0.9, 1.3)
    ends = []
    for spread, share in ((0.16, 1.0), (-0.1, 0.7)):
        line = solids.curve(
            [
                (1.22 * radius, 0, 0),
                (1.5 * radius, spread * 0.5, -0.35 * hang),
                (1.62 * radius, spread, -0.8 * hang * share),
            ],
            10,
        )
        tape = np.array([(-1.0, -0.28), (1.0, -0.28), (1.0, 0.28), (-1.0, 0.28)])
        ends.append(solids.crisp(solids.swept(line, np.full(10, 0.3 * radius), tape)))
    knot = solids.pebble((1.3 * radius, 0, -0.02), (0.28 * radius, 0.3 * radius, 0.3 * radius))
    tied = solids.turned(solids.joined(knot, *ends), 2, turn)
    return [Part("scarf", solids.moved(solids.joined(loop, tied), (x, y, z)), wool)]


def stick_arm(shoulder: Point, aside: float, lift: float, reach: float) -> trimesh.Trimesh:
    """A twig from a shoulder, so long and raised by so many degrees, with three fingers; `aside` is 1 or -1."""

    def at(out: float, up: float, turn: float = 0.0) -> Point:
        a = np.radians(lift + turn)
        base = np.array(shoulder) + np.array(
            (0.0, aside * out * np.cos(np.radians(lift)), out * np.sin(np.radians(lift)))
        )
        x, y, z = base + up * np.array([0.15, aside * np.cos(a), np.sin(a)])
        return (float(x), float(y), float(z))

    arm = solids.pipe([at(-0.25, 0), at(0.5 * reach, 0.0), at(reach, 0.0)], [0.065, 0.055, 0.05], sections=8)
    fingers = [
        solids.pipe([at(0.8 * reach, 0), at(0.8 * reach, 0.34 * reach, turn)], [0.045, 0.04], sections=8)
        for turn in (42.0, -38.0)
    ]
    return solids.joined(arm, *fingers)


def dressed(draw: Draw, head: Point, radius: float) -> list[Part]:
    """The hat and perhaps the scarf of a snowman with this head."""
    wool = Material(draw.color("wool", ["red", "blue", "green", "yellow", "purple", "orange"]), 0.9)
    x, y, z = head
    parts = []
    if draw.choice("scarf", ["scarf", "scarf", "scarf", "none"]) == "scarf":
        parts = scarf(draw, (x, y, z - 0.74 * radius), 0.84 * radius, wool)
    hats = {"top hat": top_hat, "bobble hat": bobble_hat, "bucket": bucket}
    kind = draw.choice("hat", list(hats))
    tint = draw.color("bucket", ["red", "blue", "gray", "yellow"]) if kind == "bucket" else wool.color
    tilt = draw.uniform("hat tilt", -12.0, 12.0)
    for part in hats[kind](radius, draw.uniform("hat height", 0.8, 1.25) * radius, tint):
        worn = solids.turned(solids.turned(part.mesh, 0, tilt), 1, -6.0)
        parts.append(replace(part, mesh=solids.moved(worn, (x - 0.04, y, z + 0.6 * radius))))
    return parts


def stacked(draw: Draw) -> tuple[list[Point], list[float]]:
    """Middles and radii of two or three balls on top of each other, and a little out of line."""
    count = int(draw.choice("balls", [2.0, 3.0, 3.0]))
    low, shrink = draw.uniform("girth", 0.8, 1.0), draw.uniform("shrink", 0.68, 0.8)
    radii = [low, shrink * low, shrink**2 * low] if count == 3 else [low, 0.72 * low]
    centers: list[Point] = [(0.0, 0.0, 0.8 * low)]
    for below, radius in pairwise(radii):
        _, y, z = centers[-1]
        drift = draw.uniform(f"drift {len(centers)}", -0.06, 0.06)
        centers.append((0.0, y + drift, z + 0.76 * below + 0.68 * radius))
    return centers, radii


@object_class("snowman", family="place", azimuths=((-30.0, 30.0),), elevations=(2.0, 16.0))
def snowman(draw: Draw) -> list[Part]:
    """A snowman of two or three balls with a carrot nose, a hat, a scarf, coals and arms of twigs."""
    snow = Material(draw.color("snow", ["white"], 0.015), 0.8)
    centers, radii = stacked(draw)
    squash = draw.uniform("squash", 0.86, 0.98)
    low = [sdf.ellipsoid(c, (r, r, squash * r)) for c, r in zip(centers[:-1], radii[:-1], strict=True)]
    mesh = sdf.surface(sdf.blend(0.06, *low, sdf.sphere(centers[-1], radii[-1])), 60)
    mesh.vertices[:, 2] = np.maximum(mesh.vertices[:, 2], 0.0)  # a flat foot
    chest, broad = centers[-2], radii[-2]
    rows = (30.0, 4.0, -22.0) if len(radii) == 2 else (30.0, 4.0)
    parts = [
        Part("body", mesh, snow),
        Part("button", coals(chest, broad, [(0.0, row) for row in rows], 0.09), COAL),
        *face(draw, centers[-1], radii[-1]),
        *dressed(draw, centers[-1], radii[-1]),
    ]
    for name, side in (("right arm", -1.0), ("left arm", 1.0)):
        lift, reach = draw.uniform(name, -5.0, 55.0), draw.uniform(f"{name} reach", 0.7, 1.0)
        arm = stick_arm(on_ball(chest, 0.92 * broad, side * 84.0, 24.0), side, lift, reach)
        parts.append(Part("arm", arm, TWIG))
    return parts
