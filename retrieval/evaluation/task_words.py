"""What each task asks, in words: the one place for page and docs. A new version of a task needs new words.

It stands beside `tasks`, not in it, because the page is built before torch is imported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

OTHERS = "More tasks"


@dataclass(frozen=True)
class Words:
    """A task in a sentence for visitors, and as a protocol: queries -> gallery; what is relevant. `{}` is its style."""

    asks: str
    protocol: str


WORDS: Mapping[str, Mapping[str, Words]] = {  # heading -> pattern of a name -> words
    "Drawn by people": {
        r"quickdraw-world/all@1": Words(
            "From a person’s drawing, find photos of its class.",
            "held-out human strokes -> the photos of the embedded gallery; same class",
        ),
        r"quickdraw-world/zero-shot@1": Words(
            "From a person’s drawing of a class never trained on, find photos of it.",
            "strokes of the 10 unseen classes -> their photos; same class",
        ),
        r"quickdraw-world/zero-shot-mixed@1": Words(
            "Find a drawn class never trained on among photos of all classes.",
            "the same strokes -> photos of all 64 classes; same class",
        ),
        r"sketchy125/all@1": Words(
            "From a person’s sketch, find real photos of its concept.",
            "human sketches of 120 concepts -> photos of 125; same concept",
        ),
        r"sketchy125/zero-shot@1": Words(
            "From a person’s sketch of a concept never trained on, find real photos of it.",
            "human sketches of 28 unseen concepts -> photos of all 30; same concept",
        ),
        r"sketchy-ext/100-25@1": Words(
            "From a person’s sketch of a class never trained on, find photos of it (Sketchy-Extended).",
            "every sketch of the 25 unseen classes of Sketchy-Extended -> their photos; same class",
        ),
        r"sketchy-ext/104-21@1": Words(
            "From a person’s sketch of a class that ImageNet lacks, find photos of it (Sketchy-Extended).",
            "the same with the 21 unseen classes that ImageNet-1k lacks",
        ),
        r"tuberlin-ext/220-30@1": Words(
            "From a person’s sketch of a class never trained on, find photos of it (TU-Berlin-Extended).",
            "every sketch of the 30 unseen classes of TU-Berlin-Extended -> their photos; same class",
        ),
    },
    "From style to style": {
        r"world/cross-style@1": Words(
            "From a picture, find other objects of its class in other styles.",
            "every picture -> all of other styles; same class",
        ),
        r"world/same-object@1": Words(
            "From a rendered sketch, find the very same object in other styles.",
            "every rendered sketch -> all pictures of other styles; the same object",
        ),
        r"world/zero-shot@1": Words(
            "From a rendered sketch of a class never trained on, find photos of it.",
            "rendered sketches of the 10 unseen classes -> their photos; same class",
        ),
        r"world/zero-shot-mixed@1": Words(
            "Find a sketched class never trained on among photos of all classes.",
            "the same sketches -> photos of all 64 classes; same class",
        ),
        r"world/leave-style-out:(.+)@1": Words(
            "Neither the style ({}) nor the class was trained on: find the class.",
            "{} of the 10 unseen classes -> their photos (paintings where the style is photo); same class",
        ),
        r"emoji/cross-style@1": Words(
            "From an emoji, find the same emoji as other hands drew it.",
            "every picture of a test object -> those of other styles; same object",
        ),
        r"emoji/zero-shot@1": Words(
            "From an emoji of a concept never trained on, find it as other hands drew it.",
            "every picture of an unseen concept -> those of other styles; same concept",
        ),
        r"emoji/leave-family-out:(.+)@1": Words(
            "The hand that drew it ({}) was never trained on: find the same emoji by others.",
            "every picture of a test object by {}, in all finishes -> those by other hands; same object",
        ),
    },
    "Real photographs": {
        r"photo-world/all@1": Words(
            "From a real photo, find pictures of its class in every style.",
            "test photos of Sketchy and Caltech 101 -> all pictures of the embedded gallery; same class",
        ),
        r"caltech/text@1": Words(
            "From the name of a concept, find real photos of it in a folder of photos.",
            "a concept of Caltech 101 in four wordings -> its test photos; same concept",
        ),
        r"caltech/sketch@1": Words(
            "From a person’s drawing, find real photos of its concept in a folder of photos.",
            "held-out human strokes of the concepts that Caltech 101 has -> its test photos; same concept",
        ),
    },
    "In words": {
        r"text-world/all@1": Words(
            "From the name of a class, find all its pictures.",
            "a class in four wordings -> all pictures of the embedded gallery; same class",
        ),
        r"text-world/style@1": Words(
            "From “painting of a duck”, find ducks in that style alone.",
            '"{{style}} of a {{class}}" -> all pictures; same class and style',
        ),
        r"text-world/color@1": Words(
            "From “a red apple”, find apples of that colour alone.",
            '"a {{colour}} {{class}}" -> all pictures; same class and colour; pairs that occur',
        ),
        r"people/text@1": Words(
            "From a description, find the pictures of that invented person.",
            "every caption of a test figure in the street -> all test figures; same person",
        ),
    },
}


def words_of(task: str) -> tuple[int, str, Words]:
    """The place of a task, the heading that it stands below, and its words. An unknown task comes last and has only
    its name.

    >>> words_of("text-world/all@1")[1:]
    ('In words', Words(asks='From the name of a class, find all its pictures.', \
protocol='a class in four wordings -> all pictures of the embedded gallery; same class'))
    """
    known = [(title, pattern, words) for title, group in WORDS.items() for pattern, words in group.items()]
    for place, (title, pattern, words) in enumerate(known):
        if match := re.fullmatch(pattern, task):
            filled = (text.format(*match.groups()) for text in (words.asks, words.protocol))
            return place, title, Words(*filled)
    return len(known), OTHERS, Words(task, "")
