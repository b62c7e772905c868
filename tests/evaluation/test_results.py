"""One module reads results and folds seeds; targets are judged by their values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ROOT
from retrieval.errors import DataError
from retrieval.evaluation.headlines import swaps_line
from retrieval.evaluation.measurement import CHANCE, EVERY_OTHER, SEEN, Measurement, Target
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.results import (
    Run,
    fold_runs,
    interval_text,
    is_met,
    read_measurements,
    read_runs,
    summary_of,
)

RESULTS = ROOT / "benchmarks" / "results"
MEASURED = ("cutoff", "disentanglement", "hub", "ladder", "own_photos", "speed", "words", "world")


def run(bundle: str, seed: int | None, value: float, **more: Any) -> Run:
    ends = {"mAP@all": (value - 0.01, value + 0.02)}
    fields: dict[str, Any] = {"interval": ends, "class_interval": {}} | more
    return Run("t", bundle, seed, 20, 40, 0.1, {"mAP@all": value}, **fields)


def test_seeds_are_folded_into_mean_deviation_and_the_first_seed_s_intervals() -> None:
    by_class = {"class_interval": {"mAP@all": (0.2, 0.7)}}
    runs = [run("b", 1, 0.7), run("b", 0, 0.5, **by_class), run("floor:hog", None, 0.1)]
    entry, floor = fold_runs(runs)
    summary = entry.metrics["mAP@all"]
    assert (entry.seeds, summary.text()) == (2, "0.600 ± 0.141")
    assert summary.interval == pytest.approx((0.49, 0.52))
    assert summary.class_interval == (0.2, 0.7)
    assert (floor.is_floor, floor.seeds, floor.metrics["mAP@all"].text()) == (True, 0, "0.100")
    assert interval_text(floor.metrics["mAP@all"].class_interval) == "not measured"


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [
        (1.0, Target("<=", 1.0), True),
        (1.1, Target("<=", 1.0), False),
        (0.0, Target(">", 0.0), False),
        (-0.02, Target(">=", -0.03), True),
        (-0.04, Target(">=", -0.03), False),
        (0.21, Target("near", 0.0, CHANCE), True),
        (0.14, Target("near", 0.0, CHANCE), False),
        (0.69, Target(">=", -0.02, "raw"), True),
        (0.67, Target(">=", -0.02, "raw"), False),
        (0.75, Target(">", 0.0, EVERY_OTHER), False),
        (0.85, Target(">", 0.0, EVERY_OTHER), True),
        (0.1, Target("<", 0.0, "never measured"), None),
        (5.0, None, None),
    ],
)
def test_a_target_is_judged_by_values(value: float, target: Target | None, met: bool | None) -> None:
    others = [
        Measurement("m", 0.7, code="raw"),
        Measurement("m", 0.8, code="plain"),
        Measurement("m", 0.9, code="raw", subset=SEEN),
        Measurement("another", 1.0, code="raw"),
    ]
    assert is_met(Measurement("m", value, code="own", target=target, chance=0.2), others) is met


def test_near_chance_is_not_judged_where_there_is_no_chance() -> None:
    assert is_met(Measurement("m", 0.2, target=Target("near", 0.0, CHANCE))) is None


def test_an_unknown_relation_is_refused() -> None:
    with pytest.raises(ValueError, match="has the relation 'about'"):
        Target("about", 0.5)


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = Measurement(
        "swap class ratio", 0.5, "how", "object code", SEEN, "codes shuffled", "ms", Target(">=", -0.02, "raw"), 0.1,
        (0, 2), (0.4, 0.6), (0.3, 0.7), (0.2, 0.8), ((1.0, 0.5),),
    )  # fmt: skip
    rows = [whole, Measurement("bare", 0.25)]
    write_measurements(tmp_path / "r.json", rows)
    assert read_measurements(tmp_path / "r.json").rows == rows
    written = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))["rows"]
    assert written[1] == {"measure": "bare", "value": 0.25, "unit": "share"}


def test_two_rows_about_the_same_are_refused(tmp_path: Path) -> None:
    write_measurements(tmp_path / "r.json", [Measurement("m", 0.1), Measurement("m", 0.2)])
    with pytest.raises(DataError, match="two rows are about the same"):
        read_measurements(tmp_path / "r.json")


@pytest.mark.parametrize("name", MEASURED)
def test_every_committed_file_is_records_whose_value_is_the_mean_of_its_seeds(name: str) -> None:
    for row in read_measurements(RESULTS / f"{name}.json").rows:
        assert len(row.seeds) == len(row.each_seed)
        assert summary_of(row).mean == pytest.approx(row.value, abs=2e-4)


def test_quality_is_rows_of_runs_one_for_each_bundle_task_and_seed() -> None:
    runs = read_runs(RESULTS / "quality.json").rows
    assert len({(run.bundle, run.task, run.seed) for run in runs}) == len(runs)


def test_the_line_of_the_readme_tells_swaps_doodles_and_the_word_apart() -> None:
    measure = "swap class ratio"
    rows = [
        Measurement(measure, 0.951, code="what + where"),
        Measurement(measure, 0.412, code="what + where", subset="people's doodles"),
        Measurement(measure, 0.777, code="what + where", control="maps shuffled"),
        Measurement(measure, 0.888, code="where"),
        Measurement(measure, 0.034, code="what"),
    ]
    line = swaps_line(rows)
    assert "swaps (class .95 of" in line
    assert "doodles (.41)" in line
    assert line.endswith("next to nothing (.03).")
