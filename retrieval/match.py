"""What a query finds, by which of its views, and whether it is a match: whether the gallery holds what was asked for.
Without torch until it is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.loaded_encoder import Served
from retrieval.types import Crop, Held, Hit, Query, TextQuery, View

if TYPE_CHECKING:
    from retrieval.artifacts.bundle import Bundle

Answer = tuple[View, tuple[Hit, ...], Held | None]  # to one view of a query: hits, and how sure they are
CLOSER = (
    0.01  # cosine; on validation photos that fill their picture less loses right answers, and more hides small ones
)
SAME = 0.99  # cosine from which the best hit is the very picture that was asked with, which the gallery then holds
POOL = 20_000  # nearest pictures that are ranked by their names too


def closest_view(answers: Sequence[Answer]) -> Answer:
    """The view whose best hit scores highest, with its answer; a crop has to score `CLOSER` more than the whole."""
    return max(answers, key=lambda answer: (answer[1][0].score if answer[1] else -1.0) - _handicap(answer[0]))


def _handicap(view: View) -> float:
    return 0.0 if view.crop is None else CLOSER


def crop_of(views: Sequence[View], closest: View) -> Crop | None:
    """What a query's picture was cropped to, if it was, and whether that was the closest view."""
    return next((Crop(view.crop, view is closest) for view in views if view.crop is not None), None)


@dataclass(frozen=True)
class Looked:
    """Where a query looks: one gallery of one method, and the styles and classes that it is narrowed to."""

    served: Served
    gallery: str | None
    domains: Sequence[str] = ()
    labels: Sequence[str] = ()


def find(looked: Looked, query: Query, view: View, k: int) -> tuple[tuple[Hit, ...], Held | None]:
    """The k best pictures for one view of the query, and how sure it is that those looked at hold what it means; None
    where names cannot tell. Where they can, they rank too.
    """
    from retrieval.relevance import HELD, IMAGE, TEXT, decides

    served = looked.served
    kind = TEXT if isinstance(query, TextQuery) else IMAGE
    opened, readings = served.gallery(looked.gallery), served.readings(looked.gallery)
    among, levels = opened.among(looked.domains, looked.labels), served.bundle.manifest.cutoff
    if readings is None or not decides(served.bundle.manifest, kind):
        return tuple(opened.hits(*opened.nearest(view.vector, k, among))), None
    cosines, places = opened.nearest(view.vector, max(k, POOL), among)
    asked = view.vector if view.meaning is None else view.meaning
    text = query.text if isinstance(query, TextQuery) else ""
    scores = readings.scores(kind, asked, cosines, places, text)
    best = readings.order(kind, scores, places, text)[:k]
    hits = opened.hits(scores[best], places[best])
    if not hits:
        return (), None
    share = float(readings.names.shares(kind, asked[None], readings.presence(among))[0])
    return tuple(hits), Held(share, readings.needed(kind, levels[HELD.format(kind)], among))


def calibrated_cutoff(bundle: Bundle, query: Query, held: Held | None) -> float:
    """The score that the bundle was calibrated to for such a query; -1, which all reach, where it was not."""
    from retrieval.relevance import HIT, IMAGE, TEXT

    kind = TEXT if isinstance(query, TextQuery) else IMAGE
    return bundle.manifest.cutoff.get(HIT.format(kind) if held else kind, -1.0)


def is_match(hits: Sequence[Hit], cutoff: float, held: Held | None) -> bool:
    """What `Results.confident` says of the hits."""
    if held and held.share >= held.needed:
        return True
    best = max((hit.score for hit in hits), default=-2.0)
    return best >= (SAME if held else cutoff)


def sure_hits(hits: Sequence[Hit], confident: bool, cutoff: float, held: Held | None) -> list[Hit]:
    """The hits of a match that are shown at once: what reaches the cut-off and, where a share decided, the first."""
    if not confident:
        return []
    return [hit for place, hit in enumerate(hits) if hit.score >= cutoff or (held is not None and place == 0)]
