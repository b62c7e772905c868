"""A Swin transformer as the reader of upright pictures: all of it learns.

Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows" (2021), as timm builds it.
"""

from __future__ import annotations

import timm
from torch import Tensor, nn


class SwinReader(nn.Module):
    """Upright pictures -> tokens at stride 32."""

    def __init__(self, trunk: str, height: int, wide: int, width: int) -> None:
        """trunk: timm's name. height, wide: of the pictures in pixels. width: of a token."""
        super().__init__()
        self.trunk = timm.create_model(trunk, pretrained=False, num_classes=0, img_size=(height, wide))
        self.read = nn.Linear(self.trunk.num_features, width)
        self.after = nn.LayerNorm(width)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, height, wide), normalised -> (B, P, W)"""
        features = self.trunk.forward_features(pictures)  # (B, height / 32, wide / 32, F)
        tokens: Tensor = self.after(self.read(features.flatten(1, 2)))
        return tokens
