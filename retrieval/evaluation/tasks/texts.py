"""Protocols that ask with words: of the embedded gallery, and of synthetic people in the street."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from retrieval.data.readers.world import main_color
from retrieval.errors import DataError
from retrieval.evaluation.tasks.base import TEXT_METRICS, Catalog, Task, equal
from retrieval.items import ITEMS, labels_of, read_items
from retrieval.types import Item, TextQuery
from retrieval.world.captions import article

PEOPLE_METRICS = ("R@1", "R@5", "R@10", "mAP@all", "mINP")


def text_world(name: str, catalog: Catalog) -> Task:
    """A class in four wordings -> all pictures; relevant: same class."""
    items = read_items(catalog.gallery)
    classes = labels_of(items)
    wordings = ("{0}", "{1}", "a picture of {1}", "find {1}")
    asked = [(w.format(c, article(c)), c) for c in classes for w in wordings]
    return _task(name, [text for text, _ in asked], items, [c for _, c in asked], [item.label or "" for item in items])


def text_style(name: str, catalog: Catalog) -> Task:
    """A style and a class -> all pictures; relevant: same class and style."""
    items = read_items(catalog.gallery)
    styles = dict.fromkeys(item.domain.name for item in items)
    pairs = [(c, s) for c in labels_of(items) for s in styles]
    texts = [f"{s} of {article(c)}" for c, s in pairs]
    shown = [_both(item.label or "", item.domain.name) for item in items]
    return _task(name, texts, items, [_both(*pair) for pair in pairs], shown, classes=[label for label, _ in pairs])


def text_color(name: str, catalog: Catalog) -> Task:
    """A colour and a class -> all pictures; relevant: same class and main colour; pairs that occur."""
    items = read_items(catalog.gallery)
    rows = map(json.loads, (catalog.gallery / ITEMS).read_text(encoding="utf-8").splitlines())
    shown = [(str(row["label"]), main_color(row)) for row in rows]  # in the order of the items
    pairs = sorted(set(shown))
    texts = [article(f"{color} {label}") for label, color in pairs]
    wanted, classes = [_both(*pair) for pair in pairs], [label for label, _ in pairs]
    return _task(name, texts, items, wanted, [_both(*pair) for pair in shown], classes=classes)


def people_text(name: str, catalog: Catalog) -> Task:
    """Every caption of a test picture -> all test pictures; relevant: the same person."""
    if catalog.people is None or not (catalog.people / ITEMS).is_file():
        raise DataError(
            f"{name} needs the pictures of people in the street in {catalog.people}. "
            "Render them: python -m retrieval world people."
        )
    rows = list(map(json.loads, (catalog.people / ITEMS).read_text(encoding="utf-8").splitlines()))
    tested = [(item, row) for item, row in zip(read_items(catalog.people), rows, strict=True) if row["split"] == "test"]
    asked = [(caption, row["label"]) for _, row in tested for caption in row["captions"]]
    persons = [row["label"] for _, row in tested]
    texts = [text for text, _ in asked]
    return _task(name, texts, [item for item, _ in tested], [who for _, who in asked], persons, PEOPLE_METRICS)


def _task(
    name: str,
    texts: Sequence[str],
    items: Sequence[Item],
    wanted: Sequence[str],
    shown: Sequence[str],
    metrics: tuple[str, ...] = TEXT_METRICS,
    *,
    classes: Sequence[str] = (),
) -> Task:
    """Relevant are the items whose `shown` (N,) is what the text `wanted` (Q,); `classes` (Q,) of the queries, if that
    is more than the class.
    """
    queries, labels = [TextQuery(text) for text in texts], tuple(classes or wanted)
    return Task(name, queries, items, equal(wanted, shown), labels_of(items), metrics=metrics, labels=labels)


def _both(one: str, other: str) -> str:
    return f"{one}\n{other}"


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "text-world/all@1": text_world,
    "text-world/style@1": text_style,
    "text-world/color@1": text_color,
    "people/text@1": people_text,
}
