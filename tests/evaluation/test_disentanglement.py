"""Measures of object apart from style: each against a plain loop or a table that was counted by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from retrieval.errors import DataError
from retrieval.evaluation.disentanglement import (
    across_styles,
    against_truth,
    asked_by_words,
    centre,
    curve,
    gaussian,
    harmonic,
    median_distance,
    nearest_distances,
    overlap,
    pair_purity,
    pointing,
    polynomial,
    same_domain_excess,
    spearman,
    squared_mmd,
    without_means,
)
from retrieval.evaluation.probes import PROBES, auc, logistic, nearest, numbered, ranked, right, two_layers, units

STYLES = ("photo", "sketch", "mosaic")


def small_set(objects: int = 4, dim: int = 5, seed: int = 0):
    """Two classes of some objects in three styles, at random."""
    rng = np.random.default_rng(seed)
    told = [(f"c{c}", style, f"c{c}-{o}") for c in range(2) for o in range(objects) for style in STYLES]
    labels, domains, things = zip(*told, strict=True)
    return rng.standard_normal((len(told), dim)), labels, domains, things


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


# ---------------------------------------------------------------- retrieval


def test_search_across_styles_agrees_with_a_plain_loop_and_never_sees_the_same_object() -> None:
    codes, labels, domains, things = small_set()
    found = across_styles(codes, labels, domains, things)
    for q in range(len(codes)):
        precisions, first, fifteen = [], [], []
        for style in set(STYLES) - {domains[q]}:
            shown = [g for g in range(len(codes)) if domains[g] == style and things[g] != things[q]]
            shown.sort(key=lambda g: -cosine(codes[q], codes[g]))
            hits = [labels[g] == labels[q] for g in shown]
            precisions.append(np.mean([sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]))
            first.append(float(hits[0]))
            fifteen.append(sum(hits[:15]) / 15)
        assert found["mAP@all"][q] == pytest.approx(np.mean(precisions), abs=1e-12)
        assert found["P@1"][q] == pytest.approx(np.mean(first))
        assert found["P@15"][q] == pytest.approx(np.mean(fifteen))
        assert found["P@15 seen"][q] == 2 * 3  # three relevant pictures in each of two other styles
        assert found["P@5 found"][q] <= found["P@5 seen"][q]


def test_truncated_precision_is_the_micro_average_over_all_queries() -> None:
    codes, labels, domains, things = small_set()
    found = across_styles(codes, labels, domains, things)
    hits = looked = 0
    for q in range(len(codes)):
        for style in set(STYLES) - {domains[q]}:
            shown = [g for g in range(len(codes)) if domains[g] == style and things[g] != things[q]]
            shown.sort(key=lambda g: -cosine(codes[q], codes[g]))
            relevant = [labels[g] == labels[q] for g in shown]
            depth = min(5, sum(relevant))
            hits, looked = hits + sum(relevant[:depth]), looked + depth
    assert found["P@5 found"].sum() / found["P@5 seen"].sum() == pytest.approx(hits / looked)


def test_a_code_of_class_alone_finds_everything_and_a_code_of_style_alone_finds_by_chance() -> None:
    _, labels, domains, things = small_set()
    of_class = np.eye(2)[numbered(labels)[0]]
    assert across_styles(of_class, labels, domains, things)["mAP@all"].mean() == 1.0
    both = np.concatenate([of_class, 9 * np.eye(3)[numbered(domains)[0]]], axis=1)
    np.testing.assert_allclose(without_means(both, domains)[:, 2:], 0, atol=1e-12)
    assert across_styles(without_means(both, domains), labels, domains, things)["mAP@all"].mean() == 1.0


def test_the_mean_of_every_domain_is_taken_from_unit_rows() -> None:
    codes, _, domains, _ = small_set()
    found = without_means(codes, domains)
    for q in range(len(codes)):
        mates = [g for g in range(len(codes)) if domains[g] == domains[q]]
        mean = np.mean([codes[g] / np.linalg.norm(codes[g]) for g in mates], axis=0)
        row = codes[q] / np.linalg.norm(codes[q]) - mean
        np.testing.assert_allclose(found[q], row / np.linalg.norm(row))


def test_words_find_pictures_whatever_the_two_means_are() -> None:
    codes = np.array([[1.0, 0], [1, 0.1], [-1, 0], [-1, 0.1]]) + 7
    words = np.array([[2.0, 0], [-2, 0]]) - 5
    assert asked_by_words(words, ["a", "b"], codes, ["a", "a", "b", "b"]).tolist() == [1, 1]
    assert asked_by_words(words, ["b", "a"], codes, ["a", "a", "b", "b"]) == pytest.approx([(1 / 3 + 2 / 4) / 2] * 2)


def test_the_excess_of_the_own_style_agrees_with_a_plain_loop() -> None:
    codes, _, domains, things = small_set()
    found = same_domain_excess(codes, domains, things, k=4)
    for q in range(len(codes)):
        shown = [g for g in range(len(codes)) if things[g] != things[q]]
        expected = np.mean([domains[g] == domains[q] for g in shown])
        shown.sort(key=lambda g: -cosine(codes[q], codes[g]))
        assert found[q] == pytest.approx(np.mean([domains[g] == domains[q] for g in shown[:4]]) - expected)


# ---------------------------------------------------------------- gaps


@pytest.mark.parametrize("kernel", [gaussian(1.3), polynomial])
def test_squared_mmd_agrees_with_a_plain_loop(kernel) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, 3)), rng.standard_normal((4, 3)) + 0.5

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return (a @ b / 3 + 1) ** 3 if kernel is polynomial else np.exp(-((a - b) ** 2).sum() / (2 * 1.3**2))

    xx = np.mean([k(a, b) for a, b in itertools.permutations(x, 2)])
    yy = np.mean([k(a, b) for a, b in itertools.permutations(y, 2)])
    xy = np.mean([k(a, b) for a in x for b in y])
    assert squared_mmd(x, y, kernel) == pytest.approx(xx + yy - 2 * xy, abs=1e-12)


def test_squared_mmd_is_unbiased_and_grows_with_the_gap() -> None:
    rng = np.random.default_rng(0)
    kernel = gaussian(2.0)
    alike = [squared_mmd(rng.standard_normal((20, 4)), rng.standard_normal((20, 4)), kernel) for _ in range(300)]
    assert abs(np.mean(alike)) < 3 * np.std(alike) / np.sqrt(300)
    assert min(alike) < 0
    assert squared_mmd(rng.standard_normal((20, 4)), rng.standard_normal((20, 4)) + 2, kernel) > max(alike)


def test_sets_of_one_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="at least two"):
        squared_mmd(np.zeros((1, 2)), np.zeros((3, 2)), polynomial)


def test_median_distance_is_that_of_different_rows() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((7, 3))
    far = [np.linalg.norm(a - b) for a, b in itertools.permutations(x, 2)]
    assert median_distance(x) == pytest.approx(np.median(far))


# ---------------------------------------------------------------- probes


def test_logistic_regression_is_where_its_gradient_is_zero() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 60)
    train = rng.standard_normal((60, 4)) + np.eye(4)[labels]
    scores = logistic(train, labels, train, 3)
    standard = (train - train.mean(0)) / train.std(0)
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    design = np.concatenate([standard, np.ones((60, 1))], axis=1)
    weight = np.linalg.lstsq(design, scores, rcond=None)[0]  # (5, 3)
    gradient = design.T @ (shares - np.eye(3)[labels]) / 60
    gradient[:4] += 1e-3 * weight[:4]
    np.testing.assert_allclose(gradient, 0, atol=2e-5)


def test_ten_nearest_agrees_with_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    train, labels, test = rng.standard_normal((40, 3)), rng.integers(0, 4, 40), rng.standard_normal((9, 3))
    votes = nearest(train, labels, test, 4)
    for row, code in enumerate(test):
        order = sorted(range(40), key=lambda i: -cosine(train[i], code))[:10]
        counts = [sum(labels[i] == c for i in order) for c in range(4)]
        assert np.round(votes[row]).tolist() == counts
        best = [c for c in range(4) if counts[c] == max(counts)]
        assert votes[row].argmax() == next(labels[i] for i in order if labels[i] in best)


def test_two_layers_read_what_a_line_cannot() -> None:
    rng = np.random.default_rng(0)
    train = rng.choice([-1.0, 1.0], (400, 2)) + 0.1 * rng.standard_normal((400, 2))
    labels = (train[:, 0] * train[:, 1] > 0).astype(np.int64)
    assert right(logistic(train, labels, train, 2), labels).mean() < 0.8
    assert right(two_layers(train, labels, train, 2), labels).mean() > 0.98
    np.testing.assert_array_equal(two_layers(train, labels, train, 2), two_layers(train, labels, train, 2))


@pytest.mark.parametrize("probe", PROBES)
def test_every_probe_is_right_where_it_is_easy_and_at_chance_where_there_is_nothing(probe: str) -> None:
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(4), 100)
    noise = rng.standard_normal((400, 6))
    easy = np.concatenate([noise, 5 * np.eye(4)[labels]], axis=1)
    read = PROBES[probe]
    assert right(read(easy[:200], labels[:200], easy[200:], 4), labels[200:]).mean() > 0.97
    assert right(read(noise[:200], labels[:200], noise[200:], 4), labels[200:]).mean() < 0.4
    constant = np.ones((400, 3))
    assert right(read(constant[:200], labels[:200], constant[200:], 4), labels[200:]).mean() == 0.25


def test_auc_counts_pairs() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 5, 30).astype(float), rng.random(30) < 0.4
    pairs = [(p > n) + 0.5 * (p == n) for p in scores[positive] for n in scores[~positive]]
    assert auc(scores, positive) == pytest.approx(np.mean(pairs))
    assert auc(np.zeros(4), np.array([True, False, True, False])) == 0.5


def test_ranks_are_counted_from_one_and_shared_by_equals() -> None:
    assert ranked(np.array([5.0, 1, 5, 5, 0])).tolist() == [4, 2, 4, 4, 1]


# ---------------------------------------------------------------- drawn pictures


def test_distances_to_the_truth_agree_with_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    shown = ["a", "a", "a", "b", "b"], ["a0", "a1", "a2", "b0", "b1"]
    asked = ["a", "b"], ["a1", "b1"]
    real, drawn = rng.standard_normal((5, 3)), rng.standard_normal((2, 3))
    found = against_truth(drawn, asked, real, shown)
    for row, (label, thing) in enumerate(zip(*asked, strict=True)):
        far = [np.linalg.norm(drawn[row] - one) for one in real]
        own = far[shown[1].index(thing)]
        kin = [d for d, lab, t in zip(far, *shown, strict=True) if lab == label and t != thing]
        others = [d for d, lab in zip(far, shown[0], strict=True) if lab != label]
        assert found["truth"][row] == pytest.approx(own)
        assert found["same class"][row] == pytest.approx(np.mean(kin))
        assert found["other class"][row] == pytest.approx(np.mean(others))
        assert found["beats same class"][row] == pytest.approx(np.mean([d > own for d in kin]))
        assert found["beats other class"][row] == pytest.approx(np.mean([d > own for d in others]))


def test_a_true_picture_beats_all_others_and_nobody_beats_nobody() -> None:
    real = np.arange(6.0).reshape(3, 2)
    shown = ["a", "a", "b"], ["a0", "a1", "b0"]
    found = against_truth(real, shown, real, shown)
    np.testing.assert_allclose(found["truth"], 0, atol=1e-6)
    assert found["beats same class"][:2].tolist() == [1, 1]
    assert np.isnan(found["beats same class"][2])
    assert found["beats other class"].tolist() == [1, 1, 1]


def test_the_nearest_known_row_is_found() -> None:
    rng = np.random.default_rng(0)
    x, known = rng.standard_normal((4, 3)), rng.standard_normal((6, 3))
    expected = [min(np.linalg.norm(a - b) for b in known) for a in x]
    np.testing.assert_allclose(nearest_distances(x, known), expected)
    np.testing.assert_allclose(nearest_distances(known, known), 0, atol=1e-7)


def test_the_harmonic_mean_is_zero_where_one_rate_is() -> None:
    assert harmonic(0.0, 1.0) == harmonic(0.0, 0.0) == 0.0
    assert harmonic(0.25, 0.75) == pytest.approx(2 / (1 / 0.25 + 1 / 0.75))


# ---------------------------------------------------------------- what the prior does


def test_a_curve_is_the_mean_rise_with_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    told = rng.random((3, 50))
    otherwise = told + np.array([[0.0], [0.2], [-0.1]]) + 0.05 * rng.standard_normal((3, 50))
    found = curve(told, otherwise)
    for (mean, low, high), one, other in zip(found, told, otherwise, strict=True):
        assert mean == pytest.approx((other - one).mean())
        assert low < mean < high
    assert found[1][1] > 0 > found[2][2]


def test_overlap_takes_as_many_pixels_as_the_object_has() -> None:
    masks = np.zeros((3, 4, 4), bool)
    masks[0, :2, :2] = masks[1, 1, 1:3] = True
    maps = np.stack([masks[0] * 1.0, np.arange(16.0).reshape(4, 4), np.ones((4, 4))])
    found = overlap(maps, masks)
    assert found[:2].tolist() == [1.0, 0.0]
    assert np.isnan(found[2])
    assert pointing(maps[:2], masks[:2]).tolist() == [1.0, 0.0]
    rng = np.random.default_rng(0)
    map_, mask = rng.random((6, 6)), rng.random((6, 6)) < 0.3
    best = set(np.argsort(-map_.ravel())[: mask.sum()].tolist())
    truth = set(np.flatnonzero(mask.ravel()).tolist())
    assert overlap(map_[None], mask[None])[0] == pytest.approx(len(best & truth) / len(best | truth))


def test_a_random_map_overlaps_as_chance_says() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((1, 20, 20), bool)
    mask[0, :10, :8] = True  # a share of 0.2
    found = [overlap(rng.random((1, 20, 20)), mask)[0] for _ in range(400)]
    assert np.mean(found) == pytest.approx(0.2 / 1.8, abs=0.005)


def test_the_centre_is_highest_in_the_middle() -> None:
    map_ = centre(5, 7)
    assert np.unravel_index(map_.argmax(), map_.shape) == (2, 3)
    assert map_.min() == map_[0, 0] == map_[-1, -1]


def test_spearman_sees_order_alone() -> None:
    x = np.array([1.0, 2, 3, 4, 5])
    assert spearman(x, np.exp(x)) == pytest.approx(1)
    assert spearman(x, -(x**3)) == pytest.approx(-1)
    assert spearman(x, np.ones(5)) == 0
    y = np.array([2.0, 1, 4, 3, 5])
    assert spearman(x, y) == pytest.approx(1 - 6 * ((x - y) ** 2).sum() / (5 * 24))


def test_purity_counts_pairs() -> None:
    neighbours = np.array([[1, 3], [0, -1], [-1, -1], [-1, 2]])
    assert pair_purity(neighbours, ["a", "a", "b", "a"]) == 3 / 4
    assert np.isnan(pair_purity(np.full((2, 2), -1), ["a", "b"]))


def test_unit_rows_have_length_one_and_nothing_stays_nothing() -> None:
    assert units(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
