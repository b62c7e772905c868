"""Plants of the world, and the leaf blade that fruit wears too. Fruit and vegetables are in `food`."""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.solids import Array, Point


def leaf(spine: Array, width: float, fold: float = 0.35, side: Point = (0.0, 1.0, 0.0)) -> trimesh.Trimesh:
    """A leaf along `spine` (n, 3), `width` wide on each side of it where widest, folded along the middle."""
    along = np.linspace(0.0, 1.0, len(spine))
    widths = width * np.maximum(np.sin(np.pi * along**0.8), 0.03)  # widest a little before the middle
    blade = np.array([(-1.0, -fold), (0.0, 0.07), (1.0, -fold), (0.0, -0.07)])
    return solids.crisp(solids.swept(spine, widths, blade, side), 50.0)


@object_class(
    "palm tree", family="plant", azimuths=((-40.0, 40.0), (140.0, 220.0)), elevations=(0.0, 16.0), synonyms=("palm",)
)
def palm_tree(draw: Draw) -> list[Part]:
    """A palm: a ringed trunk swept to one side, a crown of drooping fronds, perhaps coconuts and a mound of sand."""
    green, bark = draw.color("fronds", ["green"], 0.04), draw.color("trunk", ["brown", "brown", "gray"], 0.03)
    tall, lean = draw.uniform("height", 1.7, 2.3), draw.choice("side", [1.0, -1.0]) * draw.uniform("lean", 0.1, 0.85)
    line = solids.curve([(0.0, 0.0, 0.0), (0.0, 0.25 * lean, 0.5 * tall), (0.0, lean, tall)], 96)
    trunk = Part(
        "trunk",
        ringed_trunk(line, draw.uniform("girth", 0.09, 0.14), int(draw.uniform("rings", 10, 17))),
        Material(bark, 0.8),
    )
    count, first = int(draw.uniform("frond count", 8, 12)), draw.uniform("first frond", 0.0, 40.0)
    length, droop = draw.uniform("frond length", 1.0, 1.4), draw.uniform("droop", 0.35, 0.95)
    full = draw.uniform("fullness", 0.17, 0.26)
    storeys = frond(length, 0.2, droop, full), frond(0.85 * length, 0.36, droop, full)
    fronds = [solids.turned(storeys[i % 2], 2, first + 360.0 * i / count) for i in range(count)]
    crown: Point = (0.0, float(line[-1, 1]), float(line[-1, 2]) - 0.03)
    parts = [trunk, Part("leaf", solids.moved(solids.joined(*fronds), crown), Material(green, 0.55))]
    nuts = int(draw.choice("coconuts", [0.0, 3.0, 5.0]))
    if nuts:
        ball = solids.ball((0.15, 0.0, -0.11), 0.1)
        cluster = solids.joined(*[solids.turned(ball, 2, 360.0 * i / nuts + 30.0) for i in range(nuts)])
        parts.append(Part("coconut", solids.moved(cluster, crown), Material(Color("brown", (0.25, 0.14, 0.07)), 0.6)))
    if draw.choice("ground", ["bare", "sand"]) == "sand":
        parts.append(
            Part(
                "sand",
                solids.pebble((0.0, 0.0, 0.0), (0.7, 0.7, 0.16)),
                Material(Color("yellow", (0.85, 0.72, 0.46)), 0.9),
            )
        )
    return parts


def ringed_trunk(line: Array, girth: float, rings: int) -> trimesh.Trimesh:
    """A trunk along `line` that swells at the foot and steps outwards at every old leaf's ring."""
    along = np.linspace(0.0, 1.0, len(line))
    step = (along * rings) % 1.0
    turn = np.linspace(0.0, 2 * np.pi, 18, endpoint=False)
    radii = girth * (1.0 - 0.3 * along + 0.6 * np.exp(-12.0 * along)) * (0.86 + 0.24 * step)
    return solids.crisp(solids.swept(line, radii, np.stack([np.cos(turn), np.sin(turn)], axis=1)), 40.0)


def frond(length: float, rise: float, droop: float, full: float) -> trimesh.Trimesh:
    """A drooping palm leaf along +x, up to `full` wide on each side, torn into teeth that point forward."""
    points = [(0.0, 0.0, 0.0), (0.3, 0.0, rise), (0.68, 0.0, rise - 0.12 * droop), (1.0, 0.0, rise - 0.75 * droop)]
    teeth, rings = 11, 8  # one blade with teeth rather than many leaflets: line drawings of it stay legible
    spine = solids.curve((length * np.array(points)).tolist(), teeth * rings)
    along = np.linspace(0.0, 1.0, len(spine))
    tooth = np.tile(np.linspace(0.0, 1.0, rings), teeth)
    outline = full * np.clip(np.sin(np.pi * np.clip(along * 1.03, 0.0, 1.0) ** 0.8), 0.06, None) ** 0.7
    blade = np.array(
        [(-1.0, -0.62), (-0.5, -0.22), (0.0, 0.07), (0.5, -0.22), (1.0, -0.62), (0.5, -0.3), (0.0, -0.05), (-0.5, -0.3)]
    )
    return solids.crisp(solids.swept(spine, outline * (0.45 + 0.55 * tooth), blade), 50.0)
