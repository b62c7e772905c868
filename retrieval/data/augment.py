"""How one example becomes many: drawings are varied as vectors, pictures as pixels. Colour words stay true: hues move
little.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from retrieval.images import Stroke, Strokes


def varied_drawing(drawing: Strokes, rng: np.random.Generator) -> Strokes:
    """The drawing by another hand: turned, stretched, sheared, mirrored, shaky, with another pen, sometimes a line
    short.
    """
    turn = np.radians(rng.normal(0, 8))
    stretch = np.exp(rng.normal(0, 0.12, 2)) * (rng.choice([-1.0, 1.0]), 1.0)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotation @ np.array([[1.0, rng.normal(0, 0.12)], [0.0, 1.0]]) @ np.diag(stretch)
    middle = np.array([drawing.width, drawing.height]) / 2
    shake = rng.uniform(0, 0.008) * drawing.width
    width = drawing.width * np.exp(rng.uniform(np.log(0.008), np.log(0.04)))
    kept = [s for s in drawing.strokes if len(drawing.strokes) < 4 or rng.random() > 0.06] or list(drawing.strokes)
    strokes = []
    for stroke in kept:
        points = (np.array(stroke.points) - middle) @ matrix.T  # (P, 2)
        points += rng.normal(0, 0.01 * drawing.width, 2) + rng.normal(0, shake, points.shape)
        strokes.append(replace(stroke, points=tuple(map(tuple, points + middle)), width=width))
    return _inside(strokes)


def _inside(strokes: list[Stroke]) -> Strokes:
    """The strokes on a canvas that just holds them."""
    everything = np.concatenate([np.array(s.points) for s in strokes])
    low = everything.min(axis=0)
    width, height = np.maximum(everything.max(axis=0) - low, 1.0)
    moved = tuple(replace(s, points=tuple((x - low[0], y - low[1]) for x, y in s.points)) for s in strokes)
    return Strokes(float(width), float(height), moved)


class Outline(torch.nn.Module):
    """uint8 (3, H, W) -> the same shape: dark lines on white where brightness changes, as a pencil would find them."""

    def forward(self, picture: Tensor) -> Tensor:
        """Sobel's gradients of a softened picture; the strongest becomes black."""
        grey = v2.functional.gaussian_blur(v2.functional.rgb_to_grayscale(picture), [5, 5], [1.0, 1.0]).float()
        across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
        kernels = torch.stack([across, across.T])[:, None]  # (2, 1, 3, 3)
        padded = torch.nn.functional.pad(grey[None], (1, 1, 1, 1), mode="replicate")
        strength = torch.nn.functional.conv2d(padded, kernels).norm(dim=1)  # (1, H, W)
        ink = (strength / strength.quantile(0.97).clamp(min=40.0)).clamp(0, 1)
        return (255 * (1 - ink)).to(torch.uint8).expand(3, -1, -1)


class VariedPicture:
    """uint8 pictures (3, H, W) of any size -> (3, size, size), cropped, mirrored, tilted, relit. Random from torch's
    generator.
    """

    def __init__(self, size: int) -> None:
        self._change = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(0.55, 1.0), ratio=(0.8, 1.25), antialias=True),
                v2.RandomHorizontalFlip(),
                v2.RandomApply([v2.RandomAffine(degrees=12, shear=8, fill=255)], p=0.4),
                v2.RandomApply([v2.ColorJitter(0.3, 0.3, 0.25, 0.02)], p=0.7),
                v2.RandomApply([v2.GaussianBlur(3, (0.3, 1.0))], p=0.15),
                v2.RandomGrayscale(0.05),
                v2.RandomApply([Outline()], p=0.12),
            ]
        )

    def __call__(self, picture: Tensor) -> Tensor:
        changed: Tensor = self._change(picture)
        return changed


def normalised(pictures: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """uint8 (B, 3, H, W) -> float32, (value / 255 - mean) / std."""
    scale = torch.tensor(std).view(3, 1, 1)
    return (pictures.float() / 255.0 - torch.tensor(mean).view(3, 1, 1)) / scale
