"""DSN is made from sketches and photos that its recipe allows, after a teacher that saw photos only."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from retrieval.artifacts.bundle import load_bundle
from retrieval.data.concepts import is_unseen
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.harness import refusal
from retrieval.evaluation.tasks import Catalog, task
from retrieval.methods.dsn import Config as DSNConfig
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dsn import RUNGS, DsnPackSettings, DsnWorldSettings
from retrieval.training.recipes.guise_mini import GuiseMiniSettings
from retrieval.types import no_progress
from tests.evaluation.fakes import small_duplicates, small_pack
from tests.training.small import make, write_everything


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> GuiseMiniSettings:
    """A plain encoder to begin from, trained for two steps."""
    home = tmp_path_factory.mktemp("sources")
    write_everything(home)
    return GuiseMiniSettings(
        renders=home / "renders", validation=home / "renders", gallery=home / "renders", packs=home,
        run_folder=home / "reader-run", out=home / "reader", epochs=1, steps=2, batch=8, size=32,
    )  # fmt: skip


@pytest.fixture(scope="module")
def paired(plain: GuiseMiniSettings) -> DsnWorldSettings:
    """DSN on the same pictures, after a teacher of one step; words are read by the plain encoder."""
    home = plain.packs
    make("guise-mini-zs", plain)
    return DsnWorldSettings(
        renders=home / "renders", packs=home, run_folder=home / "dsn-run",
        out=home / "dsn", epochs=1, steps=12, batch=6, size=32, teacher=home / "teacher", teacher_epochs=1,
        teacher_batch=4, meanings=home / "reader", init=home / "reader",
    )  # fmt: skip


def test_nothing_unseen_and_no_sketch_reaches_the_teacher(paired: DsnWorldSettings) -> None:
    recipe = RECIPES["dsn-world"]
    for portions in (recipe.sources(paired).portions, recipe.teacher_sources(paired).portions):
        examples = [row for portion in portions for row in portion.table]
        assert not [e.label for e in examples if is_unseen(e.label) or e.label in STRANGERS]
    assert recipe.teacher_sources(paired).domains == ("photo",)
    assert set(recipe.sources(paired).domains) == {"photo", "sketch"}


def test_dsn_is_made_with_a_teacher_an_album_and_a_rotation(paired: DsnWorldSettings) -> None:
    manifest = make("dsn-world", paired)
    bundle = load_bundle(paired.out or Path())
    assert bundle.manifest.files == manifest.files
    assert bundle.rotation is not None
    assert bundle.rotation.bits == bundle.dim
    begun = load_bundle(paired.init or Path()).manifest
    assert {*manifest.classes} >= {*begun.classes}, "what the trunk knew before counts as seen"
    assert manifest.trained_on[: len(begun.trained_on)] == begun.trained_on
    assert bundle.method.album.counts.sum() > 0  # type: ignore[union-attr, operator]
    assert any("Quick, Draw!" in source.data for source in manifest.trained_on)


def test_a_teacher_serves_every_seed_and_no_other_recipe(paired: DsnWorldSettings, tmp_path: Path) -> None:
    make("dsn-world", dataclasses.replace(paired, seed=1, run_folder=tmp_path / "run", out=tmp_path / "out"))
    assert len((paired.teacher / "log.jsonl").read_text().splitlines()) == 1, "it is trained once"
    other = dataclasses.replace(paired, teacher_batch=5, run_folder=tmp_path / "other", out=tmp_path / "out")
    with pytest.raises(DataError, match="begun with other settings"):
        make("dsn-world", other)


def test_dsn_begins_as_the_plain_encoder_s_trunk(paired: DsnWorldSettings, tmp_path: Path) -> None:
    recipe, plain = RECIPES["dsn-world"], load_bundle(paired.init or Path())
    settings = dataclasses.replace(paired, steps=1, teacher=tmp_path / "teacher")
    method = recipe.start(settings, recipe.sources(settings), no_progress).learner.eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        for tag in (0.0, 1.0):
            features = method.trunk(images, torch.full((3,), tag))
            assert torch.allclose(features, plain.method.trunk(images), atol=1e-4)  # type: ignore[operator]


def test_dsn_begins_from_no_encoder_that_knows_unseen_classes(
    paired: DsnWorldSettings, plain: GuiseMiniSettings
) -> None:
    knowing = plain.packs / "knowing"
    make("guise-mini", dataclasses.replace(plain, run_folder=plain.packs / "knowing-run", out=knowing))
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
        teacher=home / "packed-teacher", teacher_batch=4, meanings=home / "reader", init=home / "reader",
    )  # fmt: skip


def test_of_a_pack_its_seen_training_pictures_are_trained_on_and_others_asked(packed: DsnPackSettings) -> None:
    recipe = RECIPES["dsn-sketchy25"]
    for sources, domains in (
        (recipe.sources(packed), ("photo", "sketch")),
        (recipe.teacher_sources(packed), ("photo",)),
    ):
        own = sources.portions[: len(domains)]
        assert [portion.domains for portion in own] == [(domain,) for domain in domains]
        assert all(set(portion.table.labels) == {"duck", "cat"} for portion in own)
        assert all(len(portion.table) == 2 for portion in own)
        assert sources.sources[0].pictures == 2 * len(domains)
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
    rungs = [dataclasses.replace(method, **RECIPES[f"dsn-world-{rung}"].config) for rung in RUNGS]
    rungs.insert(5, dataclasses.replace(method, **RECIPES["dsn-world"].config))
    for upper, lower in pairwise(rungs[:6]):
        changes.append([f.name for f in dataclasses.fields(upper) if getattr(upper, f.name) != getattr(lower, f.name)])
    assert changes == [["teacher_weight"], ["semantic_weight"], ["tagged"], ["contrast_weight"], ["memory_weight"]]
    whole, shuffled, random = rungs[5:]
    assert shuffled == dataclasses.replace(whole, shuffled_tags=True)
    assert random == dataclasses.replace(whole, memory_rule="random")
