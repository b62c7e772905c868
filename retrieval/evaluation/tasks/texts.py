"""Protocols that ask with words: of the embedded gallery, and of synthetic people in the street."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.world import read_rendered
from retrieval.errors import DataError
from retrieval.evaluation.tasks.base import TEXT_METRICS, Catalog, Task, equal
from retrieval.items import ITEMS
from retrieval.types import TextQuery
from retrieval.world.captions import article

WORDINGS = ("{0}", "{1}", "a picture of {1}", "find {1}")  # of a class: its name, and its name with an article
PEOPLE_METRICS = ("R@1", "R@5", "R@10", "mAP@all", "mINP")


def text_world(name: str, catalog: Catalog) -> Task:
    """A class in four wordings -> all pictures; relevant: same class."""
    return classes_in_words(name, read_rendered(catalog.gallery))


def classes_in_words(
    name: str, gallery: PictureTable, metrics: tuple[str, ...] = TEXT_METRICS, dropped: int = 0
) -> Task:
    """Every class of a gallery, with and without an article and in two sentences -> its pictures."""
    asked = [(w.format(c, article(c)), c) for c in _classes(gallery) for w in WORDINGS]
    task = _task(name, [text for text, _ in asked], gallery, [c for _, c in asked], gallery.labels, metrics)
    return replace(task, labels=tuple(c for _, c in asked), dropped=dropped)


def text_style(name: str, catalog: Catalog) -> Task:
    """A style and a class -> all pictures; relevant: same class and style."""
    gallery = read_rendered(catalog.gallery)
    pairs = [(c, s) for c in _classes(gallery) for s in dict.fromkeys(gallery.domains)]
    texts = [f"{s} of {article(c)}" for c, s in pairs]
    shown = map(_both, gallery.labels, gallery.domains)
    return _task(name, texts, gallery, [_both(*pair) for pair in pairs], list(shown))


def text_color(name: str, catalog: Catalog) -> Task:
    """A colour and a class -> all pictures; relevant: same class and main colour; pairs that occur."""
    gallery = read_rendered(catalog.gallery)
    shown = list(zip(gallery.labels, gallery.colors, strict=True))
    pairs = sorted(set(shown))
    texts = [article(f"{color} {label}") for label, color in pairs]
    return _task(name, texts, gallery, [_both(*pair) for pair in pairs], [_both(*pair) for pair in shown])


def people_text(name: str, catalog: Catalog) -> Task:
    """Every caption of a test picture -> all test pictures; relevant: the same person."""
    if catalog.people is None or not (catalog.people / ITEMS).is_file():
        raise DataError(
            f"{name} needs the pictures of people in the street in {catalog.people}. "
            "Render them: python -m retrieval world people."
        )
    gallery = read_rendered(catalog.people).where(split="test")
    asked = [(caption, row.label) for row in gallery for caption in row.captions]
    texts = [text for text, _ in asked]
    people = [who for _, who in asked]
    return replace(_task(name, texts, gallery, people, gallery.labels, PEOPLE_METRICS), labels=tuple(people))


def _task(
    name: str,
    texts: Sequence[str],
    gallery: PictureTable,
    wanted: Sequence[str],
    shown: Sequence[str],
    metrics: tuple[str, ...] = TEXT_METRICS,
) -> Task:
    """Relevant are the pictures whose `shown` (N,) is what the text `wanted` (Q,)."""
    queries = [TextQuery(text) for text in texts]
    return Task(name, queries, gallery, equal(wanted, shown), _classes(gallery), metrics=metrics)


def _classes(gallery: PictureTable) -> tuple[str, ...]:
    return tuple(gallery.rows_by("labels"))


def _both(first: str, second: str) -> str:
    return f"{first}\n{second}"


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "text-world/all@1": text_world,
    "text-world/style@1": text_style,
    "text-world/color@1": text_color,
    "people/text@1": people_text,
}
