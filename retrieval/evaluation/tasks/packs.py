"""Protocols on packs of real pictures: human sketches and photographs, and the same objects by several hands."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial

from retrieval.data.concepts import TEST_UNSEEN
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.packs import duplicates, read_pack
from retrieval.evaluation.metrics import Relevance
from retrieval.evaluation.tasks.base import (
    IMAGE_METRICS,
    Catalog,
    Task,
    equal,
    picture_task,
    same_class,
    same_instance,
)
from retrieval.types import PHOTO, SKETCH

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
HANDS = ("blob", "emojione", "fluent", "fxemoji", "noto", "openmoji", "twemoji")  # who has drawn most things


def sketchy(name: str, catalog: Catalog, *, unseen: Collection[str] | None) -> Task:
    """Human sketches -> photos, of the unseen concepts, or of all; relevant: same concept. Photos that a training pack
    holds too are dropped.
    """
    folder = catalog.pack(SKETCHY, name)
    table = read_pack(folder, labels=unseen)
    known = in_training(duplicates(folder.parent))
    queries, photos = table.where(domain=SKETCH), table.where(domain=PHOTO)
    gallery = photos.where(lambda row: row.id not in known)
    asked = picture_task(
        name,
        queries,
        gallery,
        same_class(queries, gallery),
        unseen=() if unseen is None else sorted(set(photos.labels)),
        metrics=SKETCHY_METRICS,
        dropped=len(photos) - len(gallery),
    )
    return replace(asked, shown=SKETCHY_NAMED) if unseen is None else asked


def emoji_cross_style(name: str, catalog: Catalog) -> Task:
    """Every picture of a test object -> pictures of other styles; relevant: the same object."""
    pictures = read_pack(catalog.pack(EMOJI, name), split="test", are_instances=True)
    return picture_task(
        name, pictures, pictures, same_instance(pictures, pictures), considered=_by_another_hand(pictures)
    )


def emoji_zero_shot(name: str, catalog: Catalog) -> Task:
    """Every picture of an unseen concept -> pictures of other styles; relevant: the same concept."""
    pictures = read_pack(catalog.pack(EMOJI, name), labels=TEST_UNSEEN, are_instances=True)
    return picture_task(
        name,
        pictures,
        pictures,
        same_class(pictures, pictures),
        considered=_by_another_hand(pictures),
        unseen=sorted(set(pictures.labels)),
    )


def emoji_leave_family_out(name: str, catalog: Catalog, *, family: str) -> Task:
    """Every picture of a test object by one hand, in all its finishes -> pictures by other hands; relevant: the same
    object. The hand is unseen.
    """
    pictures = read_pack(catalog.pack(EMOJI, name), split="test", are_instances=True)
    queries = pictures.where(lambda row: hand(row.domain.name) == family)
    gallery = pictures.where(lambda row: hand(row.domain.name) != family)
    return picture_task(
        name, queries, gallery, same_instance(queries, gallery), unseen_domains=tuple(sorted(set(queries.domains)))
    )


def _by_another_hand(pictures: PictureTable) -> Relevance:
    """Which pictures have neither the same style nor a finish of the same drawing.   -> (N, N)"""
    hands = [hand(domain) for domain in pictures.domains]
    return ~equal(hands, hands)


def hand(style: str) -> str:
    """Who drew in that style."""
    return next((family for family in ONE_DRAWING if style.startswith(family)), style)


def in_training(pairs: list[tuple[str, str]]) -> set[str]:
    """The ids whose picture stands in a training pack too."""
    both = [*pairs, *((b, a) for a, b in pairs)]
    return {first for first, other in both if other.split("/")[0] in TRAINING_PACKS}


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "sketchy125/zero-shot@1": partial(sketchy, unseen=TEST_UNSEEN),
    "sketchy125/all@1": partial(sketchy, unseen=None),
    "emoji/cross-style@1": emoji_cross_style,
    "emoji/zero-shot@1": emoji_zero_shot,
    **{f"emoji/leave-family-out:{family}@1": partial(emoji_leave_family_out, family=family) for family in HANDS},
}
