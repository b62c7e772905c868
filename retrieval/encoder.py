"""What every encoder promises, and how many pictures or texts become one matrix of unit rows.

A query and a gallery may only meet when their fingerprints are equal. Which encoder, and where its weights come from,
is `bundle`'s business; what it computes is `methods`'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL.Image import Image
from torch import Tensor

from retrieval.images import Preprocess, pixels
from retrieval.query_text import normalise_text
from retrieval.types import Domain

T = TypeVar("T")
Vectors = npt.NDArray[np.float32]


class Encoder(Protocol):
    """Pictures of any domain -> one space. `fingerprint` changes with the weights, the config and the preprocessing."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def preprocess(self) -> Preprocess: ...

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, H, W), normalised by `preprocess` -> (B, dim), unit rows."""
        ...


class SalientEncoder(Encoder, Protocol):
    """An encoder that also tells where it looks."""

    def encode_with_saliency(self, images: Tensor, domains: Sequence[Domain]) -> tuple[Tensor, Tensor | None]:
        """What `encode_images` answers, and how much each place of the pictures counts (B, h, w), at least 0; None
        where the encoder has no map of features.
        """
        ...


class TextEncoder(Encoder, Protocol):
    """An encoder that also understands words."""

    def encode_texts(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, dim), unit rows in the space of the pictures."""
        ...

    def encode_meanings(self, texts: Sequence[str]) -> Tensor:
        """(T,) -> (T, S), unit rows by which texts are compared with texts."""
        ...

    def encode_words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """What both of the others answer, in one pass.   -> (T, dim), (T, S)"""
        ...


class Reranker(Protocol):
    """What looks at the best hits of a text once more."""

    @property
    def preprocess(self) -> Preprocess: ...

    def picture_places(self, images: Tensor) -> tuple[Tensor, ...]:
        """What `rerank` needs of pictures (B, 3, H, W): tensors (B, ...)."""
        ...

    def rerank(self, text: str, places: tuple[Tensor, ...]) -> Tensor:
        """How well the text fits K pictures, whose `picture_places` these are: logits (K,)."""
        ...


@torch.inference_mode()
def embed_images(encoder: Encoder, pictures: Iterable[tuple[Image, Domain]], batch: int = 64) -> Vectors:
    """One unit row for each picture, in order.   -> (N, dim), float32"""
    rows = [np.zeros((0, encoder.dim), np.float32)]
    for chunk in batched(pictures, batch):
        stacked = torch.from_numpy(np.stack([pixels(image, encoder.preprocess) for image, _ in chunk]))
        rows.append(encoder.encode_images(stacked, [domain for _, domain in chunk]).cpu().numpy())
    return np.concatenate(rows)


def embed_texts(encoder: TextEncoder, texts: Iterable[str], batch: int = 256) -> Vectors:
    """One unit row for each text in its normal form (`query_text`), in order.   -> (T, dim), float32"""
    return np.concatenate([np.zeros((0, encoder.dim), np.float32), *_rows(encoder.encode_texts, texts, batch)])


def embed_meanings(encoder: TextEncoder, texts: Iterable[str], batch: int = 256) -> Vectors:
    """One unit row for each of some texts in its normal form, in order, to compare it with others.   -> (T, S)"""
    return np.concatenate(_rows(encoder.encode_meanings, texts, batch))


@torch.inference_mode()
def embed_words(encoder: TextEncoder, text: str) -> tuple[Vectors, Vectors]:
    """The unit rows of one text in its normal form: to compare it with pictures, and with texts.   -> (dim,), (S,)"""
    vectors, meanings = encoder.encode_words([normalise_text(text)])
    return np.asarray(vectors[0].cpu().numpy(), np.float32), np.asarray(meanings[0].cpu().numpy(), np.float32)


@torch.inference_mode()
def _rows(encode: Callable[[Sequence[str]], Tensor], texts: Iterable[str], batch: int) -> list[Vectors]:
    return [
        np.asarray(encode([normalise_text(text) for text in chunk]).cpu().numpy(), np.float32)
        for chunk in batched(texts, batch)
    ]


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """The values in order, as lists of `size` (the last may be shorter)."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk
