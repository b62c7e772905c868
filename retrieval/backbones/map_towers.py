"""Towers on a picture's map: a transformer that accepts prompts, and a straight path around it.

`prompted` says what a tower is, and has those that hold their own trunk. The two here do not: one reads principal
components that were computed before, the other computes them with a trunk that it shares with others.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar

import torch
from open_clip.transformer import ResidualAttentionBlock, Transformer
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.errors import SettingsError

Prompts = Tensor | None  # (B, P, W), or none

COMPONENTS = "components"  # the name of a tower that has no trunk
SHARED = "trunk-lite0"  # the name of one whose trunk is shared
POOLED, PLACE = 256, 64  # components of a picture's pooled features, and of each place of its map
LAST = 320, 1280, 1  # the trunk's last convolution: channels in and out, and its side


class MapTower(nn.Module):
    """A transformer on a picture's map, and a straight path around it; what the map is, subclasses say.

    The class token begins as the pooled features. The transformer's part of the code starts at zero, so a tower whose
    straight path has been set to principal components of the pooled features begins as good as its trunk.
    """

    opening: ClassVar[tuple[str, ...]] = ("pooled_to_token",)  # what makes the class token
    closing: ClassVar[tuple[str, ...]] = ("straight", "project")  # what makes the code

    def __init__(
        self, pooled: int, place: int, dim: int, *, size: int, width: int = 256, layers: int = 2, heads: int = 4
    ) -> None:
        """pooled, place: how many features a picture and each place of its map have. size: pixels on a side."""
        super().__init__()
        self.width = width
        side = -(-size // 32)
        self.straight = nn.Linear(pooled, dim)
        self.pooled_to_token = nn.Linear(pooled, width)
        self.map_to_tokens = nn.Linear(place, width)
        self.positions = nn.Parameter(torch.randn(side * side, width) * width**-0.5)
        self.before = nn.LayerNorm(width)
        self.transformer = Transformer(width, layers, heads, batch_first=True)
        self.after = nn.LayerNorm(width)
        self.project = nn.Linear(width, dim, bias=False)
        nn.init.zeros_(self.project.weight)

    def stem(self, images: Tensor) -> Tensor:
        """What no prompt reaches."""
        raise NotImplementedError

    def pooled(self, stem: Tensor) -> Tensor:
        """Of whole pictures, (B, pooled)."""
        raise NotImplementedError

    def places(self, stem: Tensor) -> Tensor:
        """Of each place of their maps, (B, h w, place)."""
        raise NotImplementedError

    def class_token(self, stem: Tensor) -> Tensor:
        """The token that begins the sequence, (B, 1, W)."""
        token: Tensor = self.pooled_to_token(self.pooled(stem))[:, None]
        return token

    def attend(self, stem: Tensor, prompts: Prompts = None, first: Prompts = None, read: int = 0) -> Tensor:
        """The token `read` after the last layer, (B, W). `first` (B, 1, W) stands where the class token does."""
        places = self.map_to_tokens(self.places(stem)) + self.positions  # (B, h w, W)
        x = self.before(sequence(self.class_token(stem) if first is None else first, prompts, places))
        *lower, last = self.transformer.resblocks
        for layer in lower:
            x = layer(x)
        attended: Tensor = self.after(_at(last, x, read))
        return attended

    def finish(self, stem: Tensor, attended: Tensor) -> Tensor:
        """stem, (B, W) -> (B, dim)"""
        code: Tensor = self.straight(self.pooled(stem)) + self.project(attended)
        return code

    def code(self, features: Tensor, prompts: Prompts = None) -> Tensor:
        """What stands on the stem: stem, prompts (B, P, W) -> (B, dim)."""
        return self.finish(features, self.attend(features, prompts))

    @torch.no_grad()
    def begin_at(self, mean: Tensor, components: Tensor) -> None:
        """Let the straight path be `components` (dim, F) of the pooled features less their `mean` (F,)."""
        self.straight.weight.copy_(components)
        self.straight.bias.copy_(-components @ mean)


def _at(layer: ResidualAttentionBlock, x: Tensor, read: int) -> Tensor:
    """What an open_clip layer makes of one token: (B, L, W) -> (B, W), without the others' share of the work."""
    asking, seen = layer.ln_1(x[:, read : read + 1]), layer.ln_1(x)
    token = x[:, read : read + 1] + layer.ls_1(layer.attention(q_x=asking, k_x=seen, v_x=seen))
    whole: Tensor = token + layer.ls_2(layer.mlp(layer.ln_2(token)))
    return whole[:, 0]


@dataclass(frozen=True)
class KeptStem:
    """A stem of a tower of one layer, whose places no training reaches: what that layer asks them for is made once."""

    pooled: Tensor  # (B, POOLED)
    places: Tensor  # keys, then values, (B, h w, 2 W)

    def __len__(self) -> int:
        return len(self.pooled)


def _projected(layer: ResidualAttentionBlock, x: Tensor) -> Tensor:
    """Queries, keys and values of an open_clip layer: (B, L, W) -> (B, L, 3 W)"""
    return F.linear(layer.ln_1(x), layer.attn.in_proj_weight, layer.attn.in_proj_bias)


