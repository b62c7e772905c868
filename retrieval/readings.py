"""What an encoder that reads words calls the pictures of a gallery, and how queries find pictures by these names.

No label is looked at, so embedded galleries and anybody's folder are read alike. A word that was never trained on has
an uncertain place among pictures, but its place among words is known: "puppy" is close to "dog". So a query is read as
names, too, and its score of a picture is a mean of two cosines: of both, and of what both are read as. Pictures that
are read alike are then told apart by the first, which knows styles. A style's or a colour's word is no name: where a
text says one besides its thing, names decide less; but a colour is looked up in the pixels of the pictures, where
they were counted, and then leaves names alone. Words that could mean several things get the best picture of each first.
What pixels and several meanings add changes the order, not the scores, so that cut-offs keep their meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from retrieval.colors import TERMS, Shares, likeness
from retrieval.encoder import Vectors
from retrieval.phrases import BETWEEN, WORD
from retrieval.query_text import normalise_text
from retrieval.relevance import IMAGE, SCALE, TEXT, Names
from retrieval.stores import Ids
from retrieval.world.captions import GENERIC, MEDIA

KEPT = 8  # names that are kept of a picture
NAMED = {TEXT: 1.0, IMAGE: 0.3}  # weight of the cosine of readings; on validation words and drawings, .1 to 3 tried
SHARP = {TEXT: 10.0, IMAGE: SCALE}  # of cosines, where a query is read; of words 10, 15 and 20 tried
AHEAD = 0.04  # by which the best picture of each name goes before others; likewise, of .02 to .08
LOOKING = 0.15  # of what names tell apart, so much counts in texts that say a look; on rendered classes of .15 to 1
COLORED = 0.08  # more for a picture that has the colour alone that a text says; on validation renders, of .05 to .3
ROWS = 4096  # pictures that are read at a time

COLORS = {term: place for place, term in enumerate(TERMS)}
COLORS["grey"] = COLORS["gray"]
STYLES = frozenset(word for words in MEDIA.values() for said in words for word in said.split()) - frozenset(GENERIC)
LOOKS = STYLES | COLORS.keys()
NO_THINGS = LOOKS | BETWEEN | frozenset(GENERIC)


def looks_said(text: str) -> frozenset[str]:
    """The words for styles and colours that the text says beside a thing.

    >>> [sorted(looks_said(text)) for text in ("a cartoon of a red duck", "an orange", "a picture of a duck", "sketch")]
    [['cartoon', 'red'], [], [], []]
    """
    words = {word[0] for word in WORD.finditer(normalise_text(text))}
    return frozenset() if words <= NO_THINGS else frozenset(words & LOOKS)


def colors_said(text: str) -> list[int]:
    """The colours that the text says of a thing, as places among the `TERMS`.

    >>> colors_said("a red and white lighthouse"), colors_said("grey mouse"), colors_said("two oranges, an orange")
    ([0, 8], [9], [1])
    """
    return sorted({COLORS[word] for word in looks_said(text) & COLORS.keys()})


@dataclass(frozen=True)
class Readings:
    """For each picture of a gallery the names that fit it best (N, R) as places among `names`, surest first, and how
    sure each is (N, R): the softmax over all names.
    """

    names: Names
    places: Ids
    shares: Vectors
    colors: Vectors | None = None  # (N, 11), how much each picture is like each colour, where that was counted

    @classmethod
    def of(cls, names: Names, pictures: Vectors, colors: Shares | None = None) -> Readings:
        """The readings of pictures (N, dim), unit rows; with their colours (N, 11), see `colors.color_shares`."""
        parts = [_read(names, pictures[start : start + ROWS]) for start in range(0, max(1, len(pictures)), ROWS)]
        places, shares = zip(*parts, strict=True)
        alike = None if colors is None else likeness(colors)
        return cls(names, np.concatenate(places), np.concatenate(shares), alike)

    def presence(self, among: Ids | None = None) -> Vectors:
        """How sure it is that each name is there, at some of these places (None: at any): as sure as the surest.   ->
        (C,)
        """
        return self._presence if among is None else self._presence_in(among)

    def needed(self, kind: str, level: float, among: Ids | None = None) -> float:
        """How sure a match of this kind must be among the pictures at these places (None: all); see `Names.needed`."""
        if among is not None:
            return self.names.needed(kind, self.presence(among), level)
        if (kind, level) not in self._needed:
            self._needed[kind, level] = self.names.needed(kind, self.presence(), level)
        return self._needed[kind, level]

    @cached_property
    def _needed(self) -> dict[tuple[str, float], float]:
        return {}

    @cached_property
    def _presence(self) -> Vectors:
        return self._presence_in(np.arange(len(self.places)))

    def _presence_in(self, among: Ids) -> Vectors:
        surest = np.zeros(len(self.names.names), np.float32)
        np.maximum.at(surest, self.places[among], self.shares[among])
        return surest

    def scores(self, kind: str, asked: Vectors, cosines: Vectors, pictures: Ids, text: str = "") -> Vectors:
        """The scores of a query of this kind, a picture (dim,) or the meaning of a text (S,), with cosines (M,) to
        pictures at these places. text: that of a text; if it says a look that is not counted, what its best picture has
        more by names than another counts `LOOKING`, so that the best scores as it would.   -> (M,)
        """
        exponents = SHARP[kind] * (self.names.known(kind) @ asked)  # (C,)
        own = np.exp(exponents - exponents.max(initial=-np.inf))
        if kind == IMAGE:  # read as the gallery's pictures are
            own[np.argsort(-own, kind="stable")[KEPT:]] = 0
        theirs, norms = self.shares[pictures], self._norms[pictures]
        named = (theirs * (own / np.linalg.norm(own))[self.places[pictures]]).sum(axis=1) / norms
        if len(named) and self._tells_little(text):
            named = named.max() - LOOKING * (named.max() - named)
        return np.asarray((cosines + NAMED[kind] * named) / (1 + NAMED[kind]), np.float32)

    def _tells_little(self, text: str) -> bool:
        """Whether the text says a look that names know less of than cosines do, and pixels nothing."""
        said = looks_said(text)
        return bool(said if self.colors is None else said & STYLES)

    @cached_property
    def _norms(self) -> Vectors:
        return np.asarray(np.linalg.norm(self.shares, axis=1), np.float32)

    def ranked(self, scores: Vectors, pictures: Ids, text: str = "") -> Vectors:
        """By what a text with these scores (M,) to pictures at these places ranks them: who has its colours has up to
        `COLORED` more, and then the best of each name has `AHEAD` more.   -> (M,)
        """
        said = colors_said(text)
        if said and self.colors is not None:
            alike = self.colors[pictures][:, said].sum(axis=1) / np.sqrt(len(said))  # to an even mix of them
            scores = np.asarray(scores + COLORED * alike, np.float32)
        by_score = np.lexsort((pictures, -scores))
        _, first = np.unique(self.places[pictures[by_score], 0], return_index=True)
        ahead = scores.copy()
        ahead[by_score[first]] += AHEAD
        return ahead

    def order(self, kind: str, scores: Vectors, pictures: Ids, text: str = "") -> Ids:
        """How pictures with these scores (M,), at these places, follow each other.   -> (M,)"""
        return np.lexsort((pictures, -(self.ranked(scores, pictures, text) if kind == TEXT else scores)))


def _read(names: Names, pictures: Vectors) -> tuple[Ids, Vectors]:
    """The names of a few pictures, and how sure they are.   (B, dim) -> (B, R), (B, R)"""
    cosines = pictures @ names.vectors.T  # (B, C)
    shares = np.exp(SCALE * (cosines - cosines.max(axis=1, keepdims=True, initial=-1)))
    shares /= shares.sum(axis=1, keepdims=True)
    places = np.argsort(-shares, axis=1, kind="stable")[:, :KEPT]
    return places, np.take_along_axis(shares, places, 1)
