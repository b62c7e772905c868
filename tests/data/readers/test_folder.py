"""Anybody's folder: domains and labels come from where a picture lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.data.readers.folder import folder_items
from retrieval.errors import DataError
from retrieval.types import PHOTO, SKETCH, Domain
from tests.data.trees import plant


def test_domain_and_label_are_the_folders_and_hidden_files_are_passed_over(tmp_path: Path) -> None:
    plant(
        tmp_path,
        "art/palm_tree/1.png",
        "art/palm_tree/2024/may/2.png",
        "owl/2.JPG",
        "3.webp",
        ".thumbs/4.png",
        "art/.5.png",
    )
    items = folder_items(tmp_path, SKETCH)
    assert [(item.id, item.domain, item.label) for item in items] == [
        ("3.webp", SKETCH, None),
        ("art/palm_tree/1.png", Domain("art"), "palm tree"),
        ("art/palm_tree/2024/may/2.png", Domain("art"), "palm tree"),
        ("owl/2.JPG", SKETCH, "owl"),
    ]
    assert folder_items(tmp_path)[0].domain == PHOTO


def test_a_folder_that_holds_no_pictures_or_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        folder_items(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        folder_items(tmp_path / "nowhere")
