"""How the shipped bundles were made: data, settings, seeds, selection. One function per bundle.

`guise_mini` sees rendered pictures of the world and people's drawings of the same classes (training splits), selects
its epoch on validation drawings against validation renders, and never touches what `evaluation.tasks` reports on.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from retrieval.bundle import Manifest, Source, load_bundle, save_bundle
from retrieval.data.batches import HumanDrawings, Mixture, Portion, Renders
from retrieval.data.packs import Sketch, quickdraw, quickdraw_labels
from retrieval.data.world import WorldPictures, world_pictures
from retrieval.encoder import Encoder, Vectors, embed_images, embed_texts
from retrieval.evaluation.metrics import average_precision
from retrieval.images import Preprocess, rasterise
from retrieval.methods import ClipBaseline
from retrieval.training.calibration import Cutoff, calibrated
from retrieval.training.loop import EpochReport, fit
from retrieval.training.runs import Run
from retrieval.types import SKETCH, Domain, Progress, no_progress
from retrieval.world.captions import article

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GuiseMini:
    """What `python -m retrieval train guise-mini` can be told."""

    renders: Path  # a set rendered for training: python -m retrieval world render --for training
    validation: Path  # a set rendered for validation
    packs: Path  # the folder of packs; quickdraw345 is read
    run_folder: Path  # where the run keeps its log and state
    out: Path  # the bundle that is written in the end
    init: Path | None = None  # a bundle of the same architecture to begin from; None: from scratch
    seed: int = 0
    epochs: int = 16
    batch: int = 128
    steps: int = 60  # batches in an epoch
    size: int = 64  # pixels the encoder reads
    human: float = 0.4  # share of every batch that people drew
    validate_every: int = 2  # epochs between two validations


def guise_mini(recipe: GuiseMini, on_progress: Progress = no_progress) -> Manifest:
    """Train, select, calibrate and save `guise-mini`; goes on where an interrupted run stopped."""
    preprocess = Preprocess(recipe.size)
    renders = world_pictures(recipe.renders)
    classes = sorted(set(renders.labels))
    drawings = quickdraw(recipe.packs / "quickdraw345", classes, "train")
    data = Mixture(_portions(renders, drawings, recipe), preprocess, batch=recipe.batch, steps=recipe.steps)
    checks = _Validation(world_pictures(recipe.validation), recipe.packs / "quickdraw345", classes)
    run = Run(recipe.run_folder, dataclasses.asdict(recipe))
    torch.manual_seed(recipe.seed)
    method = ClipBaseline(ClipBaseline.config_type(epochs=recipe.epochs), preprocess)
    before: tuple[Source, ...] = ()
    if recipe.init is not None:
        start = load_bundle(recipe.init)
        method.load_state_dict(start.method.state_dict())
        before = start.manifest.trained_on
    weights, metrics = _selected(method, data, checks, run, recipe, on_progress)
    method.load_state_dict(weights)
    encoder = _Trained(method.eval())
    cutoffs = checks.cutoffs(encoder)
    for kind, cutoff in cutoffs.items():
        log.info("cut-off for %s queries: %s", kind, cutoff)
    manifest = Manifest(
        name="guise-mini",
        method="clip-baseline",
        config=dataclasses.asdict(method.config),
        preprocess=preprocess,
        domains=tuple(dict.fromkeys(renders.domains)),
        classes=tuple(classes),
        dim=method.dim,
        files={},
        seed=recipe.seed,
        trained_on=(
            *before,
            Source("renders of the Guise world", "Apache-2.0", len(renders.labels)),
            Source("Quick, Draw! by Google, drawings of the same classes", "CC BY 4.0", len(drawings)),
        ),
        cutoff={kind: round(cutoff.value, 4) for kind, cutoff in cutoffs.items()},
        metrics=metrics
        | {
            f"validation {kind} {name.replace('_', ' ')}": round(float(getattr(cutoff, name)), 4)
            for kind, cutoff in cutoffs.items()
            for name in ("real_kept", "nonsense_refused")
        },
    )
    return save_bundle(recipe.out, method, manifest)


def _portions(renders: WorldPictures, drawings: Sequence[Sketch], recipe: GuiseMini) -> list[Portion]:
    """People's drawings get their share; the rest is split evenly between the rendered styles."""
    world = Renders(renders, recipe.size)
    styles = dict.fromkeys(renders.domains)
    even = (1 - recipe.human) / len(styles)
    return [
        Portion(HumanDrawings(drawings, recipe.size), SKETCH, recipe.human),
        *(Portion(world, Domain(style), even) for style in styles),
    ]