class ComponentsTower(MapTower):
    """What stands on the principal components of a trunk's map, for trainings that are given these and no pictures.

    A stem is a row for each picture: POOLED components of its pooled features, then PLACE of each place of its map.
    """

    published = ""

    def __init__(self, dim: int, *, size: int, width: int, layers: int, heads: int) -> None:
        super().__init__(POOLED, PLACE, dim, size=size, width=width, layers=layers, heads=heads)
        self.trunk = nn.Identity()  # it stays elsewhere

    def stem(self, images: Tensor) -> Tensor:
        """There is no trunk to make one."""
        raise SettingsError("A tower on components reads rows of them, no pictures.")

    def features(self, images: Tensor) -> Tensor:
        """There is no trunk to make any."""
        return self.stem(images)

    def pooled(self, stem: Tensor | KeptStem) -> Tensor:
        """(B, POOLED + h w PLACE) -> (B, POOLED)"""
        return stem.pooled if isinstance(stem, KeptStem) else stem[:, :POOLED]

    def places(self, stem: Tensor) -> Tensor:
        """(B, POOLED + h w PLACE) -> (B, h w, PLACE)"""
        return stem[:, POOLED:].unflatten(1, (-1, PLACE))

    def kept_places(self, stem: Tensor) -> Tensor:
        """Keys and values of the places for the only layer, (B, h w, 2 W)."""
        (layer,) = self.transformer.resblocks
        return _projected(layer, self.before(self.map_to_tokens(self.places(stem)) + self.positions))[..., self.width :]

    def attend(self, stem: Tensor | KeptStem, prompts: Prompts = None, first: Prompts = None, read: int = 0) -> Tensor:
        """As in `MapTower`; of a kept stem, only the tokens before the places are taken through the layer."""
        if not isinstance(stem, KeptStem):
            return super().attend(stem, prompts, first, read)
        token = self.pooled_to_token(stem.pooled)[:, None] if first is None else first
        x = self.before(token if prompts is None else torch.cat([token, prompts], dim=1))  # (B, 1 + P, W)
        (layer,) = self.transformer.resblocks
        asked, own = _projected(layer, x).split([self.width, 2 * self.width], dim=-1)
        keys, values = torch.cat([own, stem.places], dim=1).chunk(2, dim=-1)
        parts = (
            part.unflatten(2, (layer.attn.num_heads, -1)).transpose(1, 2)
            for part in (asked[:, read : read + 1], keys, values)
        )
        seen = F.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)  # (B, 1, W)
        token = x[:, read : read + 1] + layer.ls_1(layer.attn.out_proj(seen))
        attended: Tensor = self.after(token + layer.ls_2(layer.mlp(layer.ln_2(token))))[:, 0]
        return attended

    def copied_class_token(self) -> nn.Module:
        """A frozen copy of what makes the class token: (B, POOLED + h w PLACE) -> (B, 1, W)."""
        return TokenOfComponents(deepcopy(self.pooled_to_token)).requires_grad_(False)


class TokenOfComponents(nn.Module):
    """The class token of a tower on components."""

    def __init__(self, pooled_to_token: nn.Linear) -> None:
        super().__init__()
        self.pooled_to_token = pooled_to_token

    def forward(self, stem: Tensor | KeptStem) -> Tensor:
        """(B, POOLED + h w PLACE) -> (B, 1, W)"""
        pooled = stem.pooled if isinstance(stem, KeptStem) else stem[:, :POOLED]
        token: Tensor = self.pooled_to_token(pooled)[:, None]
        return token


class SharedTrunkTower(ComponentsTower):
    """The same on pictures: the trunk is lent (`lend`) and no part of this tower's weights; the last layer of its
    network and the directions of the components are.
    """

    pooled_mean: Tensor
    pooled_directions: Tensor
    place_mean: Tensor
    place_directions: Tensor

    def __init__(self, dim: int, *, size: int, width: int, layers: int, heads: int) -> None:
        super().__init__(dim, size=size, width=width, layers=layers, heads=heads)
        self.last = nn.Conv2d(*LAST)  # the trunk's last convolution, its norm folded in
        for name, count in (("pooled", POOLED), ("place", PLACE)):
            self.register_buffer(f"{name}_mean", torch.zeros(LAST[1]))
            self.register_buffer(f"{name}_directions", torch.zeros(count, LAST[1]))
        self._lent: list[Callable[[Tensor], Tensor]] = []

    def lend(self, trunk: Callable[[Tensor], Tensor]) -> None:
        """Take what computes the trunk's last stage: (B, 3, H, W) -> (B, 320, h, w)."""
        self._lent = [trunk]

    def stem(self, images: Tensor) -> Tensor:
        """Pictures as rows of components: (B, 3, H, W) -> (B, POOLED + h w PLACE)."""
        if not self._lent:
            raise SettingsError("This tower has no trunk of its own. Lend it one before it reads pictures.")
        maps = F.relu6(self.last(self._lent[0](images)))  # (B, F, h, w)
        pooled = (maps.mean(dim=(2, 3)) - self.pooled_mean) @ self.pooled_directions.T
        places = (maps.flatten(2).transpose(1, 2) - self.place_mean) @ self.place_directions.T
        return torch.cat([pooled, places.flatten(1)], dim=1)


def sequence(first: Tensor, prompts: Prompts, places: Tensor) -> Tensor:
    """(B, 1, W), (B, P, W), (B, h w, W) -> (B, 1 + P + h w, W)"""
    return torch.cat([first, places] if prompts is None else [first, prompts, places], dim=1)
