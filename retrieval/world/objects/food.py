"""Food of the world: fruit, vegetables and mushrooms. Leaves come from `plants`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from scipy.interpolate import PchipInterpolator

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.plants import leaf
from retrieval.world.solids import Array

BARK = Material(Color("brown", (0.27, 0.17, 0.08)), roughness=0.8)
FLESH = Material(Color("white", (0.96, 0.90, 0.70)), roughness=0.6)


def peel(color: Color) -> Material:
    """The waxy skin of fruit."""
    return Material(color, roughness=0.3)


@object_class("apple", family="food", azimuths=((58.0, 105.0), (-105.0, -58.0)), elevations=(6.0, 32.0))
def apple(draw: Draw) -> list[Part]:
    """An apple with a stem, mostly with a leaf, sometimes with a bite out of its front."""
    color = draw.color("skin", ["red", "red", "red", "green", "yellow"], 0.04)
    height, taper = draw.uniform("height", 1.15, 1.5), draw.uniform("taper", 0.1, 0.26)
    lobes, dimple = draw.uniform("lobes", 0.004, 0.02), draw.uniform("dimple", 0.38, 0.45)
    fruit = sdf.ring((0.0, 0.0, 0.0), dimple, 0.55)  # so fat that its hole closes into the two dimples
    bitten = draw.choice("bite", ["whole", "whole", "bitten"]) == "bitten"
    edge = 1.22 - draw.uniform("bite depth", 0.2, 0.4)
    bites = [(edge, 0.03, 0.22, 0.34), (edge + 0.03, -0.04, -0.2, 0.32)]
    skin = sdf.surface(sdf.cut(fruit, *[sdf.sphere((x, y, z), r) for x, y, z, r in bites]) if bitten else fruit, 54)
    parts = [Part("skin", apple_shaped(skin, height, taper, lobes), peel(color))]
    if bitten:
        inside, outside = sdf.split(skin, sdf.union(*[sdf.sphere((x, y, z), r + 0.012) for x, y, z, r in bites]))
        parts = [
            Part("skin", apple_shaped(outside, height, taper, lobes), peel(color)),
            Part("bite", apple_shaped(inside, height, taper, lobes), FLESH),
        ]
    lean = draw.uniform("stem lean", -0.25, 0.25)
    top = 0.42 * height
    stem = solids.curve([(0.0, 0.0, top - 0.15), (0.2 * lean, 0.0, top + 0.22), (lean, 0.05, top + 0.52)], 10)
    parts.append(Part("stem", solids.pipe(stem, np.linspace(0.045, 0.06, 10)), BARK))
    if draw.choice("leaf", ["leaf", "leaf", "leaf", "none"]) == "leaf":
        reach, side = draw.uniform("leaf length", 0.6, 0.95), draw.choice("leaf side", [1.0, -1.0])
        spine = [(0.2 * lean, 0.0, top + 0.24), (side * 0.5 * reach, 0.08, top + 0.5), (side * reach, 0.12, top + 0.5)]
        parts.append(
            Part("leaf", leaf(solids.curve(spine, 14), 0.3 * reach, 0.55), peel(draw.color("leaf", ["green"])))
        )
    return parts


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
    tilt, rock = draw.uniform("tilt", -22.0, 22.0), draw.uniform("rock", -16.0, 16.0)
    serving = draw.choice("serving", ["one", "one", "hand", "peeled"])
    if serving == "peeled":
        return [replace(part, mesh=solids.turned(part.mesh, 1, rock)) for part in peeled_banana(bend, fat, color)]
    if serving == "one":
        return [
            replace(part, mesh=solids.turned(solids.turned(part.mesh, 1, rock), 0, tilt))
            for part in whole_banana(bend, fat, color)
        ]
    return banana_hand(int(draw.choice("count", [2.0, 3.0, 4.0])), bend, fat, color)


def banana_spine(bend: float) -> Array:
    """The middle line of a banana of length 2 that bends by so many degrees, its lowest point at the origin."""
    radius = 2.0 / np.radians(bend)
    angles = np.radians(np.linspace(-90.0 - bend / 2, -90.0 + bend / 2, 40))
    return np.stack([radius * np.cos(angles), 0 * angles, radius * (1 + np.sin(angles))], axis=1)


def whole_banana(bend: float, fat: float, color: Color) -> list[Part]:
    """An unpeeled banana with five soft edges, its stem at the back end and a dark tip at the front."""
    spine = banana_spine(bend)
    stops, sizes = (
        [0.0, 0.05, 0.13, 0.28, 0.5, 0.75, 0.92, 0.97, 1.0],
        [0.42, 0.36, 0.42, 0.88, 1.0, 0.92, 0.5, 0.3, 0.26],
    )
    turn = np.linspace(0.0, 2 * np.pi, 25, endpoint=False)
    edges = 1.0 + 0.07 * np.cos(5 * turn)
    section = np.stack([edges * np.cos(turn), edges * np.sin(turn)], axis=1)
    whole = solids.swept(spine, fat * PchipInterpolator(stops, sizes)(np.linspace(0.0, 1.0, len(spine))), section)
    stem, rest = sdf.split(whole, sdf.sphere(tuple(spine[0]), 0.14))
    tip, skin = sdf.split(rest, sdf.sphere(tuple(spine[-1]), 0.09))
    return [
        Part("skin", skin, peel(color)),
        Part("stem", solids.crisp(stem), BARK),
        Part("tip", solids.crisp(tip), BARK),
    ]


def peeled_banana(bend: float, fat: float, color: Color) -> list[Part]:
    """A banana that stands on its stem, its upper half bare among four hanging flaps of skin."""
    spine = banana_spine(0.7 * bend)
    lower = [part for part in whole_banana(0.7 * bend, fat, color) if part.name != "tip"]
    _, lower[0] = (
        replace(lower[0], mesh=half) for half in sdf.split(lower[0].mesh, sdf.block((1.0, 0.0, 0.0), (1.0, 1.0, 2.0)))
    )
    bare = solids.pipe(spine[17:-2], fat * np.interp(np.arange(17, 38), [17, 30, 37], [0.86, 0.78, 0.4]))
    flaps = [part for i in range(4) for part in banana_flap(fat, 90.0 * i + 45.0, color)]
    return [
        replace(part, mesh=solids.turned(part.mesh, 1, -90.0)) for part in [*lower, Part("flesh", bare, FLESH), *flaps]
    ]


def banana_hand(count: int, bend: float, fat: float, color: Color) -> list[Part]:
    """Several bananas that lean on their tips and spread from one crown."""
    x, y, z = banana_spine(bend)[0]
    hand = []
    for i in range(count):
        for part in whole_banana(bend, fat, color.shade(1.0 - 0.05 * i)):
            hung = solids.turned(solids.moved(part.mesh, (-float(x), -float(y), -float(z))), 1, 180.0 - 0.25 * bend)
            spread = solids.turned(solids.turned(hung, 1, 5.0 * i), 2, 14.0 * (i - count / 2))
            hand.append(replace(part, mesh=spread))
    return hand


def banana_flap(fat: float, angle: float, color: Color) -> list[Part]:
    """One flap of a peeled banana's skin, pale within, falling outwards at `angle` degrees around the x axis."""
    reach = fat * np.array([0.9, 1.15, 2.0, 2.9, 3.2])
    line = np.array([reach, [-0.12, 0.12, 0.26, 0.04, -0.34]])  # away from the middle, along the banana
    away, beside = np.array([0.0, np.cos(np.radians(angle)), np.sin(np.radians(angle))]), np.radians(angle + 90.0)
    spine = solids.curve((line[0][:, None] * away + line[1][:, None] * np.array([1.0, 0.0, 0.0])).tolist(), 20)
    widths = fat * np.interp(np.arange(20), [0, 12, 19], [0.7, 0.6, 0.15])
    outside = np.array([(-1.0, 0.0), (0.0, -0.3), (1.0, 0.0), (0.0, -0.14)])
    inside = np.array([(-0.96, 0.0), (0.0, -0.16), (0.96, 0.0), (0.0, -0.1)])
    side = (0.0, float(np.cos(beside)), float(np.sin(beside)))
    skins = [solids.crisp(solids.swept(spine, widths, section, side), 50.0) for section in (outside, inside)]
    return [Part("skin", skins[0], peel(color)), Part("skin", skins[1], FLESH)]


