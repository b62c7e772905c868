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
class Channel:
    """A channel of a block, and how much more of it is let through for photos than for sketches, in [-1, 1]."""

    block: str
    number: int
    difference: float


@dataclass(frozen=True)
class Modality:
    """What a network that is told the modality makes of the query when it is told the other one."""

    told: str  # what the query counts as: "sketch" or "photo"
    kept: float  # cosine between the query's two codes; 1: the tag changes nothing
    flipped: float  # cosine to the hit with the other tag
    blocks: tuple[tuple[str, float], ...]  # each block's mean change of its gates, in [0, 1]
    channels: tuple[Channel, ...]  # those that change most, first the largest


@dataclass(frozen=True)
class Taught:
    """A class that the network was taught, and how near the query is."""

    label: str
    probability: float
    query: float | None  # cosine of the query to the mean of the sketches that are kept of the class
    hit: float | None  # the hit's; None where no sketch is kept


@dataclass(frozen=True)
class Remembered:
    """A sketch that the memory kept, with the cosines of its features to the query's and to the hit's."""

    picture: Image  # grey
    query: float
    hit: float


@dataclass(frozen=True)
class Memory:
    """The classes that the query looks most like, and the sketches that are kept of the first."""

    classes: tuple[Taught, ...]
    sketches: tuple[Remembered, ...]
    taught: int  # classes in all


@dataclass(frozen=True)
class Explanation:
    """Why a picture is a hit of a query. `modality` and `memory` are None where the method has none."""

    similarity: float  # cosine of query and hit
    query: Occlusion
    hit: Occlusion
    modality: Modality | None = None
    memory: Memory | None = None


Progress = Callable[[int, int], None]
"""Called as on_progress(done, total) while something long runs."""


def no_progress(done: int, total: int) -> None:
    """The `Progress` that shows nothing."""
