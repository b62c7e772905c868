"""What UCDR-Adapter's recipes train on, and what they start from."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from retrieval.artifacts.manifest import Source, Stage
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.data.readers.world import read_rendered
from retrieval.errors import SettingsError
from retrieval.methods.foundation import TEXT, Config, Foundation
from retrieval.methods.ucdr_adapter import UCDRAdapter
from retrieval.training.recipes.parts.trunk_maps import MappedPictures, in_rounds, mapped_pictures
from retrieval.training.recipes.parts.ucdr_training import StartTraining
from retrieval.training.start import Start, open_allowed
from retrieval.types import PHOTO
from retrieval.world.split import SEEN, VAL_UNSEEN

if TYPE_CHECKING:
    from retrieval.training.recipes.ucdr_adapter import (
        MapRecipe,
        MapSettings,
        MapSources,
        UcdrAdapter,
        UcdrSettings,
        UcdrStart,
        UcdrStartSettings,
    )

MEASURED = 64  # pictures that the length of prompts is measured on


def read_sources(recipe: MapRecipe[Any], settings: MapSettings) -> MapSources:
    """The maps of the renders. The file holds every style: the one that is left out is not read from it."""
    from retrieval.training.recipes.ucdr_adapter import MapSources

    rendered = read_rendered(settings.renders, (*SEEN, *VAL_UNSEEN))
    table = in_rounds(rendered, max(settings.objects, settings.validation_objects))
    everything = mapped_pictures(settings.maps, table, settings.trunk, settings.size)
    allowed = table.where(lambda row: row.domain.name != recipe.without_style)
    training, kept = (
        everything.keep({*in_rounds(allowed.where(labels=labels), objects).ids})
        for labels, objects in ((SEEN, settings.objects), (VAL_UNSEEN, settings.validation_objects))
    )
    domains = tuple(sorted(set(training.table.domains)))
    classes = tuple(sorted(set(training.table.labels)))
    source = Source("renders of the Guise world", "Apache-2.0", len(training.table))
    provenance = Provenance.of_training((source,), classes=classes, domains=domains)
    return MapSources(training, kept, provenance, classes, domains)


def new_start(recipe: UcdrStart, settings: UcdrStartSettings, sources: MapSources) -> Start[StartTraining]:
    """A foundation on the frozen trunk, and what the published weights behind it have seen."""
    torch.manual_seed(settings.seed)
    method = Foundation(Config(**{"trunk": settings.trunk, **recipe.config}), settings.preprocess)
    classifier = imagenet_classifier(settings.trunk).state_dict()
    trunk = {name: value for name, value in classifier.items() if not name.startswith("classifier.")}
    method.tower.trunk.load_state_dict(trunk)
    method.attach({TEXT: load_text_tower(settings.text)})
    learner = StartTraining(method, sources.classes, (settings.epochs, settings.lr))
    learner.begin(sources.training.keep({*sources.training.table.where(domain=PHOTO).ids}))
    return Start(learner, start_provenance(settings))


def start_provenance(settings: MapSettings) -> Provenance:
    """What the published weights behind a start have seen."""
    photographs = "photographs of ImageNet-1k, with their labels"
    published = Provenance((Stage(settings.trunk, "trunk", domains=(PHOTO.name,), pretrained=photographs),))
    return published.merge(Provenance.at(settings.text).inherit("text tower"))


def new_adapter(recipe: UcdrAdapter, settings: UcdrSettings, sources: MapSources, folder: Path) -> Start[UCDRAdapter]:
    """UCDR-Adapter on the foundation in the folder. Raises SettingsError where that is none, or has seen the style."""
    bundle = open_allowed(folder, recipe, settings.device)  # the text tower is no module of the method
    if not isinstance(bundle.method, Foundation):
        raise SettingsError(f"{folder} is no foundation. Begin from one like ucdr-start-{recipe.without_style}.")
    _require_maps_of(bundle.method, settings, folder)
    provenance = Provenance.of(bundle.manifest)
    if recipe.without_style and (seen := provenance.contradiction((), (recipe.without_style,))):
        raise SettingsError(f"{bundle.manifest.name} {seen}, which {recipe.name} must not know. Begin from another.")
    config = UCDRAdapter.config_type(
        **dataclasses.asdict(bundle.method.config)
        | {
            "domains": sources.domains,
            "classes": sources.classes,
            "source_epochs": settings.source_epochs,
            "source_lr": settings.source_lr,
            "target_epochs": settings.epochs,
            "target_lr": settings.lr,
        }
        | dict(recipe.config)
    )
    torch.manual_seed(settings.seed)
    method = UCDRAdapter(config, settings.preprocess).to(settings.device)
    method.learn_from(bundle.method, _some(sources.training).to(settings.device))
    return Start(method, provenance.inherit("start"))


def _require_maps_of(start: Foundation, settings: UcdrSettings, folder: Path) -> None:
    """Raises SettingsError where the start stands on another trunk than that whose maps are read, or on larger maps."""
    its, asked = (start.config.trunk, start.preprocess.size), (settings.trunk, settings.size)
    if its != asked:
        raise SettingsError(
            f"{folder} reads {its[1]} pixels with {its[0]}, and the maps are of {asked[1]} pixels and {asked[0]}. "
            f"Say --size {its[1]} --trunk {its[0]}, or begin from another."
        )


def _some(pictures: MappedPictures) -> torch.Tensor:
    """The maps of some pictures, spread over all.   -> (MEASURED or fewer, F, h, w)"""
    rows = np.linspace(0, len(pictures.table) - 1, min(MEASURED, len(pictures.table))).astype(int)
    return pictures.views(rows, np.zeros(len(rows), int))
