"""A foundation is made from what its recipe allows and from nothing else, and gets cut-offs where visitors ask it."""

from __future__ import annotations

import dataclasses
import json
import shutil
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
from retrieval.training.recipes.guise_base import GuiseBaseSettings
from retrieval.world.split import ALL
from tests.training.small import OTHERS, STYLES, write_everything
from tests.training.small_foundation import patch_classifiers, small_recipe, small_settings

CUTOFFS = {"image held", "image hit", "text held", "text hit"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Packs and renders, and beside them a foundation for protocols and one for visitors."""
    folder = tmp_path_factory.mktemp("material")
    write_everything(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch_classifiers(patch)
        small_recipe("guise-base-zs").make(small_settings(folder, "zs", validate_every=1))
        small_recipe("guise-base").make(small_settings(folder, "visitors"))
        yield folder


def copy_of(home: Path, name: str) -> Path:
    """A copy of that bundle beside what it refers to, which may be changed."""
    return Path(shutil.copytree(home / name, home / f"{name}-copy", dirs_exist_ok=True))


def calibrate(home: Path, folder: Path) -> int:
    return main(["bundle", "calibrate", str(folder), "--gallery", str(home / "renders"), "--packs", str(home)])


def labels_and_words(home: Path, name: str) -> tuple[set[str], set[str], set[str]]:
    """What a recipe is trained on: its classes, every word, every domain."""
    portions = small_recipe(name).sources(small_settings(home, "sources")).portions
    examples = [row for portion in portions for row in portion.table]
    return (
        {e.label for e in examples},
        {word for e in examples for word in e.words},
        {domain for portion in portions for domain in portion.domains},
    )


def test_nothing_unseen_reaches_a_zero_shot_recipe(home: Path) -> None:
    labels, words, _ = labels_and_words(home, "guise-base-zs")
    assert {"duck", "laptop", "cat"} <= labels
    assert not [label for label in labels | words if is_unseen(label)]


def test_a_visitors_recipe_knows_everything_but_strangers(home: Path) -> None:
    labels, _, domains = labels_and_words(home, "guise-base")
    assert labels == {*ALL, *OTHERS}
    assert domains == {*STYLES, *EMOJI, *MONO, "silhouette"}


def test_a_bundle_says_what_it_saw_and_what_it_did_not(home: Path) -> None:
    manifest = load_bundle(home / "zs").manifest
    assert set(manifest.unseen_classes) == {*UNSEEN, *STRANGERS}
    assert not set(manifest.classes) & {*UNSEEN, *STRANGERS}
    assert manifest.concepts == tuple(sorted({*ALL, *OTHERS} - {*UNSEEN}))
    assert {source.data.split(":")[0] for source in manifest.trained_on} > {"Tiny ImageNet", "Caltech 101", "emoji"}
    assert 0 < manifest.metrics["validation mAP@all"] <= 1


def test_a_bundle_for_visitors_gets_cutoffs(home: Path) -> None:
    manifest = load_bundle(home / "visitors").manifest
    assert set(manifest.cutoff) == CUTOFFS
    assert "validation text held nonsense refused" in manifest.metrics
    assert set(manifest.concepts) == {*ALL, *OTHERS}


def test_a_bundle_is_calibrated_anew_without_being_trained(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = copy_of(home, "visitors")
    bundle = load_bundle(out)
    write_manifest(
        out, dataclasses.replace(bundle.manifest, concepts=(), cutoff={}, metrics={"validation mAP@all": 0.5})
    )
    assert calibrate(home, out) == 0
    again = load_bundle(out)
    assert again.fingerprint == bundle.fingerprint
    assert again.manifest.concepts == bundle.manifest.concepts
    assert again.manifest.cutoff == bundle.manifest.cutoff
    assert again.manifest.metrics.keys() == {*bundle.manifest.metrics, "validation mAP@all"}
    assert again.manifest.metrics["validation mAP@all"] == 0.5
    assert (out / CARD).read_text(encoding="utf-8") == card(again.manifest)
    assert json.loads(capsys.readouterr().out.split("Saved")[0])["cutoff"] == dict(again.manifest.cutoff)


def test_a_bundle_for_protocols_gets_cutoffs_that_know_nothing_unseen(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: set[str] = set()
    read = calibration.quickdraw

    def noted(folder: Path, labels: tuple[str, ...], split: str) -> Any:
        drawn.update(labels)
        return read(folder, labels, split)

    monkeypatch.setattr(calibration, "quickdraw", noted)
    out = copy_of(home, "zs")
    assert calibrate(home, out) == 0
    assert set(load_bundle(out).manifest.cutoff) == CUTOFFS
    assert drawn == {*ALL, *VALIDATION} - {*UNSEEN}


def test_names_are_saved_when_a_bundle_is_calibrated_and_are_what_it_reads(home: Path) -> None:
    bundle = load_bundle(home / "visitors")
    saved = Names.of(bundle)
    read = Names.read(bundle, known_names(bundle.manifest), saved.strange_pictures, calibration.NONSENSE)
    assert saved.names == read.names
    for name in ("vectors", "meanings", "strange_texts"):
        assert np.allclose(getattr(saved, name), getattr(read, name), atol=2e-3)
    fewer = dataclasses.replace(bundle.manifest, classes=(), concepts=("duck",))
    with pytest.raises(BundleError, match="are not the 1 that its manifest lists"):
        Names.of(dataclasses.replace(bundle, manifest=fewer))


def test_the_command_line_is_made_from_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "guise-base", "--epochs", "3", "--people", "0.5", "--dry-run"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["epochs"], printed["people"], printed["init"]) == (3, 0.5, None)
    assert set(printed) == {field.name for field in dataclasses.fields(GuiseBaseSettings)}


def test_what_the_start_has_seen_is_inherited(home: Path) -> None:
    begun = load_bundle(home / "zs").manifest
    folder = small_recipe().make(small_settings(home, "later", init=home / "zs")).folder
    manifest = load_bundle(folder).manifest
    assert {*begun.classes} <= {*manifest.classes}
    assert "start" in {role for stage in manifest.provenance for role in stage.role.split(", ")}
    assert manifest.trained_on[: len(begun.trained_on)] == begun.trained_on


def test_no_start_may_know_what_must_stay_unseen(home: Path) -> None:
    with pytest.raises(SettingsError, match="classes that must stay unseen, among them"):
        small_recipe().make(small_settings(home, "refused", init=home / "visitors"))
