"""What a prior is asked to draw: "a {style} of a {thing}", as words or with vectors in the places of words.

Two text towers read prompts: `clip_reader.Reader`, of a dual encoder, and `sentence_reader.SentenceReader`, of a
sentence encoder that knows all of English. Which of them a prior has is told by its config.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrieval.schema import Layers

ANY_STYLE, ANY_THING = "picture", "thing"  # what is said of a style, or of a thing, that is not told
STYLE_AT, THING_AT = 2, 5  # positions in [start] a STYLE of a THING [end]
EMPTY = ""


def prompt(style: str | None = None, thing: str | None = None, color: str | None = None) -> str:
    """The sentence, always with "a", so that words keep their places.

    >>> prompt("engraving", "duck")
    'a engraving of a duck'
    >>> prompt(None, "duck", "red")
    'a picture of a red duck'
    """
    noun = thing or ANY_THING
    return f"a {style or ANY_STYLE} of a {color} {noun}" if color else f"a {style or ANY_STYLE} of a {noun}"


@dataclass(frozen=True)
class ReaderConfig:
    """A CLIP text tower. `vocabulary`: the tokens whose embeddings it has, ascending; empty: all there are."""

    width: int = 96  # W: of a word embedding and of a state
    layers: Layers = 2
    heads: int = 4
    context_length: int = 24  # positions that it was trained with
    positions: int = 10  # L: positions that are handed on; a causal tower's states do not depend on later ones
    vocabulary: tuple[int, ...] = ()
    vocabulary_size: int = 49408
    quick: bool = False  # OpenAI's approximation of GELU


@dataclass(frozen=True)
class SentenceReaderConfig:
    """The shared sentence encoder, whose sizes are its own folder's business."""

    kind: Literal["sentence"] = "sentence"  # what tells it from the other in a manifest
    width: int = 384  # W: of a word embedding and of a state
    positions: int = 12  # L: pieces of words that a prompt may have, with start and end
