"""Who teaches DSN: a classifier of photos, made once by the recipe itself, or timm's of ImageNet.

The first knows no class that the student may not know. It is trained from scratch, or fitted on top of the trunk of a
plain encoder, which stays as it is. The second is the paper's. It has seen most of what the
literature calls unseen in Sketchy 100/25 and TU-Berlin, and whoever learns from it says so.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import timm
import torch
from timm.data import ImageNetInfo
from torch import Tensor

from retrieval.artifacts.manifest import Source
from retrieval.data.sampler import Sampler
from retrieval.errors import SettingsError
from retrieval.methods import ClipBaseline
from retrieval.methods.dsn import Config, PhotoTeacher
from retrieval.training.linear import classifier, seen
from retrieval.training.loop import fit
from retrieval.training.material import Material, taught
from retrieval.training.runs import Run
from retrieval.training.settings import PublishedSketches, Recipe, SketchToPhoto, device_of
from retrieval.types import Progress

log = logging.getLogger(__name__)
SEED = 0  # the teacher's, whatever the student's: it stands for the one classifier that everybody downloads


@dataclass(frozen=True)
class Taught:
    """A teacher, the names of what it tells apart, and what it saw; `classes` are those that count as seen through it,
    and `knows_unseen` says that it may have seen unseen ones all the same.
    """

    teacher: PhotoTeacher
    names: tuple[str, ...]
    saw: tuple[Source, ...]
    classes: tuple[str, ...] = ()
    knows_unseen: bool = False


def teacher_of(
    settings: SketchToPhoto,
    recipe: Recipe,
    told: Mapping[str, Any],
    on_progress: Progress,
    plain: ClipBaseline | None = None,
) -> Taught:
    """The teacher of a student whose options are `told`; it is made first where its run is not complete. `plain`: the
    encoder whose trunk it has, or from scratch.
    """
    if isinstance(settings, PublishedSketches) and settings.imagenet:
        return _downloaded(settings.imagenet, told)
    material = taught(settings, recipe)
    data = material.batches(settings.preprocess, batch=settings.teacher_batch, steps=settings.steps)
    config = Config(**told, teacher_classes=len(data.classes))
    if plain is None:
        teacher = _trained(settings, config, material, data, on_progress)
    else:
        teacher = _probe(settings, config, material, data, plain)
    return Taught(teacher, data.classes, material.sources, data.classes)


def _trained(
    settings: SketchToPhoto, config: Config, material: Material, data: Sampler, on_progress: Progress
) -> PhotoTeacher:
    told = {name: getattr(config, name) for name in ("trunk", "teacher_epochs", "teacher_lr", "teacher_weight_decay")}
    run = Run(settings.teacher, told | _shown(settings, material, data))
    state: dict[str, Any] = run.state() or {}
    torch.manual_seed(SEED)
    teacher = PhotoTeacher(config).to(device_of(settings))
    weights: dict[str, Tensor] | None = state.get("best")
    for report in fit(teacher, data, seed=SEED, resume=state.get("fit"), on_progress=on_progress):
        weights = report.averaged()
        line = {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **report.losses}
        run.save({"fit": report.state(), "best": weights}, line)
        log.info("teacher %s", line)
    assert weights is not None, "a teacher has at least one epoch"
    teacher.load_state_dict(weights)
    return teacher


def _shown(settings: SketchToPhoto, material: Material, data: Sampler) -> dict[str, Any]:
    """What a teacher's run says of its pictures."""
    sources = [dataclasses.asdict(source) for source in material.sources]
    batches = {"batch": settings.teacher_batch, "steps": settings.steps, "size": settings.size}
    return batches | {"classes": list(data.classes), "sources": sources}


def _probe(
    settings: SketchToPhoto, config: Config, material: Material, data: Sampler, plain: ClipBaseline
) -> PhotoTeacher:
    """The plain encoder's trunk, frozen, with a linear classifier of the photos of one epoch."""
    run = Run(settings.teacher, {"trunk": config.trunk, "init": settings.init} | _shown(settings, material, data))
    teacher = PhotoTeacher(config).to(device_of(settings))
    state = run.state()
    if state is None:
        teacher.trunk.take_over(plain.trunk.state_dict())
        found = seen(teacher.trunk, data.epoch(SEED, 0), config.sketches)
        fitted = classifier(found.features[found.photos], found.labels[found.photos], config.teacher_classes)
        teacher.classify.load_state_dict(fitted.state_dict())
        right = (fitted(found.features).argmax(dim=1) == found.labels).float().mean().item()
        state = {"best": teacher.state_dict()}
        run.save(state, {"pictures": len(found.labels), "right": round(right, 4)})
    teacher.load_state_dict(state["best"])
    return teacher


def _downloaded(name: str, told: Mapping[str, Any]) -> Taught:
    """timm's classifier of that name. Raises SettingsError where its trunk is not the student's, or where it cannot be
    had.
    """
    known = ImageNetInfo()
    names = tuple(description.split(",")[0] for description in known.label_descriptions())
    teacher = PhotoTeacher(Config(**told, teacher_classes=len(names)))
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
    seen = f"ImageNet-1k, by way of timm's {name}: photos of most classes that Sketchy 100/25 and TU-Berlin call unseen"
    return Taught(teacher, names, (Source(seen, "ImageNet terms: research", 1_281_167),), knows_unseen=True)
