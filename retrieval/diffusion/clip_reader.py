"""The text tower of a dual encoder, frozen, that hands on the state of every position of a prompt.

Vectors can stand where word embeddings would: Gal et al., "An Image is Worth One Word" (2022). Nothing else of a
sentence changes, and a vector that means an object takes part in the sentence like a word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from open_clip.transformer import LayerNorm, QuickGELU, Transformer
from torch import Tensor, nn

from retrieval.backbones.clip import tokenizer
from retrieval.diffusion.prompts import EMPTY, ReaderConfig
from retrieval.errors import QueryError


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

    def positions_of(self, prompts: Sequence[str], place: int) -> Tensor:
        """Where in the states of prompts (B,) that place is.   -> (B,)"""
        return torch.full((len(prompts),), place, device=self.positional_embedding.device)

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
