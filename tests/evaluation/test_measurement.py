"""Measurements of several seeds become records, and records become the tables of the docs."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.evaluation.disentanglement_tables import disentanglement_tables, tries_table
from retrieval.evaluation.measurement import (
    GAIN,
    SEARCH,
    SEEN,
    UNSEEN,
    Measurement,
    Target,
    mean_measurement,
    split_measurements,
)
from retrieval.evaluation.results import fold_measurements


def test_seeds_become_one_record_with_intervals_by_query_and_by_class() -> None:
    labels, halves = ("duck", "owl"), np.array([0.5, 1.0])
    by_seed = {
        0: [Measurement("a", 0.5, values=np.array([0.0, 1.0]), labels=labels), Measurement("b", 1.0, chance=0.1)],
        2: [Measurement("a", 0.75, values=halves, labels=labels)],
    }
    first, second = fold_measurements(by_seed)
    assert (first.measure, first.value, first.seeds, first.each_seed) == ("a", 0.625, (0, 2), (0.5, 0.75))
    assert first.interval == first.class_interval == (0.25, 1.0)
    assert (second.value, second.interval, second.class_interval, second.chance) == (1.0, None, None, 0.1)


def test_records_with_another_code_subset_or_control_are_not_folded() -> None:
    rows = [Measurement("a", 0.5), Measurement("a", 0.6, code="x"), Measurement("a", 0.7, subset=SEEN)]
    rows.append(Measurement("a", 0.8, control="shuffled"))
    assert [row.value for row in fold_measurements({0: rows})] == [0.5, 0.6, 0.7, 0.8]


def test_a_mean_is_split_by_what_the_prior_saw_and_counts_numbers_alone() -> None:
    values = np.array([1.0, 0.0, np.nan, 0.0])
    split = split_measurements("m", values, ["a", "b", "a", "b"], {"a"}, "how", chance=0.5, target=Target(">", 0.0))
    assert [(row.measure, row.subset) for row in split] == [("m", ""), ("m", SEEN), ("m", UNSEEN)]
    assert [row.value for row in split] == [pytest.approx(1 / 3), 1.0, 0.0]
    assert [row.target for row in split] == [Target(">", 0.0), None, None]
    assert split[0].labels == ("a", "b", "b")
    assert len(split_measurements("m", values, ["a"] * 4, {"a"}, "how")) == 1
    assert mean_measurement("m", values, "how").values.tolist() == [1.0, 0.0, 0.0]


def test_codes_stand_beside_each_other_and_so_do_classes_the_prior_saw_and_others() -> None:
    asked = split_measurements(SEARCH, np.array([0.5, 0.0]), ["a", "b"], {"a"}, "two ask", code="raw", chance=0.25)
    wish = Target(">=", 0.7)
    first = [
        mean_measurement("P@1 macro", np.array([1.0, 0.0]), "no", code="raw"),
        Measurement("P@5 macro", 0.5, "no", "raw"),
        mean_measurement(GAIN, np.array([0.25, 0.0]), "paired", ["a", "b"], code="object code", control="raw"),
        mean_measurement(SEARCH, np.array([0.25, 0.25]), "two ask", code="noise loss only"),
        Measurement(GAIN, -0.25, "paired", "before it reads", control="noise loss only"),
        Measurement("class probe, two layers", 0.5, "2 -> 1", "raw", chance=0.1),
        Measurement("class probe, 10 nearest", 0.25, "2 -> 1", "raw", chance=0.1),
        Measurement("domain probe, two layers", 0.75, "2 -> 1", "raw", chance=0.2),
        Measurement("domain AUC", 0.75, "pairs", "raw", chance=0.5),
        Measurement("class probe, two layers", 0.5, "4 -> 2", "map", chance=0.3),
        Measurement("domain probe, two layers", 0.5, "4 -> 2", "map", chance=0.4),
        Measurement("swap class ratio", 0.5, "a", target=wish, chance=0.016),
        Measurement("swap class ratio", 0.625, "a", subset=SEEN, chance=0.016),
    ]
    other = [Measurement("swap class ratio", 0.75, "a", target=wish, chance=0.016)]
    rows = fold_measurements({0: asked + first, 1: other})
    codes, sentence, probes, generated = disentanglement_tables(rows).split("\n\n")
    intervals = "95 % by query | 95 % by class"
    assert codes.splitlines()[0] == (
        f"| code | seeds | {SEARCH} | {intervals} | {SEEN} | {UNSEEN} | P@1 | object code is ahead by, 95 % by class |"
    )
    assert codes.splitlines()[2:] == [
        "| raw | 1 | 0.250 | [0.000, 0.500] | [0.000, 0.500] | 0.500 | 0.000 | 0.500 | +0.125 [+0.000, +0.250] |",
        "| noise loss only | 1 | 0.250 | [0.250, 0.250] | not measured | – | – | – | before it reads: -0.250 |",
    ]
    assert sentence == "Two ask. By chance: 0.250."
    assert probes.splitlines()[2:] == [
        "| raw | 0.500 | – | 0.250 | 0.750 | – | – | 0.750 | – | 0.100 and 0.200 | 2 -> 1 |",
        "| map | 0.500 | – | – | 0.500 | – | – | – | – | 0.300 and 0.400 | 4 -> 2 |",
    ]
    assert generated.splitlines()[2:] == ["| swap class ratio | 0.625 ± 0.177 | 0.625 |  | 0.016 | >= 0.7 | a |"]


def test_of_what_was_not_measured_there_is_no_table() -> None:
    assert disentanglement_tables([]) == ""


def test_a_try_has_a_line_and_chance_the_last_one() -> None:
    rows = [
        Measurement("class", 0.5, "a", "as before", chance=0.016),
        Measurement("class", 0.25, "a", "reversed", chance=0.016),
        Measurement("of paintings", 0.75, "a", "reversed", chance=0.167),
    ]
    assert tries_table(rows).splitlines()[2:] == [
        "| as before | 0.500 | – | – | – | – | – | – |",
        "| reversed | 0.250 | – | 0.750 | – | – | – | – |",
        "| by chance | 0.016 | – | 0.167 | – | – | – | – |",
    ]
