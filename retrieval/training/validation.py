"""What an encoder in training is selected on: validation drawings and renders, never what is reported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.encoder import Encoder, Vectors, embed_images
from retrieval.evaluation.harness import evaluate
from retrieval.evaluation.metrics import average_precision
from retrieval.evaluation.tasks.base import Task
from retrieval.types import PHOTO
from retrieval.world.split import ALL, VAL_UNSEEN


class Validation(Protocol):
    """What tells how good an encoder in training is."""

    def score(self, encoder: Encoder) -> dict[str, float]:
        """Numbers by name, among them "validation mAP@all"."""
        ...


class TaskValidation:
    """A task of classes that are kept from training; None: nothing was kept, and nothing may be validated."""

    def __init__(self, task: Task | None) -> None:
        self._task = task

    def score(self, encoder: Encoder) -> dict[str, float]:
        """The task, as the reported ones are asked."""
        assert self._task, "where nothing is kept, nothing is validated"
        return {"validation mAP@all": round(evaluate(encoder, self._task).metrics["mAP@all"], 4)}


class WorldValidation:
    """People's validation drawings against rendered photos that were not trained on: of objects kept for validation,
    or, zero-shot, of the classes kept to select on.
    """

    def __init__(self, renders: Path, packs: Path, zero_shot: bool) -> None:
        self._classes: Sequence[str] = VAL_UNSEEN if zero_shot else ALL
        self._photos = read_rendered(renders, self._classes).where(domain=PHOTO).in_memory()
        self._drawings = quickdraw(packs / "quickdraw345", self._classes, "val")

    def score(self, encoder: Encoder) -> dict[str, float]:
        """Drawings -> photos, as the reported tasks do it."""
        return {"validation mAP@all": round(self.precision(*self.embed(encoder)), 4)}

    def embed(self, encoder: Encoder) -> tuple[Vectors, Vectors]:
        """The drawings (Q, dim) and the photos (N, dim)."""
        return _embed_table(encoder, self._drawings), _embed_table(encoder, self._photos)

    def precision(self, queries: Vectors, gallery: Vectors) -> float:
        """mAP@all of drawings (Q, dim) that ask for photos (N, dim) of their class."""
        truth = np.array(self._drawings.labels)[:, None] == np.array(self._photos.labels)[None, :]
        ranked = np.take_along_axis(truth, np.argsort(-(queries @ gallery.T), axis=1, kind="stable"), axis=1)
        return float(average_precision(ranked).mean())


def _embed_table(encoder: Encoder, table: PictureTable) -> Vectors:
    return embed_images(encoder, ((row.picture.open(), row.domain) for row in table))
