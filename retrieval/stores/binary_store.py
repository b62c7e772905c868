"""Vectors as bits: 32 times smaller than float32, searched by Hamming distance.

Gong et al., "Iterative Quantization: A Procrustean Approach to Learning Binary Codes" (2013). The rotation is fitted
once, on codes of training pictures, and then serves queries and gallery alike. Fitting it on the queries of a test, as
some releases do, is transductive: such numbers are to be reported as that.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.artifacts.rotation import Bits, Rotation
from retrieval.errors import GalleryError
from retrieval.files import write_files
from retrieval.stores import Ids, Vectors


def fitted(vectors: Vectors, bits: int) -> Rotation:
    """ITQ: the first `bits` principal axes of training vectors (N, D), turned so that signs say most."""
    count, dim = vectors.shape
    if bits % 8 or not 0 < bits <= min(count, dim):
        raise GalleryError(
            f"{count} vectors of {dim} numbers cannot be fitted with {bits} bits. "
            "Choose a multiple of 8, at most as many as there are numbers and vectors."
        )
    itq = faiss.ITQTransform(dim, bits, True)
    itq.train(np.ascontiguousarray(vectors, np.float32))
    last = itq.pca_then_itq
    offset = faiss.vector_to_array(last.b) if last.b.size() else np.zeros(bits, np.float32)
    matrix = faiss.vector_to_array(last.A).reshape(bits, dim)
    return Rotation(faiss.vector_to_array(itq.mean), matrix, offset)


class BinaryStore:
    """Exact Hamming search over rotated bits. A score is the cosine of two codes of -1 and 1: 1 - 2 distance / bits.

    Thread-safe for searching; `add` and `remove` want the store to themselves.
    """

    def __init__(self, rotation: Rotation) -> None:
        self.rotation = rotation
        self.dim = len(rotation.mean)
        self._ids = np.zeros(0, np.int64)  # sorted: a row's place orders equal distances
        self._rows = np.zeros((0, rotation.bits // 8), np.uint8)
        self._index = self._indexed(self._rows)

    @classmethod
    def open(cls, path: Path) -> BinaryStore:
        """The store in the file, with its rotation. Raises GalleryError when the file is damaged."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                store = cls(Rotation(arrays["mean"], arrays["matrix"], arrays["offset"]))
                store._keep(arrays["ids"], arrays["rows"])
        except (OSError, ValueError, KeyError, EOFError, AssertionError, zipfile.BadZipFile) as error:
            raise GalleryError(f"{path} is damaged and cannot be read. Build the gallery again.") from error
        return store

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._keep(np.concatenate([self._ids, ids]), np.concatenate([self._rows, self._bits(vectors)]))

    def remove(self, ids: Sequence[int]) -> int:
        stays = ~np.isin(self._ids, np.asarray(ids, np.int64))
        gone = int((~stays).sum())
        self._keep(self._ids[stays], self._rows[stays])
        return gone

    def search(self, vectors: Vectors, k: int, among: Ids | None = None) -> tuple[Vectors, Ids]:
        queries, ids, index = self._bits(vectors), self._ids, self._index
        if among is not None:
            chosen = np.isin(ids, np.asarray(among, np.int64))
            ids, index = ids[chosen], self._indexed(self._rows[chosen])
        k = min(k, len(ids))
        if k <= 0:
            return np.zeros((len(queries), 0), np.float32), np.zeros((len(queries), 0), np.int64)
        last = index.search(queries, k)[0][:, -1]  # how far the k-th is; whichever of its equals faiss found
        hits = [_within(index, query[None], int(reach)) for query, reach in zip(queries, last, strict=True)]
        scores = np.stack([self._scores(distances[:k]) for distances, _ in hits])
        return scores, np.stack([ids[places[:k]] for _, places in hits])

    def vectors(self, ids: Sequence[int]) -> Vectors:
        rows = self._rows[np.searchsorted(self._ids, np.asarray(ids, np.int64))]
        signs = 2.0 * np.unpackbits(rows, axis=1) - 1  # (M, bits)
        near = signs @ self.rotation.matrix + self.rotation.mean
        return np.asarray(near / np.linalg.norm(near, axis=1, keepdims=True), np.float32)

    def count(self) -> int:
        return len(self._ids)

    def adopt(self, other: BinaryStore, theirs: Sequence[int], ours: Sequence[int]) -> None:
        """Keep the codes that another store of the same rotation has under the ids `theirs`, under the ids `ours`."""
        rows = other._rows[np.searchsorted(other._ids, np.asarray(theirs, np.int64))]
        self._keep(np.concatenate([self._ids, np.asarray(ours, np.int64)]), np.concatenate([self._rows, rows]))

    def data(self) -> bytes:
        how, file = self.rotation, io.BytesIO()
        np.savez(file, mean=how.mean, matrix=how.matrix, offset=how.offset, ids=self._ids, rows=self._rows)
        return file.getvalue()

    def save(self, path: Path) -> None:
        write_files({path: self.data()})

    def health(self) -> str:
        if self.count():
            self.search(np.ones((1, self.dim), np.float32), 1)
        return f"{self.count()} vectors of {self.rotation.bits} bits, exact Hamming search by faiss {faiss.__version__}"

    def _keep(self, ids: Ids, rows: Bits) -> None:
        order = np.argsort(ids, kind="stable")
        self._ids, self._rows = np.asarray(ids, np.int64)[order], np.ascontiguousarray(rows[order], np.uint8)
        self._index = self._indexed(self._rows)

    def _indexed(self, rows: Bits) -> faiss.IndexBinaryFlat:
        index = faiss.IndexBinaryFlat(self.rotation.bits)
        index.add(rows)
        return index

    def _scores(self, distances: npt.NDArray[np.int64]) -> Vectors:
        return (1 - 2 * distances / self.rotation.bits).astype(np.float32)

    def _bits(self, vectors: Vectors) -> Bits:
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise GalleryError(
                f"Vectors of shape {vectors.shape} came, but (n, {self.dim}) was expected. "
                "Use the gallery's own encoder."
            )
        return self.rotation(vectors)


def _within(index: faiss.IndexBinaryFlat, query: Bits, reach: int) -> tuple[npt.NDArray[np.int64], Ids]:
    """Every row at most `reach` bits from the query (1, bits / 8): the nearest first, equals in their order.   ->
    distances (M,), places (M,)
    """
    _, distances, places = index.range_search(query, reach + 1)  # faiss leaves the radius itself out
    order = np.lexsort((places, distances))
    return distances[order].astype(np.int64), places[order]
