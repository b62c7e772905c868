"""Packs of real pictures on disk: a folder with one `DOMAIN.npz` per domain (`blob`, the encoded pictures back to back,
and `offs` (N + 1,)) and `metadata.csv` (id, domain, idx, class, concept, split, caption, note, ...).

Packs are not part of the project: their folder is named in GUISE_DATA. A picture stays encoded until it is asked for.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from retrieval.data.concepts import spoken
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import EncodedPicture
from retrieval.errors import DataError

RESERVED = "leak=reserved"  # rows with this note are never used
DUPLICATES = "duplicates.csv"  # beside the packs: id_a, id_b, ...


@dataclass(frozen=True)
class PackRow:
    """One picture of a pack, and its line of metadata.csv."""

    columns: dict[str, str]
    picture: EncodedPicture

    @property
    def id(self) -> str:
        """Its name among all packs, such as "sketchy25/photo/0"; without one, its place in its own."""
        return self.columns.get("id") or f"{self.columns['domain']}/{self.columns['idx']}"

    @property
    def concept(self) -> str:
        """What it shows, as it is said; "" where it counts as no concept."""
        return spoken(self.columns["concept"])


def packs_folder() -> Path | None:
    """The folder of all packs, if GUISE_DATA names one that exists."""
    named = os.environ.get("GUISE_DATA")
    return Path(named) if named and Path(named).is_dir() else None


def read_pack(
    pack: Path,
    domains: Collection[str] | None = None,
    labels: Collection[str] | None = None,
    *,
    split: str | None = None,
    are_instances: bool = False,
) -> PictureTable:
    """The pack's pictures of these domains, labels and split (None: of all), in the order of its table. Labels without
    pictures are left out; so are reserved pictures.

    A label is the concept, "" where there is none. are_instances: the class of a row names the very object, which
    several hands drew. Raises DataError when there is no such pack, or it has none of the domains.
    """
    rows = [
        row
        for row in pack_rows(pack, domains)
        if (labels is None or row.concept in labels) and split in (None, row.columns["split"])
    ]
    return PictureTable(
        [row.picture for row in rows],
        [row.columns["domain"] for row in rows],
        labels=[row.concept for row in rows],
        ids=[row.id for row in rows],
        instances=[row.columns["class"] for row in rows] if are_instances else (),
        splits=[row.columns["split"] for row in rows],
    )


def pack_rows(pack: Path, domains: Collection[str] | None = None) -> list[PackRow]:
    """The lines of the pack's table in these domains (None: in all), without reserved ones, with their pictures."""
    try:
        with (pack / "metadata.csv").open(newline="", encoding="utf-8") as file:
            listed = [row for row in csv.DictReader(file) if RESERVED not in row["note"]]
        rows = [row for row in listed if domains is None or row["domain"] in domains]
        files = {domain: _encoded(pack / f"{domain}.npz") for domain in dict.fromkeys(row["domain"] for row in rows)}
    except OSError as error:
        raise DataError(
            f"There is no pack of pictures in {pack} ({error.strerror}). Set GUISE_DATA to the folder of packs."
        ) from error
    if listed and not rows:
        there = ", ".join(dict.fromkeys(row["domain"] for row in listed))
        raise DataError(f"{pack} has no pictures of {' or '.join(sorted(domains or ()))}. It has {there}.")
    return [PackRow(row, EncodedPicture(files[row["domain"]][int(row["idx"])])) for row in rows]


def duplicates(packs: Path) -> list[tuple[str, str]]:
    """The ids of pictures that stand in two packs, in pairs."""
    try:
        with (packs / DUPLICATES).open(newline="", encoding="utf-8") as file:
            return [(row["id_a"], row["id_b"]) for row in csv.DictReader(file)]
    except OSError as error:
        raise DataError(
            f"{packs} does not say which pictures stand in two packs ({DUPLICATES}: {error.strerror}). "
            "Set GUISE_DATA to the folder of packs."
        ) from error


def _encoded(file: Path) -> list[bytes]:
    with np.load(file) as arrays:
        blob, offsets = arrays["blob"], arrays["offs"]
    return [blob[first:last].tobytes() for first, last in pairwise(offsets)]
