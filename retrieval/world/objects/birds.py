"""Birds of the world besides the duck: a songbird, a penguin, an owl. What animals share is in `anatomy`."""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Material, Part, object_class
from retrieval.world.objects.anatomy import (
    INK,
    IVORY,
    ORIGIN,
    SIDE,
    coat,
    eyes,
    fin,
    gesture,
    horn,
    melted,
    moved,
    paler,
    patched,
    pose,
    posed,
)
from retrieval.world.sdf import Array, Field, Point
from retrieval.world.solids import Flat

WOOD = Material(Color("brown", (0.33, 0.22, 0.13)), roughness=0.85)
AMBER = Color("yellow", (0.95, 0.68, 0.08))
PERCH = 0.13  # radius of a branch that a bird sits on


# ----- Songbird


@object_class("bird", family="animal", azimuths=SIDE, elevations=(2.0, 20.0), synonyms=("songbird",))
def bird(draw: Draw) -> list[Part]:
    """A small songbird that stands, sits on a branch or takes wing, singing or silent."""
    plumage = draw.color("plumage", ["blue", "blue", "red", "yellow", "orange", "green", "brown", "gray"], 0.03)
    plump, pitch = draw.uniform("plumpness", 0.88, 1.14), draw.uniform("pitch", 14.0, 38.0)
    act = draw.choice("act", ["stand", "stand", "perch", "perch", "fly"])
    stand = pose(ORIGIN, nod=-(pitch if act != "fly" else 0.6 * pitch))
    look = gesture(draw, moved((0.66, 0.0, 0.2), stand) if act == "fly" else moved((0.58, 0.0, 0.3), stand), 28.0, 12.0)
    trunk = sdf.blend(
        0.3,
        sdf.ellipsoid((0.1, 0.0, 0.0), (0.62, 0.42 * plump, 0.43 * plump)),
        sdf.limb((-0.2, 0.0, 0.04), (-0.78, 0.0, 0.08), 0.3, 0.1),
    )
    skull = sdf.ellipsoid((0.0, 0.0, 0.03), (0.345, 0.32, 0.33))
    body, head = melted(sdf.posed(trunk, stand), sdf.posed(skull, look), 0.2, plumage, 52)
    skin = songbird_dress(draw, body, head, stand, look)
    gape = draw.choice("song", [0.0, 0.0, 26.0])
    face = [
        *pointed_beak(draw.uniform("beak", 0.26, 0.42), gape, draw.color("beak", ["orange", "yellow"])),
        *eyes((0.15, 0.24, 0.1), 0.075, (0.45, 0.9, 0.1)),
    ]
    rear = [songbird_tail(draw.uniform("tail", 0.6, 1.0), draw.choice("tail", ["square", "forked", "round"]), plumage)]
    rear += songbird_wings(act == "fly", draw.uniform("wing", 0.85, 1.1), plump, plumage)
    parts = [*skin, *posed(face, look), *posed(rear, stand)]
    return parts if act == "fly" else parts + bird_legs(draw.uniform("legs", 0.3, 0.5), plump, act == "perch")


def songbird_dress(draw: Draw, body: Part, head: Part, stand: Array, look: Array) -> list[Part]:
    """A songbird's skin: plain, with a light belly, a coloured breast, or a dark cap."""
    plumage = body.material.color
    dress = draw.choice("dress", ["plain", "belly", "belly", "breast", "cap"])
    if dress == "plain":
        return [body, head]
    if dress == "cap":
        cap = sdf.posed(sdf.block((-0.1, 0.0, 0.38), (0.6, 0.6, 0.24)), look)
        return [body, *patched(head, cap, Color("black", (0.07, 0.07, 0.08)))]
    bib = sdf.posed(sdf.ellipsoid((0.45, 0.0, -0.38), (0.72, 0.6, 0.44)), stand)
    if dress == "belly":
        return [*patched(body, bib, IVORY.color), *patched(head, bib, IVORY.color)]
    others = [word for word in ("orange", "red", "yellow") if word != plumage.name]
    breast = draw.color("breast", others)
    return [*patched(body, bib, breast), *patched(head, bib, breast)]


