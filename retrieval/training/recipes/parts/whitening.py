"""Features whose spread within classes is made even (Hatch et al., "Within-class covariance normalization", 2006)."""

from __future__ import annotations

import torch
from torch import Tensor


def whitening(features: Tensor, labels: Tensor, shrunk: float) -> tuple[Tensor, Tensor]:
    """The mean (F,) of features (N, F), and directions (F, F): rows (features - mean) @ directions.T spread evenly
    within the classes (N,), but for a share of their mean spread.
    """
    counts = torch.bincount(labels)
    means = torch.zeros(len(counts), features.shape[1]).index_add(0, labels, features) / counts.clamp(min=1)[:, None]
    values, axes = torch.linalg.eigh(torch.cov((features - means[labels]).T))
    scale = (values.clamp(min=0) + shrunk * values.mean()).rsqrt()
    return features.mean(dim=0), (axes * scale).T
