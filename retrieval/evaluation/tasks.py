"""The protocols, by name and version. A task says which queries meet which gallery and what counts as relevant;
nothing about a model.

    quickdraw-world/all@1   held-out human strokes -> the photos of the embedded gallery; relevant: same class
    text-world/all@1        a class in four wordings -> all pictures of the embedded gallery; relevant: same class
    text-world/style@1      "{style} of a {class}" -> all pictures; relevant: same class and style
    text-world/color@1      "a {colour} {class}" -> all pictures; relevant: same class and colour; pairs that occur

The held-out strokes are those of `data.packs.quickdraw(..., "test")`: 40 of each class, none of which was trained on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.data.packs import quickdraw
from retrieval.data.world import main_color
from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.metrics import Relevance
from retrieval.images import open_image, rasterise
from retrieval.items import ITEMS, labels_of, read_items
from retrieval.types import PHOTO, SKETCH, ImageQuery, Item, Query, TextQuery
from retrieval.world.captions import article

DRAWN = 256  # pixels at which strokes become a query, as in the app


@dataclass(frozen=True)
class Catalog:
    """Where the data lies: the embedded gallery, and the folder of packs (None where there is none)."""

    gallery: Path
    packs: Path | None


@dataclass(frozen=True)
class Task:
    """Queries, a gallery, and relevant[q, g]."""

    name: str
    queries: Sequence[Query]
    gallery: Sequence[Item]
    relevant: Relevance
    classes: tuple[str, ...]


def task(name: str, catalog: Catalog) -> Task:
    """The named task on this data. Raises SettingsError for a name that does not exist and DataError where data is
    missing.
    """
    if name not in TASKS:
        raise SettingsError(f"There is no task {name!r}. Choose {', '.join(TASKS)}.")
    return TASKS[name](name, catalog)


def _quickdraw_world(name: str, catalog: Catalog) -> Task:
    if catalog.packs is None:
        raise DataError(f"{name} needs people's drawings. Set GUISE_DATA to the folder of packs.")
    photos = [item for item in read_items(catalog.gallery) if item.domain == PHOTO]
    classes = labels_of(photos)
    drawings = quickdraw(catalog.packs / "quickdraw345", classes, "test")
    queries = [ImageQuery(rasterise(d.strokes, DRAWN), SKETCH) for d in drawings]
    relevant = np.array([[d.label == item.label for item in photos] for d in drawings])
    return Task(name, queries, photos, relevant, classes)


def _text_world(name: str, catalog: Catalog) -> Task:
    items = read_items(catalog.gallery)
    classes = labels_of(items)
    wordings = ("{0}", "{1}", "a picture of {1}", "find {1}")
    asked = [(w.format(c, article(c)), c) for c in classes for w in wordings]
    relevant = np.array([[c == item.label for item in items] for _, c in asked])
    return Task(name, [TextQuery(text) for text, _ in asked], items, relevant, classes)


def _text_style(name: str, catalog: Catalog) -> Task:
    items = read_items(catalog.gallery)
    classes = labels_of(items)
    styles = dict.fromkeys(item.domain.name for item in items)
    asked = [(f"{s} of {article(c)}", c, s) for c in classes for s in styles]
    relevant = np.array([[(c, s) == (item.label, item.domain.name) for item in items] for _, c, s in asked])
    return Task(name, [TextQuery(text) for text, *_ in asked], items, relevant, classes)


def _text_color(name: str, catalog: Catalog) -> Task:
    items = read_items(catalog.gallery)
    rows = map(json.loads, (catalog.gallery / ITEMS).read_text(encoding="utf-8").splitlines())
    shown = [(str(row["label"]), main_color(row)) for row in rows]  # in the order of the items
    asked = sorted(set(shown))
    relevant = np.array([[pair == other for other in shown] for pair in asked])
    texts = [TextQuery(article(f"{color} {label}")) for label, color in asked]
    return Task(name, texts, items, relevant, labels_of(items))


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "quickdraw-world/all@1": _quickdraw_world,
    "text-world/all@1": _text_world,
    "text-world/style@1": _text_style,
    "text-world/color@1": _text_color,
}


def gallery_pictures(items: Sequence[Item]) -> list[ImageQuery]:
    """The items' pictures, opened."""
    return [ImageQuery(open_image(item.path), item.domain) for item in items]
