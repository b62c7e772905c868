"""Tents: with a ridge, a dome, a tipi. Lengths are roughly metres; the door looks along +x."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Draw, Material, Part, object_class
from retrieval.world.objects.landmarks import SHADOW, TIMBER, WHITEWASH, around, chip
from retrieval.world.solids import Array, Point


def cloth_between(corners: Sequence[Point], thickness: float = 0.025) -> trimesh.Trimesh:
    """A flat cloth with soft edges between three or four corners."""
    return solids.hull(np.array(corners, float), thickness, detail=0)


def guy_line(high: Point, low: Point) -> list[Part]:
    """A rope from a tent down to its peg."""
    x, y, z = low
    peg = solids.cylinder((x, y, -0.0), (x, y, z + 0.16), 0.035, 8)
    return [Part("rope", solids.pipe([high, low], 0.026, sections=8), WHITEWASH), Part("peg", peg, TIMBER)]


def ridge_tent(draw: Draw, fabric: Material, lining: Material) -> list[Part]:
    """A tent with a ridge along x, its flaps folded open to the front, poles and ropes."""
    half, deep, high = (
        draw.uniform("width", 0.75, 1.05),
        draw.uniform("depth", 0.75, 1.1),
        draw.uniform("height", 1.1, 1.5),
    )
    wall = draw.choice("wall", [0.0, 0.0, 0.3]) * high
    flare = 0.12 if wall else 0.0
    parts: list[Part] = []
    sheets = []
    for s in (-1, 1):
        sheets.append(
            cloth_between([(deep, 0, high), (-deep, 0, high), (-deep, s * half, wall), (deep, s * half, wall)])
        )
        if wall:
            sheets.append(
                cloth_between([(x, s * y, z) for x in (-deep, deep) for y, z in ((half, wall), (half + flare, 0.0))])
            )
        fold = draw.uniform(f"flap {s}", 0.5, 0.85) * half
        peak, corner, loose = (
            (deep, s * 0.03, high - 0.05),
            (deep, s * half, 0.02),
            (deep + 0.85 * fold, s * (half - 0.25 * fold), 0.02),
        )
        parts.append(Part("flap", cloth_between([peak, (deep, s * half, wall), corner, loose]), lining))
        parts.append(Part("flap", solids.pipe([loose, peak, (deep, s * half, wall + 0.02)], 0.04, sections=8), fabric))
        parts += guy_line((deep, s * half * 0.9, wall + 0.1 * high), (deep + 0.12, s * (half + 0.26), 0.0))
        parts += guy_line((-deep, s * half * 0.9, wall + 0.1 * high), (-deep - 0.12, s * (half + 0.5), 0.0))
    back = [(-deep, 0, high), *[(-deep, s * half, z) for s in (-1, 1) for z in (wall, 0.0)]]
    hem = [cloth_between([(x, s * (half + flare) * 0.995, 0.05) for x in (-deep, deep)], 0.045) for s in (-1, 1)]
    ridge = solids.pipe([(-deep - 0.06, 0, high + 0.02), (deep + 0.06, 0, high + 0.02)], 0.05)
    pole = solids.pipe([(deep + 0.02, 0, 0.0), (deep + 0.02, 0, high + 0.2)], 0.04)
    floor = chip((0, 0, 0.02), (2 * deep, 2 * half, 0.04))
    return [
        Part("roof", solids.joined(*sheets), fabric),
        Part("roof", cloth_between(back), Material(fabric.color.shade(0.45), 0.9)),
        Part("roof", solids.joined(ridge, *hem), lining),
        Part("pole", pole, TIMBER),
        Part("floor", floor, SHADOW),
        *parts,
    ]


def opened(mesh: trimesh.Trimesh, door: sdf.Field) -> trimesh.Trimesh:
    """The mesh with a hole where it lies in the door."""
    return sdf.split(mesh, door)[1]


def dome_point(size: Array, angle: Array, share: Array) -> Array:
    """Points (..., 3) of a dome with the semi-axes `size`; `share` runs from the ground to the top."""
    bend = share * np.pi / 2
    out = np.cos(bend) ** 0.8
    return np.stack([size[0] * out * np.cos(angle), size[1] * out * np.sin(angle), size[2] * np.sin(bend) ** 0.95], -1)


def dome_door(size: Array, half: float, tall: float) -> tuple[sdf.Field, trimesh.Trimesh]:
    """The arch that is cut out of a dome for a door, and the hem around it with the flap rolled to one side."""
    deep, wide, high = size.tolist()

    def arch(p: Array) -> Array:
        return np.where(p[..., 0] > 0, (p[..., 1] / half) ** 2 + (p[..., 2] / tall) ** 2 - 1.0, 1.0)

    turn = np.linspace(0.0, np.pi, 40)
    y, z = half * np.cos(turn), tall * np.sin(turn)
    bend = np.arcsin(np.clip(z / high, 0, 1) ** (1 / 0.95))
    x = deep * np.sqrt(np.clip(np.cos(bend) ** 1.6 - (y / wide) ** 2, 0.0, 1.0))
    hem = solids.pipe(np.column_stack([x + 0.02, y, z]), 0.035, sections=8)
    roll = solids.hull([(0.9 * deep, 1.15 * half, 0.12), (0.88 * deep, 0.85 * half, 0.75 * tall)], 0.075, detail=1)
    return sdf.Field(arch, -size, size), solids.joined(hem, roll)


def dome_tent(draw: Draw, fabric: Material, second: Material) -> list[Part]:
    """A dome of coloured gores over bent poles, with an arched door to the front whose flap is rolled aside."""
    ranges = {"depth": (0.95, 1.3), "width": (0.95, 1.2), "height": (0.95, 1.25)}
    size = np.array([draw.uniform(name, low, high) for name, (low, high) in ranges.items()])
    door, hem = dome_door(size, draw.uniform("door", 0.36, 0.46) * size[1], 0.66 * size[2])
    gores, up = 6, np.linspace(0.0, 1.0, 24)
    step = 2 * np.pi / gores
    parts, poles = [], []
    for k in range(gores):
        angle, share = np.meshgrid(np.linspace((k - 0.5) * step, (k + 0.5) * step, 40), up, indexing="ij")
        gore = opened(solids.sheet(dome_point(size, angle, share), 0.03), door)
        parts.append(Part("roof", gore, (second, fabric)[k % 2]))
        bow = dome_point(size + 0.01, np.full(16, (k + 0.5) * step), np.linspace(0.02, 0.97, 16))
        poles.append(solids.pipe(bow, 0.04, sections=8))
    floor = solids.scaled(solids.cylinder((0, 0, 0.0), (0, 0, 0.03), 0.97), (float(size[0]), float(size[1]), 1.0))
    return [
        *parts,
        Part("pole", solids.joined(*poles), Material(second.color.shade(0.6), 0.5)),
        Part("flap", hem, Material(second.color.shade(0.8), 0.8)),
        Part("floor", floor, SHADOW),
    ]


def painted_bands(kind: str, high: float) -> sdf.Field:
    """Where a tipi of this height is painted: a straight ring above a zigzag or another ring."""

    def band(p: Array) -> Array:
        turn = np.arctan2(p[..., 1], p[..., 0]) / (2 * np.pi) * 12
        wave = np.abs(turn % 1 - 0.5) * 0.3 if kind == "zigzag" else 0.075
        near = np.minimum(np.abs(p[..., 2] - 0.26 * high - wave), np.abs(p[..., 2] - 0.68 * high))
        return np.asarray(near - 0.07)

    return sdf.Field(band, np.zeros(3), np.ones(3))


def tipi(draw: Draw, fabric: Material, second: Material) -> list[Part]:
    """A cone of hides around poles that cross at its top, with a slit for a door and painted bands."""
    foot, high = draw.uniform("width", 0.8, 1.05), draw.uniform("height", 1.8, 2.2)
    neck = 0.14
    count = int(draw.uniform("poles", 7, 11))
    tall, half = draw.uniform("door", 0.42, 0.55) * high, 0.36 * foot
    door = sdf.Field(
        lambda p: np.where(p[..., 0] > 0, np.abs(p[..., 1]) - half * (1 - p[..., 2] / tall), 1.0),
        np.zeros(3),
        np.ones(3),
    )
    angle, share = np.meshgrid(np.linspace(0, 2 * np.pi, 97), np.linspace(0, 1, 40), indexing="ij")
    out = foot + (neck - foot) * share
    hide = opened(solids.sheet(np.stack([out * np.cos(angle), out * np.sin(angle), share * high], -1), 0.03), door)
    painted = []
    kind = draw.choice("bands", ["none", "zigzag", "rings"])
    if kind != "none":
        stripe, hide = sdf.split(hide, painted_bands(kind, high))
        painted = [Part("band", stripe, second)]
    pole = solids.pipe([(foot * 0.99, 0, 0.0), (neck * 0.8, 0, high), (-0.3, 0.03, high + 0.46)], 0.04, sections=8)
    flaps = []
    for s in (-1, 1):
        foot_x = np.sqrt(foot**2 - half**2)
        flaps.append(
            cloth_between(
                [
                    (foot + (neck - foot) * tall / high + 0.02, 0, tall),
                    (foot_x + 0.02, s * half, 0.02),
                    (foot_x + 0.22, s * 1.3 * half, 0.02),
                ]
            )
        )
    return [
        Part("roof", hide, fabric),
        *painted,
        Part("flap", solids.joined(*flaps), second),
        Part("pole", around(pole, count, 180.0 / count), TIMBER),
        Part("floor", solids.cylinder((0, 0, 0.0), (0, 0, 0.03), 0.97 * foot), SHADOW),
    ]


@object_class(
    "tent", family="place", azimuths=((-34.0, -8.0), (8.0, 34.0)), elevations=(4.0, 18.0), synonyms=("camping tent",)
)
def tent(draw: Draw) -> list[Part]:
    """An open tent: with a ridge, a dome or a tipi."""
    fabric = draw.color("fabric", ["red", "orange", "yellow", "green", "blue", "purple", "white", "brown"])
    other = draw.color("second", [name for name in ("white", "yellow", "red", "blue", "orange") if name != fabric.name])
    kind = draw.choice("kind", ["ridge", "ridge", "dome", "tipi"])
    build = {"ridge": ridge_tent, "dome": dome_tent, "tipi": tipi}[kind]
    return build(draw, Material(fabric, 0.85), Material(other, 0.85))
