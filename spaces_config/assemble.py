"""Lay out the Space: what the app needs at run time, with the front matter on top of the README.

python spaces_config/assemble.py FOLDER
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("app.py", "retrieval", "assets", "checkpoints", "benchmarks/results", "docs", "LICENSE")
NOT_NEEDED = (
    "__pycache__",
    "*.pyi",
    "dark.png",
    "evaluate.png",
    "phone.png",
    "world-*.png",
)  # the page, the README or the docs show the others


def assemble(out: Path) -> Path:
    """Write the Space into a new folder and return it. gradio's version comes from the front matter."""
    out.mkdir(parents=True)
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, out / name, ignore=shutil.ignore_patterns(*NOT_NEEDED))
        else:
            shutil.copy(source, out / name)
    front = (ROOT / "spaces_config" / "README.cpu.md").read_text(encoding="utf-8")
    (out / "README.md").write_text(front + "\n" + (ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    (out / "requirements.txt").write_text("".join(p for p in pins if not p.startswith("gradio==")), encoding="utf-8")
    return out


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    assemble(Path(sys.argv[1]))
