"""Picture towers that accept prompts: extra tokens, given from outside, that every layer of a transformer reads.

All sizes share one signature, `tower(images, prompts) -> codes`: a small one, whose transformer stands on the feature
map of an EfficientNet, open_clip's vision transformers, and SigLIP's. Each says under which prefix its trunk's weights
stand in a model that was `published`. Prompts stand after the class token, as in Zhou et al.,
"Learning to Prompt for Vision-Language Models" (2022), and Jia et al., "Visual Prompt Tuning" (2022).
"""

from __future__ import annotations

from typing import Any

import timm
import torch
from open_clip.transformer import Transformer, VisionTransformer
from torch import Tensor, nn

from retrieval.errors import SettingsError

Prompts = Tensor | None  # (B, P, W), or none
VITS: dict[str, dict[str, Any]] = {  # open_clip's name -> what its vision transformer is made of
    "ViT-B-32": {"patch_size": 32, "width": 768, "layers": 12, "heads": 12, "mlp_ratio": 4.0},
    "ViT-B-16": {"patch_size": 16, "width": 768, "layers": 12, "heads": 12, "mlp_ratio": 4.0},
}
SIGLIPS = {"ViT-B-16-SigLIP2": "vit_base_patch16_siglip_224"}  # open_clip's name -> timm's, of its picture tower


class PromptedEfficientNet(nn.Module):
    """An EfficientNet, a transformer on its last feature map, and a straight path around the transformer.

    The class token begins as the pooled features. The transformer's part of the code starts at zero, so a tower whose
    straight path has been set to principal components of the pooled features begins as good as its trunk.
    """

    published = ""

    def __init__(self, trunk: str, dim: int, *, size: int, width: int = 256, layers: int = 2, heads: int = 4) -> None:
        """trunk: timm's name. size: pixels on a side. dim: length of a code."""
        super().__init__()
        network = timm.create_model(trunk, pretrained=False, num_classes=0, global_pool="")
        self.trunk = network.to(memory_format=torch.channels_last)
        self.features_out = int(network.num_features)  # F
        self.width = width
        side = -(-size // 32)
        self.straight = nn.Linear(self.features_out, dim)
        self.pooled_to_token = nn.Linear(self.features_out, width)
        self.map_to_tokens = nn.Linear(self.features_out, width)
        self.positions = nn.Parameter(torch.randn(side * side, width) * width**-0.5)
        self.before = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads, batch_first=True)
        self.after = nn.LayerNorm(width)
        self.project = nn.Linear(width, dim, bias=False)
        nn.init.zeros_(self.project.weight)

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

    def code(self, features: Tensor, prompts: Prompts = None) -> Tensor:
        """What stands on the trunk: its map (B, F, h, w), prompts (B, P, W) -> (B, dim)."""
        pooled = features.mean(dim=(2, 3))  # (B, F)
        places = features.flatten(2).transpose(1, 2)  # (B, h w, F)
        tokens = [self.pooled_to_token(pooled)[:, None], self.map_to_tokens(places) + self.positions]
        if prompts is not None:
            tokens.insert(1, prompts)
        x = self.transformer(self.before(torch.cat(tokens, dim=1)))  # (B, 1 + P + h w, W)
        straight: Tensor = self.straight(pooled)
        return straight + self.project(self.after(x[:, 0]))

    @torch.no_grad()
    def begin_at(self, mean: Tensor, components: Tensor) -> None:
        """Let the straight path be `components` (dim, F) of the pooled features less their `mean` (F,)."""
        self.straight.weight.copy_(components)
        self.straight.bias.copy_(-components @ mean)

    def hold_still(self, stages: int) -> None:
        """Let the trunk's stem and its first stages stay as they are; 0: nothing of it."""
        if stages:
            for part in (self.trunk.conv_stem, self.trunk.bn1, *self.trunk.blocks[:stages]):
                part.requires_grad_(False)


class PromptedViT(nn.Module):
    """One of open_clip's vision transformers, at random weights until others are loaded."""

    published = "visual."

    def __init__(self, name: str, dim: int, *, size: int) -> None:
        super().__init__()
        self.trunk = VisionTransformer(image_size=size, output_dim=dim, **VITS[name])
        self.width = int(VITS[name]["width"])

    def forward(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """(B, 3, H, W), (B, P, W) -> (B, dim), not yet of unit length."""
        return self.code(self.features(images, prompts))

    def features(self, images: Tensor, prompts: Prompts = None) -> Tensor:
        """The class token after the last layer: (B, 3, H, W), (B, P, W) -> (B, W)."""
        x = self.trunk._embeds(
            images
        )  # (B, 1 + h w, W): class token, patches; positions and the first norm are in them
        if prompts is not None:
            x = torch.cat([x[:, :1], prompts, x[:, 1:]], dim=1)
        pooled: Tensor = self.trunk._pool(self.trunk.transformer(x))[0]
        return pooled

    def code(self, features: Tensor) -> Tensor:
        """What stands on the trunk: (B, W) -> (B, dim)."""
        projected: Tensor = features @ self.trunk.proj
        return projected


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


PictureTower = PromptedEfficientNet | PromptedViT | PromptedSigLIP


def picture_tower(name: str, dim: int, *, size: int, width: int, layers: int, heads: int) -> PictureTower:
    """The tower on that trunk, at random weights. width, layers and heads are of the small tower's transformer.

    Raises SettingsError for a name that neither timm's EfficientNets nor `VITS` nor `SIGLIPS` have.
    """
    if name in SIGLIPS:
        return PromptedSigLIP(name, dim, size=size)
    if name in VITS:
        return PromptedViT(name, dim, size=size)
    if not name.startswith("tf_efficientnet"):
        raise SettingsError(
            f"There is no picture tower on {name!r}. Choose tf_efficientnet_lite0 or {' or '.join((*VITS, *SIGLIPS))}."
        )
    return PromptedEfficientNet(name, dim, size=size, width=width, layers=layers, heads=heads)
