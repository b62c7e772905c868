"""What a baker sells: donuts, pizza and birthday cakes. Ice cream is in `ice_cream`, fruit in `food`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.food import reshaped
from retrieval.world.objects.plants import leaf
from retrieval.world.objects.tableware import CIRCLE, flame
from retrieval.world.solids import Array, Point

GOLDEN = 137.508  # degrees: turning by it again and again keeps neighbours apart
TOAST = Material(Color("brown", (0.62, 0.36, 0.15)), 0.6)
CRUMB = Material(Color("yellow", (0.93, 0.80, 0.52)), 0.8)
CRUST = Material(Color("brown", (0.80, 0.52, 0.24)), 0.6)
CHINA = Material(Color("white", (0.93, 0.92, 0.90)), 0.2)
COCOA = Material(Color("brown", (0.26, 0.13, 0.07)), 0.3)
CONFETTI = (
    Material(Color("red", (0.88, 0.18, 0.18)), 0.4),
    Material(Color("yellow", (0.98, 0.83, 0.20)), 0.4),
    Material(Color("blue", (0.20, 0.55, 0.90)), 0.4),
    Material(Color("white", (0.97, 0.97, 0.95)), 0.4),
    Material(Color("green", (0.35, 0.72, 0.30)), 0.4),
)


def grid_mesh(points: Array) -> trimesh.Trimesh:
    """A skin over points (R, N, 3) whose columns close into rings; its ends stay open."""
    return solids.loft(points, closed=False)


def strewn(spots: list[tuple[Array, Array, Array]], size: float, avoid: str = "") -> list[Part]:
    """Sugar sprinkles in mixed colours at `spots`, each (place, outward normal, a direction along the surface)."""
    tints = [tint for tint in CONFETTI if tint.color.name != avoid]
    heaps: list[list[trimesh.Trimesh]] = [[] for _ in tints]
    for k, (at, out, along) in enumerate(spots):
        side = np.cross(out, along)
        turn = np.radians(GOLDEN * k * 1.7)
        reach = size * (np.cos(turn) * along + np.sin(turn) * side)
        middle = at + 0.1 * size * out
        heaps[k % len(tints)].append(
            solids.pipe(np.stack([middle - reach, middle, middle + reach]), 0.36 * size, sections=7)
        )
    return [Part("sprinkle", solids.joined(*heap), tint) for heap, tint in zip(heaps, tints, strict=True) if heap]


# ----- Donut


def ring_point(radius: float, thick: float, turn: Array, tilt: Array, lift: Array | float = 0.0) -> Array:
    """Points (..., 3) on a donut: at `turn` around the hole and `tilt` up from the outer edge, `lift` off it."""
    out = radius + (thick + lift) * np.cos(tilt)
    return np.stack([out * np.cos(turn), out * np.sin(turn), 0.9 * (thick + lift) * np.sin(tilt)], axis=-1)


def icing(radius: float, thick: float, waves: int, depth: float, phase: float) -> trimesh.Trimesh:
    """A coat of icing over a donut's upper half; its hem runs down in `waves` of so much `depth` (radians)."""
    turn = np.linspace(0.0, 2 * np.pi, 120, endpoint=False)
    hem = depth * (0.7 * np.sin(waves * turn + phase) + 0.5 * np.sin((waves + 4) * turn + 2 * phase))
    low, high = 0.42 - hem, np.pi - 0.28 + 0.7 * np.roll(hem, 17)
    share = np.concatenate([[0.0, 0.0, 0.025], np.linspace(0.06, 0.94, 22), [0.975, 1.0, 1.0]])
    lift = np.full(len(share), 0.06)
    lift[[0, -1]], lift[[1, -2]], lift[[2, -3]] = -0.04, 0.03, 0.052
    tilt = low + share[:, None] * (high - low)  # (R, N)
    points = ring_point(radius, thick, np.broadcast_to(turn, tilt.shape), tilt, lift[:, None])
    return grid_mesh(points)


