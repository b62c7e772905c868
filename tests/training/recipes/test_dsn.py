"""DSN is made from allowed sketches and photos, on the trunk of a foundation, taught by ImageNet's classifier."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from retrieval.artifacts.bundle import load_bundle
from retrieval.data.concepts import is_unseen
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.errors import SettingsError
from retrieval.evaluation.harness import refusal
from retrieval.evaluation.tasks import Catalog, task
from retrieval.methods.dsn import DSN
from retrieval.methods.dsn import Config as DSNConfig
from retrieval.methods.foundation import Foundation
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dsn import CONTROL, RUNGS, DsnPackSettings, DsnWorldSettings
from retrieval.training.recipes.parts import dsn_student
from retrieval.training.recipes.parts.photo_teacher import packaged_teacher
from retrieval.types import PHOTO, SKETCH, no_progress
from tests.evaluation.fakes import small_duplicates, small_pack
from tests.training.small import make, write_everything
from tests.training.small_foundation import patch_classifiers, write_foundation


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Pictures and a foundation to begin from; the published classifier is one at random weights."""
    folder = tmp_path_factory.mktemp("sources")
    write_everything(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch_classifiers(patch)
        write_foundation(folder, "begun")
        yield folder


@pytest.fixture(scope="module")
def paired(home: Path) -> DsnWorldSettings:
    """DSN on the same pictures, for a few steps."""
    return DsnWorldSettings(
        renders=home / "renders", packs=home, run_folder=home / "dsn-run", out=home / "dsn", views=home / "views",
        epochs=1, steps=12, batch=6, size=32, stored=16, most=1, meanings=home / "begun", init=home / "begun",
    )  # fmt: skip


def test_nothing_unseen_reaches_the_student_and_the_teacher_names_none(paired: DsnWorldSettings) -> None:
    recipe = RECIPES["dsn-world"]
    sources = recipe.sources(paired)
    examples = [row for portion in sources.portions for row in portion.table]
    assert not [e.label for e in examples if is_unseen(e.label) or e.label in STRANGERS]
    assert set(sources.domains) == {"photo", "sketch"}
    lesson = packaged_teacher(recipe, recipe.options(paired, len(sources.classes)), sources.classes)
    assert 800 < len(lesson.names) < 1000
    assert not {"banana", "pizza"} & {*lesson.names}
    assert lesson.teacher.classify.out_features == len(lesson.names)


def test_dsn_is_made_with_a_teacher_an_album_and_a_rotation(paired: DsnWorldSettings) -> None:
    manifest = make("dsn-world", paired)
    bundle = load_bundle(paired.out or Path())
    assert bundle.manifest.files == manifest.files
    assert bundle.rotation is not None
    assert bundle.rotation.bits == bundle.dim
    begun = load_bundle(paired.init or Path()).manifest
    assert {*manifest.classes} >= {*begun.classes}, "what the trunk knew before counts as seen"
    assert manifest.trained_on[: len(begun.trained_on)] == begun.trained_on
    assert "trunk of the start, trunk of the words, teacher" in [stage.role for stage in manifest.provenance]
    assert bundle.method.album.counts.sum() > 0  # type: ignore[union-attr, operator]
    assert any("Quick, Draw!" in source.data for source in manifest.trained_on)


def test_rungs_share_what_the_trunk_made_of_views(
    paired: DsnWorldSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("dsn-world-start", dataclasses.replace(paired, epochs=0, run_folder=tmp_path / "run", out=tmp_path / "start"))
    monkeypatch.setattr(dsn_student, "early_views", None)
    manifest = make("dsn-world-tag", dataclasses.replace(paired, run_folder=tmp_path / "tag", out=tmp_path / "out"))
    assert manifest.config["tagged"]


def test_the_linear_start_is_validated_without_a_step(paired: DsnWorldSettings, tmp_path: Path) -> None:
    settings = dataclasses.replace(paired, epochs=0, run_folder=tmp_path / "run", out=tmp_path / "start")
    manifest = make("dsn-world-start", settings)
    assert set(manifest.metrics) == {"validation mAP@all"}
    method = load_bundle(tmp_path / "start").method
    assert isinstance(method, DSN)
    assert not method.trunk.excitation.tag.any()  # type: ignore[union-attr, operator]
    assert not (tmp_path / "run" / "log.jsonl").exists()


@pytest.mark.parametrize("begun", [True, False])
def test_dsn_begins_as_the_trunk_of_the_foundation_or_of_the_teacher(
    paired: DsnWorldSettings, begun: bool, tmp_path: Path
) -> None:
    recipe = RECIPES["dsn-world"]
    settings = dataclasses.replace(paired, views=tmp_path / "views") if begun else dataclasses.replace(
        paired, init=None, views=tmp_path / "views"
    )  # fmt: skip
    sources = recipe.sources(settings)
    student = recipe.start(settings, sources, no_progress).learner.eval()
    foundation = load_bundle(paired.init or Path()).method
    assert isinstance(foundation, Foundation)
    teacher = packaged_teacher(recipe, recipe.options(settings, 1), sources.classes).teacher
    trunk = foundation.tower.features if begun else teacher.trunk.network
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        for tag in (0.0, 1.0):
            features = student.trunk(images, torch.full((3,), tag))
            assert torch.allclose(features, trunk(images).mean(dim=(2, 3)), atol=1e-4)  # type: ignore[operator]


def test_a_kept_view_teaches_what_its_picture_would(paired: DsnWorldSettings) -> None:
    recipe = RECIPES["dsn-world"]
    start = recipe.start(paired, recipe.sources(paired), no_progress)
    data = recipe.batches(paired, recipe.sources(paired), start)
    batch = next(iter(data.epoch(0, 0)))
    assert (batch.images.shape, len(batch.others), batch.greys.shape) == ((6, 1280), 1, (6, 32, 32))
    photos = [domain == PHOTO for domain in batch.domains]
    answered = batch.answers.abs().sum(dim=1) > 0
    assert answered.tolist() == photos, "the teacher speaks of photos alone"
    assert {*batch.domains} <= {PHOTO, SKETCH}


def test_only_what_hears_the_tag_learns_of_the_trunk(paired: DsnWorldSettings, tmp_path: Path) -> None:
    make("dsn-world", dataclasses.replace(paired, run_folder=tmp_path / "run", out=tmp_path / "out"))
    learnt, foundation = load_bundle(tmp_path / "out").method, load_bundle(paired.init or Path()).method
    before = foundation.tower.trunk.state_dict()  # type: ignore[union-attr]
    after = learnt.trunk.network.state_dict()  # type: ignore[union-attr]
    assert all(torch.allclose(before[name].float(), after[name].float(), rtol=1e-3, atol=1e-6) for name in before)
    assert learnt.trunk.excitation.tag.any()  # type: ignore[union-attr, operator]


def test_dsn_begins_from_no_encoder_that_knows_unseen_classes(paired: DsnWorldSettings, home: Path) -> None:
    knowing = write_foundation(home, "knowing", "guise-base")
    with pytest.raises(SettingsError, match="classes that must stay unseen, among them"):
        make("dsn-world", dataclasses.replace(paired, init=knowing, run_folder=knowing / "run"))


@pytest.fixture(scope="module")
def packed(paired: DsnWorldSettings) -> DsnPackSettings:
    """DSN on a pack of sketches and photos: two classes to train on, one to select on, and one that is reported."""
    home = paired.packs
    splits = {"duck": "seen", "cat": "seen", "penguin": "val_unseen", "pizza": "test_unseen"}
    rows = [
        (domain, label, label, zs, split, "")
        for domain in ("sketch", "photo")
        for label, zs in splits.items()
        for split in ("train", "test")
    ]
    small_pack(home / "sketchy25", rows)
    small_duplicates(home, [])
    return DsnPackSettings(
        packs=home, run_folder=home / "packed-run", out=home / "packed", epochs=1, steps=12, batch=6, size=32,
        stored=16, most=3, meanings=home / "begun", init=home / "begun",
    )  # fmt: skip


def test_of_a_pack_its_seen_training_pictures_are_trained_on_and_others_asked(packed: DsnPackSettings) -> None:
    sources = RECIPES["dsn-sketchy25"].sources(packed)
    own = sources.portions[:2]
    assert [portion.domains for portion in own] == [("photo",), ("sketch",)]
    assert all(set(portion.table.labels) == {"duck", "cat"} for portion in own)
    assert all(len(portion.table) == 2 for portion in own)
    assert sources.sources[0].pictures == 4
    manifest = make("dsn-sketchy25", packed)
    assert manifest.metrics == {"validation mAP@all": 1.0}, "of penguins alone, of which every photo shows one"
    assert {"penguin", "pizza"} <= {*manifest.unseen_classes} - {*manifest.classes}


def test_whoever_was_trained_on_a_pack_is_not_asked_for_all_of_it(packed: DsnPackSettings) -> None:
    if not (packed.out or Path()).exists():
        make("dsn-sketchy25", packed)
    bundle, catalog = load_bundle(packed.out or Path()), Catalog(packed.packs, packed.packs)
    assert refusal(bundle, task("sketchy125/zero-shot@1", catalog)) is None
    assert "was trained on pictures of 'Sketchy" in (refusal(bundle, task("sketchy125/all@1", catalog)) or "")
    assert refusal(load_bundle(packed.init or Path()), task("sketchy125/all@1", catalog)) is None


def test_every_rung_of_the_ladder_has_one_part_more_than_the_one_above() -> None:
    method, changes = DSNConfig(), []
    rungs = {rung: dataclasses.replace(method, **RECIPES[f"dsn-world-{rung}"].config) for rung in RUNGS}
    whole = dataclasses.replace(method, **RECIPES["dsn-world"].config)
    steps = [rungs[name] for name in ("classes", "teacher", "tag", "contrast")]
    for upper, lower in pairwise([*steps, whole]):
        changes.append([f.name for f in dataclasses.fields(upper) if getattr(upper, f.name) != getattr(lower, f.name)])
    assert changes == [["teacher_weight", "semantic_weight"], ["tagged"], ["contrast_weight"], ["memory_weight"]]
    assert RECIPES["dsn-world-start"].settings.epochs == 0
    assert rungs[CONTROL] == dataclasses.replace(rungs["classes"], every_view=True)
    assert rungs["shuffled-tags"] == dataclasses.replace(whole, shuffled_tags=True)
