"""Emoji and icons on disk: small drawings of one thing each, by many hands, with its name and keywords.

A pack like those of `data.stored`; here a row's class is the thing's name, its concept the class that it counts as
(empty where there is none), and its caption "name | keyword, keyword".
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from retrieval.data.augment import VariedPicture
from retrieval.data.batches import Example
from retrieval.data.concepts import gives_away, is_unseen, spoken
from retrieval.data.stored import Stored, stored
from retrieval.types import Domain

EMOJI = ("blob", "emojione", "fluent_3d", "fluent_flat", "fxemoji", "noto", "twemoji")  # in colour; openmoji is BY-SA
MONO = ("emojione_mono", "fluent_mono", "streamline")
MEDIUM = dict.fromkeys(EMOJI, "emoji") | dict.fromkeys((*MONO, "silhouette"), "icon")  # how they are spoken of


@dataclass(frozen=True)
class Icon:
    """What is known of one drawing."""

    name: str
    label: str  # its concept, or its name where it has none
    words: frozenset[str]  # its name and keywords
    domain: str
    split: str
    seen: bool  # False: its concept is unseen, or its name or a keyword gives an unseen one away


def read_icons(folder: Path, domains: Collection[str], size: int) -> Icons:
    """The pack's drawings of some hands, `size` pixels a side, on white. Raises DataError where there is none."""
    rows = stored(folder, domains)
    pictures = np.zeros((len(rows), size, size, 3), np.uint8)
    for place, row in enumerate(rows):
        pictures[place] = row.squared(size)
    return Icons([_icon(row) for row in rows], pictures, size)


class Icons:
    """Icons as a source of training examples; `kept` and `only` choose from them."""

    def __init__(self, told: Sequence[Icon], pictures: np.ndarray, size: int) -> None:
        self.told = told
        self.examples = [
            Example(i.label, Domain(i.domain), None, MEDIUM.get(i.domain), i.words, f"icon {i.name}") for i in told
        ]
        self.pictures = pictures  # (N, size, size, 3) uint8
        self._pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2)
        self._size = size
        self._varied = VariedPicture(size)

    def kept(self, *, split: str, seen_only: bool) -> Icons:
        """Those of one split; without everything unseen, and without the keywords that name it, if asked."""
        kept = self.only([icon.split == split and (icon.seen or not seen_only) for icon in self.told])
        if not seen_only:
            return kept
        return Icons([_without_unseen_words(icon) for icon in kept.told], kept.pictures, self._size)

    def only(self, keep: Sequence[bool]) -> Icons:
        """Those for which `keep` is true.   keep (N,)"""
        rows = [i for i, wanted in enumerate(keep) if wanted]
        return Icons([self.told[i] for i in rows], self.pictures[rows], self._size)

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        return self._varied(self._pixels[index])


def _icon(row: Stored) -> Icon:
    name, concept = row.told["class"], row.concept
    keywords = [word.strip().lower() for word in row.told["caption"].partition("|")[2].split(",")]
    words = frozenset(word for word in (spoken(name).lower(), *keywords) if word)
    if is_unseen(concept) or is_unseen(spoken(name)):
        seen = False
    elif concept:  # another thing, if its own name is what gives away: "palm tree" is not a tree here
        seen = spoken(name) == concept or not gives_away(spoken(name))
    else:
        seen = not any(map(gives_away, words))
    return Icon(name, concept or spoken(name).lower(), words, row.told["domain"], row.told["split"], seen)


def _without_unseen_words(icon: Icon) -> Icon:
    kept = frozenset(word for word in icon.words if word == icon.label or not gives_away(word))
    return Icon(icon.name, icon.label, kept, icon.domain, icon.split, icon.seen)
