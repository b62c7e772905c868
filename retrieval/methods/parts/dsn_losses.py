"""The terms of DSN's loss, by their numbers in `methods.dsn`, and how alike classes are, which (3) looks up."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.losses import multi_positive_contrast
from retrieval.methods.parts.sketch_memory import SketchMemory


def mean_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """(2): logits (B, C), targets (B,) labels or (B, C) shares; zero without rows."""
    return F.cross_entropy(logits, targets) if len(logits) else logits.sum()


def distillation(logits: Tensor, teacher: Tensor, bias: Tensor) -> Tensor:
    """(3): logits and teacher (P, K_t); bias (P, K_t), added to the teacher's logits."""
    return mean_cross_entropy(logits, (teacher + bias).softmax(dim=1))


def cross_modal_contrast(embeddings: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """(4): embeddings (A, D) of both views of both modalities, labels (A,)."""
    unit = F.normalize(embeddings, dim=-1)
    alike = labels[:, None] == labels[None, :]  # (A, A)
    others = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    return multi_positive_contrast(unit @ unit.T / temperature, alike & others, ~alike)


def memory_loss(features: Tensor, labels: Tensor, memory: SketchMemory) -> Tensor:
    """(5): features (P, F) and labels (P,) of photos; zero while none of their classes is in memory."""
    known = memory.counts[labels] > 0
    if not known.any():
        return features.sum() * 0.0
    return 1 - F.cosine_similarity(features[known], memory.prototypes()[labels[known]], dim=1).mean()


def embedded_similarity(seen: Tensor, taught: Tensor) -> Tensor:
    """m: the cosine between embeddings of names, (C, E) and (K_t, E), never below zero.   -> (C, K_t), in [0, 1]"""
    return (F.normalize(seen, dim=-1) @ F.normalize(taught, dim=-1).T).clamp(0, 1)
