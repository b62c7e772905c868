"""A batch that the early stages of a trunk have seen already: they stay as they are, so they are computed once."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
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

    others: Sequence[Tensor] = ()
    answers: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
    greys: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))

    def on(self, device: torch.device) -> Batch:
        """The same batch with its tensors on that device."""
        return dataclasses.replace(
            self,
            images=self.images.to(device),
            labels=None if self.labels is None else self.labels.to(device),
            holds=self.holds.to(device),
            others=tuple(maps.to(device) for maps in self.others),
            answers=self.answers.to(device),
            greys=self.greys.to(device),
        )
