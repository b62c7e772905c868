"""A BERT-style sentence encoder: the network of all-MiniLM-L6-v2, in plain torch.

Reimers and Gurevych, "Sentence-BERT" (2019); Wang et al., "MiniLM" (2020). Word pieces get word, position and type
embeddings, pass through post-norm transformer layers, and the mean over the real pieces, at unit length, is the code of
the sentence. The tokenizer is the file that was published with the weights. Where the weights come from is the business
of `pretrained` (in training) and of `artifacts.text_tower` (everywhere else).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class SentenceConfig:
    """The sizes of all-MiniLM-L6-v2."""

    vocabulary: int = 30_522  # word pieces
    width: int = 384
    layers: int = 6
    heads: int = 12
    hidden: int = 1536  # width inside a feed-forward layer
    positions: int = 512  # the longest text that has position embeddings
    longest: int = 64  # word pieces a text is cut to


class SentenceEncoder(nn.Module):
    """Texts -> unit rows, or one state for each word piece."""

    _continues: Tensor  # the pieces that go on with a word

    def __init__(self, tokenizer: str, config: SentenceConfig | None = None) -> None:
        """tokenizer: the text of a `tokenizer.json`."""
        super().__init__()
        self.config = config = config or SentenceConfig()
        self.words = nn.Embedding(config.vocabulary, config.width)
        self.positions = nn.Embedding(config.positions, config.width)
        self.types = nn.Embedding(2, config.width)
        self.norm = nn.LayerNorm(config.width, eps=1e-12)
        layer = nn.TransformerEncoderLayer(
            config.width, config.heads, config.hidden, dropout=0.0, activation="gelu", layer_norm_eps=1e-12,
            batch_first=True,
        )  # fmt: skip
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.enable_truncation(config.longest)
        self._tokenizer.enable_padding()
        pieces = self._tokenizer.get_vocab()
        self.mask_piece = pieces.get("[MASK]", pieces["[UNK]"])  # what stands for a hidden word
        continues = [row for piece, row in pieces.items() if piece.startswith("##")]
        self.register_buffer("_continues", torch.tensor(sorted(continues), dtype=torch.int64), persistent=False)

    @property
    def width(self) -> int:
        """Length of a row and of a state."""
        return self.config.width

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Word pieces of the texts, and which of them are not padding.   -> (T, L) int64, (T, L) bool"""
        encoded = self._tokenizer.encode_batch(list(texts))
        device = self.words.weight.device
        pieces = torch.tensor([text.ids for text in encoded], device=device)
        real = torch.tensor([text.attention_mask for text in encoded], device=device)
        return pieces, real.bool()

    def pieces_of(self, texts: Sequence[str]) -> list[list[int]]:
        """The word pieces of each text, without padding, wherever the encoder is."""
        encoded = self._tokenizer.encode_batch(list(texts))
        return [[n for n, real in zip(text.ids, text.attention_mask, strict=True) if real] for text in encoded]

    def words_of(self, pieces: Tensor, real: Tensor) -> Tensor:
        """The number of the word that each piece (T, L) belongs to, from 1; 0 at both ends and in the padding."""
        begins = real & ~torch.isin(pieces, self._continues)
        inner = real & (torch.cumsum(real, dim=1) > 1) & real.roll(-1, dims=1)
        inner[:, -1] = False  # what rolled in from the front
        return torch.where(inner, torch.cumsum(begins, dim=1) - 1, 0)

    def states(self, embeddings: Tensor, real: Tensor) -> Tensor:
        """One state for each place: word embeddings (T, L, W) and which are real (T, L) -> (T, L, W)."""
        places = torch.arange(embeddings.shape[1], device=embeddings.device)
        x = self.norm(embeddings + self.positions(places) + self.types.weight[0])  # (T, L, W)
        states: Tensor = self.layers(x, src_key_padding_mask=~real)
        return states

    def forward(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, W), unit rows."""
        pieces, real = self.tokens(texts)
        return self.sentences(self.words(pieces), real)

    def sentences(self, embeddings: Tensor, real: Tensor) -> Tensor:
        """Word embeddings (T, L, W), of which some are real (T, L) -> (T, W), unit rows."""
        weights = real[..., None].to(embeddings.dtype)
        return F.normalize((self.states(embeddings, real) * weights).sum(dim=1) / weights.sum(dim=1), dim=-1)
