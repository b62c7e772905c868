"""The nouns that every other module speaks: frozen values without behaviour.

Nothing here imports torch, gradio or the file system's contents; a value can be made in a test in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
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
STYLES = (PHOTO, PAINTING, CARTOON, MOSAIC, ENGRAVING, SKETCH)  # the hands of the rendered world
DOODLE = Domain("doodle")  # what people draw, where it is told from rendered sketches: it was never a solid thing


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
class Skipped:
    """A file that could not be indexed, and why, in one sentence."""

    path: Path
    reason: str


@dataclass(frozen=True)
class ImageQuery:
    """A picture to search with: RGB, any size. A drawing is an image whose domain is SKETCH. `outside`: it is
    somebody's own, in which the object may be small and lie anywhere, so it is also looked at cropped to that.
    """

    image: Image
    domain: Domain = PHOTO
    outside: bool = False


@dataclass(frozen=True)
class View:
    """A query as it is compared: a unit row (dim,), the part of its picture that this is of (None: the whole) and, of
    words, a unit row (S,) that is compared with names.
    """

    vector: npt.NDArray[np.float32]
    crop: Image | None = None
    meaning: npt.NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Crop:
    """The part of a query's picture that shows its object. `is_closer`: closer to the gallery than the whole picture,
    so that it was searched with.
    """

    picture: Image
    is_closer: bool


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


@dataclass(frozen=True)
class Held:
    """How sure it is that a gallery holds what a picture shows, and how sure it must be for a match; both in [0, 1]."""

    share: float
    needed: float


Grid = tuple[tuple[float, ...], ...]
"""Numbers over a picture: rows from the top, each from the left."""


@dataclass(frozen=True)
class Occlusion:
    """A picture, and by how much its cosine to another falls while the part under each cell is hidden."""

    picture: Image  # square
    falls: Grid  # below zero: hiding the part makes the two more alike


@dataclass(frozen=True)
class Bar:
    """A number with its name. `text` is the number as people read it."""

    label: str
    value: float
    text: str
    note: str = ""


@dataclass(frozen=True)
class Bars:
    """Numbers in [0, 1], one below the other, each with a bar."""

    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Columns:
    """Numbers from zero up, side by side; the largest is as high as there is room."""

    columns: tuple[Bar, ...]


@dataclass(frozen=True)
class Thumbnail:
    """A small picture; `alt` says what it shows."""

    picture: Image
    caption: str
    alt: str


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures in a row."""

    pictures: tuple[Thumbnail, ...]


@dataclass(frozen=True)
class Note:
    """A sentence."""

    text: str


@dataclass(frozen=True)
class Panel:
    """What a method has to say of one query and one hit. `about` says what is shown, and what is not."""

    title: str
    about: str
    parts: tuple[Bars | Columns | Thumbnails | Note, ...]


@dataclass(frozen=True)
class Explanation:
    """Why a picture is a hit of a query: which parts of both count, and what the method adds."""

    similarity: float  # cosine of query and hit
    query: Occlusion
    hit: Occlusion
    panels: tuple[Panel, ...] = ()


Progress = Callable[[int, int], None]
"""Called as on_progress(done, total) while something long runs."""


OnSkip = Callable[[Skipped], None]
"""Called with every file that is left out."""


def no_skip(skipped: Skipped) -> None:
    """The `OnSkip` that tells nobody."""


def no_progress(done: int, total: int) -> None:
    """The `Progress` that shows nothing."""
