"""Visitors' pictures are opened in processes that can be ended."""

from __future__ import annotations

import fcntl
import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval import decoder
from retrieval.decoder import Decoders
from retrieval.errors import UnreadableImage
from retrieval.images import open_image


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def decoders() -> Iterator[Decoders]:
    pool = Decoders()
    yield pool
    pool.close()


def test_a_picture_comes_out_as_it_does_without_a_process(decoders: Decoders, picture: Path) -> None:
    for _ in range(2):
        assert decoders.open(picture).tobytes() == open_image(picture).tobytes()
    assert len(decoders._idle) == 1, "a process is used again"


def test_a_refusal_is_the_same_sentence_and_costs_no_process(decoders: Decoders, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xe9\n.png")
    path.write_text("no picture")
    for _ in range(2):
        with pytest.raises(UnreadableImage, match="is not a picture that can be opened"):
            decoders.open(path)
    assert len(decoders._idle) == 1


def test_a_picture_that_takes_too_long_ends_its_process_and_nothing_else(tmp_path: Path, picture: Path) -> None:
    pool = Decoders(seconds=0.5)
    pool.warm()
    pool._idle[0].open(picture, 30)
    slow = pool._idle[0]._process
    os.kill(slow.pid, 19)  # it stops where it is, as one that is deep in a decoder does
    with pytest.raises(UnreadableImage, match=r"noise\.png takes more than 0\.5 seconds"):
        pool.open(picture)
    assert slow.poll() is not None, "it was ended"
    pool._seconds = 30
    assert pool.open(picture).size == (60, 40)
    pool.close()


def test_a_slow_picture_does_not_hold_up_another(picture: Path) -> None:
    pool = Decoders(seconds=20)
    pool.warm()
    pool._idle[0].open(picture, 30)
    slow = pool._idle[0]._process
    os.kill(slow.pid, 19)
    refused: list[bool] = []

    def waits() -> None:
        with pytest.raises(UnreadableImage):
            pool.open(picture)
        refused.append(True)

    thread = threading.Thread(target=waits)
    thread.start()
    while pool._idle:
        time.sleep(0.01)
    assert pool.open(picture).size == (60, 40)
    assert not refused, "the slow one is still being waited for"
    os.kill(slow.pid, 9)
    thread.join(10)
    assert refused
    pool.close()


def test_a_process_that_the_machine_has_ended_is_replaced_and_no_picture_is_blamed(
    decoders: Decoders, picture: Path
) -> None:
    decoders.open(picture)
    dead = decoders._idle[0]._process
    dead.kill()
    dead.wait()
    assert decoders.open(picture).size == (60, 40)


def test_pictures_are_opened_however_many_files_the_page_has_open(decoders: Decoders, picture: Path) -> None:
    high = fcntl.fcntl(0, fcntl.F_DUPFD, 1024)
    decoders.open(picture)
    pipe = decoders._idle[0]._process.stdout
    assert pipe is not None
    beyond = fcntl.fcntl(pipe.fileno(), fcntl.F_DUPFD, high + 1)
    os.close(high)
    decoders._idle[0]._process.stdout = os.fdopen(beyond, "rb", buffering=0)
    assert decoders.open(picture).size == (60, 40)
    pipe.close()


def test_a_key_that_ends_the_app_reaches_no_picture_that_is_being_opened(decoders: Decoders) -> None:
    decoders.warm()
    assert os.getpgid(decoders._idle[0]._process.pid) != os.getpgid(0), "a terminal signals all of its group"


def test_a_process_that_answers_nonsense_is_ended(
    decoders: Decoders, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoders.warm()
    monkeypatch.setattr(decoders._idle[0], "_line", lambda deadline: b"nonsense")
    process = decoders._idle[0]._process
    with pytest.raises(ValueError, match="Expecting value"):
        decoders.open(picture)
    assert process.poll() is not None
    assert not decoders._idle


def test_where_all_processes_are_busy_a_visitor_is_told_so(picture: Path) -> None:
    pool = Decoders(seconds=0.1, processes=1)
    pool._places.acquire()
    with pytest.raises(UnreadableImage, match="Too many pictures"):
        pool.open(picture)


def test_a_process_serves_until_it_is_asked_no_more(picture: Path) -> None:
    answered = io.BytesIO()
    decoder.serve(io.BytesIO(f'"{picture}"\n"{picture.parent}"\n'.encode()), answered)
    assert answered.getvalue().startswith(decoder.READY + b'{"size": [60, 40]}\n')
    assert answered.getvalue().endswith(b'Choose a file that holds a picture."}\n')
