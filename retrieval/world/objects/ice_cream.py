"""Ice cream in cones: pointed waffles and flat wafer cups, scoops and soft swirls."""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.bakery import GOLDEN, TOAST, grid_mesh, strewn
from retrieval.world.objects.tableware import CIRCLE
from retrieval.world.solids import Array

WAFER = Material(Color("brown", (0.83, 0.56, 0.27)), 0.6)
CHERRY = Material(Color("red", (0.75, 0.06, 0.10)), 0.15)
STALK = Material(Color("green", (0.30, 0.42, 0.14)), 0.6)
SERVINGS = ("swirl", "one scoop", "two scoops", "three scoops")


def cone_grid(top: float, bottom: float, low: float, high: float, lines: int) -> trimesh.Trimesh:
    """The raised lines of a waffle: spirals both ways around a cone whose radius runs from `bottom` to `top`."""
    share = np.linspace(0.06, 0.76, 16)  # the brim stays smooth, so that the ice ends in one clear line
    radii, heights = bottom + (top - bottom) * share, low + (high - low) * share
    ridges = []
    for k in range(lines):
        for way in (-1.0, 1.0):
            angle = 2 * np.pi * k / lines + way * 2.1 * share
            line = np.column_stack([radii * np.cos(angle), radii * np.sin(angle), heights])
            ridges.append(solids.swept(line, np.full(16, 0.027), CIRCLE[::4], (0.0, 0.0, 1.0)))
    return solids.joined(*ridges)


def pointed_cone(radius: float, length: float, paint: Material) -> list[Part]:
    """A waffle cone with its tip in a little stand; its brim lies at z = 0."""
    tip = 0.05
    profile = [(0.0, -length), (tip, -length), (radius, -0.05), (radius + 0.035, -0.03), (radius + 0.035, 0.03)]
    cone = solids.crisp(solids.lathe([*profile, (radius - 0.03, 0.03), (0.0, -0.1)], 48), 40)
    grid = cone_grid(radius, tip, -length, -0.04, 6)
    held_at = 0.1
    held = tip + (radius - tip) * held_at / length
    knob = [(0.0, -0.04), (0.24, -0.04), (0.25, 0.0), (0.21, 0.05), (held + 0.04, held_at), (0.0, held_at)]
    stand = solids.lathe([(r, z - length) for r, z in knob], 48)
    return [Part("cone", cone, WAFER), Part("grid", grid, TOAST), Part("stand", solids.crisp(stand, 40), paint)]


def wafer_cup(radius: float, length: float) -> list[Part]:
    """A flat-bottomed wafer cup that stands by itself: a ribbed foot below a wider collar; its brim lies at z = 0."""
    turn = np.linspace(0.0, 2 * np.pi, 96, endpoint=False)
    ribbed = 1 + 0.02 * np.sign(np.cos(14 * turn))
    foot: list[tuple[Array | float, float]] = [
        (0.0, 1.0),
        (0.62, 1.0),
        (0.66 * ribbed, 0.97),
        (0.76 * ribbed, 0.42),
        (0.8, 0.4),
    ]
    collar: list[tuple[Array | float, float]] = [(1.0, 0.36), (1.08, 0.02), (1.08, -0.03), (0.98, -0.03), (0.0, 0.1)]
    rings = [
        np.column_stack([radius * r * np.cos(turn), radius * r * np.sin(turn), 0 * turn - length * z])
        for r, z in [*foot, *collar]
    ]
    bands = [
        solids.pipe(solids.arc((0.0, 0.0, -length * z), radius * r, 0, 360, axis=2, steps=41), 0.024, sections=8)
        for r, z in ((0.99, 0.36), (1.06, 0.12))
    ]
    return [Part("cone", grid_mesh(np.array(rings)), WAFER), Part("grid", solids.joined(*bands), TOAST)]


def scoop(radius: float, phase: float) -> trimesh.Trimesh:
    """A ball of ice cream around the origin with a ragged skirt where the spoon let go."""
    mesh = trimesh.creation.icosphere(subdivisions=4)
    x, y, z = np.asarray(mesh.vertices).T
    around = np.arctan2(y, x)
    ragged = 1.0 + 0.35 * np.sin(7 * around + phase) + 0.25 * np.sin(11 * around + 2.3 * phase)
    skirt = 0.17 * np.exp(-(((z + 0.42) / 0.17) ** 2)) * ragged
    rough = 0.012 * np.sin(9 * x + phase) * np.sin(8 * y + 2) * np.sin(10 * z + phase)
    mesh.vertices *= (radius * (1 + skirt + rough))[:, None] * np.array([1.0, 1.0, 0.92])
    return mesh


def swirl(radius: float, height: float, turns: float) -> trimesh.Trimesh:
    """Soft ice on z = 0, laid in a spiral that narrows to a bent tip."""
    share = np.linspace(0.0, 1.0, 110)
    angle = 2 * np.pi * turns * share
    thick = radius * (0.46 * (1 - share) ** 0.8 + 0.05)
    reach = (0.66 * radius) * (1 - share) ** 0.9
    line = np.column_stack([reach * np.cos(angle), reach * np.sin(angle), 0.12 * radius + height * share**0.9])
    rope = solids.swept(line, thick, CIRCLE, (0.0, 0.0, 1.0))
    core = solids.lathe([(0.0, -0.05), (0.75 * radius, -0.05), (0.6 * radius, 0.15), (0.02, height)], 32)
    return solids.joined(rope, core)