def pointed_beak(length: float, gape: float, color: Color) -> list[Part]:
    """A songbird's short pointed beak in front of a head of radius 0.33, opened by `gape` degrees."""
    upper = sdf.surface(sdf.limb((0.24, 0.0, 0.02), (0.28 + length, 0.0, -0.02), 0.125, 0.012), 26)
    lower = sdf.surface(sdf.limb((0.24, 0.0, -0.04), (0.24 + length, 0.0, -0.06), 0.1, 0.012), 24)
    upper, lower = (solids.turned(m, 1, turn, (0.25, 0.0, 0.0)) for m, turn in ((upper, -0.4 * gape), (lower, gape)))
    return [Part("beak", upper, horn(color)), Part("beak", lower, horn(color.shade(0.85)))]


def songbird_tail(length: float, kind: str, color: Color) -> Part:
    """A flat tail of long feathers behind a songbird's body, seen from the side as a narrow fan."""
    fork = {"square": 0.0, "forked": 0.2, "round": -0.12}[kind]
    end = -0.62 - length
    tips = [(end - fork, 0.27), (end, 0.13), (end + fork, 0.0), (end, -0.13), (end - fork, -0.27)]
    fan = fin([(-0.55, 0.12), (-0.6, 0.0), (-0.55, -0.12)], tips, 5, 0.085)
    return Part("tail", solids.moved(solids.turned(fan, 0, 62.0), (0.0, 0.0, 0.1)), coat(color.shade(0.78)))


def songbird_wings(spread: bool, size: float, plump: float, color: Color) -> list[Part]:
    """The wings of a songbird: folded along its sides, or beating high above its back."""
    if not spread:
        ends = [((0.05, 0.0, 0.02 - 0.07 * i), (-0.72 * size + 0.17 * i, 0.0, 0.06 - 0.16 * i)) for i in range(3)]
        feathers = [sdf.limb(start, end, 0.16, 0.05) for start, end in ends]
        drop = sdf.blend(0.03, sdf.ellipsoid((0.14, 0.0, 0.0), (0.32, 0.24, 0.26)), *feathers)
        flat = solids.scaled(sdf.surface(drop, 40), (1.0, 0.42, 1.0))
        wing = solids.moved(solids.turned(flat, 0, 6.0), (0.05, 0.375 * plump, 0.06))
        return [Part("wing", solids.mirrored(wing), coat(color.shade(0.72)))]
    root: list[Flat] = [(0.42, 0.0), (0.1, 0.0), (-0.25, 0.0)]
    tips: list[Flat] = [(0.3, 0.75), (-0.05, 1.3), (-0.45, 1.42), (-0.75, 1.05), (-0.8, 0.55), (-0.6, 0.18)]
    blade = solids.scaled(feathered(root, tips, 7), (size, 1.0, size))
    wing = solids.moved(solids.turned(blade, 0, -32.0), (0.0, 0.2 * plump, 0.2))
    return [Part("wing", solids.mirrored(wing), coat(color.shade(0.75)))]


def feathered(root: list[Flat], tips: list[Flat], count: int) -> trimesh.Trimesh:
    """A spread wing in the xz plane from its root to the feathers' tips, which part like fingers."""
    starts, ends = solids.curve(root, count), solids.curve(tips, count)
    turn = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
    section = np.stack([0.4 * np.cos(turn), np.sin(turn)], axis=1)
    feathers = []
    for (x, z), (far_x, far_z) in zip(starts, ends, strict=True):
        share = np.linspace(0.0, 1.0, 12)
        spine = np.column_stack([x + share * (far_x - x), 0 * share, z + share * (far_z - z)])
        widths = 0.125 * np.interp(share, [0.0, 0.3, 0.85, 0.95, 1.0], [0.8, 1.0, 1.05, 0.75, 0.2])
        feathers.append(solids.swept(spine, widths, section))
    inner = [(0.62 * far + 0.38 * near).tolist() for near, far in zip(starts, ends, strict=True)]
    return solids.joined(fin(root, inner, count, 0.11), *feathers)


