"""Metrics by the names that results carry, and the value that each has by chance.

    mAP@all   mAP@all VOC   mAP@all macro   mAP@K strict   mAP@K lenient   P@K   P@K truncated   R@K   mINP

K is a number. What each name means stands in `metrics`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrieval.errors import SettingsError
from retrieval.evaluation.metrics import (
    Relevance,
    Values,
    average_precision,
    average_precision_lenient,
    average_precision_strict,
    average_precision_voc,
    inverse_penalty,
    macro_weights,
    precision_at,
    precision_truncated,
    recall_at,
)

PLAIN: dict[str, Callable[[Relevance], Values]] = {
    "mAP@all": average_precision,
    "mAP@all VOC": average_precision_voc,
    "mAP@all macro": average_precision,
    "mINP": inverse_penalty,
}
CUT: dict[str, Callable[[Relevance, int], Values]] = {
    "mAP@K strict": average_precision_strict,
    "mAP@K lenient": average_precision_lenient,
    "P@K": precision_at,
    "R@K": recall_at,
}
MEANINGS = {  # pattern of a name -> what it means, with its K
    r"mAP@all": "average precision over the whole gallery, not interpolated; mean over queries",
    r"mAP@all VOC": "mAP@all of the interpolated precision, which is never smaller",
    r"mAP@all macro": "mAP@all as a mean over classes, not over queries",
    r"mAP@(\d+) strict": "average precision of the first {0}, over all relevant pictures that could stand there",
    r"mAP@(\d+) lenient": "average precision of the first {0}, over the hits; one hit at rank 1 is perfect",
    r"P@(\d+)": "share of relevant pictures among the first {0}, divided by {0} even where fewer exist",
    r"P@(\d+) truncated": "P@{0} where no query looks deeper than it has relevant pictures",
    r"R@(\d+)": "share of queries with a relevant picture among the first {0}",
    r"mINP": "number of relevant pictures over the rank of the last one",
}
KINDS = (*PLAIN, *CUT, "P@K truncated")


def meaning(name: str) -> str:
    """What a metric means, in words; "" for an unknown name."""
    for pattern, words in MEANINGS.items():
        if match := re.fullmatch(pattern, name):
            return words.format(*match.groups())
    return ""


def score_queries(name: str, relevant: Relevance) -> Values:
    """The named metric of each query.   (Q, N) -> (Q,)"""
    kind, k = parse_metric(name)
    if kind == "P@K truncated":
        return precision_truncated(relevant, k)[0]
    if kind in PLAIN:
        return PLAIN[kind](relevant)
    return CUT[kind](relevant, k)


def weights(name: str, counts: npt.NDArray[np.integer], labels: Sequence[str] = ()) -> Values:
    """What each query weighs in the mean of the named metric. `counts` (Q,) is how many pictures are relevant to each,
    `labels` (Q,) are the classes of the queries, for which only `mAP@all macro` asks.   -> (Q,)
    """
    kind, k = parse_metric(name)
    if kind == "P@K truncated":
        return np.minimum(counts, k).astype(np.float64)
    if kind == "mAP@all macro":
        if len(labels) != len(counts):
            raise SettingsError(f"{name} needs the class of each query. Choose mAP@all, or give the task its labels.")
        return macro_weights(labels)
    return np.ones(len(counts))


def parse_metric(name: str) -> tuple[str, int]:
    """The kind of a metric, one of KINDS, and its K (0 where it has none). Raises SettingsError for an unknown name.

    >>> parse_metric("mAP@200 strict")
    ('mAP@K strict', 200)
    """
    match = re.search(r"@([1-9]\d*)\b", name)
    kind = name if match is None else name.replace(match[0], "@K", 1)
    if kind not in KINDS or ("@K" in kind) != (match is not None):
        raise SettingsError(f"There is no metric {name!r}. Choose among {', '.join(KINDS)}, where K is a number.")
    return kind, int(match[1]) if match else 0


# ---------------------------------------------------------------- chance


def expected(name: str, relevant: int, total: int) -> float | None:
    """The named metric of one query in a random order of `total` pictures with `relevant` among them, exactly; None for
    the interpolated one, which has no short formula. For `P@K truncated` the value of the query, to be weighted by
    min(K, relevant).

    >>> expected("R@1", 1, 4)
    0.25
    """
    kind, k = parse_metric(name)
    k = min(k, total)
    if kind in ("mAP@all", "mAP@all macro"):
        return expected_average_precision(relevant, total)
    if kind == "mAP@K strict":
        return _expected_gain(relevant, total, k) / min(relevant, parse_metric(name)[1])
    if kind == "mAP@K lenient":
        return sum(
            _draws_with(hits, relevant, total, k) * expected_average_precision(hits, k)
            for hits in range(max(1, k - (total - relevant)), min(relevant, k) + 1)
        )
    if kind == "P@K":
        return relevant / total * k / parse_metric(name)[1]
    if kind == "P@K truncated":
        return relevant / total
    if kind == "R@K":
        return 1.0 - _draws_with(0, relevant, total, k)
    return _expected_inverse_penalty(relevant, total) if kind == "mINP" else None


def expected_average_precision(relevant: int, total: int) -> float:
    """E[AP@all] of a random order of `total` pictures with `relevant` among them: the chance level of mAP@all.

        E[AP] = 1/N * ( H_N + (R - 1)/(N - 1) * (N - H_N) ),   H_N = sum_{i=1..N} 1/i

    >>> round(expected_average_precision(1, 2), 4)
    0.75
    """
    harmonic = _harmonic(total)
    share = (relevant - 1) / (total - 1) if total > 1 else 0.0
    return (harmonic + share * (total - harmonic)) / total


def _expected_gain(relevant: int, total: int, k: int) -> float:
    """E[sum_{i <= k: rel_i} P(i)], where E[rel_i P(i)] = R/N * (1 + (i - 1)(R - 1)/(N - 1)) / i."""
    share = (relevant - 1) / (total - 1) if total > 1 else 0.0
    return relevant / total * (_harmonic(k) + share * (k - _harmonic(k)))


def _expected_inverse_penalty(relevant: int, total: int) -> float:
    """E[R / last], where P(last = m) = C(m - 1, R - 1) / C(N, R), from m = N down."""
    mean, chance = 0.0, relevant / total
    for last in range(total, relevant - 1, -1):
        mean += chance * relevant / last
        chance *= (last - relevant) / (last - 1) if last > 1 else 0.0
    return mean


def _draws_with(hits: int, relevant: int, total: int, k: int) -> float:
    """The chance that k of `total` pictures hold exactly `hits` of the `relevant` ones (hypergeometric)."""
    return math.comb(relevant, hits) * math.comb(total - relevant, k - hits) / math.comb(total, k)


@lru_cache(maxsize=4096)
def _harmonic(count: int) -> float:
    return float(np.sum(1.0 / np.arange(1, count + 1)))
