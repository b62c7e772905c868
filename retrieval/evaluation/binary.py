"""A bundle whose codes are bits, for the harness: it ranks as `stores.binary_store` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrieval.artifacts.bundle import Bundle
from retrieval.artifacts.rotation import Rotation
from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.types import Domain


@dataclass(frozen=True)
class InBits:
    """An `Encoder`. The cosine of two of its rows is 1 - 2 distance / bits."""

    bundle: Bundle

    @property
    def fingerprint(self) -> str:
        """The bundle's, and how many bits."""
        return f"{self.bundle.fingerprint}, {self.dim} bits"

    @property
    def dim(self) -> int:
        """The number of bits."""
        return self._rotation.bits

    @property
    def preprocess(self) -> Preprocess:
        """The bundle's."""
        return self.bundle.preprocess

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, H, W) -> (B, bits), unit rows of one positive and one negative value"""
        codes = self.bundle.encode_images(images, domains)
        return torch.from_numpy(self._rotation.signs(codes.cpu().numpy()))

    @property
    def _rotation(self) -> Rotation:
        if self.bundle.rotation is None:
            raise SettingsError(f"{self.bundle.manifest.name} has no rotation, so its codes cannot become bits.")
        return self.bundle.rotation
