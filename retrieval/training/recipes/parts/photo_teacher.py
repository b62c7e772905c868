"""Who teaches DSN: a classifier of photos, made once by the recipe itself, or timm's of ImageNet.

The first knows no class that the student may not know. It is trained from scratch, or fitted on top of the trunk of a
plain encoder, which stays as it is. The second is the paper's. It has seen most of what the literature calls unseen in
Sketchy 100/25 and TU-Berlin, and its student says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import timm
import torch
from timm.data import ImageNetInfo

from retrieval.artifacts.manifest import Source
from retrieval.artifacts.provenance import Provenance
from retrieval.errors import SettingsError
from retrieval.methods import ClipBaseline
from retrieval.methods.dsn import Config, PhotoTeacher
from retrieval.training.epochs import Run, Stage, run_epochs
from retrieval.training.loop import Batches
from retrieval.training.recipes.dsn import DsnSettings
from retrieval.training.recipes.parts.linear_start import extract_features, fit_classifier
from retrieval.training.training_sources import TrainingSources
from retrieval.types import PHOTO, Progress

SEED = 0  # the teacher's, whatever the student's: it stands for the one classifier that everybody downloads


@dataclass(frozen=True)
class Lesson:
    """A teacher, the names of what it tells apart, and what it has seen."""

    teacher: PhotoTeacher
    names: tuple[str, ...]
    provenance: Provenance


def own_teacher(
    settings: DsnSettings,
    options: Mapping[str, Any],
    sources: TrainingSources,
    plain: ClipBaseline | None,
    on_progress: Progress,
) -> Lesson:
    """The teacher of a student with these options; it is made first where its run is not complete. `plain`: the encoder
    whose trunk it has, or it is trained from scratch.
    """
    data = sources.sampler(settings, settings.teacher_batch)
    config = Config(**options, teacher_classes=len(data.classes))
    torch.manual_seed(SEED)
    teacher = PhotoTeacher(config).to(settings.device)
    if plain is None:
        _train(teacher, settings, sources, data, on_progress)
    else:
        _fit_probe(teacher, settings, sources, data, plain)
    name = "a classifier of photographs" if plain is None else "a probe of photographs on the start's trunk"
    return Lesson(teacher, data.classes, sources.provenance.named(name).inherit("teacher"))


def _train(
    teacher: PhotoTeacher, settings: DsnSettings, sources: TrainingSources, data: Batches, on_progress: Progress
) -> None:
    names = ("trunk", "teacher_epochs", "teacher_lr", "teacher_weight_decay")
    asked = {name: getattr(teacher.config, name) for name in names}
    run = Run(settings.teacher, asked | _pictures(settings, sources))
    run_epochs(Stage(teacher, data, run, seed=SEED, device=settings.device), on_progress)


def _fit_probe(
    teacher: PhotoTeacher, settings: DsnSettings, sources: TrainingSources, data: Batches, plain: ClipBaseline
) -> None:
    """The plain encoder's trunk, frozen, with a linear classifier of the photos of one epoch."""
    asked = {"trunk": teacher.config.trunk, "init": settings.init}
    run = Run(settings.teacher, asked | _pictures(settings, sources))
    state = run.state(settings.device)
    if state is None:
        teacher.trunk.take_over(plain.trunk.state_dict())
        seen = extract_features(teacher.trunk, data.epoch(SEED, 0), teacher.config.sketches)
        photos, labels = seen.features[seen.photos], seen.labels[seen.photos]
        fitted = fit_classifier(photos, labels, teacher.config.teacher_classes)
        teacher.classify.load_state_dict(fitted.state_dict())
        right = (fitted(seen.features).argmax(dim=1) == seen.labels).float().mean().item()
        state = {"best": teacher.state_dict()}
        run.save(state, {"pictures": len(seen.labels), "right": round(right, 4)})
    teacher.load_state_dict(state["best"])


def _pictures(settings: DsnSettings, sources: TrainingSources) -> dict[str, Any]:
    """What a teacher's run says of its pictures."""
    batches = {"batch": settings.teacher_batch, "steps": settings.steps, "size": settings.size}
    named = [dataclasses.asdict(source) for source in sources.sources]
    return batches | {"classes": list(sources.classes), "sources": named}


def imagenet_teacher(name: str, options: Mapping[str, Any]) -> Lesson:
    """timm's classifier of that name. Raises SettingsError where its trunk is not the student's, or where it cannot
    be downloaded.
    """
    known = ImageNetInfo()
    names = tuple(description.split(",")[0] for description in known.label_descriptions())
    teacher = PhotoTeacher(Config(**options, teacher_classes=len(names)))
    try:
        weights = timm.create_model(name, pretrained=True).state_dict()
        teacher.classify.load_state_dict({key: weights.pop(f"fc.{key}") for key in ("weight", "bias")})
        missing, unexpected = teacher.trunk.load_state_dict(weights, strict=False)
    except (OSError, RuntimeError, KeyError) as error:
        raise SettingsError(f"{name} cannot teach: {error}. Name a classifier like seresnet50.a1_in1k.") from error
    strange = [*unexpected, *(key for key in missing if not key.endswith("se.tag"))]
    if strange:
        raise SettingsError(
            f"{name} cannot teach: its trunk is not {teacher.config.trunk}, {len(strange)} parts differ, "
            f"among them {strange[0]}. Name a classifier like seresnet50.a1_in1k."
        )
    data = f"ImageNet-1k, by way of timm's {name}: photos of most classes that Sketchy 100/25 and TU-Berlin call unseen"
    source = Source(data, "ImageNet terms: research", 1_281_167)
    saw = "photographs of ImageNet-1k, by the teacher"
    seen = Provenance.of_training((source,), classes=names, domains=(PHOTO.name,), pretrained=saw)
    return Lesson(teacher, names, seen.named(name).inherit("teacher"))
