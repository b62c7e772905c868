"""A sentence finds a figure: search among invented people by MRA, in two stages, with the places that each phrase is
seen at. Loaded when it is first asked for; torch is imported in the loading thread alone.

Shown are the test figures, whose identities training never had. All of them are looked at when this is first loaded,
and what was seen is kept (`figures_index`).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from retrieval.artifacts.addresses import is_known
from retrieval.errors import BundleError, EmptyQuery, GalleryError, SettingsError
from retrieval.items import ITEMS, read_items
from retrieval.loading import Loading
from retrieval.phrases import Phrase, phrases_of
from retrieval.query_text import normalise_text
from retrieval.reranking import rerank_row
from retrieval.types import Item

if TYPE_CHECKING:
    from torch import Tensor

    from retrieval.methods.mra import MRA

Box = tuple[float, float, float, float]  # left, top, width, height, as shares of the picture
SHOWN = "test"  # the split that can be searched
MOST = 48  # figures in an answer
LONGEST = 512  # characters of a sentence
LIT = 0.4  # of the strongest vote, from which a place belongs to a phrase


@dataclass(frozen=True)
class Figure:
    """A figure that was found: by how much the fusion encoder holds that sentence and picture belong together, in log
    odds; where each phrase is seen; and, beside a changed sentence, by how much it holds that of that one.
    """

    item: Item
    rank: int
    match: float
    boxes: tuple[Box, ...]  # one for each phrase
    changed: float | None = None


@dataclass(frozen=True)
class Figures:
    """The answer to one sentence, best first."""

    text: str
    phrases: tuple[Phrase, ...]
    hits: tuple[Figure, ...]
    gallery_size: int
    seconds: float


class ServedFigures(Loading):
    """The MRA bundle in a folder, over a rendered set of people."""

    def __init__(self, folder: Path, home: Path) -> None:
        super().__init__("the search for figures")
        self.folder, self.home = folder, home
        self._items: tuple[Item, ...] = ()
        self._method: MRA
        self._codes: Tensor
        self._views: tuple[Tensor, ...]

    @property
    def offered(self) -> bool:
        """Whether there is what it needs; known without loading anything."""
        return is_known(self.folder) and (self.home / ITEMS).is_file()

    def pictures(self) -> tuple[Item, ...]:
        """The figures that can be found; none until they are loaded."""
        return self._items

    def wait(self, timeout: float | None = None) -> None:
        """Return when sentences are answered; raises what went wrong in loading, or RetrievalError when it takes
        longer than `timeout` seconds.
        """
        if not self.offered:
            raise GalleryError(f"There is no {self.folder.name}, or no figures in {self.home}. Restore both.")
        self._wait(timeout)

    def _load(self) -> None:
        self._progress = "Loading MRA"
        from retrieval.artifacts.bundle import load_bundle
        from retrieval.hardware import own_device
        from retrieval.methods.mra import MRA

        bundle = load_bundle(self.folder, own_device())
        if not isinstance(bundle.method, MRA):
            raise BundleError(f"{self.folder} holds {bundle.manifest.method}, not mra. Name a bundle of MRA.")
        self._method = bundle.method
        self._look(self.home / "index" / self.folder.name, bundle.fingerprint)

    def _look(self, folder: Path, fingerprint: str) -> None:
        """Look at all figures that can be found, or read what is known of them from the folder."""
        from retrieval.figures_index import looked_at

        items = tuple(item for item, split in _listed(self.home) if split == SHOWN)
        seen = looked_at(folder, fingerprint, self._method, items, self._say)
        self._codes, self._views, self._items = seen.codes, seen.views, items

    def _say(self, progress: str) -> None:
        self._progress = progress

    # ------------------------------------------------------------ searching

    def search(self, text: str, k: int = 12) -> Figures:
        """The k figures that the sentence fits best. Waits while it is loaded."""
        text = _checked(text)
        if not 1 <= k <= MOST:
            raise SettingsError(f"{k} figures were asked for; choose 1 to {MOST}.")
        self.wait()
        import torch

        start, asked = time.perf_counter(), normalise_text(text)
        with torch.inference_mode():
            cosines = (self._codes @ self._method.encode_texts([asked])[0]).float().cpu().numpy()
            logits = np.zeros(len(cosines), np.float32)

            def match(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
                logits[rows] = self._match(asked, rows)
                return logits[rows]

            best = np.argsort(-rerank_row(cosines, match), kind="stable")[: min(k, len(cosines))]
            phrases = phrases_of(text)
            boxes = self._boxes([phrase.text for phrase in phrases], best)
        hits = tuple(
            Figure(self._items[row], rank, float(logits[row]), found)
            for rank, (row, found) in enumerate(zip(best.tolist(), boxes, strict=True), start=1)
        )
        return Figures(text, phrases, hits, len(self._items), time.perf_counter() - start)

    def beside(self, text: str, changed: str, k: int = 12) -> tuple[Figures, Figures]:
        """The answers to a sentence and to a changed one; the figures of the first also say how the second fits."""
        first, second = self.search(text, k), self.search(changed, k)
        import torch

        place = {item.id: row for row, item in enumerate(self._items)}
        rows = np.array([place[hit.item.id] for hit in first.hits], np.int64)
        with torch.inference_mode():
            logits = self._match(normalise_text(second.text), rows)
        hits = tuple(replace(hit, changed=float(logit)) for hit, logit in zip(first.hits, logits, strict=True))
        return replace(first, hits=hits), second

    def _match(self, asked: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Logits of the fusion encoder, the mean over both views.   (K,) -> (K,)"""
        logits = self._method.rerank(asked, tuple(view[rows].float() for view in self._views))
        return np.asarray(logits.float().cpu().numpy(), np.float32)

    def _boxes(self, phrases: Sequence[str], rows: npt.NDArray[np.int64]) -> list[tuple[Box, ...]]:
        """Where each phrase is seen in each of those figures."""
        if not phrases:
            return [()] * len(rows)
        votes = self._method.votes([normalise_text(phrase) for phrase in phrases], self._views[0][rows].float())
        grids = votes.unflatten(-1, (self._method.rows, self._method.columns)).cpu().numpy()  # (K, phrases, rows, cols)
        return [tuple(box_of(grid >= LIT) for grid in own) for own in grids]


def box_of(lit: npt.NDArray[np.bool_]) -> Box:
    """What surrounds the places of a grid (rows, columns) that are lit, of which there is at least one.

    >>> box_of(np.array([[False, True], [False, False]]))
    (0.5, 0.0, 0.5, 0.5)
    """
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    high, wide = lit.shape
    return (
        float(columns[0] / wide),
        float(rows[0] / high),
        float((columns[-1] - columns[0] + 1) / wide),
        float((rows[-1] - rows[0] + 1) / high),
    )


def _listed(home: Path) -> list[tuple[Item, str]]:
    """The figures of the set, each with its split."""
    from retrieval.data.readers.world import read_rendered

    return list(zip(read_items(home), read_rendered(home).splits, strict=True))


def _checked(text: str) -> str:
    """The sentence without control characters and outer space."""
    text = "".join(c if c.isprintable() else " " for c in text).strip()
    if not text:
        raise EmptyQuery('No sentence is typed yet. Describe a figure, for example "a person with a red hat".')
    if len(text) > LONGEST:
        raise SettingsError(f"The sentence has {len(text)} characters, more than {LONGEST}. Shorten it.")
    return text
