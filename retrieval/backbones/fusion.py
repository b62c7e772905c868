"""Pictures and words that look at each other: the parts of a cross-modal encoder that stand on frozen towers.

Yang et al., "Minimizing the Pretraining Gap: Domain-aligned Text-Based Person Retrieval" (2025), after Li et al.,
"Align before Fuse" (2021). A picture is a grid of places, a text a row of word pieces. `PictureReader` and `TextReader`
let each attend to itself; `FusionEncoder` lets every word piece attend to the places of a picture, or to those of a
part of it alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDER = 3  # how much wider a layer is between its last two


class PictureReader(nn.Module):
    """What a frozen trunk makes of the places of a picture, and their pixels -> tokens that attend to each other."""

    def __init__(self, features: int, pixels: int, places: int, width: int, layers: int, heads: int) -> None:
        """features and pixels: how many numbers of each a place has. places: P."""
        super().__init__()
        self.sizes = (features, pixels)
        self.norm = nn.LayerNorm(features)
        self.features = nn.Linear(features, width)
        self.pixels = nn.Linear(pixels, width)
        self.positions = nn.Parameter(torch.randn(places, width) * 0.02)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.after = nn.LayerNorm(width)

    def forward(self, stem: Tensor) -> Tensor:
        """(B, P, features + pixels) -> (B, P, W)"""
        features, pixels = stem.split(self.sizes, dim=-1)
        x = self.features(self.norm(features)) + self.pixels(pixels) + self.positions  # (B, P, W)
        for layer in self.layers:
            x = layer(x)
        tokens: Tensor = self.after(x)
        return tokens


class TextReader(nn.Module):
    """The states of a frozen sentence encoder -> tokens that attend to each other."""

    def __init__(self, states: int, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.read = nn.Linear(states, width)
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.after = nn.LayerNorm(width)

    def forward(self, states: Tensor, real: Tensor) -> Tensor:
        """(T, L, states), which of them are no padding (T, L) -> (T, L, W)"""
        x = self.read(states)
        for layer in self.layers:
            x = layer(x, real)
        tokens: Tensor = self.after(x)
        return tokens


class FusionEncoder(nn.Module):
    """Word pieces that attend to each other and to the places of a picture."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Layer(width, heads, crosses=True) for _ in range(layers)])
        self.after = nn.LayerNorm(width)

    def forward(self, words: Tensor, real: Tensor, places: Tensor, seen: Tensor | None = None) -> Tensor:
        """Words (B, L, W), which are no padding (B, L), places (B, P, W), and which of them are seen (B, P); None: all.
        -> (B, L, W)
        """
        x = words
        for layer in self.layers:
            x = layer(x, real, places, seen)
        fused: Tensor = self.after(x)
        return fused

    def attention(self, words: Tensor, real: Tensor, places: Tensor) -> Tensor:
        """How much each word piece looks at each place in the last layer, the mean over heads.   -> (B, L, P)"""
        x = words
        for layer in self.layers[:-1]:
            x = layer(x, real, places)
        last = self.layers[-1]
        assert isinstance(last, Layer)
        return last.looks_at(x, real, places)


class Layer(nn.Module):
    """A transformer layer, normed before each part; with `crosses`, one that also attends to something else."""

    def __init__(self, width: int, heads: int, crosses: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.own = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width) if crosses else None
        self.other = Attention(width, heads) if crosses else None
        self.norm3 = nn.LayerNorm(width)
        self.think = nn.Sequential(nn.Linear(width, WIDER * width), nn.GELU(), nn.Linear(WIDER * width, width))

    def forward(
        self, x: Tensor, real: Tensor | None = None, places: Tensor | None = None, seen: Tensor | None = None
    ) -> Tensor:
        """x (B, L, W), of which `real` (B, L) attend, and places (B, P, W), of which `seen` (B, P) -> (B, L, W)"""
        normed = self.norm1(x)
        x = x + self.own(normed, normed, real)
        if self.other is not None and self.norm2 is not None and places is not None:
            x = x + self.other(self.norm2(x), places, seen)
        changed: Tensor = x + self.think(self.norm3(x))
        return changed

    def looks_at(self, x: Tensor, real: Tensor, places: Tensor) -> Tensor:
        """How much each of x (B, L, W) attends to each of places (B, P, W).   -> (B, L, P)"""
        assert self.other is not None
        assert self.norm2 is not None
        normed = self.norm1(x)
        return self.other.weights(self.norm2(x + self.own(normed, normed, real)), places)