def bird_legs(height: float, plump: float, on_branch: bool) -> list[Part]:
    """Two thin legs under a songbird, with three toes ahead and one behind, on the ground or around a branch."""
    ground = -0.36 * plump - height
    color = Material(Color("orange", (0.62, 0.36, 0.14)), roughness=0.5)
    limbs = [solids.pipe([(-0.08, 0.15, -0.25), (-0.14, 0.17, ground + 0.5 * height), (0.0, 0.17, ground)], 0.042)]
    drop = -0.1 if on_branch else 0.0
    for reach, aside in ((0.26, 0.12), (0.3, 0.0), (0.26, -0.12), (-0.2, 0.0)):
        bend = (0.55 * reach, 0.17 + 0.55 * aside, ground + 0.035)
        tip = (reach if not on_branch else 0.75 * reach, 0.17 + aside, ground + drop)
        limbs.append(solids.pipe([(0.0, 0.17, ground + 0.02), bend, tip], 0.04, sections=8))
    legs = [Part("leg", solids.mirrored(solids.joined(*limbs)), color)]
    return [*legs, *branch(ground - PERCH)] if on_branch else legs


def branch(height: float) -> list[Part]:
    """A crooked twig to perch on, along the y axis, with a side shoot."""
    bough = solids.curve(
        [(-0.75, -0.35, height - 0.12), (-0.3, 0.0, height), (0.25, 0.05, height), (0.95, -0.1, height + 0.12)], 20
    )
    shoot = solids.curve([(0.45, 0.0, height + 0.02), (0.72, 0.12, height + 0.22), (0.8, 0.2, height + 0.4)], 8)
    wood = solids.joined(
        solids.pipe(bough, np.linspace(PERCH, 0.08, 20)), solids.pipe(shoot, np.linspace(0.07, 0.045, 8))
    )
    return [Part("branch", wood, WOOD)]


# ----- Penguin


@object_class("penguin", family="animal", azimuths=((-55.0, 55.0),), elevations=(2.0, 18.0))
def penguin(draw: Draw) -> list[Part]:
    """A penguin that stands or waddles upright, a flipper out: with dark head, white face, or yellow crest."""
    back = draw.color("back", ["black", "black", "black", "gray", "blue"], 0.02)
    back = back if back.name != "blue" else back.shade(0.7)
    plump, tall = draw.uniform("plumpness", 0.88, 1.15), draw.uniform("height", 0.95, 1.25)
    crown: Point = (0.06, 0.0, 1.62 * tall)
    look = gesture(draw, crown, turn=38.0, nod=10.0, tilt=10.0)
    trunk = sdf.blend(
        0.25,
        sdf.ellipsoid((0.0, 0.0, 0.72 * tall), (0.5 * plump, 0.54 * plump, 0.7 * tall)),
        sdf.ellipsoid((0.0, 0.0, 1.25 * tall), (0.33, 0.37, 0.4)),
        sdf.limb((-0.3, 0.0, 0.3), (-0.58, 0.0, 0.12), 0.2, 0.07),
    )
    skull = sdf.ellipsoid((0.0, 0.0, 0.0), (0.37, 0.36, 0.35))
    body, head = melted(trunk, sdf.posed(skull, look), 0.16, back, 52)
    belly = sdf.ellipsoid((0.5 * plump, 0.0, 0.68 * tall), (0.5 * plump, 0.42 * plump, 0.66 * tall))
    parts = [*patched(body, belly, IVORY.color), *penguin_face(draw, head, look)]
    out = draw.uniform("left flipper", 12.0, 35.0), draw.uniform("right flipper", 12.0, 75.0)
    swap = draw.choice("wave", [1.0, -1.0])
    parts += [flipper(turn, side * swap, plump, tall, back) for turn, side in zip(out, (1.0, -1.0), strict=True)]
    rock = draw.choice("stance", ["still", "waddle"]) == "waddle"
    sway = draw.choice("foot", [1.0, -1.0]) * draw.uniform("sway", 5.0, 11.0) if rock else 0.0
    feet = penguin_feet(sway, draw.color("feet", ["orange", "orange", "yellow"]))
    return [*posed(parts, pose((0.0, 0.0, 0.06), tilt=sway)), *feet]


