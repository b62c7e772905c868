"""Sturdy mammals of the world: dog, pig and elephant, each caught in a gesture of its kind."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Draw, Part, object_class
from retrieval.world.objects.anatomy import (
    INK,
    IVORY,
    ORIGIN,
    PINK,
    askew,
    coat,
    eyes,
    four_legs,
    gesture,
    horn,
    leg,
    melted,
    moved,
    patched,
    pose,
    posed,
)
from retrieval.world.sdf import Array, Field, Point
from retrieval.world.solids import Flat

SOOT = Color("black", (0.11, 0.1, 0.1))
DUST = Color("gray", (0.5, 0.48, 0.46))
TONGUE = Color("pink", (0.88, 0.4, 0.45))
SHADES = {"white": (0.92, 1.05), "black": (0.8, 1.7), "brown": (0.9, 1.75), "gray": (0.7, 1.3)}  # still the same word


def hide(draw: Draw, name: str, options: list[str]) -> Color:
    """The main colour of an animal, lighter or darker as its kind comes in nature."""
    color = draw.color(name, options, 0.015)
    return color.shade(draw.uniform(f"{name} shade", *SHADES.get(color.name, (0.95, 1.08))))


def mixed(color: Color, other: Color, share: float) -> Color:
    """The colour with a share of another in it; it keeps its name."""
    r, g, b = ((1.0 - share) * own + share * new for own, new in zip(color.rgb, other.rgb, strict=True))
    return Color(color.name, (r, g, b))


def dappled(part: Part, size: float, gap: float, color: Color, seed: float) -> list[Part]:
    """The part with patches of another colour, about `size` wide, that leave a net of its own colour between them."""
    free = np.random.default_rng(int(seed)).permutation(np.asarray(part.mesh.vertices))[:5000]
    chosen = []
    while len(free):  # the next free point of the skin is a centre, and its surroundings are no longer free
        chosen.append(free[0])
        free = free[np.linalg.norm(free - free[0], axis=1) > 0.75 * size]
    centers = cKDTree(np.array(chosen))

    def net(places: Array) -> Array:
        near = np.asarray(centers.query(places, k=2)[0])
        return np.asarray(gap * size - (near[..., 1] - near[..., 0]))

    low, high = part.mesh.bounds
    return patched(part, Field(net, low, high), color)


@object_class("elephant", family="animal", azimuths=((30.0, 80.0), (-80.0, -30.0)), elevations=(2.0, 18.0))
def elephant(draw: Draw) -> list[Part]:
    """An elephant in mid-walk, its ears spread and its trunk raised, curled, reaching out or hanging."""
    skin = mixed(hide(draw, "hide", ["gray", "gray", "gray", "brown"]), DUST, 0.4)
    high, feet = draw.uniform("legs", 0.0, 0.35), elephant_feet(draw.uniform("stride", 0.04, 0.3))
    look = gesture(draw, (1.05, 0.0, 1.66 + high), turn=16.0, nod=8.0, tilt=6.0)
    face = sdf.posed(elephant_skull(), look)
    nose = sdf.posed(elephant_trunk(draw.choice("trunk", ["raised", "curled", "reaching", "hanging"])), look)
    barrel = elephant_body(draw.uniform("stoutness", 0.86, 1.1), high, feet)
    body, front = melted(barrel, sdf.blend(0.1, face, nose), 0.14, skin, 66)
    trunk, head = sdf.split(front.mesh, sdf.nearer(nose, face))
    ears = elephant_ears(skin, draw.uniform("ears", 0.85, 1.15), draw.uniform("ear spread", 46.0, 76.0))
    tusks = elephant_tusks(draw.choice("tusks", [0.0, 0.45, 0.8]))
    return [
        body,
        replace(front, mesh=head),
        Part("trunk", trunk, coat(skin)),
        *posed([*ears, *tusks, *eyes((0.34, 0.32, 0.06), 0.08, (0.6, 0.8, 0.1))], look),
        *elephant_tail(skin, 1.5 + high),
        elephant_nails(feet, skin),
    ]


def elephant_body(stout: float, high: float, feet: list[Flat]) -> Field:
    """The barrel and shoulders of an elephant on four legs like columns, `high` above those of a calf."""
    barrel = sdf.blend(
        0.25,
        sdf.ellipsoid((-0.1, 0.0, 1.34 + high), (1.0, 0.64 * stout, 0.68 * stout)),
        sdf.ellipsoid((0.75, 0.0, 1.52 + high), (0.5, 0.42, 0.45)),
    )
    columns = [
        sdf.blend(
            0.12,
            sdf.limb((-0.66 if x < 0 else 0.52, y, 1.05 + high), (x, y, 0.3), 0.33, 0.25),
            sdf.ellipsoid((x + 0.03, y, 0.14), (0.31, 0.29, 0.16)),
        )
        for x, y in feet
    ]
    return sdf.blend(0.1, barrel, sdf.union(*columns))


def elephant_skull() -> Field:
    """The head of an elephant, radius 0.5, with a double dome and a lower lip."""
    return sdf.blend(
        0.15,
        sdf.ellipsoid((0.0, 0.0, 0.0), (0.5, 0.44, 0.52)),
        sdf.mirrored(sdf.ellipsoid((0.06, 0.15, 0.3), (0.32, 0.24, 0.26))),
        sdf.limb((0.2, 0.0, -0.35), (0.42, 0.0, -0.56), 0.2, 0.1),
    )


def elephant_feet(stride: float) -> list[Flat]:
    """Where an elephant in mid-walk sets its feet on the ground."""
    return [(0.55 + stride, 0.34), (0.55 - stride, -0.34), (-0.7 - stride, 0.36), (-0.7 + stride, -0.36)]


def elephant_nails(feet: list[Flat], skin: Color) -> Part:
    """Three pale nails on each foot."""
    nails = [
        solids.pebble((x + 0.03 + 0.3 * float(np.cos(a)), y + 0.28 * float(np.sin(a)), 0.1), (0.05, 0.075, 0.07), 2)
        for x, y in feet
        for a in np.radians([-42.0, 0.0, 42.0])
    ]
    return Part("toe", solids.joined(*nails), horn(skin.shade(1.6)))


def elephant_trunk(carriage: str) -> Field:
    """An elephant's trunk in front of a head of radius 0.5."""
    knots: dict[str, list[Point]] = {
        "raised": [(0.3, 0.0, -0.1), (0.78, 0.0, -0.4), (1.2, 0.0, -0.1), (1.28, 0.0, 0.45), (1.02, 0.0, 0.9)],
        "curled": [(0.3, 0.0, -0.1), (0.78, 0.0, -0.42), (1.12, 0.0, -0.85), (1.0, 0.0, -1.28), (0.62, 0.0, -1.2)],
        "reaching": [(0.3, 0.0, -0.1), (0.74, 0.0, -0.5), (1.2, 0.0, -0.62), (1.6, 0.0, -0.35), (1.72, 0.0, 0.05)],
        "hanging": [(0.3, 0.0, -0.1), (0.7, 0.0, -0.42), (0.9, 0.0, -0.9), (0.98, 0.0, -1.32), (1.28, 0.0, -1.45)],
    }
    line = solids.curve(knots[carriage], 12)
    return sdf.path([(float(x), float(y), float(z)) for x, y, z in line], np.linspace(0.28, 0.12, 12).tolist())


