"""Search in two stages."""

from __future__ import annotations

import numpy as np

from retrieval.reranking import Scores, rerank_row

RANDOM = np.random.default_rng(0)
COSINES: Scores = RANDOM.uniform(-1, 1, (6, 40)).astype(np.float32)
LOGITS: Scores = RANDOM.normal(size=(6, 40)).astype(np.float32)


def ranked(queries: list[int], head: int = 8) -> list[list[int]]:
    return [
        (-rerank_row(COSINES[q], lambda best, q=q: LOGITS[q, best], head)).argsort(kind="stable").tolist()  # type: ignore[misc]
        for q in queries
    ]


def test_the_ranking_is_the_same_for_one_worker_and_for_three() -> None:
    assert ranked(list(range(6))) == [*ranked([0, 1]), *ranked([2, 3]), *ranked([4, 5])]


def test_the_head_is_a_permutation_of_the_best_by_cosine_and_the_rest_stays() -> None:
    for query, order in enumerate(ranked(list(range(6)))):
        by_cosine = (-COSINES[query]).argsort(kind="stable").tolist()
        assert sorted(order[:8]) == sorted(by_cosine[:8])
        assert order[8:] == by_cosine[8:]
        assert order[0] == max(by_cosine[:8], key=lambda at: LOGITS[query, at])


def test_equal_matches_are_ordered_by_cosine() -> None:
    scores = rerank_row(COSINES[0], lambda best: np.zeros(len(best), np.float32), 8)
    assert scores.argsort()[::-1].tolist() == COSINES[0].argsort()[::-1].tolist()
