"""The benchmark: what it measures, under which names, and how a part of it is measured again."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import quality
from benchmarks.provenance import is_known, record, refusal_of_row
from retrieval.artifacts.bundle import write_manifest
from retrieval.artifacts.manifest import Stage
from retrieval.artifacts.provenance import Provenance
from retrieval.data.concepts import TEST_UNSEEN
from retrieval.evaluation.floors import ColorHistogram
from retrieval.evaluation.harness import Memory
from retrieval.evaluation.report import write_results
from retrieval.evaluation.tasks import TASKS, Task
from retrieval.evaluation.tasks.packs import SKETCHY_NAMED
from tests.evaluation.fakes import small_bundle, small_catalog


def row(bundle: str, task: str, seed: int | None, value: float = 0.0) -> quality.Row:
    return {"bundle": bundle, "task": task, "seed": seed, "metrics": {"mAP@all": value}}


def test_bundles_are_called_like_their_folders_without_the_seed(tmp_path: Path) -> None:
    manifest = small_bundle(name="dsn").manifest
    for folder, seed in (("a/dsn", 0), ("b/dsn-0", 0), ("b/dsn-1", 1), ("b/dsn-no-memory-1", 1), ("b/guise-2", 0)):
        (tmp_path / folder).mkdir(parents=True)
        write_manifest(tmp_path / folder, type(manifest)(**(vars(manifest) | {"seed": seed})))
    (tmp_path / "b" / "no-bundle").mkdir()
    found = quality.bundles([tmp_path / "a", tmp_path / "b", tmp_path / "missing"])
    assert [(one.name, one.seed) for one in found] == [("dsn", 0), ("dsn", 1), ("dsn-no-memory", 1), ("guise-2", 0)]
    assert found[0].load.args == (tmp_path / "a" / "dsn",)  # type: ignore[attr-defined]
    assert found[0].names == ("dsn", "dsn + domain mean removed", "dsn by cosine alone", "dsn + names")


def test_new_rows_replace_old_ones_and_all_are_in_order() -> None:
    old = [row("b", "text-world/all@1", 0, 0.1), row("b", "world/zero-shot@1", 1, 0.1), row("gone", "old@1", None)]
    new = [row("b", "world/zero-shot@1", 1, 0.9), row("floor:chance", "text-world/all@1", None)]
    found = quality.merge_rows(old, new, ["floor:chance", "b"])
    assert [(one["bundle"], one["task"], one["metrics"]["mAP@all"]) for one in found] == [
        ("b", "world/zero-shot@1", 0.9),
        ("floor:chance", "text-world/all@1", 0.0),
        ("b", "text-world/all@1", 0.1),
        ("gone", "old@1", 0.0),
    ]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The benchmark on a small catalog, with its results elsewhere."""
    monkeypatch.setattr(quality, "CATALOG", small_catalog(tmp_path))
    monkeypatch.setattr(quality, "RESULTS", tmp_path / "quality.json")
    quality.prepare.cache_clear()
    yield tmp_path / "quality.json"
    quality.prepare.cache_clear()


def test_what_is_refused_is_left_out_and_texts_are_not_asked_of_floors(
    small: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = ["world/zero-shot@1", "world/same-object@1", "text-world/all@1"]
    floor = quality.Candidate("floor:color-histogram", None, ColorHistogram, images_only=True)
    rows = list(quality.rows_of(floor, tasks, Memory()))
    assert [one["task"] for one in rows] == tasks[:2]
    seen = quality.Candidate("x", 3, lambda: small_bundle(classes=("pear",)), mean_removed=True)
    rows = list(quality.rows_of(seen, tasks, Memory()))
    assert [(one["bundle"], one["task"], one["seed"]) for one in rows] == [
        ("x", "world/same-object@1", 3),
        ("x + domain mean removed", "world/same-object@1", 3),
        ("x", "text-world/all@1", 3),
    ]
    assert "has seen the class 'pear'" in capsys.readouterr().err


def test_a_part_is_measured_again_and_the_rest_stays(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = row("guise", "world/same-object@1", 0, 0.5) | {
        "queries": 1,
        "gallery": 1,
        "chance": 0.1,
        "interval": {},
        "class_interval": {},
    }
    write_results(small, [kept])
    words = ["quality.py", "--only-task", "world/same-object@1", "--only-bundle", "floor:chance"]
    monkeypatch.setattr(sys, "argv", [*words, "--only-bundle", "floor:raw-pixels"])
    quality.main()
    assert "`guise`" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["quality.py", "--only-bundle", "magic"])
    with pytest.raises(SystemExit, match="There is no bundle 'magic'"):
        quality.main()
    text = small.read_text(encoding="utf-8")
    assert [text.count(f'"{name}"') for name in ("guise", "floor:chance", "floor:raw-pixels")] == [1, 1, 1]


# ---------------------------------------------------------------- the gate over all rows


def task_like(name: str) -> Task:
    """The task of that name as far as the gate asks: what it calls unseen, and whose pictures it shows."""
    shown = SKETCHY_NAMED if name == "sketchy125/all@1" else None
    classes = TEST_UNSEEN if "zero-shot" in name or "leave-style-out" in name else ()
    styles = tuple(re.findall(r"leave-style-out:(\w+)", name))
    truth = np.ones((1, 1), bool)
    return Task(name, [], [], truth, (), unseen=classes, unseen_domains=styles, shown=shown)


def test_no_row_is_of_a_bundle_that_the_gate_refuses() -> None:
    rows = json.loads(quality.RESULTS.read_text(encoding="utf-8"))["rows"]
    asked = {(line["bundle"], line["task"]) for line in rows}
    assert {name for name, _ in asked if not is_known(name)} == set(), "write down what they have seen: `record`"
    refused = {pair: refusal_of_row(pair[0], task_like(pair[1])) for pair in asked}
    assert {pair: reason for pair, reason in refused.items() if reason} == {}


@pytest.mark.parametrize("name", [name for name in TASKS if name.startswith("world/")])
def test_the_gate_is_asked_what_the_task_itself_says(name: str) -> None:
    real, like = quality.prepare(name), task_like(name)
    assert set(real.unseen) <= set(like.unseen)
    assert real.unseen_domains == like.unseen_domains


def test_dsn_has_seen_every_style_and_dude_every_class_by_a_stage_behind() -> None:
    reason = refusal_of_row("dsn-world in bits", task_like("world/leave-style-out:painting@1"))
    assert "has seen the style 'painting', by its start, words, \"guise-base-zs\"" in (reason or "")
    reason = refusal_of_row("dude-world", task_like("world/zero-shot@1"))
    assert "has seen the class 'banana'" in (reason or "")
    assert 'by its prior, "prior-world"' in (reason or "")
    assert refusal_of_row("dsn-world", task_like("world/zero-shot@1")) is None
    assert refusal_of_row("floor:hog", task_like("world/zero-shot@1")) is None


def test_rows_that_the_gate_refuses_go_when_the_rest_is_measured(
    small: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, gone = row("dude-world", "world/same-object@1", 0), row("dude-world", "world/zero-shot@1", 0)
    assert quality.allowed([kept, gone]) == [kept]
    assert "removed: dude-world has seen the class 'banana'" in capsys.readouterr().err


def test_what_a_bundle_that_is_not_shipped_has_seen_is_written_down(tmp_path: Path) -> None:
    path, seen = tmp_path / "provenance.json", Provenance((Stage("dsn", classes=("duck",)),))
    record("dsn", seen, path)
    record("other", Provenance(), path)
    record("dsn-world", Provenance(), path)
    assert set(json.loads(path.read_text(encoding="utf-8"))) == {"dsn", "other"}
