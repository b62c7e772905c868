"""Emoji and icons: read with their words, and without what a zero-shot bundle must not see."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.data.icons import Icons, read_icons
from retrieval.errors import DataError

ROWS = [  # class, concept, caption, split, note
    ("duck", "duck", "duck | bird, waterfowl", "train", ""),
    ("palm tree", "palm_tree", "palm tree | palm, tree", "train", ""),
    ("beach with umbrella", "beach", "beach with umbrella | beach, sand", "train", ""),
    ("dodo", "", "dodo | bird, extinction", "train", ""),
    ("pizza", "pizza", "pizza | cheese, slice", "train", ""),
    ("bullseye", "", "bullseye | dart, target", "test", ""),
    ("anchor", "anchor", "anchor | ship", "train", "leak=reserved"),
]


@pytest.fixture
def icons(tmp_path: Path) -> Icons:
    """One red icon on transparent ground for each row."""
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(file, "PNG")
    blob = np.frombuffer(file.getvalue() * len(ROWS), np.uint8)
    np.savez(tmp_path / "noto.npz", blob=blob, offs=np.arange(len(ROWS) + 1) * len(file.getvalue()))
    with (tmp_path / "metadata.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["domain", "idx", "class", "concept", "caption", "split", "note"])
        out.writerows(["noto", i, name, concept, *rest] for i, (name, concept, *rest) in enumerate(ROWS))
    return read_icons(tmp_path, ["noto"], 16)


def test_icons_come_with_their_words_on_white_and_without_reserved_rows(icons: Icons) -> None:
    assert [icon.name for icon in icons.told] == [name for name, *_ in ROWS[:-1]]
    assert icons.told[0].words == {"duck", "bird", "waterfowl"}
    assert icons.told[3].label == "dodo"
    assert icons.examples[1].style == "emoji"
    assert icons.picture(0, np.random.default_rng(0)).min() > 170, "white, relit at most to 0.7 of it"


def test_nothing_unseen_is_left_when_asked(icons: Icons) -> None:
    kept = icons.kept(split="train", seen_only=True)
    assert {icon.label: icon.words for icon in kept.told} == {
        "duck": {"duck", "waterfowl"},
        "palm tree": {"palm tree", "palm"},
    }
    assert len(icons.kept(split="train", seen_only=False).told) == 5


def test_a_pack_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pack of pictures"):
        read_icons(tmp_path, ["noto"], 16)
