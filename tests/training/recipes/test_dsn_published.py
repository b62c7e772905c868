"""DSN at the paper's size, on small copies of the data sets that the paper uses."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from timm.models.resnet import BasicBlock, ResNet

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.card import card
from retrieval.artifacts.provenance import Provenance
from retrieval.backbones.conditional_resnet import TRUNKS
from retrieval.cli import main
from retrieval.data.splits import SKETCHY_100_25, TUBERLIN
from retrieval.errors import SettingsError
from retrieval.training.epochs import Run
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dsn_published import DsnPublishedSettings
from retrieval.types import no_progress
from tests.data.trees import SKETCHY as SKETCHY_LAYOUT
from tests.data.trees import TUBERLIN as TUBERLIN_LAYOUT
from tests.data.trees import paint
from tests.training.small import make

SEEN = {"dsn-sketchy": ["ant", "bat", "zebra"], "dsn-tuberlin": ["cat", "moon", "zebra"]}
UNSEEN = {"dsn-sketchy": ["bell", "camel"], "dsn-tuberlin": ["bus", "fan"]}
TRAINED = {"dsn-sketchy": {"bat", "zebra"}, "dsn-tuberlin": {"moon", "zebra"}}


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A copy of each data set, with three seen and two unseen classes."""
    home = tmp_path_factory.mktemp("published")
    layouts = {"dsn-sketchy": (SKETCHY_LAYOUT, "zeroshot1"), "dsn-tuberlin": (TUBERLIN_LAYOUT, "zeroshot")}
    return {name: paint(home / name, *layouts[name], SEEN[name], UNSEEN[name]) for name in layouts}


def small(name: str, trees: dict[str, Path], **options: Any) -> DsnPublishedSettings:
    """The recipe's settings for a training of one step on its copy."""
    little = {"kept": 1, "workers": 0, "epochs": 1, "steps": 1, "batch": 6, "teacher_epochs": 1, "teacher_batch": 2}
    return dataclasses.replace(RECIPES[name].settings, data=trees[name], **(little | options))


@pytest.mark.parametrize("name", SEEN)
def test_no_unseen_class_and_none_that_selects_reaches_student_or_teacher(name: str, trees: dict[str, Path]) -> None:
    settings, recipe = small(name, trees), RECIPES[name]
    of_student, of_teacher = recipe.sources(settings), recipe.teacher_sources(settings)
    for sources, domains in ((of_student, {"sketch", "photo"}), (of_teacher, {"photo"})):
        assert {label for portion in sources.portions for label in portion.table.labels} == TRAINED[name]
        assert {domain for portion in sources.portions for domain in portion.domains} == domains
        assert set(sources.unseen) >= {*UNSEEN[name], SEEN[name][0]}
        assert not set(sources.unseen) & TRAINED[name]
    kept = recipe.read_lists(settings).kept
    assert {item.label for item in kept} == {SEEN[name][0]}


@pytest.mark.parametrize(("name", "sketches", "photos"), [("dsn-sketchy", 32, 64), ("dsn-tuberlin", 9, 81)])
def test_every_batch_has_the_papers_numbers_of_sketches_and_photos(
    name: str, sketches: int, photos: int, trees: dict[str, Path]
) -> None:
    settings = small(name, trees, batch=RECIPES[name].settings.batch, size=16, steps=2)
    data = RECIPES[name].sources(settings).batches(settings)
    for batch in data.epoch(0, 0):
        assert [domain.name for domain in batch.domains] == ["sketch"] * sketches + ["photo"] * photos


@pytest.mark.parametrize("kept", [0, 3])
def test_something_is_left_to_train_on_and_something_to_select_on(kept: int, trees: dict[str, Path]) -> None:
    with pytest.raises(SettingsError, match=f"{kept} of 3 seen classes"):
        RECIPES["dsn-sketchy"].read_lists(small("dsn-sketchy", trees, kept=kept))
    everything = RECIPES["dsn-sketchy"].read_lists(small("dsn-sketchy", trees, kept=0, validate_every=0))
    assert len(everything.trained) == 18


