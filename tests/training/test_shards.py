"""Packed pictures are the same pictures, and a damaged folder is a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.artifacts.manifest import Source
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.sampler import Portion
from retrieval.errors import DataError
from retrieval.training.shards import ROOM, Pictures, pack, pack_once, unpack


def shown() -> Pictures:
    rng = np.random.default_rng(0)
    portions = [
        Portion(
            PictureTable(
                map(ArrayPicture, rng.integers(0, 256, (count, 16, 16, 3), np.uint8)),
                style,
                labels="duck",
                colors=colors,
            ),
            share,
        )
        for style, count, colors, share in (("photo", 3, ["red", "", "blue"], 0.8), ("doodle", 2, ["", ""], 0.2))
    ]
    return portions, (Source("renders", "Apache-2.0", 3), Source("drawings", "CC BY 4.0", 2))


def test_what_is_packed_comes_out_as_it_was(tmp_path: Path) -> None:
    portions, sources = shown()
    pack(tmp_path / "deep" / "pictures", portions, sources)
    found, told = unpack(tmp_path / "deep" / "pictures")
    assert told == sources
    assert_same(found, portions)


def test_no_shard_is_larger_than_asked_and_portions_go_over_their_edges(tmp_path: Path) -> None:
    portions, sources = shown()
    pack(tmp_path / "pictures", portions, sources, shard=ROOM + 2500)  # 16 x 16 of noise take some 1,000 bytes
    shards = sorted((tmp_path / "pictures").glob("shard-*.npz"))
    assert len(shards) == 3
    assert max(shard.stat().st_size for shard in shards) <= ROOM + 2500
    assert_same(unpack(tmp_path / "pictures")[0], portions)


def assert_same(found: list[Portion], portions: list[Portion]) -> None:
    for mine, yours in zip(found, portions, strict=True):
        assert mine.share == yours.share
        assert [(r.domain, r.label, r.color) for r in mine.table] == [(r.domain, r.label, r.color) for r in yours.table]
        np.testing.assert_array_equal(mine.table.pixels(), yours.table.pixels())


def test_pictures_are_gathered_once(tmp_path: Path) -> None:
    asked = []

    def gather() -> Pictures:
        asked.append(1)
        return shown()

    for _ in range(2):
        found, _ = pack_once(tmp_path / "pictures", gather)
        assert [portion.domains[0] for portion in found] == ["photo", "doodle"]
    assert len(asked) == 1
    pack_once(None, gather)
    assert len(asked) == 2


@pytest.mark.parametrize("spoil", ["cut", "text", "gone", "order", "fewer", "words"])
def test_a_damaged_folder_is_a_sentence(tmp_path: Path, spoil: str) -> None:
    folder = tmp_path / "pictures"
    pack(folder, *shown())
    shard, told = folder / "shard-000.npz", folder / "shelves.json"
    with np.load(shard) as kept:
        blob, ends = kept["blob"], kept["ends"]
    if spoil == "cut":
        shard.write_bytes(shard.read_bytes()[:1000])
    elif spoil == "text":
        shard.write_text("no pictures")
    elif spoil == "gone":
        shard.unlink()
    elif spoil == "order":
        np.savez(shard, blob=blob, ends=ends[::-1])
    elif spoil == "fewer":
        np.savez(shard, blob=blob, ends=ends[:-1])
    else:
        told.write_text("{}")
    with pytest.raises(DataError, match="pictures is damaged"):
        unpack(folder)


def test_a_folder_that_was_not_finished_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "pictures.part").mkdir()
    (tmp_path / "pictures.part" / "shard-000.npz").write_text("half")
    found, _ = pack_once(tmp_path / "pictures", shown)
    assert_same(found, shown()[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures"]
