"""What is packed of other people's pictures: the same things by many hands, and people's sketches of photographs.

python -m retrieval.training.unseen_styles.gather_packs emoji FOLDER
python -m retrieval.training.unseen_styles.gather_packs sketchy FOLDER

An emoji's domain is its hand: a family of finishes of one drawing is left out whole. Packs lie under GUISE_DATA.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from retrieval.data.concepts import TEST_UNSEEN, VAL_UNSEEN
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.packs import duplicates, packs_folder, read_pack
from retrieval.errors import DataError
from retrieval.evaluation.tasks.packs import EMOJI, HANDS, SKETCHY, hand, in_training
from retrieval.training.recipes.parts.trunk_maps import in_rounds
from retrieval.training.unseen_styles.gather import plain_maps
from retrieval.training.unseen_styles.packing import About, write_pack
from retrieval.types import PHOTO, SKETCH

THINGS, OBJECTS = 128, 12  # emoji to train on; pictures of each class of Sketchy
NONE = "none"  # no domain is left out
PLACES = 16  # components of each place: these packs travel with others


def emoji(folder: Path) -> tuple[PictureTable, PictureTable, PictureTable, About]:
    """Things that every hand has drawn, to train and to select on; all test things."""
    pictures = read_pack(folder / EMOJI, are_instances=True)
    by_hand = PictureTable(
        [row.picture for row in pictures], [hand(row.domain.name) for row in pictures],
        labels=list(pictures.instances), ids=list(pictures.ids), instances=list(pictures.ids),
        splits=list(pictures.splits),
    )  # fmt: skip
    drawn: dict[str, set[str]] = {}
    for row in by_hand:
        drawn.setdefault(row.label, set()).add(row.domain.name)
    common = {name for name, hands in drawn.items() if hands >= {*HANDS}}
    things = [name for name in dict.fromkeys(by_hand.where(split="train").labels) if name in common]
    kept = things[:: max(1, len(things) // THINGS)][:THINGS]
    drawn_by_all = by_hand.where(lambda row: row.domain.name in HANDS)
    training, validation = (
        drawn_by_all.where(split="train", labels=kept),
        drawn_by_all.where(split="val", labels=common),
    )
    test = by_hand.where(split="test")
    return training, validation, test, About(HANDS, "", tuple(sorted(set(test.labels))), HANDS)


def sketchy(folder: Path) -> tuple[PictureTable, PictureTable, PictureTable, About]:
    """Seen classes, those that are kept to select on, and the unseen without photographs that weights may know."""
    pictures = read_pack(folder / SKETCHY)
    named = PictureTable(
        [row.picture for row in pictures], list(pictures.domains), labels=list(pictures.labels),
        ids=list(pictures.ids), instances=list(pictures.ids),
    )  # fmt: skip
    known = in_training(duplicates(folder))
    test = named.where(lambda row: row.label in TEST_UNSEEN and not (row.domain == PHOTO and row.id in known))
    rest = named.where(lambda row: row.label not in TEST_UNSEEN)
    both = {*rest.where(domain=PHOTO).labels} & {*rest.where(domain=SKETCH).labels} - {*VAL_UNSEEN}
    seen = _first(rest.where(labels=both), OBJECTS)
    validation = _first(rest.where(lambda row: row.label in VAL_UNSEEN), OBJECTS)
    about = About((PHOTO.name, SKETCH.name), PHOTO.name, tuple(sorted(set(test.labels))), (NONE,))
    return seen, validation, test, about


def _first(pictures: PictureTable, count: int) -> PictureTable:
    """So many pictures of each class in each domain."""
    parts = [in_rounds(pictures.where(domain=domain), count) for domain in (PHOTO, SKETCH)]
    kept = {name for part in parts for name in part.ids}
    return pictures.where(lambda row: row.id in kept)


SETS: dict[str, Callable[[Path], tuple[PictureTable, PictureTable, PictureTable, About]]] = {
    "emoji": emoji,
    "sketchy": sketchy,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=SETS, help="of which pictures")
    parser.add_argument("folder", type=Path, help="the pack that is written")
    parser.add_argument("--maps", type=Path, required=True, help="the folder of the trunk's maps")
    parser.add_argument("--directions", type=Path, help="of another pack, for pictures without photographs")
    parser.add_argument(
        "--text", type=Path, default=Path("checkpoints/text-minilm"), help="the sealed sentence encoder"
    )
    given = parser.parse_args()
    data = packs_folder()
    if data is None:
        raise DataError("GUISE_DATA names no folder of packs. Set it.")
    *tables, about = SETS[given.set](data)
    parts = {
        name: plain_maps(given.maps / name, table)
        for name, table in zip(("training", "validation", "test"), tables, strict=True)
    }
    write_pack(given.folder, parts, about, given.text, given.directions, places=PLACES)


if __name__ == "__main__":
    main()
