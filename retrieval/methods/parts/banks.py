"""What methods that learn without labels share: views of a picture, the extractor, and one code for each training
picture, which a slow copy of the extractor's head keeps up to date.

Views are UCDIR's (Hu and Lee, "Feature Representation Learning for Unsupervised Cross-Domain Image Retrieval", 2022);
the copy is that of He et al., "Momentum Contrast for Unsupervised Visual Representation Learning" (2020).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import RandomResizedCrop, v2

from retrieval.errors import DataError
from retrieval.images import Preprocess


class View:
    """A view of each picture from which crop, colour and sharpness cannot be told. Chances and strengths are those of
    torchvision's transforms of the same names; here a batch is changed at once, each picture by numbers of its own.
    """

    def __init__(self, preprocess: Preprocess) -> None:
        self._mean, self._std = preprocess.mean, preprocess.std

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same, normalised before and after. Random from torch's generator."""
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (self._mean, self._std))
        pictures = _cropped((images * std + mean).clamp(0, 1))
        pictures = _sometimes(0.8, _recoloured(pictures), pictures)
        pictures = _sometimes(0.2, _grey(pictures).expand_as(pictures), pictures)
        return (_sometimes(0.5, _blurred(pictures), pictures) - mean) / std


def _sometimes(chance: float, changed: Tensor, pictures: Tensor) -> Tensor:
    """Each picture changed with that chance."""
    chosen = torch.rand(len(pictures), 1, 1, 1) < chance
    return torch.where(chosen.to(pictures.device), changed, pictures)


def _between(low: float, high: float, like: Tensor) -> Tensor:
    """A number for each picture.   -> (B, 1, 1, 1)"""
    return (low + (high - low) * torch.rand(len(like), 1, 1, 1)).to(like.device)


