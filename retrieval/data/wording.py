"""What is said of the pictures of a batch: true captions, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from retrieval.data.picture_table import Row
from retrieval.world.captions import Caption, describe

Wording = Callable[[Sequence[Row], np.random.Generator], tuple[list[str], Tensor]]
"""Rows (B,) -> texts (T,), and which of them are true of which row: (B, T) bool."""


def captions(rows: Sequence[Row], rng: np.random.Generator) -> tuple[list[str], Tensor]:
    """A caption for each row. Half of them name the colour, if it is known, and half the style; of rows with keywords,
    half say one of those instead of the label.
    """
    written = [_caption(row, rng) for row in rows]
    return [c.text for c in written], torch.tensor([[_is_true(c, row) for c in written] for row in rows])


def no_words(rows: Sequence[Row], _rng: np.random.Generator) -> tuple[list[str], Tensor]:
    """No text at all."""
    return [], torch.zeros(len(rows), 0, dtype=torch.bool)


def _caption(row: Row, rng: np.random.Generator) -> Caption:
    color = (row.color or None) if rng.random() < 0.5 else None
    noun = str(rng.choice(sorted(row.words))) if row.words and rng.random() < 0.5 else row.label
    return describe(rng, noun, color=color, style=row.style if rng.random() < 0.5 else None)


def _is_true(caption: Caption, row: Row) -> bool:
    """Whether a caption, written for any picture, is true of this one."""
    named = caption.label == row.label or caption.label in row.words
    return named and caption.color in (None, row.color) and caption.style in (None, row.style)
