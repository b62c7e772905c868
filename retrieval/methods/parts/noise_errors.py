"""How well a text-to-image model sees the noise in pictures, when a vector, or a word, stands for what they show.

Vectors are judged as in textual inversion (Gal et al., "An Image is Worth One Word", 2022). `concentrated` is the mask
of DiFiC (Yang, Hu et al., "DiFiC: Your Diffusion Model Holds the Secret to Fine-Grained Clustering", 2024), as we read
it: errors count where the prior looks the vector up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from retrieval.diffusion.attention import HeatMaps
from retrieval.diffusion.prompts import THING_AT, prompt
from retrieval.diffusion.spelling import Spelling

if TYPE_CHECKING:
    from retrieval.diffusion.prior import Prior  # it imports diffusers, which whoever only searches does without

NOISE = (0.5, 0.95)  # of T: below, pixels say all; above, nothing can be seen
FLOOR = 0.2  # of the mask, where the vector is not looked up at all


@dataclass(frozen=True)
class Noised:
    """B pictures with the noise in which a prior is to see them."""

    latents: Tensor  # (B, C, h, w)
    noise: Tensor  # (B, C, h, w)
    t: Tensor  # (B,)
    prompts: tuple[str, ...]  # (B,)

    @classmethod
    def together(cls, parts: Sequence[Noised]) -> Noised:
        """Several batches as one."""
        latents, noise, t = (torch.cat([getattr(part, name) for part in parts]) for name in ("latents", "noise", "t"))
        return cls(latents, noise, t, tuple(text for part in parts for text in part.prompts))


class NoiseErrors:
    """A frozen prior, the latents of N pictures (N, C, h, w), and the words that it was taught, if it is to read."""

    def __init__(self, prior: Prior, latents: Tensor, words: Sequence[str] = ()) -> None:
        self.prior = prior.requires_grad_(False).eval()
        self._latents = latents
        self.spelling = Spelling(prior.reader, words) if words else None

    def of_vectors(
        self,
        vectors: Tensor,
        rows: Tensor,
        styles: Sequence[str | None],
        *,
        concentrate: bool = False,
        denoiser: Prior | None = None,
    ) -> Tensor:
        """||v - v_hat||^2 of pictures in rows (B,), in these styles (None: nothing is said of it), which show vectors
        (B, W). denoiser: asked instead, and given the vectors as they are.   -> (B,)
        """
        latents = self._latents[rows].float()
        noise, t = torch.randn_like(latents), self.steps(len(rows)).to(latents.device)
        if denoiser is not None:
            return denoiser.velocity_error(latents, noise, t, vectors[:, None])
        prompts = tuple(prompt(style) for style in styles)
        return self.seen(Noised(latents, noise, t, prompts), vectors, concentrate=concentrate)

    def seen(self, noised: Noised, vectors: Tensor, *, concentrate: bool = False) -> Tensor:
        """The same of pictures that have their noise; vectors (B, W).   -> (B,)"""
        latents, noise, t, prompts = noised.latents, noised.noise, noised.t, noised.prompts
        states = self.prior.reader(list(prompts), {THING_AT: vectors})
        if concentrate:
            return self._concentrated(latents, noise, t, states, prompts)
        return self.prior.velocity_error(latents, noise, t, states)

    def of_words(self, vectors: Tensor, rows: Tensor, styles: Sequence[str | None], candidates: int) -> Tensor:
        """The expected error of pictures in rows (B,) over some words, drawn by the shares that vectors (B, W) have of
        them. All words see one noised picture.   -> (B,)
        """
        assert self.spelling is not None, "who reads is given words"
        logits = self.spelling.logits(vectors)  # (B, K)
        with torch.no_grad():
            by_chance = logits - torch.rand_like(logits).clamp(1e-9, 1 - 1e-7).log().neg().log()  # Gumbel's trick
            drawn = by_chance.topk(candidates, dim=1).indices  # (B, C)
            latents = self._latents[rows].float()
            noise, t = torch.randn_like(latents), self.steps(len(rows)).to(latents.device)
            prompts = [prompt(style) for style in styles for _ in range(candidates)]
            states = self.prior.reader(prompts, {THING_AT: self.spelling.words[drawn].flatten(0, 1)})
            latents, noise, t = (part.repeat_interleave(candidates, dim=0) for part in (latents, noise, t))
            errors = self.prior.velocity_error(latents, noise, t, states).view(len(rows), candidates)
        shares = logits.gather(1, drawn).softmax(dim=1)  # (B, C)
        return (shares * errors).sum(dim=1)

    def steps(self, count: int) -> Tensor:
        """Noise steps, one from each of `count` equally wide stretches, in no order.   -> (count,)"""
        low, high = (int(share * self.prior.steps) for share in NOISE)
        return low + ((torch.randperm(count) + torch.rand(count)) / count * (high - low)).long()

    def _concentrated(
        self, latents: Tensor, noise: Tensor, t: Tensor, states: Tensor, prompts: Sequence[str]
    ) -> Tensor:
        """The error where the prior looks the vector up.   -> (B,)"""
        signal, heat = self.prior.signal(t), HeatMaps(self.prior, len(latents))
        v = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        with heat.recording():
            predicted = self.prior.velocity(self.prior.noised(latents, noise, t), t, states)
        at = self.prior.reader.positions_of(prompts, THING_AT)
        maps = heat.maps().detach()[torch.arange(len(at), device=at.device), at]  # (B, h, w)
        return ((predicted - v).square().mean(dim=1) * concentrated(maps)).mean(dim=(1, 2))


def concentrated(maps: Tensor) -> Tensor:
    """Weights of mean 1 from where a vector is looked up, (B, h, w): FLOOR of the greatest where that is least.

    >>> concentrated(torch.tensor([[[0.0, 1.0]]]))
    tensor([[[0.3333, 1.6667]]])
    """
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    mask = FLOOR + (1 - FLOOR) * (maps - low) / (high - low).clamp(min=1e-9)
    return mask / mask.mean(dim=(1, 2), keepdim=True)
