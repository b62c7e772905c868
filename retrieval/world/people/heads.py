"""Heads: face, hair in many styles, hats and glasses. All is modelled upright at the origin looking along +x, in metres
of a head 0.32 m high, and then posed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Material, Part
from retrieval.world.objects.anatomy import IVORY
from retrieval.world.people.cloth import fabric, leather, meshed, wavy
from retrieval.world.people.identity import Garment, Identity
from retrieval.world.sdf import Array, Field, Point

FINE = 0.0105  # the side of a mesh cell on heads, metres
HAT_LINE = 0.035  # hats cover all that is higher, in the head's frame
GOLDEN = np.pi * (3 - np.sqrt(5))


def skin(color: Color) -> Material:
    """Skin: a soft sheen."""
    return Material(color, 0.6)


def skull() -> Field:
    """Head with jaw, ears and nose."""
    return sdf.blend(
        0.02,
        sdf.blend(
            0.09,
            sdf.ellipsoid((-0.008, 0.0, 0.025), (0.132, 0.120, 0.140)),
            sdf.ellipsoid((0.022, 0.0, -0.072), (0.094, 0.090, 0.082)),
        ),
        sdf.mirrored(sdf.ellipsoid((-0.010, 0.128, -0.012), (0.030, 0.018, 0.040))),
        sdf.ellipsoid((0.128, 0.0, -0.026), (0.022, 0.019, 0.023)),
    )


def head(person: Identity) -> list[Part]:
    """Everything above the neck."""
    shape = skull()
    parts = [Part("head", meshed(shape, FINE), skin(person.skin)), *_face(shape, person)]
    parts += hair(person)
    if person.beard:
        parts.append(_beard(person.hair))
    if person.hat:
        parts += hat(person.hat)
    if person.eyewear:
        parts += eyewear(person.eyewear)
    return parts


def _face(shape: Field, person: Identity) -> list[Part]:
    """Eyes with a glint, brows and a gentle smile, laid on the skin."""
    dark = Color("brown", (0.10, 0.065, 0.05))
    eye = _on_face(shape, [(0.049, 0.008)])[0]
    white = solids.pebble((eye[0] - 0.006, eye[1], eye[2]), (0.014, 0.0245, 0.021), 2)
    iris = solids.pebble((eye[0] + 0.001, eye[1] - 0.002, eye[2]), (0.012, 0.0155, 0.018), 2)
    glint = solids.pebble((eye[0] + 0.012, eye[1] + 0.004, eye[2] + 0.008), (0.004, 0.005, 0.005), 1)
    brow = _on_face(shape, [(0.026, 0.047), (0.048, 0.056), (0.070, 0.047)])
    smile = _on_face(shape, [(-0.030, -0.074), (-0.015, -0.0835), (0.015, -0.0835), (0.030, -0.074)])
    r, g, b = person.skin.rgb
    lips = Color("red", (0.62 * r + 0.10, 0.42 * g + 0.02, 0.42 * b + 0.04))
    ink = fabric(person.hair.shade(0.75) if person.hair_style != "bald" else Color("brown", (0.16, 0.10, 0.07)))
    return [
        Part("eye", solids.mirrored(white), IVORY),
        Part("eye", solids.mirrored(iris), Material(dark, 0.2)),
        Part("eye", solids.mirrored(glint), IVORY),
        Part("brow", solids.mirrored(solids.pipe(solids.curve(brow.tolist(), 10), 0.0062, sections=8)), ink),
        Part("mouth", solids.pipe(solids.curve(smile.tolist(), 14), 0.0062, sections=8), skin(lips)),
    ]


def _on_face(shape: Field, places: Sequence[tuple[float, float]]) -> Array:
    """Points of the face at (left, up), seen from the front. (n, 3)"""
    return sdf.cast(shape, np.array([(0.25, y, z) for y, z in places]), (-1.0, 0.0, 0.0))


def _beard(color: Color) -> Part:
    """A full beard: the jaw, grown, below a line from ear to ear, without the mouth."""
    jaw = sdf.blend(
        0.05,
        sdf.ellipsoid((0.024, 0.0, -0.085), (0.106, 0.099, 0.084)),
        sdf.mirrored(sdf.limb((0.0, 0.112, -0.02), (0.05, 0.085, -0.10), 0.014, 0.02)),
    )
    mouth = sdf.ellipsoid((0.13, 0.0, -0.076), (0.05, 0.037, 0.019))
    upper = sdf.ellipsoid((0.13, 0.0, -0.005), (0.09, 0.075, 0.050))
    return Part("beard", meshed(sdf.carve(0.015, jaw, mouth, upper), FINE), fabric(color.shade(0.9)))


# ---------------------------------------------------------------- hair


def hair(person: Identity) -> list[Part]:
    """The hair: a shaped mass, and what hangs from it as a part of its own ("ponytail", "bun", "braid")."""
    if person.hair_style == "bald":
        return []
    mass = STYLES[person.hair_style](person)
    if person.hat:
        mass = sdf.cut(mass, _above(HAT_LINE))
    cloth = fabric(person.hair, 0.62)
    groove = 0.002 if person.hair_style in ("curly", "cropped") else 0.0045
    strands = wavy(mass, groove, lambda p: np.sin(17.0 * np.arctan2(p[..., 1], p[..., 0] + 0.02) + 9.0 * p[..., 2]))
    return [Part("hair", meshed(strands, FINE), cloth), *_hanging(person, cloth)]


def _above(height: float) -> Field:
    far = np.full(3, 2.0)
    return Field(lambda p: height - p[..., 2], -far, far)


def _cap(thick: float, low: float) -> Field:
    """Hair close to the skull, down to `low` at the nape and rising over the ears towards the brow."""
    shell = sdf.ellipsoid((-0.014, 0.0, 0.030), (0.136 + thick, 0.123 + thick, 0.141 + thick))

    def distance(p: Array) -> Array:
        edge = low + np.clip(p[..., 0] + 0.03, 0.0, None) * 1.15 + 0.02 * np.clip(np.abs(p[..., 1]) - 0.1, 0, None)
        return np.maximum(shell.distance(p), (edge - p[..., 2]) * 0.7)

    return Field(distance, shell.low, shell.high)


def _face_window(low: float, wide: float, high: float) -> Field:
    """The place of the face that hair leaves free."""
    return sdf.ellipsoid((0.14, 0.0, (low + high) / 2), (0.125, wide, (high - low) / 2))


def _fringe(person: Identity) -> Field:
    """Hair that falls over the brow: straight, or swept to a side."""
    side = 0.05 if person.fringe < 0.5 else -0.05
    return sdf.blend(
        0.03,
        sdf.ellipsoid((0.078, side * 0.5, 0.118), (0.062, 0.088, 0.040)),
        sdf.ellipsoid((0.086, side, 0.096), (0.044, 0.055, 0.036)),
    )


def _short(person: Identity) -> Field:
    quiff = sdf.ellipsoid(
        (0.055, 0.02 if person.fringe < 0.5 else -0.02, 0.145), (0.075, 0.085, 0.040 + 0.02 * person.curliness)
    )
    return sdf.blend(0.03, _cap(0.016, -0.075), quiff)


def _cropped_hair(_person: Identity) -> Field:
    return _cap(0.005, -0.06)


def _bob(person: Identity) -> Field:
    sides = sdf.ellipsoid((-0.025, 0.0, -0.030), (0.135, 0.150, 0.150))
    mass = sdf.blend(0.05, sdf.ellipsoid((-0.014, 0.0, 0.036), (0.153, 0.142, 0.152)), sides)
    flat = sdf.cut(mass, _below(-0.125))
    window = _face_window(-0.30, 0.098, 0.100 if person.fringe < 0.6 else 0.066)
    return sdf.carve(0.02, flat, window)


def _below(height: float) -> Field:
    far = np.full(3, 2.0)
    return Field(lambda p: p[..., 2] - height, -far, far)


def _long(person: Identity) -> Field:
    crown = sdf.ellipsoid((-0.014, 0.0, 0.036), (0.152, 0.140, 0.152))
    fall = sdf.ellipsoid((-0.085, 0.0, -0.16), (0.075, 0.140, 0.20))
    locks = sdf.mirrored(
        sdf.path([(-0.005, 0.122, 0.0), (0.012, 0.135, -0.12), (0.045, 0.118, -0.26)], [0.045, 0.042, 0.022])
    )
    mass = sdf.blend(0.05, crown, fall, locks)
    return sdf.carve(0.02, mass, _face_window(-0.24, 0.098, 0.104 if person.fringe < 0.6 else 0.07))


def _tied(person: Identity) -> Field:
    cap = _cap(0.010, -0.085)
    return sdf.blend(0.03, cap, _fringe(person)) if person.fringe < 0.45 else cap


def _curly(person: Identity) -> Field:
    count, size = 90, 0.135 + 0.045 * person.curliness
    step = np.arange(count) + 0.5
    z = 1 - 2 * step / count
    flat = np.sqrt(1 - z * z)
    spots = np.stack([np.cos(GOLDEN * step) * flat, np.sin(GOLDEN * step) * flat, z], axis=1)
    middle = np.array([-0.022, 0.0, 0.035 + 0.12 * (size - 0.135)])
    places = middle + spots * size
    keep = (places[:, 2] > -0.10) & ~((places[:, 0] > 0.05) & (places[:, 2] < 0.085) & (np.abs(places[:, 1]) < 0.12))
    keep &= ~((places[:, 0] > 0.02) & (places[:, 2] < 0.0))
    spots = places[keep]
    core = sdf.cut(
        sdf.ellipsoid((-0.02, 0.0, 0.035), (0.138, 0.128, 0.142)), _face_window(-0.30, 0.12, 0.09), _below(-0.1)
    )

    def distance(p: Array) -> Array:
        near = core.distance(p)
        for spot in spots:
            near = np.minimum(near, np.sqrt(((p - spot) ** 2).sum(-1)) - 0.036)
        return near

    reach = size + 0.04
    return Field(distance, middle - reach, middle + reach)


STYLES: dict[str, Callable[[Identity], Field]] = {
    "short": _short,
    "cropped": _cropped_hair,
    "bob": _bob,
    "long": _long,
    "ponytail": _tied,
    "bun": _tied,
    "curly": _curly,
    "braids": _tied,
}


def _hanging(person: Identity, cloth: Material) -> list[Part]:
    """A ponytail, a bun or two braids."""
    if person.hair_style == "ponytail":
        high = 0.02 if person.hat else 0.06
        line = [(-0.135, 0.0, high), (-0.205, 0.0, high - 0.01), (-0.235, 0.0, high - 0.12), (-0.21, 0.0, high - 0.27)]
        tail = sdf.path(
            [_as_point(p) for p in solids.curve(line, 9)], [0.03, 0.044, 0.05, 0.052, 0.05, 0.046, 0.039, 0.028, 0.012]
        )
        ribbed = wavy(tail, 0.004, lambda p: np.sin(np.arctan2(p[..., 1], p[..., 0] + 0.21) * 7.0))
        return [Part("ponytail", meshed(ribbed, FINE), cloth)]
    if person.hair_style == "bun":
        low = person.hat is not None
        ball = sdf.ellipsoid((-0.165, 0.0, -0.03) if low else (-0.075, 0.0, 0.205), (0.062, 0.066, 0.058))
        swirl = wavy(ball, 0.005, lambda p: np.sin(40.0 * p[..., 2] + 3.0 * np.arctan2(p[..., 1], p[..., 0] + 0.08)))
        return [Part("bun", meshed(swirl, FINE), cloth)]
    if person.hair_style == "braids":
        down = np.linspace(0.0, 1.0, 10)
        x, y, z = -0.02 + 0.105 * down, 0.125 + 0.02 * np.sin(np.pi * down), -0.06 - 0.25 * down
        size = 0.033 * (1 - 0.45 * down)
        beads = sdf.union(
            *[
                sdf.ellipsoid((float(a), float(b), float(c)), (float(r), float(r), float(r) * 0.8))
                for a, b, c, r in zip(x, y, z, size, strict=True)
            ]
        )
        return [Part("braid", meshed(sdf.mirrored(beads), FINE), cloth)]
    return []


def _as_point(values: Array) -> Point:
    x, y, z = values
    return float(x), float(y), float(z)


# ---------------------------------------------------------------- hats and glasses


def hat(garment: Garment) -> list[Part]:
    """A cap, a beanie or a brimmed hat."""
    return {"cap": _baseball_cap, "beanie": _beanie, "brimmed hat": _brimmed}[garment.kind](garment.color)


def _dome(radii: Point, low: float, at: Point = (-0.014, 0.0, 0.04)) -> Field:
    return sdf.cut(sdf.ellipsoid(at, radii), _below(low))


def _baseball_cap(color: Color) -> list[Part]:
    crown = _dome((0.162, 0.150, 0.155), 0.03)
    visor = sdf.cut(
        sdf.ellipsoid((0.125, 0.0, 0.052), (0.145, 0.112, 0.030)),
        sdf.ellipsoid((0.125, 0.0, 0.030), (0.16, 0.125, 0.032)),
    )
    knob = sdf.sphere((-0.014, 0.0, 0.195), 0.014)
    return [
        Part("hat", meshed(sdf.union(crown, knob), FINE), fabric(color)),
        Part("hat", meshed(visor, FINE * 0.8), fabric(color.shade(0.8))),
    ]


def _beanie(color: Color) -> list[Part]:
    crown = wavy(_dome((0.158, 0.146, 0.172), 0.03), 0.004, lambda p: np.sin(22.0 * np.arctan2(p[..., 1], p[..., 0])))
    band = sdf.cut(sdf.ellipsoid((-0.012, 0.0, 0.045), (0.166, 0.153, 0.15)), _below(0.018), _above(0.085))
    ball = sdf.sphere((-0.02, 0.0, 0.225), 0.040)
    return [
        Part("hat", meshed(crown, FINE), fabric(color)),
        Part("hat", meshed(sdf.union(band, ball), FINE), fabric(color.shade(0.78))),
    ]


def _brimmed(color: Color) -> list[Part]:
    crown = sdf.blend(
        0.03, _dome((0.156, 0.144, 0.13), 0.04), sdf.ellipsoid((-0.014, 0.0, 0.135), (0.128, 0.115, 0.065))
    )
    brim = sdf.ellipsoid((-0.01, 0.0, 0.062), (0.262, 0.242, 0.018))
    bent = Field(
        lambda p: brim.distance(p - 0.55 * (p[..., 1:2] ** 2) * np.array([0.0, 0.0, 1.0])),
        brim.low,
        brim.high + np.array([0.0, 0.0, 0.05]),
    )
    ribbon = sdf.cut(sdf.ellipsoid((-0.014, 0.0, 0.04), (0.161, 0.149, 0.138)), _below(0.06), _above(0.096))
    dark = color.shade(0.45 if sum(color.rgb) > 0.6 else 3.0)
    return [
        Part("hat", meshed(crown, FINE), fabric(color)),
        Part("hat", meshed(bent, FINE), fabric(color)),
        Part("hat", meshed(ribbon, FINE), fabric(dark)),
    ]


def eyewear(garment: Garment) -> list[Part]:
    """Round glasses, or sunglasses with dark lenses."""
    frame = leather(garment.color)
    rims = [
        solids.turned(sdf.surface(sdf.ring((0.139, y, 0.006), 0.036, 0.0072, axis=0), 26), 2, 5.0 * np.sign(y))
        for y in (0.049, -0.049)
    ]
    bridge = solids.pipe([(0.146, 0.016, 0.012), (0.149, 0.0, 0.016), (0.146, -0.016, 0.012)], 0.006, sections=8)
    temple = solids.pipe([(0.128, 0.088, 0.012), (0.06, 0.126, 0.012), (-0.01, 0.136, 0.008)], 0.007, sections=8)
    parts = [Part(garment.kind, solids.joined(*rims, bridge, solids.mirrored(temple)), frame)]
    if garment.kind == "sunglasses":
        lens = solids.turned(solids.pebble((0.139, 0.049, 0.006), (0.007, 0.037, 0.037), 2), 2, 5.0)
        parts.append(Part(garment.kind, solids.mirrored(lens), Material(garment.color, 0.15)))
    return parts
