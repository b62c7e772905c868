"""The nouns that every other module speaks: frozen values without behaviour.

Nothing here imports torch, gradio or the file system's contents; a value can be made in a test in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL.Image import Image


@dataclass(frozen=True)
class Domain:
    """A way of depicting: "photo", "sketch", ...; the name is also the word used in captions and prompts."""

    name: str


PHOTO = Domain("photo")
PAINTING = Domain("painting")
CARTOON = Domain("cartoon")
SKETCH = Domain("sketch")
ENGRAVING = Domain("engraving")
MOSAIC = Domain("mosaic")


@dataclass(frozen=True)
class Region:
    """A named part of a picture. box = (centre x, centre y, width, height), fractions of the picture in [0, 1]."""

    box: tuple[float, float, float, float]
    phrase: str


@dataclass(frozen=True)
class Item:
    """One picture of a gallery or data set. `path` is the file; `label` and `caption` are None where unknown."""

    id: str
    path: Path
    domain: Domain
    label: str | None = None
    caption: str | None = None
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True)
class ImageQuery:
    """A picture to search with: RGB, any size. A drawing is an image whose domain is SKETCH."""

    image: Image
    domain: Domain = PHOTO


@dataclass(frozen=True)
class TextQuery:
    """Words to search with."""

    text: str


Query = ImageQuery | TextQuery


@dataclass(frozen=True)
class Hit:
    """One answer. `score` is the cosine in [-1, 1]; `rank` counts from 1."""

    item: Item
    score: float
    rank: int


Progress = Callable[[int, int], None]
"""Called as on_progress(done, total) while something long runs."""


def no_progress(done: int, total: int) -> None:
    """The `Progress` that shows nothing."""
