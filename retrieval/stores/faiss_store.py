"""The default store: faiss, exact, in this process. On a GPU where faiss finds one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np

from retrieval.errors import GalleryError
from retrieval.files import write_files
from retrieval.stores import Ids, Vectors

OVERHEAD = 1 << 20  # bytes an index file may hold beside its vectors
LIMIT = threading.Lock()  # faiss has one limit for the whole process


class FaissStore:
    """Exact cosine search. Thread-safe for searching; `add` and `remove` want the store to themselves."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._index = _fastest(faiss.IndexIDMap2(faiss.IndexFlatIP(dim)))

    @classmethod
    def open(cls, path: Path, dim: int) -> FaissStore:
        """The store in the file. Raises GalleryError when the file is damaged or holds another dimension.

        A forged size cannot make faiss allocate more than the file's own length calls for.
        """
        try:
            with LIMIT:
                faiss.set_deserialization_vector_byte_limit(path.stat().st_size + OVERHEAD)
                index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise GalleryError(f"{path} is damaged and cannot be read. Build the gallery again.") from error
        if index.d != dim:
            raise GalleryError(
                f"{path} holds {index.d}-d vectors, but {dim}-d ones were expected. Build the gallery again."
            )
        store = cls(dim)
        store._index = _fastest(index)
        return store

    def add(self, ids: Ids, vectors: Vectors) -> None:
        self._index.add_with_ids(self._checked(vectors), np.asarray(ids, np.int64))

    def remove(self, ids: Sequence[int]) -> int:
        return int(self._index.remove_ids(faiss.IDSelectorBatch(np.asarray(ids, np.int64))))

    def search(self, vectors: Vectors, k: int, among: Ids | None = None) -> tuple[Vectors, Ids]:
        rows = self._checked(vectors)
        k = min(k, self.count() if among is None else len(among))
        if k <= 0:
            return np.zeros((len(rows), 0), np.float32), np.zeros((len(rows), 0), np.int64)
        if among is None:
            scores, ids = self._index.search(rows, k)
        else:
            selector = faiss.IDSelectorBatch(np.asarray(among, np.int64))  # a name of its own: it must outlive the call
            allowed = faiss.SearchParameters()
            allowed.sel = selector
            scores, ids = self._index.search(rows, k, params=allowed)
        order = np.lexsort((ids, -scores))  # equal scores: the smaller id first, whatever faiss does
        return np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)

    def vectors(self, ids: Sequence[int]) -> Vectors:
        rows = [self._index.reconstruct(int(i)) for i in ids]
        return np.stack(rows) if rows else np.zeros((0, self.dim), np.float32)

    def count(self) -> int:
        return int(self._index.ntotal)

    def adopt(self, other: FaissStore, theirs: Sequence[int], ours: Sequence[int]) -> None:
        """Keep the vectors that another store has under the ids `theirs`, under the ids `ours`."""
        if theirs:
            self.add(np.asarray(ours, np.int64), other.vectors(theirs))

    def data(self) -> bytes:
        index = faiss.index_gpu_to_cpu(self._index) if faiss.get_num_gpus() else self._index
        return bytes(faiss.serialize_index(index).tobytes())

    def save(self, path: Path) -> None:
        write_files({path: self.data()})

    def health(self) -> str:
        if self.count():
            self.search(np.ones((1, self.dim), np.float32), 1)
        return f"{self.count()} vectors of {self.dim} numbers, exact search by faiss {faiss.__version__}"

    def _checked(self, vectors: Vectors) -> Vectors:
        if vectors.ndim != 2 or vectors.shape[1] != self.dim:
            raise GalleryError(
                f"Vectors of shape {vectors.shape} came, but (n, {self.dim}) was expected. "
                "Use the gallery's own encoder."
            )
        return np.ascontiguousarray(vectors, np.float32)


def _fastest(index: faiss.Index) -> faiss.Index:
    """The index on all GPUs, where faiss has been built for them and finds some."""
    return faiss.index_cpu_to_all_gpus(index) if faiss.get_num_gpus() else index
