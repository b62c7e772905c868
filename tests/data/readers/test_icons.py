"""Emoji and icons: read with their words, and without what a zero-shot bundle must not see."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.data.readers.icons import read_icons
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
def pack(tmp_path: Path) -> Path:
    """One red icon on transparent ground for each row."""
    file = io.BytesIO()
    Image.new("RGBA", (20, 20), (255, 0, 0, 0)).save(file, "PNG")
    blob = np.frombuffer(file.getvalue() * len(ROWS), np.uint8)
    np.savez(tmp_path / "noto.npz", blob=blob, offs=np.arange(len(ROWS) + 1) * len(file.getvalue()))
    with (tmp_path / "metadata.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["domain", "idx", "class", "concept", "caption", "split", "note"])
        out.writerows(["noto", i, name, concept, *rest] for i, (name, concept, *rest) in enumerate(ROWS))
    return tmp_path


def test_icons_come_with_their_words_on_white_and_without_reserved_rows(pack: Path) -> None:
    icons = read_icons(pack, ["noto"])
    assert list(icons.instances) == [f"icon {name}" for name, *_ in ROWS[:-1]]
    assert icons.words[0] == {"duck", "bird", "waterfowl"}
    assert icons.labels[3] == "dodo"
    assert icons[1].style == "emoji"
    view = icons.in_memory(16).pictures[0].view(16, np.random.default_rng(0))
    assert view.min() > 170, "white, relit at most to 0.7 of it"


def test_nothing_unseen_is_left_when_asked(pack: Path) -> None:
    kept = read_icons(pack, ["noto"], split="train", seen_only=True)
    assert {icon.label: icon.words for icon in kept} == {
        "duck": {"duck", "waterfowl"},
        "palm tree": {"palm tree", "palm"},
    }
    assert len(read_icons(pack, ["noto"], split="train")) == 5


def test_a_pack_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pack of pictures"):
        read_icons(tmp_path, ["noto"])
