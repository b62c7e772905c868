"""A ResNet whose squeeze-excitation is told the modality of what it sees: one trunk for sketches and photos.

Squeeze-excitation: Hu et al., "Squeeze-and-Excitation Networks" (2018). The tag inside it: Liu et al., "Semantic-Aware
Knowledge Preservation for Zero-Shot Sketch-Based Image Retrieval" (2019), where it is called CSE. The blocks are
timm's, so the weights of its SE-ResNets load by name; only the tags' weights are not among them, and those start at
zero: until they are trained, this is a plain SE-ResNet. A ResNet without excitation can be taken over, too: then every
gate stands half open at first, whatever it sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch
from timm.layers import SEModule
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import Tensor, nn

from retrieval.errors import SettingsError


class ConditionalExcitation(SEModule):  # type: ignore[misc]  # timm is untyped
    """out = s u,  s = sigmoid(W2 [a; t] + b2),  a = ReLU(W1 mean(u) + b1), for channels u and a tag t.

    `fc1` is W1; `fc2` is W2 without its last column, which is `tag`.
    """

    def __init__(self, channels: int, **options: Any) -> None:
        super().__init__(channels, **options)
        self.tag = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, features: Tensor, tags: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C, H, W)"""
        return features * self.gates(features, tags)

    def gates(self, features: Tensor, tags: Tensor) -> Tensor:
        """The s of each channel: (B, C, H, W), (B,) -> (B, C, 1, 1), in (0, 1)."""
        squeezed = self.act(self.fc1(features.mean((2, 3), keepdim=True)))  # (B, C / reduction, 1, 1)
        shift = tags[:, None] * self.tag[:, 0]  # (B, C)
        return torch.sigmoid(self.fc2(squeezed) + shift[:, :, None, None])


class ConditionalBasicBlock(BasicBlock):  # type: ignore[misc]
    """timm's block of two convolutions; its excitation is handed the tags."""

    def unweighted(self, x: Tensor) -> Tensor:
        """What the excitation weighs: (B, C, H, W) -> (B, C', H', W')"""
        return self.bn2(self.conv2(self.act1(self.bn1(self.conv1(x)))))

    def forward(self, x: Tensor, tags: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C', H', W')"""
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.act2(self.se(self.unweighted(x), tags) + shortcut)


class ConditionalBottleneck(Bottleneck):  # type: ignore[misc]
    """timm's block of three convolutions; its excitation is handed the tags."""

    def unweighted(self, x: Tensor) -> Tensor:
        """What the excitation weighs: (B, C, H, W) -> (B, C', H', W')"""
        x = self.act1(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(self.act2(self.bn2(self.conv2(x)))))

    def forward(self, x: Tensor, tags: Tensor) -> Tensor:
        """(B, C, H, W), (B,) -> (B, C', H', W')"""
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.act3(self.se(self.unweighted(x), tags) + shortcut)


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
        return self.late(self.early(images), tags)

    def early(self, images: Tensor) -> Tensor:
        """What no tag reaches: (B, 3, H, W) -> (B, C, H / 4, W / 4)"""
        maps: Tensor = self.maxpool(self.act1(self.bn1(self.conv1(images))))
        return maps

    def late(self, maps: Tensor, tags: Tensor) -> Tensor:
        """What hears the tags: (B, C, h, w), (B,) -> (B, F)"""
        for _, block in self._blocks():
            maps = block(maps, tags)
        features: Tensor = self.global_pool(maps)
        return features

    def early_parts(self) -> tuple[nn.Module, ...]:
        """The modules of `early`."""
        return self.conv1, self.bn1

    @torch.no_grad()
    def take_over(self, plain: Mapping[str, Tensor]) -> None:
        """Become the ResNet without excitation whose weights these are, under timm's names: the same function, to the
        last bit but one. All gates are 1/2, with a gradient to learn from, and what they weigh is doubled.

        Raises SettingsError where the weights are not those of this trunk.
        """
        try:
            missing, unexpected = self.load_state_dict(plain, strict=False)
        except RuntimeError as error:
            raise SettingsError(f"These weights do not fit the trunk ({error}). Name a trunk of that shape.") from error
        strange = [*unexpected, *(name for name in missing if ".se." not in name)]
        if strange:
            raise SettingsError(
                f"These weights do not fit the trunk: {len(strange)} parts differ, among them {strange[0]}. "
                "Name a trunk of that shape."
            )
        for _, block in self._blocks():
            last = getattr(block, "bn3", block.bn2)
            for part in (last.weight, last.bias):
                part.mul_(2)
            for part in (block.se.fc2.weight, block.se.fc2.bias, block.se.tag):
                part.zero_()

    def gates(self, images: Tensor, tags: Tensor) -> dict[str, Tensor]:
        """The s of every block on the way, in order: (B, 3, H, W), (B,) -> name -> (B, C), in (0, 1)."""
        x, gates = self.early(images), {}
        for name, block in self._blocks():
            gates[name] = block.se.gates(block.unweighted(x), tags).flatten(1)
            x = block(x, tags)
        return gates

    def _blocks(self) -> Iterator[tuple[str, Any]]:
        """Every block with its name: the number of its stage, and its own in it."""
        for number, stage in enumerate((self.layer1, self.layer2, self.layer3, self.layer4), start=1):
            for place, block in enumerate(stage, start=1):
                yield f"{number}.{place}", block
