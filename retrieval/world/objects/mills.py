"""Windmills. The pieces of their towers are shared with castles and lighthouses, in `landmarks`."""

from __future__ import annotations

import numpy as np

from retrieval.world import solids
from retrieval.world.model import Draw, Material, Part, object_class
from retrieval.world.objects.landmarks import IRON, TIMBER, WHITEWASH, around, chip, embrasure, gate, on_tower
from retrieval.world.objects.places import carried, gable
from retrieval.world.objects.things import facing


def mill_sail(kind: str, length: float, width: float, cloth: Material) -> list[Part]:
    """One sail of a windmill from the hub upwards, in the plane x = 0: a ladder of laths, boards or a taut cloth."""
    stock = solids.hull([(0, 0, -0.1), (0, 0, length)], 0.055, detail=1)
    low, side = 0.2 * length, 0.04
    if kind == "paddle":
        grid = [(side, low), (side, length - 0.03), (width * 1.3, length - 0.05), (width * 0.5, low)]
        return [Part("sail", stock, TIMBER), Part("sail", facing(grid[::-1], -0.03, 0.03, 0.012), cloth)]
    outline = [(side, low), (width, low), (width, length), (side, length)]
    rows = np.linspace(low + 0.04, length - 0.04, 5 if kind == "ladder" else 4)
    bars = [chip((0.03, (side + width) / 2, z), (0.08, width - side, 0.09)) for z in rows]
    rails = [chip((0.03, y, (low + length) / 2), (0.08, 0.09, length - low)) for y in (width,)]
    frame = Part("sail", solids.joined(stock, *bars, *rails), TIMBER if kind == "cloth" else cloth)
    return [frame, Part("sail", facing(outline, -0.02, 0.02, 0.008), cloth)] if kind == "cloth" else [frame]


def mill_tower(foot: float, top: float, height: float, sides: int, wall: Material, trim: Material) -> list[Part]:
    """The tapering body of a windmill with a darker plinth, belts and windows."""

    def radius(z: float) -> float:
        return foot + (top - foot) * z / height

    body = solids.lathe([(0, 0), (foot, 0), (top, height), (0, height)], sides)
    belts = [
        solids.lathe([(0, z), (radius(z) + 0.05, z), (radius(z) + 0.05, z + w), (0, z + w)], sides)
        for z, w in ((0.0, 0.18), (0.46 * height, 0.07), (height - 0.1, 0.1))
    ]
    slope = float(np.degrees(np.arctan2(foot - top, height)))
    first = 180.0 / sides if sides < 12 else 0.0
    parts = carried(
        [Part("tower", solids.crisp(body), wall), Part("tower", solids.crisp(solids.joined(*belts)), trim)],
        (0, 0, 0),
        first,
    )
    reach = np.cos(np.radians(first))
    for share, degrees in ((0.27, 45.0), (0.27, -45.0), (0.6, 0.0), (0.62, 90.0), (0.62, -90.0)):
        parts += on_tower(embrasure(0.17, 0.26, trim), reach * radius(share * height), share * height, degrees, slope)
    return parts + on_tower(gate(0.36, 0.6, "door", trim), reach * foot - 0.03, 0.0, 0.0, slope)


def mill_cap(kind: str, radius: float, tiles: Material) -> list[Part]:
    """The cap of a windmill, its lower rim at z = 0: a dome, a cone or an onion."""
    rim = 1.16 * radius
    shapes = {
        "dome": [(rim, 0.08), (0.98 * rim, 0.35 * rim), (0.74 * rim, 0.72 * rim), (0.36 * rim, 0.94 * rim), (0.0, rim)],
        "cone": [(rim, 0.06), (0.66 * rim, 0.5 * rim), (0.33 * rim, 0.9 * rim), (0.0, 1.3 * rim)],
        "onion": [
            (rim, 0.08),
            (0.98 * rim, 0.36 * rim),
            (0.6 * rim, 0.68 * rim),
            (0.2 * rim, 0.95 * rim),
            (0.0, 1.35 * rim),
        ],
    }
    line = np.maximum(solids.curve(shapes[kind], 20), 0.0).tolist()
    return [Part("cap", solids.crisp(solids.lathe([(0, -0.05), (rim, -0.05), *line], 32)), tiles)]


