"""Losses that two or more methods use: pure functions of tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def multi_positive_contrast(logits: Tensor, positive: Tensor, negative: Tensor | None = None) -> Tensor:
    """Mean over rows of the cross-entropy between the softmax of a row and the uniform distribution over its positives.

    logits (N, M), cosines over a temperature; positive (N, M) bool; negative (N, M) bool, by default everything that
    is not positive. Entries that are neither are left out of the softmax; rows without a positive are left out of the
    mean (0 if none is left).

        L = mean_i  -1/|P_i| sum_{p in P_i} log( exp(l_ip) / sum_{a in P_i + N_i} exp(l_ia) )

    With one positive a row this is InfoNCE; with labels as positives it is L_out of Khosla et al., "Supervised
    Contrastive Learning" (2020), eq. 2.

    >>> logits = torch.tensor([[0.0, 0.0, 0.0, 0.0]])
    >>> round(multi_positive_contrast(logits, torch.tensor([[True, True, False, False]])).item(), 4)
    1.3863
    """
    seen = torch.ones_like(positive) if negative is None else positive | negative
    log_share = logits - torch.logsumexp(logits.masked_fill(~seen, float("-inf")), dim=1, keepdim=True)
    counts = positive.sum(dim=1)
    rows = -(log_share.masked_fill(~positive, 0.0).sum(dim=1)) / counts.clamp(min=1)
    rows = rows[counts > 0]
    return rows.mean() if len(rows) else logits.sum() * 0.0