def test_the_papers_size_is_trained_a_step_saved_and_measured(
    trees: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Run, "save", lambda self, state, line: None)  # a gigabyte that nobody goes on from
    data, out = str(trees["dsn-sketchy"]), tmp_path / "bundle"
    words = ["--kept", "1", "--workers", "0", "--epochs", "1", "--steps", "1", "--batch", "6", "--teacher-epochs", "1"]
    words += ["--teacher-batch", "2", "--teacher", str(tmp_path / "teacher"), "--run-folder", str(tmp_path / "run")]
    assert main(["train", "dsn-sketchy", "--data", data, "--out", str(out), *words]) == 0
    capsys.readouterr()
    manifest = load_bundle(out).manifest
    assert (manifest.config["trunk"], manifest.preprocess.size, manifest.dim) == ("resnet50", 224, 64)
    assert manifest.classes == ("bat", "zebra")
    assert set(manifest.unseen_classes) >= {*SKETCHY_100_25.unseen, "ant"}
    assert manifest.metrics["validation mAP@all"] == 1.0, "all that it selects on is one class"
    assert [(source.data, source.pictures) for source in manifest.trained_on] == [
        ("Sketchy-Extended: photo", 6),
        ("Sketchy-Extended: sketch", 6),
    ]

    assert main(["evaluate", "--bundle", str(out), "--task", "sketchy-ext/100-25@1", "--data", data]) == 0
    said = capsys.readouterr()
    report = json.loads(said.out)
    assert (report["queries"], report["gallery"], report["chance"]) == (6, 6, 0.5)
    assert {"mAP@all", "mAP@all VOC", "mAP@all macro", "mAP@200 strict", "mAP@200 lenient"} <= set(report["metrics"])
    assert {"P@100", "P@100 truncated"} <= set(report["metrics"])
    assert "75,481 are published" in said.err

    assert main(["evaluate", "--bundle", str(out), "--task", "sketchy-ext/104-21@1", "--data", data]) == 2
    assert "has seen the class 'bat'" in capsys.readouterr().err


def lighter(monkeypatch: pytest.MonkeyPatch, trunk: str) -> None:
    """The recipe for TU-Berlin with another trunk."""
    recipe = dataclasses.replace(RECIPES["dsn-tuberlin"], config={"trunk": trunk})
    monkeypatch.setitem(RECIPES, "dsn-tuberlin", recipe)


def plain(name: str, pretrained: bool) -> torch.nn.Module:
    """What timm would download, at random weights."""
    assert pretrained
    return ResNet(**TRUNKS["resnet10t"] | {"block": BasicBlock}, block_args={"attn_layer": "se"})


def test_a_bundle_taught_by_imagenet_says_so_beside_what_its_own_training_never_saw(
    trees: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lighter(monkeypatch, "resnet10t")
    monkeypatch.setattr(timm, "create_model", plain)
    options = {"size": 32, "imagenet": "seresnet10t", "run_folder": tmp_path / "run", "out": tmp_path / "bundle"}
    manifest = make("dsn-tuberlin", small("dsn-tuberlin", trees, **options))
    (teacher,) = Provenance.of(manifest).pretrained
    assert (teacher.name, teacher.role, teacher.pretrained) == (
        "seresnet10t", "teacher", "photographs of ImageNet-1k, by the teacher",
    )  # fmt: skip
    assert set(manifest.unseen_classes) == {*TUBERLIN} - {"moon", "zebra"}
    assert "Published weights behind it: seresnet10t (photographs of ImageNet-1k, by the teacher)" in card(manifest)
    assert manifest.classes == ("moon", "zebra")
    assert manifest.config["teacher_classes"] == 1000
    assert manifest.config["semantic_weight"] == 0.0, "no bundle reads words"
    assert "photos of most classes that Sketchy 100/25 and TU-Berlin call unseen" in manifest.trained_on[0].data


def test_a_student_of_its_own_teacher_claims_what_it_never_saw(
    trees: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lighter(monkeypatch, "resnet10-quarter")
    folders = {name: tmp_path / name for name in ("teacher", "run_folder", "out")}
    manifest = make("dsn-tuberlin", small("dsn-tuberlin", trees, size=32, **folders))
    assert set(manifest.unseen_classes) == {*TUBERLIN} - {"moon", "zebra"}
    assert manifest.config["teacher_classes"] == 2


def test_only_the_trunks_own_classifier_teaches(trees: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    settings, recipe = small("dsn-sketchy", trees, imagenet="seresnet50.a1_in1k"), RECIPES["dsn-sketchy"]
    with pytest.raises(SettingsError, match="cannot teach"):  # nothing is downloaded in tests
        recipe.lesson(settings, {"classes": 2}, no_progress)
    fresh = timm.create_model("seresnet50")
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: fresh)
    lesson = recipe.lesson(settings, {"classes": 2}, no_progress)
    assert torch.equal(lesson.teacher.trunk.layer4[2].se.fc1.weight, fresh.layer4[2].se.fc1.weight)
    assert torch.equal(lesson.teacher.classify.weight, fresh.fc.weight)
    assert (len(lesson.names), lesson.names[0]) == (1000, "tench")
    monkeypatch.undo()
    other = timm.create_model("resnet50")
    monkeypatch.setattr(timm, "create_model", lambda name, pretrained: other)
    with pytest.raises(SettingsError, match="its trunk is not resnet50"):
        recipe.lesson(settings, {"classes": 2}, no_progress)


def test_a_device_that_is_not_here_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "dsn-sketchy", "--device", "magic"]) == 2
    assert "Nothing can be trained on 'magic' here" in capsys.readouterr().err
