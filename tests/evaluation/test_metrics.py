"""Metrics against tables that were computed by hand, the properties that every ranking metric has, and another hand's
code.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torchmetrics.functional import retrieval as others

from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.measures import KINDS, expected, parse_metric, score_queries, weights
from retrieval.evaluation.metrics import (
    average_precision,
    average_precision_lenient,
    average_precision_strict,
    average_precision_voc,
    bootstrap_interval,
    macro_weights,
    precision_at,
    precision_truncated,
    recall_at,
)

NAMES = tuple(kind.replace("K", "3") if "@K" in kind else kind for kind in KINDS)
TABLE = {  # ranking (1 = relevant) -> every metric at k = 3, by hand
    (1, 1, 0, 0): {
        "mAP@all": 1, "mAP@all VOC": 1, "mAP@3 strict": 1, "mAP@3 lenient": 1,
        "P@3": 2 / 3, "P@3 truncated": 1, "R@3": 1, "mINP": 1,
    },
    (0, 0, 1, 1): {
        "mAP@all": (1 / 3 + 2 / 4) / 2, "mAP@all VOC": 1 / 2, "mAP@3 strict": 1 / 3 / 2, "mAP@3 lenient": 1 / 3,
        "P@3": 1 / 3, "P@3 truncated": 0, "R@3": 1, "mINP": 2 / 4,
    },
    (1, 0, 1, 0): {
        "mAP@all": (1 + 2 / 3) / 2, "mAP@all VOC": (1 + 2 / 3) / 2, "mAP@3 strict": (1 + 2 / 3) / 2,
        "mAP@3 lenient": (1 + 2 / 3) / 2, "P@3": 2 / 3, "P@3 truncated": 1 / 2, "R@3": 1, "mINP": 2 / 3,
    },
    (0, 0, 0, 1): {
        "mAP@all": 1 / 4, "mAP@all VOC": 1 / 4, "mAP@3 strict": 0, "mAP@3 lenient": 0,
        "P@3": 0, "P@3 truncated": 0, "R@3": 0, "mINP": 1 / 4,
    },
    (0, 1, 1, 1): {
        "mAP@all": (1 / 2 + 2 / 3 + 3 / 4) / 3, "mAP@all VOC": 3 / 4, "mAP@3 strict": (1 / 2 + 2 / 3) / 3,
        "mAP@3 lenient": (1 / 2 + 2 / 3) / 2, "P@3": 2 / 3, "P@3 truncated": 2 / 3, "R@3": 1, "mINP": 3 / 4,
    },
    (1, 1, 1, 1): {
        "mAP@all": 1, "mAP@all VOC": 1, "mAP@3 strict": 1, "mAP@3 lenient": 1,
        "P@3": 1, "P@3 truncated": 1, "R@3": 1, "mINP": 1,
    },
}  # fmt: skip
patient = settings(deadline=None)  # speed is not asserted here
rankings = arrays(bool, st.tuples(st.integers(1, 5), st.integers(2, 12))).filter(lambda a: a.any(axis=1).all())


@pytest.mark.parametrize("ranking", TABLE)
def test_values_are_those_computed_by_hand(ranking: tuple[int, ...]) -> None:
    for name, value in TABLE[ranking].items():
        assert score_queries(name, np.array([ranking], bool))[0] == pytest.approx(value), name


def test_the_truncated_mean_is_that_over_everything_that_is_looked_at() -> None:
    relevant = np.array([[1, 0, 0, 0], [0, 1, 1, 1]], bool)
    values, depth = precision_truncated(relevant, 3)
    assert np.average(values, weights=depth) == pytest.approx((1 + 2) / (1 + 3))
    assert weights("P@3 truncated", relevant.sum(axis=1)).tolist() == depth.tolist()


def test_the_macro_mean_is_the_mean_of_the_means_of_classes() -> None:
    values, labels = np.array([1.0, 0.5, 0.2]), ["duck", "duck", "owl"]
    assert np.average(values, weights=macro_weights(labels)) == pytest.approx((0.75 + 0.2) / 2)
    with pytest.raises(SettingsError, match="needs the class of each query"):
        weights("mAP@all macro", np.array([1, 2, 3]))


@patient
@given(rankings)
def test_values_lie_in_the_unit_interval(relevant: np.ndarray) -> None:
    for name in NAMES:
        values = score_queries(name, relevant)
        assert ((values >= 0) & (values <= 1)).all(), name


@patient
@given(rankings)
def test_a_perfect_ranking_is_worth_one(relevant: np.ndarray) -> None:
    best = -np.sort(-relevant.astype(int), axis=1) > 0
    for name in NAMES:
        if name != "P@3":  # which is bounded by the number of relevant pictures
            assert np.allclose(score_queries(name, best), 1.0), name


@patient
@given(rankings)
def test_moving_a_relevant_picture_up_never_hurts(relevant: np.ndarray) -> None:
    better = relevant.copy()
    for row in better:
        swaps = np.flatnonzero(~row[:-1] & row[1:])
        if len(swaps):
            row[swaps[0]], row[swaps[0] + 1] = True, False
    for name in NAMES:
        if "lenient" not in name:  # one more hit, further down, lowers the lenient one
            assert (score_queries(name, better) >= score_queries(name, relevant) - 1e-12).all(), name


@patient
@given(rankings, st.integers(1, 12))
def test_strict_is_at_most_lenient_and_plain_at_most_interpolated(relevant: np.ndarray, k: int) -> None:
    assert (average_precision_strict(relevant, k) <= average_precision_lenient(relevant, k) + 1e-12).all()
    assert (average_precision(relevant) <= average_precision_voc(relevant) + 1e-12).all()


@patient
@given(rankings, st.integers(1, 5))
def test_pictures_behind_all_others_that_are_not_relevant_do_not_count(relevant: np.ndarray, more: int) -> None:
    longer = np.pad(relevant, ((0, 0), (0, more)))
    for name in NAMES:
        np.testing.assert_allclose(score_queries(name, longer), score_queries(name, relevant), err_msg=name)


@patient
@given(rankings, st.integers(1, 12))
def test_another_hand_computes_the_same(relevant: np.ndarray, k: int) -> None:
    k = min(k, relevant.shape[1])
    pairs = [
        (average_precision(relevant), others.retrieval_average_precision),
        (average_precision_lenient(relevant, k), partial(others.retrieval_average_precision, top_k=k)),
        (precision_at(relevant, k), partial(others.retrieval_precision, top_k=k)),
        (recall_at(relevant, k), partial(others.retrieval_hit_rate, top_k=k)),
    ]
    falling = torch.linspace(1.0, 0.1, relevant.shape[1])  # it takes scores of 0 for refusals
    for ours, theirs in pairs:
        assert ours == pytest.approx([float(theirs(falling, torch.from_numpy(row))) for row in relevant], abs=1e-6)


@pytest.mark.parametrize(("relevant", "total"), [(3, 10), (1, 5), (4, 4), (7, 9)])
def test_chance_is_the_mean_over_all_orders(relevant: int, total: int) -> None:
    rng = np.random.default_rng(0)
    orders = rng.permuted(np.tile(np.arange(total) < relevant, (20_000, 1)), axis=1)
    for name in (*NAMES, "mAP@30 strict", "mAP@30 lenient", "P@30", "R@30"):
        chance = expected(name, relevant, total)
        if chance is not None:
            assert chance == pytest.approx(score_queries(name, orders).mean(), abs=0.01), name
    assert expected("mAP@all VOC", relevant, total) is None


def test_a_query_without_anything_relevant_is_refused() -> None:
    for name in NAMES:
        with pytest.raises(DataError, match="1 of 2 queries have nothing relevant"):
            score_queries(name, np.array([[True, False], [False, False]]))


@pytest.mark.parametrize("name", ["mAP", "P@0", "P@x", "mAP@200", "R@K", "mINP@3", "mAP@200 VOC"])
def test_a_metric_that_does_not_exist_is_told(name: str) -> None:
    with pytest.raises(SettingsError, match="There is no metric"):
        parse_metric(name)


def test_the_interval_holds_the_mean_and_narrows_with_more_queries() -> None:
    rng = np.random.default_rng(0)
    few, many = rng.random(20), rng.random(2000)
    for values in (few, many):
        low, high = bootstrap_interval(values)
        assert low < values.mean() < high
    assert np.diff(bootstrap_interval(many)) < np.diff(bootstrap_interval(few))


def test_a_query_of_no_weight_does_not_move_the_interval() -> None:
    values, weigh = np.array([0.5] * 30 + [1.0]), np.array([1.0] * 30 + [0.0])
    assert bootstrap_interval(values, weights=weigh) == pytest.approx((0.5, 0.5))
