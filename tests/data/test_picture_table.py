"""The table of pictures: rows are chosen and joined, never changed; pixels are decoded when they are asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.pictures import ArrayPicture, PictureFile
from retrieval.errors import DataError
from retrieval.types import PHOTO, SKETCH


def greys(count: int, size: int = 8) -> list[ArrayPicture]:
    return [ArrayPicture(np.full((size, size, 3), number, np.uint8)) for number in range(count)]


@pytest.fixture
def table() -> PictureTable:
    return PictureTable(
        greys(4),
        ["photo", "photo", "sketch", "sketch"],
        labels=["duck", "owl", "duck", "owl"],
        instances=["duck-1", "", "duck-1", ""],
        splits=["train", "test", "train", "val"],
        captions=[("a duck",), (), ("a duck", "a bird"), ()],
        problems=["One file is missing."],
    )


def test_rows_are_chosen_by_what_is_known_of_them(table: PictureTable) -> None:
    assert table.where(domain=PHOTO).labels == ("duck", "owl")
    assert table.where(labels={"duck"}, split="train").ids == ("0", "2")
    assert table.where(lambda row: "a bird" in row.captions).domains == ("sketch",)
    assert len(table.where(domain=SKETCH, labels={"house"})) == 0
    assert table.rows_by("instances") == {"duck-1": [0, 2]}


def test_chosen_rows_keep_all_their_columns_their_pixels_and_the_problems(table: PictureTable) -> None:
    chosen = table.select([2, 0])
    assert [(r.id, r.label, r.instance, r.split, r.captions) for r in chosen] == [
        ("2", "duck", "duck-1", "train", ("a duck", "a bird")),
        ("0", "duck", "duck-1", "train", ("a duck",)),
    ]
    assert chosen.pixels()[:, 0, 0, 0].tolist() == [2, 0]
    assert chosen.problems == ("One file is missing.",)
    assert table[1::2].ids == ("1", "3")


def test_an_unlabelled_table_has_no_labels_to_give(table: PictureTable) -> None:
    blind = table.without_labels()
    with pytest.raises(DataError, match="have no labels"):
        _ = blind.labels
    assert blind.ids == ("photo-0", "photo-1", "sketch-0", "sketch-1")
    assert not any((*blind.instances, *blind.splits, *blind.captions, *(row.label for row in blind)))
    assert blind.pictures == table.pictures


def test_tables_are_joined_when_all_are_labelled_or_none_is(table: PictureTable) -> None:
    whole = concatenate([table, table.where(domain=SKETCH)])
    assert whole.labels == ("duck", "owl", "duck", "owl", "duck", "owl")
    assert whole.problems == ("One file is missing.",) * 2
    assert len(concatenate([])) == 0
    with pytest.raises(ValueError, match="some of them labelled"):
        concatenate([table, table.without_labels()])


def test_a_table_does_not_change(table: PictureTable) -> None:
    renamed = table.with_columns(domains="emoji", labels=["a", "b", "c", "d"])
    assert set(renamed.domains) == {"emoji"}
    assert table.domains == ("photo", "photo", "sketch", "sketch")
    assert table.with_problems("Another.").problems != table.problems
    assert renamed.with_problems("Another.").labels == renamed.labels


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="3 pictures, but 2 labels"):
        PictureTable(greys(3), "photo", labels=["duck", "owl"])


def test_pixels_are_of_the_asked_size_and_files_are_opened_late(tmp_path: Path) -> None:
    files = PictureTable([PictureFile(tmp_path / "later.png")], "photo")  # nothing is there yet
    Image.new("RGB", (40, 20), (255, 0, 0)).save(tmp_path / "later.png")
    assert files.pixels(size=16).shape == (1, 16, 16, 3)
    assert files.pixels().shape == (1, 20, 40, 3)
    kept = files.in_memory(16)
    (tmp_path / "later.png").unlink()
    assert kept.tensor().shape == (1, 3, 16, 16)
    assert kept.tensor()[0, :, 8, 8].tolist() == [1.0, -1.0, -1.0]


def test_pictures_of_several_sizes_are_no_array_unless_a_size_is_named() -> None:
    mixed = PictureTable([*greys(1, 8), *greys(1, 12)], "photo")
    with pytest.raises(DataError, match="8 x 8 and 12 x 12"):
        mixed.in_memory()
    assert mixed.in_memory(10).pixels().shape == (2, 10, 10, 3)