def _selected(
    method: ClipBaseline, data: Mixture, checks: _Validation, run: Run, recipe: GuiseMini, on_progress: Progress
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """Train; return the averaged weights of the epoch with the best validation mAP, and what that epoch measured."""
    state = run.state() or {}
    best, metrics = state.get("best"), state.get("metrics", {})
    judge = ClipBaseline(method.config, method.preprocess)
    for report in fit(method, data, seed=recipe.seed, resume=state.get("fit"), on_progress=on_progress):
        measured: dict[str, float] = {}
        if report.epoch % recipe.validate_every == 0 or report.epoch == report.epochs:
            weights = report.averaged()
            judge.load_state_dict(weights)
            measured = checks.measured(_Trained(judge.eval()))
            if best is None or measured["validation mAP@all"] > metrics["validation mAP@all"]:
                best, metrics = weights, measured
        run.save({"fit": report.state(), "best": best, "metrics": metrics}, _line(report, measured))
        log.info("%s", _line(report, measured))
    assert best is not None, "the last epoch is always validated"
    return best, metrics


def _line(report: EpochReport, measured: dict[str, float]) -> dict[str, float | int | str]:
    losses = {name: round(value, 4) for name, value in report.losses.items()}
    return {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **losses, **measured}


class _Trained:
    """A method in training, as an encoder: without a fingerprint worth keeping."""

    fingerprint = "in-training·00000000"

    def __init__(self, method: ClipBaseline) -> None:
        self._method = method
        self.dim = method.dim
        self.preprocess = method.preprocess
        self.encode_images = method.encode_images
        self.encode_texts = method.encode_texts


class _Validation:
    """Validation drawings and texts against validation renders."""

    def __init__(self, world: WorldPictures, pack: Path, classes: Sequence[str]) -> None:
        self._world = world
        self._classes = classes
        self._drawings = quickdraw(pack, classes, "val")
        self._others = [label for label in quickdraw_labels(pack) if label not in classes]
        self._other_drawings = quickdraw(pack, self._others, "val")[::8]

    def measured(self, encoder: _Trained) -> dict[str, float]:
        """Drawings -> photos, as the reported task does it, but on validation data."""
        gallery = self._gallery(encoder)
        photos = np.array([domain == "photo" for domain in self._world.domains])
        scores = _drawn(encoder, self._drawings) @ gallery[photos].T
        labels = np.array(self._world.labels)[photos]
        truth = np.array([d.label for d in self._drawings])[:, None] == labels[None, :]
        ranked = np.take_along_axis(truth, np.argsort(-scores, axis=1, kind="stable"), axis=1)
        return {
            "validation mAP@all": round(float(average_precision(ranked).mean()), 4),
        }

    def cutoffs(self, encoder: _Trained) -> dict[str, Cutoff]:
        """One cut-off for pictures and one for texts. Nonsense is what the world does not hold: drawings and names of
        other things.
        """
        gallery = self._gallery(encoder).T

        def best(vectors: Vectors) -> Vectors:
            return np.asarray((vectors @ gallery).max(axis=1))

        real = [
            w.format(c, article(c)) for c in self._classes for w in ("{0}", "{1}", "a picture of {1}", "sketch of {1}")
        ]
        other = [w.format(c, article(c)) for c in self._others for w in ("{0}", "{1}")]
        return {
            "image": calibrated(best(_drawn(encoder, self._drawings)), best(_drawn(encoder, self._other_drawings))),
            "text": calibrated(best(embed_texts(encoder, real)), best(embed_texts(encoder, other))),
        }

    def _gallery(self, encoder: Encoder) -> Vectors:
        rows = zip(self._world.pictures, self._world.domains, strict=True)
        return embed_images(encoder, ((Image.fromarray(picture), Domain(domain)) for picture, domain in rows))


def _drawn(encoder: Encoder, drawings: Sequence[Sketch]) -> Vectors:
    return embed_images(encoder, ((rasterise(d.strokes), SKETCH) for d in drawings))


RECIPES = {"guise-mini": (GuiseMini, guise_mini)}
