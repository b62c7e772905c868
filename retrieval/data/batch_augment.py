"""Whole batches of pictures varied at once, on the device that trains: cropped, shown smaller, mirrored, tilted, relit,
without colour, or as outlines. The same changes as `augment`, for trainings that a processor could not feed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Variation:
    """How far pictures are varied. Shares are probabilities for each picture."""

    closest: float = 0.68  # the smallest part of a side that a crop keeps
    farthest: float = 1.9  # how many times a picture's side fits into the view, where it is shown smaller
    smaller: float = 0.12  # share of pictures that are shown smaller
    drawings_smaller: float = 0.3  # likewise of drawings, whose paper may be large
    tilt: float = 9.0  # degrees, standard deviation
    shear: float = 0.08
    aspect: float = 0.12  # of the logarithm
    relit: float = 0.7  # share whose brightness, contrast and saturation change
    grey: float = 0.08
    outline: float = 0.12
    blurred: float = 0.15


def vary(pictures: Tensor, drawings: Tensor, size: int, by: Variation, random: torch.Generator) -> Tensor:
    """Another view of each picture: uint8 (B, 3, H, W), which are drawings (B,) -> float (B, 3, size, size) in [0, 1].

    random: on the device of the pictures.
    """
    x = F.grid_sample(
        pictures.float() / 255.0,
        _grid(drawings, size, by, random),
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )  # (B, 3, size, size)
    x = torch.where(drawings[:, None, None, None], x, _relit(x, by, random))  # paper stays white
    if by.blurred:
        x = torch.where(_some(len(x), by.blurred, x, random), _blurred(x), x)
    grey = x.mean(dim=1, keepdim=True).expand_as(x)
    x = torch.where(_some(len(x), by.grey, x, random), grey, x)
    return torch.where(_some(len(x), by.outline, x, random), outlines(x), x) if by.outline else x


def _grid(drawings: Tensor, size: int, by: Variation, random: torch.Generator) -> Tensor:
    """Where each pixel of the views is taken from.   -> (B, size, size, 2)"""
    count, device = len(drawings), drawings.device

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, device=device, generator=random)

    def normal(spread: float) -> Tensor:
        return spread * torch.randn(count, device=device, generator=random)

    share = torch.where(drawings, by.drawings_smaller, by.smaller)
    is_smaller = uniform(0, 1) < share
    zoom = torch.where(is_smaller, uniform(1.0, by.farthest), uniform(by.closest, 1.08))  # of a side that is seen
    stretch = normal(by.aspect).clamp(-0.35, 0.35)
    across, down = zoom * (stretch / 2).exp(), zoom * (-stretch / 2).exp()
    room = (zoom - 1).abs()
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    angle, shear = normal(math.radians(by.tilt)), normal(by.shear)
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([flip * across * cos, down * (shear - sin), room * uniform(-1, 1)], dim=1),
            torch.stack([flip * across * sin, down * cos, room * uniform(-1, 1)], dim=1),
        ],
        dim=1,
    )  # (B, 2, 3)
    return F.affine_grid(theta, [count, 3, size, size], align_corners=False)


def _some(count: int, share: float, like: Tensor, random: torch.Generator) -> Tensor:
    """Which pictures something is done to.   -> (B, 1, 1, 1) bool"""
    return torch.rand(count, 1, 1, 1, device=like.device, generator=random) < share


def _relit(x: Tensor, by: Variation, random: torch.Generator) -> Tensor:
    """Brightness, contrast and saturation changed by up to three tenths; hues stay, because captions name them."""
    count = len(x)

    def factor(most: float) -> Tensor:
        return 1 + most * (2 * torch.rand(count, 1, 1, 1, device=x.device, generator=random) - 1)

    changed = x * factor(0.3)
    middle = changed.mean(dim=(1, 2, 3), keepdim=True)
    changed = middle + (changed - middle) * factor(0.3)
    grey = changed.mean(dim=1, keepdim=True)
    changed = (grey + (changed - grey) * factor(0.3)).clamp(0, 1)
    return torch.where(_some(count, by.relit, x, random), changed, x)


def _blurred(x: Tensor) -> Tensor:
    """A binomial blur of three pixels."""
    return _filtered(x, torch.tensor([[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]) / 16)


def outlines(x: Tensor) -> Tensor:
    """Dark lines on white where brightness changes: Sobel's gradients of a blurred picture, the strongest black.
    (B, 3, H, W) in [0, 1] -> the same
    """
    across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    grey = _blurred(_blurred(x.mean(dim=1, keepdim=True)))
    strength = (_filtered(grey, across).square() + _filtered(grey, across.T).square()).sqrt()  # (B, 1, H, W)
    strongest = strength.flatten(1).quantile(0.97, dim=1).clamp(min=0.16)[:, None, None, None]
    return (1 - (strength / strongest).clamp(0, 1)).expand_as(x)


def _filtered(x: Tensor, kernel: Tensor) -> Tensor:
    """Each channel correlated with a kernel (3, 3), borders repeated."""
    channels = x.shape[1]
    weight = kernel.to(x).expand(channels, 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), weight, groups=channels)
