"""DSN at its start, as a copy of its teacher or fitted on top of a plain encoder's trunk, and what is made of it when
it is trained.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.manifest import Source
from retrieval.artifacts.rotation import Rotation
from retrieval.data.sampler import Sampler
from retrieval.encoder import embed_texts
from retrieval.errors import SettingsError
from retrieval.methods import ClipBaseline, Method
from retrieval.methods.dsn import DSN, Config, embedded_similarity
from retrieval.stores.binary_store import fitted
from retrieval.training.linear import Seen, begin_linearly, seen
from retrieval.training.material import allowed
from retrieval.training.runs import Run
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


def prepared(settings: SketchToPhoto, recipe: Recipe, data: Sampler, on_progress: Progress) -> Prepared:
    """The student of the data's classes, after its teacher."""
    told: dict[str, Any] = {
        "classes": len(data.classes),
        "epochs": settings.epochs,
        "lr": settings.lr,
        "teacher_epochs": settings.teacher_epochs,
        **recipe.config,
    }
    if settings.meanings is None:
        told["semantic_weight"] = 0.0
    start = load_bundle(settings.init) if settings.init else None
    plain = _plain(start, recipe) if start else None
    lesson = teacher_of(settings, recipe, told, on_progress, plain)
    similarity, read = _similarity(settings.meanings, data.classes, lesson.names)
    torch.manual_seed(settings.seed)
    method = DSN(Config(**told, teacher_classes=len(lesson.names)), settings.preprocess).to(device_of(settings))
    method.learn_from(lesson.teacher, similarity)
    if start is None or plain is None:
        return Prepared(method, (*lesson.saw, *read), lesson.classes, lesson.knows_unseen)
    found = _seen(method, data, settings)
    begin_linearly(method, lesson.teacher, plain.last_layer.to(found.features.device), found, settings.seed)
    known = start.manifest
    saw = (*known.trained_on, *lesson.saw, *read)
    return Prepared(method, saw, (*lesson.classes, *known.classes), lesson.knows_unseen)


def _seen(method: DSN, data: Sampler, settings: SketchToPhoto) -> Seen:
    """What the trunk makes, at its start, of an epoch that is not trained on. It is kept beside the teacher: recipes
    that differ in what comes after the start share it.
    """
    later = ("run_folder", "out", "lr", "validate_every")
    told = {name: value for name, value in dataclasses.asdict(settings).items() if name not in later}
    run = Run(settings.teacher / f"seen-{settings.seed}", told | {"classes": list(data.classes)})
    state = run.state()
    if state is None:
        found = seen(method.trunk, data.epoch(settings.seed, settings.epochs), method.config.sketches)
        state = {name: part.cpu() for name, part in vars(found).items()}
        run.save(state, {"pictures": len(found.labels)})
    device = device_of(settings)
    return Seen(**{name: part.to(device) for name, part in state.items()})


def _plain(start: Bundle, recipe: Recipe) -> ClipBaseline:
    """The plain encoder of a bundle to begin from. Raises SettingsError where it is none, or where it knows a class
    that the recipe may not know.
    """
    known = [label for label in start.manifest.classes if not allowed(label, recipe)]
    if known:
        raise SettingsError(
            f"{start.manifest.name} knows {len(known)} classes that must stay unseen, among them {known[0]}. "
            "Begin from one like guise-mini-zs."
        )
    if not isinstance(start.method, ClipBaseline):
        raise SettingsError(
            f"{start.manifest.name} is no plain dual encoder, so DSN cannot begin from it. Name one like guise-mini-zs."
        )
    return start.method


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
def finished(method: Method, data: Sampler, settings: SketchToPhoto) -> Rotation:
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
