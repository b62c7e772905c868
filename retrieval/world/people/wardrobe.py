"""Clothes: tops, dresses, coats, scarves, trousers, skirts and shoes over a skeleton, each a list of parts.

A part bears the garment's everyday name, so a picture's part buffer tells which garment is seen where.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Part
from retrieval.world.objects.anatomy import pose
from retrieval.world.people.cloth import (
    Knots,
    column,
    cropped,
    fabric,
    grown,
    leather,
    locals_of,
    meshed,
    parted,
    patterned,
    region,
    sleeve,
    torso,
    triple,
    trouser_leg,
    wavy,
)  # fmt: skip
from retrieval.world.people.identity import Garment, Identity
from retrieval.world.people.skeleton import Leg, Skeleton
from retrieval.world.sdf import Array, Field

SLEEVES = {"t-shirt": 0.72, "dress": 0.6, "shirt": 1.96, "sweater": 1.98, "hoodie": 1.98}  # bones long
HEMS = {"t-shirt": -0.06, "shirt": -0.055, "sweater": -0.035, "hoodie": -0.045}  # heights above the hips
EASE = {"t-shirt": 0.014, "shirt": 0.016, "sweater": 0.024, "hoodie": 0.026, "dress": 0.013}
COAT_HEMS = {"jacket": -0.09, "long coat": -0.42, "puffer jacket": -0.07, "vest": -0.05}
COAT_EASE = {"jacket": 0.042, "long coat": 0.046, "puffer jacket": 0.062, "vest": 0.046}
SHORT_SKIRT, LONG_SKIRT = -0.30, -0.44


def top(bones: Skeleton, person: Identity) -> tuple[list[Part], Field]:
    """What the torso wears, and its shape, on which straps lie."""
    garment, kind = person.upper, person.upper.kind
    shape = _top_shape(bones, person)
    shape = wavy(shape, 0.0035, _creases(bones))
    parts = patterned(bones, Part(kind, meshed(shape), fabric(garment.color)), garment)
    if kind in ("sweater", "hoodie") and not person.coat:
        hem = _hem(person) + 0.035
        parts = parted(parts, region(bones, lambda ahead, left, up: up - hem), fabric(garment.color.shade(0.78)))
    return parts + _neckline(bones, garment, person.coat is not None), shape


def _top_shape(bones: Skeleton, person: Identity) -> Field:
    """The outside of a top or dress."""
    kind = person.upper.kind
    knots = grown(torso(bones.body), EASE[kind])
    size = 0.5 + 0.5 * bones.body.girth
    ease = EASE[kind]
    radii = [(0.052 + ease) * size, (0.046 + ease) * size, (0.034 + 0.9 * ease) * size]
    length = SLEEVES[kind]
    if person.coat and person.coat.kind != "vest":
        length = min(length, 1.2)  # the rest is inside the coat's sleeve
    arms = [sleeve(arm, radii, length) for arm in bones.arms]
    if kind == "dress":
        hem = LONG_SKIRT if person.long_hem else SHORT_SKIRT
        skirt = column(bones, _skirted(bones, knots, hem), hem, 0.50, (9, 0.016))
        trunk = sdf.blend(0.04, skirt, *_thighs(bones, hem))
    else:
        hem = _hem(person)
        trunk = column(bones, _eased(knots, hem), hem, 0.505)
    return sdf.blend(0.035, trunk, *arms)


def _hem(person: Identity) -> float:
    """Where a top ends: over a skirt it stops at the waist, before the skirt widens."""
    return 0.045 if person.lower and person.lower.kind == "skirt" else HEMS[person.upper.kind]


def _eased(knots: Knots, hem: float) -> Knots:
    """A top that hangs straight over the hips instead of clinging to them."""
    table = np.array(knots)
    below = table[:, 0] < 0.1
    widest = table[(table[:, 0] >= -0.05) & (table[:, 0] < 0.1)]
    table[below, 2:] = np.maximum(table[below, 2:], widest[:, 2:].max(axis=0) * 1.01)
    table[table[:, 0] < -0.05, 2:] += 0.026
    table[np.abs(table[:, 0] + 0.03) < 0.01, 2:] += 0.018
    return _with_row(table, hem)


def _skirted(bones: Skeleton, knots: Knots, hem: float) -> Knots:
    """The column of a dress: the trunk to the waist, a skirt below."""
    table = np.array(knots)
    above = table[table[:, 0] > 0.1]
    return (*_skirt_knots(bones, hem, 0.012)[:-1], *_as_knots(above))


def _skirt_knots(bones: Skeleton, hem: float, ease: float) -> Knots:
    """A skirt from the hem to the waist, wide enough for the stride."""
    skin = {row[0]: row for row in torso(bones.body)}
    seat, waist = skin[-0.03], skin[0.15]
    (front, back), (middle, rear) = _reach(bones, hem - 0.02), _reach(bones, (hem - 0.03) / 2)
    wide = seat[3] + 0.056 + 0.144 * -hem
    deep, ahead = max((front + back) / 2 + 0.03, seat[2] + 0.05 + 0.1 * -hem), (front - back) / 2
    return (
        (hem - 0.02, ahead, deep, wide),
        (
            (hem - 0.03) / 2,
            (middle - rear) / 2,
            max((middle + rear) / 2 + 0.01, seat[2] + 0.04),
            (wide + seat[3]) / 2 + 0.02,
        ),
        (-0.03, -0.004, seat[2] + 0.022, seat[3] + 0.02),
        (0.13, waist[1], waist[2] + ease, waist[3] + ease),
    )


def _thighs(bones: Skeleton, hem: float) -> list[Field]:
    """Room for the legs above a skirt's hem, so that no knee comes through the cloth."""
    size = 0.5 + 0.5 * bones.body.girth
    floor = np.array([0.0, 0.0, bones.hips[2] + hem])
    shells = [trouser_leg(leg, (0.098 * size, 0.074 * size, 0.056), 2.0) for leg in bones.legs]
    return [cropped(shell, floor, np.array([0.0, 0.0, -1.0])) for shell in shells]


