"""Animals of the sea besides the fish: a whale, a sea turtle, an octopus; and ashore their cousin, the snail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.anatomy import (
    INK,
    IVORY,
    ORIGIN,
    eyes,
    gesture,
    horn,
    moved,
    paler,
    patched,
    pose,
    posed,
)
from retrieval.world.objects.birds import round_eyes
from retrieval.world.sdf import Array, Field, Point
from retrieval.world.solids import Flat

SLIME = {  # softer than the palette's colours of the same name
    "yellow": Color("yellow", (0.86, 0.72, 0.47)),
    "gray": Color("gray", (0.62, 0.6, 0.58)),
    "brown": Color("brown", (0.6, 0.43, 0.29)),
}
WATER = Material(Color("blue", (0.55, 0.75, 0.92)), roughness=0.15)


def wet(color: Color) -> Material:
    """Smooth skin that shines a little."""
    return Material(color, roughness=0.4)


def round_section(flat: float = 1.0, count: int = 20) -> Array:
    """A loop (count, 2) for sweeps: a circle whose second axis is `flat` times the first."""
    turn = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(turn), flat * np.sin(turn)], axis=1)


# ----- Whale


@object_class("whale", family="animal", azimuths=((38.0, 66.0), (-66.0, -38.0)), elevations=(0.0, 18.0))
def whale(draw: Draw) -> list[Part]:
    """A whale with its flukes raised and mostly with a spout: a round one with a grooved throat, or a sperm whale."""
    skin = draw.color("skin", ["blue", "blue", "gray", "gray", "black"], 0.03)
    kind, fat = draw.choice("kind", ["round", "round", "sperm"]), draw.uniform("fatness", 0.88, 1.14)
    rise, swing = draw.uniform("tail rise", 0.75, 1.35), draw.uniform("tail swing", -0.35, 0.35)
    trunk = whale_trunk(kind, fat, rise, swing)
    light = Color("white", (0.88, 0.89, 0.9)) if skin.name != "gray" else paler(skin).shade(1.25)
    belly = sdf.ellipsoid((0.75, 0.0, -0.95 * fat), (1.75, 1.1, 0.88 * fat))
    parts = patched(Part("body", sdf.surface(trunk, 56), wet(skin)), belly, light)
    if kind == "round":
        parts.append(throat_grooves(trunk, fat, skin.shade(0.7)))
    parts += [whale_mouth(trunk, kind, fat, skin.shade(0.45)), *whale_eyes(trunk, fat)]
    parts.append(flukes((-2.3, swing, rise), draw.uniform("flukes", 1.0, 1.3), 40.0 + 22.0 * rise, skin))
    parts.append(whale_flippers(draw.uniform("flipper", 0.75, 1.35), draw.uniform("droop", 5.0, 40.0), fat, skin))
    spout = draw.choice("spout", ["fountain", "fountain", "twin", "none"])
    if spout != "none":
        top = sdf.cast(trunk, np.array([(0.85, 0.0, 2.0)]), (0.0, 0.0, -1.0))[0].tolist()
        parts.append(fountain((top[0], top[1], top[2]), draw.uniform("spout", 0.6, 0.95), spout == "fountain"))
    return parts


def whale_trunk(kind: str, fat: float, rise: float, swing: float) -> Field:
    """A whale's body: a big head and a tail stock that narrows, swings aside and rises to `rise`."""
    if kind == "sperm":
        head = sdf.blend(
            0.3,
            sdf.block((0.95, 0.0, 0.12), (0.95, 0.58 * fat, 0.62 * fat), 0.4),
            sdf.limb((0.2, 0.0, -0.48 * fat), (1.35, 0.0, -0.5 * fat), 0.2, 0.1),
        )
    else:
        head = sdf.blend(
            0.3,
            sdf.ellipsoid((0.6, 0.0, 0.0), (1.15, 0.78 * fat, 0.74 * fat)),
            sdf.ellipsoid((0.8, 0.0, -0.2 * fat), (0.98, 0.7 * fat, 0.56 * fat)),
        )
    stock = solids.curve(
        [(0.2, 0.0, 0.02), (-0.8, 0.0, 0.0), (-1.65, 0.4 * swing, 0.3 * rise), (-2.3, swing, rise)], 12
    )
    radii = np.interp(np.arange(12), [0, 4, 8, 11], [0.7 * fat, 0.54 * fat, 0.27, 0.13])
    line = [(float(x), float(y), float(z)) for x, y, z in stock]
    return sdf.blend(0.4, head, sdf.path(line, radii.tolist()))


