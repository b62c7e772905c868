"""Where things stand in a picture, as a map that a prior reads beside the noisy latents.

Mou et al., "T2I-Adapter" (2023): features of a picture, added to a text-to-image model that already knows words. Here
they are those of a frozen ImageNet trunk at three strides. Each channel is normalised over space, which takes out most
of the style (Huang and Belongie, "Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization", 2017),
so the map keeps form and parts. Tone and hue are lost with it; mean colours of coarse cells carry them beside the map.

    map      f_k = trunk(x) at strides 8, 16, 32;  m = mix( sum_k resize(P_k norm(f_k)) );  m / rms(m)
    even     norm(m) s + u, where it is asked for: each channel at the spread and mean that it has on average
    colours  mean RGB of x in G x G cells, enlarged to the map, and a channel of ones; all zero where they are withheld
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

COLOR_CHANNELS = 4  # red, green, blue, and whether they are known
EPSILON = 1e-4
LOOKED = 128  # pictures at once


@dataclass(frozen=True)
class AdapterConfig:
    """The sizes of an adapter. Its trunk sees pictures of `size` pixels, whatever the prior draws."""

    trunk: str = "tf_efficientnet_lite0"
    size: int = 128
    blocks: tuple[int, ...] = (2, 4, 6)  # stages of the trunk that are read: strides 8, 16 and 32
    hidden: int = 64
    channels: int = 32  # of the map
    color_cells: int = 4  # G, on a side; 0: no colours
    even: bool = False  # whether each channel of a map gets the mean and spread that it has in pictures on average

    @property
    def control_channels(self) -> int:
        """M: those of the map, then those of the colours."""
        return self.channels + (COLOR_CHANNELS if self.color_cells else 0)


class Trunk(nn.Module):
    """The frozen stages of an EfficientNet, without its head."""

    def __init__(self, config: AdapterConfig) -> None:
        super().__init__()
        full = timm.create_model(config.trunk, pretrained=False)
        self.conv_stem, self.bn1 = full.conv_stem, full.bn1
        self.blocks = nn.Sequential(*list(full.blocks)[: max(config.blocks) + 1])
        self._read = config.blocks
        self.requires_grad_(False)
        self.eval()
        self.widths = self._widths()

    def reading(self, blocks: tuple[int, ...]) -> Trunk:
        """The same weights, read at other stages."""
        other = copy(self)
        other._read = blocks
        other.widths = other._widths()
        return other

    @torch.no_grad()
    def _widths(self) -> tuple[int, ...]:
        device = self.conv_stem.weight.device
        return tuple(f.shape[1] for f in self(torch.zeros(1, 3, 32, 32, device=device)))

    def train(self, mode: bool = True) -> Trunk:
        """It never trains: its statistics stay those of ImageNet."""
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in [-1, 1] -> features (B, C_k, H / s_k, W / s_k), the finest first"""
        features = []
        x = self.bn1(self.conv_stem(images))
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self._read:
                features.append(x)
        return features


class ImageAdapter(nn.Module):
    """Pictures -> controls (B, M, side, side), where `side` is that of the latents."""

    usual: Tensor  # (2, C): mean and spread of every channel

    def __init__(self, config: AdapterConfig, side: int, trunk: Trunk | None = None) -> None:
        """trunk: one that is shared; without it, one at random weights."""
        super().__init__()
        self.config = config
        self.side = side
        self.trunk = Trunk(config) if trunk is None else trunk
        self.project = nn.ModuleList([nn.Conv2d(width, config.hidden, 1) for width in self.trunk.widths])
        self.mix = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(config.hidden, config.hidden, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(config.hidden, config.channels, 3, padding=1),
        )
        if config.even:
            self.register_buffer("usual", torch.stack([torch.zeros(config.channels), torch.ones(config.channels)]))
        self.no_map = nn.Parameter(torch.zeros(1, config.control_channels, side, side))

    def forward(self, images: Tensor, colors_known: Tensor | None = None) -> Tensor:
        """The control of pictures (B, 3, H, W) in [-1, 1]; `colors_known` (B,) says whose colours it may hold.

        -> (B, M, side, side)
        """
        images = self.resize(images)
        control = self.map(images)
        return torch.cat([control, self.colors(images, colors_known)], 1) if self.config.color_cells else control

    def map(self, images: Tensor) -> Tensor:
        """(B, 3, size, size) in [-1, 1] -> (B, config.channels, side, side); of unit RMS in each picture, or even"""
        with torch.no_grad():
            features = self.trunk(images)
        size = (self.side, self.side)
        hidden = sum(
            F.interpolate(project(normalise(f)), size=size, mode="bilinear", align_corners=False)
            for project, f in zip(self.project, features, strict=True)
        )
        mixed = self.mix(hidden).float()  # (B, C, side, side)
        map_ = mixed / (mixed.square().mean(dim=(1, 2, 3), keepdim=True) + EPSILON**2).sqrt()
        return self._evened(map_) if self.config.even else map_

    def _evened(self, map_: Tensor) -> Tensor:
        mean, spread = self.usual[:, :, None, None]
        return normalise(map_) * spread + mean

    def made_even(self, pictures: Tensor) -> ImageAdapter:
        """The same adapter, whose maps are even: mean and spread are those of its maps of pictures (N, 3, H, W) in
        [-1, 1], N > 1.
        """
        with torch.no_grad():
            maps = torch.cat([self.map(self.resize(part)) for part in pictures.split(LOOKED)])
        other = ImageAdapter(replace(self.config, even=True), self.side, self.trunk)
        usual = torch.stack([maps.mean((0, 2, 3)), maps.std((2, 3), correction=0).mean(0)])
        other.load_state_dict({**self.state_dict(), "usual": usual})
        return other

    def colors(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        """(B, 3, size, size) in [-1, 1] -> (B, COLOR_CHANNELS, side, side)"""
        cells = F.adaptive_avg_pool2d(images.float(), self.config.color_cells)
        means = F.interpolate(cells, size=(self.side, self.side), mode="bilinear", align_corners=False)
        colors = torch.cat([means, torch.ones_like(means[:, :1])], 1)
        return colors if known is None else colors * known[:, None, None, None]

    def learned(self) -> dict[str, Tensor]:
        """The weights that are the adapter's own: without the trunk, which is shared."""
        return {name: t for name, t in self.state_dict().items() if not name.startswith("trunk.")}

    def without(self, count: int) -> Tensor:
        """The learned control of no picture, `count` times."""
        return self.no_map.expand(count, -1, -1, -1)

    def resize(self, images: Tensor) -> Tensor:
        """Pictures at the size that the trunk reads."""
        size = self.config.size
        if images.shape[-1] == size:
            return images
        return F.interpolate(images, size=(size, size), mode="bicubic", antialias=True, align_corners=False).clamp(
            -1, 1
        )


def normalise(features: Tensor) -> Tensor:
    """Every channel of (B, C, h, w) at mean 0 and variance 1 over space."""
    return F.instance_norm(features.float())
