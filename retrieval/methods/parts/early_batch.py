"""A batch that the early stages of a trunk have seen already: they stay as they are, so they are computed once."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from retrieval.data.batch import Batch


@dataclass(frozen=True)
class EarlyBatch(Batch):
    """`images` are maps (B, C, h, w) of the plain views.

    others: maps of further views of the same pictures. answers (B, K_t): the teacher's logits for the plain views of
    photos; rows of sketches mean nothing. greys (B, S, S) uint8: the pictures, for people.
    """

    others: tuple[Tensor, ...] = ()
    answers: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
    greys: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
