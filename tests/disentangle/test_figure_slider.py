"""A sentence is drawn as a figure, from one look to the other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from retrieval.artifacts.prior import load_prior, save_prior
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.disentangle.figure_slider import STOPS, ServedFigureSlider
from retrieval.disentangle.panel_values import Slide
from retrieval.errors import BundleError
from retrieval.methods.dad import draw
from retrieval.settings import Settings

CONFIG = PriorConfig(
    size=64,
    widths=(16, 32),
    reader=ReaderConfig(width=32, layers=1, heads=2, vocabulary_size=49408),
    upright=True,
    domain="street",
)


def saved(folder: Path, config: PriorConfig = CONFIG) -> ServedFigureSlider:
    torch.manual_seed(0)
    prior = Prior(config).eval()
    if prior.branch is not None:
        for zero in (*prior.branch.zeros, prior.branch.zero_middle):
            torch.nn.init.normal_(zero.weight, std=0.2)
    save_prior(folder, prior, name="people-prior", styles=[], classes=[], trained_on=[])
    return ServedFigureSlider(folder)


@pytest.fixture(scope="module")
def slides(tmp_path_factory: pytest.TempPathFactory) -> list[Slide]:
    return list(saved(tmp_path_factory.mktemp("prior")).wait().slide("a red coat", 3))


def test_each_picture_is_shown_once_it_is_drawn(slides: list[Slide]) -> None:
    assert [sum(frame is not None for frame in slide.frames) for slide in slides] == list(range(STOPS + 1))
    assert slides[-1].positions == (0, 0.25, 0.5, 0.75, 1)


def test_stops_begin_at_one_noise_and_differ_by_the_branch_alone(slides: list[Slide]) -> None:
    first, *_, last = (np.asarray(frame.picture, float) for frame in slides[-1].frames if frame)
    near = np.asarray(slides[-1].frames[1].picture, float)  # type: ignore[union-attr]
    assert first.shape == (64, 32, 3)
    assert 0 < np.abs(near - first).mean() < np.abs(last - first).mean()


def test_a_copy_without_such_a_prior_offers_nothing(tmp_path: Path) -> None:
    assert not ServedFigureSlider(tmp_path / "people-prior").offered


def test_a_prior_without_a_branch_is_refused(tmp_path: Path) -> None:
    served = saved(tmp_path, dataclasses.replace(CONFIG, domain=""))
    with pytest.raises(BundleError, match="no branch"):
        served.wait()


def test_the_shipped_prior_draws_the_colour_that_is_asked_for() -> None:
    prior = load_prior(Settings().people_prior).prior
    texts = [f"A person in a {color} coat, {color} trousers and {color} shoes." for color in ("red", "blue")]
    for strength in (0.0, 1.0):
        red, blue = draw(prior, texts, [1, 1], strength)[:, :, 24:104, 20:44].mean(dim=(2, 3))
        assert red[0] - red[2] > 0.2 > -0.2 > blue[0] - blue[2]
