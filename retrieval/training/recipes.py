"""How the shipped bundles were made: gather, train, select, calibrate, save. One recipe for every dual encoder; what
differs between them stands in `settings.RECIPES`.

Selection is on validation data, and nothing here touches what `evaluation.tasks` reports on.
"""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import torch

from retrieval.bundle import Manifest, Source, load_bundle, save_bundle
from retrieval.data.batches import Mixture
from retrieval.data.concepts import UNSEEN
from retrieval.data.strangers import STRANGERS
from retrieval.images import Preprocess
from retrieval.methods import ClipBaseline
from retrieval.training.loop import EpochReport, fit
from retrieval.training.material import Material, gathered
from retrieval.training.runs import Run
from retrieval.training.settings import RECIPES, DualEncoder, Recipe
from retrieval.training.validation import Validation
from retrieval.types import Progress, no_progress

log = logging.getLogger(__name__)
RUNS = Path("runs")


def made(name: str, settings: DualEncoder, on_progress: Progress = no_progress) -> Manifest:
    """Make the bundle of that name, or go on where an interrupted run stopped; its manifest."""
    recipe = RECIPES[name]
    preprocess = Preprocess(settings.size)
    material = gathered(settings, recipe)
    data = Mixture(material.portions, preprocess, batch=settings.batch, steps=settings.steps, group=settings.group)
    checks = Validation(settings, recipe)
    run = Run(settings.run_folder or RUNS / f"{name}-{settings.seed}", dataclasses.asdict(settings))
    torch.manual_seed(settings.seed)
    method = ClipBaseline(ClipBaseline.config_type(epochs=settings.epochs), preprocess)
    before: tuple[Source, ...] = ()
    if settings.init is not None:
        start = load_bundle(settings.init)
        method.load_state_dict(start.method.state_dict())
        before = start.manifest.trained_on
    weights, metrics = _selected(method, data, checks, run, settings, on_progress)
    method.load_state_dict(weights)
    manifest = _manifest(name, settings, material, data, method, before)
    manifest = _calibrated(manifest, method, checks, recipe, metrics)
    return save_bundle(out_folder(name, settings), method, manifest)


def out_folder(name: str, settings: DualEncoder) -> Path:
    """Where the bundle is written."""
    return settings.out or RUNS / "bundles" / f"{name}-{settings.seed}"


def _manifest(
    name: str,
    settings: DualEncoder,
    material: Material,
    data: Mixture,
    method: ClipBaseline,
    before: tuple[Source, ...],
) -> Manifest:
    return Manifest(
        name=name,
        method="clip-baseline",
        config=dataclasses.asdict(method.config),
        preprocess=method.preprocess,
        domains=tuple(dict.fromkeys(portion.domain.name for portion in material.portions)),
        classes=data.classes,
        unseen_classes=(*STRANGERS, *(UNSEEN if RECIPES[name].zero_shot else ())),
        dim=method.dim,
        files={},
        seed=settings.seed,
        trained_on=(*before, *material.sources),
    )


def _calibrated(
    manifest: Manifest, method: ClipBaseline, checks: Validation, recipe: Recipe, metrics: dict[str, float]
) -> Manifest:
    """With cut-offs, which only a bundle for visitors needs, and with all that was measured on validation data."""
    if recipe.zero_shot:
        return dataclasses.replace(manifest, metrics=metrics)
    cutoffs = checks.cutoffs(InTraining(method.eval()))
    told = {
        f"validation {kind} {name.replace('_', ' ')}": round(float(getattr(cutoff, name)), 4)
        for kind, cutoff in cutoffs.items()
        for name in ("real_kept", "nonsense_refused")
    }
    log.info("cut-offs: %s", cutoffs)
    values = {kind: round(cutoff.value, 4) for kind, cutoff in cutoffs.items()}
    return dataclasses.replace(manifest, cutoff=values, metrics=metrics | told)


def _selected(
    method: ClipBaseline, data: Mixture, checks: Validation, run: Run, settings: DualEncoder, on_progress: Progress
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Train; return the averaged weights of the epoch with the best validation mAP, and what that epoch measured."""
    state = run.state() or {}
    best, metrics = state.get("best"), state.get("metrics", {})
    judge = ClipBaseline(method.config, method.preprocess)
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


def _line(report: EpochReport, measured: dict[str, float]) -> dict[str, float | int | str]:
    losses = {name: round(value, 4) for name, value in report.losses.items()}
    return {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **losses, **measured}


class InTraining:
    """A method in training, as an encoder: without a fingerprint worth keeping."""

    fingerprint = "in-training·00000000"

    def __init__(self, method: ClipBaseline) -> None:
        self.dim = method.dim
        self.preprocess = method.preprocess
        self.encode_images = method.encode_images
        self.encode_texts = method.encode_texts