def elephant_ears(skin: Color, size: float, spread: float) -> list[Part]:
    """Two great ears, pinkish within, that stand off a head of radius 0.5 by `spread` degrees."""
    knots = [(0.0, 0.3), (-0.33, 0.51), (-0.78, 0.4), (-0.95, -0.02), (-0.77, -0.52), (-0.5, -0.85), (-0.24, -0.6)]
    rim = solids.ring_curve(knots, 40) * size
    inner = rim.mean(0) + 0.76 * (rim - rim.mean(0))
    parts = []
    for outline, depth, color in ((rim, 0.1, skin), (inner, 0.125, mixed(skin, PINK, 0.3))):
        flap = solids.board([(float(x), float(z)) for x, z in outline], depth, 0.04)
        ear = solids.turned(solids.turned(flap, 0, 10.0), 2, -spread)
        parts.append(Part("ear", solids.mirrored(solids.moved(ear, (0.1, 0.4, 0.12))), coat(color)))
    return parts


def elephant_tusks(size: float) -> list[Part]:
    """A pair of tusks that curve upwards, or none for size 0."""
    if not size:
        return []
    dip: Point = (0.3 + 0.6 * size, 0.28, -0.28 - 0.45 * size)
    line = solids.curve([(0.3, 0.2, -0.28), dip, (0.34 + 1.1 * size, 0.3, -0.3 - 0.3 * size)], 16)
    return [Part("tusk", solids.mirrored(solids.pipe(line, np.linspace(0.1, 0.045, 16))), IVORY)]


