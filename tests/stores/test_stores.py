"""One contract for every store."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import faiss
import numpy as np
import pytest

from retrieval.errors import GalleryError
from retrieval.stores import faiss_store
from retrieval.stores.faiss_store import FaissStore


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def vectors() -> np.ndarray:
    return unit(np.random.default_rng(0).normal(size=(200, 16)))


@pytest.fixture
def store(vectors: np.ndarray) -> FaissStore:
    made = FaissStore(16)
    made.add(np.arange(1000, 1200), vectors)
    return made


def test_search_agrees_with_a_plain_product(store: FaissStore, vectors: np.ndarray) -> None:
    queries = unit(np.random.default_rng(1).normal(size=(7, 16)))
    scores, ids = store.search(queries, 10)
    expected = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    assert np.array_equal(ids, expected + 1000)
    assert np.allclose(scores, np.take_along_axis(queries @ vectors.T, expected, 1), atol=1e-6)


def test_search_among_some_ids_answers_with_those_alone(store: FaissStore, vectors: np.ndarray) -> None:
    among = np.array([1003, 1050, 1007])
    _, ids = store.search(vectors[:1], 10, among)
    assert sorted(ids[0]) == [1003, 1007, 1050]
    assert store.search(vectors[:1], 10, np.array([], np.int64))[1].shape == (1, 0)


def test_equal_scores_come_in_the_order_of_ids() -> None:
    store = FaissStore(2)
    store.add(np.array([7, 3, 5]), np.tile(np.array([[1.0, 0.0]], np.float32), (3, 1)))
    assert store.search(np.array([[1.0, 0.0]], np.float32), 3)[1].tolist() == [[3, 5, 7]]


def test_a_stored_vector_finds_itself_first(store: FaissStore) -> None:
    scores, ids = store.search(store.vectors([1042]), 3)
    assert ids[0, 0] == 1042
    assert scores[0, 0] == pytest.approx(1.0, abs=1e-6)


def test_removed_ids_are_gone(store: FaissStore, vectors: np.ndarray) -> None:
    assert store.remove([1000, 1001, 5]) == 2
    assert store.count() == 198
    assert 1000 not in store.search(vectors[:1], 198)[1]


def test_a_saved_store_opens_the_same(store: FaissStore, vectors: np.ndarray, tmp_path: Path) -> None:
    store.save(tmp_path / "v.faiss")
    opened = FaissStore.open(tmp_path / "v.faiss", 16)
    assert np.array_equal(opened.search(vectors, 5)[1], store.search(vectors, 5)[1])
    assert "200 vectors of 16 numbers" in opened.health()


@pytest.mark.parametrize("keep", [0, 10, 100, -5])
def test_a_truncated_file_is_refused(store: FaissStore, tmp_path: Path, keep: int) -> None:
    store.save(tmp_path / "v.faiss")
    (tmp_path / "v.faiss").write_bytes((tmp_path / "v.faiss").read_bytes()[:keep])
    with pytest.raises(GalleryError, match="damaged"):
        FaissStore.open(tmp_path / "v.faiss", 16)


def test_another_dimension_is_refused(store: FaissStore, vectors: np.ndarray, tmp_path: Path) -> None:
    store.save(tmp_path / "v.faiss")
    with pytest.raises(GalleryError, match="16-d vectors, but 8-d"):
        FaissStore.open(tmp_path / "v.faiss", 8)
    with pytest.raises(GalleryError, match="Vectors of shape"):
        store.search(vectors[:, :8], 3)


def test_more_answers_than_vectors_are_not_invented(store: FaissStore, vectors: np.ndarray) -> None:
    scores, ids = store.search(vectors[:2], 500)
    assert ids.shape == (2, 200)
    assert (ids >= 1000).all()
    assert np.isfinite(scores).all()


def test_stores_that_are_opened_at_once_do_not_lend_each_other_their_limit(
    store: FaissStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save(tmp_path / "large.faiss")
    small = FaissStore(16)
    small.save(tmp_path / "small.faiss")
    read, others = faiss.read_index, []

    def meanwhile(path: str) -> faiss.Index:
        if not others:
            others.append(Thread(target=FaissStore.open, args=(tmp_path / "small.faiss", 16)))
            others[0].start()
            others[0].join(0.5)  # it may go on only when this one has been read
        return read(path)

    monkeypatch.setattr(faiss_store, "OVERHEAD", 4096)
    monkeypatch.setattr(faiss, "read_index", meanwhile)
    assert FaissStore.open(tmp_path / "large.faiss", 16).count() == store.count()
    others[0].join()