def penguin_face(draw: Draw, head: Part, look: Array) -> list[Part]:
    """The head of a penguin in the pose `look`: dark, with white cheeks, or with a yellow crest over each eye."""
    kind, length = draw.choice("kind", ["dark", "cheeks", "cheeks", "crest"]), draw.uniform("beak", 0.24, 0.44)
    orange = draw.color("beak", ["orange", "orange", "yellow"])
    cheeks = sdf.mirrored(sdf.ellipsoid((0.3, 0.15, -0.03), (0.28, 0.165, 0.2)))
    chin = sdf.ellipsoid((0.3, 0.0, -0.3), (0.3, 0.2, 0.16))
    skin = patched(head, sdf.posed(sdf.union(cheeks, chin), look), IVORY.color) if kind == "cheeks" else [head]
    upper = sdf.blend(0.06, sdf.limb((0.25, 0.0, -0.05), (0.32 + length, 0.0, -0.09), 0.12, 0.03))
    face = [Part("beak", solids.scaled(sdf.surface(upper, 28), (1.0, 1.15, 0.85)), horn(orange))]
    if kind == "cheeks":
        face += eyes((0.29, 0.16, 0.06), 0.07, (0.8, 0.5, 0.1))
    else:
        face += round_eyes((0.27, 0.165, 0.07), 0.085, IVORY.color)
    if kind == "crest":
        plume = solids.curve([(0.26, 0.13, 0.16), (0.12, 0.28, 0.24), (-0.12, 0.42, 0.26), (-0.32, 0.52, 0.16)], 14)
        feather = solids.pipe(plume, np.linspace(0.065, 0.03, 14))
        face.append(Part("crest", solids.mirrored(feather), coat(draw.color("crest", ["yellow"]))))
    return [*skin, *posed(face, look)]


def flipper(lift: float, side: float, plump: float, tall: float, color: Color) -> Part:
    """A penguin's flat flipper on one side, hung from the shoulder and lifted outwards by `lift` degrees."""
    spine = solids.curve([(0.0, 0.0, 0.08), (-0.03, 0.05, -0.35 * tall), (-0.12, 0.02, -0.82 * tall)], 18)
    widths = 0.2 * np.interp(np.arange(18), [0, 3, 8, 14, 17], [0.6, 0.95, 1.0, 0.7, 0.2])
    turn = np.linspace(0.0, 2 * np.pi, 14, endpoint=False)
    blade = solids.swept(spine, widths, np.stack([0.36 * np.cos(turn), np.sin(turn)], axis=1))
    wing = solids.moved(solids.turned(blade, 0, lift), (0.0, 0.41 * plump, 1.18 * tall))
    return Part("wing", wing if side > 0 else solids.scaled(wing, (1.0, -1.0, 1.0)), coat(color.shade(0.9)))


def penguin_feet(sway: float, color: Color) -> list[Part]:
    """Two webbed feet; the one that the penguin leans away from is lifted."""
    toes: list[Flat] = [(-0.2, 0.08), (0.2, 0.2), (0.26, 0.1), (0.33, 0.0), (0.26, -0.1), (0.2, -0.2), (-0.2, -0.08)]
    foot = solids.crisp(solids.plate(toes, 0.12, 0.05, 0.06))
    lifts = (0.1 if sway > 0 else 0.0, 0.1 if sway < 0 else 0.0)
    feet = [
        solids.moved(solids.turned(solids.turned(foot, 2, 14.0 * side), 1, -60.0 * lift), (0.24, 0.25 * side, lift))
        for side, lift in zip((1.0, -1.0), lifts, strict=True)
    ]
    return [Part("foot", mesh, horn(color)) for mesh in feet]


