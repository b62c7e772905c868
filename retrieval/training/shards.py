"""Portions in a small folder, for a machine that has neither renders nor packs: a GPU that was lent for an hour.

Pictures are kept without loss, as WebP, back to back in shards small enough to be sent one by one: numpy's
`shard-000.npz` and so on; nothing in them is pickled. `shelves.json` says of each portion what it shows, and how many
shards there are.
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.artifacts.manifest import Source
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.sampler import Portion
from retrieval.errors import DataError

Pictures = tuple[list[Portion], tuple[Source, ...]]
SHELVES = "shelves.json"
SHARD = 16 * 2**20  # bytes of a shard at most
ROOM = 4096  # of them, for what npz adds


def pack_once(folder: Path | None, gather: Callable[[], Pictures]) -> Pictures:
    """The portions in the folder; where it is missing, those that are gathered, and it is written first."""
    if folder is None:
        return gather()
    if not folder.exists():
        pack(folder, *gather())
    return unpack(folder)


def pack(folder: Path, portions: Sequence[Portion], sources: Sequence[Source], *, shard: int = SHARD) -> None:
    """Write the folder in one step. shard: bytes in a file at most."""
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    files = [_encode(picture.pixels()) for portion in portions for picture in portion.table.pictures]
    shards = list(_shards(files, shard - ROOM))
    for number, part in enumerate(shards):
        ends = np.cumsum([len(file) for file in part])
        np.savez(unfinished / _name(number), blob=np.frombuffer(b"".join(part), np.uint8), ends=ends)
    contents = {
        "sources": [asdict(source) for source in sources],
        "shelves": [
            {
                "style": portion.domains[0],
                "labels": portion.table.labels,
                "colors": portion.table.colors,
                "share": portion.share,
            }
            for portion in portions
        ],
        "shards": len(shards),
    }
    (unfinished / SHELVES).write_text(json.dumps(contents), encoding="utf-8")
    unfinished.replace(folder)


def unpack(folder: Path) -> Pictures:
    """What `pack` wrote. Raises DataError for a folder that is damaged, incomplete or no such folder."""
    try:
        contents = json.loads((folder / SHELVES).read_text(encoding="utf-8"))
        pictures = np.concatenate([_decode(folder / _name(number)) for number in range(contents["shards"])])
        starts = np.cumsum([0, *(len(listed["labels"]) for listed in contents["shelves"])])
        if starts[-1] != len(pictures):
            raise ValueError(f"{len(pictures)} pictures for {starts[-1]} labels")
        portions = [
            _portion(listed, pictures[start : start + len(listed["labels"])])
            for listed, start in zip(contents["shelves"], starts[:-1].tolist(), strict=True)
        ]
        return portions, tuple(Source(**source) for source in contents["sources"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{folder} is damaged, or no folder of packed pictures ({type(error).__name__}). Delete it; it is written "
            "anew where renders and packs are."
        ) from error


def _portion(listed: Mapping[str, Any], arrays: npt.NDArray[np.uint8]) -> Portion:
    pictures = [ArrayPicture(array) for array in arrays]
    table = PictureTable(pictures, listed["style"], labels=listed["labels"], colors=listed["colors"])
    return Portion(table, listed["share"])


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


def _encode(picture: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", lossless=True, method=4)
    return file.getvalue()


def _decode(path: Path) -> npt.NDArray[np.uint8]:
    """-> (N, size, size, 3)"""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
        blob, ends = kept["blob"], kept["ends"]
    pictures = []
    for start, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
        with Image.open(io.BytesIO(blob[start:end].tobytes())) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    return np.stack(pictures)
