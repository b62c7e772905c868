"""Trainings without labels for a lent GPU: what travels is what was packed, and no training is done twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.errors import DataError
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.parts.unlabelled import first_objects
from retrieval.training.recipes.parts.view_features import ViewBatches
from retrieval.training.unlabelled.fewer_bits import from_few_bits, in_few_bits
from retrieval.training.unlabelled.jobs import MAIN, Job, all_jobs, claim, epochs_that_fit
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


def test_every_training_is_a_recipe_and_the_main_ones_come_first() -> None:
    jobs = all_jobs(3)
    assert len(set(jobs)) == len(jobs)
    assert {job.recipe for job in jobs} <= set(RECIPES)
    assert {job.recipe for job in jobs[: 3 * len(MAIN)]} == set(MAIN)
    assert {job.seed for job in all_jobs(1)} == {0}


def test_a_training_is_claimed_once(tmp_path: Path) -> None:
    job = Job("dude-world", 0)
    assert claim(tmp_path, job)
    assert not claim(tmp_path, job)
    assert claim(tmp_path, Job("dude-world", 1))


def test_twice_the_time_or_twice_the_processes_are_twice_the_epochs() -> None:
    def fit(seconds: float, processes: int) -> int:
        return epochs_that_fit(seconds, processes, 0.1, 3, 1, 10**6)

    once = fit(1000, 4)
    assert fit(2000, 4) == pytest.approx(2 * once, abs=1)
    assert fit(1000, 8) == pytest.approx(2 * once, abs=1)
    assert epochs_that_fit(0, 4, 0.1, 3, 5, 9) == 5
    assert epochs_that_fit(10**9, 4, 0.1, 3, 5, 9) == 9


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


def test_contrast_needs_two_views() -> None:
    with pytest.raises(DataError, match="1 views are kept"):
        ViewBatches(torch.zeros(2, 2, 4), ["a", "b"], [Domain("photo")] * 2, batch=2)
