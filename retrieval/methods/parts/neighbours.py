"""Who is among whose nearest: neighbours, mutual or not, and similarities without hubs."""

from __future__ import annotations

import torch
from torch import Tensor

NOBODY = -1
HUB = 10  # neighbours whose mean similarity tells how much of a hub a picture is


def neighbours(similarity: Tensor, back: Tensor, k: int, *, mutual: bool) -> Tensor:
    """The k nearest of each row among the columns, NOBODY where it is not mutual.

    similarity (N, M) of rows to columns, back (M, N) of columns to rows.   -> (N, k) columns
    """
    k = min(k, similarity.shape[1])
    nearest = similarity.topk(k).indices  # (N, k)
    if not mutual:
        return nearest
    returned = back.topk(min(k, back.shape[1])).indices  # (M, k)
    rows = torch.arange(len(similarity), device=similarity.device)
    loved = (returned[nearest] == rows[:, None, None]).any(dim=2)  # (N, k)
    return nearest.masked_fill(~loved, NOBODY)


def without_hubs(similarity: Tensor) -> Tensor:
    """2 s_ij - r(i) - r(j), where r is the mean similarity to the nearest ten of the other side.   (N, M) -> (N, M)"""
    mine = similarity.topk(min(HUB, similarity.shape[1])).values.mean(dim=1)
    theirs = similarity.T.topk(min(HUB, similarity.shape[0])).values.mean(dim=1)
    return 2 * similarity - mine[:, None] - theirs[None, :]


def chosen(places: Tensor, count: int) -> Tensor:
    """Places (B, K) of columns, NOBODY for none -> (B, count) bool"""
    mask = torch.zeros(len(places), count + 1, dtype=torch.bool, device=places.device)
    return mask.scatter_(1, places.where(places != NOBODY, count), True)[:, :count]
