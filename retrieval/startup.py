"""What is looked at before the page is served, so that what cannot work is a sentence and no traceback: the doors that
the environment opens, the address, and the folder that uploads are kept in, which is swept while the page is served.

gradio forgets what it has to delete when it is killed. Here every file that is old enough goes, whoever put it there;
so the folder is the app's own.
"""

from __future__ import annotations

import errno
import os
import socket
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from retrieval.errors import SettingsError

KEPT = 900  # seconds that an upload is kept
SWEEP = 300  # seconds from one sweep to the next; KEPT + SWEEP is what the page promises
FOLDER = "GRADIO_TEMP_DIR"


FORBIDDEN = ("GRADIO_VIBE_MODE", "GRADIO_ALLOWED_PATHS", "GRADIO_SHARE")
"""Doors in gradio that the environment could open."""


def check_doors() -> None:
    """Raises SettingsError where the environment opens a door that must stay shut."""
    if opened := [name for name in FORBIDDEN if os.environ.get(name)]:
        raise SettingsError(
            f"{' and '.join(opened)} must not be set: the page would serve or change more than its gallery. Unset it."
        )


def check_address(host: str, port: int) -> None:
    """Raises SettingsError where the page cannot be served there."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise SettingsError(
            f"GUISE_HOST is {host[:80]!r}, which is no address and no name that is known. "
            "Set it to 127.0.0.1 for this machine alone, or to 0.0.0.0 for its network."
        ) from error
    with socket.socket(family, kind) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(address)
        except OSError as error:
            raise SettingsError(_refusal(error, host, port)) from error


def _refusal(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} of {host} is taken, perhaps by Guise itself. Set GUISE_PORT to another, "
            f"for example GUISE_PORT={port + 1 if port < 65535 else 7860}."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {port} is not yours to open ({error.strerror}). Set GUISE_PORT to one above 1023."
    return f"GUISE_HOST is {host!r}, which is no address of this machine ({error.strerror}). Set it to 127.0.0.1."


def own_folder() -> Path:
    """Make the folder for uploads, under the system's or the one that the environment names, and tell gradio of it."""
    above = Path(os.environ.get(FOLDER) or tempfile.gettempdir())
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = above if above.name == f"guise-{user}" else above / f"guise-{user}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and folder.stat().st_uid != os.getuid():
            raise PermissionError(errno.EACCES, "it belongs to another user")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise SettingsError(
            f"Uploads cannot be kept in {folder} ({error.strerror}). Set {FOLDER} to a folder of your own."
        ) from error
    os.environ[FOLDER] = str(folder)
    return folder


def sweep(folder: Path, kept: float = KEPT) -> int:
    """Delete every file below the folder that is older than `kept` seconds, and folders that are empty then; how many
    files went.
    """
    gone, oldest = 0, time.time() - kept
    for path in sorted(folder.rglob("*"), reverse=True):  # what is inside a folder before the folder
        with suppress(OSError):  # somebody else was quicker, or a folder is not empty
            if path.is_dir() and not path.is_symlink():
                if path.stat().st_mtime < oldest:
                    path.rmdir()
            elif path.lstat().st_mtime < oldest:
                path.unlink()
                gone += 1
    return gone


def keep_swept(folder: Path) -> None:
    """Sweep the folder now and, in the background, again and again."""
    sweep(folder)

    def again() -> None:
        while True:
            time.sleep(SWEEP)
            with suppress(OSError):  # the walk itself stops where a folder goes meanwhile; the next one begins anew
                sweep(folder)

    threading.Thread(target=again, name="sweeping uploads", daemon=True).start()