@object_class("donut", family="food", azimuths=((-180, 180),), elevations=(32, 60), synonyms=("doughnut",))
def donut(draw: Draw) -> list[Part]:
    """An iced donut with sprinkles, a drizzle or nothing on it, perhaps bitten."""
    color = draw.color("icing", ["pink", "pink", "brown", "white", "yellow", "blue", "purple", "green"], 0.04)
    if color.name == "brown":
        color = color.shade(0.7)
    thick, waves = draw.uniform("thickness", 0.36, 0.48), int(draw.choice("waves", [5.0, 6.0, 7.0, 8.0]))
    glaze = icing(0.9, thick, waves, draw.uniform("wave depth", 0.16, 0.32), draw.uniform("phase", 0.0, 6.28))
    dough = TOAST if draw.choice("dough", ["golden", "dark"]) == "dark" else CRUST
    field = sdf.ring((0.0, 0.0, 0.0), 0.9, thick)
    topping = draw.choice("topping", ["sprinkles", "sprinkles", "drizzle", "none"])
    count = int(draw.uniform("sprinkles", 40, 70))
    extras: list[Part] = []
    if topping == "sprinkles":
        extras = donut_sprinkles(thick, count, color.name)
    elif topping == "drizzle":
        sauce = COCOA if color.name != "brown" else Material(Color("white", (0.95, 0.90, 0.82)), 0.3)
        extras = [Part("drizzle", drizzle(thick), sauce)]
    if draw.choice("bite", ["whole", "whole", "bitten"]) == "whole":
        body = [Part("dough", solids.scaled(sdf.surface(field, 60), (1.0, 1.0, 0.9)), dough)]
        return [Part("icing", glaze, Material(color, 0.25)), *body, *extras]
    return bitten(field, glaze, extras, Material(color, 0.25), dough, draw.uniform("bite side", -180.0, 180.0))


def bitten(
    field: sdf.Field, glaze: trimesh.Trimesh, extras: list[Part], coat: Material, dough: Material, side: float
) -> list[Part]:
    """A donut with a bite out of its side at `side` degrees; the crumb shows."""
    marks = [
        (1.55, 0.0, 0.4),
        (1.36, 20.0, 0.25),
        (1.36, -20.0, 0.25),
        (1.2, 9.0, 0.25),
        (1.2, -9.0, 0.25),
        (1.06, 0.0, 0.2),
    ]

    def teeth(grow: float) -> sdf.Field:
        angles = [(r, np.radians(side + turn), size + grow) for r, turn, size in marks]
        return sdf.union(
            *[sdf.limb((r * np.cos(a), r * np.sin(a), -1), (r * np.cos(a), r * np.sin(a), 1), s) for r, a, s in angles]
        )

    whole = sdf.surface(sdf.cut(field, teeth(0.0)), 64)
    inside, outside = sdf.split(whole, teeth(0.014))
    parts = [
        Part("icing", sdf.split(glaze, teeth(0.0))[1], coat),
        Part("dough", solids.scaled(outside, (1.0, 1.0, 0.9)), dough),
        Part("bite", solids.scaled(inside, (1.0, 1.0, 0.9)), CRUMB),
    ]
    return parts + [Part(part.name, sdf.split(part.mesh, teeth(0.05))[1], part.material) for part in extras]


def donut_sprinkles(thick: float, count: int, avoid: str) -> list[Part]:
    """Sprinkles on the upper side of a donut, none of them in the colour of the icing."""
    spots = []
    for k in range(count):
        turn = np.radians(GOLDEN * k)
        tilt = np.radians(44.0 + 102.0 * ((0.7549 * k + 0.13) % 1.0))
        out = np.array([np.cos(tilt) * np.cos(turn), np.cos(tilt) * np.sin(turn), np.sin(tilt)])
        along = np.array([-np.sin(turn), np.cos(turn), 0.0])
        spots.append((ring_point(0.9, thick, turn, tilt, 0.065), out, along))
    return strewn(spots, 0.1, avoid)


def drizzle(thick: float) -> trimesh.Trimesh:
    """A thread of sauce that wanders to and fro over the icing all the way round."""
    turn = np.linspace(0.0, 2 * np.pi, 181)
    tilt = np.pi / 2 + 0.7 * np.sin(12 * turn)
    return solids.swept(ring_point(0.9, thick, turn, tilt, 0.06), np.full(181, 0.05), CIRCLE[::2], (0.0, 0.0, 1.0))


# ----- Pizza


def wedge(low: float, high: float, inner: float, outer: float, wave: float = 0.0) -> list[tuple[float, float]]:
    """The outline of a slice between two angles (degrees), its outer edge wavy by `wave`."""
    angles = np.radians(np.linspace(low, high, 14))
    reach = outer + wave * np.sin(5.0 * np.linspace(0, np.pi, 14) + low)
    start = (inner * np.cos(np.radians((low + high) / 2)), inner * np.sin(np.radians((low + high) / 2)))
    return [start, *[(float(r * np.cos(a)), float(r * np.sin(a))) for r, a in zip(reach, angles, strict=True)]]


