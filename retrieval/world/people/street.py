"""What stands in the street: lamp posts, walls, boxes, hedges, painted lines, and sometimes something in the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Material, Part
from retrieval.world.scene import direction
from retrieval.world.sdf import Point

Builder = Callable[[np.random.Generator], list[Part]]
IN_THE_WAY = 0.35  # share of views in which something hides a bit of the person
STONE = ((0.46, 0.30, 0.25), (0.58, 0.55, 0.50), (0.36, 0.38, 0.42), (0.66, 0.60, 0.50), (0.30, 0.36, 0.38))
PAINT = ((0.62, 0.16, 0.12), (0.16, 0.30, 0.46), (0.72, 0.58, 0.14), (0.16, 0.36, 0.26), (0.32, 0.33, 0.35))


def clutter(rng: np.random.Generator, azimuth: float) -> list[Part]:
    """Two to four things behind and beside the person, seen from that azimuth, and perhaps one before it."""
    parts: list[Part] = []
    if rng.random() < 0.45:
        parts += _at(_wall(rng), azimuth, float(rng.uniform(1.3, 2.6)), 0.0, float(rng.uniform(-25, 25)))
    if rng.random() < 0.4:
        parts += _at(_painted_lines(rng), azimuth, 0.0, 0.0, float(rng.choice([0.0, 90.0]) + rng.uniform(-20, 20)))
    for _ in range(int(rng.integers(2, 5))):
        side = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.55, 1.1))
        parts += _at(_any(rng, BESIDE), azimuth, float(rng.uniform(0.3, 2.6)), side, float(rng.uniform(0, 360)))
    if rng.random() < IN_THE_WAY:
        side = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.12, 0.42))
        parts += _at(_any(rng, BEFORE), azimuth, -float(rng.uniform(0.75, 1.1)), side, float(rng.uniform(0, 360)))
    return parts


def _any(rng: np.random.Generator, builders: tuple[Builder, ...]) -> list[Part]:
    """One of the things."""
    return builders[int(rng.integers(len(builders)))](rng)


def _at(parts: list[Part], azimuth: float, behind: float, side: float, turn: float) -> list[Part]:
    """The parts, turned and then set behind the person and to its side, seen from the camera's azimuth."""
    x, y, _ = -behind * direction(azimuth, 0.0) + side * direction(azimuth + 90.0, 0.0)
    return [
        Part(p.name, solids.moved(solids.turned(p.mesh, 2, azimuth + turn), (float(x), float(y), 0.0)), p.material)
        for p in parts
    ]


def _tone(rng: np.random.Generator, options: tuple[tuple[float, float, float], ...]) -> Color:
    """One of the colours, varied. What stands around has no colour word."""
    r, g, b = np.clip(np.array(options[int(rng.integers(len(options)))]) * rng.uniform(0.75, 1.2), 0.02, 0.95)
    return Color("", (float(r), float(g), float(b)))


def _wall(rng: np.random.Generator) -> list[Part]:
    """A house wall with a plinth and a shop window."""
    wall, dark = _tone(rng, STONE), Material(Color("", (0.10, 0.12, 0.15)), 0.15)
    left = float(rng.uniform(-1.6, 0.2))
    return [
        Part("wall", solids.box((0.0, 0.0, 1.5), (0.2, 9.0, 3.0)), Material(wall, 0.9)),
        Part("wall", solids.box((0.06, 0.0, 0.15), (0.2, 9.0, 0.3)), Material(wall.shade(0.6), 0.9)),
        Part("window", solids.box((0.06, left + 0.6, 1.1), (0.14, 1.2, 1.2)), dark),
    ]


def _painted_lines(rng: np.random.Generator) -> list[Part]:
    """The stripes of a crossing."""
    white = Material(Color("", (0.74, 0.74, 0.70)), 0.8)
    wide = float(rng.uniform(0.16, 0.26))
    lines = [solids.box((0.0, float(y) * 2 * wide, 0.0), (5.0, wide, 0.008)) for y in range(-6, 7)]
    return [Part("line", solids.joined(*lines), white)]


def _post(rng: np.random.Generator) -> list[Part]:
    """A lamp post."""
    steel = Material(_tone(rng, PAINT[3:]), 0.4, 0.6)
    radius = float(rng.uniform(0.035, 0.055))
    foot = solids.lathe([(0.0, 0.0), (2 * radius, 0.0), (2 * radius, 0.12), (radius, 0.3), (0.0, 0.3)], 20)
    return [Part("lamp post", solids.joined(solids.cylinder((0, 0, 0.0), (0, 0, 3.4), radius, 16), foot), steel)]


