"""Search by code: what is near a picture by its object, by its style, and by the raw feature. Nothing is drawn.

DUDE's vector of a picture is its object code. The style code of a picture is the word for its domain, so by style all
pictures of a domain are equally near, and the raw feature, which is that of the default method, decides among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.errors import QueryError, SettingsError
from retrieval.loaded_encoder import Served
from retrieval.types import Hit, ImageQuery, Item

if TYPE_CHECKING:
    from retrieval.encoder import Vectors
    from retrieval.gallery import Gallery

BY = ("object", "style", "both")


@dataclass(frozen=True)
class Nearest:
    """The pictures of a gallery that are nearest by one code: "object", "style" or "raw"."""

    code: str
    hits: tuple[Hit, ...]
    domain: str  # what counts as the query's
    same_domain: float  # share of the hits in it
    expected: float  # that share, were the code blind to domains
    precision: float | None  # share of the hits of the query's class; None where it is not known


class Codes:
    """Two encoders over the same galleries: one of object codes, one of raw features."""

    def __init__(self, coded: Served, raw: Served) -> None:
        self.coded, self.raw = coded, raw

    # ------------------------------------------------------------ loading

    @property
    def ready(self) -> bool:
        """Whether searches are answered at once."""
        return self.coded.ready and self.raw.ready

    @property
    def trouble(self) -> str | None:
        """The sentence that says why loading failed, if it did."""
        return self.coded.trouble or self.raw.trouble

    @property
    def progress(self) -> str:
        """What is being loaded right now, for people."""
        return self.raw.progress or self.coded.progress

    def warm(self) -> None:
        """Start loading in the background; returns at once."""
        self.raw.warm()
        self.coded.warm()

    def wait(self, timeout: float | None = None) -> None:
        """Return when searches can be answered; see `Served.wait`."""
        self.raw.wait(timeout)
        self.coded.wait(timeout)

    # ------------------------------------------------------------ searching

    def nearest(
        self, query: ImageQuery, style: str, *, gallery: str | None = None, own: Item | None = None, k: int = 8
    ) -> tuple[Nearest, ...]:
        """The k pictures nearest by object code, by style code and by the raw feature.

        A gallery without pictures in the `style` has those of the query's domain in its place: drawings by people are
        doodles to DUDE, and sketches to a gallery. `own` is the query's own picture there, which is no neighbour.
        """
        by_object, by_raw, z, raw = self._opened(query, gallery)
        domain = style if style in by_raw.domains else query.domain.name
        hits_by_code = {
            "object": by_object.search(z, k + 1),
            "style": by_raw.search(raw, k + 1, domains=[domain]),
            "raw": by_raw.search(raw, k + 1),
        }
        same = [item.domain.name == domain for item in by_raw.items if item != own]
        expected = sum(same) / max(len(same), 1)
        return tuple(_nearest(code, hits, k, own, domain, expected) for code, hits in hits_by_code.items())

    def search(
        self,
        by: str,
        query: ImageQuery,
        style: str = "",
        *,
        strictness: float = 1.0,
        gallery: str | None = None,
        k: int = 24,
    ) -> tuple[Hit, ...]:
        """The k pictures closest to a picture by its object alone ("object"), by a style alone ("style"), or by its
        object in a style ("both"): the stricter, in [0, 1], the rarer are other styles; at 1 there are none. Scores are
        cosines, of object codes or, by style alone, of raw features.
        """
        if by not in BY:
            raise SettingsError(f"There is no code {by[:80]!r} to search by. Choose {' or '.join(BY)}.")
        if not 0 <= strictness <= 1:
            raise SettingsError(f"The strictness is {strictness}; choose 0 to 1.")
        by_object, by_raw, z, raw = self._opened(query, gallery)
        if by == "object":
            return tuple(by_object.search(z, k))
        if style not in by_object.domains:
            raise QueryError(
                f"This gallery has no pictures in the style {style[:80]!r}. Choose {' or '.join(by_object.domains)}."
            )
        if by == "style":
            return tuple(by_raw.search(raw, k, domains=[style]))
        inside = by_object.search(z, k, domains=[style])
        others = [domain for domain in by_object.domains if domain != style]
        if strictness == 1 or not others:
            return tuple(inside)
        return tuple(_weighed(inside, by_object.search(z, k, domains=others), strictness)[:k])

    def _opened(self, query: ImageQuery, gallery: str | None) -> tuple[Gallery, Gallery, Vectors, Vectors]:
        """The gallery by object codes and by raw features, and the query's two vectors, unit rows (dim,)."""
        self.wait()
        galleries = self.coded.gallery(gallery), self.raw.gallery(gallery)
        return *galleries, self.coded.vector(query), self.raw.vector(query)


def _nearest(code: str, hits: Sequence[Hit], k: int, own: Item | None, domain: str, expected: float) -> Nearest:
    """The first k hits that are not the query's `own` picture, and what they have in common with it."""
    others = [hit for hit in hits if own is None or hit.item.id != own.id][:k]
    kept = tuple(replace(hit, rank=rank) for rank, hit in enumerate(others, start=1))
    label = own.label if own else None
    return Nearest(
        code,
        kept,
        domain,
        sum(hit.item.domain.name == domain for hit in kept) / max(len(kept), 1),
        expected,
        None if label is None else sum(hit.item.label == label for hit in kept) / max(len(kept), 1),
    )


def _weighed(inside: Sequence[Hit], outside: Sequence[Hit], strictness: float) -> list[Hit]:
    """Hits of a style and of others, ordered by (1 - strictness) cosine + strictness [of the style]."""
    scored = [(hit, (1 - strictness) * hit.score + strictness) for hit in inside]
    scored += [(hit, (1 - strictness) * hit.score) for hit in outside]
    scored.sort(key=lambda pair: -pair[1])
    return [replace(hit, rank=rank) for rank, (hit, _) in enumerate(scored, start=1)]
