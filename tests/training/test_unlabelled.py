"""Trainings without labels for a lent GPU: what travels is what was packed, and no training is done twice."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.errors import DataError
from retrieval.training.options import add_options
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.parts.unlabelled import first_objects
from retrieval.training.recipes.parts.view_features import ViewBatches
from retrieval.training.unlabelled import run
from retrieval.training.unlabelled.fewer_bits import from_few_bits, in_few_bits
from retrieval.training.unlabelled.jobs import Job, all_waves, claim
from retrieval.training.unlabelled.packing import TRUNK, Packed
from retrieval.training.unlabelled.run import Settings, words_of
from retrieval.types import Domain


@pytest.mark.parametrize(("bits", "group"), [(5, 64), (8, 10**9)])
def test_weights_in_few_bits_are_off_by_half_a_level_at_most(bits: int, group: int) -> None:
    torch.manual_seed(0)
    weights = {"matrix": torch.randn(64, 128), "bias": torch.randn(64), "steps": torch.tensor(7)}
    arrays = in_few_bits(weights, bits, group)
    again = from_few_bits(arrays)
    assert arrays["levels/matrix"].dtype == np.int8
    assert np.abs(arrays["levels/matrix"]).max() <= 2 ** (bits - 1) - 1
    level = weights["matrix"].abs().max() / (2 ** (bits - 1) - 1)
    assert (again["matrix"] - weights["matrix"]).abs().max() <= 0.51 * level
    assert torch.equal(again["bias"], weights["bias"].half().float())
    assert again["steps"] == 7


def test_every_training_is_a_recipe_and_dude_itself_is_in_the_first_wave() -> None:
    jobs = [job for wave in all_waves() for job in wave]
    assert len(set(jobs)) == len(jobs)
    assert {job.recipe for job in jobs} <= set(RECIPES)
    assert {job.seed for job in all_waves()[0] if job.recipe == "dude-world"} == {0, 1, 2}
    assert {job.seed for wave in all_waves([0]) for job in wave} == {0}
    assert all_waves([0], ["dude-world-hubs"]) == [[Job("dude-world-hubs", 0)]]
    assert [job.shares for job in (Job("dude-world", 0), Job("dude-world-joint", 0))] == [True, False]


def test_another_process_is_told_the_same_settings() -> None:
    settings = Settings(Path("pack"), Path("out"), seconds=90, seeds=(1, 2), only=("dude-world", "proto-ot-world"))
    parser = argparse.ArgumentParser()
    add_options(parser, Settings)
    told = vars(parser.parse_args(words_of(settings)))
    assert Settings(**told | {name: tuple(told[name]) for name in ("only", "seeds")}) == settings


def test_a_wave_is_claimed_once(tmp_path: Path) -> None:
    assert claim(tmp_path, 0)
    assert not claim(tmp_path, 0)
    assert claim(tmp_path, 1)


def test_the_first_objects_of_every_class_are_kept_in_all_their_styles() -> None:
    rows = [(label, number, style) for label in ("cat", "duck") for number in range(3) for style in ("photo", "sketch")]
    picture = ArrayPicture(np.zeros((4, 4, 3), np.uint8))
    table = PictureTable(
        [picture] * len(rows),
        [style for _, _, style in rows],
        labels=[label for label, _, _ in rows],
        instances=[f"{label}-{number}" for label, number, _ in rows],
    )
    kept = first_objects(table, 2)
    assert sorted(set(kept.instances)) == ["cat-0", "cat-1", "duck-0", "duck-1"]
    assert len(kept) == 8


def test_what_frozen_parts_make_of_pictures_is_kept_until_pictures_or_parts_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def mean_color(folder: Path, name: str) -> nn.Module:
        asked.append(name)
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 3, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()).requires_grad_(False)

    monkeypatch.setattr(run, "open_trunk", mean_color)
    (tmp_path / TRUNK).write_bytes(b"weights")
    settings = Settings(tmp_path, tmp_path / "out", views=2)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), np.uint8)
    packed = Packed(("a", "b", "c"), (Domain("photo"),) * 3, pixels, {"trunk": "mean"})
    first = run.features_in(settings, packed)
    assert first.shape == (3, 3, 3)
    assert torch.equal(run.features_in(settings, packed), first)
    assert len(asked) == 1
    assert run.features_in(replace(settings, views=3), packed).shape == (3, 4, 3)
    assert not torch.equal(run.features_in(settings, replace(packed, pixels=255 - pixels)), first)
    run.features_in(settings, packed)
    (tmp_path / TRUNK).write_bytes(b"others")
    run.features_in(settings, packed)
    assert len(asked) == 5
    assert not list(run._state(settings).glob("*.safetensors")), "only heads lie there"


def test_contrast_needs_two_views() -> None:
    with pytest.raises(DataError, match="1 views are kept"):
        ViewBatches(torch.zeros(2, 2, 4), ["a", "b"], [Domain("photo")] * 2, batch=2)
