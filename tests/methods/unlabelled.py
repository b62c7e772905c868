"""Views of pictures without labels for tests of methods that learn from them, and what is true of every such method."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator

import numpy as np
import torch

from retrieval.data.batch import Batch
from retrieval.images import Preprocess
from retrieval.methods.dude import Dude
from retrieval.methods.proto_ot import ProtoOT
from retrieval.training.loop import fit
from retrieval.training.recipes.parts.view_features import ViewBatches
from retrieval.types import Domain

PREPROCESS = Preprocess(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
STYLES = ("photo", "sketch", "mosaic")


TRUNK = "test_efficientnet"  # small


def noise_of_three_styles(features: int = 256) -> ViewBatches:
    """Three views of eight pictures of noise in each style, in batches of twelve."""
    rng = np.random.default_rng(0)
    ids = [f"{style}-{number}" for style in STYLES for number in range(8)]
    pictures = rng.standard_normal((len(ids), 1, features))
    views = pictures + 0.5 * rng.standard_normal((len(ids), 4, features))
    domains = [Domain(name.split("-")[0]) for name in ids]
    return ViewBatches(torch.from_numpy(views).float(), ids, domains, batch=12)


class Labelled:
    """The same batches, with labels drawn at random."""

    def __init__(self, data: ViewBatches, seed: int) -> None:
        self._data = data
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self._data)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        for batch in self._data.epoch(seed, epoch):
            yield dataclasses.replace(batch, labels=torch.from_numpy(self._rng.integers(0, 9, len(batch.instances))))


def assert_no_label_changes_a_weight(make: Callable[[], Dude | ProtoOT], data: ViewBatches) -> None:
    """Trained with two sets of labels, the method is the same to the bit; and it has no place to be told labels."""
    assert "labels" not in inspect.signature(make().learn_from).parameters
    weights = []
    for seed in (1, 2):
        method = make()
        list(fit(method, Labelled(data, seed), seed=0))
        weights.append(method.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def assert_goes_on_after_two_epochs(make: Callable[[int], Dude | ProtoOT], data: ViewBatches) -> None:
    """A run that was interrupted ends where one would that was not. make: a seed -> a method of three epochs."""
    whole, again = make(0), make(5)
    states = [report.state() for report in fit(whole, data, seed=0)]
    list(fit(again, data, seed=0, resume=states[1]))
    first, second = whole.state_dict(), again.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
