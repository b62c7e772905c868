"""DomainNet: 345 classes in six domains, 586,575 pictures in the cleaned lists.

    DOMAIN/CLASS/*.jpg or .png      clipart, infograph, painting, quickdraw, real, sketch
    DOMAIN_train.txt                "clipart/zebra/clipart_345_000001.jpg 344", one picture a line
    DOMAIN_test.txt

Its "real" is our photo; "clipart", "infograph" and "quickdraw" are domains of their own. UCDR takes whole folders and
splits the classes (`splits.DOMAINNET_UCDR`); domain adaptation takes the lists. Archives are from before or after
copies were removed, so only lists are counted. The published painting_train.txt is known to lack t-shirt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.filelists import listed
from retrieval.data.readers.layouts import Names, demanded, existing, pictures_of
from retrieval.data.readers.problems import odd_counts, odd_totals
from retrieval.data.splits import DOMAINNET
from retrieval.types import PAINTING, PHOTO, SKETCH, Domain

CLIPART, INFOGRAPH, QUICKDRAW = Domain("clipart"), Domain("infograph"), Domain("quickdraw")
DOMAINS = {  # folder -> domain
    "clipart": CLIPART,
    "infograph": INFOGRAPH,
    "painting": PAINTING,
    "quickdraw": QUICKDRAW,
    "real": PHOTO,
    "sketch": SKETCH,
}
LISTED = {  # folder -> pictures in its cleaned list
    "train": {
        "clipart": 33_525,
        "infograph": 36_023,
        "painting": 50_416,
        "quickdraw": 120_750,
        "real": 120_906,
        "sketch": 48_212,
    },
    "test": {
        "clipart": 14_604,
        "infograph": 15_582,
        "painting": 21_850,
        "quickdraw": 51_750,
        "real": 52_041,
        "sketch": 20_916,
    },
}
NAMES = Names(DOMAINNET)


def domainnet(folder: Path, part: Literal["all", "train", "test"] = "all") -> PictureTable:
    """Every picture in the folders of the six domains, or those that the lists of `part` name.

    Raises DataError when there is no picture at all, or no list for a domain that is there.
    """
    places = {name: existing(folder, [name]) for name in DOMAINS}
    parts = {
        name: pictures_of(place, folder, DOMAINS[name], NAMES)
        if part == "all"
        else listed(folder / f"{name}_{part}.txt", folder, DOMAINS[name], NAMES)
        for name, place in places.items()
        if place
    }
    table = demanded(concatenate([*parts.values()]), folder, "DOMAIN/CLASS/*.jpg with a domain such as clipart or real")
    problems = [f"There is no folder of the domain {name}." for name, place in places.items() if not place]
    for name, held in parts.items():
        problems += odd_counts(held, DOMAINS[name], DOMAINNET)
        if part != "all":
            what = f"{name} pictures in {part}"
            problems += odd_totals({what: len(held)}, {what: LISTED[part][name]})
    return table.with_problems(*problems)
