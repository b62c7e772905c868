"""Consistency: wherever on a path a student is shown a noisy latent, it names the same end.

Luo et al., "Latent Consistency Models" (2023), on Song et al., "Consistency Models" (2023).

    f(x, t)  = c_skip(t) x + c_out(t) x_0(x, t),  c_skip = s^2 / ((10 t)^2 + s^2),  c_out = 10 t / sqrt((10 t)^2 + s^2)
"""

from __future__ import annotations

import torch
from torch import Tensor

from retrieval.diffusion.prior import Prior

SPREAD = 0.5  # s: of the data
SCALE = 10.0  # of t, as in diffusers' LCMScheduler
HUBER = 0.001  # times the square root of the number of latents' numbers: below it, errors count squared


def consistent(prior: Prior, x: Tensor, t: Tensor, velocity: Tensor) -> Tensor:
    """f: x and velocity (B, C, h, w), t (B,) -> the end of the path, as this prior sees it."""
    signal = prior.signal(t)
    end = signal.sqrt() * x - (1 - signal).sqrt() * velocity
    scaled = (t * SCALE)[:, None, None, None]
    skip = SPREAD**2 / (scaled**2 + SPREAD**2)
    out = scaled / (scaled**2 + SPREAD**2).sqrt()
    return skip * x + out * end


def pseudo_huber(difference: Tensor) -> Tensor:
    """sqrt(|d|^2 + c^2) - c for each row of (B, C, h, w), with c in proportion to the root of its length.   -> (B,)"""
    length = difference[0].numel()
    c = HUBER * length**0.5
    return (difference.flatten(1).square().sum(dim=1) + c**2).sqrt() - c


def stepped_down(prior: Prior, x: Tensor, t: Tensor, below: Tensor, velocity: Tensor) -> Tensor:
    """DDIM (Song et al., 2021) from noise steps t to `below` (B,), where a step under zero is the picture itself."""
    signal = prior.signal(t)
    end = signal.sqrt() * x - (1 - signal).sqrt() * velocity
    noise = (1 - signal).sqrt() * x + signal.sqrt() * velocity
    after = torch.where((below < 0)[:, None, None, None], 1.0, prior.signal(below.clamp(min=0)))
    return after.sqrt() * end + (1 - after).sqrt() * noise
