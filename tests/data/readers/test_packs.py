"""Packs of real pictures: read at one size, in their splits, without what is reserved."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.data.readers.packs import read_pack
from retrieval.errors import DataError
from retrieval.world.split import SPLIT

ROWS = [  # colour, concept, split, note
    ((200, 0, 0), "palm_tree", "train", ""),
    ((0, 200, 0), "palm_tree", "test", ""),
    ((0, 0, 200), "duck", "train", "leak=reserved"),
    ((9, 9, 9), "spoon", "train", ""),
]


@pytest.fixture
def small_pack(tmp_path: Path) -> Path:
    """Four wide pictures of one colour each, as a pack."""
    blobs = []
    for color, *_ in ROWS:
        file = io.BytesIO()
        Image.new("RGB", (40, 20), color).save(file, "PNG")
        blobs.append(np.frombuffer(file.getvalue(), np.uint8))
    np.savez(tmp_path / "photo.npz", blob=np.concatenate(blobs), offs=np.cumsum([0, *map(len, blobs)]))
    with (tmp_path / "metadata.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "domain", "idx", "concept", "split", "note"])
        out.writerows([i, "photo", i, concept, split, note] for i, (_, concept, split, note) in enumerate(ROWS))
    return tmp_path


def test_a_pack_is_read_by_label_and_split_and_reserved_rows_stay_away(small_pack: Path) -> None:
    shown = read_pack(small_pack, ("photo",), ["palm tree", "duck"])
    assert shown.pixels(size=16).shape == (2, 16, 16, 3)
    assert shown.labels == ("palm tree", "palm tree")
    train = read_pack(small_pack, ("photo",), ["palm tree", "duck"], split="train")
    assert tuple(train.pixels(size=16)[0, 8, 8]) == (200, 0, 0)
    assert read_pack(small_pack).labels == ("palm tree", "palm tree", "spoon")
    assert len(read_pack(small_pack, labels=["duck"])) == 0


def test_a_pack_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pack of pictures"):
        read_pack(tmp_path, ("photo",), ["duck"])


def test_pictures_become_training_views_of_the_asked_size(small_pack: Path) -> None:
    shown = read_pack(small_pack, ("photo",), ["palm tree"])
    for table in (shown, shown.in_memory(24)):
        assert table[0].picture.view(16, np.random.default_rng(0)).shape == (3, 16, 16)


def test_the_worlds_split_is_that_of_the_real_data(packs: Path) -> None:
    protocols = json.loads((packs / "protocols.json").read_text(encoding="utf-8"))
    for part in ("val_unseen", "test_unseen"):
        ours = {label for label, name in SPLIT.items() if name == part}
        assert ours == {concept.replace("_", " ") for concept in protocols[part]} & set(SPLIT)