@object_class("mushroom", family="food", azimuths=((-90.0, 90.0),), elevations=(2.0, 18.0), synonyms=("toadstool",))
def mushroom(draw: Draw) -> list[Part]:
    """A mushroom with a domed, pointed or flat cap, spotted or plain, perhaps with a young one beside it."""
    color = draw.color("cap", ["red", "red", "brown", "orange", "white"], 0.03)
    spots = int(draw.uniform("spots", 9.0, 16.0)) if color.name == "red" or draw.choice("spotted", [0.0, 1.0]) else 0
    shape = draw.choice("cap shape", ["dome", "cone", "flat"])
    wide, tall = draw.uniform("cap width", 0.62, 0.95), draw.uniform("stem height", 0.75, 1.15)
    stout, lean = draw.uniform("stem width", 0.17, 0.27), draw.uniform("lean", -0.16, 0.16)
    parts = toadstool(wide, tall, stout, shape, color, spots, draw.uniform("tilt", -16.0, 4.0))
    if draw.choice("young", ["alone", "with a young one"]) == "with a young one":
        young = toadstool(0.62, 0.8, 0.24, "dome", color, spots // 2, -6.0)
        small, y = draw.uniform("young size", 0.38, 0.55), draw.choice("young side", [0.85, -0.85])
        parts += [
            replace(part, mesh=solids.moved(solids.scaled(part.mesh, (small, small, small)), (0.2, y, 0.0)))
            for part in young
        ]
    for part in parts:
        x, y, z = part.mesh.vertices.T
        part.mesh.vertices = np.stack([x, y + lean * np.clip(z, 0.0, None) ** 2, z], axis=1)
    return parts


CAPS = {  # profiles from the rim over the top: (share of the width, share of the height)
    "dome": [(1.0, 0.0), (1.03, 0.14), (0.93, 0.45), (0.68, 0.78), (0.35, 0.95), (0.0, 1.0)],
    "cone": [(1.0, 0.0), (1.0, 0.1), (0.78, 0.4), (0.5, 0.75), (0.25, 1.08), (0.0, 1.22)],
    "flat": [(1.0, 0.0), (1.08, 0.16), (1.0, 0.4), (0.7, 0.58), (0.35, 0.66), (0.0, 0.68)],
}


def toadstool(wide: float, tall: float, stout: float, shape: str, color: Color, spots: int, tilt: float) -> list[Part]:
    """One mushroom: a stem with a skirt, and a cap, tilted back by -`tilt` degrees, with gills below and `spots` warts above."""
    pale = Color("white", (0.92, 0.88, 0.78))
    soft = Material(pale, roughness=0.7)
    dome = np.maximum(solids.curve([(wide * r, 0.72 * wide * z) for r, z in CAPS[shape]], 28), 0.0)
    cap = solids.lathe([*dome[::-1].tolist(), (wide * 0.93, 0.03), (wide * 0.5, 0.1), (0.0, 0.1)])
    blade = [(0.0, 0.12), (0.93 * wide, 0.04), (0.7 * wide, -0.03), (0.0, 0.0)]
    gills = solids.joined(*[solids.turned(solids.standing(blade, 0.014), 2, 12.0 * i) for i in range(30)])
    head = [
        Part("cap", cap, Material(color, roughness=0.4)),
        Part("gills", gills, Material(pale.shade(0.85), roughness=0.8)),
    ]
    if spots:
        head.append(Part("spot", warts(dome, wide, spots), soft))
    foot = [(0.0, 0.0), (1.3, 0.0), (1.45, 0.1), (1.15, 0.3), (0.9, 0.6 * tall), (1.0, tall + 0.1), (0.0, tall + 0.1)]
    ring = [(0.9, 0.78 * tall), (1.15, 0.73 * tall), (1.45, 0.63 * tall), (1.35, 0.64 * tall), (0.9, 0.7 * tall)]
    stem = [
        Part(name, solids.lathe([(stout * r, z) for r, z in line]), soft)
        for name, line in (("stem", foot), ("ring", ring))
    ]
    return stem + [
        replace(part, mesh=solids.moved(solids.turned(part.mesh, 1, tilt), (0.0, 0.0, tall))) for part in head
    ]


def warts(dome: Array, wide: float, count: int) -> trimesh.Trimesh:
    """Flat round warts strewn evenly over a cap with the profile `dome` (n, 2), from the rim to the top."""
    grown = []
    for i in range(count):
        share = 1.0 - np.sqrt((i + 0.5) / count)  # equal areas: few near the top, many near the rim
        k = int(np.clip((1.0 - 0.88 * (1.0 - share) ** 1.1) * (len(dome) - 1), 3, len(dome) - 2))
        slope = dome[k + 1] - dome[k - 1]
        lie = float(np.degrees(np.arctan2(slope[1], -slope[0])))
        size = wide * (0.13 if i % 3 else 0.18)
        wart = solids.turned(solids.pebble((0.0, 0.0, 0.0), (size, size, 0.4 * size)), 1, lie)
        place = solids.moved(wart, (float(dome[k, 0]), 0.0, float(dome[k, 1])))
        grown.append(solids.turned(place, 2, 137.5 * i))  # the golden angle keeps neighbours apart
    return solids.joined(*grown)
