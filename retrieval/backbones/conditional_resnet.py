"""A ResNet whose squeeze-excitation is told the modality of what it sees: one trunk for sketches and photos.

Squeeze-excitation: Hu et al., "Squeeze-and-Excitation Networks" (2018). The tag inside it: Liu et al., "Semantic-Aware
Knowledge Preservation for Zero-Shot Sketch-Based Image Retrieval" (2019), where it is called CSE. The blocks are
timm's, so the weights of its SE-ResNets load by name; only the tags' weights are not among them, and those start at
zero: until they are trained, this is a plain SE-ResNet.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from timm.layers import SEModule
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn


class ConditionalExcitation(SEModule):  # type: ignore[misc]  # timm is untyped
    """out = s u,  s = sigmoid(W2 [a; t] + b2),  a = ReLU(W1 mean(u) + b1), for channels u and a tag t.

    `fc1` is W1; `fc2` is W2 without its last column, which is `tag`.
    """

    def __init__(self, channels: int, **told: Any) -> None:
        super().__init__(channels, **told)
        self.tag = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, features: Tensor, tags: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C, H, W)"""
        return features * self.gates(features, tags)

    def gates(self, features: Tensor, tags: Tensor) -> Tensor:
        """The s of each channel: (B, C, H, W), (B,) -> (B, C, 1, 1), in (0, 1)."""
        squeezed = self.act(self.fc1(features.mean((2, 3), keepdim=True)))  # (B, C / reduction, 1, 1)
        told = tags[:, None] * self.tag[:, 0]  # (B, C)
        return torch.sigmoid(self.fc2(squeezed) + told[:, :, None, None])


class ConditionalBasicBlock(BasicBlock):  # type: ignore[misc]
    """timm's block of two convolutions; its excitation is handed the tags."""

    def forward(self, x: Tensor, tags: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C', H', W')"""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.act1(self.bn1(self.conv1(x)))
        x = self.se(self.bn2(self.conv2(x)), tags)
        return self.act2(x + shortcut)


class ConditionalBottleneck(Bottleneck):  # type: ignore[misc]
    """timm's block of three convolutions; its excitation is handed the tags."""

    def forward(self, x: Tensor, tags: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C', H', W')"""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.act1(self.bn1(self.conv1(x)))
        x = self.act2(self.bn2(self.conv2(x)))
        x = self.se(self.bn3(self.conv3(x)), tags)
        return self.act3(x + shortcut)


SMALL = {"block": ConditionalBasicBlock, "stem_type": "deep_tiered", "avg_down": True}
TRUNKS: dict[str, dict[str, Any]] = {  # name -> what timm's ResNet is told
    "resnet50": {"block": ConditionalBottleneck, "layers": (3, 4, 6, 3)},
    "resnet10t": SMALL | {"layers": (1, 1, 1, 1), "stem_width": 32},
    "resnet18-half": SMALL | {"layers": (2, 2, 2, 2), "stem_width": 16, "channels": (32, 64, 128, 256)},
    "resnet10-quarter": SMALL | {"layers": (1, 1, 1, 1), "stem_width": 8, "channels": (16, 32, 64, 128)},
}


class ConditionalResNet(ResNet):  # type: ignore[misc]
    """The trunk of that name at random weights; `num_features` is the length F of what it puts out.

    The excitation squeezes by 16, but never below 8 channels. No branch starts switched off, as timm's would, so that
    the tags have a gradient from the first step.
    """

    num_features: int

    def __init__(self, name: str) -> None:
        excitation = {"attn_layer": partial(ConditionalExcitation, rd_ratio=1 / 16)}
        super().__init__(**TRUNKS[name], num_classes=0, zero_init_last=False, block_args=excitation)

    def forward(self, images: Tensor, tags: Tensor) -> Tensor:
        """(B, 3, H, W), (B,) -> (B, F)"""
        x = self.maxpool(self.act1(self.bn1(self.conv1(images))))
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            for block in stage:
                x = block(x, tags)
        return self.global_pool(x)
