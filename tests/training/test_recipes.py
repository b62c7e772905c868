"""A bundle is made from what its recipe allows, and from nothing else."""

from __future__ import annotations

import dataclasses
import json
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from retrieval.artifacts.bundle import CARD, card, load_bundle, write_manifest
from retrieval.cli import main
from retrieval.data.concepts import UNSEEN, is_unseen
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.data.readers.icons import EMOJI, MONO
from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.harness import refusal
from retrieval.evaluation.tasks import Catalog, task
from retrieval.methods.dsn import Config as DSNConfig
from retrieval.training.material import gathered, taught
from retrieval.training.recipes import made
from retrieval.training.settings import RECIPES, RUNGS, DualEncoder, PackedSketches, WorldSketches
from retrieval.training.sketch_to_photo import prepared
from retrieval.types import no_progress
from retrieval.world.split import ALL
from tests.evaluation.fakes import small_duplicates, small_pack
from tests.training.small import OTHERS, STYLES, write_everything


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> DualEncoder:
    """A training of two steps on a few pictures of every kind."""
    home = tmp_path_factory.mktemp("material")
    write_everything(home)
    return DualEncoder(
        renders=home / "renders", validation=home / "renders", gallery=home / "renders", packs=home,
        run_folder=home / "run", out=home / "bundle", epochs=1, steps=2, batch=8, size=32,
    )  # fmt: skip


def labels_and_words(settings: DualEncoder, name: str) -> tuple[set[str], set[str], set[str]]:
    """What a recipe is trained on: its classes, every word, every domain."""
    portions = gathered(settings, RECIPES[name]).portions
    examples = [row for portion in portions for row in portion.table]
    return (
        {e.label for e in examples},
        {word for e in examples for word in e.words},
        {domain for portion in portions for domain in portion.domains},
    )


def test_nothing_unseen_reaches_a_zero_shot_recipe(settings: DualEncoder) -> None:
    labels, words, _ = labels_and_words(settings, "guise-mini-zs")
    assert {"duck", "laptop", "cat"} <= labels
    assert not [label for label in labels | words if is_unseen(label)]


def test_the_visitors_recipe_knows_everything_but_strangers(settings: DualEncoder) -> None:
    labels, _, domains = labels_and_words(settings, "guise-mini")
    assert labels == {*ALL, *OTHERS}
    assert domains == {*STYLES, *EMOJI, *MONO, "silhouette"}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_that_is_left_out_is_in_no_portion(settings: DualEncoder, style: str) -> None:
    _, _, domains = labels_and_words(settings, f"guise-mini-zs-no-{style}")
    assert style not in domains
    assert domains >= {*STYLES} - {style}


def test_a_bundle_says_what_it_saw_and_what_it_did_not(settings: DualEncoder) -> None:
    manifest = made("guise-mini-zs", settings)
    assert load_bundle(settings.out or Path()).manifest == manifest
    assert set(manifest.unseen_classes) == {*UNSEEN, *STRANGERS}
    assert not set(manifest.classes) & {*UNSEEN, *STRANGERS}
    assert manifest.concepts == tuple(sorted({*ALL, *OTHERS} - {*UNSEEN}))
    assert {source.data.split(":")[0] for source in manifest.trained_on} > {"Tiny ImageNet", "Caltech 101", "emoji"}
    assert 0 < manifest.metrics["validation mAP@all"] <= 1


def test_a_bundle_for_visitors_gets_cutoffs(settings: DualEncoder, tmp_path: Path) -> None:
    manifest = made("guise-mini", dataclasses.replace(settings, run_folder=tmp_path / "run", out=tmp_path / "out"))
    assert set(manifest.cutoff) == {"image", "text", "image held", "image hit"}
    assert "validation image nonsense refused" in manifest.metrics
    assert set(manifest.concepts) == {*ALL, *OTHERS}


