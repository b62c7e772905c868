"""People's drawings: read as they were drawn, and never in two splits."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from retrieval.data.pictures import StrokePicture
from retrieval.data.readers.quickdraw import TEST_PER_CLASS, quickdraw, quickdraw_labels
from retrieval.errors import DataError
from retrieval.images import rasterise

CLASSES = ["duck", "palm tree", "chair"]


@pytest.fixture
def small_pack(tmp_path: Path) -> Path:
    """Sixty drawings of ducks: 50 to train on, 4 to select on, 6 to test on. Each is an L of two lines."""
    points = np.tile(np.array([[0, 0], [0, 200], [0, 200], [100, 200]], np.uint8), (60, 1))
    pen = np.tile(np.array([1, 0, 1, 0], np.uint8), 60)
    np.savez(tmp_path / "strokes.npz", pts=points, pen=pen, offs=np.arange(0, 241, 4))
    with (tmp_path / "strokes.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["idx", "key_id", "class", "concept", "split"])
        for i in range(60):
            out.writerow([i, 1000 + (i * 37) % 60, "duck", "duck", "train" if i < 50 else "val" if i < 54 else "test"])
    return tmp_path


def test_the_test_split_is_topped_up_from_training_without_overlap(small_pack: Path) -> None:
    ids = {split: set(quickdraw(small_pack, ["duck"], split).ids) for split in ("train", "val", "test")}
    assert {name: len(keys) for name, keys in ids.items()} == {"train": 16, "val": 4, "test": 40}
    assert len(ids["train"] | ids["val"] | ids["test"]) == 60


def test_lines_are_lines_again(small_pack: Path) -> None:
    picture = quickdraw(small_pack, ["duck"], "test")[0].picture
    assert isinstance(picture, StrokePicture)
    drawing = picture.strokes
    assert [len(stroke.points) for stroke in drawing.strokes] == [2, 2]
    ink = np.asarray(rasterise(drawing, 64))[..., 0] < 128
    assert ink[:, :32].any()
    assert ink[48:].any()
    assert not ink[:32, 40:].any()


def test_missing_packs_and_labels_are_told(small_pack: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no drawings of 'unicorn'"):
        quickdraw(small_pack, ["unicorn"], "test")
    with pytest.raises(DataError, match="There are no drawings in"):
        quickdraw(tmp_path / "nowhere", ["duck"], "test")


@pytest.mark.pack
def test_the_real_pack_has_forty_test_drawings_of_each_class_and_no_drawing_twice(packs: Path) -> None:
    folder = packs / "quickdraw345"
    keys = [set(quickdraw(folder, CLASSES, split).ids) for split in ("train", "val", "test")]
    assert sum(map(len, keys)) == len(set.union(*keys))
    tested = quickdraw(folder, CLASSES, "test").labels
    assert {label: tested.count(label) for label in CLASSES} == dict.fromkeys(CLASSES, TEST_PER_CLASS)
    assert len(quickdraw_labels(folder)) == 345
