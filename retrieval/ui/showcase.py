"""What a gallery offers to begin with: pictures and words that invite a visitor who has not asked anything yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.types import Item, TextQuery

if TYPE_CHECKING:
    from retrieval.engine import Engine

SAMPLES = 6  # pictures of the gallery that are offered to search with
GUISES = 6  # styles of one thing that are shown to begin with
PHRASES = (  # words to try in the rendered world; other galleries offer names of their classes
    "a red apple",
    "cartoon of a cat",
    "mosaic of a butterfly",
    "engraving of a castle",
    "a sketch of a chair",
    "a yellow duck",
)
HERO = "duck"  # the class that shows what this is about, where a gallery has it


@dataclass(frozen=True)
class Showcase:
    """Pictures of a gallery: of several classes, to search with; of one class in each style, to show the idea."""

    samples: tuple[Item, ...] = ()
    guises: tuple[Item, ...] = ()


def spread(labels: Sequence[str]) -> Sequence[str]:
    """A few of a gallery's classes, from all of its alphabet."""
    return labels[:: max(1, len(labels) // SAMPLES)][:SAMPLES]


def showcase(engine: Engine, gallery: str) -> Showcase:
    """The most typical pictures, as the model sees it."""

    def best(label: str, domains: Sequence[str]) -> tuple[Item, ...]:
        hits = engine.search(TextQuery(label), gallery=gallery, k=1, labels=[label], domains=domains).hits
        return tuple(hit.item for hit in hits)

    labels, domains = engine.labels(gallery), engine.domains(gallery)
    hero = HERO if HERO in labels else labels[0] if labels else None
    return Showcase(
        tuple(item for label in spread(labels) for item in best(label, domains[:1])),
        tuple(item for domain in domains[:GUISES] for item in best(hero, [domain])) if hero else (),
    )
