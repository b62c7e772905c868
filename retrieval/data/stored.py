"""Packs of real pictures on disk, row by row, as they are stored: a picture is opened only when it is asked for.

A pack is a folder with one `DOMAIN.npz` per domain (`blob`, the encoded pictures back to back, and `offs` (N + 1,)) and
`metadata.csv` (id, domain, idx, class, concept, split, caption, note, ...). Packs are not part of the project: see
`packs`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.data.concepts import spoken
from retrieval.errors import DataError
from retrieval.images import flatten, squared

RESERVED = "leak=reserved"  # rows with this note are never used
DUPLICATES = "duplicates.csv"  # beside the packs: id_a, id_b, ...


@dataclass(frozen=True)
class Stored:
    """One picture of a pack, still encoded; `told` is its line of metadata.csv."""

    told: Mapping[str, str]
    encoded: bytes

    @property
    def concept(self) -> str:
        """What it shows, as it is said; "" where it counts as no concept."""
        return spoken(self.told["concept"])

    def squared(self, size: int) -> npt.NDArray[np.uint8]:
        """The picture on white, a square of `size` pixels.   -> (size, size, 3) RGB"""
        return np.asarray(squared(self.opened(), size), np.uint8)

    def opened(self) -> Image.Image:
        """The picture as 8-bit RGB, transparent pixels on white."""
        with Image.open(io.BytesIO(self.encoded)) as image:
            return flatten(image)


def stored(pack: Path, domains: Collection[str] | None = None) -> list[Stored]:
    """The pack's pictures of these domains (None: of all) in the order of its table, without reserved ones. Raises
    DataError when there is no such pack or it has none of them.
    """
    try:
        with (pack / "metadata.csv").open(newline="", encoding="utf-8") as file:
            told = [row for row in csv.DictReader(file) if RESERVED not in row["note"]]
        rows = [row for row in told if domains is None or row["domain"] in domains]
        files = {domain: _encoded(pack / f"{domain}.npz") for domain in dict.fromkeys(row["domain"] for row in rows)}
    except OSError as error:
        raise DataError(
            f"There is no pack of pictures in {pack} ({error.strerror}). Set GUISE_DATA to the folder of packs."
        ) from error
    if told and not rows:
        there = ", ".join(dict.fromkeys(row["domain"] for row in told))
        raise DataError(f"{pack} has no pictures of {' or '.join(sorted(domains or ()))}. It has {there}.")
    return [Stored(row, files[row["domain"]][int(row["idx"])]) for row in rows]


def duplicates(packs: Path) -> list[tuple[str, str]]:
    """The ids of pictures that stand in two packs, in pairs."""
    try:
        with (packs / DUPLICATES).open(newline="", encoding="utf-8") as file:
            return [(row["id_a"], row["id_b"]) for row in csv.DictReader(file)]
    except OSError as error:
        raise DataError(
            f"{packs} does not tell which pictures stand in two packs ({DUPLICATES}: {error.strerror}). "
            "Set GUISE_DATA to the folder of packs."
        ) from error


def _encoded(file: Path) -> list[bytes]:
    with np.load(file) as arrays:
        blob, offsets = arrays["blob"], arrays["offs"]
    return [blob[first:last].tobytes() for first, last in pairwise(offsets)]