def _cropped(pictures: Tensor) -> Tensor:
    """RandomResizedCrop of 0.3 to 1 of the area, and RandomHorizontalFlip."""
    high, wide = pictures.shape[-2:]
    boxes = [RandomResizedCrop.get_params(pictures[0], [0.3, 1.0], [3 / 4, 4 / 3]) for _ in pictures]
    top, left, height, width = torch.tensor(boxes, dtype=pictures.dtype).T  # (B,) each
    flip = torch.where(torch.rand(len(pictures)) < 0.5, -1.0, 1.0)
    theta = torch.zeros(len(pictures), 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = flip * width / wide, (2 * left + width) / wide - 1
    theta[:, 1, 1], theta[:, 1, 2] = height / high, (2 * top + height) / high - 1
    grid = F.affine_grid(theta.to(pictures.device), list(pictures.shape), align_corners=False)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _recoloured(pictures: Tensor) -> Tensor:
    """ColorJitter(0.4, 0.4, 0.4, 0.1), in an order drawn for the batch; hue turns about the axis of greys."""
    for change in torch.randperm(4).tolist():
        strength = _between(0.6, 1.4, pictures)
        if change == 0:
            pictures = pictures * strength
        elif change == 1:
            pictures = torch.lerp(_grey(pictures).mean(dim=(1, 2, 3), keepdim=True), pictures, strength)
        elif change == 2:
            pictures = torch.lerp(_grey(pictures), pictures, strength)
        else:
            pictures = _turned(pictures, _between(-0.1, 0.1, pictures) * 2 * math.pi)
        pictures = pictures.clamp(0, 1)
    return pictures


def _grey(pictures: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, 1, H, W)"""
    return v2.functional.rgb_to_grayscale(pictures)


def _turned(pictures: Tensor, angles: Tensor) -> Tensor:
    """Colours turned about the axis of greys: pictures (B, 3, H, W), angles (B, 1, 1, 1) in radians."""
    cosine, sine = angles.cos(), angles.sin()
    mean = pictures.mean(dim=1, keepdim=True)
    across = (pictures.roll(1, dims=1) - pictures.roll(-1, dims=1)) / 3**0.5  # the axis' cross product with a colour
    return cosine * pictures + (1 - cosine) * mean + sine * across


def _blurred(pictures: Tensor) -> Tensor:
    """GaussianBlur(5, (0.1, 1.5))"""
    count, channels, high, wide = pictures.shape
    places = torch.arange(-2, 3, device=pictures.device)
    kernel = torch.exp(-0.5 * (places / _between(0.1, 1.5, pictures)[..., 0]) ** 2)  # (B, 1, 5)
    kernel = (kernel / kernel.sum(dim=-1, keepdim=True)).repeat_interleave(channels, dim=0)[:, :, None]  # (3B, 1, 1, 5)
    padded = F.pad(pictures, (2, 2, 2, 2), mode="reflect").flatten(0, 1)[None]  # (1, 3B, H + 4, W + 4)
    rows = F.conv2d(padded, kernel, groups=count * channels)
    return F.conv2d(rows, kernel.transpose(2, 3), groups=count * channels).view(count, channels, high, wide)


class Head(nn.Module):
    """Features (B, F) -> codes (B, W), which have `length` until training changes it."""

    def __init__(self, features: int, hidden: int, width: int, length: float = 1.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(features, elementwise_affine=False),
            nn.Linear(features, hidden),
            nn.GELU(),
            nn.Linear(hidden, width),
            nn.LayerNorm(width, elementwise_affine=False),
        )
        self.scale = nn.Parameter(torch.tensor(length / width**0.5))

    def forward(self, features: Tensor) -> Tensor:
        codes: Tensor = self.scale * self.layers(features)
        return codes


class Extractor(nn.Module):
    """Pictures (B, 3, H, W) -> codes (B, W): a trunk that never trains, and a head."""

    def __init__(self, width: int, trunk: str, hidden: int, length: float = 1.0) -> None:
        super().__init__()
        self.trunk = timm.create_model(trunk, num_classes=0).requires_grad_(False)
        self.head = Head(int(self.trunk.num_features), hidden, width, length)
        self.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> Extractor:
        """The trunk's statistics stay what they are."""
        super().train(mode)
        self.trunk.eval()
        return self

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, F), before the head."""
        features: Tensor = self.trunk(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.head(self.features(images))
        return codes


class Bank(nn.Module):
    """A code of the slow copy for each of N training pictures, which are known by their names."""

    bank: Tensor
    places: Tensor
    epoch: Tensor

    def __init__(self, head: Head, names: Sequence[str], places: Sequence[int], width: int) -> None:
        super().__init__()
        self.copy = deepcopy(head).requires_grad_(False)
        self._rows = {name: row for row, name in enumerate(names)}
        if len(self._rows) != len(names):
            raise DataError(f"{len(names) - len(self._rows)} of {len(names)} training pictures share a name.")
        self.register_buffer("places", torch.tensor(places))  # (N,) which domain a picture is of
        self.register_buffer("bank", torch.zeros(len(names), width))  # unit rows, or zero where none was put yet
        self.register_buffer("epoch", torch.zeros((), dtype=torch.int64))  # epochs that were begun

    def rows(self, names: Sequence[str]) -> Tensor:
        """Where the pictures with these names stand.   -> (B,)"""
        return torch.tensor([self._rows[name] for name in names], device=self.bank.device)

    @torch.no_grad()
    def put(self, rows: Tensor, features: Tensor) -> None:
        """Keep what the copy makes of features (B, F) in rows (B,)."""
        self.bank[rows] = F.normalize(self.copy(features), dim=-1).to(self.bank.dtype)

    @torch.no_grad()
    def follow(self, head: Head, kept: float) -> None:
        """Move the copy a little, and keep the share `kept` of what it was."""
        for slow, fast in zip(self.copy.parameters(), head.parameters(), strict=True):
            slow.lerp_(fast, 1 - kept)
