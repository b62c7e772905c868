"""Priors that need no training: one at random weights, and one that is perfect in a world of two coloured halves."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.backbones.clip import tokenizer
from retrieval.diffusion.image_adapter import AdapterConfig
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ANY_STYLE, ANY_THING, EMPTY, STYLE_AT, THING_AT, ReaderConfig, prompt

WIDTH = 32
STYLES = ("photo", "sketch", "doodle")
THINGS = ("duck", "car", "cup")
COLORS = torch.eye(3) * 2 - 1  # (3, 3) of the thing, or the style, of that number; in {-1, 1}


def tiny_prior(seed: int = 0, channels: int = 4) -> Prior:
    """At random weights, but such that a prompt changes the picture, and rounding does not."""
    torch.manual_seed(seed)
    reader = ReaderConfig(width=WIDTH, layers=1, heads=2)
    prior = Prior(PriorConfig(size=64, channels=channels, widths=(16, 32), heads=2, reader=reader)).eval()
    with torch.no_grad():
        for name, parameter in prior.unet.named_parameters():
            if "attn" in name and name.endswith("weight"):
                parameter.mul_(2)
            if name.startswith("conv_out"):
                parameter.mul_(0.3)
        for name, parameter in prior.latents.named_parameters():
            if name.startswith("decoder") and name.endswith("weight"):
                parameter.mul_(2)
    return prior.requires_grad_(False)


class Enlarged(nn.Module):
    """Latents (B, 3, h, w) that are small pictures."""

    def encode(self, pictures: Tensor) -> Tensor:
        return F.avg_pool2d(pictures, 8)

    def decode(self, latents: Tensor) -> Tensor:
        return F.interpolate(latents, scale_factor=8.0).clamp(-1, 1)


class HalvesAdapter(nn.Module):
    """Tells where things stand by what is seen on the left, and nothing of what is seen on the right: (B, 3 + 1, h, w),
    and whether colours are known in the last channel.
    """

    config = AdapterConfig(channels=3)

    def __init__(self) -> None:
        super().__init__()
        self.no_map = nn.Parameter(torch.zeros(1, 4, 8, 8))

    def forward(self, images: Tensor, known: Tensor | None = None) -> Tensor:
        small = F.avg_pool2d(images, images.shape[-1] // 8)
        colors = torch.ones(len(images)) if known is None else known.float()
        small[..., 4:] = 0
        return torch.cat([small, colors[:, None, None, None].expand(-1, 1, 8, 8)], 1)

    def without(self, count: int) -> Tensor:
        return self.no_map.expand(count, -1, -1, -1)


class HalvesPrior(Prior):
    """Sees a picture behind all noise: on the left the colour that the thing's place of the prompt says, on the right
    that of the style's. It knows no other words. `adapted`: on the left is what the map says, where there is one.
    """

    def __init__(self, *, adapted: bool = False) -> None:
        said = [prompt(style, thing) for style in (*STYLES, None) for thing in (*THINGS, None)]
        vocabulary = tuple(tokenizer(24)([EMPTY, *said]).unique().tolist())
        reader = ReaderConfig(width=WIDTH, layers=1, heads=2, vocabulary=vocabulary)
        super().__init__(PriorConfig(size=64, channels=3, widths=(16, 32), heads=2, reader=reader))
        self.latents = Enlarged()  # type: ignore[assignment]
        self.adapter = HalvesAdapter() if adapted else None  # type: ignore[assignment]
        self.reader.read = lambda words: words  # type: ignore[method-assign]
        weight = self.reader.token_embedding.weight.requires_grad_(False)
        weight[self.reader.tokens([EMPTY])] = 0
        for words, colors in ((THINGS, slice(0, 3)), (STYLES, slice(3, 6))):
            for word, color in zip(words, COLORS, strict=True):
                row = int(self.reader.tokens([word])[0, 1])
                weight[row] = 0
                weight[row, colors] = color
        for word in (ANY_STYLE, ANY_THING):
            weight[int(self.reader.tokens([word])[0, 1])] = 0
        self.requires_grad_(False)

    def velocity(self, noisy: Tensor, t: Tensor, states: Tensor, control: Tensor | None = None) -> Tensor:
        half = noisy.shape[-1] // 2
        seen = torch.zeros_like(noisy)
        seen[..., :half] = states[:, THING_AT, :3, None, None]
        if self.adapter is not None and control is not None:
            told = control[:, :3].abs().amax(dim=(1, 2, 3)) > 0
            seen[told, ..., :half] = control[told, :3, :, :half]
        seen[..., half:] = states[:, STYLE_AT, 3:6, None, None]
        signal = self.signal(t)
        return (signal.sqrt() * noisy - seen) / (1 - signal).sqrt()
