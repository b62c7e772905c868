"""What methods that learn without labels share: views of a picture, the extractor, and one code for each training
picture, which a slow copy of the extractor keeps up to date.

Views are UCDIR's (Hu and Lee, "Feature Representation Learning for Unsupervised Cross-Domain Image Retrieval", 2022);
the copy is that of He et al., "Momentum Contrast for Unsupervised Visual Representation Learning" (2020).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from retrieval.errors import DataError
from retrieval.images import Preprocess


class View:
    """A view of each picture from which crop, colour and sharpness cannot be told."""

    def __init__(self, preprocess: Preprocess) -> None:
        self._mean, self._std = preprocess.mean, preprocess.std
        self._change = v2.Compose(
            [
                v2.RandomResizedCrop(preprocess.size, scale=(0.3, 1.0), antialias=True),
                v2.RandomApply([v2.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8),
                v2.RandomGrayscale(0.2),
                v2.RandomApply([v2.GaussianBlur(5, (0.1, 1.5))], p=0.5),
                v2.RandomHorizontalFlip(),
            ]
        )

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> the same, normalised before and after. Random from torch's generator."""
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (self._mean, self._std))
        pictures = (images * std + mean).clamp(0, 1)
        return (torch.stack([self._change(picture) for picture in pictures]) - mean) / std


class Extractor(nn.Module):
    """Pictures (B, 3, H, W) -> codes (B, W), which have `length` until training changes it."""

    def __init__(self, width: int, trunk: str, channels: Sequence[int], length: float = 1.0) -> None:
        super().__init__()
        self.trunk = timm.create_model(trunk, num_classes=0, channels=tuple(channels))
        features = int(self.trunk.num_features)
        self.head = nn.Sequential(nn.Linear(features, features), nn.GELU(), nn.Linear(features, width))
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.scale = nn.Parameter(torch.tensor(length / width**0.5))
        self.to(memory_format=torch.channels_last)

    def features(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, F), before the head."""
        found: Tensor = self.trunk(images)
        return found

    def forward(self, images: Tensor) -> Tensor:
        codes: Tensor = self.scale * self.norm(self.head(self.features(images)))
        return codes


class Bank(nn.Module):
    """A code of the slow copy for each of N training pictures, which are known by their names."""

    bank: Tensor
    places: Tensor
    epoch: Tensor

    def __init__(self, extractor: Extractor, names: Sequence[str], places: Sequence[int], width: int) -> None:
        super().__init__()
        self.copy = deepcopy(extractor).requires_grad_(False)
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
    def put(self, rows: Tensor, images: Tensor) -> None:
        """Keep what the copy makes of pictures (B, 3, H, W) in rows (B,)."""
        self.bank[rows] = F.normalize(self.copy(images), dim=-1)

    @torch.no_grad()
    def follow(self, extractor: Extractor, kept: float) -> None:
        """Move the copy a little, and keep the share `kept` of what it was."""
        for slow, fast in zip(self.copy.parameters(), extractor.parameters(), strict=True):
            slow.lerp_(fast, 1 - kept)