# ----- Owl


@object_class("owl", family="animal", azimuths=((-22.0, 22.0),), elevations=(0.0, 14.0))
def owl(draw: Draw) -> list[Part]:
    """An owl that faces the viewer with wide eyes, its wings folded or spread, on a branch or on its feet."""
    plumage = draw.color("plumage", ["brown", "brown", "gray", "white", "orange"], 0.03)
    plump, tall = draw.uniform("plumpness", 0.9, 1.14), draw.uniform("height", 0.92, 1.15)
    seat = draw.choice("seat", ["ground", "branch", "branch"])
    look = gesture(draw, (0.05, 0.0, 1.42 * tall), turn=16.0, nod=6.0, tilt=14.0)
    trunk = sdf.blend(
        0.2,
        sdf.ellipsoid((0.0, 0.0, 0.72 * tall), (0.5 * plump, 0.58 * plump, 0.72 * tall)),
        sdf.limb((-0.2, 0.0, 0.35), (-0.48, 0.0, 0.14 if seat == "ground" else -0.22), 0.22, 0.15),
    )
    skull = sdf.ellipsoid((0.0, 0.0, 0.0), (0.48, 0.6, 0.46))
    body, head = melted(trunk, sdf.posed(skull, look), 0.1, plumage, 48)
    light = Color(plumage.name, (0.87, 0.78, 0.62)) if plumage.name in ("brown", "orange") else paler(plumage)
    belly = sdf.ellipsoid((0.5 * plump, 0.0, 0.68 * tall), (0.4, 0.42 * plump, 0.62 * tall))
    marks = belly_feathers(trunk, plump, tall, plumage.shade(0.6))
    face = owl_face(draw, light, plumage)
    spread = draw.choice("wings", ["folded", "folded", "folded", "spread"]) == "spread"
    wings = owl_wings(spread, plump, tall, draw.uniform("wing", 0.9, 1.1), plumage)
    return [*patched(body, belly, light), head, marks, *posed(face, look), wings, *owl_seat(seat == "branch", plump)]


def owl_face(draw: Draw, light: Color, plumage: Color) -> list[Part]:
    """Two feathered discs around big eyes, a hooked beak and perhaps ear tufts on a head of radius 0.48."""
    iris, size = draw.color("eyes", ["yellow", "orange"], 0.02), draw.uniform("eye", 0.15, 0.18)
    disc = sdf.ellipsoid((0.32, 0.29, 0.03), (0.2, 0.25, 0.28))
    hook = sdf.blend(
        0.05,
        sdf.limb((0.44, 0.0, -0.13), (0.58, 0.0, -0.18), 0.085, 0.07),
        sdf.limb((0.58, 0.0, -0.18), (0.54, 0.0, -0.36), 0.07, 0.015),
    )
    parts = [
        Part("face", solids.mirrored(sdf.surface(disc, 24)), coat(light)),
        *round_eyes((0.43, 0.285, 0.03), size, iris),
        Part("beak", sdf.surface(hook, 22), horn(Color("black", (0.16, 0.14, 0.12)))),
    ]
    if draw.choice("ears", ["tufts", "tufts", "tufts", "round"]) == "tufts":
        rise = draw.uniform("tufts", 0.3, 0.5)
        tuft = sdf.limb((0.06, 0.34, 0.3), (0.06, 0.5, 0.4 + rise), 0.2, 0.02)
        ears = solids.scaled(sdf.surface(tuft, 28), (0.7, 1.0, 1.0))
        parts.append(Part("ear", solids.mirrored(ears), coat(plumage.shade(0.8))))
    return parts


def round_eyes(at: Point, radius: float, iris: Color) -> list[Part]:
    """Two eyes that look ahead along +x, at `at` and its mirror image, each with a round pupil and a glint in it."""
    x, y, z = at
    pupil = solids.pebble((x + 0.62 * radius, y, z), (0.46 * radius, 0.58 * radius, 0.58 * radius))
    glint = solids.ball((x + 0.98 * radius, y - 0.04 * radius, z + 0.22 * radius), 0.16 * radius)
    return [
        Part("eye", solids.mirrored(solids.ball(at, radius)), horn(iris)),
        Part("eye", solids.mirrored(pupil), INK),
        Part("eye", solids.mirrored(glint), IVORY),
    ]


