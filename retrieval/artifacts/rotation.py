"""How the vectors of a bundle become bits. It is fitted in `stores.binary_store` and saved with the bundle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Rotation:
    """From vectors to bits: what is positive of matrix (x - mean) / |x - mean| + offset.

    mean (D,), matrix (bits, D), offset (bits,), float32.
    """

    mean: Vectors
    matrix: Vectors
    offset: Vectors

    @property
    def bits(self) -> int:
        """How many bits a vector becomes."""
        return len(self.matrix)

    def __call__(self, vectors: Vectors) -> Bits:
        """(N, D) -> (N, bits / 8), packed"""
        return np.packbits(self._positive(vectors), axis=1)

    def signs(self, vectors: Vectors) -> Vectors:
        """(N, D) -> (N, bits), unit rows of one positive and one negative value: their cosine is the store's score"""
        return (np.where(self._positive(vectors), 1.0, -1.0) / np.sqrt(self.bits)).astype(np.float32)

    def _positive(self, vectors: Vectors) -> npt.NDArray[np.bool_]:
        centred = vectors - self.mean
        centred /= np.linalg.norm(centred, axis=1, keepdims=True).clip(min=1e-12)
        return np.asarray(centred @ self.matrix.T + self.offset > 0)