def _reach(bones: Skeleton, up: float) -> tuple[float, float]:
    """How far the legs reach forward and backward of the hips at a height above them."""
    places = []
    for leg in bones.legs:
        joints = np.array([leg.ankle, leg.knee, leg.hip])
        places.append(float(np.interp(bones.hips[2] + up, joints[:, 2], joints[:, 0])))
    return max(places) + 0.115, -min(places) + 0.115


def _with_row(table: Array, hem: float) -> Knots:
    """The knots, the lowest one lowered to the hem if it lies above."""
    table[0, 0] = min(table[0, 0], hem - 0.01)
    return _as_knots(table)


def _as_knots(table: Array) -> Knots:
    """The rows of an array as knots."""
    return tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in table)


def _creases(bones: Skeleton) -> Callable[[Array], Array]:
    """Soft diagonal folds: strongest at the waist and in the bends of the arms."""

    def waves(p: Array) -> Array:
        ahead, left, up = locals_of(bones, p)
        return np.sin(46.0 * up + 16.0 * np.abs(left) + 9.0 * ahead) * np.clip(1.3 - 3.2 * np.abs(up - 0.08), 0.25, 1.0)

    return waves


def _neckline(bones: Skeleton, garment: Garment, covered: bool) -> list[Part]:
    """A collar, a ribbed band or a hood, by the kind of top."""
    tone = fabric(garment.color.shade(0.8))
    if garment.kind == "shirt":
        return [Part("shirt", meshed(_collar(bones, 0.07, 0.050, 0.012)), fabric(garment.color.shade(1.08)))]
    if garment.kind == "hoodie" and covered:
        return []
    if garment.kind == "hoodie":
        hood = sdf.blend(
            0.03,
            sdf.ellipsoid(bones.chest(-0.105, 0.0, 0.445), (0.062, 0.115, 0.085)),
            cropped(
                sdf.ring(bones.chest(-0.01, 0.0, 0.485), 0.082, 0.028),
                np.array(bones.chest(0.07, 0, 0.4)),
                np.array([1.0, 0, 0]),
            ),
        )
        return [Part("hoodie", meshed(hood), fabric(garment.color.shade(0.92)))]
    thick = {"sweater": 0.020, "t-shirt": 0.012, "dress": 0.010}[garment.kind]
    band = sdf.posed(sdf.ring((0.0, 0.0, 0.0), 0.066, thick), pose(bones.chest(0.0, 0.0, 0.497), nod=12.0))
    return [Part(garment.kind, meshed(band, 0.008), tone)]


def _collar(bones: Skeleton, radius: float, height: float, thick: float) -> Field:
    """A standing collar, open in front."""
    shape = (-0.01, 0.0, 0.0)

    def distance(p: Array) -> Array:
        q = p - np.array(shape)
        around = np.hypot(q[..., 0], q[..., 1]) - (radius + 0.25 * (0.03 - q[..., 2]))
        gap = 0.014 + 0.5 * np.clip(q[..., 2], 0.0, None) - np.abs(q[..., 1]) + 10.0 * (q[..., 0] < 0)
        gap = np.where(q[..., 0] > 0, gap, -1.0)
        return np.maximum(np.maximum(np.abs(around) - thick, np.abs(q[..., 2]) - height / 2), gap)

    reach = np.array([radius + 0.05, radius + 0.05, height])
    field = Field(distance, np.array(shape) - reach, np.array(shape) + reach)
    return sdf.posed(field, pose(bones.chest(0.0, 0.0, 0.50), nod=10.0))