def elephant_tail(skin: Color, high: float) -> list[Part]:
    """A thin tail with a dark tuft, hanging from a rump that is `high` above the ground."""
    line = solids.curve([(-1.08, 0.0, high), (-1.3, 0.08, high - 0.35), (-1.26, 0.16, high - 0.75)], 16)
    tuft = solids.pebble((-1.26, 0.17, high - 0.82), (0.1, 0.1, 0.18))
    return [
        Part("tail", solids.pipe(line, np.linspace(0.1, 0.06, 16)), coat(skin)),
        Part("tail", tuft, coat(skin.shade(0.4))),
    ]


@object_class(
    "pig", family="animal", azimuths=((32.0, 80.0), (-80.0, -32.0)), elevations=(3.0, 18.0), synonyms=("piglet", "hog")
)
def pig(draw: Draw) -> list[Part]:
    """A pig, walking or sitting, with a disc of a snout and a curly tail."""
    skin = hide(draw, "skin", ["pink", "pink", "pink", "brown", "black"])
    plump, sits = draw.uniform("plumpness", 0.9, 1.15), draw.choice("stance", ["walk", "walk", "walk", "sit"]) == "sit"
    long, high = (1.0, 0.4) if sits else (draw.uniform("length", 0.8, 1.1), draw.uniform("legs", 0.3, 0.52))
    neck: Point = (0.42, 0.0, 1.42) if sits else (0.72 * long, 0.0, 0.55 + high)
    look = gesture(draw, neck, turn=26.0, nod=12.0)
    trunk = pig_sitting(plump) if sits else pig_walking(long, plump, high, draw.uniform("stride", 0.05, 0.2))
    body, head = melted(trunk, sdf.posed(pig_skull(), look), 0.12, skin, 54)
    ground = sdf.block((0.5, 0.0, 0.0), (0.45 if sits else 3.0, 3.0, 0.13))
    hoof, rest = sdf.split(body.mesh, ground)
    skins = [replace(body, mesh=rest)]
    if draw.choice("pattern", ["plain", "plain", "spots"]) == "spots":
        spot = PINK if skin.name == "black" else SOOT
        skins = dappled(skins[0], 0.6, 0.45, spot, draw.uniform("spots", 0, 1e6))
    rump: Point = (-0.76, 0.0, 0.42) if sits else (-1.0 * long, 0.0, 0.5 + high)
    tail = pig_tail(rump, draw.uniform("curls", 1.3, 2.2), skin)
    face = pig_face(skin, draw.choice("ears", ["pricked", "floppy", "floppy"]), draw.uniform("snout", 0.21, 0.28))
    return [*skins, head, Part("hoof", hoof, horn(skin.shade(0.45))), tail, *posed(face, look)]


def pig_skull() -> Field:
    """The head of a pig, radius 0.44, with full cheeks and the root of its snout along +x."""
    return sdf.blend(
        0.12,
        sdf.ellipsoid((0.0, 0.0, 0.0), (0.44, 0.45, 0.43)),
        sdf.mirrored(sdf.sphere((0.12, 0.22, -0.16), 0.24)),
        sdf.limb((0.2, 0.0, -0.1), (0.48, 0.0, -0.1), 0.29, 0.2),
    )