def _crates(rng: np.random.Generator) -> list[Part]:
    """Boxes, one upon the other."""
    parts, height = [], 0.0
    for _ in range(int(rng.integers(1, 4))):
        side = float(rng.uniform(0.26, 0.46))
        mesh = solids.slab((float(rng.uniform(-0.04, 0.04)), 0.0, height + side * 0.4), (side, side, side * 0.8), 0.015)
        paper = _tone(rng, ((0.60, 0.44, 0.28), (0.52, 0.38, 0.24), (0.30, 0.40, 0.50)))
        parts.append(Part("box", solids.turned(mesh, 2, float(rng.uniform(0, 40))), Material(paper, 0.8)))
        height += side * 0.8
    return parts


def _bollard(rng: np.random.Generator) -> list[Part]:
    """A short post with a band."""
    high = float(rng.uniform(0.55, 0.8))
    body = solids.lathe([(0.0, 0.0), (0.085, 0.0), (0.075, high), (0.05, high + 0.05), (0.0, high + 0.06)], 20)
    band = solids.cylinder((0, 0, high - 0.16), (0, 0, high - 0.07), 0.082, 20)
    return [
        Part("bollard", body, Material(_tone(rng, PAINT), 0.5)),
        Part("bollard", band, Material(Color("", (0.8, 0.8, 0.76)), 0.5)),
    ]


def _bin(rng: np.random.Generator) -> list[Part]:
    """A bin with a lid."""
    paint = _tone(rng, PAINT)
    body = solids.lathe([(0.0, 0.0), (0.17, 0.0), (0.21, 0.66), (0.0, 0.66)], 24)
    lid = solids.lathe([(0.0, 0.80), (0.12, 0.78), (0.22, 0.68), (0.22, 0.64), (0.0, 0.64)], 24)
    return [Part("bin", body, Material(paint, 0.55)), Part("bin", lid, Material(paint.shade(0.6), 0.5))]


def _hedge(rng: np.random.Generator) -> list[Part]:
    """A bush in a tub."""
    middles = rng.normal(0, (0.11, 0.11, 0.09), (9, 3)) + np.array([0.0, 0.0, 0.50])
    balls = [sdf.sphere(_point(m), float(rng.uniform(0.09, 0.15))) for m in middles]
    leaves = sdf.surface(sdf.blend(0.03, *balls), 26)
    tub = solids.lathe([(0.0, 0.0), (0.17, 0.0), (0.21, 0.34), (0.0, 0.34)], 20)
    green = _tone(rng, ((0.16, 0.30, 0.14), (0.28, 0.38, 0.16), (0.14, 0.26, 0.20)))
    return [Part("bush", leaves, Material(green, 0.9)), Part("tub", tub, Material(_tone(rng, STONE), 0.8))]


def _point(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Point:
    x, y, z = values
    return float(x), float(y), float(z)


def _sign(rng: np.random.Generator) -> list[Part]:
    """A board on the pavement."""
    board = solids.turned(solids.slab((0.0, 0.0, 0.42), (0.05, 0.48, 0.84), 0.02), 1, -8.0)
    sheet = solids.turned(solids.slab((0.02, 0.0, 0.46), (0.05, 0.36, 0.6), 0.01), 1, -8.0)
    return [
        Part("sign", board, Material(_tone(rng, PAINT), 0.6)),
        Part("sign", sheet, Material(_tone(rng, ((0.12, 0.14, 0.14), (0.78, 0.74, 0.62))), 0.7)),
    ]


def _bench(rng: np.random.Generator) -> list[Part]:
    """A bench of planks."""
    wood, iron = (
        Material(_tone(rng, ((0.46, 0.30, 0.18), (0.56, 0.42, 0.28))), 0.7),
        Material(Color("", (0.1, 0.1, 0.11)), 0.5),
    )
    seat = [solids.box((x, 0.0, 0.42), (0.10, 1.2, 0.035)) for x in (-0.12, 0.0, 0.12)]
    back = [solids.box((-0.22, 0.0, z), (0.035, 1.2, 0.10)) for z in (0.58, 0.72)]
    feet = [solids.box((x, y, 0.21), (0.05, 0.06, 0.42)) for x in (-0.14, 0.12) for y in (-0.5, 0.5)]
    return [Part("bench", solids.joined(*seat, *back), wood), Part("bench", solids.joined(*feet), iron)]


BESIDE: tuple[Builder, ...] = (_post, _crates, _bollard, _bin, _hedge, _sign, _bench)
BEFORE: tuple[Builder, ...] = (_post, _crates, _bollard, _bin, _hedge)
