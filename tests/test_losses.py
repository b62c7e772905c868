"""Losses against the same formula in plain loops, in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from retrieval.losses import multi_positive_contrast


def naive(logits: np.ndarray, positive: np.ndarray, negative: np.ndarray) -> float:
    rows = []
    for i in range(len(logits)):
        positives = [j for j in range(logits.shape[1]) if positive[i, j]]
        if not positives:
            continue
        seen = [j for j in range(logits.shape[1]) if positive[i, j] or negative[i, j]]
        total = sum(math.exp(logits[i, j]) for j in seen)
        rows.append(-sum(math.log(math.exp(logits[i, j]) / total) for j in positives) / len(positives))
    return sum(rows) / len(rows)


@pytest.mark.parametrize("seed", range(5))
def test_multi_positive_contrast_equals_its_formula(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(6, 9)) * 3
    kind = rng.integers(0, 3, (6, 9))
    kind[0] = np.where(kind[0] == 0, 1, kind[0])  # one row without a positive
    positive, negative = kind == 0, kind == 1
    expected = naive(logits, positive, negative)
    found = multi_positive_contrast(*(torch.from_numpy(a) for a in (logits, positive, negative)))
    assert found.item() == pytest.approx(expected, abs=1e-12)


def test_everything_else_is_negative_unless_told() -> None:
    logits = torch.randn(4, 4, dtype=torch.float64)
    eye = torch.eye(4, dtype=torch.bool)
    assert multi_positive_contrast(logits, eye).item() == pytest.approx(
        torch.nn.functional.cross_entropy(logits, torch.arange(4)).item(), abs=1e-12
    )


def test_a_batch_without_positives_costs_nothing_and_still_has_a_gradient() -> None:
    logits = torch.randn(3, 3, requires_grad=True)
    loss = multi_positive_contrast(logits, torch.zeros(3, 3, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_closer_positives_cost_less() -> None:
    positive = torch.tensor([[True, False]])
    costs = [multi_positive_contrast(torch.tensor([[s, 0.0]]), positive).item() for s in (0.0, 1.0, 5.0)]
    assert costs[0] > costs[1] > costs[2]