def pig_walking(long: float, plump: float, high: float, stride: float) -> Field:
    """The barrel of a pig on short legs, in mid-walk."""
    return sdf.blend(
        0.12,
        sdf.ellipsoid((-0.1, 0.0, 0.4 + high), (0.98 * long, 0.54 * plump, 0.52 * plump)),
        four_legs((0.45 * long, 0.28, 0.45), (-0.62 * long, 0.3, 0.45), 0.17, stride),
    )


def pig_sitting(plump: float) -> Field:
    """The body of a pig that sits on its haunches, its forelegs upright."""
    haunch = sdf.ellipsoid((-0.1, 0.42 * plump, 0.36), (0.44, 0.2, 0.36))
    return sdf.blend(
        0.12,
        sdf.limb((-0.24, 0.0, 0.5), (0.16, 0.0, 1.12), 0.52 * plump, 0.42 * plump),
        sdf.mirrored(leg((0.3, 0.26, 0.95), (0.6, 0.27, 0.0), 0.17)),
        sdf.mirrored(sdf.blend(0.05, haunch, sdf.ellipsoid((0.2, 0.54 * plump, 0.1), (0.25, 0.14, 0.11)))),
    )


def pig_tail(base: Point, curls: float, skin: Color) -> Part:
    """A corkscrew tail of so many turns behind `base`."""
    x, _, z = base
    turn = np.linspace(0.0, 2 * np.pi * curls, 44)
    wide = 0.17 * np.minimum(1.0, 0.3 + 0.25 * turn)
    line = np.stack([x + 0.04 - 0.035 * turn, wide * np.sin(turn), z + 0.1 - wide * np.cos(turn)], axis=1)
    return Part("tail", solids.pipe(line, np.linspace(0.075, 0.05, 44)), coat(skin))


def pig_face(skin: Color, ears: str, disc: float) -> list[Part]:
    """Ears, eyes and the round snout, `disc` wide, with its two nostrils, on a head of radius 0.44."""
    tone = skin.shade(0.78) if skin.name == "pink" else PINK
    rim = [(0.0, 0.0), (0.85 * disc, 0.0), (disc, 0.03), (disc, 0.11), (0.9 * disc, 0.14), (0.0, 0.155)]
    snout = solids.moved(solids.turned(solids.lathe(rim), 1, 90.0), (0.6, 0.0, -0.1))
    nostril = solids.pebble((0.755, 0.38 * disc, -0.1), (0.02, 0.2 * disc, 0.34 * disc), 2)
    tips: dict[str, list[Point]] = {
        "pricked": [(-0.02, 0.26, 0.26), (0.03, 0.37, 0.48), (0.12, 0.46, 0.68)],
        "floppy": [(0.0, 0.26, 0.28), (0.14, 0.42, 0.5), (0.42, 0.5, 0.34)],
    }
    ear = sdf.surface(sdf.path(tips[ears], [0.21, 0.13, 0.05]), 36)
    return [
        Part("snout", solids.crisp(snout), horn(tone)),
        Part("nostril", solids.mirrored(nostril), horn(Color("brown", (0.25, 0.1, 0.1)))),
        Part("ear", solids.mirrored(ear), coat(skin.shade(0.88))),
        *eyes((0.32, 0.24, 0.14), 0.08, (0.8, 0.6, 0.1)),
    ]