class Attention(nn.Module):
    """Attention of queries (B, L, W) to sources (B, P, W) with several heads."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.source = nn.Linear(width, 2 * width)  # keys and values
        self.out = nn.Linear(width, width)

    def forward(self, queries: Tensor, sources: Tensor, allowed: Tensor | None = None) -> Tensor:
        """`allowed` (B, P) says which sources count; None: all.   -> (B, L, W)"""
        q = self._split(self.query(queries))  # (B, heads, L, W / heads)
        k, v = (self._split(part) for part in self.source(sources).chunk(2, dim=-1))
        mask = None if allowed is None else allowed[:, None, None, :]
        attended = F.scaled_dot_product_attention(q, k, v, mask)  # (B, heads, L, W / heads)
        out: Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return out

    def weights(self, queries: Tensor, sources: Tensor) -> Tensor:
        """How much each query attends to each source, the mean over heads.   -> (B, L, P)"""
        q, k = self._split(self.query(queries)), self._split(self.source(sources).chunk(2, dim=-1)[0])
        return torch.softmax(q @ k.transpose(2, 3) * q.shape[-1] ** -0.5, dim=-1).mean(dim=1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def places_in(boxes: Tensor, rows: int, columns: int) -> Tensor:
    """Which places of a grid a box touches, always at least one; boxes (..., 4) are centre, width and height as shares
    of the picture.   -> (..., rows * columns) bool

    >>> places_in(torch.tensor([0.75, 0.25, 0.4, 0.5]), 2, 2).tolist()
    [False, True, False, False]
    """
    x, y, width, height = boxes.unbind(-1)
    down = _touched(y, height, rows)  # (..., rows)
    across = _touched(x, width, columns)  # (..., columns)
    return (down[..., :, None] & across[..., None, :]).flatten(-2)


def windows(rows: int, columns: int, heights: Sequence[int], widths: Sequence[int]) -> Tensor:
    """Every window of these sizes on a grid, as the places that it holds.   -> (K, rows * columns) bool

    >>> windows(2, 2, (1,), (2,)).tolist()
    [[True, True, False, False], [False, False, True, True]]
    """
    down, across = torch.arange(rows)[:, None], torch.arange(columns)
    held = [
        ((down >= y) & (down < y + height) & (across >= x) & (across < x + width)).flatten()
        for height in heights
        for width in widths
        for y in range(rows - height + 1)
        for x in range(columns - width + 1)
    ]
    return torch.stack(held)


def _touched(middle: Tensor, length: Tensor, cells: int) -> Tensor:
    """Which of so many cells in a row a stretch touches; at least the one that holds its middle.   -> (..., cells)"""
    first = ((middle - length / 2) * cells).floor()
    last = ((middle + length / 2) * cells).ceil() - 1
    own = (middle * cells).floor().clamp(0, cells - 1)
    first, last = torch.minimum(first, own), torch.maximum(last, own)
    cell = torch.arange(cells, device=middle.device)
    return (cell >= first[..., None]) & (cell <= last[..., None])


def masked_mean(tokens: Tensor, counted: Tensor) -> Tensor:
    """The mean of those tokens (B, L, W) that are counted (B, L).   -> (B, W)"""
    weights = counted[..., None].to(tokens.dtype)
    return (tokens * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1)
