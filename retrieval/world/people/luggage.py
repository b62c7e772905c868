"""Bags and things in the hand. A backpack's straps are a part of their own: from the front nothing else shows."""

from __future__ import annotations

import numpy as np
import trimesh

from retrieval.world import sdf, solids
from retrieval.world.model import Color, Part
from retrieval.world.objects.anatomy import pose
from retrieval.world.people.cloth import fabric, laid, leather, locals_of, meshed
from retrieval.world.people.identity import Garment
from retrieval.world.people.skeleton import Arm, Skeleton
from retrieval.world.sdf import Array, Field

GRIP = 0.075  # from wrist to the middle of the fist
LEAF = Color("green", (0.24, 0.46, 0.20))
PAPER = Color("white", (0.93, 0.91, 0.86))


def fist(arm: Arm) -> Array:
    """The middle of the hand. (3,)"""
    way = arm.wrist - arm.elbow
    return arm.wrist + GRIP * way / np.linalg.norm(way)


def bag(bones: Skeleton, garment: Garment, over: Field) -> list[Part]:
    """The bag, worn over the shape `over` or held by the arm that carries."""
    if garment.kind == "backpack":
        return _backpack(bones, garment, over)
    if garment.kind == "shoulder bag":
        return _shoulder_bag(bones, garment, over)
    does = {"handbag": "carry", "suitcase": "pull"}[garment.kind]
    arm = bones.arms[0] if bones.gesture.left == does else bones.arms[1]
    return _handbag(arm, garment) if garment.kind == "handbag" else _suitcase(arm, garment)


def _backpack(bones: Skeleton, garment: Garment, over: Field) -> list[Part]:
    """A packed backpack that touches the back, with a pocket, a lid and two straps."""
    back = sdf.cast(over, np.array([bones.chest(-0.5, 0.0, up) for up in (0.14, 0.25, 0.36)]), (1.0, 0.0, 0.0))
    x = float(np.mean([locals_of(bones, place)[0] for place in back])) - 0.075
    motion = pose(bones.chest(x, 0.0, 0.235), float(np.degrees(bones.turn(np.array(0.3)))), nod=bones.gesture.lean)
    sack = sdf.blend(
        0.06,
        sdf.block((0.0, 0.0, -0.02), (0.085, 0.135, 0.18), 0.06),
        sdf.ellipsoid((0.01, 0.0, 0.12), (0.080, 0.120, 0.10)),
    )
    pocket = sdf.block((-0.082, 0.0, -0.085), (0.042, 0.102, 0.085), 0.035)
    lid = sdf.block((-0.030, 0.0, 0.145), (0.078, 0.118, 0.045), 0.04)
    dark = garment.color.shade(0.7 if sum(garment.color.rgb) > 0.5 else 2.0)
    pieces = [(sack, garment.color), (pocket, dark), (lid, dark)]
    parts = [Part("backpack", solids.posed(meshed(field), motion), fabric(color, 0.6)) for field, color in pieces]
    return parts + [_strap(bones, over, dark, side) for side in (1.0, -1.0)]


def _strap(bones: Skeleton, over: Field, color: Color, side: float) -> Part:
    """A broad strap from the top of the backpack over the shoulder and back under the arm."""
    guide = [
        (-0.13, 0.085, 0.38), (-0.05, 0.095, 0.50), (0.05, 0.10, 0.47), (0.15, 0.105, 0.36), (0.16, 0.115, 0.24),
        (0.11, 0.15, 0.14), (0.0, 0.16, 0.09), (-0.10, 0.12, 0.08),
    ]  # fmt: skip
    line = solids.curve([bones.chest(a, side * b, c) for a, b, c in guide], 40)
    return Part("strap", _ribbon(laid(over, line, 0.004), over, 0.024, 0.010), fabric(color, 0.6))


