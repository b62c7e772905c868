"""How a person stands or walks: a gesture, drawn from a generator, and the joints that follow from it.

Standard units: metres for a person 1.75 m tall; `figure` scales to the person's height. The front is +x, left is +y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.world.objects.anatomy import pose
from retrieval.world.people.identity import Body, Identity
from retrieval.world.sdf import Array, Point

THIGH, SHIN, ANKLE = 0.40, 0.40, 0.075
UPPER_ARM, FOREARM = 0.255, 0.235
SHOULDER, HEAD = 0.43, 0.70  # heights above the hips; HEAD is the head's middle
HEELS = 0.865  # the hips' height over the soles with straight legs


@dataclass(frozen=True)
class Gesture:
    """A pose. stride: half a step in metres, 0 = standing, negative = the right foot leads; angles in degrees.

    `left` and `right` name what each arm does: one of ARMS.
    """

    stride: float
    sway: float
    lean: float
    twist: float
    head_turn: float
    head_nod: float
    head_tilt: float
    left: str
    right: str

    @property
    def walks(self) -> bool:
        """Whether it is a walk."""
        return self.stride != 0.0


@dataclass(frozen=True)
class Arm:
    """shoulder, elbow, wrist: places; `hidden` says that the hand is in a pocket."""

    shoulder: Array
    elbow: Array
    wrist: Array
    hidden: bool


@dataclass(frozen=True)
class Leg:
    """hip, knee, ankle: places; the foot is pitched by `pitch` (toes up) and turned outwards by `turn`, degrees."""

    hip: Array
    knee: Array
    ankle: Array
    pitch: float
    turn: float


@dataclass(frozen=True)
class Skeleton:
    """The joints of a gesture. Sides are (left, right); `head` is the motion (4x4) of the upright head."""

    gesture: Gesture
    body: Body
    hips: Array
    head: Array
    arms: tuple[Arm, Arm]
    legs: tuple[Leg, Leg]

    def chest(self, along: float, across: float, up: float) -> Point:
        """A point of the twisted, leaning trunk: forward, left, and up from the hips, in the trunk's own frame."""
        x, y = self.axis(np.array(up))
        c, s = np.cos(turn := self.turn(np.array(up))), np.sin(turn)
        return float(x + c * along - s * across), float(y + s * along + c * across), float(self.hips[2] + up)

    def axis(self, up: Array) -> tuple[Array, Array]:
        """Where the trunk's middle line is at heights above the hips: x, y."""
        lean = np.tan(np.radians(self.gesture.lean))
        return self.hips[0] + lean * np.maximum(up, 0.0), self.hips[1] * np.clip(1 - 1.2 * up, 0.2, 1.3)

    def turn(self, up: Array) -> Array:
        """How far the trunk is turned to the left at heights above the hips, radians: the chest against the hips."""
        return np.radians(self.gesture.twist) * np.clip(up / 0.18 - 0.6, -0.6, 1.0)


ARMS = ("swing", "relaxed", "pocket", "strap", "hold", "hip", "carry", "pull")


def sample_gesture(rng: np.random.Generator, person: Identity) -> Gesture:
    """A walk or a stance that suits what the person carries."""
    stride = float(rng.choice([-1.0, 1.0]) * rng.uniform(0.15, 0.25)) if rng.random() < 0.55 else 0.0
    if person.upper.kind == "dress" or (person.lower and person.lower.kind == "skirt"):
        stride *= 0.8
    sides = ["left", "right"] if rng.random() < 0.5 else ["right", "left"]
    does = {side: _idle(rng, stride, person) for side in sides}
    if person.bag and person.bag.kind in ("handbag", "suitcase"):
        does[sides[0]] = {"handbag": "carry", "suitcase": "pull"}[person.bag.kind]
    if person.carried:
        does[sides[1]] = "carry" if person.carried.kind == "paper bag" else "hold"
    return Gesture(
        stride=stride,
        sway=0.0 if stride else float(rng.choice([-1.0, 1.0]) * rng.uniform(0.01, 0.035)),
        lean=float(rng.uniform(2.0, 5.0) if stride else rng.uniform(-2.0, 2.0)),
        twist=-np.sign(stride) * float(rng.uniform(5.0, 12.0)) if stride else float(rng.uniform(-8.0, 8.0)),
        head_turn=float(np.clip(rng.normal(0.0, 16.0), -38.0, 38.0)),
        head_nod=float(rng.uniform(-5.0, 10.0)),
        head_tilt=float(rng.normal(0.0, 4.0)),
        left=does["left"],
        right=does["right"],
    )


def _idle(rng: np.random.Generator, stride: float, person: Identity) -> str:
    """What a free arm does."""
    options = ["swing"] * 5 if stride else ["relaxed"] * 3 + ["hip"]
    if (person.coat and person.coat.kind != "vest") or person.upper.kind == "hoodie":
        options += ["pocket"] * 2
    if person.bag and person.bag.kind == "backpack":
        options += ["strap"] * 3
    return options[int(rng.integers(len(options)))]


