"""Hot air balloons: an envelope of coloured gores, ropes, a burner, and a basket that stands on the ground.

The envelope's radius is about 1. Other craft are in `craft` and `aircraft`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.vehicles import STEEL
from retrieval.world.solids import Array

WICKER = Material(Color("brown", (0.66, 0.44, 0.22)), 0.85)
ROPE = Material(Color("brown", (0.45, 0.33, 0.20)), 0.9)
LEATHER = Material(Color("brown", (0.36, 0.20, 0.11)), 0.6)
CORNERS = [(float(np.cos(turn)), float(np.sin(turn))) for turn in np.radians([45, 135, 225, 315])]


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


def rigging(corner: float, rim: float, low: float, high: float) -> list[Part]:
    """Four ropes from a basket's corners at z = low to the balloon's mouth at z = high, and the burner between them."""
    flame, reach = low + 0.3 * (high - low), 0.32 * (high - low)
    ropes = [solids.pipe([(corner * x, corner * y, low), (rim * x, rim * y, high + 0.02)], 0.036) for x, y in CORNERS]
    cans = [solids.cylinder((0, y, flame), (0, y, flame + reach), 0.06) for y in (-0.07, 0.07)]
    bracket = solids.pipe([(-0.7 * corner, 0, low), (0, 0, flame), (0.7 * corner, 0, low)], 0.036)
    return [Part("rope", solids.joined(*ropes), ROPE), Part("burner", solids.joined(*cans, bracket), STEEL)]


def sandbags(corner: float, height: float, cloth: Material) -> Part:
    """Four bags of ballast at the basket's corners."""
    bags = [solids.pebble((corner * x, corner * y, height), (0.08, 0.08, 0.12), 2) for x, y in CORNERS]
    return Part("sandbag", solids.joined(*bags), cloth)


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
    paints: list[Material] = []
    for name in ("main", "second", "third"):
        paints.append(Material(draw.color(name, words), 0.6))
        words = [word for word in words if word != paints[-1].color.name]
    pattern = draw.choice("pattern", ["stripes", "stripes", "bands", "chequers", "spiral", "teeth"])
    colors = gore_colors(pattern, 12, 32, draw.choice("hues", [2, 3]))
    profile = envelope_profile(draw.choice("shape", ["round", "pear", "broad"]), draw.uniform("height", 1.9, 2.35), 33)
    skins = envelope(profile, colors, draw.uniform("bulge", 0.02, 0.06))
    width, depth = draw.uniform("basket_width", 0.3, 0.4), draw.uniform("basket_depth", 0.4, 0.54)
    mouth = depth + draw.uniform("rope_length", 0.4, 0.65)
    kind = draw.choice("basket", ["round", "square"])
    corner, rim = width * (0.98 if kind == "round" else 1.15), float(profile[0, 0])
    collar = trimesh.creation.torus(rim, 0.035, major_sections=36, minor_sections=8)
    crown = solids.pebble((0, 0, profile[-1, 1]), (0.16, 0.16, 0.03), 2)
    parts = [Part("balloon", solids.moved(skins[k], (0, 0, mouth)), paints[k]) for k in sorted(skins)]
    parts += [
        Part("balloon", solids.moved(solids.joined(collar, crown), (0, 0, mouth)), paints[1]),
        *rigging(corner, rim, depth, mouth),
        *gondola(width, depth, kind, LEATHER),
    ]
    if draw.choice("ballast", ["none", "sandbags"]) == "sandbags":
        parts.append(sandbags(1.02 * corner, 0.55 * depth, paints[1]))
    return parts
