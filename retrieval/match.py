"""Which view of a query is closest to a gallery, and whether its hits are a match: whether the gallery holds what was
asked for. Without torch until it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from retrieval.loaded_encoder import Served
from retrieval.types import Crop, Held, Hit, Query, TextQuery, View

if TYPE_CHECKING:
    from retrieval.artifacts.bundle import Bundle
    from retrieval.encoder import Vectors

Search = Callable[["Vectors"], Sequence[Hit]]  # a unit row (dim,) -> hits, best first
CLOSER = (
    0.01  # cosine; on validation photos that fill their picture less loses right answers, and more hides small ones
)
SAME = 0.99  # cosine from which the best hit is the very picture that was asked with, which the gallery then holds


def closest_view(views: Sequence[View], search: Search) -> tuple[View, tuple[Hit, ...]]:
    """The view whose best hit scores highest, and its hits; a crop has to score `CLOSER` more than the whole."""
    answers = [(view, tuple(search(view.vector))) for view in views]
    return max(answers, key=lambda answer: (answer[1][0].score if answer[1] else -1.0) - _handicap(answer[0]))


def _handicap(view: View) -> float:
    return 0.0 if view.crop is None else CLOSER


def crop_of(views: Sequence[View], closest: View) -> Crop | None:
    """What a query's picture was cropped to, if it was, and whether that was the closest view."""
    return next((Crop(view.crop, view is closest) for view in views if view.crop is not None), None)


def held_share(served: Served, gallery: str | None, vector: Vectors, among: Sequence[str]) -> Held | None:
    """How sure it is that these classes of the gallery hold what a picture (dim,) shows, where names can tell."""
    from retrieval.relevance import HELD

    names = served.names(gallery)
    if names is None:
        return None
    return Held(float(names.share(vector[None], among)[0]), served.bundle.manifest.cutoff[HELD])


def calibrated_cutoff(bundle: Bundle, query: Query, held: Held | None) -> float:
    """The cosine that the bundle was calibrated to for such a query; -1, which all reach, where it was not."""
    from retrieval.relevance import HIT

    kind = "text" if isinstance(query, TextQuery) else HIT if held else "image"
    return bundle.manifest.cutoff.get(kind, -1.0)


def is_match(hits: Sequence[Hit], cutoff: float, held: Held | None) -> bool:
    """What `Results.confident` says of the hits, best first."""
    if held and held.share >= held.needed:
        return True
    return bool(hits) and hits[0].score >= (SAME if held else cutoff)
