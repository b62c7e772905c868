"""Lay out a Space: what the app needs at run time, with the front matter of a variant on top of the README.

    python spaces_config/assemble.py --variant cpu FOLDER

`cpu` and `zerogpu` are Spaces of gradio's SDK, which installs the gradio that their front matter names; `docker` is a
Space of Docker's SDK, and a container for a server of one's own.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "spaces_config"
VARIANTS = ("cpu", "zerogpu", "docker")
NEEDED = ("app.py", "retrieval", "assets", "checkpoints", "benchmarks/results", "docs", "LICENSE")
NOT_NEEDED = (
    "__pycache__",
    "*.pyi",
    "lock",
    "dark.png",
    "evaluate.png",
    "phone.png",
    "world-*.png",
)  # the page, the README or the docs show the others
MOST = 1_000_000_000  # bytes of a Space
LARGE = ("*.safetensors", "*.webp", "*.png", "*.npy", "*.faiss")  # kept by Git's extension for large files


def assemble(out: Path, variant: str = "cpu") -> Path:
    """Write the Space into a new folder and return it. Raises SystemExit where there is one already, and for more bytes
    than a Space may have.
    """
    if out.exists():
        raise SystemExit(f"{out} is there already. Name a new folder, or delete it first.")
    copy_project(out)
    write_variant(out, variant)
    if (size := size_of(out)) > MOST:
        raise SystemExit(f"{out} has {size:,} bytes, more than {MOST:,}. Take bundles out of checkpoints/.")
    return out


def copy_project(out: Path, *, link: bool = False) -> None:
    """Copy what the app needs at run time into a new folder; `link`: with the same files under further names."""
    out.mkdir(parents=True)
    copy = _link if link else shutil.copy2
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns(*NOT_NEEDED)
            shutil.copytree(source, out / name, ignore=ignored, copy_function=copy)
        else:
            copy(source, out / name)


def _link(source: str | Path, target: str | Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def write_variant(out: Path, variant: str) -> None:
    """Write what makes a Space of the copy: README with its front matter, requirements, packages, and a Dockerfile."""
    front = (CONFIG / f"README.{variant}.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (out / "README.md").write_text(f"{front}\n{readme}", encoding="utf-8")
    (out / "requirements.txt").write_text(requirements(variant), encoding="utf-8")
    shutil.copy(CONFIG / "packages.txt", out / "packages.txt")
    large = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LARGE)
    (out / ".gitattributes").write_text(large, encoding="utf-8")
    if variant == "docker":
        shutil.copy(CONFIG / "Dockerfile", out / "Dockerfile")
        (out / ".dockerignore").write_text(".git\n", encoding="utf-8")


def requirements(variant: str) -> str:
    """The project's pins, with those of the variant in place of its own; without gradio where the front matter names
    it.
    """
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    own = CONFIG / f"requirements.{variant}.txt"
    instead = {name(pin): pin for pin in own.read_text(encoding="utf-8").splitlines()} if own.is_file() else {}
    kept = [instead.get(name(pin), pin) for pin in pins if pin and not pin.startswith("#")]
    if variant != "docker":
        kept = [pin for pin in kept if name(pin) != "gradio"]
    return "".join(f"{pin}\n" for pin in kept)


def name(pin: str) -> str:
    """The package that a line of requirements pins."""
    return re.split(r"[=<>\[ ]", pin, maxsplit=1)[0]


def size_of(folder: Path) -> int:
    """Bytes of all files in the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(arguments: list[str]) -> None:
    """Lay out the Space that the command line asks for, and say what to do next."""
    parser = argparse.ArgumentParser(description="Lay out a Space in a new folder.")
    parser.add_argument("--variant", choices=VARIANTS, default="cpu", help="what it runs on (default: cpu)")
    parser.add_argument("out", type=Path, metavar="FOLDER")
    asked = parser.parse_args(arguments)
    out = assemble(asked.out, asked.variant)
    sdk = "docker" if asked.variant == "docker" else "gradio"
    sys.stdout.write(
        f"{out} is a Space of {size_of(out) / 1e6:.0f} MB. Publish it:\n"
        f"  hf repos create YOU/guise --type space --space-sdk {sdk}\n"
        f"  hf upload YOU/guise {out} . --type space\n"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