@object_class("dog", family="animal", azimuths=((-32.0, 32.0),), elevations=(3.0, 20.0), synonyms=("puppy",))
def dog(draw: Draw) -> list[Part]:
    """A dog with or without a collar, sitting or standing, with floppy, folded or pointed ears, perhaps panting."""
    fur = hide(draw, "fur", ["brown", "brown", "white", "black", "gray"])
    sits, stout = draw.choice("stance", ["sit", "stand"]) == "sit", draw.uniform("stoutness", 0.88, 1.12)
    high, long = (0.0, 1.0) if sits else (draw.uniform("legs", 0.25, 0.85), draw.uniform("length", 0.85, 1.25))
    neck: Point = (0.36, 0.0, 1.56) if sits else (0.42 + 0.46 * long, 0.0, high + 0.98)
    stand = askew(draw, *((20.0, 55.0) if sits else (50.0, 80.0)))
    aside = pose(ORIGIN, 0.4 * float(np.degrees(np.arctan2(stand[1, 0], stand[0, 0]))))  # the face follows a little
    look = gesture(draw, moved(neck, stand), turn=20.0, nod=10.0) @ aside
    trunk = dog_sitting(stout) if sits else dog_standing(stout, high, long, draw.uniform("stride", 0.05, 0.2))
    muzzle = draw.uniform("muzzle", 0.3, 0.54)
    back, skull = sdf.posed(trunk, stand), sdf.posed(dog_skull(muzzle), look)
    body, head = melted(back, skull, 0.1, fur, 56)
    collar: list[Part] = []
    if draw.choice("dress", ["plain", "collar"]) == "collar":
        body, *collar = collared(body, back, skull, draw.color("collar", ["red", "blue", "green", "yellow"]))
    rump: Point = (-0.62, 0.0, 0.2) if sits else (-0.2 - 0.6 * long, 0.0, high + 0.45)
    tail = dog_tail(rump, draw.uniform("tail", 0.0, 1.0), fur)
    ears = draw.choice("ears", ["floppy", "floppy", "folded", "floppy" if sits else "pointed"])  # a cat sits so
    face = dog_face(fur, muzzle, ears, draw.choice("tongue", ["out", "in"]) == "out")
    white = (sdf.posed(dog_bib(neck), stand), sdf.posed(dog_blaze(muzzle), look))
    eye = sdf.posed(sdf.ellipsoid((0.3, 0.22, 0.16), (0.26, 0.18, 0.2)), look)
    skin = dog_skin(body, head, white, eye, draw)
    return [*skin, *collar, *posed([tail], stand), *posed(face, look)]


def collared(body: Part, back: Field, skull: Field, color: Color) -> tuple[Part, Part]:
    """The body without, and as a part of its own, a band around the neck right behind the head."""
    band = Field(lambda p: np.abs(skull.distance(p) - back.distance(p) - 0.09) - 0.065, back.low, back.high)
    strap, rest = sdf.split(body.mesh, band)
    swell = np.clip(-band.distance(np.asarray(strap.vertices)), 0.0, 0.035)  # none along its rims
    strap.vertices = strap.vertices + swell[:, None] * strap.vertex_normals
    return replace(body, mesh=rest), Part("collar", strap, horn(color))


def dog_skull(muzzle: float) -> Field:
    """The head of a dog, radius 0.42, with a muzzle of some length along +x."""
    return sdf.blend(
        0.12,
        sdf.ellipsoid((-0.02, 0.0, 0.04), (0.42, 0.42, 0.4)),
        sdf.limb((0.2, 0.0, -0.1), (0.3 + muzzle, 0.0, -0.1), 0.23, 0.16),
        sdf.mirrored(sdf.sphere((0.26 + muzzle, 0.08, -0.15), 0.11)),
    )


def dog_skin(body: Part, head: Part, white: tuple[Field, Field], eye: Field, draw: Draw) -> list[Part]:
    """A dog's body and head: plain, or dark with `white` regions, or pale with dark spots and one dark `eye`."""
    if draw.choice("pattern", ["plain", "marked", "marked"]) == "plain":
        return [body, head]
    if body.material.color.name in ("white", "gray"):
        return [*dappled(body, 0.32, 0.45, SOOT, draw.uniform("spots", 0, 1e6)), *patched(head, eye, SOOT)]
    return [*patched(body, white[0], IVORY.color), *patched(head, white[1], IVORY.color)]


def dog_bib(neck: Point) -> Field:
    """The chest and the paws of a dog whose head is at `neck`."""
    x, _, z = neck
    return sdf.union(sdf.ellipsoid((x + 0.16, 0.0, z - 0.6), (0.36, 0.26, 0.45)), sdf.block(ORIGIN, (2.5, 2.5, 0.18)))


def dog_blaze(muzzle: float) -> Field:
    """The muzzle of a dog and a stripe from there up its forehead."""
    stripe = sdf.ellipsoid((0.4, 0.0, 0.2), (0.4, 0.08, 0.4))
    return sdf.union(sdf.ellipsoid((0.4 + muzzle, 0.0, -0.16), (0.2 + 0.6 * muzzle, 0.4, 0.24)), stripe)


