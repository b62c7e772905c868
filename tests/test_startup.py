"""What cannot be served says so in a sentence, and no upload outlives its time."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Event

import pytest

from retrieval import startup
from retrieval.errors import SettingsError
from retrieval.startup import FOLDER, KEPT, SWEEP, check_address, keep_swept, own_folder, sweep

HOME = Path(__file__).resolve().parents[1]


def test_a_port_that_is_taken_is_named_with_the_variable_that_changes_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} of 127.0.0.1 is taken.*Set GUISE_PORT to another"):
            check_address("127.0.0.1", port)
    check_address("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 300, "bad host", "é" * 70])
def test_a_host_that_cannot_be_resolved_is_called_a_host(host: str) -> None:
    with pytest.raises(SettingsError, match="GUISE_HOST is"):
        check_address(host, 7860)


def test_an_address_of_another_machine_is_called_so() -> None:
    with pytest.raises(SettingsError, match="no address of this machine"):
        check_address("192.0.2.1", 7860)  # kept for documentation: nobody has it


def test_a_port_that_needs_more_rights_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = startup._refusal(PermissionError(errno.EACCES, "Permission denied"), "127.0.0.1", 80)
    assert "Port 80 is not yours to open (Permission denied). Set GUISE_PORT" in refusal


def test_the_app_stops_with_a_sentence_and_the_exit_status_of_a_user_s_mistake() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environment = os.environ | {"GUISE_PORT": str(taken.getsockname()[1])}
        started = subprocess.run(
            [sys.executable, "app.py"],
            cwd=HOME,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )
    assert started.returncode == 2
    assert "is taken" in started.stderr
    assert "Traceback" not in started.stderr


def test_uploads_have_a_folder_of_their_own_which_gradio_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    folder = own_folder()
    assert folder.parent == tmp_path
    assert os.environ[FOLDER] == str(folder)
    assert own_folder() == folder, "asked again, it is the same"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_of_another_user_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    own_folder()
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    (tmp_path / "guise-12345").mkdir()
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(SettingsError, match=r"belongs to another user\)\. Set GRADIO_TEMP_DIR"):
        own_folder()
    (tmp_path / "file").touch()
    monkeypatch.setenv(FOLDER, str(tmp_path / "file"))
    with pytest.raises(SettingsError, match="Uploads cannot be kept in"):
        own_folder()


def old(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("upload")
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_what_a_killed_app_left_is_swept_at_start(tmp_path: Path) -> None:
    left, fresh = old(tmp_path / "a" / "x.png", KEPT + 1), old(tmp_path / "b" / "y.png", 1)
    os.utime(left.parent, (time.time() - KEPT - 1,) * 2)
    outside = old(tmp_path.parent / f"{tmp_path.name}-outside.png", KEPT + 1)
    (tmp_path / "link").symlink_to(outside)
    keep_swept(tmp_path)
    assert not left.exists()
    assert fresh.exists()
    assert outside.exists(), "a link is never followed"


def test_folders_that_go_while_they_are_walked_do_not_end_the_sweeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept, answers = Event(), iter([0, FileNotFoundError(tmp_path), 0])

    def sweeps(folder: Path) -> int:
        answer = next(answers, None)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            swept.set()
        return 0

    monkeypatch.setattr(startup, "sweep", sweeps)
    monkeypatch.setattr(startup, "SWEEP", 0.01)
    keep_swept(tmp_path)
    assert swept.wait(10)
    monkeypatch.setattr(startup, "SWEEP", 3600)


def test_what_is_young_at_start_is_swept_within_the_time_that_the_page_promises(tmp_path: Path) -> None:
    assert KEPT + SWEEP <= 20 * 60
    upload = old(tmp_path / "a" / "x.png", KEPT - SWEEP)
    assert sweep(tmp_path) == 0
    assert sweep(tmp_path, KEPT - SWEEP) == 1
    assert not upload.exists()
