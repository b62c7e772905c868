"""The adapter's map has the shape and size that the U-Net expects, and both learn through it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from retrieval.diffusion.guidance import STUDENT_BY_MAP, STUDENT_BY_WORDS
from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.samplers import controlled, in_intervals, plain
from tests.diffusion.priors import tiny_prior

CONFIG = AdapterConfig(size=64, hidden=16, channels=8)


@pytest.fixture(scope="module")
def adapter() -> ImageAdapter:
    torch.manual_seed(0)
    return ImageAdapter(CONFIG, side=4)


@pytest.fixture(scope="module")
def prior() -> Prior:
    torch.manual_seed(0)
    config = PriorConfig(size=32, channels=4, widths=(16, 32), reader=ReaderConfig(width=32, layers=1, heads=2))
    made = Prior(PriorConfig(**{**vars(config), "adapter": CONFIG})).eval()
    nn.init.normal_(made.unet.conv_out.weight, std=0.1)
    return made


def test_a_map_has_unit_rms_in_each_picture(adapter: ImageAdapter) -> None:
    pictures = torch.rand(3, 3, 64, 64) * 2 - 1
    map_ = adapter.map(pictures)
    assert map_.shape == (3, 8, 4, 4)
    torch.testing.assert_close(map_.square().mean(dim=(1, 2, 3)), torch.ones(3), atol=1e-4, rtol=0)


def test_an_even_map_has_the_usual_mean_and_spread_in_every_picture(adapter: ImageAdapter) -> None:
    pictures = torch.rand(5, 3, 64, 64) * 2 - 1
    maps = adapter.map(pictures)
    even = adapter.made_even(pictures).map(pictures[:2] * 0.3)
    torch.testing.assert_close(even.mean((2, 3)), maps.mean((0, 2, 3)).expand(2, -1), atol=1e-3, rtol=0)
    spread = maps.std((2, 3), correction=0).mean(0)
    torch.testing.assert_close(even.std((2, 3), correction=0), spread.expand(2, -1), atol=1e-2, rtol=0)


def test_a_map_ignores_brightness_that_the_trunk_passes_on_as_a_gain(adapter: ImageAdapter) -> None:
    features = torch.rand(2, 5, 4, 4)
    from retrieval.diffusion.image_adapter import normalise

    torch.testing.assert_close(normalise(features), normalise(features * 3 + 1), atol=1e-3, rtol=1e-3)


def test_colours_are_the_means_of_cells_and_are_zero_where_they_are_withheld(adapter: ImageAdapter) -> None:
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    control = adapter(pictures, torch.tensor([True, False]))
    assert control.shape == (2, 12, 4, 4)
    assert control[1, 8:].abs().max() == 0
    torch.testing.assert_close(control[0, 8:11], pictures[0].unflatten(1, (4, 16)).unflatten(3, (4, 16)).mean((2, 4)))
    assert (control[0, 11] == 1).all()


def test_a_picture_of_another_size_is_resized_before_the_trunk_sees_it(adapter: ImageAdapter) -> None:
    assert adapter(torch.rand(1, 3, 90, 90)).shape == (1, 12, 4, 4)


def test_the_trunk_never_trains(adapter: ImageAdapter) -> None:
    adapter.train()
    assert not any(module.training for module in adapter.trunk.modules())
    assert not any(parameter.requires_grad for parameter in adapter.trunk.parameters())
    adapter.eval()


def test_without_a_control_a_prior_draws_from_the_learned_map_of_no_picture(prior: Prior) -> None:
    assert prior.adapter is not None
    x, t = torch.randn(2, *prior.latent_shape), torch.tensor([500, 500])
    states = prior.reader(["a photo of a duck"] * 2)
    with torch.no_grad():
        torch.testing.assert_close(
            prior.velocity(x, t, states), prior.velocity(x, t, states, prior.adapter.no_map.expand(2, -1, -1, -1))
        )


def test_a_gradient_reaches_the_adapter_the_map_of_no_picture_and_the_unet(prior: Prior) -> None:
    assert prior.adapter is not None
    pictures = torch.rand(2, 3, 64, 64) * 2 - 1
    control = prior.control(pictures)
    assert control is not None
    control = torch.where(torch.tensor([True, False])[:, None, None, None], control, prior.adapter.without(2))
    latents, noise, t = torch.randn(2, *prior.latent_shape), torch.randn(2, *prior.latent_shape), torch.tensor([9, 700])
    prior.velocity_error(latents, noise, t, prior.reader(["", "a duck"]), control).sum().backward()
    for parameter in (prior.adapter.no_map, prior.adapter.project[0].weight, prior.unet.conv_in.weight):
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0
    prior.zero_grad()


def test_a_prior_without_an_adapter_is_the_unet_alone() -> None:
    prior = tiny_prior()
    x, t, states = torch.randn(1, *prior.latent_shape), torch.tensor([300]), prior.reader(["a duck"])
    assert torch.equal(prior.velocity(x, t, states), prior.unet(x, t, states).sample)
    assert prior.control(torch.rand(1, 3, 64, 64)) is None


def test_guidance_by_words_and_map_is_its_equation(prior: Prior) -> None:
    assert prior.adapter is not None
    x, t = torch.randn(2, *prior.latent_shape), torch.tensor([500, 500])
    states, nothing = prior.reader(["a duck", "a car"]), prior.reader(["", ""])
    with torch.no_grad():
        control = prior.control(torch.rand(2, 3, 64, 64))
        assert control is not None
        without, of_map, both = (
            prior.velocity(x, t, *asked) for asked in ((nothing,), (nothing, control), (states, control))
        )
        expected = without + 1.5 * (of_map - without) + 2.5 * (both - of_map)
        torch.testing.assert_close(controlled(prior, states, control, 2.5, 1.5)(x, t), expected, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(controlled(prior, states, control, 1, 1)(x, t), plain(prior, states, control)(x, t))


@pytest.mark.parametrize(("step", "weighed"), [(900, "map"), (500, "nothing"), (200, "words")])
def test_a_student_insists_on_the_map_early_and_on_words_late(prior: Prior, step: int, weighed: str) -> None:
    assert prior.adapter is not None
    x, t = torch.randn(2, *prior.latent_shape), torch.full((2,), step)
    states, nothing = prior.reader(["a duck", "a car"]), prior.reader(["", ""])
    with torch.no_grad():
        control = prior.control(torch.rand(2, 3, 64, 64))
        assert control is not None
        seen, without_map, without_words = (
            prior.velocity(x, t, *asked) for asked in ((states, control), (states,), (nothing, control))
        )
        other, weight = {
            "map": (without_map, STUDENT_BY_MAP),
            "nothing": (seen, 1),
            "words": (without_words, STUDENT_BY_WORDS),
        }[weighed]
        drawn = in_intervals(prior, states, control)(x, t)
        torch.testing.assert_close(drawn, other + weight * (seen - other), atol=1e-5, rtol=1e-4)


def test_a_share_of_the_noise_steps_is_drawn_evenly_from_the_noisiest(prior: Prior) -> None:
    t = prior.training_steps(400, 0.25)[:100]
    assert t.min() >= 850
    assert t.float().mean().item() == pytest.approx(925, abs=15)
