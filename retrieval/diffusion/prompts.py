"""What a prior is told: "a {style} of a {thing}", as words or with vectors in the places of words.

`Reader` is the text tower of a dual encoder, frozen, that hands on the state of every position. Vectors can stand where
word embeddings would: Gal et al., "An Image is Worth One Word" (2022). Nothing else of a sentence changes, and a vector
that means a thing takes part in the sentence like a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from open_clip.transformer import LayerNorm, QuickGELU, Transformer
from torch import Tensor, nn

from retrieval.backbones.clip import tokenizer
from retrieval.errors import QueryError
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


class Reader(nn.Module):
    """Prompts -> states (B, L, W)."""

    mask: Tensor

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        rows = len(config.vocabulary) or config.vocabulary_size
        self.token_embedding = nn.Embedding(rows, config.width)
        self.positional_embedding = nn.Parameter(torch.zeros(config.context_length, config.width))
        activation = QuickGELU if config.quick else nn.GELU
        self.transformer = Transformer(
            config.width, config.layers, config.heads, act_layer=activation, batch_first=True
        )
        self.ln_final = LayerNorm(config.width)
        self._places = {token: place for place, token in enumerate(config.vocabulary)}
        above = torch.full((config.positions, config.positions), float("-inf")).triu(1)
        self.register_buffer("mask", above, persistent=False)

    def tokens(self, prompts: Sequence[str]) -> Tensor:
        """(B,) -> (B, L) rows of the word embeddings. Raises QueryError for a word that the tower does not know."""
        read = tokenizer(self.config.context_length)(list(prompts))[:, : self.config.positions]
        if not self._places:
            return read
        try:
            return torch.tensor([[self._places[token] for token in row] for row in read.tolist()])
        except KeyError as error:
            unknown = tokenizer(self.config.context_length).decode([error.args[0]]).strip()
            raise QueryError(
                f"The prior does not know {unknown!r}. Use the name of a thing and of a style that it was taught."
            ) from None

    def words(self, prompts: Sequence[str]) -> Tensor:
        """(B,) -> word embeddings (B, L, W)."""
        embedded: Tensor = self.token_embedding(self.tokens(prompts).to(self.positional_embedding.device))
        return embedded

    def word(self, text: str) -> Tensor:
        """The embedding of a word, the mean of its tokens'.   -> (W,)"""
        tokens = self.tokens([text])[0]
        end = int(self.tokens([EMPTY])[0, 1])
        length = int((tokens == end).nonzero()[0])
        embedded: Tensor = self.token_embedding(tokens[1:length].to(self.positional_embedding.device))
        return embedded.mean(dim=0)

    def read(self, words: Tensor) -> Tensor:
        """Word embeddings (B, L, W) -> states (B, L, W)."""
        placed = words + self.positional_embedding[: words.shape[1]]
        states: Tensor = self.ln_final(self.transformer(placed, attn_mask=self.mask))
        return states

    def forward(self, prompts: Sequence[str], places: Mapping[int, Tensor] | None = None) -> Tensor:
        """The states of prompts (B,); `places` maps a position to vectors (B, W) that stand there instead of words.

        -> (B, L, W)
        """
        words = self.words(prompts)
        for place, vectors in (places or {}).items():
            there = torch.arange(words.shape[1], device=words.device) == place  # (L,)
            words = torch.where(there[None, :, None], vectors[:, None, :].to(words.dtype), words)
        return self.read(words)