def _ribbon(line: Array, over: Field, wide: float, thick: float) -> trimesh.Trimesh:
    """A flat band along `line` that lies on the surface `over`."""
    step = 0.004
    here = over.distance(line)
    out = np.stack([(over.distance(line + step * axis) - here) / step for axis in np.eye(3)], axis=-1)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-6)
    across = np.cross(ahead, out)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    angles = np.linspace(0.0, 2 * np.pi, 12, endpoint=False)
    loop = np.stack([np.sign(np.cos(angles)) * np.abs(np.cos(angles)) ** 0.5, np.sin(angles)], axis=1)
    rings = [p + wide * loop[:, :1] * a + thick * loop[:, 1:] * o for p, a, o in zip(line, across, out, strict=True)]
    return solids.loft(rings)


def _shoulder_bag(bones: Skeleton, garment: Garment, over: Field) -> list[Part]:
    """A bag at one hip, its strap across the chest from the other shoulder."""
    side = 1.0 if bones.gesture.left in ("swing", "relaxed") else -1.0
    hips = bones.body.hips * bones.body.girth**0.5
    place = bones.chest(0.01, side * (0.215 * hips + 0.035), -0.03)
    motion = pose(place, turn=side * 90.0, tilt=0.0)
    sack = sdf.block((0.0, 0.0, 0.0), (0.052, 0.135, 0.100), 0.035)
    flap = sdf.block((0.028, 0.0, 0.045), (0.034, 0.138, 0.060), 0.03)
    dark = garment.color.shade(0.72 if sum(garment.color.rgb) > 0.5 else 2.0)
    parts = [
        Part("shoulder bag", solids.posed(meshed(sack), motion), leather(garment.color)),
        Part("shoulder bag", solids.posed(meshed(flap), motion), leather(dark)),
    ]
    guide = [
        (0.05, side * 0.17, 0.05), (0.13, side * 0.12, 0.13), (0.15, 0.0, 0.27), (0.12, -side * 0.075, 0.40),
        (0.02, -side * 0.10, 0.49), (-0.09, -side * 0.075, 0.42), (-0.14, 0.0, 0.27), (-0.12, side * 0.12, 0.13),
        (-0.05, side * 0.17, 0.05),
    ]  # fmt: skip
    line = solids.curve([bones.chest(*point) for point in guide], 48)
    return [*parts, Part("bag strap", _ribbon(laid(over, line, 0.004), over, 0.019, 0.010), leather(dark))]


def _handbag(arm: Arm, garment: Garment) -> list[Part]:
    """A bag that hangs from the hand by its handle."""
    hand = fist(arm)
    motion = pose((float(hand[0]), float(hand[1]), float(hand[2])), nod=0.0)
    outline = [(-0.15, -0.31), (0.15, -0.31), (0.115, -0.09), (-0.115, -0.09)]
    sack = solids.board(outline, 0.12, 0.025, 0.03)
    handle = solids.pipe(solids.arc((0.0, 0.0, -0.095), 0.075, 0.0, 180.0, axis=1, steps=16), 0.011, sections=8)
    clasp = solids.slab((0.0, 0.0, -0.13), (0.06, 0.135, 0.035), 0.01)
    dark = garment.color.shade(0.65 if sum(garment.color.rgb) > 0.5 else 2.2)
    pieces = [(sack, garment.color), (solids.joined(handle, clasp), dark)]
    return [Part("handbag", solids.posed(mesh, motion), leather(color)) for mesh, color in pieces]


def _suitcase(arm: Arm, garment: Garment) -> list[Part]:
    """A suitcase on wheels behind the person, pulled by its long handle."""
    hand = fist(arm)
    lean = 24.0
    foot = np.array([hand[0] - 0.30, hand[1] + np.sign(hand[1]) * 0.02, 0.035])
    motion = pose((float(foot[0]), float(foot[1]), float(foot[2])), nod=lean)
    length = float(hand[2] - foot[2]) / float(np.cos(np.radians(lean)))
    shell = sdf.block((0.0, 0.0, 0.25), (0.085, 0.150, 0.225), 0.045)
    ribbed = sdf.Field(
        lambda p: shell.distance(p) - 0.005 * np.sign(np.sin(p[..., 1] * 75.0)), shell.low - 0.01, shell.high + 0.01
    )
    rods = [solids.cylinder((0.03, y, 0.40), (0.03, y, length), 0.009, 10) for y in (0.045, -0.045)]
    grip = solids.pipe([(0.03, -0.055, length), (0.03, 0.055, length)], 0.016, sections=10)
    wheels = [solids.ball((-0.03, y, 0.0), 0.035) for y in (0.11, -0.11)]
    ink = Color("black", (0.12, 0.12, 0.13))
    return [
        Part("suitcase", solids.posed(meshed(ribbed), motion), leather(garment.color)),
        Part("suitcase", solids.posed(solids.joined(*rods, grip, *wheels), motion), leather(ink)),
    ]


