"""The zero-shot split of real things: 120 seen, 20 val_unseen and 33 test_unseen concepts, decided once for every pack,
and the words that would give an unseen one away. Plain facts; `world.split` is its part that the world shows.

test_unseen are the 21 classes of the usual Sketchy "split 2" (its songbird is our bird) and 12 more.
A bundle for zero-shot protocols is shown no picture labelled as an unseen concept or a synonym of one, and no such
name. Compounds that name another object stay with their words ("palm tree", "wading bird"), and so do pictures under a
wider label: chimpanzees, under "ape".
"""

from __future__ import annotations

import re

VAL_UNSEEN: dict[str, tuple[str, ...]] = {  # concept -> synonyms
    "alarm clock": (),
    "axe": ("ax", "hatchet"),
    "bucket": ("pail",),
    "camera": (),
    "candle": (),
    "crab": (),
    "deer": ("stag", "doe", "reindeer"),
    "hamburger": ("burger", "cheeseburger"),
    "hedgehog": ("porcupine",),
    "lighthouse": (),
    "monkey": ("chimp", "chimpanzee"),
    "octopus": ("octopi",),
    "penguin": (),
    "piano": (),
    "sailboat": ("yacht", "sailing boat", "sailing"),
    "snail": (),
    "strawberry": ("strawberries",),
    "truck": ("lorry",),
    "umbrella": ("parasol",),
    "volcano": ("volcanoes",),
}
TEST_UNSEEN: dict[str, tuple[str, ...]] = {
    "banana": ("plantain",),
    "bat": (),
    "binoculars": ("field glasses",),
    "bird": ("birdie", "songbird", "dove", "pigeon", "sparrow"),
    "cabin": ("hut",),
    "camel": ("dromedary",),
    "cow": ("cattle", "bull", "ox", "calf"),
    "dolphin": ("porpoise",),
    "door": ("doorway",),
    "giraffe": (),
    "guitar": ("ukulele",),
    "helicopter": ("chopper",),
    "hourglass": ("sandglass",),
    "kangaroo": ("wallaby",),
    "lion": ("lioness",),
    "lobster": ("crayfish",),
    "mouse": ("mice", "rat"),
    "pear": (),
    "pizza": (),
    "raccoon": ("racoon",),
    "rhinoceros": ("rhino",),
    "saw": ("handsaw", "chainsaw"),
    "school bus": (),
    "scissors": ("scissor", "shears"),
    "seagull": ("gull",),
    "skyscraper": ("high-rise", "cityscape"),
    "sword": ("dagger", "rapier"),
    "teapot": ("tea pot",),
    "tractor": (),
    "tree": (),
    "wheelchair": (),
    "windmill": ("mill", "wind turbine"),
    "window": (),
}
UNSEEN = tuple(sorted({**VAL_UNSEEN, **TEST_UNSEEN}))
SYNONYMS = {word: name for unseen in (VAL_UNSEEN, TEST_UNSEEN) for name, more in unseen.items() for word in more}
_WORDS = {word for unseen in (VAL_UNSEEN, TEST_UNSEEN) for name, more in unseen.items() for word in (name, *more)}
_GIVEN_AWAY = re.compile(rf"\b({'|'.join(map(re.escape, sorted(_WORDS)))})(s|es)?\b", re.IGNORECASE)


def spoken(concept: str) -> str:
    """A concept as it is written in packs and folders -> as it is said: "hot_air_balloon" -> "hot air balloon"."""
    return concept.replace("_", " ")


def is_unseen(label: str) -> bool:
    """Whether a class is an unseen concept or a synonym of one.

    >>> is_unseen("lorry"), is_unseen("pickup truck")
    (True, False)
    """
    return label.lower() in _WORDS


def gives_away(text: str) -> bool:
    """Whether the text says the name of an unseen concept, or a synonym of one, in the singular or the plural.

    Compounds count as well ("mouse trap"); whoever keeps one because it is another thing ("palm tree") says so.

    >>> gives_away("two mice"), gives_away("dandelion"), gives_away("palm tree")
    (True, False, True)
    """
    return _GIVEN_AWAY.search(text) is not None
