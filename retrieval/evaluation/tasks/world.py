"""Protocols on the embedded gallery, asked with its own pictures or with people's drawings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.evaluation.tasks.base import (
    Catalog,
    Task,
    picture_task,
    same_class,
    same_domain,
    same_instance,
)
from retrieval.types import PAINTING, PHOTO, SKETCH, STYLES, Domain
from retrieval.world.split import TEST_UNSEEN


def drawings(catalog: Catalog, labels: Sequence[str], task: str) -> PictureTable:
    """Held-out human strokes of the labels."""
    return quickdraw(catalog.pack("quickdraw345", task), labels, "test")


def by_class(
    name: str,
    queries: PictureTable,
    gallery: PictureTable,
    unseen: tuple[str, ...] = (),
    unseen_domains: tuple[str, ...] = (),
) -> Task:
    """Relevant is the same class; a rendered picture of the very same object, its silhouette, is not considered."""
    twins = same_instance(queries, gallery)
    return picture_task(
        name,
        queries,
        gallery,
        same_class(queries, gallery),
        considered=~twins if twins.any() else None,
        unseen=unseen,
        unseen_domains=unseen_domains,
    )


def quickdraw_all(name: str, catalog: Catalog) -> Task:
    """Held-out strokes -> photos, all classes."""
    photos = read_rendered(catalog.gallery).where(domain=PHOTO)
    return by_class(name, drawings(catalog, sorted(set(photos.labels)), name), photos)


def quickdraw_zero_shot(name: str, catalog: Catalog, *, mixed: bool) -> Task:
    """Held-out strokes of the unseen classes -> photos of these, or (mixed) of all classes."""
    photos = read_rendered(catalog.gallery).where(domain=PHOTO)
    queries = drawings(catalog, TEST_UNSEEN, name)
    return by_class(name, queries, photos if mixed else _unseen(photos), TEST_UNSEEN)


def zero_shot(name: str, catalog: Catalog, *, mixed: bool) -> Task:
    """Rendered sketches of the unseen classes -> photos of these, or (mixed) of all classes."""
    pictures = read_rendered(catalog.gallery)
    photos = pictures.where(domain=PHOTO)
    return by_class(name, _unseen(pictures.where(domain=SKETCH)), photos if mixed else _unseen(photos), TEST_UNSEEN)


def leave_style_out(name: str, catalog: Catalog, *, style: Domain) -> Task:
    """A style and classes that are both unseen -> photos of these classes (paintings if the style is photo)."""
    pictures = _unseen(read_rendered(catalog.gallery))
    queries, gallery = pictures.where(domain=style), pictures.where(domain=PAINTING if style == PHOTO else PHOTO)
    return by_class(name, queries, gallery, TEST_UNSEEN, (style.name,))


def cross_style(name: str, catalog: Catalog) -> Task:
    """Every picture -> all of other styles, without those of the same object, whose silhouette is the same."""
    pictures = read_rendered(catalog.gallery)
    considered = ~same_domain(pictures, pictures) & ~same_instance(pictures, pictures)
    return picture_task(name, pictures, pictures, same_class(pictures, pictures), considered=considered)


def same_object(name: str, catalog: Catalog) -> Task:
    """Every sketch -> all pictures of other styles; relevant are those of its object alone."""
    pictures = read_rendered(catalog.gallery)
    queries, gallery = pictures.where(domain=SKETCH), pictures.where(lambda row: row.domain != SKETCH)
    return picture_task(name, queries, gallery, same_instance(queries, gallery))


def _unseen(pictures: PictureTable) -> PictureTable:
    return pictures.where(labels=TEST_UNSEEN)


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "quickdraw-world/all@1": quickdraw_all,
    "quickdraw-world/zero-shot@1": partial(quickdraw_zero_shot, mixed=False),
    "quickdraw-world/zero-shot-mixed@1": partial(quickdraw_zero_shot, mixed=True),
    "world/zero-shot@1": partial(zero_shot, mixed=False),
    "world/zero-shot-mixed@1": partial(zero_shot, mixed=True),
    "world/cross-style@1": cross_style,
    "world/same-object@1": same_object,
    **{f"world/leave-style-out:{style.name}@1": partial(leave_style_out, style=style) for style in STYLES},
}
