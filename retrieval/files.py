"""Files that are whole or absent, and their checksums."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write the file in one step: a reader sees the old text or the new, never a part."""
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def printable(name: str) -> str:
    """The name as text that can be shown and written anywhere: what is no UTF-8 or no character becomes "�"."""
    return "".join(c if c.isprintable() else "\ufffd" for c in name)
