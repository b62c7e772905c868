"""Retrieval metrics, each defined once: in prose, as a formula, and by a table that can be checked by hand.

All take `relevant` (Q, N) bool: row q says which pictures are relevant to query q, best answer first. N is the whole
gallery for `@all`. R_q is the number of relevant pictures in row q; queries with R_q = 0 have no defined precision
and are refused.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from retrieval.errors import DataError

Relevance = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]


def average_precision(relevant: Relevance) -> Values:
    """AP@all of each query: the mean, over its relevant pictures, of the precision at the rank of each.   -> (Q,)

        AP_q = 1/R_q * sum_{i: rel_i} (number of relevant in the first i) / i

    >>> average_precision(np.array([[True, False, True, False]])).round(4).tolist()
    [0.8333]
    """
    counts = _counts(relevant)
    ranks = np.arange(1, relevant.shape[1] + 1)
    precision = relevant.cumsum(axis=1) / ranks  # (Q, N)
    return np.asarray((precision * relevant).sum(axis=1) / counts, np.float64)


def precision_at(relevant: Relevance, k: int) -> Values:
    """P@k of each query: the share of relevant pictures among the first k, divided by k even where R_q < k.   -> (Q,)

    >>> precision_at(np.array([[True, False, True, False]]), 2).tolist()
    [0.5]
    """
    _counts(relevant)
    return np.asarray(relevant[:, :k].sum(axis=1) / k, np.float64)


def expected_average_precision(relevant: int, total: int) -> float:
    """E[AP@all] of a random order of `total` pictures with `relevant` among them: the chance level of mAP@all.

        E[AP] = 1/N * ( H_N + (R - 1)/(N - 1) * (N - H_N) ),   H_N = sum_{i=1..N} 1/i

    >>> round(expected_average_precision(1, 2), 4)
    0.75
    """
    harmonic = float(np.sum(1.0 / np.arange(1, total + 1)))
    share = (relevant - 1) / (total - 1) if total > 1 else 0.0
    return (harmonic + share * (total - harmonic)) / total


def bootstrap_interval(values: Values, seed: int = 0, rounds: int = 2000) -> tuple[float, float]:
    """The middle 95 % of the means of resampled queries.

    >>> bootstrap_interval(np.ones(5))
    (1.0, 1.0)
    """
    rng = np.random.default_rng(seed)
    means = values[rng.integers(len(values), size=(rounds, len(values)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _counts(relevant: Relevance) -> npt.NDArray[np.int64]:
    counts = np.asarray(relevant.sum(axis=1), np.int64)
    if not counts.all():
        raise DataError(
            f"{int((counts == 0).sum())} of {len(counts)} queries have nothing relevant in the gallery. Leave them out."
        )
    return counts
