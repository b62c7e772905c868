"""Captions for rendered pictures: a small grammar, so that every word is known to be true of the picture.

A line drawing shows no colour and no floor, so its caption names neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.types import CARTOON, ENGRAVING, MOSAIC, PAINTING, PHOTO, SKETCH

MEDIA: dict[str, tuple[str, ...]] = {
    PHOTO.name: ("photo", "photograph", "snapshot"),
    PAINTING.name: ("painting", "painted picture", "brush painting"),
    CARTOON.name: ("cartoon", "comic drawing", "cartoon picture"),
    MOSAIC.name: ("mosaic", "stone mosaic", "mosaic picture"),
    ENGRAVING.name: ("engraving", "engraved print", "old print"),
    SKETCH.name: ("sketch", "line drawing", "drawing", "doodle"),
    "emoji": ("emoji", "emoticon"),  # of no rendered style: drawings by others, of many hands
    "icon": ("icon", "pictogram", "silhouette"),
}
GENERIC = ("picture", "image")  # true of every style
PLACES: dict[str, str] = {  # only floors that a child would recognise
    "grass": "on grass",
    "sand": "on sand",
    "planks": "on a wooden floor",
    "tiles": "on a tiled floor",
    "checker": "on a checkered floor",
    "fabric": "on a striped rug",
    "paving": "on stone paving",
}
IRREGULAR = {"mouse": "mice", "goose": "geese", "sheep": "sheep", "fish": "fish", "scissors": "scissors",
             "eyeglasses": "eyeglasses", "knife": "knives", "leaf": "leaves", "octopus": "octopuses", "foot": "feet",
             "tooth": "teeth", "snowman": "snowmen", "wolf": "wolves", "shelf": "shelves"}  # fmt: skip
COLORLESS = frozenset({SKETCH.name, ENGRAVING.name})
SHOWS_PLACE = frozenset({PHOTO.name, PAINTING.name})


@dataclass(frozen=True)
class Caption:
    """Words about a picture, and what they claim of it: None where they say nothing."""

    text: str
    label: str
    color: str | None
    style: str | None


def caption(
    rng: np.random.Generator,
    domain: str,
    label: str,
    color: str,
    *,
    ground: str = "plain",
    synonyms: Sequence[str] = (),
) -> str:
    """A sentence fragment such as "a painting of a red mug on grass". One in eight uses a synonym of the label.

    >>> caption(np.random.default_rng(3), "sketch", "apple", "red")
    'a doodle of an apple'
    """
    shown = None if domain in COLORLESS else color
    said = describe(rng, label, color=shown, style=domain, synonyms=synonyms)
    if domain in SHOWS_PLACE and ground in PLACES and rng.random() < 0.3:
        return f"{said.text} {PLACES[ground]}"
    return said.text


def describe(
    rng: np.random.Generator, label: str, *, color: str | None, style: str | None, synonyms: Sequence[str] = ()
) -> Caption:
    """Words that claim the label and, where given, the colour and the style; in one of several wordings.

    >>> describe(np.random.default_rng(1), "mug", color="red", style=None).text
    'picture of red mug'
    """
    noun = str(rng.choice(synonyms)) if synonyms and rng.random() < 0.125 else label
    noun = f"{color} {noun}" if color else noun
    medium = str(rng.choice(MEDIA.get(style, (style,)) if style else GENERIC))
    forms = [f"{article(medium)} of {article(noun)}"] * 3 + [f"{medium} of {article(noun)}", f"{medium} of {noun}"]
    if style is None:
        forms += [noun, noun, article(noun), article(noun)]
    return Caption(str(rng.choice(forms)), label, color, style)


def article(noun: str) -> str:
    """The noun with "a" or "an".

    >>> article("orange umbrella")
    'an orange umbrella'
    """
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def plural(name: str) -> str:
    """A name in the plural.

    >>> plural("wine glass"), plural("butterfly"), plural("snowman"), plural("duck")
    ('wine glasses', 'butterflies', 'snowmen', 'ducks')
    """
    *before, last = name.split(" ")
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        last += "es"
    elif last.endswith("y") and last[-2:-1] not in "aeiou":
        last = last[:-1] + "ies"
    else:
        last += "s"
    return " ".join([*before, last])
