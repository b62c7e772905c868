"""What one training step sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

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

    def on(self, device: torch.device) -> Self:
        """The same batch with its tensors on that device, and those of its kind."""
        held = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return dataclasses.replace(self, **{name: _on(value, device) for name, value in held.items()})


def _on(value: Any, device: torch.device) -> Any:
    """A tensor, or every tensor of a tuple, on that device; whatever else there is as it is."""
    if isinstance(value, tuple):
        return tuple(_on(part, device) for part in value)
    return value.to(device) if isinstance(value, Tensor) else value
