"""Batches are balanced, repeatable, grouped by class, and every text is true of what it says it is true of."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from retrieval.data.batches import Example, Mixture, Portion
from retrieval.images import Preprocess
from retrieval.types import PHOTO, SKETCH


class Plain:
    """Pictures that are one grey each: the number of the example."""

    def __init__(self, examples: list[Example]) -> None:
        self.examples = examples

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        return torch.full((3, 8, 8), index, dtype=torch.uint8)


def mixture(group: int) -> Mixture:
    photos = Plain([Example(label, PHOTO, "red") for label in ("duck", "car", "mug") for _ in range(5)])
    emoji = Plain([Example("duck", SKETCH, None, "emoji", frozenset({"duck", "bird"}))])
    return Mixture([Portion(photos, PHOTO, 0.5), Portion(emoji, SKETCH, 0.5)], Preprocess(8), steps=2, group=group)


def test_a_batch_depends_on_seed_and_epoch_alone() -> None:
    first, again = (next(iter(mixture(4).epoch(3, 1))) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert first.texts == again.texts
    assert next(iter(mixture(4).epoch(3, 2))).texts != first.texts


def test_a_group_shows_one_class_from_whichever_portions_have_it() -> None:
    batch = next(iter(mixture(4).epoch(0, 0)))
    assert batch.labels is not None
    groups = batch.labels.reshape(-1, 4)
    assert (groups == groups[:, :1]).all()
    duck = mixture(4).classes.index("duck")
    domains = np.array([d.name for d in batch.domains]).reshape(-1, 4)
    mixed = [len(set(row)) == 2 for row, label in zip(domains, groups[:, 0], strict=True) if label == duck]
    assert np.mean(mixed) > 0.5, "most groups of ducks show both domains"


def test_keywords_are_said_and_are_true_of_what_carries_them() -> None:
    batch = next(iter(mixture(1).epoch(0, 0)))
    said = Counter("bird" in text for text in batch.texts)
    assert said[True] > 5
    for column, text in enumerate(batch.texts):
        for row, domain in enumerate(batch.domains):
            if "bird" in text and batch.holds[row, column]:
                assert domain == SKETCH
