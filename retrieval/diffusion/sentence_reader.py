"""A sentence encoder as a prior's text tower: it knows all of English, so a prompt may hold any word.

Words come in pieces here. A place is the place of a *word* in the prompt, counted from 1, and a vector takes the place
of all pieces of that word. Unlike in a causal tower, every state depends on the whole prompt, so padding is masked, and
the states of padding are zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from retrieval.backbones.sentence_encoder import SentenceEncoder
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.errors import QueryError


class SentenceReader(nn.Module):
    """Prompts -> states (B, L, W)."""

    def __init__(self, encoder: SentenceEncoder, positions: int = SentenceReaderConfig.positions) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = SentenceReaderConfig(width=encoder.width, positions=positions)
        self._start, self._end = (int(row) for row in encoder.tokens([""])[0][0])

    @property
    def token_embedding(self) -> nn.Embedding:
        """The word embeddings."""
        return self.encoder.words

    def pieces(self, prompt: str) -> list[tuple[int, int]]:
        """The pieces of the prompt's words: the place of the word, and the row of the word embeddings."""
        words = prompt.split()
        if not words:
            return []
        read = enumerate(self.encoder.pieces_of(words), 1)
        return [(place, row) for place, rows in read for row in rows[1:-1]]

    def fits(self, prompt: str) -> bool:
        """Whether the prompt is short enough."""
        return len(self.pieces(prompt)) + 2 <= self.config.positions

    def word(self, text: str) -> Tensor:
        """The embedding of a word, the mean of its pieces'.   -> (W,)"""
        rows = torch.tensor([row for _, row in self.pieces(text)], device=self.token_embedding.weight.device)
        embedded: Tensor = self.token_embedding(rows)
        return embedded.mean(dim=0)

    def forward(self, prompts: Sequence[str], places: Mapping[int, Tensor] | None = None) -> Tensor:
        """The states of prompts (B,); `places` maps the place of a word to vectors (B, W) that stand there instead.

        Raises QueryError for a prompt that is too long.   -> (B, L, W)
        """
        places = places or {}
        each = {prompt: self._lay_out(prompt, places) for prompt in dict.fromkeys(prompts)}
        laid_out = [each[prompt] for prompt in prompts]
        device = self.token_embedding.weight.device
        rows, sources = (torch.tensor(part, device=device) for part in zip(*laid_out, strict=True))  # (B, L)
        words = self.token_embedding(rows.clamp(min=0))  # (B, L, W)
        for place, vectors in places.items():
            words = torch.where((sources == place)[..., None], vectors[:, None, :].to(words.dtype), words)
        real = rows >= 0
        return self.encoder.states(words, real).masked_fill(~real[..., None], 0.0)

    def positions_of(self, prompts: Sequence[str], place: int) -> Tensor:
        """Where in the states the vector stands that takes this place, in prompts (B,).   -> (B,)"""
        taken = {place: self.token_embedding.weight}
        each = {prompt: self._lay_out(prompt, taken)[1].index(place) for prompt in dict.fromkeys(prompts)}
        return torch.tensor([each[prompt] for prompt in prompts], device=self.token_embedding.weight.device)

    def _lay_out(self, prompt: str, places: Mapping[int, Tensor]) -> tuple[list[int], list[int]]:
        """L rows of the word embeddings, -1 behind the end; and for each, the place of its word."""
        pieces: list[tuple[int, int]] = []
        for place, row in self.pieces(prompt):
            if place not in places or not pieces or pieces[-1][0] != place:
                pieces.append((place, row))
        rows = [self._start, *(row for _, row in pieces), self._end]
        missing = self.config.positions - len(rows)
        if missing < 0:
            raise QueryError(
                f"{prompt!r} has {len(rows)} pieces of words, but the prior reads {self.config.positions}. "
                "Use fewer words."
            )
        return rows + [-1] * missing, [0, *(place for place, _ in pieces), *[0] * (missing + 1)]
