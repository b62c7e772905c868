"""TU-Berlin-Extended: 250 classes with 80 sketches each, and photos of the same classes.

    png/CLASS/*.png                                 also png_ready/CLASS, sketches/CLASS
    ImageResized/CLASS/*.JPEG                       also ImageResized_ready/CLASS, images/CLASS
    zeroshot/*_filelist_{train,test,zero}.txt       the lists of the zero-shot literature

The photos' folders drop spaces and hyphens ("hotairballoon"), and some are misspelt or cut short: see ALIASES. Papers
differ in how many photos there are in all, so only those of the 30 unseen classes are counted.
"""

from __future__ import annotations

from pathlib import Path

from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.filelists import Part, ZeroShotLists
from retrieval.data.readers.layouts import Names, demanded, existing, pictures_of
from retrieval.data.readers.problems import odd_counts
from retrieval.data.splits import TUBERLIN, TUBERLIN_220_30
from retrieval.types import PHOTO, SKETCH

ALIASES = {
    "mouse": "mouse (animal)",
    "pipe": "pipe (for smoking)",
    "spacesshuttle": "space shuttle",
    "wristwatching": "wrist-watch",
    "tromobone": "trombone",
    "chandeler": "chandelier",
    "griaffe": "giraffe",
    "diamod": "diamond",
    "spidar": "spider",
}
PLACES = {
    "sketches": ("png", "png_ready", "sketches"),
    "photos": ("ImageResized", "ImageResized_ready", "images"),
}
SKETCHES_PER_CLASS = 80
LISTS = ZeroShotLists(
    Names(TUBERLIN, ALIASES),
    "png_ready_filelist_{ending}.txt",
    "ImageResized_ready_filelist_{ending}.txt",
    {
        TUBERLIN_220_30.name: {
            "seen": {"sketches": 15_400},
            "held-out": {"sketches": 2_200},
            "unseen": {"sketches": 2_400, "photos": 27_989},
        }
    },
)


def tuberlin(folder: Path) -> PictureTable:
    """Every sketch and every photo; `splits` says which classes are unseen.

    Raises DataError when there is neither a sketch nor a photo.
    """
    places = {what: existing(folder, candidates) for what, candidates in PLACES.items()}
    table = concatenate(
        [
            pictures_of(place, folder, SKETCH if what == "sketches" else PHOTO, LISTS.names)
            for what, place in places.items()
            if place
        ]
    )
    demanded(table, folder, "png/CLASS/*.png and ImageResized/CLASS/*.JPEG")
    problems = [f"There is no folder of {what} ({PLACES[what][0]})." for what, place in places.items() if not place]
    problems += odd_counts(table, SKETCH, TUBERLIN, SKETCHES_PER_CLASS, SKETCHES_PER_CLASS)
    problems += odd_counts(table, PHOTO, TUBERLIN)
    return table.with_problems(*problems)


def tuberlin_lists(folder: Path, lists: str = "zeroshot", part: Part = "unseen") -> PictureTable:
    """What the lists in FOLDER/LISTS/ name. Raises DataError when a list is missing."""
    return LISTS.read(folder, lists, part)
