"""Retrieval metrics, each defined once: in prose, as a formula, and by a table that can be checked by hand.

All take `relevant` (Q, N) bool: row q says which pictures are relevant to query q, best answer first, and rel_i is its
entry at rank i. N is the whole gallery for `@all`. R_q is the number of relevant pictures in row q; queries with
R_q = 0 have no defined precision and are refused. P(i) is the share of relevant pictures among the first i.

Pictures that a query does not consider stand behind all others and are not relevant: no metric can tell them from
pictures that are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrieval.errors import DataError

Relevance = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


# ---------------------------------------------------------------- average precision


def average_precision(relevant: Relevance) -> Values:
    """`mAP@all` of each query: the mean, over its relevant pictures, of the precision at the rank of each.   -> (Q,)

        AP_q = 1/R_q * sum_{i: rel_i} P(i)

    >>> average_precision(np.array([[True, False, True, False]])).round(4).tolist()
    [0.8333]
    """
    counts = _counts(relevant)
    return np.asarray((_precision(relevant) * relevant).sum(axis=1) / counts, np.float64)


def average_precision_voc(relevant: Relevance) -> Values:
    """`mAP@all VOC` of each query: AP@all of the interpolated precision, which at every rank is the best precision at
    that rank or below. Never smaller than AP@all.   -> (Q,)

        AP_q = 1/R_q * sum_{i: rel_i} max_{j >= i} P(j)

    Everingham et al., "The PASCAL Visual Object Classes (VOC) Challenge" (2010), at all points of recall; the variant
    of SAKE (Liu et al., 2019) and DSN (Wang et al., 2021).

    >>> average_precision_voc(np.array([[False, True, True, False]])).round(4).tolist()
    [0.6667]
    """
    counts = _counts(relevant)
    envelope = np.maximum.accumulate(_precision(relevant)[:, ::-1], axis=1)[:, ::-1]  # (Q, N)
    return np.asarray((envelope * relevant).sum(axis=1) / counts, np.float64)


def average_precision_strict(relevant: Relevance, k: int) -> Values:
    """`mAP@k strict` of each query: the relevant pictures that could stand among the first k count, whether they do or
    not.   -> (Q,)

        AP_q = 1/min(R_q, k) * sum_{i <= k: rel_i} P(i)

    >>> average_precision_strict(np.array([[True, False, False, True]]), 2).tolist()
    [0.5]
    """
    return np.asarray(_gained(relevant, k) / np.minimum(_counts(relevant), k), np.float64)


def average_precision_lenient(relevant: Relevance, k: int) -> Values:
    """`mAP@k lenient` of each query: only the relevant pictures found among the first k count, so that one hit at rank
    1 is perfect; 0 where none is found.   -> (Q,)

        AP_q = 1/(sum_{i <= k} rel_i) * sum_{i <= k: rel_i} P(i)

    >>> average_precision_lenient(np.array([[True, False, False, True]]), 2).tolist()
    [1.0]
    """
    _counts(relevant)
    return np.asarray(_gained(relevant, k) / np.maximum(relevant[:, :k].sum(axis=1), 1), np.float64)


# ---------------------------------------------------------------- the first k


def precision_at(relevant: Relevance, k: int) -> Values:
    """`P@k` of each query: the share of relevant pictures among the first k, divided by k even where R_q < k.   -> (Q,)

    >>> precision_at(np.array([[True, False, True, False]]), 2).tolist()
    [0.5]
    """
    _counts(relevant)
    return np.asarray(relevant[:, :k].sum(axis=1) / k, np.float64)


def precision_truncated(relevant: Relevance, k: int) -> tuple[Values, Values]:
    """`P@k truncated` of each query and its weight: no query looks deeper than it has relevant pictures.
    -> (Q,) values, (Q,) weights k_q

        k_q = min(k, R_q)      p_q = 1/k_q * sum_{i <= k_q} rel_i      P@k truncated = sum_q k_q p_q / sum_q k_q

    The mean is micro-averaged: a query weighs as much as it looks at. The variant of unsupervised cross-domain
    retrieval (Hu and Lee, "Feature Representation Learning for Unsupervised Cross-domain Image Retrieval", 2022).

    >>> values, weights = precision_truncated(np.array([[True, False, False], [False, True, True]]), 2)
    >>> values.tolist(), weights.tolist()
    ([1.0, 0.5], [1.0, 2.0])
    """
    depth = np.minimum(_counts(relevant), k)
    hits = relevant[:, :k].cumsum(axis=1)  # (Q, min(k, N))
    relevant_above = np.take_along_axis(hits, depth[:, None] - 1, axis=1)[:, 0]
    return np.asarray(relevant_above / depth, np.float64), depth.astype(np.float64)


def recall_at(relevant: Relevance, k: int) -> Values:
    """`R@k` of each query: 1 if a relevant picture is among the first k, else 0.   -> (Q,)

    >>> recall_at(np.array([[False, True, True]]), 1).tolist()
    [0.0]
    """
    _counts(relevant)
    return np.asarray(relevant[:, :k].any(axis=1), np.float64)


def inverse_penalty(relevant: Relevance) -> Values:
    """`mINP` of each query: R_q over the rank of its last relevant picture, which is the share of relevant pictures in
    what must be looked through to find them all.   -> (Q,)

        INP_q = R_q / max {i: rel_i}

    Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook" (2021).

    >>> inverse_penalty(np.array([[True, False, True, False]])).round(4).tolist()
    [0.6667]
    """
    last = relevant.shape[1] - relevant[:, ::-1].argmax(axis=1)
    return np.asarray(_counts(relevant) / last, np.float64)


# ---------------------------------------------------------------- means and intervals


def macro_weights(labels: Sequence[str]) -> Values:
    """The weights (Q,) under which the mean over queries is the mean of the means of their classes: `mAP@all macro`.

        w_q = 1 / (number of queries of q's class)

    >>> float(np.average([1.0, 1.0, 0.0], weights=macro_weights(["a", "a", "b"])))
    0.5
    """
    _, classes, counts = np.unique(np.asarray(labels), return_inverse=True, return_counts=True)
    return np.asarray(1.0 / counts[classes], np.float64)


def bootstrap_interval(
    values: Values, seed: int = 0, rounds: int = 2000, weights: Values | None = None
) -> tuple[float, float]:
    """The middle 95 % of the (weighted) means of resampled queries.

    >>> bootstrap_interval(np.ones(5))
    (1.0, 1.0)
    """
    drawn = _draws(len(values), seed, rounds)
    weights = np.ones(len(values)) if weights is None else weights
    means = (drawn @ (values * weights)) / (drawn @ weights)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def class_interval(
    values: Values, labels: Sequence[str], seed: int = 0, rounds: int = 2000, weights: Values | None = None
) -> tuple[float, float] | None:
    """The middle 95 % of the (weighted) means of resampled classes, each with all its queries; None with one class.

    Queries of one class rise and fall together, so this says how far the mean would move with other classes, where
    `bootstrap_interval` says how far it would move with other queries of the same classes.

    >>> class_interval(np.array([1.0, 1.0, 0.0, 0.0]), ["duck", "duck", "owl", "owl"])
    (0.0, 1.0)
    """
    _, places = np.unique(np.asarray(labels), return_inverse=True)
    if len(places) != len(values):
        raise DataError(f"{len(values)} values have {len(places)} labels. Give each query its class.")
    weights = np.ones(len(values)) if weights is None else weights
    sums, sizes = np.bincount(places, weights=values * weights), np.bincount(places, weights=weights)  # (C,)
    if len(sums) < 2:
        return None
    drawn = _draws(len(sums), seed, rounds)
    low, high = np.percentile((drawn @ sums) / (drawn @ sizes), [2.5, 97.5])
    return float(low), float(high)


@lru_cache(maxsize=1)
def _draws(queries: int, seed: int, rounds: int) -> Values:
    """How often each round draws each query.   -> (rounds, Q)"""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(queries, size=(rounds, queries))
    return np.stack([np.bincount(row, minlength=queries) for row in drawn]).astype(np.float64)


def _precision(relevant: Relevance) -> Values:
    """P(i) at every rank.   -> (Q, N)"""
    return np.asarray(relevant.cumsum(axis=1) / np.arange(1, relevant.shape[1] + 1), np.float64)


def _gained(relevant: Relevance, k: int) -> Values:
    """sum_{i <= k: rel_i} P(i).   -> (Q,)"""
    first = relevant[:, :k]
    return np.asarray((_precision(first) * first).sum(axis=1), np.float64)


def _counts(relevant: Relevance) -> npt.NDArray[np.int64]:
    counts = np.asarray(relevant.sum(axis=1), np.int64)
    if not counts.all():
        raise DataError(
            f"{int((counts == 0).sum())} of {len(counts)} queries have nothing relevant in the gallery. Leave them out."
        )
    return counts
