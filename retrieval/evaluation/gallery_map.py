"""Where the pictures of any gallery stand in the space of any method: the two directions in which they differ most.

The projection is linear, the first two principal components of the vectors that a search compares (Pearson, 1901; see
`embedding_map.Axes`), so a query that comes later is put where the same projection puts it; nothing is fitted to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.encoder import Vectors
from retrieval.errors import DataError
from retrieval.evaluation.embedding_map import Axes
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import units
from retrieval.loaded_encoder import Served
from retrieval.loading import Loading
from retrieval.match import Looked, closest_view, find
from retrieval.types import Item, Query

MOST = 10_000  # pictures on a map; of more, every n-th
FEWEST = 3  # pictures that two directions can be fitted to


@dataclass(frozen=True)
class Plane:
    """The projection of unit rows (N, D) onto two directions, as seen from a mean (D,)."""

    axes: Axes
    mean: Values

    @classmethod
    def of(cls, vectors: Vectors) -> Plane:
        """The plane in which vectors (N, D) differ most."""
        return cls(Axes.of(vectors), units(vectors).mean(axis=0))

    def placed(self, vectors: Vectors) -> Values:
        """Where vectors (M, D) stand in it.   -> (M, 2)"""
        return np.asarray((units(vectors) - self.mean) @ self.axes.directions.T, np.float64)


class GalleryMap(Loading):
    """The map of one gallery under one loaded method, made in the background when it is first asked for."""

    def __init__(self, served: Served, gallery: str) -> None:
        super().__init__(f"the map of {gallery}")
        self._served = served
        self._gallery = gallery
        self.items: tuple[Item, ...] = ()  # (N,) that are on the map
        self.points: Values = np.zeros((0, 2))  # (N, 2)
        self.shown = 0.0  # the share of the vectors' variance that the two directions hold, in [0, 1]
        self.total = 0  # pictures of the gallery

    def wait(self, timeout: float | None = None) -> None:
        """Return when the map is made; raises what went wrong, or RetrievalError after `timeout` seconds."""
        self._wait(timeout)

    def query_point(self, query: Query) -> tuple[float, float]:
        """Where the query stands on the map, by the view of it that a search of this gallery takes."""
        looked = Looked(self._served, self._gallery)
        views = self._served.views(query)
        view, _, _ = closest_view([(view, *find(looked, query, view, 1)) for view in views])
        x, y = self._plane.placed(view.vector[None])[0].tolist()
        return x, y

    def _load(self) -> None:
        self._progress = f"Making the map of {self._gallery}"
        opened = self._served.gallery(self._gallery)
        there = [place for place in range(len(opened)) if place not in opened.missing]
        if len(there) < FEWEST:
            raise DataError(f"A map needs {FEWEST} pictures or more, and this gallery has {len(there)}. Add pictures.")
        places = there[:: -(-len(there) // MOST)]
        vectors = opened.store.vectors(places)
        self._plane = Plane.of(vectors)
        self.points, self.shown = self._plane.axes.placed(vectors)
        self.items, self.total = tuple(opened.items[place] for place in places), len(there)