def throat_grooves(trunk: Field, fat: float, color: Color) -> Part:
    """Long furrows from a whale's chin to its belly, on both sides."""
    furrows = []
    for drop in (0.32, 0.46, 0.58):
        along = np.linspace(1.55 - 0.4 * drop, 0.15, 16)
        start = np.column_stack([along, np.full(16, 1.6), np.full(16, -drop * fat) - 0.03 * along])
        furrows.append(solids.pipe(sdf.cast(trunk, start, (0.0, -1.0, 0.0), 40), 0.026, sections=6))
    return Part("throat", solids.mirrored(solids.joined(*furrows)), wet(color))


def whale_mouth(trunk: Field, kind: str, fat: float, color: Color) -> Part:
    """The line of a whale's mouth: a wide smile, or the low slot under a sperm whale's brow."""
    ends = [(1.66, -0.16), (1.25, -0.2), (0.85, -0.16), (0.62, -0.02)]
    if kind == "sperm":
        ends = [(1.45, -0.5), (1.1, -0.47), (0.7, -0.42), (0.5, -0.33)]
    line = solids.curve([(x, z * fat) for x, z in ends], 18)
    start = np.column_stack([line[:, 0], np.full(18, 1.6), line[:, 1]])
    lips = solids.pipe(sdf.cast(trunk, start, (0.0, -1.0, 0.0), 40), 0.032, sections=8)
    return Part("mouth", solids.mirrored(lips), wet(color))


def whale_eyes(trunk: Field, fat: float) -> list[Part]:
    """A whale's small eyes above the corners of its mouth, each in a pale ring."""
    x, y, z = sdf.cast(trunk, np.array([(0.66, 1.6, 0.16 * fat)]), (0.0, -1.0, 0.0), 40)[0].tolist()
    return eyes((x, y - 0.03, z), 0.105, (0.35, 1.0, 0.0), IVORY.color)


def flukes(at: Point, size: float, lift: float, color: Color) -> Part:
    """The two lobes of a whale's tail at the end of its stock, tipped up by `lift` degrees."""
    front: list[Flat] = [(0.12, 0.0), (0.05, 0.14), (-0.28, 0.6), (-0.62, 1.0)]
    half = [*front, (-0.85, 1.08), (-0.72, 0.6), (-0.62, 0.25)]
    outline = [*half, (-0.5, 0.0), *[(x, -y) for x, y in half[::-1]][:-1]]
    blade = solids.plate([(size * x, size * y) for x, y in outline], 0.16, 0.075, 0.09)
    x, y, z = solids.moved(blade, (0.0, 0.0, -0.08)).vertices.T
    curled = blade.copy()
    curled.vertices = np.stack([x, y, z + 0.2 * np.abs(y) ** 1.5], axis=1)
    return Part("tail", solids.crisp(solids.moved(solids.turned(curled, 1, lift), at), 50.0), wet(color))


def whale_flippers(length: float, droop: float, fat: float, color: Color) -> Part:
    """The pair of a whale's flippers, swept back and hanging by `droop` degrees."""
    spine = solids.curve([(0.0, -0.15, 0.0), (-0.12, 0.35 * length, 0.03), (-0.5, 0.9 * length, -0.05)], 16)
    widths = 0.25 * np.interp(np.arange(16), [0, 4, 10, 15], [0.8, 1.0, 0.75, 0.2])
    blade = solids.swept(spine, widths, round_section(0.32), side=(1.0, 0.0, 0.0))
    wing = solids.moved(solids.turned(blade, 0, -droop), (0.45, 0.6 * fat, -0.42 * fat))
    return Part("fin", solids.mirrored(wing), wet(color.shade(0.85)))


def fountain(at: Point, high: float, falling: bool) -> Part:
    """The spout of a whale above its blowhole: jets that fall to all sides, or two that part."""
    x, y, z = at
    jets = []
    for angle in range(0, 360, 60) if falling else ():
        c, s = np.cos(np.radians(angle + 20)), np.sin(np.radians(angle + 20))
        reach = [(0.0, -0.08), (0.06, 0.5 * high), (0.24, 0.92 * high), (0.48, 0.8 * high), (0.58, 0.45 * high)]
        line = solids.curve([(x + r * c, y + r * s, z + up) for r, up in reach], 18)
        jets.append(solids.pipe(line, np.interp(np.arange(18), [0, 8, 17], [0.07, 0.07, 0.1])))
    for side in () if falling else (1.0, -1.0):
        reach = [(0.02, -0.08), (0.06, 0.45 * high), (0.26, 0.85 * high), (0.58, 0.95 * high), (0.76, 0.7 * high)]
        line = solids.curve([(x - 0.3 * r, y + side * r, z + up) for r, up in reach], 18)
        jets.append(solids.pipe(line, np.interp(np.arange(18), [0, 8, 17], [0.08, 0.1, 0.12])))
    return Part("water", solids.joined(*jets), WATER)


