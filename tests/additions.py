"""A copy of the package to which a test adds something, and in which it counts what had to be touched."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "retrieval"


class Copy:
    """`retrieval` in another folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(PACKAGE, folder / "retrieval", ignore=shutil.ignore_patterns("__pycache__"))

    def write(self, name: str, text: str) -> None:
        """Add a file."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        """Edit a file, in the one place where `old` stands."""
        text = (self.folder / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    @property
    def touched(self) -> list[str]:
        """The files that are new or differ from the project's, sorted."""
        files = (path.relative_to(self.folder) for path in (self.folder / "retrieval").rglob("*.py"))
        same = (
            file for file in files if not ((ROOT / file).is_file() and filecmp.cmp(self.folder / file, ROOT / file))
        )
        return sorted(file.as_posix() for file in same)

    def run(self, *words: str, environment: Mapping[str, str] | None = None) -> str:
        """What Python prints, with this copy in place of the project."""
        variables = os.environ | {"PYTHONPATH": str(self.folder)} | dict(environment or {})
        done = subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
