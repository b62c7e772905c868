"""Files that are whole or absent, and their checksums."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write the file in one step: a reader sees the old text or the new, never a part."""
    write_files({path: text.encode("utf-8")})


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write all of the files or none: where the disk is full, or may not be written, what was there stays.

    They take their places in order, once all of them are on the disk; the last one may vouch for the others.
    """
    parts = {path: _part_of(path) for path in files}
    try:
        for path, part in parts.items():
            _write(part, files[path])
        for path, part in parts.items():
            os.replace(part, path)
    finally:
        for part in parts.values():
            _remove(part)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new name beside the file, for whatever library writes it. At the end what was written takes the place of the
    file in one step; after an error it is removed. What a killed process leaves ends in `.part`, and nobody reads it.
    """
    part = _part_of(path)
    try:
        yield part
        with part.open("r+b") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        _remove(part)


def _part_of(path: Path) -> Path:
    """A name of its own for each that writes the file, so that threads and processes may write it at once."""
    return path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")


def _remove(part: Path) -> None:
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
