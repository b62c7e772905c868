"""How sure it is that a gallery holds what a picture shows: by name, for "no confident match".

The best cosine tells it badly, because whatever is drawn is close to something. An encoder that reads words knows more
names than a gallery has classes, and a picture of something else is closer to the name of another such thing than to
the names that the gallery holds. What share a match needs is calibrated per bundle; see `training.calibration`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.artifacts.bundle import Bundle
from retrieval.encoder import TextEncoder, Vectors, embed_texts
from retrieval.types import Item

HELD = "image held"  # among a manifest's cut-offs: the share that a picture's match needs
HIT = "image hit"  # likewise: the cosine from which hits of a picture are sure, where the share has decided
SCALE = 20.0  # of cosines; on validation drawings 15 to 30 refuse alike, up to two of a hundred strangers
Shares = npt.NDArray[np.float64]


def held_share(pictures: Vectors, held: Vectors, others: Vectors, scale: float = SCALE) -> Shares:
    """How sure it is that each picture shows something whose name is held.   -> (Q,), in [0, 1]

    Pictures (Q, dim), names that are held (C, dim) and other names (O, dim) are unit rows. With h and o the means of
    exp(scale * cos(picture, name)) over the one and the other names, the share is h / (h + o): the softmax over all
    names, had each side the same weight before anything is seen. A plain softmax would refuse what a gallery of few
    classes holds: its few names against hundreds.
    """
    assert len(held) + len(others), "without a name there is nothing to compare"
    return np.exp(-np.logaddexp(0.0, _log_mean(pictures, others, scale) - _log_mean(pictures, held, scale)))


def _log_mean(pictures: Vectors, names: Vectors, scale: float) -> Shares:
    """The logarithm of the mean of exp(scale * cosine); of no names, that of zero.   -> (Q,)"""
    exponents = scale * (pictures @ names.T).astype(np.float64)  # (Q, N)
    return np.logaddexp.reduce(exponents, axis=1) - np.log(max(1, len(names)))


def said(name: str) -> str:
    """A name as it is compared and read.

    >>> said("Hot_Air  balloon")
    'hot air balloon'
    """
    return " ".join(name.replace("_", " ").casefold().split())


@dataclass(frozen=True)
class Names:
    """Names, each once and as `said`, and what an encoder makes of them: unit rows (N, dim)."""

    names: tuple[str, ...]
    vectors: Vectors

    @classmethod
    def read(cls, encoder: TextEncoder, names: Iterable[str]) -> Names:
        """The names as this encoder reads them."""
        spoken = tuple(dict.fromkeys(map(said, names)))
        return cls(spoken, embed_texts(encoder, spoken))

    def share(self, pictures: Vectors, held: Iterable[str]) -> Shares:
        """`held_share` of pictures (Q, dim), where some of the names are held and all others are not.   -> (Q,)"""
        ours = set(map(said, held))
        among = np.array([name in ours for name in self.names])
        return held_share(pictures, self.vectors[among], self.vectors[~among])


def names_for(bundle: Bundle, items: Sequence[Item]) -> Names | None:
    """The names that tell whether a gallery of these items holds what a picture shows.

    None where the bundle was not calibrated for it, where nothing but the gallery's own classes has a name, or where a
    picture's class is unknown, to us or to the bundle: of such a gallery nobody can say what it does not hold.
    """
    manifest = bundle.manifest
    classes = {said(item.label or "") for item in items}
    known, concepts = (set(map(said, names)) for names in ((*manifest.classes, *manifest.concepts), manifest.concepts))
    if (
        not bundle.reads_texts
        or not {HELD, HIT} <= manifest.cutoff.keys()
        or not classes <= known
        or concepts <= classes
    ):
        return None
    return Names.read(bundle, sorted(classes | concepts))