# ----- Sea turtle


@object_class(
    "sea turtle",
    family="animal",
    azimuths=((25.0, 75.0), (-75.0, -25.0)),
    elevations=(34.0, 64.0),
    synonyms=("turtle",),
)
def sea_turtle(draw: Draw) -> list[Part]:
    """A sea turtle in mid-stroke of its flippers, with a plated shell."""
    shell = draw.color("shell", ["green", "green", "brown", "brown", "orange"], 0.03)
    skin = draw.color("skin", ["green", "gray", "yellow"], 0.03)
    wide, high, taper = (
        draw.uniform("width", 0.72, 0.94),
        draw.uniform("dome", 0.36, 0.6),
        draw.uniform("taper", 0.1, 0.3),
    )
    plates = turtle_shell(wide, high, taper, shell, draw.choice("plates", ["broad", "broad", "fine"]) == "fine")
    return [*plates, *turtle_skin(draw, wide, skin), *turtle_flippers(draw, wide, skin)]


def turtle_shell(wide: float, high: float, taper: float, color: Color, fine: bool) -> list[Part]:
    """The domed shell of a turtle of length 2: plates with pale seams between them, inside a rim of smaller ones."""
    dome = sdf.blend(
        0.12, sdf.ellipsoid((0.0, 0.0, 0.0), (0.92, 0.92, high)), sdf.ellipsoid((0.0, 0.0, 0.0), (1.04, 1.04, 0.12))
    )
    bowl = sdf.cut(dome, sdf.block((0.0, 0.0, -0.6), (2.0, 2.0, 0.55), 0.01))
    seeds = plate_seeds(*((5, 0.36) if fine else (4, 0.44)))
    gaps = Field(lambda p: seam(p, seeds) - 0.017, bowl.low, bowl.high)
    lines, plates = sdf.split(sdf.surface(bowl, 66), gaps)
    for mesh in (lines, plates):
        x, y, z = (mesh.vertices * (1.0 - 0.9 * np.clip(0.055 - seam(mesh.vertices, seeds), 0.0, 0.06))[:, None]).T
        mesh.vertices = np.stack([x, wide * y * (1.0 + taper * (x - 0.25)), z], axis=1)
    pale = Color("yellow", (0.86, 0.76, 0.45))
    return [Part("shell", plates, wet(color)), Part("shell", lines, wet(pale))]


def plate_seeds(count: int, step: float) -> Array:
    """The centres (n, 2) of a turtle's plates: `count` along the back, a row on each flank, the rim."""
    first = step * (count - 1) / 2
    spine = [(first - step * i, 0.0) for i in range(count)]
    flanks = [(first - step * (i + 0.5), side * 0.54) for i in range(count - 1) for side in (1.0, -1.0)]
    around = 2 * np.pi * (np.arange(4 * count) + 0.5) / (4 * count)
    return np.concatenate([spine, flanks, 1.1 * np.stack([np.cos(around), np.sin(around)], axis=1)])


def seam(p: Array, seeds: Array) -> Array:
    """How far points (..., 3) -> (...) lie, seen from above, from the seams between the plates around `seeds`."""
    square = np.sum((p[..., None, :2] - seeds) ** 2, axis=-1)
    two = np.sqrt(np.partition(square, 1, axis=-1)[..., :2])
    return np.asarray((two[..., 1] - two[..., 0]) / 2, float)


