"""Every recipe trains on a GPU, in bfloat16, from the first stage to the folder that it writes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from retrieval.artifacts.text_tower import save_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.parts import trunk_maps, ucdr_sources
from retrieval.training.recipes.parts.figure_training import POSITIONS
from retrieval.training.recipes.people_prior import SOURCE, TARGET
from tests.backbones.tokenizers import PIECES, toy_tokenizer
from tests.training.small import write_everything, write_renders
from tests.training.small_foundation import (
    SMALL,
    patch_classifiers,
    random_classifier,
    small_settings,
    write_foundation,
)
from tests.training.small_prior import write_prior

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


DEVICE = "cuda"
FIGURES = {"channels": 4, "widths": (16, 32), "heads": 2, "text_channels": 16, "upright": True, "domain": "street"}


def make(home: Path, name: str, config: Mapping[str, Any] | None = None, **options: Any) -> Path:
    """Train a recipe for a moment on the GPU; the folder that it wrote. config: another one than the recipe's."""
    recipe = RECIPES[name] if config is None else dataclasses.replace(RECIPES[name], config=config)
    places = {"run_folder": home / f"{name}-run", "out": home / name, "renders": home / "renders", "packs": home}
    known = {field.name for field in dataclasses.fields(recipe.settings)}
    places = {key: place for key, place in places.items() if key in known}
    return recipe.make(dataclasses.replace(recipe.settings, device=DEVICE, **places, **options)).folder


def write_figures(home: Path) -> None:
    """Two figures in the studio and two in the street, and a tower that reads as many pieces as their captions have."""
    sizes = SentenceConfig(vocabulary=len(PIECES), width=16, layers=1, heads=2, hidden=32, positions=POSITIONS)
    save_text_tower(home / "figure-text", SentenceEncoder(toy_tokenizer(), sizes).eval(), toy_tokenizer())
    for place in (SOURCE, TARGET):
        (home / place).mkdir()
        lines = [
            {"id": f"{n}", "path": f"{n}.png", "domain": place, "caption": "a red coat", "split": "train"}
            for n in range(2)
        ]
        for line in lines:
            Image.new("RGB", (32, 64), "red").save(home / place / line["path"])
        (home / place / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_every_recipe_trains_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    patch_classifiers(monkeypatch)
    write_everything(tmp_path, 64)
    begun = write_foundation(tmp_path, "begun")
    small = {"epochs": 1, "steps": 12, "batch": 6, "size": 32, "stored": 16, "most": 1, "meanings": begun}
    for name, start in (("dsn-world", begun), ("dsn-world-contrast", None)):
        make(tmp_path, name, **small, init=start)
    unlabelled = {"drawings": 1, "epochs": 2, "batch": 64, "size": 32, "views": 2, "features": tmp_path / "features"}
    make(tmp_path, "dude-world", prior=write_prior(tmp_path), **unlabelled)
    make(tmp_path, "proto-ot-world", **unlabelled)
    make(tmp_path, "judge", held_out=tmp_path / "renders", gallery=tmp_path / "renders", epochs=1, steps=1, batch=8)


def test_a_prior_of_figures_and_its_branch_train_on_a_gpu(tmp_path: Path) -> None:
    write_figures(tmp_path)
    shared = {"latents": write_prior(tmp_path), "tower": tmp_path / "figure-text"}
    places = {"studio": tmp_path / SOURCE, "street": tmp_path / TARGET}
    small = {"epochs": 1, "branch_epochs": 1, "steps": 1, "batch": 2, "size": 64}
    config = FIGURES | {"reader": SentenceReaderConfig(width=16, positions=POSITIONS)}
    make(tmp_path, "people-prior", config, **shared, **places, **small)


def test_ucdr_adapter_and_its_start_train_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (trunk_maps, ucdr_sources):
        monkeypatch.setattr(module, "imagenet_classifier", random_classifier)
    small_settings(tmp_path, "unused")  # writes the text tower
    write_renders(tmp_path / "renders", objects=2)
    small = {"objects": 2, "validation_objects": 2, "size": 32, "batch": 6, "steps": 2, "group": 3, "epochs": 1}
    small |= {"text": tmp_path / "text", "maps": tmp_path / "maps", "validate_every": 1}
    start = make(tmp_path, "ucdr-start-sketch", SMALL, **small)
    make(tmp_path, "ucdr-adapter-sketch", {"template": 2}, **small, source_epochs=1, init=start)