def post_mill(height: float, wide: float, wall: Material, tiles: Material) -> list[Part]:
    """A mill whose timber body with a pitched roof stands on a post with crossed beams."""
    low, eave = 0.36 * height, 0.86 * height
    rise = 0.62 * wide
    shell = solids.hull(gable(1.25 * wide, wide, eave - low, eave - low + rise), 0.02, detail=0)
    slopes = []
    for side in (-1, 1):
        rows = [
            (x, y, z)
            for x in (-0.72 * wide, 0.72 * wide)
            for y, z in ((0.0, eave + rise + 0.05), (side * 0.62 * wide, eave - 0.12))
        ]
        slopes.append(solids.hull(rows, 0.05, detail=0))
    strut = solids.hull([(0.72 * wide, 0, 0.06), (0.06, 0, low)], 0.07, detail=1)
    beam = solids.hull([(-0.85 * wide, 0, 0.07), (0.85 * wide, 0, 0.07)], 0.07, detail=1)
    post = solids.cylinder((0, 0, 0.0), (0, 0, low + 0.1), 0.14)
    seams = [chip((0, 0, z), (1.27 * wide, 1.02 * wide, 0.03), 0.01) for z in np.linspace(low + 0.15, eave, 6)]
    parts = [
        Part("tower", solids.moved(shell, (0, 0, low)), wall),
        Part("tower", solids.joined(*seams), Material(wall.color.shade(0.75), 0.8)),
        Part("cap", solids.joined(*slopes), tiles),
        Part("post", solids.joined(around(strut, 4, 45.0), around(beam, 2, 45.0), post), TIMBER),
    ]
    for y in (-0.27, 0.27):
        parts += carried(embrasure(0.16, 0.24, WHITEWASH), (0.64 * wide, y * wide, low + 0.2))
    return parts


@object_class("windmill", family="place", azimuths=((-22.0, 22.0),), elevations=(1.0, 15.0), synonyms=("mill",))
def windmill(draw: Draw) -> list[Part]:
    """A windmill with four sails to the front: a round or eight-sided tower with a cap, or a body on a post."""
    wall = Material(draw.color("tower", ["white", "white", "red", "brown", "gray", "yellow", "blue", "green"]), 0.8)
    tiles = Material(draw.color("cap", ["red", "brown", "gray", "blue", "green", "black"]), 0.7)
    cloth = Material(draw.color("sail", ["white", "white", "red", "brown", "yellow"], 0.03), 0.8)
    kind = draw.choice("kind", ["round", "round", "eight-sided", "post"])
    height, top = draw.uniform("height", 1.9, 2.5), draw.uniform("top", 0.42, 0.56)
    foot = top * draw.uniform("taper", 1.35, 1.8)
    length, width = draw.uniform("sail length", 1.3, 1.6), draw.uniform("sail width", 0.36, 0.48)
    axle = height + 0.22 * top
    hub = max(foot + (top - foot) * (axle - length) / height, 1.16 * top) + 0.18
    if kind == "post":
        wide = draw.uniform("body", 0.85, 1.1)
        parts = post_mill(height, wide, wall, tiles)
        axle, hub = 0.86 * height, 0.72 * wide + 0.16
        length = min(length, axle - 0.15)
    else:
        parts = mill_tower(foot, top, height, 40 if kind == "round" else 8, wall, Material(wall.color.shade(0.7), 0.8))
        parts += carried(mill_cap(draw.choice("cap shape", ["dome", "cone", "onion"]), top, tiles), (0, 0, height))
    sail = mill_sail(draw.choice("sails", ["ladder", "cloth", "cloth", "paddle"]), length, width, cloth)
    first = draw.uniform("turn", 0.0, 90.0)
    for k in range(4):
        parts += [
            Part(p.name, solids.moved(solids.turned(p.mesh, 0, first + 90.0 * k), (hub, 0, axle)), p.material)
            for p in sail
        ]
    shaft = solids.cylinder((0, 0, axle), (hub + 0.06, 0, axle), 0.09)
    boss = solids.hull([(hub - 0.05, 0, axle), (hub + 0.1, 0, axle)], 0.13, detail=2)
    return [*parts, Part("axle", solids.joined(shaft, boss), IRON)]
