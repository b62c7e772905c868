"""One way to measure: encode queries and gallery, rank, score. The same function serves validation, the docs and
the benchmark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from PIL.Image import Image

from retrieval.artifacts.bundle import Bundle
from retrieval.artifacts.provenance import Provenance
from retrieval.colors import Shares, color_shares
from retrieval.data.concepts import SYNONYMS
from retrieval.data.picture_table import PictureTable, Row
from retrieval.data.pictures import Picture
from retrieval.encoder import Encoder, Reranker, TextEncoder, Vectors, embed_images, embed_meanings, embed_texts
from retrieval.errors import DataError, SettingsError, UnreadableImage
from retrieval.evaluation.binary import InBits
from retrieval.evaluation.floors import without_domain_means
from retrieval.evaluation.measures import expected, score_queries, weights
from retrieval.evaluation.metrics import Relevance, Values, bootstrap_interval, class_interval
from retrieval.evaluation.second_stage import second_stage
from retrieval.evaluation.tasks import Task
from retrieval.readings import Readings, colors_said
from retrieval.relevance import IMAGE, TEXT, Names
from retrieval.types import Domain

ROWS = 512  # queries that are ranked at once
Encoded = tuple[str, Picture, Domain]  # by which encoder, and what


@dataclass(frozen=True)
class Report:
    """Means over queries with their 95 % bootstrap intervals, by query and by class; the latter is empty where the task
    has no classes. `chance` is the share of what a query considers that is
    relevant: P@k of a random order. `values` holds each metric of each query (Q,), for paired comparison.
    """

    task: str
    queries: int
    gallery: int
    chance: float
    metrics: Mapping[str, float]
    interval: Mapping[str, tuple[float, float]]
    class_interval: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict, repr=False, compare=False)

    def as_row(self) -> dict[str, Any]:
        """What is written down: all but the single queries."""
        names = ("task", "queries", "gallery", "chance", "metrics", "interval", "class_interval")
        return {name: getattr(self, name) for name in names}


class Memory:
    """What encoders made of pictures: within one run each picture is encoded once, however many tasks show it."""

    def __init__(self) -> None:
        self._rows: dict[Encoded, Vectors] = {}

    def keep(self, encoder: Encoder, table: PictureTable, rows: Vectors) -> None:
        """Remember what the encoder made of these pictures elsewhere, (N, dim) unit rows."""
        keys = ((encoder.fingerprint, row.picture, row.domain) for row in table)
        self._rows.update(zip(keys, rows, strict=True))

    def embed(
        self,
        encoder: Encoder,
        table: PictureTable,
        on_unreadable: Callable[[Row, UnreadableImage], None] | None = None,
    ) -> Vectors:
        """One unit row for each picture, in order.   -> (N, dim)

        Pictures that cannot be opened go to `on_unreadable` and have no row; without it they are an error.
        """
        keys = [(encoder.fingerprint, row.picture, row.domain) for row in table]
        missing = {key: row for key, row in zip(keys, table, strict=True) if key not in self._rows}
        opened: list[Encoded] = []

        def images() -> Iterator[tuple[Image, Domain]]:
            for key, row in missing.items():
                try:
                    image = row.picture.open()
                except UnreadableImage as error:
                    if on_unreadable is None:
                        raise
                    on_unreadable(row, error)
                    continue
                opened.append(key)
                yield image, row.domain

        fresh = embed_images(encoder, images())  # fills `opened`
        self._rows.update(zip(opened, fresh, strict=True))
        rows = [self._rows[key] for key in keys if key in self._rows]
        return np.stack(rows) if rows else np.zeros((0, encoder.dim), np.float32)


def evaluate(
    encoder: Encoder,
    task: Task,
    *,
    memory: Memory | None = None,
    mean_removed: bool = False,
    reranked: bool = False,
    names: Names | None = None,
) -> Report:
    """The task's metrics of the encoder. Text queries need a `TextEncoder`; `reranked` looks at the best hits of each
    once more, which needs a `Reranker`. With the encoder's `names` queries are ranked by them too, as on the page.

    `mean_removed` first takes the mean of each domain away (see `floors.without_domain_means`). Raises DataError for a
    bundle that has seen what the task calls unseen.
    """
    if reason := refusal(encoder, task):
        raise DataError(reason)
    if not isinstance(task.queries, PictureTable):
        _reader(encoder, task)  # who reads no words is refused before anything is embedded
    memory = memory or Memory()
    gallery = memory.embed(encoder, task.gallery)  # (N, dim)
    if not isinstance(task.queries, PictureTable):
        reader = _reader(encoder, task)
        texts = [query.text for query in task.queries]
        words = embed_texts(reader, texts)  # (Q, dim)
        if reranked:
            return score(second_stage(cast("Reranker", encoder), task.gallery, texts, words @ gallery.T), task)
        if names:
            colors = _colors(task.gallery) if any(map(colors_said, texts)) else None
            readings, meanings = Readings.of(names, gallery, colors), embed_meanings(reader, texts)
            return score(_named_texts(readings, texts, meanings, words @ gallery.T), task)
        return _scored(lambda rows: words[rows] @ gallery.T, task)
    queries = memory.embed(encoder, task.queries)  # (Q, dim)
    if mean_removed:
        queries, gallery = without_domain_means(queries, task.queries, gallery, task.gallery)
    if names:
        return _scored(partial(_named_pictures, Readings.of(names, gallery), queries, gallery), task)
    return _scored(lambda rows: queries[rows] @ gallery.T, task)


def _colors(table: PictureTable) -> Shares:
    """The colours of the pictures, as an index keeps them.   -> (N, 11)"""
    return np.stack([color_shares(row.picture.open()) for row in table])


def _named_texts(readings: Readings, texts: Sequence[str], meanings: Vectors, cosines: Vectors) -> Vectors:
    """The scores of texts (Q,) by which the page ranks: meanings (Q, S), cosines (Q, N) -> (Q, N)"""
    places = np.arange(cosines.shape[1])
    rows = zip(texts, meanings, cosines, strict=True)
    scores = (readings.scores(TEXT, meaning, row, places, text) for text, meaning, row in rows)
    return np.stack([readings.ranked(each, places, text) for each, text in zip(scores, texts, strict=True)])


def _named_pictures(readings: Readings, queries: Vectors, gallery: Vectors, rows: slice) -> Vectors:
    """The scores of pictures by which the page ranks: some rows of (Q, dim), (N, dim) -> (rows, N)"""
    places = np.arange(len(gallery))
    return np.stack([readings.scores(IMAGE, query, gallery @ query, places) for query in queries[rows]])


def refusal(encoder: Encoder, task: Task) -> str | None:
    """Why the encoder cannot be measured on the task, in a sentence; None if it can. Only bundles say what they saw."""
    bundle = encoder.bundle if isinstance(encoder, InBits) else encoder
    if not isinstance(bundle, Bundle):
        return None
    return refuse(bundle.manifest.name, Provenance.of(bundle.manifest), task)


def refuse(name: str, provenance: Provenance, task: Task) -> str | None:
    """Why a bundle of this name, with all that the stages behind it have seen, cannot be measured on the task."""
    advice = "Choose a bundle that was trained without, or another task."
    if reason := provenance.contradiction(task.unseen, task.unseen_domains, SYNONYMS):
        return f"{name} {reason}, which {task.name} calls unseen. {advice}"
    if any(source.data == task.shown for source in provenance.sources):
        return f"{name} was trained on pictures of {task.shown!r}, which {task.name} asks for. {advice}"
    return None


def score(scores: Vectors, task: Task) -> Report:
    """The report on scores (Q, N); equal scores keep the gallery's order."""
    return _scored(lambda rows: scores[rows], task)


