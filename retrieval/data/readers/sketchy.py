"""Sketchy-Extended: 125 classes, 75,481 sketches of 12,500 photos, and with 60,502 more photos 73,002.

    256x256/sketch/tx_000000000000/CLASS/*.png      also sketch/tx_000000000000/CLASS, sketch/CLASS, ..._ready
    256x256/photo/tx_000000000000/CLASS/*.jpg       also photo/...
    EXTEND_image_sketchy/CLASS/*.jpg                also extended_photo/CLASS, ..._ready
    zeroshot1/*_filelist_{train,test,zero}.txt      the lists of the zero-shot literature

The extended photos hold the first ones again. The lists name these twice, so that published galleries have
twins (2,499 of 17,101 in the 100/25 split) and P@k is a little too high; here each photo is read once.
Papers speak of 75,471 sketches; the lists name ten more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from retrieval.data.picture_table import PictureTable, Row, concatenate
from retrieval.data.readers.filelists import Part, ZeroShotLists
from retrieval.data.readers.layouts import Names, demanded, existing, pictures_of, without
from retrieval.data.readers.problems import odd_counts, odd_totals
from retrieval.data.splits import SKETCHY, SKETCHY_100_25, SKETCHY_104_21
from retrieval.types import PHOTO, SKETCH

PLACES = {
    "sketches": ("256x256/sketch/tx_000000000000*", "sketch/tx_000000000000*", "sketch"),
    "first photos": ("256x256/photo/tx_000000000000*", "photo/tx_000000000000*", "photo"),
    "extended photos": ("EXTEND_image_sketchy*", "256x256/EXTEND_image_sketchy*", "extended_photo"),
}
PUBLISHED = {"sketches": 75_481, "photos": 73_002}
FIRST_PER_CLASS = 100  # photos that were sketched
TWINS = "Left out, as they are among the extended photos again: {number} of the first photos."
LISTS = ZeroShotLists(
    Names(SKETCHY),
    "sketch_tx_000000000000_ready_filelist_{ending}.txt",
    "all_photo_filelist_{ending}.txt",
    {
        SKETCHY_100_25.name: {
            "seen": {"sketches": 55_252, "photos": 68_401},
            "held-out": {"sketches": 5_000},
            "unseen": {"sketches": 15_229, "photos": 17_101},
        },
        SKETCHY_104_21.name: {
            "seen": {"sketches": 57_587, "photos": 72_949},
            "unseen": {"sketches": 12_694, "photos": 12_553},
        },
    },
)


def sketchy(folder: Path) -> PictureTable:
    """Every sketch and every photo, each photo once; `splits` says which classes are unseen.

    Raises DataError when there is neither a sketch nor a photo.
    """
    places = {what: existing(folder, candidates) for what, candidates in PLACES.items()}
    parts = {
        what: pictures_of(place, folder, SKETCH if what == "sketches" else PHOTO, LISTS.names)
        for what, place in places.items()
        if place
    }
    everything = concatenate([*parts.values()])
    table = without(everything, _twins(everything), TWINS)
    demanded(table, folder, "256x256/sketch/tx_000000000000/CLASS/*.png and EXTEND_image_sketchy/CLASS/*.jpg")
    problems = [f"There is no folder of {what} ({PLACES[what][0]})." for what, place in places.items() if not place]
    if "first photos" in parts:
        problems += odd_counts(parts["first photos"], PHOTO, SKETCHY, FIRST_PER_CLASS, FIRST_PER_CLASS)
    problems += odd_counts(table, SKETCH, SKETCHY) + odd_counts(table, PHOTO, SKETCHY)
    held = {"sketches": len(table.where(domain=SKETCH)), "photos": len(table.where(domain=PHOTO))}
    return table.with_problems(*problems, *odd_totals(held, PUBLISHED))


def sketchy_lists(folder: Path, lists: str, part: Part = "unseen") -> PictureTable:
    """What the lists in FOLDER/LISTS/ name, such as the 25 unseen classes of "zeroshot1". Raises DataError when a list
    is missing.
    """
    table = LISTS.read(folder, lists, part)
    return without(table, _twins(table), TWINS)


def _twins(rows: Iterable[Row]) -> Callable[[Row], bool]:
    """Whether a photo is one of the first that is among the extended ones of its class again, under the same name."""
    again = {_name(row) for row in rows if _extended(row)}
    return lambda row: row.domain == PHOTO and not _extended(row) and _name(row) in again


def _name(row: Row) -> tuple[str, str]:
    return row.label, PurePosixPath(row.id).name


def _extended(row: Row) -> bool:
    return any(part.lower().startswith("extend") for part in PurePosixPath(row.id).parts)
