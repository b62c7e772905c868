"""A rendered set of the world, read back: pictures as one array, and what each of them shows. Needs no renderer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.errors import DataError
from retrieval.items import ITEMS


@dataclass(frozen=True)
class WorldPictures:
    """Rendered pictures and their truth, row by row."""

    pictures: npt.NDArray[np.uint8]  # (N, size, size, 3) RGB
    labels: tuple[str, ...]  # (N,)
    domains: tuple[str, ...]  # (N,)
    colors: tuple[str, ...]  # (N,) the word for each object's main colour
    objects: tuple[str, ...]  # (N,) one object stands in a row for each style


def world_pictures(folder: Path, classes: Sequence[str] | None = None) -> WorldPictures:
    """The rendered set in the folder, or its pictures of the given classes. Raises DataError when the set is not
    complete.
    """
    try:
        lines = (folder / ITEMS).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f"There is no complete rendered set in {folder}. Render it: python -m retrieval world render."
        ) from error
    told = [row for row in map(json.loads, lines) if classes is None or row["label"] in classes]
    pictures = np.stack([_pixels(folder / row["path"]) for row in told])
    labels, domains = (tuple(str(row[key]) for row in told) for key in ("label", "domain"))
    objects = tuple(str(row.get("object", row["path"])) for row in told)
    return WorldPictures(pictures, labels, domains, tuple(main_color(row) for row in told), objects)


def _pixels(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def main_color(row: Mapping[str, Any]) -> str:
    """The word for the main colour of the object in a line of items.jsonl: the first of its colours."""
    return str(next(iter(row["colors"].values()), ""))
