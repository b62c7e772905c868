"""Protocols on packs of real pictures: human sketches and photographs, and the same objects by several hands."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from retrieval.data.concepts import TEST_UNSEEN
from retrieval.data.readers.packs import PackRow, duplicates, pack_rows
from retrieval.evaluation.metrics import Relevance
from retrieval.evaluation.tasks.base import (
    IMAGE_METRICS,
    Catalog,
    Picture,
    Task,
    equal,
    picture_task,
    same_class,
    same_thing,
)
from retrieval.types import PHOTO, SKETCH, Domain

SKETCHY = "sketchy25"
SKETCHY_NAMED = "Sketchy: 25 sketches and photos of a class"
EMOJI = "emoji_objects"
SKETCHY_METRICS = (*IMAGE_METRICS, "mAP@all VOC", "mAP@all macro")
TRAINING_PACKS = (  # what weights may have been trained on
    "caltech101",
    "cifar10",
    "emoji_objects",
    "game_icons",
    "mulberry",
    "persons",
    "quickdraw345",
    "tiny_imagenet",
)
ONE_DRAWING = ("fluent", "emojione")  # sets whose variants are one drawing, filled or not: fluent_3d, fluent_mono, ...


def sketchy(name: str, catalog: Catalog, *, unseen: Collection[str] | None) -> Task:
    """Human sketches -> photos, of the unseen concepts, or of all; relevant: same concept. Photos that a training pack
    holds too are dropped.
    """
    folder = catalog.pack(SKETCHY, name)
    rows = [row for row in pack_rows(folder) if unseen is None or row.concept in unseen]
    known = _in_training(duplicates(folder.parent))
    queries = [_concept(row, SKETCH) for row in rows if row.columns["domain"] == "sketch"]
    photos = [_concept(row, PHOTO) for row in rows if row.columns["domain"] == "photo"]
    gallery = [photo for photo in photos if photo.key not in known]
    found = picture_task(
        name,
        queries,
        gallery,
        same_class(queries, gallery),
        unseen=() if unseen is None else sorted({p.label for p in photos}),
        metrics=SKETCHY_METRICS,
        dropped=len(photos) - len(gallery),
    )
    return replace(found, shown=SKETCHY_NAMED) if unseen is None else found


def emoji_cross_style(name: str, catalog: Catalog) -> Task:
    """Every picture of a test object -> pictures of other styles; relevant: the same object."""
    rows = [row for row in pack_rows(catalog.pack(EMOJI, name)) if row.columns["split"] == "test"]
    pictures = [_object(row) for row in rows]
    return picture_task(name, pictures, pictures, same_thing(pictures, pictures), considered=_by_another_hand(pictures))


def emoji_zero_shot(name: str, catalog: Catalog) -> Task:
    """Every picture of an unseen concept -> pictures of other styles; relevant: the same concept."""
    rows = [row for row in pack_rows(catalog.pack(EMOJI, name)) if row.concept in TEST_UNSEEN]
    pictures = [_object(row) for row in rows]
    return picture_task(
        name,
        pictures,
        pictures,
        same_class(pictures, pictures),
        considered=_by_another_hand(pictures),
        unseen=sorted({p.label for p in pictures}),
    )


def _concept(row: PackRow, domain: Domain) -> Picture:
    return Picture(row.id, domain, row.picture.open, row.concept, row.columns["class"])


def _object(row: PackRow) -> Picture:
    columns = row.columns
    return Picture(row.id, Domain(columns["domain"]), row.picture.open, row.concept, columns["class"])


def _by_another_hand(pictures: list[Picture]) -> Relevance:
    """Which pictures have neither the same style nor a finish of the same drawing.   -> (N, N)"""
    hands = [_hand(p.domain.name) for p in pictures]
    return ~equal(hands, hands)


def _hand(style: str) -> str:
    return next((family for family in ONE_DRAWING if style.startswith(family)), style)


def _in_training(pairs: list[tuple[str, str]]) -> set[str]:
    """The ids whose picture stands in a training pack too."""
    both = [*pairs, *((b, a) for a, b in pairs)]
    return {one for one, other in both if other.split("/")[0] in TRAINING_PACKS}


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "sketchy125/zero-shot@1": partial(sketchy, unseen=TEST_UNSEEN),
    "sketchy125/all@1": partial(sketchy, unseen=None),
    "emoji/cross-style@1": emoji_cross_style,
    "emoji/zero-shot@1": emoji_zero_shot,
}
