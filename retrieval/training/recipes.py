"""How the shipped bundles were made: gather, train, select, calibrate, save. What differs between them stands in
`settings.RECIPES`.

Selection is on validation data, and nothing here touches what `evaluation.tasks` reports on.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from retrieval.artifacts.bundle import load_bundle, save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.data.concepts import VAL_UNSEEN
from retrieval.data.sampler import Sampler
from retrieval.errors import SettingsError
from retrieval.evaluation.tasks.base import Catalog
from retrieval.evaluation.tasks.packs import sketchy
from retrieval.methods import ClipBaseline, Method
from retrieval.methods.catalog import name_of
from retrieval.training.cutoffs import with_cutoffs
from retrieval.training.loop import EpochReport, fit
from retrieval.training.material import drawn_classes, gathered
from retrieval.training.published import kept_classes
from retrieval.training.runs import Run
from retrieval.training.settings import (
    RECIPES,
    DualEncoder,
    Encoders,
    PackedSketches,
    PublishedSketches,
    Recipe,
    Training,
    device_of,
)
from retrieval.training.sketch_to_photo import Prepared, finished, prepared
from retrieval.training.validation import Asked, Checks, Validation
from retrieval.types import Domain, Progress, no_progress

log = logging.getLogger(__name__)
RUNS = Path("runs")


def made(name: str, settings: Encoders, on_progress: Progress = no_progress) -> Manifest:
    """Make the bundle of that name, or go on where an interrupted run stopped; its manifest."""
    recipe = RECIPES[name]
    _usable(device_of(settings))
    material = gathered(settings, recipe)
    for problem in material.problems:
        log.info("%s", problem)
    data = material.batches(settings.preprocess, batch=settings.batch, steps=settings.steps, group=settings.group)
    checks = _checks(settings, recipe)
    run = Run(settings.run_folder or RUNS / f"{name}-{settings.seed}", dataclasses.asdict(settings))
    ready: Prepared = (
        _dual_encoder(settings) if isinstance(settings, DualEncoder) else prepared(settings, recipe, data, on_progress)
    )
    method = ready.method
    weights, metrics = _selected(method, data, checks, run, settings, on_progress)
    method.load_state_dict(weights)
    sources = tuple(dict.fromkeys((*ready.saw, *material.sources)))
    manifest = Manifest(
        name=name,
        method=name_of(type(method)),
        config=dataclasses.asdict(method.config),
        preprocess=settings.preprocess,
        domains=tuple(dict.fromkeys(domain for portion in material.portions for domain in portion.domains)),
        classes=tuple(dict.fromkeys((*data.classes, *ready.classes))),
        unseen_classes=() if ready.knows_unseen else material.unseen,
        concepts=drawn_classes(settings.packs, recipe) if isinstance(settings, DualEncoder) else (),
        dim=method.dim,
        files={},
        seed=settings.seed,
        trained_on=sources,
        metrics=metrics,
    )
    if isinstance(settings, DualEncoder) and not recipe.zero_shot:  # cut-offs are for visitors
        manifest = with_cutoffs(manifest, InTraining(method.eval()), settings.gallery, settings.packs)
    rotation = None if isinstance(settings, DualEncoder) else finished(method, data, settings)
    return save_bundle(out_folder(name, settings), method, manifest, rotation)


def _checks(settings: Encoders, recipe: Recipe) -> Checks:
    """What the epoch is selected by."""
    if isinstance(settings, PublishedSketches):
        return kept_classes(settings, recipe)
    if isinstance(settings, PackedSketches):
        return Asked(sketchy("validation", Catalog(settings.packs, settings.packs), unseen=VAL_UNSEEN))
    return Validation(settings, recipe)


def _dual_encoder(settings: DualEncoder) -> Prepared:
    """The plain dual encoder at its start."""
    torch.manual_seed(settings.seed)
    method = ClipBaseline(ClipBaseline.config_type(epochs=settings.epochs), settings.preprocess)
    if settings.init is None:
        return Prepared(method)
    start = load_bundle(settings.init)
    method.load_state_dict(start.method.state_dict())
    return Prepared(method, saw=start.manifest.trained_on)


def out_folder(name: str, settings: Encoders) -> Path:
    """Where the bundle is written."""
    return settings.out or RUNS / "bundles" / f"{name}-{settings.seed}"


def _selected(
    method: Method,
    data: Sampler,
    checks: Checks,
    run: Run,
    settings: Training,
    on_progress: Progress,
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Train; return the averaged weights of the epoch with the best validation mAP, and what that epoch measured."""
    state = run.state() or {}
    best, metrics = state.get("best"), state.get("metrics", {})
    judge = type(method)(method.config, method.preprocess).to(device_of(settings))
    for report in fit(method, data, seed=settings.seed, resume=state.get("fit"), on_progress=on_progress):
        measured: dict[str, float] = {}
        weights = report.averaged()
        last = report.epoch == report.epochs
        if settings.validate_every and (report.epoch % settings.validate_every == 0 or last):
            judge.load_state_dict(weights)
            measured = checks.measured(InTraining(judge.eval()))
            if best is None or measured["validation mAP@all"] > metrics["validation mAP@all"]:
                best, metrics = weights, measured
        elif last:
            best = weights
        run.save({"fit": report.state(), "best": best, "metrics": metrics}, _line(report, measured))
        log.info("%s", _line(report, measured))
    assert best is not None, "the last epoch is validated or kept"
    return best, metrics


def _usable(device: str) -> None:
    """Raises SettingsError for a device that is not here."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"Nothing can be trained on {device!r} here ({error}). Leave --device out.") from error


def _line(report: EpochReport, measured: dict[str, float]) -> dict[str, float | int | str]:
    losses = {name: round(value, 4) for name, value in report.losses.items()}
    return {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **losses, **measured}


class InTraining:
    """A method in training, as an encoder: without a fingerprint worth keeping."""

    fingerprint = "in-training·00000000"

    def __init__(self, method: Method) -> None:
        self.dim = method.dim
        self.preprocess = method.preprocess
        self.encode_texts = method.encode_texts
        self._method = method

    def encode_images(self, images: torch.Tensor, domains: Sequence[Domain]) -> torch.Tensor:
        """(B, 3, H, W) on any device -> (B, dim), unit rows on the method's."""
        return self._method.encode_images(images.to(next(self._method.parameters()).device), domains)