def skeleton(gesture: Gesture, body: Body) -> Skeleton:
    """The joints of a body in that gesture, soles on the ground z = 0."""
    bend = abs(gesture.stride)
    hips = np.array([0.0, gesture.sway, HEELS - 0.010 - 0.62 * bend**2 / HEELS - 0.02 * (bend > 0)])
    bare = Skeleton(gesture, body, hips, np.eye(4), (_NO_ARM, _NO_ARM), (_NO_LEG, _NO_LEG))
    x, y, z = bare.chest(0.012, 0.0, HEAD)
    turn = float(np.degrees(bare.turn(np.array(HEAD)))) * 0.4 + gesture.head_turn
    head = pose((x, y, z), turn, gesture.head_nod, gesture.head_tilt)
    arms = (_arm(bare, gesture.left, 1.0), _arm(bare, gesture.right, -1.0))
    return Skeleton(gesture, body, hips, head, arms, (_leg(bare, 1.0), _leg(bare, -1.0)))


def _leg(bones: Skeleton, side: float) -> Leg:
    """A leg from the hip to a foot on the ground: the leading foot lands on its heel, the other pushes off its toes."""
    gesture = bones.gesture
    hip = bones.hips + np.array([0.0, side * 0.083 * bones.body.hips, -0.02])
    step = side * gesture.stride
    weight = 0.0 if gesture.walks or gesture.sway * side > 0 else 1.0  # the free leg of a standing person
    pitch = 14.0 * (step > 0) - 26.0 * (step < 0)
    lift = 0.075 * (step < 0) + 0.012 * (step > 0)
    spread = 0.078 if gesture.walks else 0.105
    ankle = np.array([step - 0.02 + 0.05 * weight, side * spread, ANKLE + lift])
    knee, ankle = _bent(hip, ankle, THIGH, SHIN, np.array([1.0, 0.12 * side, 0.0]))
    return Leg(hip, knee, ankle, pitch, side * (5.0 + 12.0 * weight))


def _arm(bones: Skeleton, does: str, side: float) -> Arm:
    """An arm that does one of ARMS."""
    body = bones.body
    wide = 0.165 * body.shoulders * (0.6 + 0.4 * body.girth)
    shoulder = np.array(bones.chest(-0.005, side * wide, SHOULDER - 0.022))
    out = 0.055 + 0.09 * (max(body.girth, body.hips) - 0.9)
    reach = UPPER_ARM + FOREARM
    swing = -side * bones.gesture.stride * 2.0  # the arm goes with the other leg
    hang = {
        "swing": (swing, 0.965),
        "relaxed": (0.10, 0.975),
        "carry": (0.12 + 0.4 * swing, 0.985),
        "pull": (-0.55, 0.98),
    }
    if does in hang:
        angle, length = hang[does]
        wide_out = out + (0.05 if does in ("carry", "pull") else 0.0)
        wrist = shoulder + np.array([np.sin(angle) * reach * length, side * wide_out, -np.cos(angle) * reach * length])
        pole = np.array([-1.0, side * 0.5, 0.0])
    else:
        places: dict[str, tuple[Point, Point]] = {  # (wrist in the trunk's frame, the way the elbow points)
            "pocket": ((0.085, side * (wide + 0.0), 0.02), (-0.8, side * 1.0, 0.0)),
            "strap": ((0.150, side * 0.185, 0.235), (-0.2, side * 1.0, -0.8)),
            "hold": ((0.25, side * 0.15, 0.19), (-0.6, side * 0.6, -0.6)),
            "hip": ((0.03, side * (0.175 + 0.05 * body.girth) * body.hips, 0.07), (-0.4, side * 1.0, 0.1)),
        }
        place, aim = places[does]
        wrist, pole = np.array(bones.chest(*place)), np.array(aim)
    elbow, wrist = _bent(shoulder, wrist, UPPER_ARM, FOREARM, pole)
    return Arm(shoulder, elbow, wrist, does == "pocket")


def _bent(root: Array, goal: Array, first: float, second: float, pole: Array) -> tuple[Array, Array]:
    """Middle and end of two bones from `root` towards `goal`, bent towards `pole`; the goal is drawn nearer if far."""
    way = goal - root
    length = float(np.clip(np.linalg.norm(way), abs(first - second) + 0.02, 0.995 * (first + second)))
    ahead = way / np.linalg.norm(way)
    along = (length**2 + first**2 - second**2) / (2 * length)
    side = pole - (pole @ ahead) * ahead
    side /= np.linalg.norm(side)
    middle = root + along * ahead + np.sqrt(max(first**2 - along**2, 0.0)) * side
    return middle, root + length * ahead


_NOWHERE = np.zeros(3)
_NO_ARM = Arm(_NOWHERE, _NOWHERE, _NOWHERE, False)
_NO_LEG = Leg(_NOWHERE, _NOWHERE, _NOWHERE, 0.0, 0.0)
