"""A folder of 150 real photographs, searched as its owner would -> results/own_photos.json.

python -m benchmarks.own_photos            needs GUISE_DATA, the folder of packs

Fifteen concepts, drawn by lot among those that people drew and that Sketchy's and Caltech's test photographs show often
enough, ten photographs of each, without names of files or folders that say what they show. The folder is indexed and
opened as any folder of a visitor's, by the default bundle. It is asked with the concepts' names, with people's test
drawings, and with other test photographs; an answer is right if the concept is among the first five, and shown if
there is a match.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.packs import duplicates, packs_folder, read_pack
from retrieval.data.readers.quickdraw import quickdraw, quickdraw_labels
from retrieval.engine import Engine, Results
from retrieval.evaluation.measurement import RIGHT, SHOWN, Measurement, Target
from retrieval.evaluation.metrics import bootstrap_interval, class_interval
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.tasks.packs import SKETCHY, in_training
from retrieval.evaluation.tasks.photos import CALTECH, DRAWINGS
from retrieval.items import home_of
from retrieval.loaded_encoder import index
from retrieval.settings import Settings
from retrieval.types import PHOTO, SKETCH, Domain, ImageQuery, Query, TextQuery

RESULTS = ROOT / "benchmarks" / "results" / "own_photos.json"
CONCEPTS, PHOTOS, QUERIES, TOP = 15, 10, 4, 5
GALLERY = "photos"
WANTED = Target(">=", 0.85)
SEED = 0


@dataclass(frozen=True)
class Asked:
    """Queries of one kind, and the concept of each."""

    kind: str
    queries: tuple[Query, ...]
    concepts: tuple[str, ...]


def main() -> None:
    """Lay the folder, ask, print, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=Settings().bundle, help="the folder of a bundle (the default)")
    folder = parser.parse_args().bundle
    packs = packs_folder()
    if packs is None:
        sys.exit("GUISE_DATA names no folder of packs. Set it to the folder that holds sketchy25 and caltech101.")
    photos = test_photos(packs)
    concepts = chosen(photos, quickdraw_labels(packs / DRAWINGS))
    kept, asked_with = split(photos, concepts)
    with tempfile.TemporaryDirectory() as home:
        truth = lay(Path(home) / GALLERY, kept)
        index(home_of(Path(home) / GALLERY), load_bundle(folder))
        engine = Engine(Settings(bundle=folder, others=(), extra_galleries=(Path(home) / GALLERY,)))
        rows = [
            row
            for asked in (words(concepts), drawings(packs, concepts), pictures(asked_with))
            for row in measured(engine, asked, truth)
        ]
    write_measurements(RESULTS, rows)
    for row in rows:
        sys.stdout.write(f"{row.name}: {row.value:.3f} ({row.how})\n")


def test_photos(packs: Path) -> PictureTable:
    """Test photographs of both packs, without those that a training pack holds too."""
    known = in_training(duplicates(packs))
    tables = (read_pack(packs / pack, (PHOTO.name,), split="test") for pack in (SKETCHY, CALTECH))
    return concatenate([table.where(lambda row: row.label != "" and row.id not in known) for table in tables])


def chosen(photos: PictureTable, drawn: Sequence[str]) -> tuple[str, ...]:
    """The concepts, by lot among those with photographs enough and with drawings."""
    enough = [
        name for name, rows in photos.rows_by("labels").items() if len(rows) >= PHOTOS + QUERIES and name in drawn
    ]
    return tuple(sorted(np.random.default_rng(SEED).permutation(sorted(enough))[:CONCEPTS].tolist()))


def split(photos: PictureTable, concepts: Sequence[str]) -> tuple[PictureTable, PictureTable]:
    """The folder's photographs, and those that it is asked with."""
    random = np.random.default_rng(SEED)
    rows = {name: random.permutation(photos.rows_by("labels")[name]).tolist() for name in concepts}
    kept = [row for of in rows.values() for row in of[:PHOTOS]]
    asked_with = [row for of in rows.values() for row in of[PHOTOS : PHOTOS + QUERIES]]
    return photos.select(kept), photos.select(asked_with)


def lay(folder: Path, photos: PictureTable) -> dict[str, str]:
    """Write the photographs into a folder, in an order that says nothing.   -> the concept of each file"""
    folder.mkdir()
    truth = {}
    for number, place in enumerate(np.random.default_rng(SEED).permutation(len(photos)).tolist(), start=1):
        name = f"photo-{number:03d}.jpg"
        photos[place].picture.open().save(folder / name, quality=95)
        truth[name] = photos[place].label
    return truth


def words(concepts: Sequence[str]) -> Asked:
    """The names."""
    return Asked("names typed", tuple(TextQuery(name) for name in concepts), tuple(concepts))


def drawings(packs: Path, concepts: Sequence[str]) -> Asked:
    """People's test drawings, a few of each concept."""
    table = quickdraw(packs / DRAWINGS, concepts, "test")
    rows = [row for of in table.rows_by("labels").values() for row in of[:QUERIES]]
    return _asked("people's drawings", table.select(rows), SKETCH)


def pictures(photos: PictureTable) -> Asked:
    """Other photographs."""
    return _asked("other photographs", photos, PHOTO)


def _asked(kind: str, table: PictureTable, domain: Domain) -> Asked:
    queries = tuple(ImageQuery(row.picture.open(), domain) for row in table)
    return Asked(kind, queries, tuple(table.labels))


def measured(engine: Engine, asked: Asked, truth: Mapping[str, str]) -> Iterator[Measurement]:
    """Right among the first five; and that with a match."""
    answers = [engine.search(query, gallery=GALLERY, k=TOP) for query in asked.queries]
    right = np.array(
        [_is_right(answer, concept, truth) for answer, concept in zip(answers, asked.concepts, strict=True)]
    )
    shown = right & np.array([answer.confident for answer in answers])
    for measure, marks in ((RIGHT, right), (SHOWN, shown)):
        values = marks.astype(np.float64)
        yield Measurement(
            measure,
            float(values.mean()),
            f"{len(values)} queries in {len(truth)} photographs of {len(set(truth.values()))} concepts",
            engine.bundle.manifest.name,
            subset=asked.kind,
            target=WANTED,
            interval=bootstrap_interval(values),
            class_interval=class_interval(values, asked.concepts),
        )


def _is_right(answer: Results, concept: str, truth: Mapping[str, str]) -> bool:
    return any(truth[hit.item.path.name] == concept for hit in answer.hits)


if __name__ == "__main__":
    main()
