"""Picture towers that accept prompts: extra tokens, given from outside, that every layer of a transformer reads.

All sizes share one signature, `tower(images, prompts) -> codes`: a small one, whose transformer stands on the feature
map of an EfficientNet, open_clip's vision transformers, and SigLIP's. Each says under which prefix its trunk's weights
stand in a model that was `published`. Prompts stand after the class token, as in Zhou et al.,
"Learning to Prompt for Vision-Language Models" (2022), and Jia et al., "Visual Prompt Tuning" (2022).

Those with a class token can be taken apart alike (`ClassTokenTower`), for methods that train prompts alone:

    stem(images)                    what no prompt reaches, so it can be computed once for a picture
    class_token(stem)               the token that begins the sequence, (B, 1, W)
    attend(stem, prompts, first)    (B, W) after the last layer
    finish(stem, attended)          (B, dim)
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, ClassVar

import timm
import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from retrieval.backbones.map_towers import (
    COMPONENTS,
    SHARED,
    ComponentsTower,
    MapTower,
    Prompts,
    SharedTrunkTower,
    sequence,
)
from retrieval.errors import SettingsError

VITS: dict[str, dict[str, Any]] = {  # open_clip's name -> what its vision transformer is made of
    "ViT-B-32": {"patch_size": 32, "width": 768, "layers": 12, "heads": 12, "mlp_ratio": 4.0},
    "ViT-B-16": {"patch_size": 16, "width": 768, "layers": 12, "heads": 12, "mlp_ratio": 4.0},
}
SIGLIPS = {"ViT-B-16-SigLIP2": "vit_base_patch16_siglip_224"}  # open_clip's name -> timm's, of its picture tower


class PromptedEfficientNet(MapTower):
    """An EfficientNet, and what stands on its last feature map."""

    published = ""

    def __init__(self, trunk: str, dim: int, *, size: int, width: int = 256, layers: int = 2, heads: int = 4) -> None:
        """trunk: timm's name. size: pixels on a side. dim: length of a code."""
        network = timm.create_model(trunk, pretrained=False, num_classes=0, global_pool="")
        features = int(network.num_features)
        super().__init__(features, features, dim, size=size, width=width, layers=layers, heads=heads)
        self.features_out = features  # F
        self.trunk = network.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> PromptedEfficientNet:
        """Training mode, but for the trunk's norms: batches mix domains, whose statistics are no picture's own."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """(B, 3, H, W), (B, P, W) -> (B, dim), not yet of unit length."""
        return self.code(self.features(images), prompts)

    def features(self, images: Tensor) -> Tensor:
        """The trunk's map: (B, 3, H, W) -> (B, F, h, w)."""
        features: Tensor = self.trunk(images.contiguous(memory_format=torch.channels_last))
        return features

    def stem(self, images: Tensor) -> Tensor:
        """What no prompt reaches: the trunk's map, (B, F, h, w)."""
        return self.features(images)

    def pooled(self, stem: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, F)"""
        return stem.mean(dim=(2, 3))

    def places(self, stem: Tensor) -> Tensor:
        """(B, F, h, w) -> (B, h w, F)"""
        return stem.flatten(2).transpose(1, 2)

    def copied_class_token(self) -> nn.Module:
        """A frozen copy of what makes the class token: (B, F, h, w) -> (B, 1, W)."""
        parts = nn.AdaptiveAvgPool2d(1), nn.Flatten(), deepcopy(self.pooled_to_token), nn.Unflatten(1, (1, -1))
        return nn.Sequential(*parts).requires_grad_(False)

    def hold_still(self, stages: int) -> None:
        """Let the trunk's stem and its first stages stay as they are; 0: nothing of it."""
        if stages:
            for part in (self.trunk.conv_stem, self.trunk.bn1, *self.trunk.blocks[:stages]):
                part.requires_grad_(False)


