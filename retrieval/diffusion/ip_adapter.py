"""A released IP-Adapter beside a released Stable Diffusion, in the place of our image adapter.

Ye et al., "IP-Adapter: Text Compatible Image Prompt Adapter for Text-to-Image Diffusion Models" (2023): CLIP's picture
tower makes one vector of a picture, a projection makes a few words of it, and every cross-attention of the U-Net looks
at these beside the prompt, by keys and values of their own. Projection, keys and values are diffusers' own parts.

    paper symbol -> here
    c_i      what `IPAdapter` makes of a picture (B, D); zeros stand for no picture
    lambda   `scale`: one number, or one of each block, as diffusers' `set_ip_adapter_scale` reads them. Blocks that
             carry layout and blocks that carry style can so be told apart (Wang et al., "InstantStyle", 2024)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's pictures


@dataclass(frozen=True)
class IPAdapterConfig:
    """The sizes of the picture tower, and how strongly the U-Net looks at what it says."""

    kind: Literal["ip"] = "ip"  # what tells it from our own adapter in a manifest
    size: int = 224  # pixels that the tower reads
    patch: int = 14
    width: int = 1280
    layers: int = 32
    heads: int = 16
    inner: int = 5120  # width of the layers between
    dim: int = 1024  # D
    quick: bool = False  # OpenAI's approximation of GELU
    scale: float | Mapping[str, Any] = 1.0

    @property
    def channels(self) -> int:
        """Of a control that are a map: none."""
        return 0


class IPAdapter(nn.Module):
    """Pictures -> controls (B, D)."""

    no_map: Tensor

    def __init__(self, config: IPAdapterConfig) -> None:
        from open_clip.transformer import QuickGELU, VisionTransformer  # needed by this kind of adapter only

        super().__init__()
        self.config = config
        self.tower = VisionTransformer(
            config.size,
            config.patch,
            config.width,
            config.layers,
            config.heads,
            config.inner / config.width,
            output_dim=config.dim,
            act_layer=QuickGELU if config.quick else nn.GELU,
        )
        self.register_buffer("no_map", torch.zeros(1, config.dim), persistent=False)

    def forward(self, images: Tensor, colors_known: Tensor | None = None) -> Tensor:
        """What the tower says of pictures (B, 3, H, W) in [-1, 1]; `colors_known` is not looked at.   -> (B, D)"""
        size = (self.config.size, self.config.size)
        read = F.interpolate(images, size=size, mode="bicubic", antialias=True, align_corners=False).clamp(-1, 1)
        mean, std = (read.new_tensor(values).view(3, 1, 1) for values in (MEAN, STD))
        vectors: Tensor = self.tower((read / 2 + 0.5 - mean) / std)
        return vectors

    def without(self, count: int) -> Tensor:
        """The control of no picture, `count` times."""
        return self.no_map.expand(count, -1)


def attach(unet: Any, weights: Mapping[str, Tensor], scale: float | Mapping[str, Any]) -> None:
    """Let a U-Net look at pictures: the weights as they are released, "image_proj.*" and "ip_adapter.*", and a scale as
    `set_ip_adapter_scale` reads it. Raises KeyError, RuntimeError or ValueError where they do not fit.
    """
    from diffusers.loaders.ip_adapter import IPAdapterMixin

    parts = {
        part: {n.removeprefix(f"{part}."): t.float() for n, t in weights.items() if n.startswith(f"{part}.")}
        for part in ("image_proj", "ip_adapter")
    }
    unet._load_ip_adapter_weights([parts], low_cpu_mem_usage=False)
    set_scale: Any = IPAdapterMixin.set_ip_adapter_scale  # of a pipeline, of which it needs the U-Net alone
    set_scale(SimpleNamespace(unet=unet), dict(scale) if isinstance(scale, Mapping) else float(scale))
