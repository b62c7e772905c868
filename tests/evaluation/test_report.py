"""README and docs say what was measured, and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks import ROOT
from benchmarks.docs import BLOCKS, RESULTS, fill_blocks, pages
from retrieval.evaluation.harness import Report
from retrieval.evaluation.report import quality_row, write_results
from retrieval.evaluation.results import Run, read_measurements, read_runs
from retrieval.evaluation.tables import overview_table, quality_tables
from retrieval.evaluation.task_words import OTHERS, words_of
from retrieval.evaluation.tasks import PUBLISHED, TASKS
from retrieval.world.split import ALL


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_of_readme_and_docs_is_what_the_results_make_of_it(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert fill_blocks(text) == text, "run: python -m benchmarks.docs"


def test_every_block_stands_on_some_page_and_every_file_of_results_is_shown() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    assert set(re.findall(r"<!-- ([\w-]+) -->", text)) == set(BLOCKS)
    assert {path.stem for path in RESULTS.glob("*.json")} <= set(BLOCKS)


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 10 * 1024


@pytest.mark.parametrize("page", list(pages()), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_the_python_of_the_readme_prints_ducks(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)[0]
    exec(compile(first, "README.md", "exec"), {})  # noqa: S102  (our own page)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert all("duck" in line for line in lines)


def test_a_block_is_replaced_and_what_stands_around_it_stays() -> None:
    filled = fill_blocks("before\n<!-- speed -->\nold\n<!-- /speed -->\nafter")
    assert filled.startswith("before\n<!-- speed -->\n| what | value |")
    assert filled.endswith("\n<!-- /speed -->\nafter")


def test_every_quality_row_is_complete_and_every_task_has_its_chance_beside_a_bundle() -> None:
    rows = json.loads((RESULTS / "quality.json").read_text(encoding="utf-8"))["rows"]
    keys = {"bundle", "task", "seed", "queries", "gallery", "chance", "metrics", "interval", "class_interval"}
    assert all(set(row) == keys for row in rows)
    for name in {row["task"] for row in rows}:
        bundles = {row["bundle"] for row in rows if row["task"] == name}
        assert "floor:chance" in bundles
        assert any(not bundle.startswith("floor:") for bundle in bundles), name


def test_every_class_of_the_world_was_judged() -> None:
    rows = read_measurements(RESULTS / "world.json").rows
    assert set(ALL) <= {row.subset for row in rows if row.measure == "sketch top3"}


def test_every_task_has_words_for_visitors_and_for_readers() -> None:
    for name in TASKS | PUBLISHED:
        _, title, words = words_of(name)
        assert title != OTHERS, name
        assert words.protocol, name


def runs(tmp_path: Path, *rows: dict[str, Any]) -> list[Run]:
    write_results(tmp_path / "quality.json", rows)
    return list(read_runs(tmp_path / "quality.json").rows)


def row(bundle: str, seed: int | None, task: str, ap: float, **others: float) -> dict[str, Any]:
    ends = {"mAP@all": (ap - 0.01, ap + 0.01)} if bundle != "floor:chance" else {}
    wide = {"mAP@all": (ap - 0.1, ap + 0.1)} if seed == 0 else {}
    return quality_row(bundle, seed, Report(task, 20, 40, 0.1, {"mAP@all": ap} | others, ends, wide))


def test_a_task_s_table_shows_both_intervals_side_by_side(tmp_path: Path) -> None:
    found = runs(
        tmp_path,
        row("floor:chance", None, "world/zero-shot@1", 0.1, **{"P@8": 0.05, "R@1": 0.04}),
        row("floor:hog", None, "world/zero-shot@1", 0.2, **{"P@8": 0.1, "R@1": 0.1}),
        row("small", 0, "world/zero-shot@1", 0.5, **{"P@8": 0.4, "R@1": 0.3}),
        row("small", 1, "world/zero-shot@1", 0.7, **{"P@8": 0.6, "R@1": 0.3}),
        row("large", 0, "world/same-object@1", 0.8, **{"P@8": 0.4, "R@1": 0.9}),
    )
    first, second = (part.split("\n\n") for part in re.split(r"\n\n(?=### )", quality_tables(found)))
    assert [part[0] for part in (first, second)] == ["### `world/same-object@1`", "### `world/zero-shot@1`"]
    assert second[1].startswith("From a rendered sketch of a class never trained on")
    assert second[2].splitlines() == [
        "| bundle | seeds | mAP@all | 95 % by query | 95 % by class | P@8 |",
        "| --- | --- | --- | --- | --- | --- |",
        "| `floor:chance` | – | 0.100 | – | – | 0.050 |",
        "| `floor:hog` | – | 0.200 | [0.190, 0.210] | not measured | 0.100 |",
        "| `small` | 2 | 0.600 ± 0.141 | [0.490, 0.510] | [0.400, 0.600] | 0.500 ± 0.141 |",
    ]
    assert first[2].splitlines()[2] == "| `large` | 1 | 0.800 | [0.790, 0.810] | [0.700, 0.900] | 0.900 |"
    assert overview_table(found, ["small", "absent"], ["world/zero-shot@1", "x@1"]).splitlines()[2:] == [
        "| `small` | 0.600 ± 0.141<br>[0.400, 0.600] | – |"
    ]
