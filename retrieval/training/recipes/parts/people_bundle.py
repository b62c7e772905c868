"""How an MRA on rendered figures is begun and written, wherever it is trained."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from retrieval.artifacts.manifest import Source, reference_to
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.artifacts.trunk import load_trunk
from retrieval.data.picture_table import PictureTable
from retrieval.images import Preprocess
from retrieval.methods.mra import MRA, TEXT, TRUNK, Config
from retrieval.training.bundles import manifest_of, write_bundle
from retrieval.training.recipe import Made, Recipe
from retrieval.training.recipes.mra import MRASettings
from retrieval.training.start import Start

IMAGENET = Source("ImageNet-1k, through EfficientNet-Lite0", "ImageNet terms: research; weights Apache-2.0", 1_281_167)
SENTENCES = Source("sentence pairs, through all-MiniLM-L6-v2", "weights Apache-2.0", 0)


def new_mra(config: Config, preprocess: Preprocess, parts: Mapping[str, Any], seed: int, device: str) -> MRA:
    """MRA at random weights, on the device where its towers are."""
    torch.manual_seed(seed)
    method = MRA(config, preprocess)
    method.attach(parts)
    return method.to(device)


def copied(method: MRA) -> MRA:
    """Another MRA with the same weights and the same towers."""
    parts, method.parts = method.parts, {}
    other = copy.deepcopy(method)
    method.parts = parts
    other.attach(parts)
    return other


def new_start(settings: MRASettings, config: Mapping[str, Any]) -> Start[MRA]:
    """Likewise, on the towers that the settings name, and what stands behind these."""
    towers = {
        TEXT: load_text_tower(settings.tower, settings.device),
        TRUNK: load_trunk(settings.trunk, settings.device),
    }
    method = new_mra(Config(**config), settings.preprocess, towers, settings.seed, settings.device)
    behind = [Provenance.at(folder).inherit(role) for role, folder in _folders(settings).items()]
    return Start(method, behind[0].merge(behind[1]))


def write_people(recipe: Recipe[Any], settings: MRASettings, shown: Iterable[PictureTable], start: Start[MRA]) -> Made:
    """The bundle of a trained MRA, which was shown these figures, and which refers to both towers."""
    tables = list(shown)
    ours = Source(
        "rendered figures of the Guise world, in the studio and in the street", "Apache-2.0", sum(map(len, tables))
    )
    domains = tuple(dict.fromkeys(name for table in tables for name in table.domains))
    own = Provenance.of_training((ours, IMAGENET, SENTENCES), domains=domains)
    refers_to = {role: reference_to(folder) for role, folder in _folders(settings).items()}
    manifest = manifest_of(recipe, settings, start, own, refers_to=refers_to)
    return write_bundle(recipe, settings, start.learner, manifest)


def _folders(settings: MRASettings) -> dict[str, Any]:
    return {TEXT: settings.tower, TRUNK: settings.trunk}
