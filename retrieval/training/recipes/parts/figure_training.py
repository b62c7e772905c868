"""How the prior of figures and its branch are begun, trained and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from retrieval.artifacts.manifest import Source, reference_to
from retrieval.artifacts.prior import LATENTS, TOWER, load_prior, save_prior
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.methods.dad import FigureTraining
from retrieval.training.epochs import Run, Stage
from retrieval.training.recipe import Recipe
from retrieval.training.recipes.parts.figure_pairs import FigureBatches, gather_figures
from retrieval.training.recipes.people_prior import SOURCE, TARGET, PeoplePriorSettings
from retrieval.training.start import Start

POSITIONS = 72  # pieces of words that a caption may have
AVERAGING = 0.995


def new_prior(recipe: Recipe[Any], settings: PeoplePriorSettings) -> Start[Prior]:
    """A prior at random weights, and what stands behind its two shared parts."""
    reader = SentenceReaderConfig(positions=POSITIONS)
    torch.manual_seed(settings.seed)
    config = PriorConfig(**{"size": settings.size, "reader": reader, **recipe.config})
    prior = Prior(config, SentenceReader(load_text_tower(settings.tower), POSITIONS))
    prior.latents = load_prior(settings.latents).prior.latents
    behind = [Provenance.at(settings.tower).inherit(TOWER), Provenance.at(settings.latents).inherit(LATENTS)]
    return Start(prior, behind[0].merge(behind[1]))


def base_stage(settings: PeoplePriorSettings, table: PictureTable, prior: Prior, run: Run) -> Stage:
    """The prior learns the source."""
    training = FigureTraining(prior, False, settings.epochs, settings.lr, settings.again)
    data = FigureBatches(gather_figures(prior, table), settings.batch, settings.steps)
    return Stage(training, data, run, seed=settings.seed, device=settings.device, averaging=AVERAGING)


def branch_stage(settings: PeoplePriorSettings, table: PictureTable, prior: Prior, folder: Path) -> Stage:
    """The branch, a copy of what the prior has learnt, learns the target."""
    assert prior.branch is not None
    prior.branch.begin(prior.unet)
    training = FigureTraining(prior, True, settings.branch_epochs, settings.branch_lr)
    data = FigureBatches(gather_figures(prior, table), settings.batch, settings.steps)
    asked = {"epochs": settings.branch_epochs, "lr": settings.branch_lr, "pictures": len(table), "seed": settings.seed}
    return Stage(training, data, Run(folder, asked), seed=settings.seed, device=settings.device, averaging=AVERAGING)


def write_figures(
    recipe: Recipe[Any],
    settings: PeoplePriorSettings,
    sources: Mapping[str, PictureTable],
    start: Start[Prior],
    step: float = 0.0,
) -> Path:
    """Save the prior without the parts that others have, with what it has seen. step: of weights in few bits."""
    folder = recipe.out_folder(settings)
    count = sum(map(len, sources.values()))
    shown = Source("rendered figures of the Guise world, in the studio and in the street", "Apache-2.0", count)
    own = Provenance.of_training((shown,), domains=(SOURCE, TARGET)).named(recipe.name)
    seen = start.provenance.merge(own)
    save_prior(
        folder,
        start.learner.cpu().eval(),
        name=recipe.name,
        styles=(SOURCE, TARGET),
        classes=(),
        trained_on=seen.sources,
        provenance=seen.stages,
        refers_to={TOWER: reference_to(settings.tower), LATENTS: reference_to(settings.latents)},
        step=step,
    )
    return folder
