"""A foundation that is as small as it can be, for what begins from one: its trunk is at random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path

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


def write_foundation(home: Path, out: str, name: str = "guise-base-zs") -> Path:
    """A foundation of one step a phase on what `write_everything` wrote to `home`; its folder."""
    if not (home / "text").exists():
        torch.manual_seed(0)
        sizes = SentenceConfig(vocabulary=len(PIECES), width=16, layers=1, heads=2, hidden=32, positions=16, longest=12)
        save_text_tower(home / "text", SentenceEncoder(toy_tokenizer(), sizes).eval(), toy_tokenizer())
    recipe: GuiseBase = dataclasses.replace(RECIPES[name], config=SMALL, for_visitors=False)
    settings = GuiseBaseSettings(
        renders=home / "renders", validation=home / "renders", gallery=home / "renders", packs=home, text=home / "text",
        run_folder=home / f"{out}-run", out=home / out, size=32, stored=16, epochs=1, head_epochs=1, steps=1, batch=8,
        validate_every=0,
    )  # fmt: skip
    return recipe.make(settings).folder
