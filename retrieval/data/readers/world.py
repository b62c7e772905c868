"""A rendered set, of the world or of its people: pictures on disk, and all that is known of each. Needs no renderer."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import PictureFile
from retrieval.data.readers.files import stays_inside
from retrieval.errors import DataError
from retrieval.items import ITEMS, root_of
from retrieval.types import Region

RECORDS = "records"  # of the finished scenes of a set that is not complete


def read_rendered(folder: Path, classes: Collection[str] | None = None, *, unfinished: bool = False) -> PictureTable:
    """The rendered set in the folder, or its pictures of the given classes; each object stands in a row for each style.

    unfinished: of a set that is still being rendered, what is there. Raises DataError when there is no set, or it is
    not complete.
    """
    rows = [row for row in _lines(folder, unfinished) if classes is None or row.get("label") in classes]
    root = root_of(folder)
    return PictureTable(
        [PictureFile(root / row["path"]) for row in rows],
        [str(row["domain"]) for row in rows],
        labels=[str(row.get("label") or "") for row in rows],
        ids=[str(row["id"]) for row in rows],
        instances=[str(row.get("object", row["id"])) for row in rows],
        colors=[main_color(row) for row in rows],
        splits=[str(row.get("split", "")) for row in rows],
        captions=[_captions(row) for row in rows],
        regions=[_regions(row) for row in rows],
    )


def slots_in(folder: Path, *, unfinished: bool = False) -> dict[str, str]:
    """Where each phrase of a set of people belongs: "red hat" -> "hat"."""
    return {
        str(part["phrase"]): str(part["slot"])
        for row in _lines(folder, unfinished)
        for part in row.get("parts", ())
        if part.get("phrase") and part.get("slot")
    }


def main_color(row: Mapping[str, Any]) -> str:
    """The word for the main colour of the object in a line of items.jsonl: the first of its colours."""
    return str(next(iter(row.get("colors", {}).values()), ""))


def _captions(row: Mapping[str, Any]) -> tuple[str, ...]:
    if "captions" in row:
        return tuple(map(str, row["captions"]))
    return (str(row["caption"]),) if row.get("caption") else ()


def _regions(row: Mapping[str, Any]) -> tuple[Region, ...]:
    """The parts that are seen, with their boxes as (centre x, centre y, width, height)."""
    parts = [part for part in row.get("parts", ()) if part.get("phrase")]
    return tuple(Region(tuple(map(float, part["box"])), str(part["phrase"])) for part in parts)  # type: ignore[arg-type]


def _lines(folder: Path, unfinished: bool) -> list[dict[str, Any]]:
    """A row for each picture that the set lists."""
    listing, records = folder / ITEMS, sorted((folder / RECORDS).glob("*.json"))
    if unfinished and records and not listing.is_file():
        return [_checked(row, record) for record in records for row in json.loads(record.read_text(encoding="utf-8"))]
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f"There is no complete rendered set in {folder}. Render it: python -m retrieval world render."
        ) from error
    try:
        return [_checked(json.loads(line), listing) for line in lines]
    except ValueError as error:
        raise DataError(f"{listing} is damaged ({error}). Render the set anew.") from error


def _checked(row: Any, listing: Path) -> dict[str, Any]:
    """The row. Raises DataError where it is none, or leads out of the set's folder."""
    if not isinstance(row, dict) or not {"id", "path", "domain"} <= set(row):
        raise DataError(f"{listing} holds {row!r}, not a picture's id, path and domain. Render the set anew.")
    if not stays_inside(str(row["path"])):
        raise DataError(f"{listing} names {row['path']!r}, which is outside the set. Render the set anew.")
    return row
