"""A bundle is made from what its recipe allows, and from nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.artifacts.bundle import load_bundle, write_manifest
from retrieval.artifacts.card import CARD, card
from retrieval.cli import main
from retrieval.data.concepts import UNSEEN, is_unseen
from retrieval.data.nonsense_classes import STRANGERS, VALIDATION
from retrieval.data.readers.icons import EMOJI, MONO
from retrieval.errors import BundleError, SettingsError
from retrieval.relevance import Names, known_names
from retrieval.training import calibration
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.guise_mini import GuiseMiniSettings
from retrieval.world.split import ALL
from tests.training.small import OTHERS, STYLES, make, write_everything


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> GuiseMiniSettings:
    """A training of two steps on a few pictures of every kind."""
    home = tmp_path_factory.mktemp("material")
    write_everything(home)
    return GuiseMiniSettings(
        renders=home / "renders", validation=home / "renders", gallery=home / "renders", packs=home,
        run_folder=home / "run", out=home / "bundle", epochs=1, steps=2, batch=8, size=32,
    )  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def visitors() -> Iterator[None]:
    """A recipe of the same architecture that knows everything."""
    RECIPES["visitors"] = dataclasses.replace(
        RECIPES["guise-mini-zs"], name="visitors", zero_shot=False, for_visitors=True
    )
    yield
    del RECIPES["visitors"]


def labels_and_words(settings: GuiseMiniSettings, name: str) -> tuple[set[str], set[str], set[str]]:
    """What a recipe is trained on: its classes, every word, every domain."""
    portions = RECIPES[name].sources(settings).portions
    examples = [row for portion in portions for row in portion.table]
    return (
        {e.label for e in examples},
        {word for e in examples for word in e.words},
        {domain for portion in portions for domain in portion.domains},
    )


def test_nothing_unseen_reaches_a_zero_shot_recipe(settings: GuiseMiniSettings) -> None:
    labels, words, _ = labels_and_words(settings, "guise-mini-zs")
    assert {"duck", "laptop", "cat"} <= labels
    assert not [label for label in labels | words if is_unseen(label)]


def test_a_visitors_recipe_knows_everything_but_strangers(settings: GuiseMiniSettings) -> None:
    labels, _, domains = labels_and_words(settings, "visitors")
    assert labels == {*ALL, *OTHERS}
    assert domains == {*STYLES, *EMOJI, *MONO, "silhouette"}


@pytest.mark.parametrize("style", STYLES)
def test_a_style_that_is_left_out_is_in_no_portion(settings: GuiseMiniSettings, style: str) -> None:
    _, _, domains = labels_and_words(settings, f"guise-mini-zs-no-{style}")
    assert style not in domains
    assert domains >= {*STYLES} - {style}


def test_a_bundle_says_what_it_saw_and_what_it_did_not(settings: GuiseMiniSettings) -> None:
    manifest = make("guise-mini-zs", settings)
    assert load_bundle(settings.out or Path()).manifest == manifest
    assert set(manifest.unseen_classes) == {*UNSEEN, *STRANGERS}
    assert not set(manifest.classes) & {*UNSEEN, *STRANGERS}
    assert manifest.concepts == tuple(sorted({*ALL, *OTHERS} - {*UNSEEN}))
    assert {source.data.split(":")[0] for source in manifest.trained_on} > {"Tiny ImageNet", "Caltech 101", "emoji"}
    assert 0 < manifest.metrics["validation mAP@all"] <= 1


def test_a_bundle_for_visitors_gets_cutoffs(settings: GuiseMiniSettings, tmp_path: Path) -> None:
    manifest = make("visitors", dataclasses.replace(settings, run_folder=tmp_path / "run", out=tmp_path / "out"))
    assert set(manifest.cutoff) == {"image held", "image hit", "text held", "text hit"}
    assert "validation text held nonsense refused" in manifest.metrics
    assert set(manifest.concepts) == {*ALL, *OTHERS}


def test_a_bundle_is_calibrated_anew_without_being_trained(
    settings: GuiseMiniSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    make("visitors", dataclasses.replace(settings, run_folder=tmp_path / "run", out=out))
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


def test_a_bundle_for_protocols_gets_cutoffs_that_know_nothing_unseen(
    settings: GuiseMiniSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    make("guise-mini-zs", dataclasses.replace(settings, run_folder=tmp_path / "run", out=out))
    drawn: set[str] = set()
    read = calibration.quickdraw

    def noted(folder: Path, labels: tuple[str, ...], split: str) -> Any:
        drawn.update(labels)
        return read(folder, labels, split)

    monkeypatch.setattr(calibration, "quickdraw", noted)
    given = ["--gallery", str(settings.gallery), "--packs", str(settings.packs)]
    assert main(["bundle", "calibrate", str(out), *given]) == 0
    assert set(load_bundle(out).manifest.cutoff) == {"image held", "image hit", "text held", "text hit"}
    assert drawn == {*ALL, *VALIDATION} - {*UNSEEN}


def test_names_are_saved_when_a_bundle_is_calibrated_and_are_what_it_reads(
    settings: GuiseMiniSettings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make("visitors", dataclasses.replace(settings, run_folder=tmp_path / "run", out=out))
    bundle = load_bundle(out)
    saved = Names.of(bundle)
    read = Names.read(bundle, known_names(bundle.manifest), saved.strange_pictures, calibration.NONSENSE)
    assert saved.names == read.names
    for name in ("vectors", "meanings", "strange_texts"):
        assert np.allclose(getattr(saved, name), getattr(read, name), atol=2e-3)
    fewer = dataclasses.replace(bundle.manifest, classes=(), concepts=("duck",))
    with pytest.raises(BundleError, match="are not the 1 that its manifest lists"):
        Names.of(dataclasses.replace(bundle, manifest=fewer))


def test_the_command_line_is_made_from_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "visitors", "--epochs", "3", "--people", "0.5", "--dry-run"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["epochs"], printed["people"], printed["init"]) == (3, 0.5, None)
    assert set(printed) == {field.name for field in dataclasses.fields(GuiseMiniSettings)}


def test_a_recipe_s_config_makes_a_bigger_encoder(settings: GuiseMiniSettings, tmp_path: Path) -> None:
    wider = dataclasses.replace(RECIPES["guise-mini-zs"], config={"dim": 24, "text_width": 96})
    made = wider.make(dataclasses.replace(settings, run_folder=tmp_path / "run", out=tmp_path / "out"))
    bundle = load_bundle(made.folder)
    assert (bundle.dim, bundle.method.config.text_width) == (24, 96)
    small = dataclasses.replace(settings, init=tmp_path / "out", run_folder=tmp_path / "other")
    with pytest.raises(SettingsError, match="has another architecture than guise-mini-zs"):
        make("guise-mini-zs", small)


def test_what_the_start_has_seen_is_inherited(settings: GuiseMiniSettings, tmp_path: Path) -> None:
    begun = make("guise-mini-zs", dataclasses.replace(settings, run_folder=tmp_path / "run", out=tmp_path / "begun"))
    later = dataclasses.replace(settings, init=tmp_path / "begun", run_folder=tmp_path / "later", out=tmp_path / "out")
    manifest = make("guise-mini-zs-no-sketch", later)
    assert {*begun.classes} <= {*manifest.classes}
    assert "sketch" in manifest.domains, "the start has seen sketches"
    assert manifest.trained_on[: len(begun.trained_on)] == begun.trained_on


def test_no_start_may_know_what_must_stay_unseen(settings: GuiseMiniSettings, tmp_path: Path) -> None:
    make("visitors", dataclasses.replace(settings, run_folder=tmp_path / "run", out=tmp_path / "knowing"))
    knowing = dataclasses.replace(settings, init=tmp_path / "knowing", run_folder=tmp_path / "later")
    with pytest.raises(SettingsError, match="classes that must stay unseen, among them"):
        make("guise-mini-zs", knowing)
