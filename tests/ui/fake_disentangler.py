"""A disentangler that needs no prior: it draws shapes, and its judge errs about one in seven.

A picture's object is what `fakes.read` sees in it, and it is drawn in six ways that can be told apart. What it draws is
a function of object, style and seed alone.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from retrieval.disentangle import ALL_PARTS, Card, Drawn, Film, Frame, Heat, Original, Slide, SwapGrid, Use, WordMap
from retrieval.errors import QueryError, RetrievalError

COLORS = {"duck": "#e0b424", "fish": "#3b7fc4", "tree": "#3c8f4a", "object": "#9a9188"}
GROUNDS = {
    "photo": "#cfc9c0",
    "painting": "#b8c4bd",
    "cartoon": "#eaf1ff",
    "mosaic": "#efe6d2",
    "engraving": "#f4efe4",
    "sketch": "#ffffff",
    "doodle": "#ffffff",
    "": "#bdbab5",
}
STEPS = 4
SIDE = 64


@dataclass(frozen=True)
class Coded:
    picture: Image.Image
    style: str
    thing: str | None
    words: Mapping[str, float]


def painted(thing: str, style: str, seed: int, share: float = 1.0) -> Image.Image:
    """A thing in a style, more or less finished."""
    image = Image.new("RGB", (SIDE, SIDE), GROUNDS[style])
    brush = ImageDraw.Draw(image)
    wide, high = {"duck": (20, 20), "fish": (27, 13), "tree": (12, 27)}.get(thing, (16, 16))
    shift = seed % 9 - 4
    box = (32 - wide + shift, 32 - high, 32 + wide + shift, 32 + high)
    plain = style in ("sketch", "engraving", "doodle")
    brush.ellipse(box, fill=None if plain else COLORS.get(thing, "#777777"), outline="#1d1916", width=2)
    if style == "mosaic":
        image = image.resize((12, 12)).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    if style == "engraving":
        for y in range(0, SIDE, 4):
            ImageDraw.Draw(image).line((0, y, SIDE, y), fill="#b9b2a2")
    grain = np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 1), np.uint8).repeat(3, axis=2)
    noise = Image.fromarray(grain) if share < 1 else image
    return Image.blend(noise, image, share).filter(ImageFilter.GaussianBlur(2 * (1 - share)))


class FakeDisentangler:
    """The surface of `ServedDisentangler` and of `Disentangler` at once."""

    styles = ("photo", "painting", "cartoon", "mosaic", "engraving", "sketch", "doodle")
    is_quick = True

    def __init__(self, *, offered: bool = True, delay: float = 0.0, loading: bool = False) -> None:
        self.offered = offered
        self.delay = delay  # seconds a step takes
        self.trouble: str | None = None
        self.progress = "Loading what draws"
        self.steps = 0  # taken so far
        self._there = threading.Event()
        if not loading:
            self._there.set()

    # -------- loading

    @property
    def ready(self) -> bool:
        return self._there.is_set()

    def warm(self) -> None:
        """Nothing to load."""

    def finish(self) -> None:
        """Be ready from now on."""
        self._there.set()

    def wait(self, timeout: float | None = None) -> FakeDisentangler:
        if self.trouble:
            raise RetrievalError(self.trouble)
        self._there.wait(timeout)
        return self

    # -------- drawing

    def read(self, original: Original) -> Coded:
        from tests.ui.fakes import read_picture

        thing = original.thing or read_picture(original.picture)
        picture = original.picture.convert("RGB").resize((SIDE, SIDE))
        return Coded(picture, original.style or "photo", thing, {thing or "object": 0.625, "tea & milk": 0.25})

    def _made(self, thing: str, style: str, seed: int, share: float = 1.0) -> Drawn:
        if style not in GROUNDS:
            raise QueryError(f"The prior has no word for {style!r}.")
        picture = painted(thing, style, seed, share)
        meant = None if thing == "object" else thing, style or None
        if share < 1:
            return Drawn(picture, *meant, finished=False)
        read = thing if zlib.crc32(f"{thing} {style} {seed}".encode()) % 7 else "duck"
        classes = dict.fromkeys(("duck", "fish", "tree"), 0.1) | {read: 0.8}
        known = dict.fromkeys(self.styles, 0.02) | {style or "photo": 0.88}
        if thing == "object":
            return Drawn(picture, None, style, {"duck": 0.4, "tree": 0.3, "fish": 0.3}, known, None, True)
        return Drawn(picture, *meant, classes, known, read == thing, True if style else None)

    def _shares(self) -> Iterator[float]:
        for step in range(1, STEPS + 1):
            time.sleep(self.delay)
            self.steps += 1
            yield step / STEPS

    def card(
        self, original: Original, seed: int = 0, *, use: Use = ALL_PARTS, guidance: float | None = None
    ) -> Iterator[Card]:
        told = self.read(original)
        thing = told.thing or "object"
        for share in self._shares():
            pairs = ((thing, told.style), (thing, ""), (thing, ""), ("object", told.style))
            made = [self._made(*codes, seed, share) for codes in pairs]
            apart = ImageOps.grayscale(ImageChops.difference(told.picture, made[0].picture)) if share == 1 else None
            yield Card(told.picture, told.style, told.thing, use, *made, apart, told.words, False)

    def grid(
        self,
        originals: Sequence[Original],
        styles: Sequence[str] = (),
        seed: int = 0,
        *,
        shuffled: bool = False,
        locked: bool = True,
        use: Use = ALL_PARTS,
        guidance: float | None = None,
    ) -> Iterator[SwapGrid]:
        told = [self.read(one) for one in originals]
        styles = tuple(styles) or self.styles[:6]
        codes = tuple((row + shuffled) % len(told) for row in range(len(told)))
        rows: list[tuple[Drawn | None, ...]] = [(None,) * len(styles)] * len(told)
        for row, own in enumerate(told):
            drawn = told[codes[row]].thing or "object"
            for share in self._shares():
                seeds = [seed if locked else seed + row * 10 + column for column in range(len(styles))]
                rows[row] = tuple(
                    replace(self._made(drawn, style, one, share), intended_class=own.thing)
                    for style, one in zip(styles, seeds, strict=True)
                )
                if share == 1 and drawn != own.thing:
                    rows[row] = tuple(replace(cell, class_holds=False) for cell in rows[row] if cell)
                cells = [cell for cells in rows for cell in cells if cell is not None and cell.finished]
                hit = sum(bool(cell.class_holds) for cell in cells) / len(cells) if cells else None
                yield SwapGrid(
                    tuple(one.picture for one in told),
                    tuple(one.thing for one in told),
                    styles,
                    tuple(rows),
                    codes,
                    hit,
                    0.9 if cells else None,
                    1 / 3,
                    1 / 7,
                    locked,
                    STEPS,
                    len(cells),
                    use,
                )

    def slide_objects(
        self, one: Original, other: Original, style: str | None = None, seed: int = 0, **options: Any
    ) -> Iterator[Slide]:
        first, last = self.read(one), self.read(other)
        yield from self._slide([(first.thing, style or first.style), (last.thing, style or first.style)], seed)

    def slide_styles(self, original: Original, one: str, other: str, seed: int = 0, **options: Any) -> Iterator[Slide]:
        thing = self.read(original).thing
        yield from self._slide([(thing, one), (thing, other)], seed)

    def _slide(self, ends: Sequence[tuple[str | None, str]], seed: int) -> Iterator[Slide]:
        positions = tuple(i / 6 for i in range(7))
        for share in self._shares():
            frames = [self._made(*((thing or "object"), style), seed, share) for thing, style in ends]
            blends = [Image.blend(frames[0].picture, frames[1].picture, at) for at in positions]
            stops = tuple(replace(frames[at > 0.5], picture=blends[i]) for i, at in enumerate(positions))
            yield Slide(positions, stops, STEPS)

    def knobs(
        self,
        original: Original,
        style: str | None = None,
        w_thing: float = 3,
        w_style: float = 3,
        seed: int = 0,
        **options: Any,
    ) -> Iterator[Drawn]:
        told = self.read(original)
        for share in self._shares():
            yield self._made(told.thing or "object", style or told.style, seed, share)

    def switch(
        self,
        original: Original,
        style: str | None = None,
        below: int = 500,
        seed: int = 0,
        *,
        style_first: bool = False,
        **options: Any,
    ) -> Iterator[Drawn]:
        yield from self.knobs(original, style, seed=seed)

    def heat(self, original: Original, style: str | None = None, seed: int = 0, **options: Any) -> Iterator[Heat]:
        told = self.read(original)
        thing, style = told.thing or "object", style or told.style
        for share in self._shares():
            made = [
                self._made(*codes, seed, share)
                for codes in ((thing, style), ("object", style), (thing, ""), ("object", style))
            ]
            heat = Heat(*made)
            if share == 1:
                maps = [_word(word, spread) for word, spread in ((thing, 0.4), (style, 0.9), ("padding", 1.0))]
                grey = [ImageOps.grayscale(ImageChops.difference(made[0].picture, one.picture)) for one in made[1:]]
                heat = replace(
                    heat,
                    object_map=maps[0],
                    style_map=maps[1],
                    padding_map=maps[2],
                    object_difference=grey[0],
                    style_difference=grey[1],
                    map_difference=grey[2],
                )
            yield heat

    def film(
        self, original: Original, other_style: str, other: Original, seed: int = 0, **options: Any
    ) -> Iterator[Film]:
        told, second = self.read(original), self.read(other)
        frames: list[Frame] = []
        codes = ((told.thing, told.style), (told.thing, other_style), (second.thing, told.style))
        for step, share in enumerate((0.2, 0.35, 0.5, 0.65, 0.8, 1.0), start=1):
            time.sleep(self.delay)
            self.steps += 1
            made = [self._made(thing or "object", style, seed, share) for thing, style in codes]
            frames.append(Frame(2 * step - 1 if step < 6 else 10, made[0], made[1], made[2]))
            done = (4, 1) if share == 1 else (None, None)
            yield Film(tuple(frames), 10, *done)


def _word(word: str, spread: float) -> WordMap:
    cells = tuple(
        tuple(max(0.0, 1 - ((x - 8) ** 2 + (y - 8) ** 2) / (60 * (1 + 9 * spread**6))) for x in range(16))
        for y in range(16)
    )
    return WordMap(word, cells, 0.31, spread)