class PromptedViT(nn.Module):
    """One of open_clip's vision transformers, at random weights until others are loaded."""

    published = "visual."
    opening: ClassVar[tuple[str, ...]] = ("trunk.class_embedding",)
    closing: ClassVar[tuple[str, ...]] = ("trunk.proj",)

    def __init__(self, name: str, dim: int, *, size: int) -> None:
        super().__init__()
        self.trunk = VisionTransformer(image_size=size, output_dim=dim, **VITS[name])
        self.width = int(VITS[name]["width"])

    def forward(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """(B, 3, H, W), (B, P, W) -> (B, dim), not yet of unit length."""
        return self.code(self.features(images, prompts))

    def features(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """The class token after the last layer: (B, 3, H, W), (B, P, W) -> (B, W)."""
        return self.attend(self.stem(images), prompts)

    def code(self, features: Tensor) -> Tensor:
        """What stands on the trunk: (B, W) -> (B, dim)."""
        projected: Tensor = features @ self.trunk.proj
        return projected

    def stem(self, images: Tensor) -> Tensor:
        """What no prompt reaches: patches with their positions, (B, h w, W)."""
        patches = self.trunk.conv1(images).flatten(2).transpose(1, 2)  # (B, h w, W)
        stem: Tensor = patches + self.trunk.positional_embedding[1:]
        return stem

    def class_token(self, stem: Tensor) -> Tensor:
        """(B, h w, W) -> (B, 1, W)"""
        token: Tensor = (self.trunk.class_embedding + self.trunk.positional_embedding[0]).expand(len(stem), 1, -1)
        return token

    def copied_class_token(self) -> nn.Module:
        """A frozen copy of what makes the class token: (B, h w, W) -> (B, 1, W)."""
        return SameToken(self.trunk.class_embedding + self.trunk.positional_embedding[0])

    def attend(self, stem: Tensor, prompts: Prompts = None, first: Prompts = None, read: int = 0) -> Tensor:
        """The token `read` after the last layer, (B, W). `first` (B, 1, W) stands where the class token does."""
        x = sequence(self.class_token(stem) if first is None else first, prompts, stem)
        attended: Tensor = self.trunk.ln_post(self.trunk.transformer(self.trunk.ln_pre(x))[:, read])
        return attended

    def finish(self, stem: Tensor, attended: Tensor) -> Tensor:
        """(B, h w, W), (B, W) -> (B, dim)"""
        return self.code(attended)


class SameToken(nn.Module):
    """One token, frozen, for every picture."""

    token: Tensor

    def __init__(self, token: Tensor) -> None:
        """token: (W,)"""
        super().__init__()
        self.register_buffer("token", token.detach().clone())

    def forward(self, stem: Tensor) -> Tensor:
        """(B, ...) -> (B, 1, W)"""
        return self.token.expand(len(stem), 1, -1)


class PromptedSigLIP(nn.Module):
    """SigLIP's vision transformer, whose tokens an attention pools, and a layer of ours that makes codes of that."""

    published = "visual.trunk."

    def __init__(self, name: str, dim: int, *, size: int) -> None:
        super().__init__()
        self.trunk = timm.create_model(SIGLIPS[name], pretrained=False, num_classes=0, img_size=size)
        self.width = int(self.trunk.num_features)
        self.project = nn.Linear(self.width, dim, bias=False)

    def forward(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """(B, 3, H, W), (B, P, W) -> (B, dim), not yet of unit length."""
        return self.code(self.features(images, prompts))

    def features(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """What the attention pools: (B, 3, H, W), (B, P, W) -> (B, W)."""
        x = self.trunk._pos_embed(self.trunk.patch_embed(images))  # (B, h w, W)
        if prompts is not None:
            x = torch.cat([prompts, x], dim=1)
        x = self.trunk.norm(self.trunk.blocks(self.trunk.norm_pre(x)))
        pooled: Tensor = self.trunk.forward_head(x)
        return pooled

    def code(self, features: Tensor) -> Tensor:
        """What stands on the trunk: (B, W) -> (B, dim)."""
        projected: Tensor = self.project(features)
        return projected


ClassTokenTower = PromptedEfficientNet | PromptedViT | ComponentsTower
PictureTower = ClassTokenTower | PromptedSigLIP


def picture_tower(name: str, dim: int, *, size: int, width: int, layers: int, heads: int) -> PictureTower:
    """The tower on that trunk, at random weights. width, layers and heads are of the small tower's transformer.

    Raises SettingsError for a name that neither timm's EfficientNets nor `VITS` nor `SIGLIPS` have.
    """
    if name == COMPONENTS:
        return ComponentsTower(dim, size=size, width=width, layers=layers, heads=heads)
    if name == SHARED:
        return SharedTrunkTower(dim, size=size, width=width, layers=layers, heads=heads)
    if name in SIGLIPS:
        return PromptedSigLIP(name, dim, size=size)
    if name in VITS:
        return PromptedViT(name, dim, size=size)
    if not name.startswith("tf_efficientnet"):
        raise SettingsError(
            f"There is no picture tower on {name!r}. Choose tf_efficientnet_lite0 or {' or '.join((*VITS, *SIGLIPS))}."
        )
    return PromptedEfficientNet(name, dim, size=size, width=width, layers=layers, heads=heads)
