"""What a laid table shows: teapots, wine glasses and candles. Cups are in `things`.

What speaks through an outline (a spout, a handle) lies in the yz plane, so that the front view along x shows it.
"""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.food import reshaped
from retrieval.world.objects.things import ear, wood
from retrieval.world.solids import Array, Flat, Point

SOOT = Material(Color("black", (0.10, 0.08, 0.07)), 0.8)
BRASS = Material(Color("yellow", (0.83, 0.62, 0.25)), 0.25, metallic=0.8)
FIRE = Material(Color("orange", (0.98, 0.55, 0.10)), 0.6)
GLOW = Material(Color("yellow", (1.0, 0.88, 0.35)), 0.6)
CIRCLE = np.array([(np.cos(t), np.sin(t)) for t in np.linspace(0.0, 2 * np.pi, 20, endpoint=False)])  # (20, 2)


def turned_profile(points: list[Flat], steps: int = 40, sections: int = 64) -> trimesh.Trimesh:
    """The smooth curve through a few points (radius, z), turned around the z axis; radii never fall below zero."""
    line = solids.curve(points, steps)
    line[:, 0] = np.maximum(line[:, 0], 0.0)
    return solids.lathe(line.tolist(), sections)


# ----- Candle


def flame(size: float, sway: float = 0.0) -> list[Part]:
    """A burning flame that stands on the origin, `size` high, its tip blown sideways by `sway` of its height."""
    drop = [(0.0, 0.0), (0.17, 0.08), (0.27, 0.28), (0.2, 0.55), (0.07, 0.85), (0.0, 1.0)]
    outer = turned_profile([(size * r, size * z) for r, z in drop], 24, 24)
    height = np.clip(outer.vertices[:, 2] / size, 0.0, 1.0)
    outer.vertices[:, 1] += sway * size * height**2
    inner = solids.moved(solids.scaled(outer, (0.62, 0.62, 0.58)), (0.14 * size, 0.0, 0.06 * size))
    behind = solids.moved(solids.scaled(outer, (0.62, 0.62, 0.58)), (-0.14 * size, 0.0, 0.06 * size))
    return [Part("flame", outer, FIRE), Part("flame", solids.joined(inner, behind), GLOW)]


def wax(radius: float, low: float, high: float, taper: float, twist: bool) -> trimesh.Trimesh:
    """A candle's body from z = `low` to `high` with a hollow around its wick; twisted ones have four soft edges."""
    turn = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
    rings = []
    for share in np.linspace(0.0, 1.0, 40):
        wave = 0.1 * np.cos(4 * turn + 7.0 * share) - 0.1 if twist else 0.0 * turn
        reach = radius * (1 - taper * share) * (1 + wave)
        rings.append(
            np.column_stack([reach * np.cos(turn), reach * np.sin(turn), turn * 0 + low + (high - low) * share])
        )
    top = rings[-1]
    for inset, rise in ((0.95, 0.12), (0.86, 0.16), (0.75, 0.1), (0.5, -0.04), (0.0, -0.08)):
        rings.append(top * (inset, inset, 1.0) + (0.0, 0.0, rise * radius))
    return solids.loft(rings)


def wax_drips(radius: float, high: float, taper: float, longest: float, count: int) -> trimesh.Trimesh:
    """Runs of wax from the candle's brim down its side, each with a bead at its end, the longest in front."""
    runs = []
    for k in range(count):
        length = longest * (1.0, 0.45, 0.75, 0.3, 0.6)[k % 5]
        edge = radius * (1 - taper)
        line = [(0.85 * edge, 0, high + 0.12 * radius), (0.97 * edge, 0, high), (edge, 0, high - length)]
        steps = np.column_stack([np.interp(np.linspace(0, 2, 12), np.arange(3), axis) for axis in np.transpose(line)])
        run = solids.pipe(
            steps, np.interp(np.arange(12), [0, 4, 10, 11], [0.2, 0.15, 0.19, 0.19]) * radius, sections=10
        )
        runs.append(solids.turned(run, 2, 25.0 + 360.0 / count * k + 9.0 * (-1) ** k))
    return solids.joined(*runs)


