"""Human drawings from Google's Quick, Draw!, as a pack of vectors on disk.

A pack is a folder with `strokes.npz` (`pts` (P, 2), `pen` (P,) 1 where a line begins, `offs` (N + 1,)) and
`strokes.csv` (idx, key_id, concept, split, ...). It is not part of the project: name its folder.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from retrieval.data.concepts import spoken
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import StrokePicture
from retrieval.errors import DataError
from retrieval.images import Stroke, Strokes
from retrieval.types import SKETCH

Split = Literal["train", "val", "test"]
CANVAS = 512
PEN = CANVAS / 64  # the pack holds no widths; this one looks like a mouse drawing
TEST_PER_CLASS = 40


def quickdraw(folder: Path, labels: Sequence[str], split: Split) -> PictureTable:
    """The drawings of the labels in one split, by label and then id, which is Quick, Draw!'s own. Raises DataError when
    the pack or a label is missing.

    The pack's own test split has 18 to 33 drawings of a class. To measure on `TEST_PER_CLASS` of each, the test split
    is topped up with the training drawings of the highest ids, and the training split goes without those: no drawing
    is in two splits.
    """
    by_label = _rows(folder)
    with np.load(folder / "strokes.npz") as arrays:
        points, pen, offsets = arrays["pts"], arrays["pen"], arrays["offs"]
    drawings: list[StrokePicture] = []
    drawn: list[str] = []
    ids: list[str] = []
    for label in labels:
        if label not in by_label:
            raise DataError(f"The pack in {folder} has no drawings of {label!r}. Leave the class out.")
        for row in _split(by_label[label], split):
            first, last = offsets[int(row["idx"])], offsets[int(row["idx"]) + 1]
            drawings.append(StrokePicture(_strokes(points[first:last], pen[first:last])))
            drawn.append(label)
            ids.append(row["key_id"])
    return PictureTable(drawings, SKETCH.name, labels=drawn, ids=ids, splits=split)


def quickdraw_labels(folder: Path) -> tuple[str, ...]:
    """Every label of the pack, sorted."""
    return tuple(sorted(_rows(folder)))


def _rows(folder: Path) -> dict[str, dict[str, list[dict[str, str]]]]:
    """The pack's table: label -> split -> rows."""
    rows: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    try:
        with (folder / "strokes.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows[spoken(row["concept"] or row["class"])][row["split"]].append(row)
    except OSError as error:
        raise DataError(
            f"There are no drawings in {folder} ({error.strerror}). Set GUISE_DATA to the folder of packs."
        ) from error
    return rows


def _split(rows: dict[str, list[dict[str, str]]], split: Split) -> list[dict[str, str]]:
    ordered = {name: sorted(part, key=lambda row: int(row["key_id"])) for name, part in rows.items()}
    train, test = ordered.get("train", []), ordered.get("test", [])
    kept = len(train) - max(0, TEST_PER_CLASS - len(test))
    return {"train": train[:kept], "val": ordered.get("val", []), "test": test + train[kept:]}[split]


def _strokes(points: np.ndarray, pen: np.ndarray) -> Strokes:
    """Fit the drawing's points to our canvas with a small border."""
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    scale = CANVAS * 0.88 / max(float((high - low).max()), 1.0)
    placed = (points - low) * scale + (CANVAS - (high - low) * scale) / 2
    begins = np.flatnonzero(pen)
    lines = [line for line in np.split(placed, begins) if len(line)]
    return Strokes(CANVAS, CANVAS, tuple(Stroke(tuple((float(x), float(y)) for x, y in line), PEN) for line in lines))