@object_class(
    "ice cream", family="food", azimuths=((-180, 180),), elevations=(4, 20), synonyms=("ice cream cone", "gelato")
)
def ice_cream(draw: Draw) -> list[Part]:
    """An ice cream cone with one to three scoops or a swirl, in a pointed waffle or a flat wafer cup."""
    flavour = draw.color("ice", ["pink", "pink", "white", "yellow", "brown", "green", "blue", "purple", "orange"], 0.03)
    serving = draw.choice("serving", [*SERVINGS, "one scoop"])
    radius, length = draw.uniform("width", 0.42, 0.54), draw.uniform("cone length", 1.05, 1.4)
    if draw.choice("cone", ["pointed", "pointed", "pointed", "cup"]) == "pointed":
        cone = pointed_cone(radius, length, Material(draw.color("stand", ["white", "gray", "blue", "black"]), 0.4))
    else:
        cone = wafer_cup(radius * 0.98, 0.72 * length)
    if serving == "swirl":
        height, turns = draw.uniform("swirl height", 0.85, 1.15), draw.choice("turns", [2.5, 3.0, 3.5])
        ice = [Part("ice cream", swirl(1.12 * radius, height, turns), Material(flavour, 0.4))]
        top, crown = height + 0.05, 0.0
    else:
        ice, top, crown = scoops(draw, flavour, SERVINGS.index(serving), radius)
    return cone + ice + garnish(draw, top, crown)


def scoops(draw: Draw, flavour: Color, count: int, radius: float) -> tuple[list[Part], float, float]:
    """`count` scoops on each other on a cone with its brim at z = 0; the top's height and the uppermost radius."""
    others = [word for word in ("white", "brown", "pink", "yellow", "green") if word != flavour.name]
    second = flavour if draw.choice("flavours", ["one", "two"]) == "one" else draw.color("second", others, 0.04)
    tilt = draw.uniform("tilt", -0.12, 0.12)
    sizes = [1.22 * radius * 0.9**k for k in range(count)]
    heights = [0.4 * sizes[0] + 1.24 * sum(sizes[1 : k + 1]) for k in range(count)]
    melt = [melted(radius, 35.0 + 115.0 * k, (0.14, 0.28, 0.2)[k]) for k in range(3)]
    parts = []
    for k, (size, height) in enumerate(zip(sizes, heights, strict=True)):
        mesh = solids.moved(scoop(size, 1.7 * k + 10 * tilt), (0.0, tilt * (0.0, 0.6, -0.8)[k], height))
        whole = mesh if k else solids.joined(mesh, *melt)
        parts.append(Part("scoop", whole, Material(second if k == 1 else flavour, 0.5)))
    return parts, heights[-1] + 0.92 * sizes[-1], sizes[-1]


def melted(radius: float, angle: float, length: float) -> trimesh.Trimesh:
    """One drop that runs from a cone's brim down its side."""
    line = [(radius, 0, 0.12), (radius + 0.03, 0, 0.0), (radius - 0.36 * length + 0.01, 0, -length)]
    steps = np.column_stack([np.interp(np.linspace(0, 2, 14), np.arange(3), axis) for axis in np.transpose(line)])
    return solids.turned(solids.pipe(steps, np.interp(np.arange(14), [0, 6, 13], [0.08, 0.055, 0.07])), 2, angle)


def garnish(draw: Draw, top: float, crown: float) -> list[Part]:
    """What tops ice that ends at z = `top`: a cherry, a wafer, nothing, or sprinkles on a scoop of radius `crown`."""
    kind = draw.choice("garnish", ["none", "cherry", "wafer", "sprinkles" if crown else "wafer"])
    if kind == "cherry":
        line = solids.curve([(0, 0, top + 0.1), (0, 0.03, top + 0.32), (0, 0.16, top + 0.5)], 10)
        stalk = Part("stalk", solids.pipe(line, 0.028), STALK)
        return [Part("cherry", solids.ball((0.0, 0.0, top + 0.06), 0.16), CHERRY), stalk]
    if kind == "wafer":
        stick = solids.turned(solids.pipe([(0, 0, 0), (0, 0, 1)], 0.085), 0, draw.choice("wafer lean", [-24.0, 24.0]))
        return [Part("wafer", solids.moved(stick, (0.1, 0.0, top - (0.6 if crown else 0.8))), TOAST)]
    return scoop_sprinkles(top, crown) if kind == "sprinkles" else []


def scoop_sprinkles(top: float, size: float) -> list[Part]:
    """Sprinkles on the upper half of a scoop of radius `size` that ends at z = `top`."""
    spots = []
    for k in range(30):
        up = 1.0 - 0.9 * (k + 0.5) / 30
        turn, wide = np.radians(GOLDEN * k), np.sqrt(1 - up * up)
        out = np.array([wide * np.cos(turn), wide * np.sin(turn), up])
        along = np.array([-np.sin(turn), np.cos(turn), 0.0])
        spots.append((out * (size, size, 0.92 * size) + (0.0, 0.0, top - 0.92 * size), out, along))
    return strewn(spots, 0.075)