def saucer(radius: float, paint: Material) -> list[Part]:
    """A round dish on the ground with a raised brim, to catch wax; its floor lies at z = 0.06."""
    profile = [(0.0, 0.0), (0.72, 0.0), (0.8, 0.03), (1.0, 0.17), (1.02, 0.2), (0.98, 0.215), (0.9, 0.16), (0.74, 0.07)]
    dish = solids.lathe([(radius * r, z) for r, z in [*profile, (0.0, 0.06)]], 64)
    return [Part("holder", dish, paint)]


def chamberstick(radius: float, reach: float, paint: Material) -> list[Part]:
    """A dish with a socket for a candle of `radius` and a ring for the finger at its left."""
    socket = turned_profile([(1.5 * radius, 0.05), (1.12 * radius, 0.14), (1.14 * radius, 0.3), (1.3 * radius, 0.4)])
    inner = turned_profile([(1.3 * radius, 0.4), (1.0 * radius, 0.38), (0.98 * radius, 0.3)], 8)
    loop = solids.arc((0.0, reach + 0.16, 0.24), 0.18, 0.0, 360.0, axis=0, steps=28)
    return [
        *saucer(reach, paint),
        Part("holder", solids.joined(socket, inner), paint),
        Part("handle", solids.pipe(loop, 0.055), paint),
    ]


def candlestick(radius: float, height: float, paint: Material) -> list[Part]:
    """A turned stick with a round foot and a drip pan, its socket reaching to z = `height`."""
    foot = [(0.52, 0.0), (0.54, 0.05), (0.42, 0.12), (0.16, 0.2), (0.11, 0.3)]
    stem = [(0.19, 0.36), (0.11, 0.43), (0.1, 0.6), (0.14, 0.75), (0.1, 0.8)]
    pan = [(0.34, 0.86), (0.36, 0.9), (1.15 * radius, 0.9), (1.2 * radius, 1.0), (0.9 * radius, 1.0)]
    profile = [(0.0, 0.0), *foot, *stem, *pan]
    return [Part("holder", solids.crisp(solids.lathe([(r, height * z) for r, z in profile], 64), 40), paint)]


@object_class("candle", family="thing", azimuths=((-40, 40), (140, 220)), elevations=(6, 24), synonyms=("candlelight",))
def candle(draw: Draw) -> list[Part]:
    """A burning candle on a dish, in a chamberstick with a handle, or on a candlestick."""
    color = draw.color("wax", ["white", "white", "red", "yellow", "green", "blue", "pink", "purple"], 0.03)
    holder = draw.choice("holder", ["chamberstick", "chamberstick", "dish", "candlestick"])
    stout = {"dish": (0.27, 0.36), "chamberstick": (0.19, 0.26), "candlestick": (0.14, 0.19)}[holder]
    radius, length = draw.uniform("thickness", *stout), draw.uniform("length", 0.9, 1.4)
    metals = {"brass": BRASS, "blue": Material(Color("blue", (0.20, 0.33, 0.60)), 0.3)}
    metals |= {"iron": Material(Color("black", (0.13, 0.13, 0.14)), 0.4), "wood": wood(draw, "timber")}
    paint = metals[draw.choice("holder material", list(metals))]
    low = 0.06
    if holder == "dish":
        parts = saucer(radius * draw.uniform("dish", 1.6, 2.0), paint)
    elif holder == "chamberstick":
        parts = chamberstick(radius, draw.uniform("dish", 0.5, 0.66), paint)
    else:
        low = draw.uniform("stick height", 0.6, 0.95)
        parts = candlestick(radius, low, paint)
    return parts + burning(draw, color, radius, low, low + length)


