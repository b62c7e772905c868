"""Bits fitted on training vectors answer like a plain count of differing bits."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from retrieval.artifacts.rotation import Rotation
from retrieval.errors import GalleryError
from retrieval.stores.binary_store import BinaryStore, fitted


def unit(count: int, seed: int) -> np.ndarray:
    """Vectors around twelve directions."""
    rng = np.random.default_rng(seed)
    rows = np.random.default_rng(99).normal(size=(12, 32))[rng.integers(12, size=count)]
    rows = rows + 0.5 * rng.normal(size=(count, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(scope="module")
def rotation() -> Rotation:
    return fitted(unit(400, 0), 16)


@pytest.fixture
def store(rotation: Rotation) -> BinaryStore:
    made = BinaryStore(rotation)
    order = np.random.default_rng(5).permutation(300)
    made.add(1000 + order[:100], unit(300, 1)[order[:100]])
    made.add(1000 + order[100:], unit(300, 1)[order[100:]])
    return made


def differing(rotation: Rotation, queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    one, other = (np.unpackbits(rotation(rows), axis=1) for rows in (queries, gallery))
    return (one[:, None] != other[None]).sum(axis=2)


def test_the_bits_are_the_signs_of_what_faiss_transforms_to(rotation: Rotation) -> None:
    itq = faiss.ITQTransform(32, 16, True)
    itq.train(unit(400, 0))
    assert np.array_equal(np.unpackbits(rotation(unit(50, 2)), axis=1), itq.apply(unit(50, 2)) > 0)


def test_the_rotation_is_fitted_on_training_vectors_and_the_same_for_every_later_one(store: BinaryStore) -> None:
    before = store.rotation(unit(5, 7))
    store.add(np.arange(5), -unit(5, 8))
    assert np.array_equal(store.rotation(unit(5, 7)), before)
    assert np.array_equal(fitted(unit(400, 0), 16).matrix, store.rotation.matrix)


def test_search_agrees_with_a_plain_count_and_equals_come_in_the_order_of_ids(store: BinaryStore) -> None:
    distances = differing(store.rotation, unit(9, 3), unit(300, 1))
    order = np.argsort(distances, axis=1, kind="stable")[:, :25]
    scores, ids = store.search(unit(9, 3), 25)
    assert np.array_equal(ids, 1000 + order)
    assert np.allclose(scores, 1 - np.take_along_axis(distances, order, 1) / 8)
    assert store.search(unit(9, 3), 999)[1].shape == (9, 300)


def test_search_among_some_ids_answers_with_those_alone(store: BinaryStore) -> None:
    assert sorted(store.search(unit(1, 3), 10, np.array([1003, 1250, 1007]))[1][0]) == [1003, 1007, 1250]
    assert store.search(unit(1, 3), 10, np.array([], np.int64))[1].shape == (1, 0)


def test_a_stored_vector_is_at_no_distance_from_itself(store: BinaryStore) -> None:
    scores, ids = store.search(unit(300, 1)[42:43], 300)
    assert scores[0, ids[0].tolist().index(1042)] == 1.0


def test_removed_ids_are_gone(store: BinaryStore) -> None:
    assert store.remove([1000, 1001, 5]) == 2
    assert store.count() == 298
    assert not {1000, 1001} & set(store.search(unit(1, 3), 298)[1][0].tolist())


def test_a_saved_store_opens_the_same_and_brings_its_rotation(store: BinaryStore, tmp_path: Path) -> None:
    store.save(tmp_path / "v.npz")
    opened = BinaryStore.open(tmp_path / "v.npz")
    assert np.array_equal(opened.search(unit(9, 3), 5)[1], store.search(unit(9, 3), 5)[1])
    assert "300 vectors of 16 bits" in opened.health()


@pytest.mark.parametrize("keep", [0, 10, 100, -5])
def test_a_truncated_file_is_refused(store: BinaryStore, tmp_path: Path, keep: int) -> None:
    store.save(tmp_path / "v.npz")
    (tmp_path / "v.npz").write_bytes((tmp_path / "v.npz").read_bytes()[:keep])
    with pytest.raises(GalleryError, match="damaged"):
        BinaryStore.open(tmp_path / "v.npz")


def test_vectors_of_another_length_are_refused(store: BinaryStore) -> None:
    with pytest.raises(GalleryError, match=r"\(n, 32\) was expected"):
        store.search(np.zeros((1, 16), np.float32), 1)


@pytest.mark.parametrize("bits", [0, 12, 40])
def test_a_number_of_bits_that_cannot_be_fitted_is_refused(bits: int) -> None:
    with pytest.raises(GalleryError, match=f"with {bits} bits"):
        fitted(unit(50, 0), bits)