def turtle_skin(draw: Draw, wide: float, color: Color) -> list[Part]:
    """A sea turtle's soft body with a head that looks about, a beak and a dark cap."""
    neck = draw.uniform("neck", 0.12, 0.3)
    look = gesture(draw, (1.14 + neck, 0.0, 0.1 + 0.4 * neck), 30.0, 10.0, 8.0)
    trunk = sdf.blend(
        0.15,
        sdf.ellipsoid((0.0, 0.0, -0.06), (0.92, 0.86 * wide, 0.16)),
        sdf.limb((0.6, 0.0, -0.02), moved((-0.05, 0.0, -0.02), look), 0.22, 0.19),
        sdf.limb((-0.8, 0.0, -0.04), (-1.16, 0.0, -0.06), 0.1, 0.03),
    )
    skull = sdf.blend(
        0.1,
        sdf.ellipsoid((0.0, 0.0, 0.02), (0.35, 0.29, 0.28)),
        sdf.limb((0.12, 0.0, -0.02), (0.36, 0.0, -0.07), 0.2, 0.1),
    )
    cap = sdf.posed(sdf.ellipsoid((-0.04, 0.0, 0.3), (0.3, 0.2, 0.16)), look)
    beak = sdf.posed(sdf.ellipsoid((0.5, 0.0, -0.05), (0.17, 0.2, 0.16)), look)
    tip, skin = sdf.split(sdf.surface(sdf.blend(0.1, trunk, sdf.posed(skull, look)), 58), beak)
    face = [Part("beak", tip, wet(color.shade(0.5))), *posed(eyes((0.16, 0.225, 0.08), 0.085, (0.5, 0.9, 0.1)), look)]
    return [*patched(Part("body", skin, wet(color)), cap, color.shade(0.6)), *face]


def turtle_flippers(draw: Draw, wide: float, color: Color) -> list[Part]:
    """Four flippers of a sea turtle: a long pair that strokes and a short one that steers."""
    span, sweep = draw.uniform("flipper", 0.95, 1.3), draw.uniform("stroke", -25.0, 28.0)
    beat, steer = draw.uniform("beat", -20.0, 24.0), draw.uniform("steer", -15.0, 20.0)
    front = [(-0.02, -0.1), (0.14, 0.4), (0.02, 0.8), (-0.38, 1.12)]
    rear = [(0.0, -0.1), (-0.14, 0.25), (-0.42, 0.48)]
    parts = []
    for knots, at, size, turn, wave in (
        (front, (0.62, 0.62 * wide, -0.04), span, sweep, beat),
        (rear, (-0.72, 0.42 * wide, -0.06), 1.0, steer, -0.4 * beat),
    ):
        spine = solids.curve([(size * x, size * y, -0.05 * y) for x, y in knots], 16)
        widths = 0.24 * size * np.interp(np.arange(16), [0, 5, 11, 15], [0.75, 1.0, 0.72, 0.15])
        blade = solids.swept(spine, widths, round_section(0.3), side=(1.0, 0.0, 0.0))
        placed = solids.moved(solids.turned(solids.turned(blade, 2, -turn), 0, wave), at)
        parts.append(Part("flipper", solids.mirrored(placed), wet(color)))
    return parts


# ----- Octopus


@object_class("octopus", family="animal", azimuths=((-26.0, 26.0),), elevations=(4.0, 26.0))
def octopus(draw: Draw) -> list[Part]:
    """An octopus with a bulb of a head over eight arms that arch to the ground and curl at their tips."""
    skin = draw.color("skin", ["red", "red", "orange", "purple", "pink", "blue"], 0.04)
    stand, bulb = draw.uniform("stand", 0.3, 0.75), draw.uniform("bulb", 0.82, 1.15)
    lean = pose((0.0, 0.0, stand), tilt=draw.uniform("lean", -14.0, 14.0), nod=-draw.uniform("tip back", 0.0, 16.0))
    mantle = sdf.blend(
        0.22,
        sdf.ellipsoid((-0.08, 0.0, 0.98 + 0.34 * bulb), (0.66, 0.7, 0.74 * bulb)),
        sdf.ellipsoid((0.0, 0.0, 0.42), (0.46, 0.54, 0.42)),
        sdf.ellipsoid((0.0, 0.0, 0.04), (0.52, 0.56, 0.24)),
        sdf.mirrored(sdf.sphere((0.36, 0.27, 0.52), 0.2)),
    )
    body = solids.posed(sdf.surface(mantle, 46), lean)
    face = octopus_face(draw, skin)
    reach, curl = draw.uniform("reach", 0.8, 1.15), draw.choice("curl", ["up", "side", "mixed"])
    parts = [Part("body", body, wet(skin)), *posed(face, lean)]
    for i, angle in enumerate((14.0, 46.0, 80.0, 122.0)):
        for side in (1.0, -1.0):
            wave = draw.uniform(f"arm {len(parts)}", -10.0, 10.0)
            style = curl if curl != "mixed" else ("up", "side")[(i + (side > 0)) % 2]
            spine = arm_spine(stand, reach * (1.0 + 0.06 * i), style, side)
            parts += octopus_arm(spine, side * angle + wave, skin)
    return parts