def belly_feathers(trunk: Field, plump: float, tall: float, color: Color) -> Part:
    """Rows of small curved feather tips on the front of an owl's trunk."""
    tips = []
    for row in range(3):
        count = 3 if row % 2 else 4
        for i in range(count):
            across, high = 0.17 * (i - (count - 1) / 2) * plump, (0.84 - 0.19 * row) * tall
            curve = [(2.0, across + dy, high + dz) for dy, dz in ((-0.07, 0.05), (0.0, -0.02), (0.07, 0.05))]
            line = sdf.cast(trunk, solids.curve(curve, 7), (-1.0, 0.0, 0.0), 30)
            tips.append(solids.pipe(line, 0.026, sections=6))
    return Part("feather", solids.joined(*tips), coat(color))


def owl_wings(spread: bool, plump: float, tall: float, size: float, color: Color) -> Part:
    """An owl's wings: folded at its sides like a coat, or spread wide to both sides."""
    if not spread:
        shoulder = sdf.ellipsoid((0.0, 0.0, 0.0), (0.34, 0.14, 0.36))
        ends = [((0.04 - 0.1 * i, 0.0, -0.1), (0.02 - 0.17 * i, 0.0, -0.62 - 0.12 * i)) for i in range(3)]
        coat_tails = [sdf.limb(start, end, 0.2, 0.1) for start, end in ends]
        folded = sdf.surface(sdf.blend(0.04, shoulder, *coat_tails), 34)
        flat = solids.turned(solids.scaled(folded, (1.0, 0.5, size)), 0, -6.0)
        wing = solids.moved(flat, (0.02, 0.56 * plump, 0.98 * tall))
        return Part("wing", solids.mirrored(wing), coat(color.shade(0.75)))
    root: list[Flat] = [(0.0, 0.42), (-0.02, 0.1), (0.0, -0.3)]
    tips: list[Flat] = [(0.75, 0.62), (1.25, 0.42), (1.35, 0.02), (1.1, -0.35), (0.65, -0.58), (0.2, -0.62)]
    blade = solids.scaled(feathered(root, tips, 8), (size, 1.0, size))
    wing = solids.moved(solids.turned(blade, 2, 96.0), (-0.08, 0.4 * plump, 0.95 * tall))
    return Part("wing", solids.mirrored(wing), coat(color.shade(0.75)))


def owl_seat(on_branch: bool, plump: float) -> list[Part]:
    """An owl's feet, three toes each with dark claws, and the branch that they hold."""
    toes, claws = [], []
    for i in (-1, 0, 1):
        y = 0.24 * plump + 0.1 * i
        toes.append(solids.pipe([(0.12, 0.24 * plump, 0.08), (0.36, y, 0.06), (0.44, y, -0.01)], 0.062, sections=10))
        claws.append(solids.pipe([(0.45, y, 0.0), (0.5, y, -0.07)], [0.045, 0.02], sections=8))
    parts = [
        Part("foot", solids.mirrored(solids.joined(*toes)), horn(AMBER.shade(0.85))),
        Part("claw", solids.mirrored(solids.joined(*claws)), INK),
    ]
    if on_branch:
        line = solids.curve([(0.26, -1.15, -0.2), (0.24, -0.4, -0.12), (0.24, 0.4, -0.14), (0.26, 1.15, -0.04)], 24)
        parts.append(Part("branch", knotted(line, 0.14), WOOD))
    return parts


def knotted(line: Array, radius: float) -> trimesh.Trimesh:
    """A branch along `line` whose thickness swells and shrinks a little."""
    waves = 1.0 + 0.1 * np.sin(np.linspace(0.0, 9.0, len(line)))
    return solids.pipe(line, radius * waves)
