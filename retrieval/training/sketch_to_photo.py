"""DSN at its start, as a copy of its teacher, and what is made of it when it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.bundle import Source, load_bundle
from retrieval.data.batches import Mixture
from retrieval.encoder import embed_texts
from retrieval.methods import Method
from retrieval.methods.dsn import DSN, Config, embedded_similarity
from retrieval.stores.binary_store import Rotation, fitted
from retrieval.training.settings import Recipe, SketchToPhoto, device_of
from retrieval.training.teachers import teacher_of
from retrieval.types import Progress


@dataclass(frozen=True)
class Prepared:
    """A method at its start, and what it has seen by then. `knows_unseen`: unseen classes may be among it."""

    method: Method
    saw: tuple[Source, ...] = ()
    classes: tuple[str, ...] = ()
    knows_unseen: bool = False


def prepared(settings: SketchToPhoto, recipe: Recipe, classes: tuple[str, ...], on_progress: Progress) -> Prepared:
    """The student of these classes, after its teacher."""
    told: dict[str, Any] = {
        "classes": len(classes),
        "epochs": settings.epochs,
        "lr": settings.lr,
        "teacher_epochs": settings.teacher_epochs,
        **recipe.config,
    }
    if settings.meanings is None:
        told["semantic_weight"] = 0.0
    lesson = teacher_of(settings, recipe, told, on_progress)
    similarity, read = _similarity(settings.meanings, classes, lesson.names)
    torch.manual_seed(settings.seed)
    method = DSN(Config(**told, teacher_classes=len(lesson.names)), settings.preprocess).to(device_of(settings))
    method.learn_from(lesson.teacher, similarity)
    return Prepared(method, (*lesson.saw, *read), lesson.classes, lesson.knows_unseen)


def _similarity(
    meanings: Path | None, classes: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Tensor, tuple[Source, ...]]:
    """How alike classes (C) and names (K) are to a bundle that reads words, and what that has seen; without one,
    nothing is alike.   -> (C, K)
    """
    if meanings is None:
        return torch.zeros(len(classes), len(names)), ()
    reader = load_bundle(meanings)
    seen, known = (torch.from_numpy(embed_texts(reader, list(words))) for words in (classes, names))
    return embedded_similarity(seen, known), reader.manifest.trained_on


@torch.no_grad()
def finished(method: Method, data: Mixture, settings: SketchToPhoto) -> Rotation:
    """What is made with the final weights from training pictures: the album, of one epoch, which is kept in the method,
    and how its codes become as many bits, of as many epochs as there must be.
    """
    assert isinstance(method, DSN), "sketch-to-photo recipes make DSN"
    method.eval()
    method.fill_album(data.epoch(settings.seed, 0))
    codes: list[Tensor] = []
    epoch = 0
    while sum(map(len, codes)) < method.dim:
        batches = (batch.on(method.code.weight.device) for batch in data.epoch(settings.seed, epoch))
        codes += [method.encode_images(batch.images, batch.domains).cpu() for batch in batches]
        epoch += 1
    return fitted(torch.cat(codes).numpy(), method.dim)