def octopus_face(draw: Draw, skin: Color) -> list[Part]:
    """An octopus' two bulging eyes and perhaps its smile, upright above the origin."""
    size = draw.uniform("eye", 0.155, 0.21)
    parts = round_eyes((0.47, 0.255, 0.54), size, IVORY.color)
    if draw.choice("mouth", ["none", "smile"]) == "smile":
        line = solids.arc((0.0, 0.0, 0.42), 0.17, 215.0, 325.0, axis=0, steps=14)
        mouth = solids.pipe([(0.53 - 0.35 * y * y, y, z) for _, y, z in line], 0.026)
        parts.append(Part("mouth", mouth, wet(skin.shade(0.35))))
    return parts


def arm_spine(stand: float, reach: float, curl: str, side: float) -> Array:
    """The middle line (n, 3) of an arm along +x: over a shoulder at height `stand`, down to the ground, to its curl."""
    x, radius = 0.42 + 0.75 * reach, 0.27
    knots = [(0.2, 0.0, stand + 0.02), (0.52, 0.0, stand + 0.06), (0.5 + 0.4 * reach, 0.0, 0.2), (x, 0.0, 0.12)]
    for step in range(1, 8):
        turn, shrink = np.radians(52.0 * step), radius * (1.0 - 0.085 * step)
        forward, aside = shrink * np.sin(turn), radius - shrink * np.cos(turn)
        ahead = x + 0.28 * min(1.0, 0.4 * step) + forward
        knots.append((ahead, 0.0, 0.12 + aside) if curl == "up" else (ahead, side * aside, 0.11))
    return solids.curve(knots, 44)


