"""Files that are whole or absent, and their checksums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write the file in one step: a reader sees the old text or the new, never a part."""
    write_files({path: text.encode("utf-8")})


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write all of the files or none: where the disk is full, or may not be written, what was there stays.

    They take their places in order, once all of them are on the disk; the last one may vouch for the others.
    """
    parts = {path: path.with_name(path.name + ".part") for path in files}
    try:
        for path, part in parts.items():
            _write(part, files[path])
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            with suppress(OSError):
                part.unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # some disks say only here that they are full


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable(name: str) -> str:
    """The name as text that can be shown and written anywhere: what is no UTF-8 or no character becomes "�"."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