def coat(bones: Skeleton, person: Identity) -> tuple[list[Part], Field]:
    """A coat over the top, and its shape."""
    garment = person.coat
    assert garment is not None
    kind, hem, ease = garment.kind, COAT_HEMS[garment.kind], COAT_EASE[garment.kind]
    knots = _eased(grown(torso(bones.body), ease), hem)
    if kind == "long coat":
        flared = _skirt_knots(bones, hem, ease)[:2]
        room = 0.036 if person.lower is None or person.lower.kind == "skirt" else 0.008
        knots = (*grown(flared, room), *knots[1:])
    trunk = column(bones, knots, hem, 0.50 if kind != "vest" else 0.47, (7, 0.010) if kind == "long coat" else (0, 0.0))
    size = 0.5 + 0.5 * bones.body.girth
    radii = [(0.052 + ease) * size, (0.046 + ease) * size, (0.034 + 0.9 * ease) * size]
    arms = () if kind == "vest" else tuple(sleeve(arm, radii, 1.98) for arm in bones.arms)
    shape = sdf.blend(0.035, trunk, *arms)
    if kind in ("puffer jacket", "vest"):
        shape = wavy(shape, 0.014, _quilted(bones))
    else:
        shape = wavy(shape, 0.004, _creases(bones))
    opened = sdf.cut(shape, _opening(bones, person.coat_open))
    parts = [Part(kind, meshed(opened), fabric(garment.color, 0.5 if kind == "puffer jacket" else 0.8))]
    return parts + _coat_details(bones, person, garment), shape


def _quilted(bones: Skeleton) -> Callable[[Array], Array]:
    """Rolls of down, one above the other."""
    return lambda p: np.abs(np.sin(np.pi * (p[..., 2] - bones.hips[2] + 0.01) / 0.082)) - 0.6


def _opening(bones: Skeleton, wide: bool) -> Field:
    """What is cut out of a coat in front: all the way down, or a neckline only."""

    def inside(ahead: Array, left: Array, up: Array) -> Array:
        width = np.clip((up - 0.36) * 0.55, -0.02, 0.09)
        if wide:
            width = np.maximum(width, 0.052 + 0.05 * np.clip(0.1 - up, 0.0, 0.5))
        return np.maximum(np.abs(left) - width, 0.02 - ahead)

    return region(bones, inside)


def _coat_details(bones: Skeleton, person: Identity, garment: Garment) -> list[Part]:
    """Collar, and when closed a zip or buttons."""
    dark = garment.color.shade(0.62 if sum(garment.color.rgb) > 0.6 else 2.2)
    height = 0.085 if garment.kind == "puffer jacket" else 0.062
    parts = [Part(garment.kind, meshed(_collar(bones, 0.088, height, 0.016)), fabric(dark))]
    if person.coat_open:
        return parts
    shape = column(bones, grown(torso(bones.body), COAT_EASE[garment.kind] + 0.004), -0.2, 0.4)
    heights = np.linspace(max(COAT_HEMS[garment.kind] + 0.06, -0.06), 0.33, 5)
    starts = np.array([bones.chest(0.4, 0.0, float(up)) for up in heights])
    places = sdf.cast(shape, starts, (-1.0, 0.0, 0.0))
    if garment.kind == "long coat":
        knobs = [solids.pebble(triple(place), (0.014, 0.019, 0.019), 2) for place in places]
        return [*parts, Part(garment.kind, solids.joined(*knobs), leather(dark))]
    zipper = solids.pipe(solids.curve(places.tolist(), 20), 0.010, sections=8)
    return [*parts, Part(garment.kind, zipper, leather(dark))]


def scarf(bones: Skeleton, garment: Garment, below: Field) -> list[Part]:
    """A scarf around the neck, one end hanging down in front."""
    wrap = sdf.posed(sdf.ring((0.0, 0.0, 0.0), 0.086, 0.036), pose(bones.chest(0.004, 0.0, 0.515), nod=14.0))
    tail = np.array([bones.chest(0.25, 0.045 + 0.02 * t, 0.49 - 0.30 * t) for t in np.linspace(0.0, 1.0, 7)])
    line = sdf.cast(below, tail, (-1.0, 0.0, 0.0)) + np.array([0.018, 0.0, 0.0])
    line[0] = bones.chest(0.105, 0.04, 0.50)
    hanging = solids.pipe(solids.curve(line.tolist(), 20), np.linspace(0.026, 0.034, 20), across=1.5)
    return [
        Part("scarf", meshed(wrap, 0.01), fabric(garment.color)),
        Part("scarf", hanging, fabric(garment.color.shade(0.9))),
    ]


