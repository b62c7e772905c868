"""Consistency: the ends of paths, steps down them and the distance of two ends are their equations."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler

from retrieval.diffusion.consistency import consistent, pseudo_huber, stepped_down
from tests.diffusion.priors import tiny_prior as tiny


def test_at_the_picture_itself_the_student_changes_nothing() -> None:
    prior = tiny()
    x, velocity = torch.randn(2, *prior.latent_shape), torch.randn(2, *prior.latent_shape)
    torch.testing.assert_close(consistent(prior, x, torch.zeros(2, dtype=torch.int64), velocity), x)


def test_far_from_it_the_student_names_the_end_of_the_path() -> None:
    prior, t = tiny(), torch.tensor([400, 900])
    x, velocity = torch.randn(2, *prior.latent_shape), torch.randn(2, *prior.latent_shape)
    signal = prior.signal(t)
    end = signal.sqrt() * x - (1 - signal).sqrt() * velocity
    torch.testing.assert_close(consistent(prior, x, t, velocity), end, rtol=1e-3, atol=1e-3)


def test_a_step_down_is_that_of_diffusers() -> None:
    prior = tiny()
    ddim = DDIMScheduler.from_config(prior.schedule.config, timestep_spacing="trailing", set_alpha_to_one=True)
    ddim.set_timesteps(50)
    x, velocity = torch.randn(1, *prior.latent_shape), torch.randn(1, *prior.latent_shape)
    for step in (999, 499, 19):
        theirs = ddim.step(velocity, step, x, eta=0.0).prev_sample
        ours = stepped_down(prior, x, torch.tensor([step]), torch.tensor([step - 20]), velocity)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_pseudo_huber_is_its_equation() -> None:
    difference = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    c = 0.001 * 32**0.5
    for row, found in zip(difference, pseudo_huber(difference).tolist(), strict=True):
        assert found == pytest.approx((sum(float(v) ** 2 for v in row.flatten()) + c * c) ** 0.5 - c, rel=1e-9)
