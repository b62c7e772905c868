"""Pictures of the same objects in several styles, with prompts: what a prior with an image adapter is trained on.

On disk it is a small folder, for a machine that has neither renders nor packs: a GPU that was lent for an hour. No file
is above 16 MiB, and nothing in them is pickled.

    <pack>/table.json           styles, classes, colours, prompts; how many shards there are
    <pack>/pictures-000.npz     WebP files back to back, and where each ends
    <pack>/arrays.npz           which picture shows which object in which style; what it is; people's drawings as points
    <pack>/states.npz           the text tower's states of all prompts, eight bits a number
"""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.errors import DataError
from retrieval.images import Stroke, Strokes, rasterise
from retrieval.threads import cores

TABLE, ARRAYS, STATES = "table.json", "arrays.npz", "states.npz"
SHARD = 16 * 2**20 - 4096  # bytes of a shard at most, without what npz adds
GRID = 255  # points of drawings are whole numbers from 0 to this
PEN = 4.0  # on that grid, a mouse's line
NONE = -1
T = TypeVar("T")
LEVELS = 127  # of an 8-bit number of a state


@dataclass(frozen=True)
class Drawings:
    """People's drawings as points: of drawing n those from ends[n - 1] to ends[n]; a line begins where `starts` is."""

    points: npt.NDArray[np.uint8]  # (P, 2)
    starts: npt.NDArray[np.bool_]  # (P,)
    ends: npt.NDArray[np.int64]  # (N,)

    def strokes(self, number: int) -> Strokes:
        """One of them, to be drawn."""
        first, last = (0, *self.ends.tolist())[number], int(self.ends[number])
        points, starts = self.points[first:last].astype(float), self.starts[first:last]
        lines = np.split(points, np.flatnonzero(starts)[1:])
        return Strokes(GRID + 1, GRID + 1, tuple(Stroke(tuple(map(tuple, line.tolist())), PEN) for line in lines))


@dataclass(frozen=True)
class PairTable:
    """M objects in up to D styles. `files` are the pictures that are WebP; people's drawings follow them, in order, as
    rows of the table.
    """

    size: int
    styles: tuple[str, ...]  # (D,)
    classes: tuple[str, ...]  # (K,)
    colors: tuple[str, ...]  # (C,)
    prompts: tuple[str, ...]  # (P,)
    rows: npt.NDArray[np.int32]  # (M, D): the picture, NONE where there is none
    labels: npt.NDArray[np.int16]  # (M,): the class, NONE where it has no word
    hues: npt.NDArray[np.int16]  # (M,): the main colour, NONE where there is no word
    weights: npt.NDArray[np.float32]  # (M,): how often it is shown, in proportion
    states: npt.NDArray[np.float32]  # (P, L, W)
    drawings: Drawings
    files: Sequence[bytes]
    unnamed: tuple[str, ...] = ()  # classes of objects that are shown without a word for their class

    def pictures(self) -> npt.NDArray[np.uint8]:
        """All of them, decoded.   -> (N, size, size, 3) RGB"""
        count = len(self.files)
        decoded = np.empty((count + len(self.drawings.ends), self.size, self.size, 3), np.uint8)

        def decode(row: int) -> None:
            if row < count:
                decoded[row] = decode_picture(self.files[row], self.size)
            else:
                decoded[row] = np.asarray(rasterise(self.drawings.strokes(row - count), self.size))

        with ThreadPoolExecutor(cores()) as pool:
            list(pool.map(decode, range(len(decoded))))
        return decoded


def encode_picture(picture: Image.Image, quality: int) -> bytes:
    """WebP, lossy."""
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=quality, method=6)
    return file.getvalue()


def decode_picture(data: bytes, size: int) -> npt.NDArray[np.uint8]:
    """-> (size, size, 3) RGB"""
    with Image.open(io.BytesIO(data)) as picture:
        rgb = picture.convert("RGB")
        return np.asarray(rgb if rgb.width == size else rgb.resize((size, size), Image.Resampling.LANCZOS))


# ---------------------------------------------------------------- on disk


def pack_table(folder: Path, table: PairTable, *, shard: int = SHARD) -> None:
    """Write the folder in one step. shard: bytes in a file of pictures at most."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    shards = list(split_files(table.files, shard))
    for number, files in enumerate(shards):
        ends = np.cumsum([len(file) for file in files])
        np.savez(part / _name(number), blob=np.frombuffer(b"".join(files), np.uint8), ends=ends)
    arrays: dict[str, Any] = {name: getattr(table, name) for name in ("rows", "labels", "hues", "weights")}
    drawings: dict[str, Any] = {name: getattr(table.drawings, name) for name in ("points", "starts", "ends")}
    np.savez_compressed(part / ARRAYS, **arrays, **drawings)
    np.savez_compressed(part / STATES, **quantise(table.states))
    names = {name: getattr(table, name) for name in ("size", "styles", "classes", "colors", "prompts", "unnamed")}
    (part / TABLE).write_text(json.dumps(names | {"shards": len(shards)}), encoding="utf-8")
    part.replace(folder)


def unpack_table(folder: Path) -> PairTable:
    """What `pack_table` wrote. Raises DataError for a folder that is damaged, incomplete or no such folder."""
    try:
        payload = json.loads((folder / TABLE).read_text(encoding="utf-8"))
        files = [file for number in range(payload.pop("shards")) for file in _files(folder / _name(number))]
        arrays = _arrays(folder / ARRAYS)
        drawings = Drawings(*(arrays.pop(name) for name in ("points", "starts", "ends")))
        states = restore(_arrays(folder / STATES))
        names: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in payload.items()}
        table = PairTable(**names, **arrays, states=states, drawings=drawings, files=files)
        if table.rows.max() >= len(files) + len(drawings.ends):
            raise ValueError(f"{len(files)} pictures, but row {table.rows.max()} is named")
        return table
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{folder} is damaged, or no folder of packed pairs ({type(error).__name__}: {error}). Delete it and pack "
            "it again where renders and packs are."
        ) from error


def quantise(states: npt.NDArray[np.float32]) -> dict[str, Any]:
    """States (P, L, W) in eight bits, each of the W numbers at its own scale."""
    scale = np.abs(states).max(axis=(0, 1)).clip(1e-8) / LEVELS  # (W,)
    return {"levels": np.round(states / scale).astype(np.int8), "scale": scale.astype(np.float32)}


def restore(arrays: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """What `quantise` made smaller.   -> (P, L, W)"""
    restored: npt.NDArray[np.float32] = arrays["levels"].astype(np.float32) * arrays["scale"]
    return restored


def split_files(files: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """The files in their order, in parts of so many bytes; eight of each file say where it ends."""
    part: list[bytes] = []
    size = 0
    for file in files:
        if part and size + len(file) + 8 > most:
            yield part
            part, size = [], 0
        part.append(file)
        size += len(file) + 8
    if part:
        yield part


def map_threads(work: Callable[[T], bytes], values: Sequence[T]) -> list[bytes]:
    """What several threads make of the values, in their order."""
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(work, values))


def _name(number: int) -> str:
    return f"pictures-{number:03d}.npz"


def _arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as kept:
        return dict(kept)


def _files(path: Path) -> list[bytes]:
    kept = _arrays(path)
    blob, ends = kept["blob"].tobytes(), kept["ends"].tolist()
    return [blob[first:last] for first, last in zip([0, *ends[:-1]], ends, strict=True)]
