"""Metrics against tables that were computed by hand, and the properties that every ranking metric has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.errors import DataError
from retrieval.evaluation.metrics import average_precision, bootstrap_interval, expected_average_precision, precision_at

TABLE = [  # ranking (1 = relevant), AP@all, P@3: by hand
    ([1, 1, 0, 0], 1.0, 2 / 3),
    ([0, 0, 1, 1], (1 / 3 + 2 / 4) / 2, 1 / 3),
    ([1, 0, 1, 0], (1 + 2 / 3) / 2, 2 / 3),
    ([0, 1, 0, 0], 1 / 2, 1 / 3),
    ([1, 1, 1, 1], 1.0, 1.0),
]
rankings = arrays(bool, st.tuples(st.integers(1, 5), st.integers(2, 12))).filter(lambda a: a.any(axis=1).all())


@pytest.mark.parametrize(("ranking", "ap", "p3"), TABLE)
def test_values_are_those_computed_by_hand(ranking: list[int], ap: float, p3: float) -> None:
    relevant = np.array([ranking], bool)
    assert average_precision(relevant)[0] == pytest.approx(ap)
    assert precision_at(relevant, 3)[0] == pytest.approx(p3)


@given(rankings)
def test_values_lie_in_the_unit_interval(relevant: np.ndarray) -> None:
    for values in (average_precision(relevant), precision_at(relevant, 3)):
        assert ((values >= 0) & (values <= 1)).all()


@given(rankings)
def test_a_perfect_ranking_has_average_precision_one(relevant: np.ndarray) -> None:
    assert np.allclose(average_precision(-np.sort(-relevant.astype(int), axis=1) > 0), 1.0)


@given(rankings)
def test_moving_a_relevant_picture_up_never_hurts(relevant: np.ndarray) -> None:
    better = relevant.copy()
    for row in better:
        swaps = np.flatnonzero(~row[:-1] & row[1:])
        if len(swaps):
            row[swaps[0]], row[swaps[0] + 1] = True, False
    assert (average_precision(better) >= average_precision(relevant) - 1e-12).all()


def test_chance_is_the_mean_over_all_orders() -> None:
    rng = np.random.default_rng(0)
    drawn = [average_precision(rng.permutation([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])[None] > 0)[0] for _ in range(20_000)]
    assert expected_average_precision(3, 10) == pytest.approx(np.mean(drawn), abs=0.005)


def test_a_query_without_anything_relevant_is_refused() -> None:
    with pytest.raises(DataError, match="1 of 2 queries have nothing relevant"):
        average_precision(np.array([[True, False], [False, False]]))


def test_the_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.random(20), rng.random(2000)
    for values in (few, many):
        low, high = bootstrap_interval(values)
        assert low < values.mean() < high
    assert np.diff(bootstrap_interval(many)) < np.diff(bootstrap_interval(few))
