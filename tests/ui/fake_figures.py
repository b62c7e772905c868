"""A search for figures without weights: pictures in the order of how many words of the sentence their captions have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from retrieval.disentangle.figure_slider import STOPS, ServedFigureSlider
from retrieval.disentangle.panel_values import Drawn, Slide
from retrieval.figures import Figure, Figures, ServedFigures
from retrieval.phrases import phrases_of
from retrieval.types import Item


class FakeFigures(ServedFigures):
    """Over the items of the fake gallery; every phrase is seen in a box of its own."""

    def __init__(self, items: Sequence[Item]) -> None:
        super().__init__(Path("fake"), Path("fake"))
        self._items = tuple(items)
        self._loaded.set()

    @property
    def offered(self) -> bool:
        return True

    def warm(self) -> None:
        """There is nothing to load."""

    def search(self, text: str, k: int = 12) -> Figures:
        words, phrases = set(text.lower().split()), phrases_of(text)
        scored = sorted(self._items, key=lambda item: -self._match(item, words))
        boxes = tuple((0.1, 0.2 * number, 0.5, 0.2) for number in range(len(phrases)))
        hits = tuple(Figure(item, rank, self._match(item, words), boxes) for rank, item in enumerate(scored[:k], 1))
        return Figures(text, phrases, hits, len(self._items), 0.01)

    def beside(self, text: str, changed: str, k: int = 12) -> tuple[Figures, Figures]:
        first, second = self.search(text, k), self.search(changed, k)
        words = set(changed.lower().split())
        hits = tuple(replace(hit, changed=self._match(hit.item, words)) for hit in first.hits)
        return replace(first, hits=hits), second

    @staticmethod
    def _match(item: Item, words: set[str]) -> float:  # type: ignore[override]
        return float(len(words & set((item.caption or "").split())))


class FakeFigureSlider(ServedFigureSlider):
    """Figures that are grey, and lighter with each stop."""

    def __init__(self) -> None:
        super().__init__(Path("fake"))
        self._loaded.set()

    @property
    def offered(self) -> bool:
        return True

    def warm(self) -> None:
        """There is nothing to load."""

    def slide(self, text: str, seed: int) -> Iterator[Slide]:
        at = tuple(stop / (STOPS - 1) for stop in range(STOPS))
        yield Slide(at, tuple(Drawn(Image.new("RGB", (64, 128), (round(200 * one),) * 3)) for one in at), 10)
