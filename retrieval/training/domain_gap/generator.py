"""The prior learns the studio and its branch the street, for so many seconds each.

Pictures are encoded once, each as it is, mirrored, and moved and zoomed a little, so that a prior of a thousand figures
does not learn them by heart. Of each stage those averaged weights are kept that predict validation figures best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import EMPTY, SentenceReaderConfig
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.methods.dad import DROPPED
from retrieval.training.adapted.clock import Stage
from retrieval.training.domain_gap.graphs import Stepper, steps
from retrieval.training.domain_gap.packing import POSITIONS, Pack

CHUNK = 128
VIEWS = 8  # of a picture, two of them not moved
ZOOM, SHIFT = 0.05, 0.04  # at most, as shares of the picture
ASKED = 192  # validation figures
TIMES = (0.15, 0.35, 0.55, 0.75, 0.9)  # noise steps at which they are asked for
CHECKS = 8  # times in a stage


@dataclass(frozen=True)
class Encoded:
    """Figures for a prior, on its device."""

    latents: Tensor  # (N, V, C, h, w)
    states: Tensor  # (T, L, W) in half precision
    captions: Tensor  # (N, K) rows of `states`
    empty: Tensor  # (L, W) of no words

    def draw(self, prior: Prior, count: int) -> tuple[Tensor, ...]:
        """Latents, noise, noise steps and states of random figures; of one in ten no words are read."""
        device = self.latents.device
        rows, view, which = (
            torch.randint(n, (count,), device=device) for n in (*self.latents.shape[:2], self.captions.shape[1])
        )
        latents = self.latents[rows, view]
        unread = torch.rand(count, device=device) < DROPPED
        states = torch.where(unread[:, None, None], self.empty, self.states[self.captions[rows, which]].float())
        return latents, torch.randn_like(latents), prior.training_steps(count, device=device), states


def begin(pack: Pack, widths: tuple[int, int], seed: int, device: str) -> Prior:
    """A prior at random weights with a branch, on the pack's auto-encoder and sentence encoder."""
    torch.manual_seed(seed)
    config = PriorConfig(
        size=128,
        widths=widths,
        text_channels=widths[1],
        upright=True,
        domain="street",
        reader=SentenceReaderConfig(width=pack.encoder.width, positions=POSITIONS),
    )
    prior = Prior(config, SentenceReader(pack.encoder, POSITIONS))
    prior.latents = pack.latents
    prior.schedule.alphas_cumprod = prior.schedule.alphas_cumprod.to(device)  # not sent there in every step
    return prior.to(device)


@torch.no_grad()
def encode(prior: Prior, table: PictureTable, views: int = VIEWS, seed: int = 0) -> Encoded:
    """The figures and their captions, all with as many, through the frozen networks."""
    device, random = next(prior.unet.parameters()).device, torch.Generator().manual_seed(seed)
    parts = []
    for first in range(0, len(table), CHUNK):
        pictures = table.tensor(range(first, min(first + CHUNK, len(table)))).to(device)
        seen = [view_of(pictures, number, random) for number in range(views)]
        parts.append(torch.stack([prior.latents.encode(view) for view in seen], dim=1))
    texts = [text for row in table.captions for text in row]
    states = [prior.reader(texts[first : first + CHUNK]).half() for first in range(0, len(texts), CHUNK)]
    rows = torch.arange(len(texts), device=device).view(len(table), -1)
    return Encoded(torch.cat(parts), torch.cat(states), rows, prior.reader([EMPTY])[0])


def view_of(pictures: Tensor, number: int, random: torch.Generator) -> Tensor:
    """Pictures (B, 3, H, W): the first view as they are, the second mirrored, the others also moved and zoomed."""
    mirrored = pictures.flip(-1) if number % 2 else pictures
    if number < 2:
        return mirrored
    count = len(pictures)
    zoom = 1 + ZOOM * (2 * torch.rand(count, generator=random) - 1)
    theta = torch.zeros(count, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = zoom
    theta[:, :, 2] = 2 * SHIFT * (2 * torch.rand(count, 2, generator=random) - 1)
    grid = F.affine_grid(theta.to(pictures.device), list(pictures.shape), align_corners=False)
    return F.grid_sample(mirrored, grid, mode="bicubic", padding_mode="border", align_corners=False).clamp(-1, 1)


@dataclass(frozen=True)
class Learning:
    """One stage: what learns, from what, asked what."""

    prior: Prior
    branch: bool
    shown: Encoded
    asked: Encoded
    recorded: bool
    deadline: float = math.inf

    @property
    def network(self) -> nn.Module:
        """What learns."""
        network: Any = self.prior.branch if self.branch else self.prior.unet
        return network


def learn(learning: Learning, stage: Stage, note: Callable[[Mapping[str, Any]], None]) -> dict[str, float]:
    """Train the U-Net, or its branch; it holds the best averages afterwards. What was measured of them."""
    prior, network = learning.prior, learning.network
    prior.requires_grad_(False)
    network.requires_grad_(True)
    network.train()
    strength = float(learning.branch)

    def loss(latents: Tensor, noise: Tensor, t: Tensor, states: Tensor) -> Tensor:
        return prior.velocity_error(latents, noise, t, states, None, strength).mean()

    stepper = Stepper(
        list(network.parameters()), loss, lambda: learning.shown.draw(prior, stage.batch), stage, learning.recorded
    )
    best, kept, due = math.inf, [part.clone() for part in stepper.averages], 1.0
    for look in steps(stepper, stage, learning.deadline):
        share = look.step / stage.steps if stage.steps else look.seconds / stage.seconds
        if share * CHECKS < due and share < 1:
            continue
        due = math.floor(share * CHECKS) + 1
        error = asked(learning, stepper.averages)
        note({"stage": stage.name, "step": look.step, "seconds": look.seconds, "loss": look.loss, "validation": error})
        if error < best:
            best, kept = error, [part.clone() for part in stepper.averages]
    with torch.no_grad():
        torch._foreach_copy_(list(network.parameters()), kept)
    prior.requires_grad_(False).eval()
    return {"validation": best}


@torch.no_grad()
def asked(learning: Learning, averages: list[Tensor]) -> float:
    """The error on validation figures with those weights, always under the same noise; the weights stay."""
    prior, table = learning.prior, learning.asked
    parameters = [p.detach() for p in learning.network.parameters()]
    now = [part.clone() for part in parameters]
    torch._foreach_copy_(parameters, averages)
    latents = table.latents[:ASKED, 0]
    random = torch.Generator().manual_seed(1)
    noise = torch.randn(latents.shape, generator=random).to(latents.device)
    states = table.states[table.captions[:ASKED, 0]].float()
    errors = [
        prior.velocity_error(
            latents, noise, torch.full((len(latents),), int(t * prior.steps), device=latents.device), states, None,
            float(learning.branch),
        ).mean()
        for t in TIMES
    ]  # fmt: skip
    torch._foreach_copy_(parameters, now)
    return round(float(torch.stack(errors).mean()), 5)
