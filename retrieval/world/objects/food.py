"""Food of the world: fruit, vegetables and mushrooms. Leaves come from `plants`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import trimesh
from scipy.interpolate import PchipInterpolator

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.plants import leaf
from retrieval.world.solids import Array, Point

BARK = Material(Color("brown", (0.27, 0.17, 0.08)), roughness=0.8)
FLESH = Material(Color("white", (0.96, 0.90, 0.70)), roughness=0.6)


def peel(color: Color) -> Material:
    """The waxy skin of fruit."""
    return Material(color, roughness=0.3)


def reshaped(parts: Sequence[Part], change: Callable[[trimesh.Trimesh], trimesh.Trimesh]) -> list[Part]:
    """The parts with every mesh changed in the same way."""
    return [replace(part, mesh=change(part.mesh)) for part in parts]


@object_class("apple", family="food", azimuths=((58.0, 105.0), (-105.0, -58.0)), elevations=(6.0, 32.0))
def apple(draw: Draw) -> list[Part]:
    """An apple with a stem, mostly with a leaf, sometimes with a bite out of its front."""
    color = draw.color("skin", ["red", "red", "red", "green", "yellow"], 0.04)
    height, taper = draw.uniform("height", 1.15, 1.5), draw.uniform("taper", 0.1, 0.26)
    lobes, dimple = draw.uniform("lobes", 0.004, 0.02), draw.uniform("dimple", 0.38, 0.45)
    bite = (
        draw.uniform("bite depth", 0.25, 0.45) if draw.choice("bite", ["whole", "whole", "bitten"]) == "bitten" else 0.0
    )
    parts = reshaped(round_apple(dimple, bite, color), lambda mesh: apple_shaped(mesh, height, taper, lobes))
    top, lean = 0.42 * height, draw.uniform("stem lean", -0.25, 0.25)
    stem = solids.curve([(0.0, 0.0, top - 0.15), (0.2 * lean, 0.0, top + 0.22), (lean, 0.05, top + 0.52)], 10)
    parts.append(Part("stem", solids.pipe(stem, np.linspace(0.045, 0.06, 10)), BARK))
    if draw.choice("leaf", ["leaf", "leaf", "leaf", "none"]) == "leaf":
        reach, side = draw.uniform("leaf length", 0.6, 0.95), draw.choice("leaf side", [1.0, -1.0])
        spine = [(0.2 * lean, 0.0, top + 0.24), (side * 0.5 * reach, 0.08, top + 0.5), (side * reach, 0.12, top + 0.5)]
        blade = leaf(solids.curve(spine, 14), 0.3 * reach, 0.55)
        parts.append(Part("leaf", blade, peel(draw.color("leaf", ["green"]))))
    return parts


def round_apple(dimple: float, bite: float, color: Color) -> list[Part]:
    """An apple of radius 1 before it is given its shape, with a bite that goes `bite` deep into its front."""
    fruit = sdf.ring((0.0, 0.0, 0.0), dimple, 0.55)  # so fat that its hole closes into the two dimples
    if not bite:
        return [Part("skin", sdf.surface(fruit, 54), peel(color))]
    marks = [((1.25 - bite, 0.03, 0.24), 0.42), ((1.28 - bite, -0.04, -0.22), 0.4)]
    whole = sdf.surface(sdf.cut(fruit, *[sdf.sphere(at, radius) for at, radius in marks]), 54)
    inside, outside = sdf.split(whole, sdf.union(*[sdf.sphere(at, radius + 0.012) for at, radius in marks]))
    return [Part("skin", outside, peel(color)), Part("bite", inside, FLESH)]


def apple_shaped(mesh: trimesh.Trimesh, height: float, taper: float, lobes: float) -> trimesh.Trimesh:
    """The mesh of a fat ring stretched, narrowed towards the bottom, and given the five feet of an apple."""
    x, y, z = mesh.vertices.T
    around = np.arctan2(y, x)
    low = np.clip(0.3 - z, 0.0, None)
    wide = 1.0 + taper * z + lobes * 2 * low * np.cos(5 * around)
    shaped = mesh.copy()
    shaped.vertices = np.stack([x * wide, y * wide, height * z - 2 * lobes * low * np.cos(5 * around)], axis=1)
    return shaped


@object_class("banana", family="food", azimuths=((68.0, 112.0), (-112.0, -68.0)), elevations=(6.0, 34.0))
def banana(draw: Draw) -> list[Part]:
    """A banana on its back, a hand of them on their tips, or one half peeled."""
    color = draw.color("skin", ["yellow"] * 5 + ["green"], 0.03)
    bend, fat = draw.uniform("bend", 80.0, 130.0), draw.uniform("thickness", 0.16, 0.22)
    serving = draw.choice("serving", ["one", "one", "hand", "peeled"])
    if serving == "hand":
        return banana_hand(int(draw.choice("count", [2.0, 3.0, 4.0])), bend, fat, color)
    parts = whole_banana(bend, fat, color) if serving == "one" else peeled_banana(0.7 * bend, fat, color)
    roll = draw.uniform("roll", -22.0, 22.0) if serving == "one" else 0.0
    rock = draw.uniform("rock", -16.0, 16.0)
    return reshaped(parts, lambda mesh: solids.turned(solids.turned(mesh, 1, rock), 0, roll))


def banana_spine(bend: float) -> Array:
    """The middle line of a banana of length 2 that bends by so many degrees, its lowest point at the origin."""
    radius = 2.0 / np.radians(bend)
    angles = np.radians(np.linspace(-90.0 - bend / 2, -90.0 + bend / 2, 40))
    return np.stack([radius * np.cos(angles), 0 * angles, radius * (1 + np.sin(angles))], axis=1)


def whole_banana(bend: float, fat: float, color: Color) -> list[Part]:
    """An unpeeled banana with five soft edges, its stem at the back end and a dark tip at the front."""
    spine = banana_spine(bend)
    stops, sizes = [0.0, 0.05, 0.13, 0.28, 0.5, 0.75, 0.92, 1.0], [0.42, 0.36, 0.42, 0.88, 1.0, 0.92, 0.5, 0.26]
    radii = fat * PchipInterpolator(stops, sizes)(np.linspace(0.0, 1.0, len(spine)))
    turn = np.linspace(0.0, 2 * np.pi, 25, endpoint=False)
    section = (1.0 + 0.07 * np.cos(5 * turn))[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    stem, rest = sdf.split(solids.swept(spine, radii, section), sdf.sphere(place(spine[0]), 0.14))
    tip, skin = sdf.split(rest, sdf.sphere(place(spine[-1]), 0.09))
    ends = [Part("stem", solids.crisp(stem), BARK), Part("tip", solids.crisp(tip), BARK)]
    return [Part("skin", skin, peel(color)), *ends]


def place(row: Array) -> Point:
    """A row of three numbers as a point."""
    x, y, z = row.tolist()
    return (x, y, z)


def peeled_banana(bend: float, fat: float, color: Color) -> list[Part]:
    """A banana that stands on its stem, its upper half bare among four hanging flaps of skin."""
    skin, stem, _ = whole_banana(bend, fat, color)
    _, lower = sdf.split(skin.mesh, sdf.block((1.0, 0.0, 0.0), (1.0, 1.0, 2.0)))
    upper = slice(17, 38)  # of the spine's 40 points
    bare = solids.pipe(banana_spine(bend)[upper], fat * np.interp(np.arange(17, 38), [17, 30, 37], [0.86, 0.78, 0.4]))
    flaps = [part for i in range(4) for part in banana_flap(fat, 90.0 * i + 45.0, color)]
    parts = [replace(skin, mesh=lower), stem, Part("flesh", bare, FLESH), *flaps]
    return reshaped(parts, lambda mesh: solids.turned(mesh, 1, -90.0))


def banana_hand(count: int, bend: float, fat: float, color: Color) -> list[Part]:
    """Several bananas that lean on their tips and spread from one crown."""
    x, y, z = place(-banana_spine(bend)[0])

    def hung(mesh: trimesh.Trimesh, i: int) -> trimesh.Trimesh:
        arched = solids.turned(solids.moved(mesh, (x, y, z)), 1, 180.0 - 0.25 * bend + 5.0 * i)
        return solids.turned(arched, 2, 14.0 * (i - count / 2))

    fingers = [whole_banana(bend, fat, color.shade(1.0 - 0.05 * i)) for i in range(count)]
    return [replace(part, mesh=hung(part.mesh, i)) for i, finger in enumerate(fingers) for part in finger]


def banana_flap(fat: float, angle: float, color: Color) -> list[Part]:
    """One flap of a peeled banana's skin, pale within, falling outwards at `angle` degrees around the x axis."""
    cos, sin = float(np.cos(np.radians(angle))), float(np.sin(np.radians(angle)))
    fall = [(0.9, -0.12), (1.15, 0.12), (2.0, 0.26), (2.9, 0.04), (3.2, -0.34)]  # (outwards in radii, along the banana)
    spine = solids.curve([(up, fat * out * cos, fat * out * sin) for out, up in fall], 20)
    widths = fat * np.interp(np.arange(20), [0, 12, 19], [0.7, 0.6, 0.15])
    outside = np.array([(-1.0, 0.0), (0.0, -0.3), (1.0, 0.0), (0.0, -0.14)])
    inside = np.array([(-0.96, 0.0), (0.0, -0.16), (0.96, 0.0), (0.0, -0.1)])
    skins = [
        solids.crisp(solids.swept(spine, widths, section, (0.0, -sin, cos)), 50.0) for section in (outside, inside)
    ]
    return [Part("skin", skins[0], peel(color)), Part("skin", skins[1], FLESH)]


