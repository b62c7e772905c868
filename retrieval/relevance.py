"""How sure it is that a gallery holds what is asked for: by name, for "no confident match".

The best cosine tells it badly, because whatever is drawn or typed is close to something. An encoder that reads words
knows more names than a gallery shows, and a query for something else is closer to the name of another such thing than
to the names that the gallery's pictures are read as (`readings`). A picture is compared with names in the space of
pictures, a text with names as texts are compared. What share a match needs is calibrated per bundle; see
`training.calibration`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.artifacts.bundle import Bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.encoder import TextEncoder, Vectors, embed_meanings, embed_texts
from retrieval.errors import BundleError

IMAGE, TEXT = "image", "text"  # what is asked with: the kinds of cut-offs of a manifest
HELD = "{} held"  # among these: the share of nonsense that a match of that kind must be surer than
HIT = "{} hit"  # likewise: the score from which further hits are sure, where the share has decided
SCALE = 20.0  # of cosines; on validation drawings 15 to 30 refuse alike, up to two of a hundred strangers
SURE = 1e-6  # no reading is surer than all but this
Shares = npt.NDArray[np.float64]


def held_share(asked: Vectors, names: Vectors, presence: Vectors, scale: float = SCALE) -> Shares:
    """How sure it is that each query means something that is there.   -> (Q,), in [0, 1]

    Queries (Q, D) and names (C, D) are unit rows; presence (C,), in [0, 1], is how sure each name is there. With h and
    o the means of exp(scale * cos(query, name)) over the names, weighted by presence and by absence, the share is
    h / (h + o): the softmax over all names, had each side the same weight before anything is seen. A plain softmax
    would refuse what a gallery of few classes holds: its few names against hundreds.
    """
    there = np.clip(presence.astype(np.float64), SURE, 1 - SURE)
    exponents = scale * (asked @ names.T).astype(np.float64)  # (Q, C)
    return np.exp(-np.logaddexp(0.0, _log_mean(exponents, 1 - there) - _log_mean(exponents, there)))


def _log_mean(exponents: Shares, weights: Shares) -> Shares:
    """The logarithm of the weighted mean of exp(exponents).   (Q, C), (C,) -> (Q,)"""
    return np.logaddexp.reduce(exponents + np.log(weights), axis=1) - np.log(weights.sum())


def as_spoken(name: str) -> str:
    """A name as it is compared and read.

    >>> as_spoken("Hot_Air  balloon")
    'hot air balloon'
    """
    return " ".join(name.replace("_", " ").casefold().split())


@dataclass(frozen=True)
class Names:
    """Names, each once and as spoken, what an encoder makes of them, and of nonsense queries: unit rows. Pictures are
    compared in the space of pictures, texts as texts are.
    """

    names: tuple[str, ...]
    vectors: Vectors  # (C, dim)
    meanings: Vectors  # (C, S)
    strange_pictures: Vectors  # (Q, dim)
    strange_texts: Vectors  # (T, S)

    @classmethod
    def read(cls, encoder: TextEncoder, names: Iterable[str], pictures: Vectors, texts: Iterable[str]) -> Names:
        """The names as this encoder reads them; nonsense are these pictures (Q, dim) and texts."""
        spoken = _each_once(names)
        meanings, strange = (embed_meanings(encoder, words) for words in (spoken, texts))
        return cls(spoken, embed_texts(encoder, spoken), meanings, pictures, strange)

    @classmethod
    def of(cls, bundle: Bundle) -> Names:
        """Those that were saved when the bundle was calibrated. Raises BundleError where they are not its own."""
        spoken = _each_once(known_names(bundle.manifest))
        saved = {name: rows.float().numpy() for name, rows in (bundle.names or {}).items()}
        tables = [field.name for field in fields(cls)[1:]]
        if saved.keys() != {*tables} or {len(saved[name]) for name in tables[:2]} != {len(spoken)}:
            raise BundleError(
                f"The names saved with {bundle.manifest.name} are not the {len(spoken)} that its manifest lists. "
                "Calibrate it again: python -m retrieval bundle calibrate FOLDER"
            )
        return cls(spoken, **saved)

    def tensors(self) -> dict[str, Tensor]:
        """What is saved of them."""
        return {field.name: torch.from_numpy(getattr(self, field.name)) for field in fields(self)[1:]}

    def shares(self, kind: str, asked: Vectors, presence: Vectors) -> Shares:
        """How sure it is that queries of this kind mean something that is there.   -> (Q,)"""
        return held_share(asked, self.known(kind), presence)

    def known(self, kind: str) -> Vectors:
        """The rows that queries of this kind are compared with.   -> (C, dim) or (C, S)"""
        return self.meanings if kind == TEXT else self.vectors

    def needed(self, kind: str, presence: Vectors, level: float) -> float:
        """How sure a match must be, so that this share of the nonsense is less sure."""
        strange = self.strange_texts if kind == TEXT else self.strange_pictures
        return float(np.quantile(self.shares(kind, strange, presence), level))


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    """The names as spoken, the shortest first: texts of one length waste no padding."""
    return tuple(sorted(dict.fromkeys(map(as_spoken, names)), key=len))


def known_names(manifest: Manifest) -> tuple[str, ...]:
    """What a bundle of this manifest can call a picture: all classes that it was shown by name."""
    return tuple(dict.fromkeys((*manifest.classes, *manifest.concepts)))


def decides(manifest: Manifest, kind: str) -> bool:
    """Whether the bundle was calibrated to answer queries of this kind by name."""
    return {HELD.format(kind), HIT.format(kind)} <= manifest.cutoff.keys()


def names_for(bundle: Bundle) -> Names | None:
    """The names that tell whether a gallery holds what is asked for; None where the bundle was not calibrated for it,
    or reads no words.
    """
    calibrated = decides(bundle.manifest, IMAGE) or decides(bundle.manifest, TEXT)
    return Names.of(bundle) if bundle.reads_texts and bundle.names and calibrated else None
