"""One way to measure: encode queries and gallery, rank, score. The same function serves validation, the README and
the benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.encoder import Encoder, TextEncoder, Vectors, embed_images, embed_texts
from retrieval.evaluation.metrics import (
    Relevance,
    average_precision,
    bootstrap_interval,
    expected_average_precision,
    precision_at,
)
from retrieval.evaluation.tasks import Task, gallery_pictures
from retrieval.types import ImageQuery, Query, TextQuery

K = 8


@dataclass(frozen=True)
class Report:
    """Means over queries with their bootstrap intervals. `chance` is the share of the gallery that is relevant: P@k
    of a random order.
    """

    task: str
    queries: int
    gallery: int
    chance: float
    metrics: Mapping[str, float]
    interval: Mapping[str, tuple[float, float]]


def evaluate(encoder: Encoder, task: Task, k: int = K) -> Report:
    """The encoder's mAP@all and P@k on the task. Text queries need a `TextEncoder`."""
    pictures = gallery_pictures(task.gallery)
    gallery = embed_images(encoder, ((p.image, p.domain) for p in pictures))  # (N, dim)
    return score(embed_queries(encoder, task.queries) @ gallery.T, task, k)


def score(scores: Vectors, task: Task, k: int = K) -> Report:
    """The report on scores (Q, N); equal scores keep the gallery's order."""
    order = np.argsort(-scores, axis=1, kind="stable")
    ranked: Relevance = np.take_along_axis(task.relevant, order, axis=1)
    values = {"mAP@all": average_precision(ranked), f"P@{k}": precision_at(ranked, k)}
    return Report(
        task=task.name,
        queries=len(task.relevant),
        gallery=len(task.gallery),
        chance=float(task.relevant.mean()),
        metrics={name: float(v.mean()) for name, v in values.items()},
        interval={name: bootstrap_interval(v) for name, v in values.items()},
    )


def chance(task: Task, k: int = K) -> Report:
    """What a random order gets on the task, exactly: no draw, so no interval."""
    total = len(task.gallery)
    expected = [expected_average_precision(int(r), total) for r in task.relevant.sum(axis=1)]
    share = float(task.relevant.mean())
    return Report(
        task.name, len(task.relevant), total, share, {"mAP@all": float(np.mean(expected)), f"P@{k}": share}, {}
    )


def embed_queries(encoder: Encoder, queries: Sequence[Query]) -> Vectors:
    """One unit row for each query, all pictures or all texts.   -> (Q, dim)"""
    pictures = [(q.image, q.domain) for q in queries if isinstance(q, ImageQuery)]
    texts = [q.text for q in queries if isinstance(q, TextQuery)]
    if not texts:
        return embed_images(encoder, pictures)
    assert not pictures, "a task asks with pictures or with texts, not both"
    words: TextEncoder = encoder  # type: ignore[assignment]  # a task with texts is only given to encoders that read them
    return embed_texts(words, texts)
