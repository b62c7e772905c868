"""What every trained encoder must beat: encoders that learn nothing, and the plainest way to close a gap between
domains.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.backbones.pretrained import MEAN, STD, imagenet_classifier
from retrieval.data.picture_table import PictureTable
from retrieval.encoder import Encoder, Vectors
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.types import Domain

GREY = (0.299, 0.587, 0.114)
BINS = 6  # of each of red, green and blue


class RawPixels:
    """Nearest neighbour in grey pixels: the picture at 32 x 32, each picture's own mean removed, as a unit vector."""

    fingerprint = "floor:raw-pixels"
    dim = 32 * 32
    preprocess = Preprocess(size=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, 32, 32) -> (B, 1024), unit rows. `domains` is not looked at."""
        grey = _grey(images).flatten(1)  # (B, 1024)
        return F.normalize(grey - grey.mean(dim=1, keepdim=True), dim=1)


class Hog:
    """Histograms of oriented gradients: where lines run and in which direction, without colour.

    Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection" (2005): 64 x 64 pixels in cells of 8 x 8, 9
    directions, blocks of 2 x 2 cells.
    """

    fingerprint = "floor:hog"
    dim = 7 * 7 * 2 * 2 * 9
    preprocess = Preprocess(size=64, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, 64, 64) -> (B, 1764), unit rows. `domains` is not looked at."""
        try:
            from skimage.feature import hog
        except ImportError as error:
            raise SettingsError(
                "floor:hog needs scikit-image, which is not installed. Install it: pip install -e '.[world]'."
            ) from error
        rows = [hog(grey, pixels_per_cell=(8, 8), cells_per_block=(2, 2)) for grey in _grey(images).numpy()]
        return F.normalize(torch.from_numpy(np.stack(rows)).float(), dim=1)


class ColorHistogram:
    """How much of the picture has which colour, and nothing of where: square roots of shares, so that a cosine is the
    Bhattacharyya coefficient.
    """

    fingerprint = "floor:color-histogram"
    dim = BINS**3
    preprocess = Preprocess(size=32, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, 32, 32) -> (B, 216), unit rows. `domains` is not looked at."""
        steps = (images * BINS).long().clamp(0, BINS - 1).flatten(2)  # (B, 3, 1024)
        colors = (steps[:, 0] * BINS + steps[:, 1]) * BINS + steps[:, 2]  # (B, 1024)
        shares = torch.zeros(len(images), self.dim).scatter_add_(1, colors, torch.ones_like(colors, dtype=torch.float))
        return F.normalize(shares.sqrt(), dim=1)


class ImageNetTrunk:
    """EfficientNet-Lite0 as ImageNet-1k taught it, frozen: its pooled features, as unit vectors. What this row has, no
    training of ours has given; it is fair with the means of domains removed, for a drawing's lines move all features.

    Its weights are those of a package that the app does not need. Raises DataError where it is not installed.
    """

    fingerprint = "floor:imagenet"
    dim = 1280
    preprocess = Preprocess(size=160, mean=MEAN, std=STD)

    def __init__(self) -> None:
        self._trunk: Any = imagenet_classifier("tf_efficientnet_lite0")

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, 160, 160) -> (B, 1280), unit rows. `domains` is not looked at."""
        features: Tensor = self._trunk.forward_features(images)  # (B, 1280, 5, 5)
        return F.normalize(features.mean(dim=(2, 3)), dim=1)


def untrained(like: Bundle, seed: int = 0) -> Bundle:
    """The same encoder before training, which has seen nothing: what its architecture alone is worth, beside the parts
    that it refers to, which are frozen.
    """
    torch.manual_seed(seed)
    method = type(like.method)(like.method.config, like.preprocess).eval()
    method.attach(like.method.parts)
    manifest = dataclasses.replace(
        like.manifest, name="untrained", classes=(), domains=(), trained_on=(), provenance=()
    )
    return Bundle(manifest, method)


IMAGE_FLOORS: dict[str, Callable[[], Encoder]] = {
    "floor:raw-pixels": RawPixels,
    "floor:hog": Hog,
    "floor:color-histogram": ColorHistogram,
    "floor:imagenet": ImageNetTrunk,
}
UNTRAINED = "floor:untrained"


def encoder_named(name: str, embedded: Path) -> Encoder:
    """The bundle in the folder `name`, or a floor by its name; `floor:untrained` has the architecture of the embedded
    bundle.
    """
    if name == UNTRAINED:
        return untrained(load_bundle(embedded))
    if name.startswith("floor:"):
        if name not in IMAGE_FLOORS:
            known = ", ".join((*IMAGE_FLOORS, UNTRAINED))
            raise SettingsError(f"There is no {name}. Choose {known}, or the folder of a bundle.")
        return IMAGE_FLOORS[name]()
    return load_bundle(Path(name))


def without_domain_means(
    queries: Vectors, asked: PictureTable, gallery: Vectors, shown: PictureTable
) -> tuple[Vectors, Vectors]:
    """Both (Q, dim) and (N, dim) with the mean row of each domain subtracted, as unit rows again.

    The means are those of the task's own pictures, each id counted once, without labels. That is transductive: a single
    query could not be answered like this, and nobody's labels are needed.
    """
    rows = np.concatenate([queries, gallery])
    domains = (*asked.domains, *shown.domains)
    names = zip(domains, (*asked.ids, *shown.ids), strict=True)
    first = {name: i for i, name in reversed(list(enumerate(names)))}
    changed = rows.copy()
    for domain in set(domains):
        here = [i for i, own in enumerate(domains) if own == domain]
        changed[here] -= rows[[i for (name, _), i in first.items() if name == domain]].mean(axis=0)
    changed /= np.maximum(np.linalg.norm(changed, axis=1, keepdims=True), 1e-12)
    return changed[: len(queries)], changed[len(queries) :]


def _grey(images: Tensor) -> Tensor:
    """(B, 3, H, W) -> (B, H, W)"""
    return (images * torch.tensor(GREY).view(3, 1, 1)).sum(dim=1)
