"""Where vectors live and are searched. One protocol, so that a laptop's file and a cluster answer alike.

A store knows ids and vectors, nothing else: what an id stands for is the gallery's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


class VectorStore(Protocol):
    """Unit vectors under integer ids, compared by cosine. Answers come best first, equal scores by smaller id."""

    dim: int

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """Keep vectors (N, dim) under new ids (N,)."""
        ...

    def remove(self, ids: Sequence[int]) -> int:
        """Forget these ids; returns how many were there."""
        ...

    def search(self, vectors: Vectors, k: int, among: Ids | None = None) -> tuple[Vectors, Ids]:
        """The k best for each row of vectors (Q, dim), optionally only `among` these ids.   -> scores (Q, K), ids (Q,
        K); K <= k
        """
        ...

    def adopt(self, other: Any, theirs: Sequence[int], ours: Sequence[int]) -> None:
        """Keep what another store of the same kind has under the ids `theirs`, under the ids `ours`."""
        ...

    def data(self) -> bytes:
        """What `save` writes."""
        ...

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """What is kept under these ids, as unit rows; of bits, what they still tell of the vectors.   -> (M, dim)"""
        ...

    def count(self) -> int:
        """How many vectors are kept."""
        ...

    def save(self, path: Path) -> None:
        """Write everything to one file; the old file stays whole until the new one is."""
        ...

    def health(self) -> str:
        """One sentence on what is kept; raises GalleryError if it cannot be searched."""
        ...
