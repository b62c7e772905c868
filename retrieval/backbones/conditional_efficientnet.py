"""An EfficientNet with one more block, which is told the modality of what it sees: a trunk for sketches and photos.

EfficientNet: Tan and Le (2019). Its Lite variant has no squeeze-excitation, so a bottleneck with one that hears the tag
stands behind its last map, as those of an SE-ResNet do. All that comes before needs no tag, stays as it was taught, and
can be computed once for many epochs; so that it is small, the map is pooled before the bottleneck, not behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.backbones.conditional_resnet import ConditionalExcitation
from retrieval.errors import SettingsError

PREFIX = "tf_efficientnet"  # of the names that timm has for these trunks


class ConditionalEfficientNet(nn.Module):
    """timm's trunk of that name at random weights; `num_features` is the length F of what it puts out.

    The bottleneck narrows to a quarter. Its last layer starts at zero and its gates half open, whatever they see: until
    something is learnt, this is the plain EfficientNet.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.network: Any = timm.create_model(name, pretrained=False, num_classes=0, global_pool="")
        self.num_features = int(self.network.num_features)
        inner = self.num_features // 4
        self.narrow = nn.Linear(self.num_features, inner)
        self.excitation = ConditionalExcitation(inner, rd_ratio=1 / 16)
        self.widen = nn.Linear(inner, self.num_features)
        for part in (self.excitation.fc2, self.widen):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)

    def forward(self, images: Tensor, tags: Tensor) -> Tensor:
        """(B, 3, H, W), (B,) -> (B, F)"""
        return self.late(self.early(images), tags)

    def early(self, images: Tensor) -> Tensor:
        """What no tag reaches, pooled: (B, 3, H, W) -> (B, F)"""
        features: Tensor = self.network(images.contiguous(memory_format=torch.channels_last)).mean(dim=(2, 3))
        return features

    def late(self, pooled: Tensor, tags: Tensor) -> Tensor:
        """The bottleneck, and the path around it: (B, F), (B,) -> (B, F)"""
        inner = F.relu(self.narrow(pooled))  # (B, F / 4)
        changes: Tensor = self.widen(2 * inner * self._gates(inner, tags))
        return pooled + changes

    def gates(self, images: Tensor, tags: Tensor) -> dict[str, Tensor]:
        """The s of the bottleneck: (B, 3, H, W), (B,) -> name -> (B, F / 4), in (0, 1)."""
        return {"last": self._gates(F.relu(self.narrow(self.early(images))), tags)}

    def _gates(self, inner: Tensor, tags: Tensor) -> Tensor:
        gates: Tensor = self.excitation.gates(inner[:, :, None, None], tags)
        return gates.flatten(1)

    def take_over(self, plain: Mapping[str, Tensor]) -> None:
        """Become the EfficientNet whose weights these are, under timm's names; the bottleneck stays.

        Raises SettingsError where the weights are not those of this trunk.
        """
        try:
            self.network.load_state_dict(plain)
        except RuntimeError as error:
            raise SettingsError(f"These weights do not fit the trunk ({error}). Name a trunk of that shape.") from error

    def early_parts(self) -> tuple[nn.Module, ...]:
        """The modules of `early`."""
        return (self.network,)
