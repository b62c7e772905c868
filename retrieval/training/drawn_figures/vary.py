"""Captions with some words changed, so that a prior draws more than was said.

Wei and Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks" (2019):
words are replaced by synonyms, inserted, swapped or deleted. The paper's synonyms are WordNet's; ours are those few
words that a caption of a figure can be said with otherwise.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

STRENGTH = 0.2  # share of words that one operation changes; DaD takes 0.5, which our small prior cannot read
SYNONYMS = (
    ("person", "individual", "figure", "somebody"),
    ("wearing", "dressed in", "in"),
    ("carrying", "holding", "with"),
    ("walking", "striding", "strolling"),
    ("standing", "waiting"),
    ("t-shirt", "tee"),
    ("sweater", "jumper", "pullover"),
    ("trousers", "pants"),
    ("sneakers", "trainers"),
    ("backpack", "rucksack"),
    ("handbag", "purse"),
    ("gray", "grey"),
    ("beanie", "woolly hat"),
    ("checked", "plaid"),
    ("navy", "dark blue"),
    ("blond", "fair"),
)
OTHERS = {word: [other for other in group if other != word] for group in SYNONYMS for word in group}


def vary(caption: str, rng: random.Random, strength: float = STRENGTH) -> str:
    """The caption after one of four operations, or as it is: each with the same chance."""
    words = caption.split()
    operation = rng.choice((None, *OPERATIONS))
    return caption if operation is None else " ".join(operation(words, max(1, int(strength * len(words))), rng))


def replaced(words: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Up to `count` words that have a synonym said by it."""
    changed = list(words)
    places = [place for place, word in enumerate(words) if _plain(word) in OTHERS]
    for place in rng.sample(places, min(count, len(places))):
        plain = _plain(words[place])
        changed[place] = rng.choice(OTHERS[plain]) + words[place][len(plain) :]
    return changed


def inserted(words: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """Up to `count` synonyms of its words anywhere between them."""
    changed = list(words)
    known = [_plain(word) for word in words if _plain(word) in OTHERS]
    for word in rng.sample(known, min(count, len(known))):
        changed.insert(rng.randint(0, len(changed)), rng.choice(OTHERS[word]))
    return changed


def swapped(words: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """`count` pairs of words that change places."""
    changed = list(words)
    for _ in range(count if len(words) > 1 else 0):
        one, other = rng.sample(range(len(words)), 2)
        changed[one], changed[other] = changed[other], changed[one]
    return changed


def deleted(words: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """`count` words less, and never none left."""
    gone = set(rng.sample(range(len(words)), min(count, len(words) - 1)))
    return [word for place, word in enumerate(words) if place not in gone]


OPERATIONS: tuple[Callable[[Sequence[str], int, random.Random], list[str]], ...] = (
    replaced,
    inserted,
    swapped,
    deleted,
)


def _plain(word: str) -> str:
    """The word without what ends a clause."""
    return word.rstrip(".,;").lower()
