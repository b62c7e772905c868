"""What a dual encoder is told in words: names of classes in several wordings, captions with colour and style, keywords
of icons, and the names of ImageNet's classes.

Every text is embedded by the frozen sentence encoder once, before training. No text says a held-out word, and for a
zero-shot bundle none gives an unseen concept away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import timm.data
import torch
from torch import Tensor

from retrieval.data.concepts import gives_away, is_unseen
from retrieval.data.held_out_words import says_held_out
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.world.captions import MEDIA, article, plural

WORDINGS = ("{0}", "{1}", "{2}", "a photo of {1}", "a drawing of {1}", "a picture of {1}")  # name, with article, plural
_STRANGERS = re.compile(rf"\b({'|'.join(map(re.escape, STRANGERS))})(s|es)?\b")
LEMMAS = 3  # of the names of an ImageNet class so many are used


def class_wordings(name: str) -> tuple[str, ...]:
    """The wordings in which a class is named."""
    return tuple(wording.format(name, article(name), plural(name)) for wording in WORDINGS)


def caption(name: str, color: str = "", style: str = "") -> str:
    """One true caption: of a class, perhaps with its colour and its style.

    >>> caption("duck", "yellow", "painting"), caption("apple")
    ('a painting of a yellow duck', 'an apple')
    """
    noun = article(f"{color} {name}".strip())
    return f"{article(MEDIA.get(style, (style,))[0])} of {noun}" if style else noun


def imagenet_names(may_say: Callable[[str], bool]) -> dict[int, tuple[str, ...]]:
    """The names of ImageNet's classes that may be said: class number -> names. Classes without any are left out."""
    info = timm.data.ImageNetInfo()
    names = {}
    for number in range(1000):
        lemmas = [lemma.strip().lower() for lemma in info.index_to_description(number, detailed=False).split(",")]
        allowed = tuple(lemma for lemma in lemmas[:LEMMAS] if may_say(lemma))
        if len(allowed) == len(lemmas[:LEMMAS]):  # a class one of whose names may not be said is that thing
            names[number] = allowed
    return names


def may_say(zero_shot: bool, classes: Sequence[str] = ()) -> Callable[[str], bool]:
    """Whether a text may be trained on. The names of `classes` may be said though a held-out word is in them."""
    known = {name.lower() for name in classes}

    def allowed(text: str) -> bool:
        said = text.lower()
        label = max((name for name in known if name in said), key=len, default="")
        if says_held_out(said, label) or _STRANGERS.search(said):
            return False
        return not zero_shot or label == said or not (gives_away(said) or is_unseen(said))

    return allowed


@dataclass
class TextTable:
    """Texts, each once, and what the sentence encoder makes of them."""

    texts: dict[str, int]  # text -> its row
    rows: Tensor  # (N, W) unit rows

    @classmethod
    def of(cls, texts: Sequence[str], encode: Callable[[Sequence[str]], Tensor], batch: int = 256) -> TextTable:
        """The table of these texts."""
        unique = sorted(dict.fromkeys(texts), key=len)  # texts of one length waste no padding
        with torch.inference_mode():
            parts = [encode(unique[start : start + batch]) for start in range(0, len(unique), batch)]
        return cls({text: row for row, text in enumerate(unique)}, torch.cat(parts))

    def places(self, texts: Sequence[str]) -> Tensor:
        """The rows of texts.   -> (T,) int64"""
        return torch.tensor([self.texts[text] for text in texts], dtype=torch.long)


def pick(options: Sequence[str], random: np.random.Generator) -> str:
    """One of several texts."""
    return options[int(random.integers(len(options)))]
