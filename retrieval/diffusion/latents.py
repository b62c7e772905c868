"""Pictures as small maps of few numbers: an auto-encoder that two cores can train in a quarter of an hour.

Patches of 4 x 4 pixels become the channels of a map a quarter of the size, so that no layer works on full-size maps
(Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", 2016); residual blocks take that to an eighth. The map is normalised to unit variance, and in training noised
a little, so that neighbouring latents mean neighbouring pictures.
"""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional as F

PATCH = 4  # pixels on a side of what becomes channels
FACTOR = 2 * PATCH  # pixels on a side of what becomes one latent position
NOISE = 0.1  # standard deviation of what is added in training to latents of about unit variance


class Residual(nn.Module):
    """(B, C, h, w) -> the same"""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        for parameter in self.second.parameters():
            nn.init.zeros_(parameter)  # at first, it changes nothing

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.silu(self.first(F.silu(x))))


class PatchAutoencoder(ModelMixin, ConfigMixin):  # type: ignore[misc]  # diffusers is untyped
    """Pictures (B, 3, H, W) in [-1, 1] <-> latents (B, C, H / 8, W / 8) of unit variance in every channel."""

    mean: Tensor
    std: Tensor

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, channels: int = 16, widths: tuple[int, int] = (80, 128)) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        fine, coarse = widths
        self.encoder = nn.Sequential(
            nn.PixelUnshuffle(PATCH),
            nn.Conv2d(3 * PATCH**2, fine, 3, padding=1),
            Residual(fine),
            nn.Conv2d(fine, coarse, 4, stride=2, padding=1),
            Residual(coarse),
            nn.Conv2d(coarse, channels, 1),
        )
        self.decoder = nn.Sequential(
            nn.Conv2d(channels, coarse, 3, padding=1),
            Residual(coarse),
            Residual(coarse),
            nn.Conv2d(coarse, 4 * fine, 1),
            nn.PixelShuffle(2),
            Residual(fine),
            Residual(fine),
            nn.Conv2d(fine, 3 * PATCH**2, 3, padding=1),
            nn.PixelShuffle(PATCH),
        )
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-arg]

    def encode(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, C, H / 8, W / 8)"""
        raw: Tensor = self.encoder(pictures)
        return (raw - self.mean[:, None, None]) / self.std[:, None, None]

    def decode(self, latents: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, 3, 8 h, 8 w), in [-1, 1]"""
        return self._decoded(latents * self.std[:, None, None] + self.mean[:, None, None]).clamp(-1, 1)

    def reconstruction(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """What is to be made small, a scalar, and what pictures (B, 3, H, W) became: the mean absolute error of pixels
        and of the steps between neighbouring ones, where noise lies on the latents, and a pull of these towards unit
        variance.
        """
        raw: Tensor = self.encoder(pictures)
        rebuilt = self._decoded(raw + NOISE * torch.randn_like(raw))
        wrong = rebuilt - pictures  # (B, 3, H, W)
        steps = wrong.diff(dim=2).abs().mean() + wrong.diff(dim=3).abs().mean()
        spread = (raw.std(dim=(0, 2, 3)) - 1).square().mean() + raw.mean(dim=(0, 2, 3)).square().mean()
        return wrong.abs().mean() + 0.5 * steps + 0.1 * spread, rebuilt

    @torch.no_grad()
    def normalise(self, pictures: Tensor) -> None:
        """Set mean and spread of the latents to those of pictures (N, 3, H, W)."""
        raw = self.encoder(pictures)
        self.mean.copy_(raw.mean(dim=(0, 2, 3)))
        self.std.copy_(raw.std(dim=(0, 2, 3)))

    def _decoded(self, raw: Tensor) -> Tensor:
        pictures: Tensor = self.decoder(raw)
        return pictures