def burning(draw: Draw, color: Color, radius: float, low: float, high: float) -> list[Part]:
    """A lit candle between z = `low` and `high`: wax, drips, wick and flame."""
    taper, twist = draw.uniform("taper", 0.0, 0.14), draw.choice("body", ["smooth", "smooth", "twisted"]) == "twisted"
    paint = Material(color, 0.45)
    drips = wax_drips(
        radius, high, taper, draw.uniform("drips", 0.25, 0.6) * (high - low), int(draw.choice("runs", [3.0, 4.0, 5.0]))
    )
    size, lean = draw.uniform("flame", 0.46, 0.64), draw.uniform("flicker", -0.22, 0.22)
    top = high + 0.2
    fire = reshaped(flame(size, lean), lambda mesh: solids.moved(mesh, (0.0, 0.0, top - 0.1)))
    return [
        Part("wax", wax(radius, low, high, taper, twist), paint),
        Part("drip", drips, Material(color.shade(1.06), 0.4)),
        Part("wick", solids.pipe([(0, 0, high - 0.08), (0, 0, top)], 0.03), SOOT),
        *fire,
    ]


# ----- Wine glass


BOWLS: dict[str, list[Flat]] = {  # (radius, share of the bowl's height) from the stem to the rim
    "balloon": [(0.04, 0.0), (0.36, 0.12), (0.56, 0.38), (0.54, 0.66), (0.42, 1.0)],
    "tulip": [(0.04, 0.0), (0.26, 0.12), (0.42, 0.4), (0.4, 0.7), (0.34, 1.0)],
    "goblet": [(0.04, 0.0), (0.3, 0.1), (0.44, 0.36), (0.48, 0.7), (0.5, 1.0)],
    "cone": [(0.04, 0.0), (0.18, 0.2), (0.32, 0.5), (0.42, 0.76), (0.5, 1.0)],
}


def band(line: Array, start: float, stop: float, steps: int = 24) -> list[Flat]:
    """The stretch of a profile (n, 2) between two heights."""
    heights = np.linspace(start, stop, steps)
    return [(float(np.interp(z, line[:, 1], line[:, 0])), float(z)) for z in heights]


def stem_profile(kind: str, low: float, foot: float) -> list[Flat]:
    """The outline (radius, z) of a glass' foot and stem up to z = `low`."""
    knot = {"plain": 0.05, "knob": 0.13, "flared": 0.06}[kind]
    slim = 0.045 if kind != "flared" else 0.055
    place = 0.62 * low if kind == "knob" else 0.35 * low
    disc = [(0.0, 0.0), (foot, 0.0), (foot + 0.01, 0.025), (foot - 0.02, 0.045), (0.45 * foot, 0.08), (0.1, 0.14)]
    rise = [(slim, 0.28), (slim, place - 0.1), (knot, place), (slim, place + 0.1), (slim + 0.005, low - 0.06)]
    return [*disc, *rise, (0.1, low + 0.02)]


@object_class(
    "wine glass", family="thing", azimuths=((-180, 180),), elevations=(5, 22), synonyms=("goblet", "wineglass")
)
def wine_glass(draw: Draw) -> list[Part]:
    """A stemmed glass, partly full: a balloon, a tulip, a goblet or a cone."""
    color = draw.color("wine", ["red", "red", "red", "yellow", "pink", "purple"], 0.02)
    wine = Material(color.shade(0.62) if color.name in ("red", "purple") else color, 0.12)
    kind, stem = draw.choice("bowl", list(BOWLS)), draw.choice("stem", ["plain", "plain", "knob", "flared"])
    wide, tall = draw.uniform("bowl width", 0.85, 1.1), draw.uniform("bowl height", 0.95, 1.3)
    low, foot = draw.uniform("stem height", 0.6, 0.95), draw.uniform("foot", 0.36, 0.48)
    fill = draw.uniform("fill", 0.32, 0.68)
    tint = {"clear": (0.90, 0.95, 0.96), "smoky": (0.80, 0.84, 0.88), "greenish": (0.82, 0.94, 0.86)}
    glass = Material(Color("white", tint[draw.choice("glass", list(tint))]), 0.05, clear=True)
    line = solids.curve([(wide * r, low + tall * share) for r, share in BOWLS[kind]], 60)
    level = low + fill * tall
    outside = band(line, low, level)
    drink = [(0.0, low), *[(r + 0.004, z) for r, z in outside], (outside[-1][0] - 0.03, level), (0.0, level)]
    rim_radius, rim_height = line[-1].tolist()
    rim = solids.arc((0.0, 0.0, rim_height), rim_radius, 0.0, 360.0, axis=2, steps=49)
    leg = solids.lathe(stem_profile(stem, low, foot), 48)
    silver = Material(Color("gray", (0.66, 0.70, 0.74)), 0.12, metallic=0.3)
    return [
        Part("wine", solids.crisp(solids.lathe(drink, 64)), wine),
        Part("bowl", solids.lathe(band(line, level, rim_height), 64), glass),
        Part("stem", solids.crisp(leg, 50), silver),
        Part("rim", solids.pipe(rim, 0.026), Material(Color("gray", (0.42, 0.45, 0.50)), 0.2)),
    ]