def test_a_bundle_is_calibrated_anew_without_being_trained(
    settings: DualEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    made("guise-mini", dataclasses.replace(settings, run_folder=tmp_path / "run", out=out))
    bundle = load_bundle(out)
    write_manifest(
        out, dataclasses.replace(bundle.manifest, concepts=(), cutoff={}, metrics={"validation mAP@all": 0.5})
    )
    given = ["--gallery", str(settings.gallery), "--packs", str(settings.packs)]
    assert main(["bundle", "calibrate", str(out), *given]) == 0
    again = load_bundle(out)
    assert again.fingerprint == bundle.fingerprint
    assert again.manifest.concepts == bundle.manifest.concepts
    assert again.manifest.cutoff.keys() == bundle.manifest.cutoff.keys()
    assert again.manifest.metrics.keys() == bundle.manifest.metrics.keys()
    assert again.manifest.metrics["validation mAP@all"] == 0.5
    assert (out / CARD).read_text(encoding="utf-8") == card(again.manifest)
    assert json.loads(capsys.readouterr().out.split("Saved")[0])["cutoff"] == dict(again.manifest.cutoff)


def test_cutoffs_are_refused_to_a_bundle_for_protocols(
    settings: DualEncoder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    made("guise-mini-zs", dataclasses.replace(settings, run_folder=tmp_path / "run", out=out))
    assert main(["bundle", "calibrate", str(out), "--packs", str(settings.packs)]) == 2
    assert "cut-offs are for visitors. Name a bundle made as guise-mini." in capsys.readouterr().err


@pytest.fixture(scope="module")
def paired(settings: DualEncoder) -> WorldSketches:
    """DSN on the same pictures, after a teacher of one step; words are read by the plain encoder."""
    home = settings.packs
    reader = dataclasses.replace(settings, run_folder=home / "reader-run", out=home / "reader")
    made("guise-mini-zs", reader)
    return WorldSketches(
        renders=home / "renders", validation=home / "renders", packs=home, run_folder=home / "dsn-run",
        out=home / "dsn", epochs=1, steps=12, batch=6, size=32, teacher=home / "teacher", teacher_epochs=1,
        teacher_batch=4, meanings=home / "reader", init=home / "reader",
    )  # fmt: skip


def test_nothing_unseen_and_no_sketch_reaches_the_teacher(paired: WorldSketches) -> None:
    recipe = RECIPES["dsn-world"]
    for portions in (gathered(paired, recipe).portions, taught(paired, recipe).portions):
        examples = [row for portion in portions for row in portion.table]
        assert not [e.label for e in examples if is_unseen(e.label) or e.label in STRANGERS]
    assert {d for portion in taught(paired, recipe).portions for d in portion.domains} == {"photo"}
    assert {d for portion in gathered(paired, recipe).portions for d in portion.domains} == {"photo", "sketch"}


def test_dsn_is_made_with_a_teacher_an_album_and_a_rotation(paired: WorldSketches) -> None:
    manifest = made("dsn-world", paired)
    bundle = load_bundle(paired.out or Path())
    assert bundle.manifest.files == manifest.files
    assert bundle.rotation is not None
    assert bundle.rotation.bits == bundle.dim
    begun = load_bundle(paired.init or Path()).manifest
    assert {*manifest.classes} >= {*begun.classes}, "what the trunk knew before counts as seen"
    assert manifest.trained_on[: len(begun.trained_on)] == begun.trained_on
    assert bundle.method.album.counts.sum() > 0  # type: ignore[union-attr, operator]
    assert any("Quick, Draw!" in source.data for source in manifest.trained_on)


def test_a_teacher_serves_every_seed_and_no_other_recipe(paired: WorldSketches, tmp_path: Path) -> None:
    made("dsn-world", dataclasses.replace(paired, seed=1, run_folder=tmp_path / "run", out=tmp_path / "out"))
    assert len((paired.teacher / "log.jsonl").read_text().splitlines()) == 1, "it is trained once"
    other = dataclasses.replace(paired, teacher_batch=5, run_folder=tmp_path / "other", out=tmp_path / "out")
    with pytest.raises(DataError, match="begun with other settings"):
        made("dsn-world", other)


def test_dsn_begins_as_the_plain_encoder_s_trunk(paired: WorldSketches) -> None:
    recipe, plain = RECIPES["dsn-world"], load_bundle(paired.init or Path())
    data = gathered(paired, recipe).batches(paired.preprocess, batch=6, steps=1)
    method = prepared(paired, recipe, data, no_progress).method.eval()
    images = torch.rand(3, 3, 32, 32)
    with torch.inference_mode():
        for tag in (0.0, 1.0):
            found = method.trunk(images, torch.full((3,), tag))  # type: ignore[operator]
            assert torch.allclose(found, plain.method.trunk(images), atol=1e-4)  # type: ignore[operator]


def test_dsn_begins_from_no_encoder_that_knows_unseen_classes(paired: WorldSketches, settings: DualEncoder) -> None:
    knowing = settings.packs / "knowing"
    made("guise-mini", dataclasses.replace(settings, run_folder=settings.packs / "knowing-run", out=knowing))
    with pytest.raises(SettingsError, match="classes that must stay unseen, among them"):
        made("dsn-world", dataclasses.replace(paired, init=knowing, run_folder=knowing / "run"))


@pytest.fixture(scope="module")
def packed(paired: WorldSketches) -> PackedSketches:
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
    return PackedSketches(
        packs=home, run_folder=home / "packed-run", out=home / "packed", epochs=1, steps=12, batch=6, size=32,
        teacher=home / "packed-teacher", teacher_batch=4, meanings=home / "reader", init=home / "reader",
    )  # fmt: skip


def test_of_a_pack_its_seen_training_pictures_are_trained_on_and_others_asked(packed: PackedSketches) -> None:
    recipe = RECIPES["dsn-sketchy25"]
    for found, domains in ((gathered(packed, recipe), ("photo", "sketch")), (taught(packed, recipe), ("photo",))):
        own = found.portions[: len(domains)]
        assert [portion.domains for portion in own] == [(domain,) for domain in domains]
        assert all(set(portion.table.labels) == {"duck", "cat"} for portion in own)
        assert all(len(portion.table) == 2 for portion in own)
        assert found.sources[0].pictures == 2 * len(domains)
    manifest = made("dsn-sketchy25", packed)
    assert manifest.metrics == {"validation mAP@all": 1.0}, "of penguins alone, of which every photo shows one"
    assert {"penguin", "pizza"} <= {*manifest.unseen_classes} - {*manifest.classes}


def test_whoever_was_trained_on_a_pack_is_not_asked_for_all_of_it(packed: PackedSketches) -> None:
    if not (packed.out or Path()).exists():
        made("dsn-sketchy25", packed)
    bundle, catalog = load_bundle(packed.out or Path()), Catalog(packed.packs, packed.packs)
    assert refusal(bundle, task("sketchy125/zero-shot@1", catalog)) is None
    assert "was trained on pictures of 'Sketchy" in (refusal(bundle, task("sketchy125/all@1", catalog)) or "")
    assert refusal(load_bundle(packed.init or Path()), task("sketchy125/all@1", catalog)) is None


def test_every_rung_of_the_ladder_has_one_part_more_than_the_one_above() -> None:
    method, changes = DSNConfig(), []
    told = [dataclasses.replace(method, **RECIPES[f"dsn-world-{rung}"].config) for rung in RUNGS]
    told.insert(5, dataclasses.replace(method, **RECIPES["dsn-world"].config))
    for one, other in pairwise(told[:6]):
        changes.append([f.name for f in dataclasses.fields(one) if getattr(one, f.name) != getattr(other, f.name)])
    assert changes == [["teacher_weight"], ["semantic_weight"], ["tagged"], ["contrast_weight"], ["memory_weight"]]
    whole, shuffled, random = told[5:]
    assert shuffled == dataclasses.replace(whole, shuffled_tags=True)
    assert random == dataclasses.replace(whole, memory_rule="random")


def test_the_command_line_is_made_from_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "guise-mini", "--epochs", "3", "--people", "0.5", "--dry-run"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["epochs"], told["people"], told["init"]) == (3, 0.5, None)
    assert set(told) == {field.name for field in dataclasses.fields(DualEncoder)}
