"""The 64 classes of the world and the one zero-shot split that every protocol uses. Plain facts: importing this needs
no renderer.

A class that is unseen is kept from every picture, caption and pack of a zero-shot recipe; real data follows the
same split by name. Objects are split besides: what is rendered for training never appears in the gallery.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Seen = Literal["seen", "val_unseen", "test_unseen"]
_SEEN: Seen = "seen"
_VAL: Seen = "val_unseen"
_TEST: Seen = "test_unseen"

TEST_UNSEEN = (
    "banana",
    "bird",
    "giraffe",
    "guitar",
    "helicopter",
    "pear",
    "pizza",
    "scissors",
    "teapot",
    "windmill",
)
VAL_UNSEEN = (
    "alarm clock",
    "candle",
    "crab",
    "lighthouse",
    "octopus",
    "penguin",
    "sailboat",
    "snail",
    "umbrella",
)
SEEN = (
    "airplane",
    "apple",
    "bee",
    "bicycle",
    "birthday cake",
    "bus",
    "butterfly",
    "cactus",
    "car",
    "carrot",
    "castle",
    "cat",
    "chair",
    "couch",
    "dog",
    "donut",
    "duck",
    "elephant",
    "eyeglasses",
    "fish",
    "floor lamp",
    "flower",
    "hammer",
    "hat",
    "horse",
    "hot air balloon",
    "house",
    "ice cream",
    "mug",
    "mushroom",
    "owl",
    "palm tree",
    "pig",
    "pineapple",
    "rabbit",
    "sea turtle",
    "snowman",
    "spider",
    "submarine",
    "table",
    "television",
    "tent",
    "train",
    "whale",
    "wine glass",
)
SPLIT: Mapping[str, Seen] = MappingProxyType(
    {label: part for labels, part in ((SEEN, _SEEN), (VAL_UNSEEN, _VAL), (TEST_UNSEEN, _TEST)) for label in labels}
)
ALL = tuple(sorted(SPLIT))
