"""The README says what was measured, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrieval.evaluation.harness import Report
from retrieval.evaluation.report import markdown_table, quality_row, readme_with_results
from retrieval.evaluation.tasks import TASKS
from retrieval.world.split import ALL

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def test_the_readmes_tables_are_those_of_the_results() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_with_results(readme, RESULTS) == readme


def test_every_quality_row_is_complete_and_every_task_has_its_chance_beside_a_bundle() -> None:
    rows = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))["rows"]
    wanted = {"bundle", "task", "seed", "queries", "gallery", "chance", "metrics", "interval"}
    assert all(set(row) == wanted for row in rows)
    assert len({(row["bundle"], row["task"], row["seed"]) for row in rows}) == len(rows)
    assert {row["task"] for row in rows} == set(TASKS)
    for name in TASKS:
        bundles = {row["bundle"] for row in rows if row["task"] == name}
        assert "floor:chance" in bundles
        assert any(not bundle.startswith("floor:") for bundle in bundles), name


def test_every_speed_row_is_complete() -> None:
    rows = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))["rows"]
    assert all(set(row) == {"name", "value", "unit", "wanted", "how"} for row in rows)


def test_every_world_row_is_complete_and_no_class_is_missing() -> None:
    rows = json.loads((RESULTS / "world.json").read_text(encoding="utf-8"))["rows"]
    assert all(set(row) == {"name", "value", "unit", "wanted", "how"} for row in rows)
    names = {row["name"] for row in rows}
    assert {"sketch_top1", "sketch_top3", "photo_top1", "photo_top3", "style_top1"} <= names
    assert {f"sketch_top3:{label}" for label in ALL} <= names


def row(bundle: str, seed: int | None, task: str, ap: float, **others: float) -> dict[str, Any]:
    interval = {"mAP@all": (ap - 0.01, ap + 0.01)} if seed is not None else {}
    return quality_row(bundle, seed, Report(task, 20, 40, 0.1, {"mAP@all": ap} | others, interval))


def test_a_table_has_a_line_for_each_bundle_and_a_column_for_each_task_of_its_group() -> None:
    rows = [
        row("floor:chance", None, "world/zero-shot@1", 0.1, **{"P@8": 0.05, "R@1": 0.04}),
        row("small", 0, "world/zero-shot@1", 0.5, **{"P@8": 0.4, "R@1": 0.3}),
        row("small", 1, "world/zero-shot@1", 0.7, **{"P@8": 0.6, "R@1": 0.3}),
        row("large", 0, "world/same-object@1", 0.8, **{"P@8": 0.4, "R@1": 0.9}),
        row("small", 0, "world/leave-style-out:photo@1", 0.25, **{"P@8": 0.2}),
        row("small", 0, "people/text@1", 0.3, **{"R@1": 0.2, "mINP": 0.1}),
    ]
    assert markdown_table(rows).splitlines() == [
        "**world**",
        "",
        "| bundle | seeds | `zero-shot@1`<br>20 → 40<br>mAP@all / P@8 | `same-object@1`<br>20 → 40<br>mAP@all / R@1 |",
        "| --- | --- | --- | --- |",
        "| `floor:chance` | – | 0.100 / 0.050 | – |",
        "| `small` | 2 | 0.600 ± 0.141 / 0.500 ± 0.141 | – |",
        "| `large` | 1 | – | 0.800 [0.790, 0.810] / 0.900 |",
        "",
        "**world/leave-style-out**",
        "",
        "| bundle | seeds | `photo@1`<br>20 → 40<br>mAP@all / P@8 |",
        "| --- | --- | --- |",
        "| `small` | 1 | 0.250 [0.240, 0.260] / 0.200 |",
        "",
        "**people**",
        "",
        "| bundle | seeds | `text@1`<br>20 → 40<br>mAP@all / R@1 |",
        "| --- | --- | --- |",
        "| `small` | 1 | 0.300 [0.290, 0.310] / 0.200 |",
    ]
