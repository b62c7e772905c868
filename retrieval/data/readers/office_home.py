"""Office-Home: 65 classes of objects in four domains, 15,588 pictures.

    Art/Alarm_Clock/00001.jpg       Art, Clipart, Product, Real World (also Real_World, RealWorld)

Its "Real World" is our photo. "Art" stays a domain of its own, as it mixes paintings, sketches and ornaments, and so
does "product": photographs of an object alone on white, which a model tells from other photographs at a glance.
"""

from __future__ import annotations

from pathlib import Path

from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.layouts import Names, demanded, existing, pictures_of
from retrieval.data.readers.problems import odd_counts, odd_totals
from retrieval.data.splits import OFFICE_HOME
from retrieval.types import PHOTO, Domain

ART, CLIPART, PRODUCT = Domain("art"), Domain("clipart"), Domain("product")
PLACES = {
    ART: ("Art", "art"),
    CLIPART: ("Clipart", "clipart"),
    PRODUCT: ("Product", "product"),
    PHOTO: ("Real World", "Real_World", "RealWorld", "real_world"),
}
FEWEST = {ART: 15, CLIPART: 39, PRODUCT: 38, PHOTO: 23}  # pictures of a class, as published
PUBLISHED = {"pictures": 15_588}
NAMES = Names(OFFICE_HOME)


def office_home(folder: Path) -> PictureTable:
    """Every picture of the four domains. Raises DataError when there is none."""
    places = {domain: existing(folder, candidates) for domain, candidates in PLACES.items()}
    table = concatenate([pictures_of(place, folder, domain, NAMES) for domain, place in places.items() if place])
    demanded(table, folder, "Art/Alarm_Clock/*.jpg and the like in Clipart, Product and Real World")
    problems = [f"There is no folder {PLACES[domain][0]}." for domain, place in places.items() if not place]
    for domain, place in places.items():
        if place:
            problems += odd_counts(table, domain, OFFICE_HOME, FEWEST[domain])
    return table.with_problems(*problems, *odd_totals({"pictures": len(table)}, PUBLISHED))
