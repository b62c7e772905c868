"""Small copies of published data sets. Readers never decode a picture, so a file that is called one will do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SKETCHY = (
    "256x256/sketch/tx_000000000000_ready",
    "EXTEND_image_sketchy_ready",
    "sketch_tx_000000000000_ready",
    "all_photo",
)
TUBERLIN = ("png_ready", "ImageResized_ready", "png_ready", "ImageResized_ready")


def plant(root: Path, *names: str, same: str | None = None) -> Path:
    """Write a file for each name, all different unless `same` says what is in them. Returns the root."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(same or name, encoding="utf-8")
    return root


def write_list(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def says(problems: tuple[str, ...], *words: str) -> bool:
    """Whether one of the problems says all of the words."""
    return any(all(word in problem for word in words) for problem in problems)


def paint(root: Path, layout: tuple[str, str, str, str], lists: str, seen: list[str], unseen: list[str]) -> Path:
    """Real pictures: three sketches and three photos of each class in that layout, and the lists. Returns the root."""
    rng = np.random.default_rng(0)
    for ending, classes in (("train", seen), ("zero", unseen)):
        for place, listing, suffix in ((layout[0], layout[2], "png"), (layout[1], layout[3], "jpg")):
            names = [f"{place}/{name}/{number}.{suffix}" for name in classes for number in range(3)]
            for name in names:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8)).save(root / name)
            write_list(root / lists / f"{listing}_filelist_{ending}.txt", *(f"{name} 0" for name in names))
    return root
