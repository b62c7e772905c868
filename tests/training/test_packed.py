"""Pictures in one file are the same pictures, and a damaged file is a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.bundle import Source
from retrieval.data.prompted import Shelf
from retrieval.errors import DataError
from retrieval.training.packed import Shown, pack, packed, unpacked


def shown() -> Shown:
    rng = np.random.default_rng(0)
    shelves = [
        Shelf(style, rng.integers(0, 256, (count, 16, 16, 3), np.uint8), ["duck"] * count, colors, share)
        for style, count, colors, share in (("photo", 3, ["red", "", "blue"], 0.8), ("doodle", 2, ["", ""], 0.2))
    ]
    return shelves, (Source("renders", "Apache-2.0", 3), Source("drawings", "CC BY 4.0", 2))


def test_what_is_packed_comes_out_as_it_was(tmp_path: Path) -> None:
    shelves, sources = shown()
    pack(tmp_path / "deep" / "pictures.npz", shelves, sources)
    found, told = unpacked(tmp_path / "deep" / "pictures.npz")
    assert told == sources
    for one, other in zip(found, shelves, strict=True):
        assert (one.style, list(one.labels), list(one.colors), one.share) == (
            other.style,
            other.labels,
            other.colors,
            other.share,
        )
        np.testing.assert_array_equal(one.pictures, other.pictures)


def test_pictures_are_gathered_once(tmp_path: Path) -> None:
    asked = []

    def gather() -> Shown:
        asked.append(1)
        return shown()

    for _ in range(2):
        found, _ = packed(tmp_path / "pictures.npz", gather)
        assert [shelf.style for shelf in found] == ["photo", "doodle"]
    assert len(asked) == 1
    packed(None, gather)
    assert len(asked) == 2


@pytest.mark.parametrize("spoil", ["cut", "text", "other", "order"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "pictures.npz"
    pack(path, *shown())
    whole = path.read_bytes()
    if spoil == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif spoil == "text":
        path.write_text("no pictures")
    elif spoil == "other":
        np.savez(path, told=np.zeros(3))
    else:
        with np.load(path) as kept:
            arrays = dict(kept)
        arrays["ends-0"] = arrays["ends-0"][::-1]
        np.savez(path, **arrays)
    with pytest.raises(DataError, match=r"pictures\.npz is damaged"):
        unpacked(path)