def pizza_slice(span: float, crust: float, cheese: Material, sauce: Material) -> list[Part]:
    """A slice of radius 1 with its bisector along +x, `span` degrees wide, with a thick crust at its end."""
    half = span / 2
    inset = 0.02 / np.sin(np.radians(half))
    base = solids.plate(wedge(-half, half, inset, 0.96), 0.07, 0.02)
    spread = solids.moved(
        solids.plate(wedge(-half + 0.8, half - 0.8, inset + 0.03, 1.0 - 1.2 * crust), 0.04, 0.015), (0, 0, 0.06)
    )
    top = solids.plate(wedge(-half + 1.2, half - 1.2, inset + 0.05, 1.0 - 1.75 * crust, 0.02), 0.05, 0.02)
    gap = 2.0
    angles = np.radians(np.linspace(-half + gap, half - gap, 15))
    line = np.column_stack([(1 - crust) * np.cos(angles), (1 - crust) * np.sin(angles), np.full(15, 0.8 * crust)])
    swell = crust * (1.0 + 0.05 * np.sin(np.arange(15) * 1.9))
    rim = solids.pipe(line, swell)
    return [
        Part("cheese", solids.moved(top, (0.0, 0.0, 0.075)), cheese),
        Part("sauce", spread, sauce),
        Part("crust", solids.joined(base, rim), CRUST),
    ]


def coin(radius: float, depth: float = 0.05) -> trimesh.Trimesh:
    """A disc on z = 0 with a rounded upper edge."""
    profile = [(0.0, 0.0), (radius, 0.0), (radius, 0.6 * depth), (0.93 * radius, depth), (0.0, depth)]
    return solids.lathe(profile, 28)


def olive(radius: float) -> trimesh.Trimesh:
    """A ring on z = 0."""
    return solids.pipe(solids.arc((0.0, 0.0, 0.02), radius, 0.0, 360.0, axis=2, steps=21), 0.4 * radius, sections=8)


def herb(length: float) -> trimesh.Trimesh:
    """A basil leaf that lies on z = 0, folded along its middle."""
    spine = solids.curve([(-length, 0.0, 0.02), (0.0, 0.0, 0.07), (length, 0.0, 0.03)], 12)
    return solids.moved(leaf(spine, 0.55 * length, 0.3), (0.0, 0.0, 0.02))


TOPPINGS: dict[str, tuple[Callable[[float], trimesh.Trimesh], Material, float]] = {
    "salami": (coin, Material(Color("red", (0.66, 0.13, 0.09)), 0.4), 0.135),
    "tomato": (coin, Material(Color("red", (0.86, 0.22, 0.13)), 0.3), 0.12),
    "olive": (olive, Material(Color("black", (0.10, 0.09, 0.10)), 0.3), 0.06),
    "pepper": (olive, Material(Color("green", (0.26, 0.52, 0.16)), 0.3), 0.085),
    "basil": (herb, Material(Color("green", (0.16, 0.42, 0.12)), 0.5), 0.13),
    "mozzarella": (coin, Material(Color("white", (0.97, 0.94, 0.86)), 0.4), 0.13),
}
MENU = (
    "salami olive",
    "salami basil",
    "tomato basil",
    "mozzarella basil",
    "tomato olive",
    "salami pepper",
    "mozzarella olive",
)


def slice_toppings(kinds: list[str], span: float, reach: float, order: int, plenty: float) -> list[Part]:
    """Big and small toppings on one slice, well inside its edges, in a pattern that changes with `order`."""
    swing = 0.5 * span - 2.0
    layouts = [
        [(0, 0.86, 0.0), (0, 0.5, 0.1), (1, 0.7, 0.62), (1, 0.66, -0.66)],
        [(0, 0.82, 0.44), (0, 0.74, -0.5), (1, 0.52, 0.0), (1, 0.97, -0.05)],
        [(0, 0.9, -0.38), (0, 0.56, 0.05), (1, 0.84, 0.48), (1, 0.34, 0.0)],
    ]
    parts = []
    for k, (which, out, aside) in enumerate(layouts[order % 3]):
        shape, paint, size = TOPPINGS[kinds[which]]
        angle = np.radians(swing * aside)
        piece = solids.turned(shape(size * plenty), 2, GOLDEN * (order + k))
        at = (float(0.97 * out * reach * np.cos(angle)), float(0.97 * out * reach * np.sin(angle)), 0.115)
        parts.append(Part(kinds[which], solids.moved(piece, at), paint))
    return parts