def dog_sitting(stout: float) -> Field:
    """The body of a dog that sits on its haunches, forelegs together."""
    haunch = sdf.ellipsoid((-0.12, 0.36 * stout, 0.32), (0.44, 0.2 * stout, 0.34))
    return sdf.blend(
        0.12,
        sdf.limb((-0.3, 0.0, 0.42), (0.14, 0.0, 1.1), 0.42 * stout, 0.36 * stout),
        sdf.limb((0.14, 0.0, 1.1), (0.32, 0.0, 1.5), 0.3, 0.26),
        sdf.mirrored(leg((0.28, 0.22, 1.0), (0.58, 0.23, 0.0), 0.17)),
        sdf.mirrored(sdf.blend(0.05, haunch, sdf.ellipsoid((0.24, 0.46 * stout, 0.09), (0.28, 0.14, 0.1)))),
    )


def dog_standing(stout: float, high: float, long: float, stride: float) -> Field:
    """The body of a dog on all fours, its belly `high` above the ground."""
    rear, front = -0.62 * long, 0.46 * long
    return sdf.blend(
        0.12,
        sdf.limb((rear, 0.0, high + 0.32), (front, 0.0, high + 0.32), 0.31 * stout, 0.39 * stout),
        sdf.limb((front, 0.0, high + 0.4), (front + 0.38, 0.0, high + 0.9), 0.31, 0.26),
        four_legs((front, 0.22, high + 0.2), (rear - 0.08, 0.22, high + 0.2), 0.16, stride),
    )


def dog_tail(base: Point, lift: float, fur: Color) -> Part:
    """The tail of a dog, wagging behind or curled up over its back."""
    x, _, z = base
    middle, tip = (x - 0.3, 0.06, z + 0.14 + 0.3 * lift), (x - 0.4 + 0.3 * lift, 0.2, z + 0.45 + 0.4 * lift)
    return Part("tail", solids.pipe(solids.curve([base, middle, tip], 18), np.linspace(0.13, 0.07, 18)), coat(fur))


def dog_face(fur: Color, muzzle: float, ears: str, pants: bool) -> list[Part]:
    """Ears, eyes, nose and perhaps a lower jaw with its tongue out, on a head of radius 0.42 with a muzzle."""
    shapes: dict[str, tuple[list[Point], list[float]]] = {
        "floppy": ([(-0.04, 0.28, 0.3), (0.0, 0.44, 0.16), (0.05, 0.5, -0.3)], [0.1, 0.14, 0.17]),
        "folded": ([(-0.08, 0.26, 0.24), (-0.08, 0.34, 0.56), (0.2, 0.42, 0.46)], [0.18, 0.12, 0.04]),
        "pointed": ([(-0.08, 0.26, 0.24), (-0.08, 0.3, 0.48), (-0.1, 0.34, 0.74)], [0.19, 0.13, 0.02]),
    }
    parts = [
        Part("nose", solids.pebble((0.42 + muzzle, 0.0, 0.0), (0.1, 0.13, 0.09)), INK),
        Part("ear", sdf.surface(sdf.mirrored(sdf.path(*shapes[ears])), 44), coat(fur.shade(0.7))),
        *eyes((0.33, 0.19, 0.15), 0.085, (0.9, 0.4, 0.1)),
    ]
    if not pants:
        return parts
    jaw = sdf.limb((0.1, 0.0, -0.24), (0.2 + muzzle, 0.0, -0.36), 0.14, 0.1)
    lip = 0.36 + muzzle
    line = solids.curve([(0.2, 0.0, -0.24), (lip - 0.08, 0.0, -0.27), (lip, 0.0, -0.42), (lip, 0.0, -0.58)], 16)
    tongue = Part("tongue", solids.pipe(line, 0.045, across=2.2), horn(TONGUE))
    return [*parts, Part("mouth", sdf.surface(jaw, 24), coat(fur.shade(0.85))), tongue]
