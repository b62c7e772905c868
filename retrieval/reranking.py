"""Search in two stages: all pictures by cosine, and the best of them once more by what sees picture and text together.

A query's scores depend on nothing but the query and the gallery: whoever divides the queries among workers, or the
gallery among batches, gets the same ranking.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]
COSINE = 0.002  # weight of the cosine beside the match, both scaled to [0, 1] over the best
HEAD = 64  # how many of the best are looked at again


def rerank_row(cosines: Scores, match: Callable[[npt.NDArray[np.int64]], Scores], head: int = HEAD) -> Scores:
    """Scores of one query over the gallery: those of its best by cosine are above 0, in the order of their match; all
    others follow below 0, in the order of their cosines.   cosines (N,), match: rows (K,) -> (K,)

    >>> rerank_row(np.float32([0.9, 0.8, 0.1]), lambda rows: np.float32([-1.0, 3.0]), head=2).argsort().tolist()
    [2, 0, 1]
    """
    best = np.argsort(-cosines, kind="stable")[:head]
    scores = (cosines - 2).astype(np.float32)  # in [-3, -1]
    scores[best] = 1e-6 + _scaled(match(best)) + COSINE * _scaled(cosines[best])
    return scores


def _scaled(values: Scores) -> Scores:
    low, high = values.min(), values.max()
    return np.asarray((values - low) / max(high - low, 1e-9), np.float32)
