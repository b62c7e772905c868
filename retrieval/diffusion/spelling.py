"""A vector among words, written in words: by how much which of the things that a prior was taught is meant.

A vector that an extractor finds lies between the prior's words, where the prior has drawn little. Spelled, it is the
mixture of words that it is nearest to, as Norouzi et al., "Zero-Shot Learning by Convex Combination of Semantic
Embeddings" (2014) write a picture of an unknown class; and the shares can be read by people.

    q_k = softmax_k( cos(z, w_k - w_bar) / tau )        shares of the words, w_bar their mean
    z'  = s sum_k q_k w_k / | sum_k q_k w_k |           s: the median length of the words
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

SHARPNESS = 0.05  # tau


class Spelling:
    """Writes vectors (B, W) in the words of `names`, which the reader knows. Raises QueryError for one that it does
    not know.
    """

    def __init__(self, reader: Any, names: Sequence[str]) -> None:
        self.names = tuple(names)
        with torch.no_grad():
            self.words = torch.stack([reader.word(name) for name in names])  # (K, W)
        self._directions = F.normalize(self.words - self.words.mean(dim=0), dim=-1)
        self._length = self.words.norm(dim=1).median()

    def logits(self, vectors: Tensor) -> Tensor:
        """(B, W) -> (B, K), of which the shares are the softmax"""
        return F.normalize(vectors, dim=-1) @ self._directions.T / SHARPNESS

    def shares(self, vectors: Tensor) -> Tensor:
        """(B, W) -> (B, K), rows that sum to one"""
        return self.logits(vectors).softmax(dim=-1)

    def likeliest(self, vector: Tensor, count: int) -> dict[str, float]:
        """The words with the largest shares of a vector (W,), the largest first."""
        shares, places = self.shares(vector[None])[0].topk(min(count, len(self.names)))
        return {self.names[place]: share for share, place in zip(shares.tolist(), places.tolist(), strict=True)}

    def __call__(self, vectors: Tensor) -> Tensor:
        """(B, W) -> (B, W), as long as words are"""
        return self._length * F.normalize(self.shares(vectors) @ self.words, dim=-1)