@object_class("mushroom", family="food", azimuths=((-90.0, 90.0),), elevations=(2.0, 18.0), synonyms=("toadstool",))
def mushroom(draw: Draw) -> list[Part]:
    """A mushroom with a domed, pointed or flat cap, spotted or plain, perhaps with a young one beside it."""
    color = draw.color("cap", ["red", "red", "brown", "orange", "white"], 0.022)
    spots = int(draw.uniform("spots", 9.0, 16.0)) if color.name == "red" or draw.choice("spotted", [0.0, 1.0]) else 0
    shape = draw.choice("cap shape", ["dome", "cone", "flat"])
    wide, tall = draw.uniform("cap width", 0.62, 0.95), draw.uniform("stem height", 0.75, 1.15)
    stout, lean = draw.uniform("stem width", 0.17, 0.27), draw.uniform("lean", -0.16, 0.16)
    parts = toadstool(wide, tall, stout, shape, color, spots, draw.uniform("tilt", -16.0, 4.0))
    if draw.choice("young", ["alone", "with a young one"]) == "with a young one":
        small, y = draw.uniform("young size", 0.38, 0.55), draw.choice("young side", [1.0, -1.0]) * (wide + 0.2)
        young = toadstool(0.62, 0.8, 0.24, "dome", color, spots // 2, -6.0)
        parts += reshaped(young, lambda mesh: solids.moved(solids.scaled(mesh, (small, small, small)), (0.2, y, 0.0)))
    return reshaped(parts, lambda mesh: leaning(mesh, lean))


def leaning(mesh: trimesh.Trimesh, lean: float) -> trimesh.Trimesh:
    """The mesh bent sideways, more and more with its height."""
    x, y, z = mesh.vertices.T
    bent = mesh.copy()
    bent.vertices = np.stack([x, y + lean * np.clip(z, 0.0, None) ** 2, z], axis=1)
    return bent


CAPS = {  # profiles from the rim over the top: (share of the width, share of the height)
    "dome": [(1.0, 0.0), (1.03, 0.14), (0.93, 0.45), (0.68, 0.78), (0.35, 0.95), (0.0, 1.0)],
    "cone": [(1.0, 0.0), (1.0, 0.1), (0.78, 0.4), (0.5, 0.75), (0.25, 1.08), (0.0, 1.22)],
    "flat": [(1.0, 0.0), (1.08, 0.16), (1.0, 0.4), (0.7, 0.58), (0.35, 0.66), (0.0, 0.68)],
}


def toadstool(wide: float, tall: float, stout: float, shape: str, color: Color, spots: int, tilt: float) -> list[Part]:
    """A stem with a skirt, and a cap nodded by `tilt` degrees, with gills below and `spots` warts above."""
    pale = Material(Color("white", (0.92, 0.88, 0.78)), roughness=0.7)
    dome = np.maximum(solids.curve([(wide * r, 0.72 * wide * z) for r, z in CAPS[shape]], 28), 0.0)
    cap = solids.lathe([*dome[::-1].tolist(), (wide * 0.93, 0.03), (wide * 0.5, 0.1), (0.0, 0.1)])
    blade = [(0.0, 0.12), (0.93 * wide, 0.04), (0.7 * wide, -0.03), (0.0, 0.0)]
    gills = solids.joined(*[solids.turned(solids.standing(blade, 0.014), 2, 12.0 * i) for i in range(30)])
    head = [Part("cap", cap, Material(color, roughness=0.4)), Part("gill", gills, pale)]
    if spots:
        head.append(Part("spot", warts(dome, wide, spots), pale))
    foot = solids.curve([(1.2, 0.0), (1.42, 0.12), (1.1, 0.36), (0.9, 0.65 * tall), (1.0, tall + 0.1)], 20).tolist()
    ring = [(0.9, 0.78 * tall), (1.15, 0.73 * tall), (1.45, 0.63 * tall), (1.35, 0.64 * tall), (0.9, 0.7 * tall)]
    stem = [
        Part("stem", solids.lathe([(0.0, 0.0), *[(stout * r, z) for r, z in foot], (0.0, tall + 0.1)]), pale),
        Part("ring", solids.lathe([(stout * r, z) for r, z in ring]), pale),
    ]
    return stem + reshaped(head, lambda mesh: solids.moved(solids.turned(mesh, 1, tilt), (0.0, 0.0, tall)))


def warts(dome: Array, wide: float, count: int) -> trimesh.Trimesh:
    """Flat round warts strewn evenly over a cap with the profile `dome` (n, 2), which runs from the rim to the top."""
    ball = trimesh.creation.icosphere(subdivisions=2)
    grown = []
    for i in range(count):
        out = float(np.sqrt((i + 0.5) / count))  # equal areas: few near the top, many near the rim
        k = int(np.clip((1.0 - 0.88 * out**1.1) * (len(dome) - 1), 3, len(dome) - 2))
        run, rise = (dome[k + 1] - dome[k - 1]).tolist()
        size = wide * (0.13 if i % 3 else 0.18)
        lying = solids.turned(
            solids.scaled(ball, (size, size, 0.4 * size)), 1, float(np.degrees(np.arctan2(rise, -run)))
        )
        there = solids.moved(lying, (float(dome[k, 0]), 0.0, float(dome[k, 1])))
        grown.append(solids.turned(there, 2, 137.5 * i))  # the golden angle keeps neighbours apart
    return solids.joined(*grown)
