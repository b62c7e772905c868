"""A real engine over an encoder without weights, which sees the class that a query looks or sounds like.

A drawing is read by its shape alone: wider than high is a fish, higher than wide is a tree, anything else is a duck; a
picture is read by the colour in its middle; a text by the class that it names. A picture of that class has the cosine
0.9 with the query, any other 0.2, less a thousandth for each place in the gallery; object codes count from its end.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from retrieval.artifacts.manifest import Manifest, Source
from retrieval.code_search import Codes
from retrieval.crops import crop, ground_of, object_box
from retrieval.encoder import Vectors
from retrieval.engine import Choice, Engine, Results, Settings
from retrieval.errors import EmptyQuery, QueryError, RetrievalError
from retrieval.gallery import Gallery
from retrieval.images import Preprocess
from retrieval.loaded_encoder import Served
from retrieval.stores.faiss_store import FaissStore
from retrieval.types import SKETCH, Domain, Explanation, ImageQuery, Item, Occlusion, Query, TextQuery, View
from tests.ui.fake_disentangler import FakeDisentangler
from tests.ui.fake_figures import FakeFigures, FakeFigureSlider

STYLES = ("photo", "painting", "cartoon", "sketch")
COLORS = {"duck": "#e0b424", "fish": "#3b7fc4", "tree": "#3c8f4a"}
EACH = 4  # pictures of a class in a style
HOSTILE = '<img src=x onerror="window.hacked=1">'
MANIFEST = Manifest(
    name="fake",
    method="fake",
    config={},
    preprocess=Preprocess(16),
    domains=STYLES,
    classes=tuple(COLORS),
    dim=0,
    files={},
    trained_on=(Source("rendered world", "Apache-2.0", 1000),),
    cutoff={"image": 0.3, "text": 0.3},
)


class FakeServed(Served):
    """Written vectors over galleries of the same items, which the second gallery holds twice."""

    def __init__(self, items: Sequence[Item], homes: Mapping[str, Path], order: int = 1) -> None:
        super().__init__(Path("fake"), homes)
        self.items = tuple(items)
        self.failure: str | None = None
        self._order = order  # -1: the last picture is the best
        self._gate = threading.Event()

    def finish(self) -> None:
        """End loading, in the failure if there is one."""
        self._gate.set()
        self.warm()
        self._loaded.wait()

    def _load(self) -> None:
        self._progress = "Loading the model"
        self._gate.wait()
        if self.failure:
            raise RetrievalError(self.failure)
        self._bundle = cast("Any", SimpleNamespace(manifest=MANIFEST, fingerprint="fake"))
        for times, (name, home) in enumerate(self.homes.items(), start=1):
            self._galleries[name] = self._indexed(home, self.items * times)
            self._readings[name] = None

    def _indexed(self, home: Path, items: Sequence[Item]) -> Gallery:
        places = np.arange(len(items))[:: self._order]
        is_of_class = np.array([[item.label == label for label in (*COLORS, None)] for item in items])  # (N, 4)
        cosines = np.where(is_of_class, 0.9, 0.2) - places[:, None] / 1000
        rest = np.sqrt(1 - (cosines**2).sum(axis=1))
        store = FaissStore(self._width)
        store.add(
            np.arange(len(items)),
            np.eye(len(items), self._width, 4) * rest[:, None] + np.pad(cosines, ((0, 0), (0, self._width - 4))),
        )
        return Gallery(home, items, store, "fake")

    def vector(self, query: Query) -> Vectors:
        return np.eye(self._width, dtype=np.float32)[[*COLORS, None].index(read(query))]

    def views(self, query: Query) -> tuple[View, ...]:
        """An object that is small on an even ground is seen better in its crop."""
        vector = self.vector(query)
        if not (isinstance(query, ImageQuery) and query.outside and (ground := ground_of(query.image))):
            return (View(vector),)
        box = object_box(ground)
        part = crop(query.image, box, ground) if box else None
        return (View(vector),) if part is None else (View(vector * 0.9), View(vector, part))

    @property
    def _width(self) -> int:
        """An axis for each class, one for no class, and one for each picture, which makes its vector a unit row."""
        return 4 + len(self.items) * len(self.homes)


class FakeEngine(Engine):
    """Pictures drawn into `folder`, and a query that can be slow, or a bug."""

    def __init__(self, folder: Path, *galleries: str, loading: bool = False) -> None:
        super().__init__(Settings(bundle=folder, others=(), gallery=folder, codes=folder.parent / "dude"))
        self.pictures = tuple(paint_gallery(folder))
        self.delay = 0.0
        self.asked: list[Query] = []
        self._homes = dict.fromkeys(galleries or ("world",), folder)
        self.methods = (Choice("fake", "Plain encoder · fake", ""),)
        self._served = {"fake": FakeServed(self.pictures, self._homes)}
        self.codes = Codes(FakeServed(self.pictures, self._homes, order=-1), self.served())
        self.disentangler = cast("Any", FakeDisentangler())
        self.figures = FakeFigures(self.pictures)
        self.figure_slider = FakeFigureSlider()
        if loading:
            self.warm()
        else:
            self.finish()

    def finish(self, failure: str | None = None) -> None:
        """Be ready from now on, or in trouble."""
        for served in (self.codes.coded, self.codes.raw):
            assert isinstance(served, FakeServed)
            served.failure = failure
            served.finish()

    def search(self, query: Query, **options: Any) -> Results:
        if isinstance(query, TextQuery) and query.text == "crash":
            raise ZeroDivisionError("a bug")
        self.asked.append(query)
        time.sleep(self.delay)
        return super().search(query, **options)

    def why(self, query: Query, item_id: str, *, gallery: str | None = None, method: str | None = None) -> Explanation:
        """The left half counts."""
        if isinstance(query, TextQuery):
            raise QueryError("Words have no parts.")
        falls = tuple((0.3, 0.1, -0.1, 0.0) for _ in range(4))
        hit = Image.open(self.item(item_id, gallery).path).convert("RGB")
        return Explanation(0.9, Occlusion(query.image, falls), Occlusion(hit, falls))


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
