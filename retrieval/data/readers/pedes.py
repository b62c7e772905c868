"""People who are described in words: CUHK-PEDES, which is given to researchers on request.

    imgs/...         the pictures
    reid_raw.json    [{"split", "captions", "file_path", "id"}, ...]

A label is a person's number, which means nothing in another split; all that was written about a picture is in its
captions.

For evaluation and research alone. Finding people by description is surveillance, so nothing that comes with Guise was
trained on pictures of persons: our own people are synthetic figures, and no training takes what is read here.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any, Literal, get_args

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import PictureFile
from retrieval.data.readers.files import stays_inside
from retrieval.data.readers.problems import odd_totals, some
from retrieval.errors import DataError
from retrieval.types import PHOTO

Split = Literal["train", "val", "test"]
IMAGES, ANNOTATIONS = "imgs", "reid_raw.json"
PUBLISHED = {"train": 34_054, "val": 3_078, "test": 3_074}  # split -> number of pictures
Described = tuple[str, str, tuple[str, ...]]  # a file below IMAGES, the person in it, and what was written


def cuhk_pedes(folder: Path, split: Split = "test") -> PictureTable:
    """One split of CUHK-PEDES. Raises DataError when its annotations are missing or damaged."""
    annotations = folder / ANNOTATIONS
    described: dict[str, list[Described]] = defaultdict(list)
    damaged = []
    for place, entry in enumerate(_entries(annotations), start=1):
        try:
            entry_split, picture = _described(entry)
        except (AttributeError, KeyError, TypeError, ValueError):
            damaged.append(str(place))
            continue
        described[entry_split].append(picture)
    chosen = [picture for picture in described[split] if (folder / IMAGES / picture[0]).is_file()]
    missing = [picture[0] for picture in described[split] if not (folder / IMAGES / picture[0]).is_file()]
    if not described[split]:
        raise DataError(f"{annotations} describes nothing in the split {split!r}. Fetch the annotations anew.")
    if not chosen:
        raise DataError(f"None of the pictures that {annotations} names is in {folder / IMAGES}. Unpack them there.")
    problems = []
    if damaged:
        problems.append(f"Entries of {annotations.name} that cannot be used: {len(damaged):,} ({some(damaged)}).")
    if missing:
        problems.append(f"Files named in {annotations.name} that are missing: {len(missing):,} ({some(missing)}).")
    what = f"pictures in {split}"
    problems += odd_totals({what: len(chosen)}, {what: PUBLISHED[split]})
    return PictureTable(
        [PictureFile(folder / IMAGES / name) for name, _, _ in chosen],
        PHOTO.name,
        labels=[person for _, person, _ in chosen],
        ids=[name for name, _, _ in chosen],
        captions=[captions for _, _, captions in chosen],
        splits=split,
        problems=problems,
    )


def _described(entry: dict[str, Any]) -> tuple[str, Described]:
    """The split of an entry and what it describes. Raises an error of many kinds for an entry that is damaged."""
    name = entry["file_path"]
    captions = tuple(text.strip() for text in entry["captions"] if text.strip())
    whole = isinstance(entry["captions"], list) and captions and entry["split"] in get_args(Split)
    if not whole or not stays_inside(name):
        raise ValueError(entry)
    return entry["split"], (name, str(int(entry["id"])), captions)


def _entries(annotations: Path) -> list[Any]:
    try:
        entries = json.loads(annotations.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"{annotations} cannot be read ({error.strerror}). Name the folder that holds it and {IMAGES}/."
        ) from error
    except ValueError as error:
        raise DataError(f"{annotations} is not JSON ({error}). Fetch the annotations anew.") from error
    if not isinstance(entries, list):
        raise DataError(f"{annotations} holds no list of entries but a {type(entries).__name__}. Fetch it anew.")
    return entries
