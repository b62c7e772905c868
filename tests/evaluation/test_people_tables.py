"""people.json as tables: a line for each pre-training and share of labels, in place of a line for each metric."""

from __future__ import annotations

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.people_tables import BRIEF, GAIN, MAIN, METRICS, OTHER, PRE_TRAINED, people_tables


def row(measure: str, value: float, code: str = "studio") -> Measurement:
    return Measurement(measure, value, "3 pictures", code, "all of the street", PRE_TRAINED, interval=(0.1, 0.9))


def test_a_pre_training_is_a_line_and_other_numbers_follow() -> None:
    ladder = [row(f"{metric}, {MAIN}", 0.5) for metric in ("R@1", *METRICS)] + [row(f"R@1, {OTHER}", 0.25)]
    text = people_tables([*ladder, Measurement("gap closure", 0.125, "150 pictures", "DaD")])
    first, second = text.split("\n\n")
    assert [line.count("0.500") for line in first.splitlines()] == [0, 0, 1 + len(METRICS)]
    assert first.splitlines()[-1].endswith("0.250 |")
    assert "gap closure, DaD | 0.125" in second
    assert "studio" not in second


def test_without_a_ladder_there_is_one_table() -> None:
    assert "\n\n" not in people_tables([Measurement("gap closure", 0.125, "150 pictures", "DaD")])


def test_the_brief_ladder_has_lines_and_gains_of_its_own() -> None:
    names = [f"{metric}, {OTHER}" for metric in ("R@1", *METRICS)]
    brief = [Measurement(name, 0.5, "3 pictures", "DaD", "all of the street", BRIEF) for name in names]
    gained = Measurement(
        f"gain in R@1, {OTHER}", 0.25, "3 pictures", "DaD, over base", "all of the street", control=GAIN,
        seeds=(0, 1), each_seed=(0.24, 0.26), class_interval=(0.125, 0.375),
    )  # fmt: skip
    lines, gains = (part.splitlines()[-1] for part in people_tables([*brief, gained]).split("\n\n"))
    assert lines.count("0.500") == 1 + len(METRICS)
    assert "DaD, over base" in gains
    assert "[0.125, 0.375]" in gains
