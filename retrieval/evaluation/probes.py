"""Probes: what a simple reader can learn to read off codes, where some other code of the same pictures is the measure.

A probe that finds a picture's style in its object code shows that the style is there, whether or not a search looks at
it. Three readers, because each is blind to something: a line, a small network, and the company that a code keeps. All
are trained on some objects and asked about others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Codes = npt.NDArray[np.floating]
Places = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

HIDDEN = 128  # of the small network
DECAY = 1e-3  # of the weights of both trained readers, per picture
NEIGHBOURS = 10


def logistic(train: Codes, labels: Places, test: Codes, classes: int) -> Values:
    """Scores of multinomial logistic regression: train (N, D), labels (N,), test (M, D) -> (M, classes)

    min_W  1/N sum_i -log softmax(W x_i + b)[y_i] + DECAY/2 |W|^2       x standardised by the training codes
    """
    known, asked = _standardised(train, test)
    truth = torch.from_numpy(labels)
    weight = torch.zeros(classes, known.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def error() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(known @ weight.T + bias, truth) + DECAY / 2 * weight.square().sum()
        loss.backward()
        return loss

    solver.step(error)
    with torch.no_grad():
        return (asked @ weight.T + bias).numpy()


def two_layers(train: Codes, labels: Places, test: Codes, classes: int, seed: int = 0) -> Values:
    """Scores of a network with one hidden layer, after 200 steps on everything: as `logistic`."""
    known, asked = (part.float() for part in _standardised(train, test))
    truth = torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        reader = nn.Sequential(nn.Linear(known.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, classes))
    solver = torch.optim.AdamW(reader.parameters(), lr=1e-2, weight_decay=0.05)
    for _ in range(200):
        solver.zero_grad()
        F.cross_entropy(reader(known), truth).backward()
        solver.step()
    with torch.no_grad():
        return reader(asked).double().numpy()


def nearest(train: Codes, labels: Places, test: Codes, classes: int) -> Values:
    """How many of the ten nearest by cosine have each label; of equal counts the nearest wins: as `logistic`."""
    known, asked = units(train), units(test)
    order = np.argsort(-(asked @ known.T), axis=1, kind="stable")[:, :NEIGHBOURS]  # (M, 10)
    votes = np.zeros((len(test), classes))
    for rank in range(order.shape[1]):
        votes[np.arange(len(test)), labels[order[:, rank]]] += 1 + 1e-6 * 0.5**rank
    return votes


PROBES: dict[str, Callable[[Codes, Places, Codes, int], Values]] = {
    "logistic": logistic,
    "two layers": two_layers,
    "10 nearest": nearest,
}


def right(scores: Values, labels: Places) -> Values:
    """1 where the highest of scores (M, C) is that of the label, else 0.   -> (M,)"""
    return (scores.argmax(axis=1) == labels).astype(np.float64)


def auc(scores: Values, positive: npt.NDArray[np.bool_]) -> float:
    """The chance that a positive has a higher score than a negative, ties counting half: scores and positive (N,).

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True]))
    0.875
    """
    ranks = ranked(scores)
    up, down = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - up * (up + 1) / 2) / (up * down))


def ranked(values: npt.NDArray[np.floating]) -> Values:
    """The rank of each value, from 1; equal values share the mean of theirs.   (N,) -> (N,)

    >>> ranked(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum()
    return np.asarray((last - (counts - 1) / 2)[places], np.float64)


def numbered(names: Sequence[str]) -> tuple[Places, int]:
    """Each name's place among the sorted names, and how many there are.   -> (N,), C"""
    distinct, places = np.unique(np.asarray(names), return_inverse=True)
    return places.astype(np.int64), len(distinct)


def _standardised(train: Codes, test: Codes) -> tuple[Tensor, Tensor]:
    """Both with the mean and deviation of the training codes taken away; a number that never changes becomes 0."""
    mean, spread = train.mean(axis=0, dtype=np.float64), train.std(axis=0, dtype=np.float64)
    spread = np.where(spread > 1e-12, spread, np.inf)
    known, asked = ((part.astype(np.float64) - mean) / spread for part in (train, test))
    return torch.from_numpy(known), torch.from_numpy(asked)


def units(codes: Codes) -> Values:
    """The codes (N, D) as unit rows, in double precision."""
    rows = np.asarray(codes, np.float64)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), np.float64)
