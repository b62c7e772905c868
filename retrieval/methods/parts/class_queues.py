"""The last codes of every class, first in, first out, and triplets that are drawn from them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ClassQueues(nn.Module):
    """For each class at most `length` unit rows."""

    rows: Tensor
    pushed: Tensor

    def __init__(self, classes: int, length: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("rows", torch.zeros(classes, length, dim))
        self.register_buffer("pushed", torch.zeros(classes, dtype=torch.int64))  # how often

    @property
    def filled(self) -> Tensor:
        """Which places hold a row.   -> (C, K) bool"""
        places = torch.arange(self.rows.shape[1], device=self.rows.device)
        return places[None] < self.pushed[:, None]

    @torch.no_grad()
    def push(self, codes: Tensor, labels: Tensor) -> Tensor:
        """Codes (B, D) of classes (B,), the oldest out. Returns the place that each got in its queue, (B,)."""
        length = self.rows.shape[1]
        of_class = F.one_hot(labels, len(self.rows))  # (B, C)
        before = of_class.cumsum(dim=0).gather(1, labels[:, None])[:, 0] - 1  # how many of its class come before it
        places = (self.pushed[labels] + before) % length
        total = of_class.sum(dim=0)  # (C,)
        lasting = before >= total[labels] - length  # of more than a queue holds, the last
        self.rows[labels[lasting], places[lasting]] = codes[lasting].to(self.rows.dtype)
        self.pushed += total
        return places

    def pairs(
        self, labels: Tensor, count: int, own: Tensor | None = None, *, blocks: int = 1
    ) -> tuple[Tensor, Tensor, Tensor]:
        """For each of labels (B,) `count` random rows of its class, and as many of other classes; `own` (B,) are places
        that are not drawn. From torch's generator.

        blocks: of so many blocks of classes, each as long, the others are those of the label's own.
        Returns positives (B, count, D), negatives (B, count, D), and which have both, (B,) bool.
        """
        length = self.rows.shape[1]
        size = len(self.rows) // blocks * length  # rows of a block
        block, within = labels // (len(self.rows) // blocks), labels % (len(self.rows) // blocks)
        filled = self.filled.view(blocks, size)[block]  # (B, C K)
        alike = torch.arange(size, device=labels.device) // length == within[:, None]
        positive, negative = filled & alike, filled & ~alike
        if own is not None:
            positive[torch.arange(len(labels), device=labels.device), within * length + own] = False
        both = positive.any(dim=1) & negative.any(dim=1)  # (B,)
        flat, first = self.rows.flatten(0, 1), (block * size)[:, None]  # (blocks C K, D), (B, 1)
        drawn = [first + _drawn(options, both, count) for options in (positive, negative)]
        return flat[drawn[0]], flat[drawn[1]], both


def _drawn(options: Tensor, usable: Tensor, count: int) -> Tensor:
    """Random columns of rows of options (B, N) bool; 0 in rows that are not usable.   -> (B, count)"""
    weights = options.float()
    weights[~usable, 0] = 1.0
    return torch.multinomial(weights, count, replacement=True)


def queue_triplet(
    z: Tensor, positives: Tensor, negatives: Tensor, usable: Tensor, margin: float
) -> tuple[Tensor, Tensor]:
    """Mean over usable anchors and their pairs of max(0, |z - p| - |z - n| + margin), Euclidean between unit rows.

    z (..., B, D), positives and negatives (..., B, pairs, D), usable (..., B). Returns the loss (...) and the share of
    pairs that are not 0 yet; both 0 where no anchor is usable.

    >>> z = torch.tensor([[1.0, 0.0]])
    >>> right, wrong = torch.tensor([[[0.0, 1.0]]]), torch.tensor([[[0.6, 0.8]]])
    >>> loss, active = queue_triplet(z, right, wrong, torch.tensor([True]), 0.2)
    >>> round(loss.item(), 4), active.item()
    (0.7198, 1.0)
    """
    near, far = ((z[..., None, :] - rows).norm(dim=-1) for rows in (positives, negatives))  # (..., B, pairs)
    losses = (near - far + margin).clamp(min=0).masked_fill(~usable[..., None], 0.0)
    count = usable.sum(dim=-1).clamp(min=1) * losses.shape[-1]
    return losses.sum(dim=(-2, -1)) / count, ((losses > 0).sum(dim=(-2, -1)) / count).detach()
