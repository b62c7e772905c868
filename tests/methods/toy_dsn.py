"""A DSN small enough for a test, and a batch that it can learn by heart."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from retrieval.images import Preprocess
from retrieval.methods import DSN, Batch
from retrieval.methods.dsn import (
    Config,
    PhotoTeacher,
)
from retrieval.types import PHOTO, SKETCH

TINY: dict[str, Any] = {
    "classes": 4,
    "teacher_classes": 6,
    "trunk": "resnet10-quarter",
    "dim": 5,
    "memory_slots": 2,
    "epochs": 1,
    "lr": 1e-3,
}
PREPROCESS = Preprocess(32)


def made(**told: Any) -> DSN:
    """A student with a teacher, both at random weights."""
    torch.manual_seed(0)
    config = Config(**TINY | told)
    teacher = PhotoTeacher(config)
    method = DSN(config, PREPROCESS)
    method.learn_from(teacher, torch.rand(config.classes, config.teacher_classes))
    return method


def toy_batch() -> Batch:
    """Four classes, each as two photos and two sketches: a colour and its inverse, so that only learning matches
    them.
    """
    generator = torch.Generator().manual_seed(0)
    colors = torch.rand(4, 3, 1, 1, generator=generator).repeat(2, 1, 32, 32)
    pictures = torch.cat([colors, 1 - colors]) + 0.03 * torch.randn(16, 3, 32, 32, generator=generator)
    labels = torch.arange(4).repeat(4)
    domains = [PHOTO] * 8 + [SKETCH] * 8
    return Batch((pictures.clamp(0, 1) - 0.5) / 0.25, domains, labels, (), torch.zeros(16, 0, dtype=torch.bool))


class ToyData:
    """The same batch, three times an epoch."""

    def __len__(self) -> int:
        return 3

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield from (toy_batch() for _ in range(3))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reached(method: DSN, term: str) -> set[str]:
    """The parts that a term alone has a gradient for."""
    method.zero_grad()
    losses = method.losses(toy_batch(), method.phases()[0])
    if losses[term].requires_grad:
        losses[term].backward()
    return {n.split(".")[0] for n, p in method.named_parameters() if p.grad is not None and p.grad.any()}
