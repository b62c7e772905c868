"""Targets of quality.json, beside what was measured."""

from __future__ import annotations

from pathlib import Path

from retrieval.evaluation.quality_targets import TARGETS, targeted
from retrieval.evaluation.results import Run, read_runs

QUALITY = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "quality.json"


def test_every_target_was_measured() -> None:
    assert len(list(targeted(read_runs(QUALITY).rows))) == len(TARGETS)


def test_a_target_stands_beside_the_mean_over_seeds() -> None:
    task, bundle = "quickdraw-world/zero-shot@1", "guise-base-zs"
    runs = [Run(task, bundle, seed, 20, 40, 0.1, {"mAP@all": value}, {}, {}) for seed, value in ((0, 0.5), (1, 0.7))]
    (row,) = targeted(runs)
    assert (row.code, round(row.value, 3), str(row.target)) == (bundle, 0.6, ">= 0.6")
    assert "seeds: 2" in row.how