def carried(bones: Skeleton, garment: Garment) -> list[Part]:
    """What the free hand holds."""
    does = "carry" if garment.kind == "paper bag" else "hold"
    arms = [arm for arm, did in zip(bones.arms, (bones.gesture.left, bones.gesture.right), strict=True) if did == does]
    hand = fist(arms[-1])
    side = float(np.sign(hand[1]))
    motion = pose((float(hand[0]), float(hand[1]), float(hand[2])), turn=-12.0 * side)
    return [Part(p.name, solids.posed(p.mesh, motion), p.material) for p in THINGS[garment.kind](garment.color, side)]


def _cup(color: Color, _side: float) -> list[Part]:
    body = solids.lathe([(0.0, -0.06), (0.036, -0.06), (0.047, 0.085), (0.0, 0.085)], 24)
    lid = solids.lathe([(0.0, 0.082), (0.053, 0.082), (0.053, 0.095), (0.040, 0.112), (0.0, 0.112)], 24)
    pale = PAPER if color.name != "white" else Color("brown", (0.35, 0.22, 0.14))
    shift = (0.03, 0.0, 0.01)
    return [
        Part("cup", solids.moved(body, shift), fabric(color, 0.5)),
        Part("cup", solids.moved(lid, shift), leather(pale)),
    ]


def _book(color: Color, side: float) -> list[Part]:
    cover = solids.slab((0.05, -0.02 * side, 0.07), (0.055, 0.19, 0.26), 0.008)
    pages = solids.slab((0.05, -0.025 * side, 0.07), (0.040, 0.195, 0.25), 0.004)
    return [Part("book", cover, leather(color)), Part("book", pages, fabric(PAPER))]


def _bouquet(color: Color, _side: float) -> list[Part]:
    turns = np.arange(9) * 2.4
    radius = 0.028 * np.sqrt(np.arange(9))
    heads = [
        (0.03 + float(r * np.cos(a)), float(r * np.sin(a)), 0.19 - 1.2 * float(r * r) / 0.1)
        for a, r in zip(turns, radius, strict=True)
    ]
    flowers = solids.joined(*[solids.pebble(at, (0.036, 0.036, 0.032), 2) for at in heads])
    leaves = solids.lathe([(0.0, -0.10), (0.018, -0.09), (0.022, 0.02), (0.10, 0.15), (0.0, 0.15)], 20)
    return [
        Part("bouquet", flowers, fabric(color)),
        Part("bouquet", solids.moved(leaves, (0.03, 0.0, 0.0)), fabric(LEAF)),
    ]


def _ball(color: Color, side: float) -> list[Part]:
    at = (0.05, -0.05 * side, 0.11)
    band = sdf.surface(sdf.ring(at, 0.118, 0.014, axis=1), 30)
    return [
        Part("ball", solids.ball(at, 0.122), leather(color)),
        Part("ball", band, leather(PAPER if color.name != "white" else LEAF)),
    ]


def _paper_bag(color: Color, _side: float) -> list[Part]:
    sack = solids.board([(-0.10, -0.36), (0.10, -0.36), (0.11, -0.09), (-0.11, -0.09)], 0.13, 0.012)
    handle = solids.pipe(solids.arc((0.0, 0.0, -0.10), 0.075, 0.0, 180.0, axis=1, steps=14), 0.009, sections=8)
    return [Part("paper bag", sack, fabric(color)), Part("paper bag", handle, fabric(color.shade(0.7)))]


THINGS = {"cup": _cup, "book": _book, "bouquet": _bouquet, "ball": _ball, "paper bag": _paper_bag}
