"""What is said of the pictures of a batch: true captions for an encoder, prompts for a prior, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retrieval.data.picture_table import Row
from retrieval.diffusion.prompts import EMPTY, prompt
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


@dataclass(frozen=True)
class Prompts:
    """A prompt for each row in one fixed sentence, parts of it left out by chance, so that a prior also learns what a
    style is without an object, and an object without a style. The numbers are the shares of prompts.
    """

    empty: float = 0.1  # that say nothing
    no_style: float = 0.1
    no_object: float = 0.1
    color: float = 0.4  # of the others, where a colour is known, that name it

    def __call__(self, rows: Sequence[Row], rng: np.random.Generator) -> tuple[list[str], Tensor]:
        """Each prompt counts as true of its own row alone."""
        return [self._prompt(row, rng) for row in rows], torch.eye(len(rows), dtype=torch.bool)

    def _prompt(self, row: Row, rng: np.random.Generator) -> str:
        chance = rng.random()
        if chance < self.empty:
            return EMPTY
        if chance < self.empty + self.no_object:
            return prompt(row.domain.name)
        color = row.color if row.color and rng.random() < self.color else None
        styled = chance >= self.empty + self.no_object + self.no_style
        return prompt(row.domain.name if styled else None, row.label, color)


def _caption(row: Row, rng: np.random.Generator) -> Caption:
    color = (row.color or None) if rng.random() < 0.5 else None
    noun = str(rng.choice(sorted(row.words))) if row.words and rng.random() < 0.5 else row.label
    return describe(rng, noun, color=color, style=row.style if rng.random() < 0.5 else None)


def _is_true(caption: Caption, row: Row) -> bool:
    """Whether a caption, written for any picture, is true of this one."""
    named = caption.label == row.label or caption.label in row.words
    return named and caption.color in (None, row.color) and caption.style in (None, row.style)