# ----- Teapot


BODIES: dict[str, list[Flat]] = {  # (share of the width, share of the height) from the foot to the shoulder
    "round": [(0.55, 0.0), (0.86, 0.2), (1.0, 0.48), (0.9, 0.76), (0.62, 0.95), (0.46, 1.0)],
    "pear": [(0.66, 0.0), (0.94, 0.15), (1.0, 0.34), (0.84, 0.62), (0.6, 0.86), (0.48, 1.0)],
    "heart": [(0.42, 0.0), (0.66, 0.2), (0.92, 0.5), (1.0, 0.74), (0.8, 0.94), (0.5, 1.0)],
}


def spout(start: Point, tip: Point, thick: float, kind: str) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """A spout from the belly to its tip, straight or like a swan's neck, and the dark disc of its mouth."""
    y0, z0, y1, z1 = start[1], start[2], tip[1], tip[2]
    wide, rise = y1 - y0, z1 - z0
    bends = {
        "swan": [(y0 + 0.48 * wide, z0 + 0.12 * rise), (y0 + 0.7 * wide, z0 + 0.62 * rise)],
        "straight": [(y0 + 0.5 * wide, z0 + 0.45 * rise)],
    }[kind]
    flat = solids.curve([(y0, z0), *bends, (y1, z1)], 28)
    line = np.column_stack([np.zeros(len(flat)), flat])
    radii = thick * np.interp(np.linspace(0, 1, 28), [0.0, 0.4, 0.8, 0.95, 1.0], [1.0, 0.66, 0.44, 0.46, 0.5])
    ahead = line[-1] - line[-2]
    ahead /= np.linalg.norm(ahead)
    mouth = [line[-1] - 0.01 * ahead, line[-1] + 0.008 * ahead]
    hole = solids.cylinder(tuple(mouth[0]), tuple(mouth[1]), 0.7 * float(radii[-1]), 24)
    return solids.swept(line, radii, CIRCLE, (1.0, 0.0, 0.0)), hole


def lid(radius: float, top: float, dome: float, knob: str) -> tuple[trimesh.Trimesh, trimesh.Trimesh]:
    """A domed lid of `radius` on a pot that ends at z = `top`, and its knob."""
    arch = solids.curve([(radius, top + 0.03), (0.72 * radius, top + 0.7 * dome), (0.0, top + dome)], 16)
    brim = [(0.0, top - 0.02), (radius, top - 0.02), (radius + 0.035, top + 0.0), (radius + 0.035, top + 0.03)]
    cap = solids.crisp(solids.lathe([*brim, *arch.tolist()[:-1], (0.0, top + dome)], 64), 40)
    peak = top + dome
    shapes = {
        "ball": [(0.07, -0.03), (0.06, 0.03), (0.13, 0.12), (0.1, 0.22), (0.0, 0.25)],
        "drop": [(0.08, -0.03), (0.07, 0.03), (0.13, 0.11), (0.05, 0.24), (0.0, 0.33)],
        "disc": [(0.08, -0.03), (0.07, 0.06), (0.19, 0.1), (0.17, 0.16), (0.0, 0.17)],
    }
    return cap, turned_profile([(r, peak + z) for r, z in shapes[knob]], 20, 32)


