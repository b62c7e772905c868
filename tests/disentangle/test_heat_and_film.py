"""Where the prior looks, and when a picture decides what it becomes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from retrieval.diffusion.attention import HeatMaps
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import STYLE_AT, THING_AT
from retrieval.diffusion.samplers import TEACHER, denoise, guided, noise
from retrieval.disentangle.generator import as_tensor, states_of
from retrieval.disentangle.panels import Disentangler
from tests.diffusion.priors import HalvesPrior
from tests.disentangle.halves import THREE, HalvesDude, HalvesJudge, content, ideal, last, random

# ---------------------------------------------------------------- V4


def test_heat_shows_where_the_prior_looks_and_what_it_causes() -> None:
    heat = last(ideal_with_attention().heat(THREE[0], "sketch"))
    side = len(heat.object_map.cells)
    assert all(len(row) == side for row in heat.object_map.cells)
    assert max(map(max, heat.object_map.cells)) == pytest.approx(1)
    assert (heat.object_map.word, heat.style_map.word) == ("duck", "sketch")
    assert 0 <= heat.object_map.entropy <= 1
    by_object, by_style = (np.asarray(one) for one in (heat.object_difference, heat.style_difference))
    assert by_object[:, :32].min() > 100
    assert by_object[:, 32:].max() == 0
    assert by_style[:, :32].max() == 0
    assert by_style[:, 32:].max() > 50


def ideal_with_attention() -> Disentangler:
    """The ideal prior looks at nothing; so that there are maps, it asks a U-Net, and ignores it."""

    class Looking(HalvesPrior):
        def velocity(self, noisy: Tensor, t: Tensor, states: Tensor, control: Tensor | None = None) -> Tensor:
            self.unet(noisy, t, states)
            return super().velocity(noisy, t, states, control)

    return Disentangler(Looking(), HalvesDude(), HalvesJudge())


def test_maps_are_those_of_the_whole_prompt(prior: Prior) -> None:
    disentangler = random(prior)
    heat, read = last(disentangler.heat(THREE[0], "sketch", 5)), disentangler.read(THREE[0])
    states = states_of(prior, torch.tensor([read.z]), prior.reader.word("sketch")[None])
    maps = HeatMaps(prior, 1)
    last(denoise(prior, maps.watch(guided(prior, states, TEACHER.guidance)), noise(prior, 5)))
    for shown, place in ((heat.object_map, THING_AT), (heat.style_map, STYLE_AT), (heat.padding_map, -1)):
        expected = maps.maps()[0, place]
        assert shown.peak == pytest.approx(float(expected.max()), abs=1e-3)
        torch.testing.assert_close(torch.tensor(shown.cells) * shown.peak, expected, atol=1e-3, rtol=0)


def test_watching_changes_no_picture(prior: Prior) -> None:
    heat = last(random(prior).heat(THREE[0], "photo", 5))
    card = last(random(prior, student=False).card(THREE[0], 5))
    watched, plainly = (as_tensor([one.picture]) for one in (heat.drawn, card.drawn))
    assert float((watched - plainly).abs().max()) <= 1.01 / 127.5, "one step of 8 bits, from rounding"


# ---------------------------------------------------------------- V6


def test_a_film_ends_with_the_pictures(prior: Prior) -> None:
    film = last(random(prior).film(THREE[0], "sketch", THREE[1], 5))
    assert len(film.frames) == 6
    assert film.frames[-1].step == film.steps == TEACHER.steps
    end = film.frames[-1]
    grid = last(random(prior, student=False).grid(THREE[:2], ["photo", "sketch"], 5))
    expected = (grid.rows[0][0], grid.rows[0][1], grid.rows[1][0])
    assert [content(one) for one in (end.drawn, end.other_style, end.other_object)] == [*map(content, expected)]
    assert end.drawn.finished
    assert not film.frames[0].drawn.finished


def test_a_film_tells_when_strips_part() -> None:
    film = last(ideal().film(THREE[0], "sketch", THREE[1]))
    assert (film.style_parts, film.object_parts) == (0, 0), "the ideal prior knows both from the start"
    same = last(ideal().film(THREE[0], "photo", THREE[0]))
    assert (same.style_parts, same.object_parts) == (None, None)
