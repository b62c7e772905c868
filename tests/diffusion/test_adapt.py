"""The branch begins as nothing, is turned up by its strength, and learns alone."""

from __future__ import annotations

import pytest
import torch

from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.samplers import Sampler, guided
from retrieval.errors import SettingsError
from retrieval.methods.base import Phase
from retrieval.methods.dad import FigureTraining, draw
from retrieval.training.recipes.parts.figure_pairs import FigureBatch
from retrieval.types import Domain

READER = ReaderConfig(width=32, layers=1, heads=2)
TEXTS = ("a red coat", "blue jeans")


@pytest.fixture
def prior() -> Prior:
    torch.manual_seed(0)
    return Prior(PriorConfig(size=64, widths=(16, 32), reader=READER, upright=True, domain="street")).eval()


def seen(prior: Prior, strength: float) -> torch.Tensor:
    noisy = torch.randn(2, *prior.latent_shape, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return prior.velocity(noisy, torch.tensor([100, 900]), prior.reader(TEXTS), None, strength)


def opened(prior: Prior) -> Prior:
    assert prior.branch is not None
    for zero in (*prior.branch.zeros, prior.branch.zero_middle):
        torch.nn.init.normal_(zero.weight, std=0.1)
    return prior


def test_at_its_start_the_branch_changes_nothing(prior: Prior) -> None:
    assert torch.equal(seen(prior, 0.0), seen(prior, 1.0))


def test_a_learnt_branch_changes_what_is_seen_but_not_at_strength_zero(prior: Prior) -> None:
    before = seen(prior, 0.0)
    opened(prior)
    assert torch.equal(seen(prior, 0.0), before)
    assert not torch.allclose(seen(prior, 1.0), before, atol=1e-3)


def test_half_the_strength_adds_half_of_every_map(prior: Prior) -> None:
    branch = opened(prior).branch
    assert branch is not None
    arguments = prior.unet, torch.randn(2, *prior.latent_shape), torch.tensor([5, 500]), prior.reader(TEXTS)
    half, whole = branch(*arguments, 0.5), branch(*arguments, 1.0)
    for some, all_ in zip(
        (*half["down_block_additional_residuals"], half["mid_block_additional_residual"]),
        (*whole["down_block_additional_residuals"], whole["mid_block_additional_residual"]),
        strict=True,
    ):
        torch.testing.assert_close(2 * some, all_)
        assert all_.abs().max() > 0


def test_the_branch_learns_and_nothing_else_does(prior: Prior) -> None:
    training = FigureTraining(opened(prior), True, 1, 1e-3)
    batch = FigureBatch(
        images=torch.randn(2, *prior.latent_shape),
        domains=[Domain("")] * 2,
        labels=None,
        texts=(),
        holds=torch.zeros(2, 0, dtype=torch.bool),
        states=prior.reader(TEXTS),
    )
    training.losses(batch, Phase("branch", 1, 1e-3))["velocity"].backward()
    assert {name for name, p in prior.named_parameters() if p.grad is not None and p.grad.abs().max() > 0} == {
        f"branch.{name}" for name, _ in training.network.named_parameters()
    }


def test_a_branch_that_begins_anew_has_what_the_prior_has_learnt(prior: Prior) -> None:
    branch = prior.branch
    assert branch is not None
    torch.nn.init.normal_(prior.unet.conv_in.weight)
    branch.begin(prior.unet)
    assert torch.equal(branch.conv_in.weight, prior.unet.conv_in.weight)


def test_figures_are_upright_and_a_function_of_their_seeds(prior: Prior) -> None:
    few = Sampler(2, 2.0)
    pictures = draw(prior, TEXTS, [3, 4], 1.0, few)
    assert pictures.shape == (2, 3, 64, 32)
    torch.testing.assert_close(draw(prior, TEXTS[1:], [4], 1.0, few)[0], pictures[1], atol=1e-4, rtol=0)


def test_a_strength_above_one_is_refused(prior: Prior) -> None:
    with pytest.raises(SettingsError, match=r"strength of 1.5 was asked for; choose 0 to 1"):
        guided(prior, prior.reader(TEXTS), 2.0, None, 1.5)