def _scored(scores: Callable[[slice], Vectors], task: Task) -> Report:
    """The report on the scores of any rows of queries, which are asked for some at a time."""
    parts: dict[str, list[Values]] = {name: [] for name in task.metrics}
    truth = task.truth
    for first in range(0, len(truth), ROWS):
        rows = slice(first, first + ROWS)
        below = -scores(rows)
        if task.considered is not None:
            below = np.where(task.considered[rows], below, np.inf)  # behind all others, where nothing is relevant
        ranked: Relevance = np.take_along_axis(truth[rows], np.argsort(below, axis=1, kind="stable"), axis=1)
        for name, part in parts.items():
            part.append(score_queries(name, ranked))
    values = {name: np.concatenate(part) for name, part in parts.items()}
    counts = truth.sum(axis=1)
    weigh = {name: weights(name, counts, task.labels) for name in task.metrics}
    return Report(
        task=task.name,
        queries=len(truth),
        gallery=len(task.gallery),
        chance=share(task),
        metrics={name: float(np.average(part, weights=weigh[name])) for name, part in values.items()},
        interval={name: bootstrap_interval(part, weights=weigh[name]) for name, part in values.items()},
        class_interval=_class_intervals(values, weigh, task.labels),
        values=values,
    )


def _class_intervals(
    values: Mapping[str, Values], weigh: Mapping[str, Values], labels: Sequence[str]
) -> dict[str, tuple[float, float]]:
    """The interval by class of each metric, where the queries have classes."""
    if not labels:
        return {}
    intervals = {name: class_interval(part, labels, weights=weigh[name]) for name, part in values.items()}
    return {name: ends for name, ends in intervals.items() if ends is not None}


def chance(task: Task) -> Report:
    """What a random order gets on the task, exactly: no draw, so no interval."""
    relevant = task.truth.sum(axis=1)
    sizes = list(zip(relevant.tolist(), _considered(task).tolist(), strict=True))
    metrics = {}
    for name in task.metrics:
        by_size = {size: expected(name, *size) for size in set(sizes)}
        values = [value for size in sizes if (value := by_size[size]) is not None]
        if values:
            metrics[name] = float(np.average(values, weights=weights(name, relevant, task.labels)))
    return Report(task.name, len(sizes), len(task.gallery), share(task), metrics, {})


def share(task: Task) -> float:
    """The mean share of what a query considers that is relevant to it."""
    return float((task.truth.sum(axis=1) / _considered(task)).mean())


def _considered(task: Task) -> npt.NDArray[np.int64]:
    """How many pictures each query considers.   -> (Q,)"""
    if task.considered is None:
        return np.full(len(task.relevant), task.relevant.shape[1])
    return np.asarray(task.considered.sum(axis=1), np.int64)


def _reader(encoder: Encoder, task: Task) -> TextEncoder:
    if not (encoder.reads_texts if isinstance(encoder, Bundle) else hasattr(encoder, "encode_texts")):
        raise SettingsError(
            f"{task.name} asks with words, and {encoder.fingerprint} reads none. Choose a bundle with a text tower."
        )
    return encoder  # type: ignore[return-value]  # it has what makes it one
