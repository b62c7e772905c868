"""Protocols on the embedded gallery, asked with its own pictures or with people's drawings."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from retrieval.data.readers.quickdraw import quickdraw
from retrieval.evaluation.tasks.base import (
    Catalog,
    Picture,
    Task,
    picture,
    picture_task,
    same_class,
    same_domain,
    same_thing,
)
from retrieval.items import ITEMS, read_items
from retrieval.types import PAINTING, PHOTO, SKETCH, STYLES, Domain
from retrieval.world.split import TEST_UNSEEN


def world_pictures(catalog: Catalog) -> list[Picture]:
    """The gallery's pictures, in order, each with the object that it shows."""
    lines = map(json.loads, (catalog.gallery / ITEMS).read_text(encoding="utf-8").splitlines())
    things = [str(line.get("object", line["id"])) for line in lines]
    shown = zip(map(picture, read_items(catalog.gallery)), things, strict=True)
    return [Picture(p.key, p.domain, p.open, p.label, thing) for p, thing in shown]


def drawings(catalog: Catalog, labels: tuple[str, ...], task: str) -> list[Picture]:
    """Held-out human strokes of the labels."""
    drawn = quickdraw(catalog.pack("quickdraw345", task), labels, "test")
    return [Picture(f"quickdraw345/{row.id}", SKETCH, row.picture.open, row.label) for row in drawn]


def by_class(
    name: str,
    queries: list[Picture],
    gallery: list[Picture],
    unseen: tuple[str, ...] = (),
    unseen_domains: tuple[str, ...] = (),
) -> Task:
    """Relevant is the same class; a rendered picture of the very same object, its silhouette, is not considered."""
    twins = same_thing(queries, gallery)
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
    photos = _of(world_pictures(catalog), PHOTO)
    return by_class(name, drawings(catalog, tuple(sorted({p.label for p in photos})), name), photos)


def quickdraw_zero_shot(name: str, catalog: Catalog, *, mixed: bool) -> Task:
    """Held-out strokes of the unseen classes -> photos of these, or (mixed) of all classes."""
    photos = _of(world_pictures(catalog), PHOTO)
    queries = drawings(catalog, TEST_UNSEEN, name)
    return by_class(name, queries, photos if mixed else _unseen(photos), TEST_UNSEEN)


def zero_shot(name: str, catalog: Catalog, *, mixed: bool) -> Task:
    """Rendered sketches of the unseen classes -> photos of these, or (mixed) of all classes."""
    pictures = world_pictures(catalog)
    photos = _of(pictures, PHOTO)
    return by_class(name, _unseen(_of(pictures, SKETCH)), photos if mixed else _unseen(photos), TEST_UNSEEN)


def leave_style_out(name: str, catalog: Catalog, *, style: Domain) -> Task:
    """A style and classes that are both unseen -> photos of these classes (paintings if the style is photo)."""
    pictures = _unseen(world_pictures(catalog))
    queries, gallery = _of(pictures, style), _of(pictures, PAINTING if style == PHOTO else PHOTO)
    return by_class(name, queries, gallery, TEST_UNSEEN, (style.name,))


def cross_style(name: str, catalog: Catalog) -> Task:
    """Every picture -> all of other styles, without those of the same object, whose silhouette is the same."""
    pictures = world_pictures(catalog)
    considered = ~same_domain(pictures, pictures) & ~same_thing(pictures, pictures)
    return picture_task(name, pictures, pictures, same_class(pictures, pictures), considered=considered)


def same_object(name: str, catalog: Catalog) -> Task:
    """Every sketch -> all pictures of other styles; relevant are those of its object alone."""
    pictures = world_pictures(catalog)
    queries, gallery = _of(pictures, SKETCH), [p for p in pictures if p.domain != SKETCH]
    return picture_task(name, queries, gallery, same_thing(queries, gallery))


def _of(pictures: list[Picture], domain: Domain) -> list[Picture]:
    return [p for p in pictures if p.domain == domain]


def _unseen(pictures: list[Picture]) -> list[Picture]:
    return [p for p in pictures if p.label in TEST_UNSEEN]


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