def bottom(bones: Skeleton, garment: Garment, girth: float, long_hem: bool) -> list[Part]:
    """Trousers, jeans, shorts or a skirt."""
    return _skirt(bones, garment, long_hem) if garment.kind == "skirt" else _trousers(bones, garment, girth)


def _trousers(bones: Skeleton, garment: Garment, girth: float) -> list[Part]:
    """Two legs that hang from one waist; jeans have turned-up, paler ends."""
    wide = {"trousers": 0.014, "jeans": 0.006, "shorts": 0.014}[garment.kind]
    radii = [0.092 * girth**0.7 + 0.4 * wide, 0.064 * girth**0.5 + wide, 0.052 + 1.2 * wide]
    if garment.kind == "shorts":
        radii[1] = radii[0] - 0.004
    length = {"trousers": 1.97, "jeans": 1.9, "shorts": 0.82}[garment.kind]
    legs = [trouser_leg(leg, radii, length) for leg in bones.legs]
    waist = column(bones, grown(torso(bones.body), 0.008), -0.09, 0.09)
    shape = sdf.blend(0.03, waist, sdf.union(*legs))
    folds = wavy(
        shape,
        0.004,
        lambda p: (
            np.sin(70.0 * p[..., 2] + 14.0 * p[..., 0])
            * np.clip(1.0 - 3.0 * np.abs(np.abs(p[..., 2] - 0.28) - 0.17), 0.1, 1.0)
        ),
    )
    parts = [Part(garment.kind, meshed(folds), fabric(garment.color))]
    if garment.kind == "jeans":
        parts += [
            Part("jeans", meshed(_cuff(leg, radii[2]), 0.01), fabric(_faded(garment.color))) for leg in bones.legs
        ]
    return parts


def _faded(color: Color) -> Color:
    """The paler inside of denim."""
    r, g, b = (0.55 * channel + 0.45 * 0.8 for channel in color.rgb)
    return Color(color.name, (r, g, b))


def _cuff(leg: Leg, radius: float) -> Field:
    """The turned-up end of a trouser leg."""
    way = leg.ankle - leg.knee
    start, end = leg.knee + 0.80 * way, leg.knee + 0.92 * way
    ring = sdf.limb(triple(start), triple(end), radius + 0.009)
    return cropped(cropped(ring, start, -way), end, way)


def _skirt(bones: Skeleton, garment: Garment, long_hem: bool) -> list[Part]:
    """A flared skirt with pleats and a waistband."""
    hem = LONG_SKIRT if long_hem else SHORT_SKIRT
    cone = column(bones, _skirt_knots(bones, hem, 0.002), hem, 0.115, (10, 0.018))
    shape = sdf.blend(0.04, cone, *_thighs(bones, hem))
    return [Part("skirt", meshed(shape), fabric(garment.color))]


def shoes(bones: Skeleton, garment: Garment) -> list[Part]:
    """A pair; sneakers have thick white soles, boots a shaft."""
    rubber = Color("white", (0.92, 0.91, 0.88)) if garment.kind == "sneakers" else Color("black", (0.1, 0.09, 0.085))
    parts = []
    for leg in bones.legs:
        motion = pose(triple(leg.ankle), turn=leg.turn, nod=-leg.pitch)
        upper = sdf.blend(
            0.03,
            sdf.ellipsoid((0.075, 0.0, -0.034), (0.105, 0.050, 0.036)),
            sdf.ellipsoid((-0.01, 0.0, -0.018), (0.066, 0.046, 0.056)),
        )
        if garment.kind == "boots":
            shaft = sdf.limb(triple(leg.ankle + 0.34 * (leg.knee - leg.ankle)), triple(leg.ankle), 0.062, 0.052)
            upper = sdf.blend(0.03, upper, sdf.posed(shaft, np.array(np.linalg.inv(motion), float)))
        flat = cropped(upper, np.array([0.0, 0.0, -0.055]), np.array([0.0, 0.0, -1.0]))
        parts += [
            Part("shoe", solids.posed(meshed(flat, 0.0105), motion), leather(garment.color)),
            Part("shoe", solids.posed(meshed(_sole(), 0.0105), motion), leather(rubber)),
        ]
    return parts


def _sole() -> Field:
    """A flat sole, round at toe and heel, under an ankle at the origin."""
    slab = sdf.block((0.052, 0.0, -0.063), (0.128, 0.052, 0.014), 0.013)

    def distance(p: Array) -> Array:
        oval = np.hypot((p[..., 0] - 0.052) / 0.13, p[..., 1] / 0.09) * 0.1 - 0.1
        return np.maximum(slab.distance(p), oval)

    return Field(distance, slab.low, slab.high)
