"""DSN at its start, as a copy of its teacher or fitted on top of a trunk that stays as it is; its epochs; and what is
made with the final weights from training pictures: the album and the rotation.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.manifest import read_manifest
from retrieval.artifacts.provenance import NOTHING, Provenance
from retrieval.artifacts.rotation import Rotation
from retrieval.backbones.conditional_efficientnet import ConditionalEfficientNet
from retrieval.backbones.prompted import PromptedEfficientNet
from retrieval.encoder import embed_texts
from retrieval.errors import SettingsError
from retrieval.methods.dsn import DSN, Config
from retrieval.methods.foundation import Foundation
from retrieval.methods.parts.dsn_losses import embedded_similarity
from retrieval.stores.binary_store import fitted
from retrieval.training.epochs import Run
from retrieval.training.loop import Batches
from retrieval.training.recipe import Recipe
from retrieval.training.recipes.dsn import DsnSettings, SmallDsn, SmallDsnSettings
from retrieval.training.recipes.parts.early_views import EarlyEncoder, EarlySampler, EarlyViews, early_views
from retrieval.training.recipes.parts.linear_start import Features, begin_linearly
from retrieval.training.recipes.parts.photo_teacher import Lesson, packaged_teacher
from retrieval.training.start import Start, open_allowed
from retrieval.training.training_sources import TrainingSources
from retrieval.types import Progress

KEPT = ("size", "stored")  # settings that what the trunk makes of views depends on, besides pictures and foundation

REMEMBERED: dict[Path | None, dict[bytes, Tensor]] = defaultdict(dict)  # foundation -> see `EarlyEncoder`


def begin_student(
    settings: DsnSettings, options: Mapping[str, Any], sources: TrainingSources, lesson: Lesson
) -> tuple[DSN, Provenance]:
    """The student, a copy of its teacher, and what the bundle that compared their classes has seen."""
    similarity, words = class_similarity(settings.meanings, sources.classes, lesson.names)
    torch.manual_seed(settings.seed)
    config = Config(**options, teacher_classes=len(lesson.names))
    method = DSN(config, settings.preprocess).to(settings.device)
    method.learn_from(lesson.teacher, similarity)
    return method, words


def begin_on_trunk(
    recipe: SmallDsn[Any], settings: SmallDsnSettings, sources: TrainingSources, on_progress: Progress
) -> Start[DSN]:
    """The student on the trunk of the foundation, or on the teacher's own, with code and heads fitted on top."""
    options = recipe.options(settings, len(sources.classes))
    lesson = packaged_teacher(recipe, options, sources.classes)
    method, words = begin_student(settings, options, sources, lesson)
    behind = _take_over_trunk(recipe, settings, method) if settings.init else NOTHING
    run = _views_run(recipe, settings, sources)
    if not run.begun:
        method.eval()
        kept = early_views(method, lesson.teacher, sources.portions, settings.stored, on_progress)
        run.save(vars(kept), {"pictures": len(kept.maps)})
    begin_linearly(method, _features(method, sampler(recipe, settings, sources)))
    return Start(method, behind.merge(words, lesson.provenance))


@torch.no_grad()
def _features(method: DSN, data: EarlySampler) -> Features:
    """What the trunk, which hears no tag yet, makes of all views, where the method is."""
    device, views = method.code.weight.device, data.kept.maps.shape[1]
    maps = data.kept.maps.float().flatten(0, 1).to(device)  # (N V, ...)
    labels, photos = (part.repeat_interleave(views) for part in (data.labels, data.photos(method.config.sketches)))
    answers = data.kept.answers.float().flatten(0, 1)
    features = method.trunk.late(maps, maps.new_zeros(len(maps)))
    return Features(features, labels.to(device), photos.to(device), answers.to(device))


def _take_over_trunk(recipe: Recipe[Any], settings: SmallDsnSettings, method: DSN) -> Provenance:
    """Give the method the trunk of the foundation; what that has seen. Raises SettingsError where it is none, or knows
    what must stay unseen.
    """
    assert settings.init is not None, "without a foundation the trunk is the teacher's"
    bundle = open_allowed(settings.init, recipe)
    tower = bundle.method.tower if isinstance(bundle.method, Foundation) else None
    if not isinstance(tower, PromptedEfficientNet) or not isinstance(method.trunk, ConditionalEfficientNet):
        raise SettingsError(
            f"{settings.init} is no foundation on an EfficientNet, so {recipe.name} cannot begin from it. "
            "Name one like guise-base-zs."
        )
    method.trunk.take_over(tower.trunk.state_dict())
    return Provenance.of(bundle.manifest).inherit("start")


def sampler(recipe: SmallDsn[Any], settings: SmallDsnSettings, sources: TrainingSources) -> EarlySampler:
    """Batches of the views that were kept."""
    state = _views_run(recipe, settings, sources).state()
    assert state is not None, "what the trunk makes of views is kept before anything is trained"
    return EarlySampler(
        sources.portions,
        settings.preprocess,
        EarlyViews(**state),
        batch=settings.batch,
        steps=settings.steps,
        group=settings.group,
    )


def _views_run(recipe: SmallDsn[Any], settings: SmallDsnSettings, sources: TrainingSources) -> Run:
    """Where they are kept: recipes that differ in what comes after share them."""
    asked = {name: getattr(settings, name) for name in KEPT}
    named = [dataclasses.asdict(source) for source in sources.sources]
    asked |= {"init": read_manifest(settings.init).files if settings.init else None}
    asked |= {"trunk": recipe.config["trunk"], "classes": list(sources.classes), "sources": named}
    return Run(settings.views or recipe.run_folder(settings) / "views", asked)


def early_encoder(settings: SmallDsnSettings, method: DSN) -> EarlyEncoder:
    """The student as an encoder that remembers what its trunk made of pictures in any training of this process."""
    return EarlyEncoder(method, REMEMBERED[settings.init])


@cache
def class_similarity(
    meanings: Path | None, classes: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Tensor, Provenance]:
    """How alike classes (C) and names (K) are to a bundle that reads words, and the pictures that it has seen; without
    a bundle, nothing is alike.   -> (C, K)
    """
    if meanings is None:
        return torch.zeros(len(classes), len(names)), NOTHING
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
        codes += [method.encode_early(method.early_of(batch), batch.domains).cpu() for batch in batches]
        epoch += 1
    return fitted(torch.cat(codes).numpy(), method.dim)