@object_class("teapot", family="thing", azimuths=((-30, 30), (150, 210)), elevations=(8, 26), synonyms=("tea kettle",))
def teapot(draw: Draw) -> list[Part]:
    """A teapot with a spout, a lid, and a handle behind it or arched over it: plain, banded or dotted."""
    colors = ["white", "red", "blue", "green", "yellow", "brown", "pink", "purple", "orange"]
    glaze = Material(draw.color("glaze", colors, 0.035), 0.2)
    accent = Material(
        draw.color("accent", [word for word in ("white", "blue", "yellow") if word != glaze.color.name]), 0.2
    )
    kind, carried = draw.choice("body", list(BODIES)), draw.choice("handle", ["behind", "behind", "behind", "above"])
    wide, tall = draw.uniform("width", 0.66, 0.86), draw.uniform("height", 0.95, 1.2)
    line = solids.curve([(wide * r, 0.06 + tall * z) for r, z in BODIES[kind]], 48)
    mouth, top = line[-1].tolist()
    body = solids.lathe([(0.0, 0.0), (0.58 * wide, 0.0), (0.6 * wide, 0.05), *line.tolist(), (0.0, top)], 72)

    def at(share: float) -> tuple[float, float]:
        z = 0.06 + share * tall
        return float(np.interp(z, line[:, 1], line[:, 0])), z

    y, z = at(draw.uniform("spout foot", 0.26, 0.4))
    reach, rise = draw.uniform("spout length", 0.5, 0.72), draw.uniform("spout height", 0.82, 1.05)
    beak, hole = spout((0, y - 0.26, z), (0, y + reach, rise * top), 0.25, draw.choice("spout", ["swan", "straight"]))
    cap, knob = lid(mouth, top, draw.uniform("lid", 0.1, 0.26), draw.choice("knob", ["ball", "drop", "disc"]))
    trim = accent if draw.choice("trim", ["same", "other"]) == "other" else glaze
    parts = [
        Part("body", solids.crisp(body, 40), glaze),
        Part("spout", beak, glaze),
        Part("hole", hole, SOOT),
        Part("lid", cap, glaze),
        Part("knob", knob, trim),
        pot_handle(draw, carried, np.array([at(0.84), at(0.24)]), top, trim),
    ]
    pattern = draw.choice("pattern", ["plain", "band", "dots"])
    if pattern != "plain":
        parts.append(Part(pattern.rstrip("s"), painted(pattern, line), accent))
    return parts


def pot_handle(draw: Draw, carried: str, wall: Array, top: float, paint: Material) -> Part:
    """The handle: an ear at the back of the wall's points (y, z), or an arch over the lid."""
    if carried == "behind":
        loop = ear(draw.choice("loop", ["round", "drop", "square"]), wall, draw.uniform("handle reach", 0.42, 0.56))
        return Part("handle", solids.turned(loop, 2, 180.0), paint)
    (y, z), peak = wall[0], top + draw.uniform("arch", 0.72, 0.95)
    line = solids.curve(
        [(-y, z), (-0.92 * y, 0.6 * peak + 0.4 * z), (0.0, peak), (0.92 * y, 0.6 * peak + 0.4 * z), (y, z)], 40
    )
    return Part("handle", solids.pipe(np.column_stack([np.zeros(len(line)), line]), 0.055, across=1.5), paint)


def painted(pattern: str, line: Array) -> trimesh.Trimesh:
    """A band around the belly of a profile (n, 2), or two rows of dots."""
    low, high = float(line[0, 1]), float(line[-1, 1])
    if pattern == "band":
        return solids.lathe(
            [(r + 0.006, z) for r, z in band(line, low + 0.42 * (high - low), low + 0.6 * (high - low))], 72
        )
    dots = []
    for row, share in enumerate((0.3, 0.56)):
        z = low + share * (high - low)
        radius = float(np.interp(z, line[:, 1], line[:, 0]))
        for k in range(9):
            spot = solids.pebble((radius - 0.006, 0.0, z), (0.025, 0.085, 0.085), 2)
            dots.append(solids.turned(spot, 2, 40.0 * k + 20.0 * row))
    return solids.joined(*dots)
