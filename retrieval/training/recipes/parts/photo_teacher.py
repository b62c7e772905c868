"""Who teaches DSN: ImageNet's classifier, as in the paper, or a classifier of photos that the recipe makes itself.

The first comes as the package that the foundation begins from, or from timm. It has seen photographs of most of what
the literature calls unseen, and its student says so. What it answers of classes that may not be named is left out where
the recipe is zero-shot. The second knows no class that the student may not know.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.data import ImageNetInfo

from retrieval.artifacts.manifest import Source
from retrieval.artifacts.manifest import Stage as Behind
from retrieval.artifacts.provenance import Provenance
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.errors import SettingsError
from retrieval.methods.dsn import Config, PhotoTeacher
from retrieval.training.epochs import Run, Stage, run_epochs
from retrieval.training.recipe import Recipe
from retrieval.training.recipes.parts.class_texts import imagenet_names, may_say
from retrieval.training.training_sources import TrainingSources
from retrieval.types import PHOTO, Progress

if TYPE_CHECKING:
    from retrieval.training.recipes.dsn_published import DsnPublishedSettings

SEED = 0  # the teacher's, whatever the student's: it stands for the one classifier that everybody downloads


@dataclass(frozen=True)
class Lesson:
    """A teacher, the names of what it tells apart, and what it has seen."""

    teacher: PhotoTeacher
    names: tuple[str, ...]
    provenance: Provenance


def packaged_teacher(recipe: Recipe[Any], options: Mapping[str, Any], classes: Sequence[str]) -> Lesson:
    """The classifier whose trunk the foundation begins from, with those of its classes that the recipe may name.

    Raises DataError where its package is not installed.
    """
    named = imagenet_names(may_say(recipe.zero_shot, classes))
    config = Config(**options, teacher_classes=len(named))
    classifier = imagenet_classifier(config.trunk)
    weights = dict(classifier.state_dict())
    taught = {key: weights.pop(f"classifier.{key}")[list(named)] for key in ("weight", "bias")}
    teacher = PhotoTeacher(config).eval()
    teacher.trunk.take_over(weights)
    teacher.classify.load_state_dict(taught)
    saw = "photographs of ImageNet-1k, with their labels"
    seen = Provenance((Behind(config.trunk, "teacher", domains=(PHOTO.name,), pretrained=saw),))
    return Lesson(teacher, tuple(names[0] for names in named.values()), seen)


def own_teacher(
    settings: DsnPublishedSettings, options: Mapping[str, Any], sources: TrainingSources, on_progress: Progress
) -> Lesson:
    """The teacher of a student with these options; it is made first where its run is not complete."""
    data = sources.sampler(settings, settings.teacher_batch)
    config = Config(**options, teacher_classes=len(data.classes))
    torch.manual_seed(SEED)
    teacher = PhotoTeacher(config).to(settings.device)
    names = ("trunk", "teacher_epochs", "teacher_lr", "teacher_weight_decay")
    asked = {name: getattr(teacher.config, name) for name in names}
    asked |= {"batch": settings.teacher_batch, "steps": settings.steps, "size": settings.size}
    asked |= {"classes": list(sources.classes), "sources": [dataclasses.asdict(source) for source in sources.sources]}
    run = Run(settings.teacher, asked)
    run_epochs(Stage(teacher, data, run, seed=SEED, device=settings.device), on_progress)
    return Lesson(teacher, data.classes, sources.provenance.named("a classifier of photographs").inherit("teacher"))


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
