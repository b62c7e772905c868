"""Neighbours by code: what is near a query by its object, by its style and by the raw feature. Nothing is drawn.

DUDE has no style code of a single picture: the style code is the word for its domain. So the neighbours by style are
the pictures of the query's domain, all equally near, and the raw feature decides among them. A gallery finds the same
by `search(raw vector, k, domains=[style])`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.disentangle.drawn import NeighbourRow

OBJECT, STYLE, RAW = "object", "style", "raw"
SHOWN = 8

Vectors = npt.NDArray[np.float32]


def nearest_by_code(
    query: Mapping[str, Vectors],
    gallery: Mapping[str, Vectors],
    domains: Sequence[str],
    domain: str,
    *,
    labels: Sequence[str | None] = (),
    label: str | None = None,
    k: int = SHOWN,
    without: int | None = None,
) -> tuple[NeighbourRow, ...]:
    """A row for each code of the query: code -> unit vector (D,), with the gallery's code -> unit rows (N, D).

    `domains` and `labels` (N,) are the gallery's, `domain` and `label` the query's. `without`: the query's own position
    in the gallery, which is no neighbour. Equal scores are ordered by the code "raw", where there is one.
    """
    kept = np.array([i for i in range(len(domains)) if i != without], np.int64)
    ties = gallery[RAW] @ query[RAW] if RAW in query else np.zeros(len(domains), np.float32)
    same = np.array([one == domain for one in domains])
    knows = label is not None and len(labels) == len(domains)
    right = np.array([one == label for one in labels]) if knows else None

    def row(code: str) -> NeighbourRow:
        scores = gallery[code] @ query[code]  # (N,)
        found = best(scores, ties, kept, k)
        return NeighbourRow(
            code=code,
            positions=tuple(found.tolist()),
            scores=tuple(scores[found].tolist()),
            same_domain=_share(same[found]),
            expected=_share(same[kept]),
            precision=None if right is None else _share(right[found]),
        )

    return tuple(row(code) for code in query)


def best(scores: Vectors, ties: Vectors, among: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """The k positions of `among` with the highest scores (N,), where these are equal to 6 digits by `ties` (N,)."""
    order = np.lexsort((-ties[among], -np.round(scores[among].astype(np.float64), 6)))
    return among[order[:k]]


def style_codes(words: Mapping[str, Vectors], domains: Sequence[str]) -> Vectors:
    """The style code of each picture, the word of its domain, as unit rows; `words`: domain -> (D,).   -> (N, D)"""
    units = {domain: word / np.linalg.norm(word) for domain, word in words.items()}
    return np.stack([units[domain] for domain in domains]).astype(np.float32)


def _share(of: npt.NDArray[Any]) -> float:
    return float(of.mean()) if len(of) else 0.0
