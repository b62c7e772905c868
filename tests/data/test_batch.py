"""A batch goes to a device as a whole. No memory is behind the device "meta", so that it stands for a GPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from retrieval.data.batch import Batch
from retrieval.methods.parts.early_batch import EarlyBatch
from retrieval.training.recipes.parts.figure_pairs import FigureBatch
from retrieval.types import PHOTO


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (Batch, {"summaries": torch.zeros(2, 3)}),
        (FigureBatch, {"states": torch.zeros(2, 4, 5)}),
        (EarlyBatch, {"others": (torch.zeros(2, 3, 1, 1),), "answers": torch.zeros(2, 3), "greys": torch.zeros(2, 4)}),
    ],
)
def test_a_batch_goes_to_a_device_with_all_its_tensors(kind: type[Batch], more: dict[str, Any]) -> None:
    batch = kind(
        images=torch.zeros(2, 3, 4, 4),
        domains=[PHOTO, PHOTO],
        labels=torch.zeros(2, dtype=torch.int64),
        texts=("a duck",),
        holds=torch.zeros(2, 1, dtype=torch.bool),
        **more,
    )
    there = batch.on(torch.device("meta"))
    values = [getattr(there, field.name) for field in dataclasses.fields(there)]
    tensors = [part for value in values for part in (value if isinstance(value, tuple) else (value,))]
    places = [part.device.type for part in tensors if isinstance(part, Tensor)]
    assert places == ["meta"] * (3 + sum(len(v) if isinstance(v, tuple) else 1 for v in more.values()))
    assert (there.domains, there.texts) == (batch.domains, batch.texts)
