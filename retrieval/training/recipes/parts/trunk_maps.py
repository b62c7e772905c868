"""What a frozen trunk makes of pictures, computed once and kept in a file, so that what stands on it trains quickly.

    <folder>/maps.json   the trunk, the pixels it reads, the shape of a picture's maps, and the pictures, in order
    <folder>/maps.f16    (N, VIEWS, F, h, w) in half precision: each picture as it is, then varied

Pictures are kept by rounds: one object of every class in every style, then another object of every class. So a file for
fewer objects is the beginning of one for more, and an interrupted computation goes on with the chunk it stopped in.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.data.batch_augment import Variation, vary
from retrieval.data.picture_table import PictureTable
from retrieval.errors import DataError
from retrieval.files import write_text
from retrieval.types import Progress, no_progress

VIEWS = 2  # of each picture: as it is, and varied
CHUNK = 16  # pictures that are computed at once
STRIDE = 32  # pixels to a place of the map

Maps = npt.NDArray[np.float16]


@dataclass(frozen=True)
class MappedPictures:
    """Pictures, and where the trunk's maps of their views lie in a file that stays on disk."""

    table: PictureTable
    maps: Maps  # (M, VIEWS, F, h, w)
    places: npt.NDArray[np.int64]  # (N,), of the pictures among the maps

    def views(self, rows: npt.NDArray[np.int64], views: npt.NDArray[np.int64]) -> Tensor:
        """The maps of these rows (B,), of each that view (B,).   -> (B, F, h, w)"""
        return torch.from_numpy(self.maps[self.places[rows], views].astype(np.float32))

    def of_view(self, view: int, batch: int = 64) -> Iterator[Tensor]:
        """One view of every picture, in order.   -> (B, F, h, w) each"""
        for first in range(0, len(self.table), batch):
            rows = np.arange(first, min(first + batch, len(self.table)))
            yield self.views(rows, np.full(len(rows), view))

    def keep(self, ids: Collection[str]) -> MappedPictures:
        """The pictures of these ids."""
        rows = [at for at, name in enumerate(self.table.ids) if name in ids]
        return MappedPictures(self.table.select(rows), self.maps, self.places[rows])


def in_rounds(table: PictureTable, objects: int) -> PictureTable:
    """The pictures of the first `objects` objects of each class, round by round."""
    rounds: dict[str, dict[str, int]] = defaultdict(dict)
    for row in table:
        rounds[row.label].setdefault(row.instance, len(rounds[row.label]))
    order = sorted((rounds[row.label][row.instance], at) for at, row in enumerate(table))
    return table.select([at for number, at in order if number < objects])


def mapped_pictures(
    folder: Path, table: PictureTable, trunk: str, size: int, on_progress: Progress = no_progress
) -> MappedPictures:
    """The maps of these pictures from the file in the folder, to which those that are missing are added.

    Raises DataError where the file holds those of other pictures.
    """
    channels, side = 1280, -(-size // STRIDE)
    shape = (VIEWS, channels, side, side)
    _check(folder / "maps.json", {"trunk": trunk, "size": size, "shape": list(shape)}, table.ids)
    path = folder / "maps.f16"
    row = int(np.prod(shape)) * 2
    done = path.stat().st_size // row if path.is_file() else 0
    if done < len(table):
        classifier = imagenet_classifier(trunk).to(memory_format=torch.channels_last)
        with path.open("r+b" if done else "wb") as file:
            begun = done - done % CHUNK  # what was written of a chunk is written again
            file.seek(begun * row)
            for first in range(begun, len(table), CHUNK):
                file.write(_maps_of(classifier, table[first : first + CHUNK], size, first).tobytes())
                file.flush()
                on_progress(min(first + CHUNK, len(table)), len(table))
    maps: Maps = np.memmap(path, np.float16, "r", shape=(len(table), *shape))
    return MappedPictures(table, maps, np.arange(len(table)))


def _check(path: Path, entries: dict[str, Any], ids: tuple[str, ...]) -> None:
    """Write what the file holds, or compare it. Of two lists of pictures one must begin the other."""
    known: list[str] = []
    if path.is_file():
        payload = json.loads(path.read_text(encoding="utf-8"))
        known = payload.pop("pictures")
        if payload != entries or any(a != b for a, b in zip(known, ids, strict=False)):
            raise DataError(f"{path} lists maps of other pictures. Name another folder, or delete this one.")
    if len(known) < len(ids):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(entries | {"pictures": list(ids)}))


@torch.inference_mode()
def _maps_of(classifier: Any, table: PictureTable, size: int, first: int) -> Maps:
    """The maps of at most CHUNK pictures, of which the first has this number; a picture's are the same whichever come
    after it.   -> (n, VIEWS, F, h, w)
    """
    count = len(table)
    table = table.select([min(at, count - 1) for at in range(CHUNK)])  # whose variations are drawn together
    plain = table.tensor(size=size)  # [-1, 1], as these trunks read them
    stored = torch.from_numpy(table.pixels()).permute(0, 3, 1, 2)
    drawings = torch.zeros(len(table), dtype=torch.bool)
    varied = vary(stored, drawings, size, Variation(), torch.Generator().manual_seed(first)) * 2 - 1
    views = torch.stack([plain, varied], dim=1).flatten(0, 1)  # (n VIEWS, 3, size, size)
    maps = classifier.forward_features(views.contiguous(memory_format=torch.channels_last))
    return np.asarray(maps.unflatten(0, (CHUNK, VIEWS))[:count].contiguous().half().numpy())
