"""DaD: a text-to-image prior is taught the look of another domain, and draws pictures to pre-train on.

Yang, Wang, Li, Zhu, Zheng, "Minimizing the Pretraining Gap: Domain-aligned Text-Based Person Retrieval" (2025), whose
authors released no code for this half. A prior that learnt source pictures is frozen. A branch (`diffusion.adapt`)
learns pairs of pictures and captions of the target, of identities that are trained on, and of no others:

    (1)  L = E ||v - v_{phi, psi}(x_t, t, tau(T), nothing)||^2      phi, tau frozen; psi learns; by velocities, as the
                                                                    prior itself was trained

Then captions of the target are varied, pictures are drawn from them (`draw`), the bad ones are dropped and the others
are described anew: `training.recipes.parts.drawn_figures`. Here people are rendered figures, and nothing else is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from retrieval.data.batch import Batch
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import EMPTY
from retrieval.diffusion.samplers import Sampler, denoise, guided, noise
from retrieval.methods.base import Phase, Trainable

GUIDANCE = 4.5  # the best of 1 to 4.5 on validation figures (`training.domain_gap.drawing`)
STEPS = 10  # of a drawing; 20 look the same
CHUNK = 32  # pictures that are drawn at once
DROPPED = 0.1  # share of captions that are not read in training


class FigureTraining(Trainable):
    """A prior that learns source pictures, or its branch that learns the target's: whatever else there is stays.

    `again`: epochs after the rate has fallen and starts anew (Loshchilov and Hutter, "SGDR", 2017).
    """

    def __init__(self, prior: Prior, branch: bool, epochs: int, lr: float, again: int = 0) -> None:
        super().__init__()
        self.network = prior.branch if branch else prior.unet
        assert self.network is not None, "the prior has no branch"
        prior.requires_grad_(False)
        self.network.requires_grad_(True)
        self._held = (prior,)  # in a tuple, it is no part of what is trained
        self._strength = float(branch)
        first = Phase("branch" if branch else "base", epochs, lr, weight_decay=0.01)
        self._phases = (first, replace(first, epochs=again, lr=1.5 * lr))[: 2 if again else 1]

    def phases(self) -> Sequence[Phase]:
        return self._phases

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1); `images` of the batch are latents (B, C, h, w), and its states stand for its texts."""
        (prior,) = self._held
        latents, states = batch.images, batch.states  # type: ignore[attr-defined]  # of a FigureBatch
        t = prior.training_steps(len(latents)).to(latents.device)
        added = torch.randn_like(latents)
        return {"velocity": prior.velocity_error(latents, added, t, states, None, self._strength).mean()}


@torch.no_grad()
def draw(
    prior: Prior,
    texts: Sequence[str],
    seeds: Sequence[int],
    strength: float,
    sampler: Sampler | None = None,
    chunk: int = CHUNK,
) -> Tensor:
    """A picture of each text from the noise of its seed; strength 0 is the source's look, 1 the target's. chunk: how
    many are drawn at once.

    -> (B, 3, H, W) in [-1, 1]
    """
    sampler = sampler or Sampler(STEPS, GUIDANCE)
    empty, drawn = prior.reader([EMPTY]), []
    for first in range(0, len(texts), chunk):
        part = slice(first, first + chunk)
        x = torch.cat([noise(prior, seed) for seed in seeds[part]])  # (b, C, h, w)
        velocity = guided(prior, prior.reader(texts[part]), sampler.guidance, empty, strength)
        *_, pictures = denoise(prior, velocity, x, sampler)
        drawn.append(pictures.cpu())
    return torch.cat(drawn)
