"""Every recipe trains on a GPU, in bfloat16, from the first stage to the folder that it writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from retrieval.training.recipes import RECIPES
from tests.training.small import write_everything
from tests.training.small_foundation import patch_classifiers, write_foundation
from tests.training.small_prior import write_prior

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def make(home: Path, name: str, **options: Any) -> Path:
    """Train a recipe for a moment on the GPU; the folder that it wrote."""
    recipe = RECIPES[name]
    places = {"run_folder": home / f"{name}-run", "out": home / name, "renders": home / "renders", "packs": home}
    return recipe.make(dataclasses.replace(recipe.settings, device="cuda", **places, **options)).folder


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
