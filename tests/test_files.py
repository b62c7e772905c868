"""Files are whole or absent, whoever writes them at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retrieval.files import replacing, write_files

LONG = 200_000  # bytes, so that a write takes a while


def test_threads_that_write_one_file_at_once_leave_it_whole(tmp_path: Path) -> None:
    path, texts = tmp_path / "items.jsonl", [bytes([65 + number]) * LONG for number in range(6)]
    with ThreadPoolExecutor(len(texts)) as threads:
        list(threads.map(lambda number: write_files({path: texts[number % len(texts)]}), range(60)))
    assert path.read_bytes() in texts
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_text("old")
    with replacing(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.suffix == ".part"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_two_that_replace_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first", "it was the last to be done"


def test_an_error_on_the_way_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as part:
            part.write_text("ne")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
