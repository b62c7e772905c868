"""Described people: annotations are trusted for nothing that can be checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from retrieval.data.readers.files import path_of
from retrieval.data.readers.pedes import ANNOTATIONS, cuhk_pedes
from retrieval.errors import DataError
from retrieval.types import PHOTO
from tests.data.trees import plant, says


def entry(name: str, person: int = 7, split: str = "test", **other: Any) -> dict[str, Any]:
    return {"split": split, "captions": ["A red coat. ", "Someone in red."], "file_path": name, "id": person, **other}


def annotate(root: Path, entries: Any) -> Path:
    (root / ANNOTATIONS).write_text(json.dumps(entries), encoding="utf-8")
    return root


def test_a_picture_keeps_its_person_and_all_its_captions(tmp_path: Path) -> None:
    plant(tmp_path, "imgs/cam_a/1.png", "imgs/cam_b/2.png")
    annotate(tmp_path, [entry("cam_a/1.png"), entry("cam_b/2.png", split="train")])
    table = cuhk_pedes(tmp_path)
    assert table.captions == (("A red coat.", "Someone in red."),)
    row = table[0]
    assert (row.id, row.domain, row.label, row.split) == ("cam_a/1.png", PHOTO, "7", "test")
    assert path_of(row).is_file()
    assert says(table.problems, "The number of pictures in test is 1")


def test_damaged_entries_and_missing_pictures_are_told(tmp_path: Path) -> None:
    damaged = [
        "text",
        entry("1.png", split="gallery"),
        entry("../1.png"),
        entry("1.png", captions="one string"),
        entry("1.png", captions=[" "]),
        entry("1.png", id="nobody"),
        {"split": "test"},
    ]
    annotate(plant(tmp_path, "imgs/1.png"), [entry("1.png"), *damaged, entry("2.png")])
    table = cuhk_pedes(tmp_path)
    assert len(table) == 1
    assert says(table.problems, "cannot be used: 7 (2, 3, 4, 5, 6 and 2 more)")
    assert says(table.problems, "are missing: 1 (2.png)")


@pytest.mark.parametrize(
    ("text", "match"),
    [("[{", "is not JSON"), ("{}", "no list of entries but a dict"), ("[]", "describes nothing")],
)
def test_annotations_that_are_no_list_of_entries_are_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / ANNOTATIONS).write_text(text)
    with pytest.raises(DataError, match=match):
        cuhk_pedes(tmp_path)


def test_missing_annotations_pictures_and_splits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"reid_raw.json cannot be read"):
        cuhk_pedes(tmp_path)
    with pytest.raises(DataError, match="None of the pictures"):
        cuhk_pedes(annotate(tmp_path, [entry("1.png")]))
    with pytest.raises(DataError, match="describes nothing in the split 'val'"):
        cuhk_pedes(tmp_path, "val")
