"""What one training step sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrieval.types import Domain


@dataclass(frozen=True)
class Batch:
    """Pictures and what is known of them. `labels` is None where a method must not see any; `holds[i, j]` says that
    text j is true of picture i; pictures with one name in `instances` show the very same object ("": nobody knows).
    """

    images: Tensor  # (B, 3, H, W), normalised
    domains: Sequence[Domain]  # (B,)
    labels: Tensor | None  # (B,) int64
    texts: Sequence[str]  # (T,)
    holds: Tensor  # (B, T) bool
    instances: Sequence[str] = ()  # (B,), or empty
    summaries: Tensor | None = None  # (B, W), what a frozen part of the method said of the pictures before

    def on(self, device: torch.device) -> Batch:
        """The same batch with its tensors on that device."""
        labels = None if self.labels is None else self.labels.to(device)
        summaries = None if self.summaries is None else self.summaries.to(device)
        images, holds = self.images.to(device), self.holds.to(device)
        return dataclasses.replace(self, images=images, labels=labels, holds=holds, summaries=summaries)