@object_class("pizza", family="food", azimuths=((-38, 38),), elevations=(42, 66), synonyms=("pizza slice",))
def pizza(draw: Draw) -> list[Part]:
    """A pizza cut into slices, one pulled out or eaten, or a single slice with its tip towards the viewer."""
    cheese = Material(draw.color("cheese", ["yellow", "yellow", "yellow", "orange", "red"], 0.03), 0.4)
    menu = [words for words in MENU if cheese.color.name != "red" or "mozzarella" in words]  # a marinara's sauce is red
    kinds = draw.choice("topping", menu).split()
    crust, plenty = draw.uniform("crust", 0.07, 0.105), draw.uniform("topping size", 0.85, 1.15)
    sauce = Material(Color("red", (0.70, 0.16, 0.08)), 0.4)
    serving = draw.choice("serving", ["one pulled out", "one gone", "slice", "slice"])
    count = int(draw.choice("slices", [6.0, 7.0, 8.0]))
    pulled, first = draw.uniform("pulled", 0.22, 0.4), draw.uniform("turn", -180.0, 180.0)
    span = draw.uniform("slice width", 44.0, 60.0) if serving == "slice" else 360.0 / count
    plenty *= 0.95 if serving == "slice" else 0.15 + 0.016 * span
    plain, parts = pizza_slice(span, crust, cheese, sauce), []
    for k in [0] if serving == "slice" else range(serving == "one gone", count):
        piece = plain + slice_toppings(kinds, span, 1.0 - 1.9 * crust, k + count, plenty)
        parts += laid(piece, 0.0 if k else pulled, 180.0 if serving == "slice" else first + span * k)
    return parts


def laid(piece: list[Part], away: float, degrees: float) -> list[Part]:
    """A slice pulled out from the middle by `away` and turned to its place in the round."""
    return reshaped(piece, lambda mesh: solids.turned(solids.moved(mesh, (away, 0.0, 0.0)), 2, degrees))


# ----- Birthday cake


def outline(square: float, turn: Array) -> Array:
    """How far a cake of radius 1 reaches at each angle: 1 everywhere if round, up to 1.2 in a square one's corners."""
    power = 2.0 + 6.0 * square
    return np.asarray((np.abs(np.cos(turn)) ** power + np.abs(np.sin(turn)) ** power) ** (-1.0 / power))


def around(stations: list[tuple[Array | float, Array | float]], square: float) -> trimesh.Trimesh:
    """A skin over stations (radius, z), each a number or one per angle (96), along a cake's outline."""
    turn = np.linspace(0.0, 2 * np.pi, 96, endpoint=False)
    edge = outline(square, turn)
    rings = [np.column_stack([r * edge * np.cos(turn), r * edge * np.sin(turn), z + 0 * turn]) for r, z in stations]
    return grid_mesh(np.array(rings))


def tier(radius: float, low: float, high: float, square: float) -> trimesh.Trimesh:
    """One layer of cake with a rounded upper edge."""
    return around([(0.0, low), (radius, low), (radius, high - 0.06), (radius - 0.02, high - 0.02), (0.0, high)], square)


def topping(radius: float, high: float, square: float, drops: int, longest: float) -> trimesh.Trimesh:
    """Icing poured over a tier's top, with `drops` running down its side, each to its own length."""
    turn = np.linspace(0.0, 2 * np.pi, 96, endpoint=False)
    phase = turn * drops / (2 * np.pi)
    swing = (0.5 + 0.5 * np.cos(2 * np.pi * phase)) ** 0.8
    lengths = longest * (0.62 + 0.38 * np.sin(2.4 * np.rint(phase) + 0.5))
    hem = high - 0.1 - swing * lengths
    edge = radius + 0.045
    stations: list[tuple[Array | float, Array | float]] = [(0.0, high + 0.04), (radius - 0.06, high + 0.05)]
    stations += [(radius + 0.01, high + 0.03), (edge, high - 0.03), (edge, 0.5 * (hem + high)), (edge, hem + 0.03)]
    return around([*stations, (radius + 0.02, hem), (radius - 0.03, hem)], square)


def piping(radius: float, low: float, square: float, size: float) -> trimesh.Trimesh:
    """Dabs of cream side by side around a tier's foot."""
    count = int(2 * np.pi * radius / (1.9 * size))
    dabs = []
    for angle in np.linspace(0.0, 2 * np.pi, count, endpoint=False):
        reach = radius * float(outline(square, np.array(angle)))
        at = (reach * float(np.cos(angle)), reach * float(np.sin(angle)), low + 0.6 * size)
        dabs.append(solids.pebble(at, (size, size, size), 2))
    return solids.joined(*dabs)


