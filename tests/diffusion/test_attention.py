"""Heat maps: watching changes no picture, and maps are shares of attention where it was paid."""

from __future__ import annotations

import threading

import pytest
import torch
from torch import Tensor

from retrieval.diffusion.attention import HeatMaps, difference, entropy
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import EMPTY, THING_AT, prompt
from retrieval.diffusion.samplers import TEACHER, denoise, guided, noise, plain
from tests.diffusion.priors import tiny_prior


@pytest.fixture(scope="module")
def prior() -> Prior:
    return tiny_prior()


def processors(prior: Prior) -> list[object]:
    return [module.processor for module in prior.unet.modules() if hasattr(module, "processor")]


def test_watching_changes_no_picture_and_leaves_nothing_behind(prior: Prior) -> None:
    told = prior.reader([prompt("photo", "duck"), prompt("sketch", "car")])
    x = noise(prior, 0, 2)
    before = processors(prior)
    maps = HeatMaps(prior, 2)
    plainly = list(denoise(prior, guided(prior, told, 3.0), x))
    watched = list(denoise(prior, maps.watch(guided(prior, told, 3.0)), x))
    assert [id(one) for one in processors(prior)] == [id(one) for one in before]
    for one, other in zip(plainly, watched, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=0)


def test_what_a_place_looks_at_sums_to_one(prior: Prior) -> None:
    maps = HeatMaps(prior, 1)
    told = prior.reader([prompt("photo", "duck")])
    list(denoise(prior, maps.watch(guided(prior, told, 3.0)), noise(prior, 0)))
    found = maps.maps()
    assert found.shape == (1, prior.config.reader.positions, *prior.latent_shape[1:])
    torch.testing.assert_close(found.sum(dim=1), torch.ones(1, *prior.latent_shape[1:]), atol=1e-4, rtol=0)
    assert found.min() >= 0


def test_maps_equal_attention_written_out_for_the_prompt_alone(prior: Prior) -> None:
    """The mean of softmax(Q K / sqrt(d)) over heads and layers, of the guided row and not of the empty prompt's."""
    told, x, t = prior.reader([prompt("photo", "duck")]), noise(prior, 0), torch.tensor([499])
    maps = HeatMaps(prior, 1)
    with torch.no_grad():
        maps.watch(guided(prior, told, 3.0))(x, t)
        expected = _by_hooks(prior, x, t, told)
    torch.testing.assert_close(maps.maps()[0], expected, atol=1e-5, rtol=1e-4)


def _by_hooks(prior: Prior, x: Tensor, t: Tensor, told: Tensor) -> Tensor:
    found, side = [], prior.latent_shape[-1]

    def look(layer, args, kwargs) -> None:
        keys = layer.to_k(kwargs["encoder_hidden_states"])[0].unflatten(-1, (layer.heads, -1))  # (L, H, D)
        queries = layer.to_q(args[0])[0].unflatten(-1, (layer.heads, -1))  # (P, H, D)
        shares = (torch.einsum("phd,lhd->hpl", queries, keys) * keys.shape[-1] ** -0.5).softmax(dim=-1).mean(dim=0)
        own = round(len(shares) ** 0.5)
        map_ = shares.T.reshape(1, -1, own, own)
        found.append(torch.nn.functional.interpolate(map_, size=(side, side), mode="bilinear")[0])

    layers = [layer for layer in prior.unet.modules() if getattr(layer, "is_cross_attention", False)]
    hooks = [layer.register_forward_pre_hook(look, with_kwargs=True) for layer in layers]
    prior.velocity(x, t, told)
    for hook in hooks:
        hook.remove()
    return torch.stack(found).mean(dim=0)


def test_the_noisiest_steps_are_not_counted(prior: Prior) -> None:
    maps = HeatMaps(prior, 1)
    watched = maps.watch(plain(prior, prior.reader([prompt("photo", "duck")])))
    with torch.no_grad():
        watched(noise(prior, 0), torch.tensor([999]))
        with pytest.raises(AssertionError, match="nothing was drawn"):
            maps.maps()
        watched(noise(prior, 0), torch.tensor([899]))
    assert maps.maps().shape[0] == 1


def test_positions_that_say_the_same_are_looked_at_alike_and_a_flat_map_is_flat(prior: Prior) -> None:
    """Where nothing tells positions apart, each has the same share everywhere; with a thing, its map is less flat."""
    nothing = prior.reader([EMPTY])[:, -1:].expand(-1, prior.config.reader.positions, -1)
    flat, told = HeatMaps(prior, 1), HeatMaps(prior, 1)
    list(denoise(prior, flat.watch(plain(prior, nothing)), noise(prior, 0), TEACHER))
    list(denoise(prior, told.watch(plain(prior, prior.reader([prompt("photo", "duck")]))), noise(prior, 0), TEACHER))
    padding = flat.maps()[0, -1]
    assert entropy(padding) == pytest.approx(1, abs=1e-6)
    assert float(padding.max() - padding.min()) < 1e-5
    assert entropy(told.maps()[0, THING_AT]) < entropy(padding)


def test_a_neighbour_who_draws_meanwhile_is_not_recorded(prior: Prior) -> None:
    told, x, t = prior.reader([prompt("photo", "duck")]), noise(prior, 0), torch.tensor([499])
    other = prior.reader([prompt("sketch", "car")])
    alone, among = HeatMaps(prior, 1), HeatMaps(prior, 1)
    with torch.no_grad():
        alone.watch(plain(prior, told))(x, t)

        def disturbed(x: Tensor, t: Tensor) -> Tensor:
            thread = threading.Thread(target=lambda: prior.velocity(x, t, other))
            thread.start()
            thread.join()
            return prior.velocity(x, t, told)

        among.watch(disturbed)(x, t)
    torch.testing.assert_close(among.maps(), alone.maps())


def test_a_failure_while_watched_leaves_nothing_behind(prior: Prior) -> None:
    before = processors(prior)

    def broken(x: Tensor, t: Tensor) -> Tensor:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        HeatMaps(prior, 1).watch(broken)(noise(prior, 0), torch.tensor([0]))
    assert [id(one) for one in processors(prior)] == [id(one) for one in before]


def test_entropy_orders_maps_by_how_spread_they_are() -> None:
    narrow, wide = torch.zeros(8, 8), torch.zeros(8, 8)
    narrow[:2, :2], wide[:5, :5] = 1, 1
    assert 0 < entropy(narrow) < entropy(wide) < 1
    assert entropy(narrow * 7) == pytest.approx(entropy(narrow))


def test_difference_is_a_share_of_the_range() -> None:
    white, black = torch.ones(3, 4, 4), -torch.ones(3, 4, 4)
    assert torch.equal(difference(white, black), torch.ones(4, 4))
    assert not difference(white, white).any()
