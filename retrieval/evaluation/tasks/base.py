"""What a protocol is made of: queries, a gallery and what is relevant; pictures are opened when they are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval.data.picture_table import PictureTable
from retrieval.errors import DataError
from retrieval.evaluation.metrics import Relevance
from retrieval.types import TextQuery

IMAGE_METRICS = ("mAP@all", "mAP@200 strict", "mAP@200 lenient", "P@8", "P@100 truncated", "R@1", "mINP")
TEXT_METRICS = ("mAP@all", "P@8", "R@1")


@dataclass(frozen=True)
class Catalog:
    """Where the data lies: the embedded gallery, the folder of packs, that of synthetic people in the street, and that
    of a published data set in its official layout (None where there is none).
    """

    gallery: Path
    packs: Path | None
    people: Path | None = None
    data: Path | None = None

    def pack(self, name: str, task: str) -> Path:
        """The folder of a pack. Raises DataError that names the task where there are no packs."""
        if self.packs is None:
            raise DataError(f"{task} needs the pack {name}. Set GUISE_DATA to the folder of packs.")
        return self.packs / name

    def unpacked(self, task: str) -> Path:
        """The folder of the published data set. Raises DataError that names the task where there is none."""
        if self.data is None:
            raise DataError(f"{task} needs its data set in the official layout. Name the folder: --data DIR.")
        return self.data


@dataclass(frozen=True)
class Task:
    """Queries, all pictures or all texts; a gallery; and relevant[q, g].

    Where `considered` is given, a picture g outside considered[q] is not there for query q. A bundle that has seen one
    of the classes `unseen` or the domains `unseen_domains`, or was trained on the data `shown`, cannot be measured on
    the task.
    """

    name: str
    queries: PictureTable | Sequence[TextQuery]
    gallery: PictureTable
    relevant: Relevance  # (Q, N)
    classes: tuple[str, ...]
    unseen: tuple[str, ...] = ()
    unseen_domains: tuple[str, ...] = ()
    shown: str | None = None  # the name of the data, where pictures that one may train on are asked for, too
    considered: Relevance | None = None  # (Q, N)
    metrics: tuple[str, ...] = IMAGE_METRICS
    labels: tuple[str, ...] = ()  # the class of each query, or its very object, for means and intervals over classes
    left_out: int = 0  # queries to which nothing in the gallery is relevant
    dropped: int = 0  # pictures that stand in a pack for training too
    problems: tuple[str, ...] = ()  # what is wrong with this copy of the data, in sentences

    @property
    def truth(self) -> Relevance:
        """What is relevant and considered.   -> (Q, N)"""
        return self.relevant if self.considered is None else self.relevant & self.considered

    @property
    def asks_with_texts(self) -> bool:
        """Whether the queries are texts."""
        return not isinstance(self.queries, PictureTable)


def picture_task(
    name: str,
    queries: PictureTable,
    gallery: PictureTable,
    relevant: Relevance,
    *,
    considered: Relevance | None = None,
    unseen: Sequence[str] = (),
    unseen_domains: Sequence[str] = (),
    metrics: tuple[str, ...] = IMAGE_METRICS,
    dropped: int = 0,
) -> Task:
    """The task without the queries to which nothing considered is relevant; those are counted."""
    answered = np.flatnonzero((relevant if considered is None else relevant & considered).any(axis=1)).tolist()
    if not answered:
        raise DataError(f"{name}: nothing in the gallery is relevant to any of {len(queries)} queries. Check the data.")
    asked = queries.select(answered)
    return Task(
        name,
        asked,
        gallery,
        relevant[answered],
        classes=tuple(sorted(set(gallery.labels))),
        unseen=tuple(unseen),
        unseen_domains=tuple(unseen_domains),
        considered=None if considered is None else considered[answered],
        metrics=metrics,
        labels=_subjects(asked),
        left_out=len(queries) - len(answered),
        dropped=dropped,
    )


def _subjects(asked: PictureTable) -> tuple[str, ...]:
    """The class of each picture; of no class, its very object, which queries of other objects share nothing with."""
    return tuple(label or instance for label, instance in zip(asked.labels, asked.instances, strict=True))


def equal(left: Sequence[str], right: Sequence[str]) -> Relevance:
    """Which of the left names are which of the right ones.   -> (len(left), len(right))

    >>> equal(["duck"], ["owl", "duck"]).tolist()
    [[False, True]]
    """
    _, codes = np.unique(np.array([*left, *right]), return_inverse=True)
    return np.asarray(codes[: len(left), None] == codes[None, len(left) :])


def same_class(queries: PictureTable, gallery: PictureTable) -> Relevance:
    """Which pictures show the same class.   -> (Q, N)"""
    return equal(queries.labels, gallery.labels)


def same_instance(queries: PictureTable, gallery: PictureTable) -> Relevance:
    """Which pictures show the very same object.   -> (Q, N)"""
    return equal(queries.instances, gallery.instances)


def same_domain(queries: PictureTable, gallery: PictureTable) -> Relevance:
    """Which pictures are of the same domain.   -> (Q, N)"""
    return equal(queries.domains, gallery.domains)
