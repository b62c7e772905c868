"""A foundation that is as small as it can be, for what begins from one: its trunk is at random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from retrieval.artifacts.text_tower import save_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.guise_base import GuiseBase, GuiseBaseSettings
from retrieval.training.recipes.parts import foundation_start, photo_teacher
from tests.backbones.tokenizers import PIECES, toy_tokenizer

SMALL = {"dim": 8, "width": 16, "layers": 1, "heads": 2, "sentence": 16, "hidden": 16}


def random_classifier(name: str) -> nn.Module:
    """The published classifier's shape at random weights: its package is not installed everywhere."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return timm.create_model(name, pretrained=False, num_classes=1000).eval()


def patch_classifiers(patch: pytest.MonkeyPatch) -> None:
    """Nobody opens the published classifier."""
    for module in (foundation_start, photo_teacher):
        patch.setattr(module, "imagenet_classifier", random_classifier)


def small_recipe(name: str = "guise-base-zs", **changes: Any) -> GuiseBase:
    """The foundation's recipe of that name, small."""
    return dataclasses.replace(RECIPES[name], config=SMALL, **changes)


def small_settings(home: Path, out: str, **options: Any) -> GuiseBaseSettings:
    """One step a phase on what `write_everything` wrote to `home`, and the text tower beside it."""
    if not (home / "text").exists():
        torch.manual_seed(0)
        sizes = SentenceConfig(vocabulary=len(PIECES), width=16, layers=1, heads=2, hidden=32, positions=16, longest=12)
        save_text_tower(home / "text", SentenceEncoder(toy_tokenizer(), sizes).eval(), toy_tokenizer())
    settings = GuiseBaseSettings(
        renders=home / "renders", validation=home / "renders", gallery=home / "renders", packs=home, text=home / "text",
        run_folder=home / f"{out}-run", out=home / out, size=32, stored=16, epochs=1, head_epochs=1, steps=1, batch=8,
        validate_every=0,
    )  # fmt: skip
    return dataclasses.replace(settings, **options)


def write_foundation(home: Path, out: str, name: str = "guise-base-zs") -> Path:
    """A foundation of one step a phase; its folder."""
    return small_recipe(name, for_visitors=False).make(small_settings(home, out)).folder