def octopus_arm(spine: Array, angle: float, skin: Color) -> list[Part]:
    """A tapering arm along `spine`, turned by `angle` degrees around the body, with pale suckers beneath it."""
    radii = np.interp(np.arange(44), [0, 6, 22, 43], [0.23, 0.22, 0.15, 0.055])
    arm = solids.pipe(spine, radii, sections=12)
    ahead = np.gradient(spine, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    places = spine + 0.82 * radii[:, None] * np.cross(ahead, (0.0, 1.0, 0.0))
    cups = [
        solids.pebble((float(x), float(y), float(z)), (0.5 * r,) * 3, 1)
        for (x, y, z), r in zip(places[12::3], radii[12::3], strict=True)
    ]
    suckers = Part("sucker", solids.turned(solids.joined(*cups), 2, angle), wet(skin.shade(1.5)))
    return [Part("arm", solids.turned(arm, 2, angle), wet(skin)), suckers]


# ----- Snail


@object_class("snail", family="animal", azimuths=((44.0, 74.0), (-74.0, -44.0)), elevations=(2.0, 20.0))
def snail(draw: Draw) -> list[Part]:
    """A snail that crawls or stretches its neck, with a spiral shell and its eyes on stalks."""
    shell = draw.color("shell", ["brown", "brown", "orange", "yellow", "red", "purple", "green"], 0.035)
    skin = SLIME[draw.color("skin", list(SLIME)).name]
    neck, tail = draw.uniform("neck", 0.35, 0.9), draw.uniform("tail", 0.9, 1.3)
    look = gesture(draw, (1.15, 0.0, 0.3 + neck), 14.0, 8.0, 6.0)
    foot = sdf.blend(
        0.16,
        sdf.path([(-tail, 0.0, 0.05), (-0.5, 0.0, 0.15), (0.35, 0.0, 0.2), (0.85, 0.0, 0.18)], [0.05, 0.17, 0.24, 0.2]),
        sdf.path([(0.6, 0.0, 0.2), (1.02, 0.0, 0.22 + 0.4 * neck), (1.15, 0.0, 0.3 + neck)], [0.24, 0.21, 0.2]),
        sdf.posed(sdf.ellipsoid((0.08, 0.0, 0.0), (0.27, 0.22, 0.21)), look),
        sdf.limb((0.7, 0.0, 0.1), (1.1, 0.0, 0.07), 0.16, 0.07),
    )
    flat = sdf.cut(foot, sdf.block((0.0, 0.0, -0.5), (3.0, 3.0, 0.5), 0.01))
    body = Part("body", sdf.surface(flat, 54), wet(skin))
    house = snail_shell(draw, shell)
    return [body, *house, *posed(snail_horns(draw, skin), look)]


def snail_horns(draw: Draw, skin: Color) -> list[Part]:
    """Two long stalks with an eye on each tip, two short feelers below them, and a mouth."""
    rise, part = draw.uniform("stalks", 0.42, 0.68), draw.uniform("stalk spread", 0.18, 0.32)
    parts: list[Part] = []
    for side in (1.0, -1.0):
        fore = draw.uniform(f"stalk {len(parts)}", 0.08, 0.28)
        bend = [(0.08, 0.1, 0.1), (0.1 + 0.35 * fore, 0.12 + 0.4 * part, 0.6 * rise), (fore, 0.12 + part, rise + 0.1)]
        line = solids.curve([(x, side * y, z) for x, y, z in bend], 12)
        feeler = solids.pipe([(0.24, 0.1 * side, -0.08), (0.44, 0.16 * side, -0.13)], [0.065, 0.05])
        stalk = solids.joined(solids.pipe(line, np.linspace(0.08, 0.06, 12)), feeler)
        x, y, z = line[-1].tolist()
        pupil = solids.ball((x + 0.075, y + 0.03 * side, z + 0.01), 0.075)
        parts += [Part("feeler", stalk, wet(skin)), Part("eye", solids.ball((x, y, z), 0.125), IVORY)]
        parts.append(Part("eye", pupil, INK))
    smile = solids.arc((0.0, 0.0, 0.03), 0.13, 225.0, 315.0, axis=0, steps=10)
    mouth = solids.pipe([(0.33 - 0.6 * y * y, y, z) for _, y, z in smile], 0.02)
    return [*parts, Part("mouth", mouth, wet(skin.shade(0.4)))]


def snail_shell(draw: Draw, color: Color) -> list[Part]:
    """A snail's spiral house, standing on its foot: plain, banded along the spiral, or ribbed across it."""
    turns, rate = draw.uniform("turns", 2.2, 3.0), draw.uniform("growth", 0.115, 0.16)
    house = whorls(turns, rate, draw.choice("pattern", ["plain", "band", "ribs"]), color)
    size, lean = draw.uniform("shell size", 0.85, 1.1), draw.uniform("shell lean", -14.0, 26.0)
    stand = pose((-0.15, 0.0, 0.2 + 0.85 * size), nod=lean)
    return posed([replace(part, mesh=solids.scaled(part.mesh, (size, size, size))) for part in house], stand)


def whorls(turns: float, rate: float, pattern: str, color: Color) -> list[Part]:
    """A tube that coils around the y axis and grows by `rate` per radian, with a dark line where its whorls meet."""
    angles = np.linspace(-2 * np.pi * turns, 0.0, int(46 * turns))
    grown = np.exp(rate * angles)[:, None]  # 1 at the mouth of the shell
    inner = float(np.exp(-2 * np.pi * rate))  # the same one turn earlier
    thick = 0.78 * (1.0 - inner) / (1.0 + inner)  # a little more than lets the whorls touch
    turned, aside = angles - np.radians(70.0), np.array([0.0, 1.0, 0.0])
    out = np.stack([np.cos(turned), 0 * turned, np.sin(turned)], axis=1)
    wave = 1.0 + (0.06 * np.sin(angles * 12) if pattern == "ribs" else 0.0)
    tube = solids.swept(0.7 * grown * out, thick * grown[:, 0] * wave, round_section() * (1.35, 1.0))
    gap = 0.7 * (1.0 - inner)  # between the middle lines of two whorls
    inset = (gap**2 + thick**2 * (1.0 - inner**2)) / (2 * gap)  # from the outer one to the groove where they meet
    groove = grown * ((0.7 - inset) * out + 1.35 * np.sqrt(thick**2 - inset**2) * aside)
    spiral = solids.joined(solids.mirrored(solids.pipe(groove, 0.022)), solids.pebble(ORIGIN, (0.1, 0.06, 0.1), 2))
    parts = [Part("shell", tube, horn(color)), Part("shell", spiral, horn(color.shade(0.35)))]
    if pattern == "band":
        band = solids.pipe(grown * ((0.7 + 0.35 * thick) * out + thick * aside), 0.32 * thick * grown[:, 0])
        parts.append(Part("shell", solids.mirrored(band), horn(color.shade(0.55))))
    return parts
