"""From a trained method to its bundle: as what it is validated, what its manifest says, and where it is saved.

For recipes that make encoders; a prior and a judge are saved by their own recipes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from retrieval.artifacts.bundle import save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.rotation import Rotation
from retrieval.methods import Method
from retrieval.methods.catalog import name_of
from retrieval.training.recipe import Made, Recipe, TrainingSettings
from retrieval.training.start import Start
from retrieval.types import Domain


class InTraining:
    """A method in training, as an encoder: without a fingerprint worth keeping."""

    fingerprint = "in-training·00000000"

    def __init__(self, method: Method) -> None:
        self.dim = method.dim
        self.preprocess = method.preprocess
        self.encode_texts = method.encode_texts
        self.encode_meanings = method.encode_meanings
        self.encode_words = method.encode_words
        self._method = method

    def encode_images(self, images: torch.Tensor, domains: Sequence[Domain]) -> torch.Tensor:
        """(B, 3, H, W) on any device -> (B, dim), unit rows on the method's."""
        return self._method.encode_images(images.to(next(self._method.parameters()).device), domains)


def manifest_of(
    recipe: Recipe[Any],
    settings: TrainingSettings,
    start: Start[Any],
    own: Provenance,
    *,
    unseen: Iterable[str] = (),
    **entries: Any,
) -> Manifest:
    """The manifest of a trained method, which has seen its `own` pictures and whatever the stages behind it had.

    unseen: classes that were kept from its own pictures. entries: further entries of the manifest.
    """
    method, seen = start.learner, start.provenance.merge(own.named(recipe.name))
    return Manifest(
        name=recipe.name,
        method=name_of(type(method)),
        config=dataclasses.asdict(method.config),
        preprocess=settings.preprocess,
        domains=seen.domains,
        classes=seen.classes,
        unseen_classes=seen.keeps_unseen(unseen),
        dim=method.dim,
        files={},
        seed=settings.seed,
        trained_on=seen.sources,
        provenance=seen.stages,
        **entries,
    )


def write_bundle(
    recipe: Recipe[Any],
    settings: TrainingSettings,
    method: Method,
    manifest: Manifest,
    rotation: Rotation | None = None,
) -> Made:
    """Save the method with its manifest, and with a rotation of its codes into bits where there is one."""
    folder = recipe.out_folder(settings)
    save_bundle(folder, method, manifest, rotation)
    hint = f"Measure it: python -m retrieval evaluate --bundle {folder} --task TASK"
    return Made(folder, manifest.metrics, hint)
