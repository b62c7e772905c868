"""Shelves in one small file, for a machine that has neither renders nor packs: a GPU that was lent for an hour.

Pictures are kept without loss, as WebP, back to back. The file is numpy's `.npz`; nothing in it is pickled.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.bundle import Source
from retrieval.data.prompted import Shelf
from retrieval.errors import DataError

Shown = tuple[list[Shelf], tuple[Source, ...]]


def packed(path: Path | None, gather: Callable[[], Shown]) -> Shown:
    """The shelves in the file; where it is missing, those that are gathered, and the file is written first."""
    if path is None:
        return gather()
    if not path.is_file():
        pack(path, *gather())
    return unpacked(path)


def pack(path: Path, shelves: Sequence[Shelf], sources: Sequence[Source]) -> None:
    """Write the file in one step."""
    told = {
        "sources": [asdict(source) for source in sources],
        "shelves": [
            {"style": s.style, "labels": list(s.labels), "colors": list(s.colors), "share": s.share} for s in shelves
        ],
    }
    arrays: dict[str, Any] = {"told": np.frombuffer(json.dumps(told).encode(), np.uint8)}
    for place, shelf in enumerate(shelves):
        files = [_encoded(picture) for picture in shelf.pictures]
        arrays[f"blob-{place}"] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"ends-{place}"] = np.cumsum([len(file) for file in files])
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        np.savez(file, **arrays)
    unfinished.replace(path)


def unpacked(path: Path) -> Shown:
    """What `pack` wrote. Raises DataError for a file that is damaged or no such file."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            told = json.loads(kept["told"].tobytes())
            shelves = [
                Shelf(
                    one["style"],
                    _decoded(kept[f"blob-{place}"], kept[f"ends-{place}"]),
                    one["labels"],
                    one["colors"],
                    one["share"],
                )
                for place, one in enumerate(told["shelves"])
            ]
            return shelves, tuple(Source(**source) for source in told["sources"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is damaged, or no file of packed pictures ({type(error).__name__}). Delete it; it is written anew "
            "where renders and packs are."
        ) from error


def _encoded(picture: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", lossless=True, method=4)
    return file.getvalue()


def _decoded(blob: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """-> (N, size, size, 3)"""
    starts = [0, *ends[:-1].tolist()]
    pictures = []
    for start, end in zip(starts, ends.tolist(), strict=True):
        with Image.open(io.BytesIO(blob[start:end].tobytes())) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return np.stack(pictures)
