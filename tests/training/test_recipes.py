"""A bundle is made from what its recipe allows, and from nothing else."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.bundle import load_bundle
from retrieval.cli import main
from retrieval.data.concepts import UNSEEN, is_unseen
from retrieval.data.icons import EMOJI, MONO
from retrieval.data.strangers import STRANGERS
from retrieval.training.material import gathered
from retrieval.training.recipes import made
from retrieval.training.settings import RECIPES, STYLES, DualEncoder
from retrieval.world.split import ALL

OTHERS = ("laptop", "camel")
THINGS = ("duck", "pizza", "camel", "anvil")  # seen, unseen and of the world, unseen, a stranger


def write_pack(folder: Path, domains: Sequence[str]) -> None:
    """A pack that shows each of the things once in every domain."""
    file = io.BytesIO()
    Image.new("RGB", (12, 12), "red").save(file, "PNG")
    blob = np.frombuffer(file.getvalue() * len(THINGS), np.uint8)
    folder.mkdir()
    for domain in domains:
        np.savez(folder / f"{domain}.npz", blob=blob, offs=np.arange(len(THINGS) + 1) * len(file.getvalue()))
    with (folder / "metadata.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["domain", "idx", "class", "concept", "caption", "split", "note"])
        for domain in domains:
            out.writerows([domain, i, name, name, f"{name} | thing", "train", ""] for i, name in enumerate(THINGS))


def write_drawings(folder: Path) -> None:
    """Forty-two training drawings and one for validation of every class of the world, every stranger and two others."""
    labels = [*ALL, *STRANGERS, *OTHERS]
    rows = [(label, "val" if i == 42 else "train") for label in labels for i in range(43)]
    folder.mkdir()
    points = np.tile(np.array([[0, 0], [0, 200], [100, 200]], np.uint8), (len(rows), 1))
    pen = np.tile(np.array([1, 0, 0], np.uint8), len(rows))
    np.savez(folder / "strokes.npz", pts=points, pen=pen, offs=np.arange(len(rows) + 1) * 3)
    with (folder / "strokes.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["idx", "key_id", "class", "concept", "split"])
        out.writerows([i, i, label, label, split] for i, (label, split) in enumerate(rows))


def write_renders(folder: Path) -> None:
    """One object of every class in every style."""
    folder.mkdir()
    lines = []
    for label in ALL:
        for style in STYLES:
            path = f"{label}-{style}.png"
            Image.new("RGB", (16, 16), "green").save(folder / path)
            lines.append({"id": path, "path": path, "label": label, "domain": style, "colors": {"body": "green"}})
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> DualEncoder:
    """A training of two steps on a few pictures of every kind."""
    home = tmp_path_factory.mktemp("material")
    write_drawings(home / "quickdraw345")
    write_pack(home / "emoji_objects", (*EMOJI, *MONO))
    write_pack(home / "game_icons", ("silhouette",))
    write_pack(home / "tiny_imagenet", ("photo",))
    write_pack(home / "caltech101", ("photo",))
    write_renders(home / "renders")
    return DualEncoder(
        renders=home / "renders", validation=home / "renders", gallery=home / "renders", packs=home,
        run_folder=home / "run", out=home / "bundle", epochs=1, steps=2, batch=8, size=32,
    )  # fmt: skip


def labels_and_words(settings: DualEncoder, name: str) -> tuple[set[str], set[str], set[str]]:
    """What a recipe is trained on: its classes, every word, every domain."""
    portions = gathered(settings, RECIPES[name]).portions
    examples = [e for p in portions for e in p.source.examples if e.domain == p.domain]
    return (
        {e.label for e in examples},
        {word for e in examples for word in e.words},
        {p.domain.name for p in portions},
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
    assert {source.data.split(":")[0] for source in manifest.trained_on} > {"Tiny ImageNet", "Caltech 101", "emoji"}
    assert 0 < manifest.metrics["validation mAP@all"] <= 1


def test_a_bundle_for_visitors_gets_cutoffs(settings: DualEncoder, tmp_path: Path) -> None:
    manifest = made("guise-mini", dataclasses.replace(settings, run_folder=tmp_path / "run", out=tmp_path / "out"))
    assert set(manifest.cutoff) == {"image", "text"}
    assert "validation image nonsense refused" in manifest.metrics


def test_the_command_line_is_made_from_the_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "guise-mini", "--epochs", "3", "--people", "0.5", "--dry-run"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["epochs"], told["people"], told["init"]) == (3, 0.5, None)
    assert set(told) == {field.name for field in dataclasses.fields(DualEncoder)}