def cake_candle(at: Point, length: float, paint: Material) -> list[Part]:
    """A lit candle on a cake, with a stripe wound around it."""
    turn = np.linspace(0.0, 5 * np.pi, 40)
    stripe = np.column_stack([0.08 * np.cos(turn), 0.08 * np.sin(turn), np.linspace(0.03, length - 0.03, 40)])
    parts = [
        Part("candle", solids.crisp(solids.cylinder((0, 0, -0.05), (0, 0, length), 0.082, 20)), paint),
        Part("stripe", solids.swept(stripe, np.full(40, 0.02), CIRCLE[::4], (0.0, 0.0, 1.0)), CHINA),
        *reshaped(flame(0.42), lambda mesh: solids.moved(mesh, (0.0, 0.0, length))),
    ]
    return reshaped(parts, lambda mesh: solids.moved(mesh, at))


@object_class("birthday cake", family="food", azimuths=((-180, 180),), elevations=(12, 30), synonyms=("cake",))
def birthday_cake(draw: Draw) -> list[Part]:
    """A cake of one to three tiers, round or square, with dripping icing and burning candles, on a plate or a stand."""
    poured = draw.color("icing", ["white", "pink", "pink", "brown", "red", "blue", "yellow", "purple", "green"], 0.03)
    glaze = Material(poured.shade(0.75) if poured.name == "brown" else poured, 0.3)
    sides = [word for word in ("white", "white", "brown", "yellow", "pink") if word != poured.name]
    coat = Material(draw.color("side", sides, 0.03), 0.6)
    tiers = int(draw.choice("tiers", [1.0, 2.0, 2.0, 3.0]))
    square = 1.0 if draw.choice("shape", ["round", "round", "square"]) == "square" else 0.0
    radius = draw.uniform("width", 0.85, 1.1) * (0.88 if square else 1.0)
    height = draw.uniform("tier height", 0.5, 0.75) * (1.15 if tiers == 1 else 0.85)
    shrink = draw.uniform("step", 0.62, 0.72)
    drops, longest = draw.choice("drops", [9.0, 11.0, 13.0]), draw.uniform("drop length", 0.35, 0.56) * height
    parts, low = cake_plate(draw.choice("plate", ["plate", "plate", "stand"]), 1.3 * radius)
    for wide in [radius * shrink**k for k in range(tiers)]:
        count = max(5, round(drops * wide / radius))
        poured_on = topping(wide, low + height, square, count, longest)
        parts += [Part("cake", tier(wide, low, low + height, square), coat), Part("icing", poured_on, glaze)]
        parts.append(Part("cream", piping(wide + 0.02, low, square, 0.085), glaze))
        low += height
    return parts + cake_candles(draw, wide * (0.42 if tiers == 3 else 0.58), low + 0.04, poured.name)


def cake_candles(draw: Draw, spread: float, low: float, avoid: str) -> list[Part]:
    """One to six candles in a ring of radius `spread` at z = `low`, not in the colour of the icing."""
    count = int(draw.choice("candles", [1.0, 3.0, 4.0, 5.0, 6.0] if spread > 0.25 else [1.0, 2.0, 3.0]))
    shades = [word for word in ("red", "blue", "yellow", "green") if word != avoid]
    wax, length = Material(draw.color("candle", shades), 0.4), draw.uniform("candle length", 0.42, 0.62)
    reach = spread if count > 1 else 0.0
    spots = [2 * np.pi * (k + 0.3) / count for k in range(count)]
    places = [(float(reach * np.cos(turn)), float(reach * np.sin(turn)), low) for turn in spots]
    return [part for at in places for part in cake_candle(at, length, wax)]


def cake_plate(kind: str, radius: float) -> tuple[list[Part], float]:
    """A flat plate, or a stand with a foot, and the height of its upper side."""
    rim = [(0.0, 0.0), (radius, 0.0), (radius + 0.03, 0.03), (radius, 0.06), (0.0, 0.06)]
    if kind == "plate":
        return [Part("plate", solids.crisp(solids.lathe(rim, 72), 40), CHINA)], 0.06
    foot = [(0.0, 0.0), (0.5 * radius, 0.0), (0.48 * radius, 0.06), (0.16, 0.14), (0.13, 0.28), (0.3, 0.4), (0.0, 0.42)]
    dish = solids.moved(solids.lathe(rim, 72), (0.0, 0.0, 0.38))
    return [Part("stand", solids.crisp(solids.joined(solids.lathe(foot, 48), dish), 40), CHINA)], 0.44
