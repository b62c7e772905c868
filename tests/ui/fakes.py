"""An engine that needs no model: pictures are made here, and a query finds the class that it looks or sounds like.

A drawing is read by its shape alone: wider than high is a fish, higher than wide is a tree, anything else is a duck; a
picture is read by the colour in its middle; a text by the class that it names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from retrieval.code_search import Nearest
from retrieval.engine import Choice, Results, Settings
from retrieval.errors import EmptyQuery, GalleryError, QueryError, RetrievalError
from retrieval.types import SKETCH, Domain, Explanation, Hit, ImageQuery, Item, Occlusion, Query, TextQuery
from tests.ui.fake_disentangler import FakeDisentangler

STYLES = ("photo", "painting", "cartoon", "sketch")
COLORS = {"duck": "#e0b424", "fish": "#3b7fc4", "tree": "#3c8f4a"}
EACH = 4  # pictures of a class in a style
HOSTILE = '<img src=x onerror="window.hacked=1">'


class FakeEngine:
    """The surface of `retrieval.engine.Engine`, over pictures drawn into `folder`. A second gallery has them twice."""

    def __init__(self, folder: Path, *galleries: str, loading: bool = False) -> None:
        self.picture_roots = (folder,)
        self.settings = Settings(gallery=folder, dude=folder.parent / "dude")
        self.galleries = galleries or ("world",)
        self.methods = (Choice("fake", "Plain encoder · fake", ""),)
        self.trouble: str | None = None
        self.progress = "Loading the model"
        self.delay = 0.0
        self.asked: list[Query] = []
        self.disentangler = FakeDisentangler()
        self.codes = self  # one fake does for all that is loaded
        self._items = paint_gallery(folder)
        self.pictures = tuple(self._items)
        self._loaded = threading.Event()
        if not loading:
            self._loaded.set()

    # -------- loading

    def warm(self) -> None:
        """Nothing to load."""

    def served(self, method: str | None = None) -> FakeEngine:
        """There is one method."""
        return self

    def finish(self) -> None:
        """Be ready from now on."""
        self._loaded.set()

    @property
    def ready(self) -> bool:
        return self._loaded.is_set()

    def wait(self, timeout: float | None = None) -> None:
        if self.trouble:
            raise RetrievalError(self.trouble)
        self._loaded.wait(timeout)

    # -------- what there is

    @property
    def about(self) -> dict[str, Any]:
        source = {"data": "rendered world", "licence": "Apache-2.0", "pictures": 1000}
        return {"name": "fake", "trained_on": [source], "classes": list(COLORS)} if self.ready else {}

    def domains(self, gallery: str | None = None) -> tuple[str, ...]:
        self._known(gallery)
        return STYLES

    def labels(self, gallery: str | None = None) -> tuple[str, ...]:
        self._known(gallery)
        return tuple(COLORS)

    def item(self, item_id: str, gallery: str | None = None) -> Item:
        self._known(gallery)
        for item in self._items:
            if item.id == item_id:
                return item
        raise GalleryError(f"There is no picture {item_id[:80]!r} in this gallery.")

    def _known(self, gallery: str | None) -> None:
        if gallery not in (None, *self.galleries):
            raise GalleryError(f"There is no gallery {gallery!r}.")

    # -------- searching

    def search(
        self,
        query: Query,
        *,
        gallery: str | None = None,
        k: int = 24,
        domains: Sequence[str] = (),
        labels: Sequence[str] = (),
        cutoff: float | None = None,
        method: str | None = None,
    ) -> Results:
        self.wait()
        self._known(gallery)
        if isinstance(query, TextQuery) and query.text == "crash":
            raise ZeroDivisionError("a bug")
        self.asked.append(query)
        time.sleep(self.delay)
        wanted = read(query)
        fits = [
            item
            for item in self._items
            if (not domains or item.domain.name in domains) and (not labels or item.label in labels)
        ]
        ranked = sorted(
            ((self._score(item, wanted, i), item) for i, item in enumerate(fits)), key=lambda pair: -pair[0]
        )[:k]
        hits = tuple(Hit(item, score, rank) for rank, (score, item) in enumerate(ranked, start=1))
        size = len(self._items) * (1 + self.galleries.index(gallery or self.galleries[0]))
        least = 0.3 if cutoff is None else cutoff
        return Results(hits, bool(hits) and hits[0].score >= least, least, 0.012, size)

    def why(self, query: Query, item_id: str, *, gallery: str | None = None, method: str | None = None) -> Explanation:
        """The left half counts."""
        if isinstance(query, TextQuery):
            raise QueryError("Words have no parts.")
        falls = tuple((0.3, 0.1, -0.1, 0.0) for _ in range(4))
        hit = Image.open(self.item(item_id, gallery).path).convert("RGB")
        return Explanation(0.9, Occlusion(query.image, falls), Occlusion(hit, falls))

    def nearest(
        self, query: ImageQuery, style: str, *, gallery: str | None = None, own: Item | None = None, k: int = 8
    ) -> tuple[Nearest, ...]:
        domain = style if style in STYLES else query.domain.name
        hits = [hit for hit in self.search(query, gallery=gallery).hits if hit.item != own]
        styled = [hit for hit in hits if hit.item.domain.name == domain]
        rows = (("object", hits[:k]), ("style", styled[:k]), ("raw", hits[1 : k + 1]))
        return tuple(Nearest(code, tuple(found), domain, 0.25, 0.25, 1.0 if own else None) for code, found in rows)

    def search_by_code(
        self,
        by: str,
        query: ImageQuery,
        style: str = "",
        *,
        strictness: float = 1.0,
        gallery: str | None = None,
        k: int = 24,
    ) -> Results:
        if by != "object" and style not in STYLES:
            raise QueryError(f"This gallery has no pictures in the style {style!r}.")
        return self.search(query, gallery=gallery, k=k, domains=[] if by == "object" else [style])

    @staticmethod
    def _score(item: Item, wanted: str | None, place: int) -> float:
        return (0.9 if item.label == wanted else 0.2) - place / 1000


def read(query: Query) -> str | None:
    """The class that a query asks for, or None."""
    if isinstance(query, TextQuery):
        if not query.text.strip():
            raise EmptyQuery("Nothing is typed yet. Type what you look for.")
        return next((label for label in COLORS if label in query.text), None)
    return _shape(query) if query.domain.name == "sketch" else _color(query.image)


def read_picture(image: Image.Image) -> str:
    """The class of a picture: by its shape where it is black on white, else by its colour."""
    is_drawing = image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)
    return _shape(ImageQuery(image, SKETCH)) if is_drawing else _color(image)


def _shape(query: ImageQuery) -> str:
    box = ImageOps.invert(query.image.convert("L")).getbbox() or (0, 0, 1, 1)
    ratio = (box[2] - box[0]) / max(1, box[3] - box[1])
    return "fish" if ratio > 1.5 else "tree" if ratio < 0.67 else "duck"


def _color(image: Image.Image) -> str:
    middle = np.asarray(image.resize((9, 9)).convert("RGB"), float)[4, 4]
    known = {
        label: np.array(Image.new("RGB", (1, 1), color).getpixel((0, 0)), float) for label, color in COLORS.items()
    }
    return min(known, key=lambda label: float(np.abs(known[label] - middle).sum()))


def paint_gallery(folder: Path) -> list[Item]:
    """Pictures of three classes in four styles, written to the folder; one caption is hostile."""
    folder.mkdir(parents=True, exist_ok=True)
    items = []
    for label, color in COLORS.items():
        for style in STYLES:
            for number in range(EACH):
                name = f"{label}-{style}-{number}"
                path = folder / f"{name}.webp"
                paint(label, color, style, number).save(path)
                caption = HOSTILE if name == "duck-photo-1" else f"a {label} as a {style}, number {number}"
                items.append(Item(name, path, Domain(style), label, caption))
    return items


def paint(label: str, color: str, style: str, number: int, side: int = 192) -> Image.Image:
    """A simple shape that can be told from the others by its form and its colour."""
    ground = {"photo": "#cfc9c0", "painting": "#b8c4bd", "cartoon": "#eaf1ff", "sketch": "white"}[style]
    image = Image.new("RGB", (side, side), ground)
    brush = ImageDraw.Draw(image)
    wide, high = {"duck": (60, 60), "fish": (80, 40), "tree": (36, 80)}[label]
    shift = number * 3 - 4
    box = (side / 2 - wide + shift, side / 2 - high, side / 2 + wide + shift, side / 2 + high)
    outline = {"photo": color, "painting": "#5a5144", "cartoon": "black", "sketch": "black"}[style]
    brush.ellipse(box, fill=ground if style == "sketch" else color, outline=outline, width=2 if style == "photo" else 5)
    return image
