"""The README says what was measured, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from retrieval.data.folder import folder_items
from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.floors import RawPixels
from retrieval.evaluation.harness import chance, evaluate, score
from retrieval.evaluation.report import readme_with_results
from retrieval.evaluation.tasks import TASKS, Catalog, Task, task
from retrieval.images import open_image
from retrieval.items import home_of, write_items
from retrieval.types import ImageQuery, TextQuery
from retrieval.world.split import ALL
from tests.conftest import ColorEncoder

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"


def test_the_readmes_tables_are_those_of_the_results() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme_with_results(readme, RESULTS) == readme


def test_every_quality_row_is_complete() -> None:
    rows = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))["rows"]
    wanted = {"bundle", "task", "seed", "queries", "gallery", "chance", "metrics", "interval"}
    assert all(set(row) == wanted for row in rows)
    for name in TASKS:
        assert {"floor:chance", "guise-mini"} <= {row["bundle"] for row in rows if row["task"] == name}


def test_every_speed_row_is_complete() -> None:
    rows = json.loads((RESULTS / "speed.json").read_text(encoding="utf-8"))["rows"]
    assert all(set(row) == {"name", "value", "unit", "wanted", "how"} for row in rows)


def test_every_world_row_is_complete_and_no_class_is_missing() -> None:
    rows = json.loads((RESULTS / "world.json").read_text(encoding="utf-8"))["rows"]
    assert all(set(row) == {"name", "value", "unit", "wanted", "how"} for row in rows)
    names = {row["name"] for row in rows}
    assert {"sketch_top1", "sketch_top3", "photo_top1", "photo_top3", "style_top1"} <= names
    assert {f"sketch_top3:{label}" for label in ALL} <= names


@pytest.fixture
def colors(pictures: Path) -> Task:
    """Each picture asks for those of its colour."""
    items = folder_items(pictures)
    queries = [ImageQuery(open_image(item.path), item.domain) for item in items]
    relevant = np.array([[a.label == b.label for b in items] for a in items])
    return Task("colors@1", queries, items, relevant, ("blue", "green", "red"))


def test_an_encoder_that_sees_colour_is_perfect_at_colours(colors: Task, color_encoder: ColorEncoder) -> None:
    report = evaluate(color_encoder, colors)
    assert report.metrics == {"mAP@all": 1.0, "P@8": 1.0}
    assert (report.queries, report.gallery) == (24, 24)


def test_texts_are_measured_like_pictures(colors: Task, color_encoder: ColorEncoder) -> None:
    words = Task("words@1", [TextQuery("red"), TextQuery("blue")], colors.gallery, colors.relevant[[20, 0]], ())
    assert evaluate(color_encoder, words).metrics["P@8"] == 1.0


def test_raw_pixels_are_unit_rows_and_no_better_than_they_look(colors: Task) -> None:
    assert evaluate(RawPixels(), colors).metrics["mAP@all"] < 1.0


def test_chance_is_what_random_scores_get(colors: Task) -> None:
    rng = np.random.default_rng(0)
    drawn = [score(rng.random((24, 24)).astype(np.float32), colors).metrics for _ in range(200)]
    for name, value in chance(colors).metrics.items():
        assert value == pytest.approx(np.mean([metrics[name] for metrics in drawn]), abs=0.01)


def test_an_unknown_task_and_missing_drawings_are_told(pictures: Path) -> None:
    home = home_of(pictures)
    home.mkdir()
    write_items(home, folder_items(pictures))
    with pytest.raises(SettingsError, match="There is no task 'magic@1'"):
        task("magic@1", Catalog(home, None))
    with pytest.raises(DataError, match="Set GUISE_DATA"):
        task("quickdraw-world/all@1", Catalog(home, None))
    assert task("text-world/all@1", Catalog(home, None)).relevant.shape == (12, 24)
