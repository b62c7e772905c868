"""A whole person in a gesture: the parts of body, clothes and things, in metres, soles on z = 0, front along +x."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from retrieval.world import sdf, solids
from retrieval.world.model import Part
from retrieval.world.objects.anatomy import posed
from retrieval.world.people import wardrobe
from retrieval.world.people.cloth import meshed, sleeve, triple, trouser_leg
from retrieval.world.people.heads import head, skin
from retrieval.world.people.identity import Identity
from retrieval.world.people.luggage import bag, carried
from retrieval.world.people.skeleton import Arm, Gesture, Skeleton, skeleton

STANDARD = 1.75  # the height that the joints are made for, metres


def figure(person: Identity, gesture: Gesture) -> list[Part]:
    """The person. Parts are named after what they show: "head", "hair", the garments' kinds, "shoe", "strap", ..."""
    bones = skeleton(gesture, person.body)
    parts = _body(bones, person)
    parts += posed(head(person), bones.head @ np.diag([*[person.body.head] * 3, 1.0]))
    clothes, shape = wardrobe.top(bones, person)
    parts += clothes
    if person.lower:
        parts += wardrobe.bottom(bones, person.lower, person.body.girth, person.long_hem)
    if person.coat:
        outer, shape = wardrobe.coat(bones, person)
        parts += outer
    if person.scarf:
        parts += wardrobe.scarf(bones, person.scarf, shape)
    parts += wardrobe.shoes(bones, person.shoes)
    if person.bag:
        parts += bag(bones, person.bag, shape)
    if person.carried:
        parts += carried(bones, person.carried)
    size = person.body.height / STANDARD
    return [replace(part, mesh=solids.scaled(part.mesh, (size, size, size))) for part in parts]


def _body(bones: Skeleton, person: Identity) -> list[Part]:
    """The skin that clothes leave free: neck, hands, arms, legs."""
    tone = skin(person.skin)
    collar, chin = np.array(bones.chest(-0.012, 0.0, 0.43)), bones.head[:3, 3] - 0.08 * bones.head[:3, 2]
    neck = sdf.limb(triple(collar), triple(chin - 0.02 * bones.head[:3, 0]), 0.060, 0.052)
    parts = [Part("neck", meshed(neck), tone)]
    parts += [
        Part("hand", meshed(_hand(arm, side), 0.008), tone)
        for arm, side in zip(bones.arms, (1.0, -1.0), strict=True)
        if not arm.hidden
    ]
    covered = person.coat and person.coat.kind != "vest"
    if wardrobe.SLEEVES[person.upper.kind] < 1.0 and not covered:
        size = 0.6 + 0.4 * person.body.girth
        arms = [sleeve(arm, (0.050 * size, 0.041 * size, 0.030), 2.0) for arm in bones.arms]
        parts += [Part("arm", meshed(arm), tone) for arm in arms]
    if person.lower is None or person.lower.kind in ("shorts", "skirt"):
        size = 0.5 + 0.5 * person.body.girth
        legs = [trouser_leg(leg, (0.082 * size, 0.056 * size, 0.038), 2.0) for leg in bones.legs]
        parts += [Part("leg", meshed(leg), tone) for leg in legs]
    return parts


def _hand(arm: Arm, side: float) -> sdf.Field:
    """A mitten with a thumb, its fingers a little bent."""
    way = arm.wrist - arm.elbow
    ahead = way / np.linalg.norm(way)
    forward = np.array([1.0, 0.0, 0.0]) - ahead[0] * ahead
    if np.linalg.norm(forward) < 0.5:
        forward = np.array([0.0, 0.0, 1.0]) - ahead[2] * ahead
    forward /= np.linalg.norm(forward)
    inward = -side * np.cross(ahead, forward) * (1.0 if np.cross(ahead, forward)[1] > 0 else -1.0)
    start = arm.wrist - 0.02 * ahead
    palm = arm.wrist + 0.055 * ahead
    tips = palm + 0.062 * ahead + 0.022 * inward
    thumb = palm + 0.035 * forward + 0.012 * ahead
    return sdf.blend(
        0.022,
        sdf.limb(triple(start), triple(palm), 0.031, 0.038),
        sdf.limb(triple(palm + 0.012 * forward), triple(tips + 0.010 * forward), 0.029, 0.021),
        sdf.limb(triple(palm - 0.014 * forward), triple(tips - 0.012 * forward), 0.028, 0.020),
        sdf.limb(triple(arm.wrist + 0.02 * ahead + 0.02 * forward), triple(thumb + 0.02 * forward), 0.020, 0.014),
    )
