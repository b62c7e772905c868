"""Shelves in a small folder, for a machine that has neither renders nor packs: a GPU that was lent for an hour.

Pictures are kept without loss, as WebP, back to back in shards small enough to be sent one by one: numpy's
`shard-000.npz` and so on; nothing in them is pickled. `shelves.json` says what they show and how many shards it takes.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.artifacts.manifest import Source
from retrieval.data.prompted import Shelf
from retrieval.errors import DataError

Shown = tuple[list[Shelf], tuple[Source, ...]]
SHELVES = "shelves.json"
SHARD = 16 * 2**20  # bytes of a shard at most
ROOM = 4096  # of them, for what npz adds


def packed(folder: Path | None, gather: Callable[[], Shown]) -> Shown:
    """The shelves in the folder; where it is missing, those that are gathered, and it is written first."""
    if folder is None:
        return gather()
    if not folder.exists():
        pack(folder, *gather())
    return unpacked(folder)


def pack(folder: Path, shelves: Sequence[Shelf], sources: Sequence[Source], *, shard: int = SHARD) -> None:
    """Write the folder in one step. shard: bytes in a file at most."""
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    files = [_encoded(picture) for shelf in shelves for picture in shelf.pictures]
    shards = list(_shards(files, shard - ROOM))
    for number, part in enumerate(shards):
        ends = np.cumsum([len(file) for file in part])
        np.savez(unfinished / _name(number), blob=np.frombuffer(b"".join(part), np.uint8), ends=ends)
    told = {
        "sources": [asdict(source) for source in sources],
        "shelves": [
            {"style": s.style, "labels": list(s.labels), "colors": list(s.colors), "share": s.share} for s in shelves
        ],
        "shards": len(shards),
    }
    (unfinished / SHELVES).write_text(json.dumps(told), encoding="utf-8")
    unfinished.replace(folder)


def unpacked(folder: Path) -> Shown:
    """What `pack` wrote. Raises DataError for a folder that is damaged, incomplete or no such folder."""
    try:
        told = json.loads((folder / SHELVES).read_text(encoding="utf-8"))
        pictures = np.concatenate([_decoded(folder / _name(number)) for number in range(told["shards"])])
        starts = np.cumsum([0, *(len(one["labels"]) for one in told["shelves"])])
        if starts[-1] != len(pictures):
            raise ValueError(f"{len(pictures)} pictures for {starts[-1]} labels")
        shelves = [
            Shelf(
                one["style"], pictures[start : start + len(one["labels"])], one["labels"], one["colors"], one["share"]
            )
            for one, start in zip(told["shelves"], starts[:-1].tolist(), strict=True)
        ]
        return shelves, tuple(Source(**source) for source in told["sources"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{folder} is damaged, or no folder of packed pictures ({type(error).__name__}). Delete it; it is written "
            "anew where renders and packs are."
        ) from error


def _name(number: int) -> str:
    return f"shard-{number:03d}.npz"


def _shards(files: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """The files in their order, in parts of so many bytes; eight of each file say where it ends."""
    part: list[bytes] = []
    size = 0
    for file in files:
        if part and size + len(file) + 8 > most:
            yield part
            part, size = [], 0
        part.append(file)
        size += len(file) + 8
    yield part


def _encoded(picture: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", lossless=True, method=4)
    return file.getvalue()


def _decoded(path: Path) -> npt.NDArray[np.uint8]:
    """-> (N, size, size, 3)"""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        blob, ends = kept["blob"], kept["ends"]
    pictures = []
    for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        with Image.open(io.BytesIO(blob[start:end].tobytes())) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return np.stack(pictures)
