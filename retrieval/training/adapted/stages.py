"""The three things that are trained, each with its loss: the auto-encoder, the prior with its adapter, the student.

(1) auto-encoder   |x - x'| and its steps, plus  sum_k |u_k(x) - u_k(x')|^2: features of a frozen trunk, each
                   position at unit length (Zhang et al., "The Unreasonable Effectiveness of Deep Features", 2018)
(2) prior          equation (1) of `diffusion.prior` on pairs: the map of x_a, the words of x_b, noise on x_b
(3) student        huber( f(x_t, t, C, m) - sg f_slow(x_t', t', C, m) ), x_t' by guided steps of the teacher
"""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.diffusion.consistency import consistent, pseudo_huber, stepped_down
from retrieval.diffusion.image_adapter import Trunk
from retrieval.diffusion.latents import PatchAutoencoder
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.samplers import STUDENT, controlled, scheduler
from retrieval.training.adapted.pairs import Pairs, PairSampler

PERCEIVED = (1, 2, 4)  # stages of the trunk whose features are compared: strides 4, 8 and 16
PERCEPTUAL = 0.15  # weight of that term
NOISIEST = 0.25  # share of the prior's steps that are near pure noise
SUBSTEPS = 3  # of the teacher, from one of the student's noise steps to the next
SLOW = 0.95  # share of the target network that a step keeps
PICTURE = -1  # the noise step of a picture without noise


class LatentStage(nn.Module):
    """An auto-encoder, fine-tuned."""

    def __init__(self, latents: PatchAutoencoder, trunk: Trunk, sampler: PairSampler) -> None:
        super().__init__()
        self.latents = latents.requires_grad_(True)
        self._held = (trunk, sampler)  # in a tuple, they are no part of what is trained

    def loss(self, step: int, count: int) -> Tensor:
        """(1)"""
        trunk, sampler = self._held
        pictures = sampler.random_pictures(step, count)
        error, rebuilt = self.latents.reconstruction(pictures)
        return error + PERCEPTUAL * perceptual(trunk, rebuilt, pictures)


def perceptual(trunk: Trunk, one: Tensor, other: Tensor) -> Tensor:
    """How far two batches of pictures (B, 3, S, S) are apart to the trunk: a scalar."""
    with torch.no_grad():
        wanted = trunk(other)
    apart = [
        (F.normalize(a.float(), dim=1) - F.normalize(b.float(), dim=1)).square().sum(1).mean()
        for a, b in zip(trunk(one), wanted, strict=True)
    ]
    return torch.stack(apart).sum()


class PriorStage(nn.Module):
    """U-Net and adapter; all else stays."""

    def __init__(self, prior: Prior, sampler: PairSampler) -> None:
        super().__init__()
        assert prior.adapter is not None, "a prior with an adapter is trained here"
        self.unet, self.adapter = prior.unet, prior.adapter
        self._held = (prior, sampler)

    def loss(self, step: int, count: int) -> Tensor:
        """(2)"""
        prior, sampler = self._held
        pairs = sampler.batch(step, count)
        with torch.no_grad():
            latents = prior.latents.encode(pairs.target).float()
        t = prior.training_steps(count, NOISIEST).to(latents.device)
        control = control_of(prior, pairs)
        states = sampler.states[pairs.prompts]
        return prior.velocity_error(latents, torch.randn_like(latents), t, states, control).mean()


def control_of(prior: Prior, pairs: Pairs) -> Tensor:
    """The controls of what the adapter sees; the learned one of no picture where there is no map.   -> (B, M, h, w)"""
    assert prior.adapter is not None
    control = prior.adapter(pairs.seen, pairs.colors_known)
    return torch.where(pairs.has_map[:, None, None, None], control, prior.adapter.without(len(control)))


class StudentStage(nn.Module):
    """A student's U-Net, and its slow copy."""

    def __init__(self, teacher: Prior, sampler: PairSampler, w_text: float, w_map: float) -> None:
        super().__init__()
        self.unet = deepcopy(teacher.unet).requires_grad_(True)
        self.slow = deepcopy(teacher.unet).requires_grad_(False)
        self._held = (teacher, sampler)
        self._weights = w_text, w_map
        steps = scheduler(teacher, STUDENT).timesteps.long()
        self._steps = torch.cat([steps, steps.new_tensor([PICTURE])])  # descending

    def loss(self, step: int, count: int) -> Tensor:
        """(3)"""
        teacher, sampler = self._held
        pairs = sampler.batch(step, count)
        at = torch.randint(len(self._steps) - 1, (count,))
        t, below = (self._steps[places].to(pairs.target.device) for places in (at, at + 1))
        with torch.no_grad():
            latents = teacher.latents.encode(pairs.target).float()
            control, states = control_of(teacher, pairs), sampler.states[pairs.prompts]
            x = teacher.noised(latents, torch.randn_like(latents), t)
            lower = self._led(x, t, below, states, control)
            kept = below.clamp(min=0)
            end = consistent(teacher, lower, kept, self._velocity(self.slow, lower, kept, states, control))
            target = torch.where((below == PICTURE)[:, None, None, None], lower, end)
        mine = consistent(teacher, x, t, self._velocity(self.unet, x, t, states, control))
        return pseudo_huber(mine - target).mean()

    def _led(self, x: Tensor, t: Tensor, below: Tensor, states: Tensor, control: Tensor) -> Tensor:
        """Where the guided teacher goes from x at steps t to steps `below`."""
        teacher, sampler = self._held
        empty = sampler.states[sampler.empty][None]
        velocity = controlled(teacher, states, control, *self._weights, empty)
        lower, now = x, t
        for number in range(1, SUBSTEPS + 1):
            then = t + torch.div((below - t) * number, SUBSTEPS, rounding_mode="trunc")
            lower, now = stepped_down(teacher, lower, now, then, velocity(lower, now).float()), then
        return lower

    def _velocity(self, unet: nn.Module, x: Tensor, t: Tensor, states: Tensor, control: Tensor) -> Tensor:
        velocity: Tensor = unet(torch.cat([x, control], 1), t, states).sample
        return velocity.float()

    @torch.no_grad()
    def after_step(self) -> None:
        """The slow copy follows."""
        torch._foreach_lerp_(list(self.slow.parameters()), list(self.unet.parameters()), 1 - SLOW)
