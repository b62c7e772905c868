"""DSN at its start, as a copy of its teacher or fitted on top of a plain encoder's trunk; and what is made with the
final weights from training pictures: the album and the rotation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.rotation import Rotation
from retrieval.encoder import embed_texts
from retrieval.methods import ClipBaseline
from retrieval.methods.dsn import DSN, Config, embedded_similarity
from retrieval.stores.binary_store import fitted
from retrieval.training.epochs import Run
from retrieval.training.loop import Batches
from retrieval.training.recipe import PLACES
from retrieval.training.recipes.dsn import DsnSettings
from retrieval.training.recipes.parts.linear_start import Features, begin_linearly, extract_features
from retrieval.training.recipes.parts.photo_teacher import Lesson
from retrieval.training.training_sources import TrainingSources

AFTER_START = (*PLACES, "lr", "validate_every")  # settings that the start does not depend on


def begin_student(
    settings: DsnSettings,
    options: Mapping[str, Any],
    sources: TrainingSources,
    lesson: Lesson,
    plain: ClipBaseline | None,
) -> tuple[DSN, Provenance]:
    """The student, ready to learn from its teacher, and what the bundle that compared their classes has seen."""
    similarity, words = class_similarity(settings.meanings, sources.classes, lesson.names)
    torch.manual_seed(settings.seed)
    config = Config(**options, teacher_classes=len(lesson.names))
    method = DSN(config, settings.preprocess).to(settings.device)
    method.learn_from(lesson.teacher, similarity)
    if plain is not None:
        features = _features(method, sources, settings)
        last = plain.last_layer.to(features.features.device)
        begin_linearly(method, lesson.teacher, last, features, settings.seed)
    return method, words


def _features(method: DSN, sources: TrainingSources, settings: DsnSettings) -> Features:
    """What the trunk makes, at its start, of an epoch that is not trained on. It is kept beside the teacher: recipes
    that differ in what comes after the start share it.
    """
    asked = {name: value for name, value in dataclasses.asdict(settings).items() if name not in AFTER_START}
    run = Run(settings.teacher / f"seen-{settings.seed}", asked | {"classes": list(sources.classes)})
    state = run.state(settings.device)
    if state is None:
        batches = sources.batches(settings).epoch(settings.seed, settings.epochs)
        features = extract_features(method.trunk, batches, method.config.sketches)
        state = {name: part.cpu() for name, part in vars(features).items()}
        run.save(state, {"pictures": len(features.labels)})
    return Features(**{name: part.to(settings.device) for name, part in state.items()})


def class_similarity(
    meanings: Path | None, classes: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Tensor, Provenance]:
    """How alike classes (C) and names (K) are to a bundle that reads words, and the pictures that it has seen; without
    a bundle, nothing is alike.   -> (C, K)
    """
    if meanings is None:
        return torch.zeros(len(classes), len(names)), Provenance()
    reader = load_bundle(meanings)
    ours, theirs = (torch.from_numpy(embed_texts(reader, list(words))) for words in (classes, names))
    return embedded_similarity(ours, theirs), Provenance.of(reader.manifest).inherit("words")


def fill_album(method: DSN, data: Batches, seed: int) -> None:
    """Keep sketches of one epoch in the method's album."""
    method.eval()
    method.fill_album(data.epoch(seed, 0))


@torch.no_grad()
def fit_rotation(method: DSN, data: Batches, seed: int) -> Rotation:
    """How the method's codes become as many bits, from as many epochs as that needs."""
    codes: list[Tensor] = []
    epoch = 0
    while sum(map(len, codes)) < method.dim:
        batches = (batch.on(method.code.weight.device) for batch in data.epoch(seed, epoch))
        codes += [method.encode_images(batch.images, batch.domains).cpu() for batch in batches]
        epoch += 1
    return fitted(torch.cat(codes).numpy(), method.dim)
