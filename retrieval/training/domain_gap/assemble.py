"""From what a GPU sent back to the bundle of the prior with its branch."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from retrieval.errors import DataError
from retrieval.training.domain_gap.packing import MORE, SOURCE, TARGET
from retrieval.training.domain_gap.run import PRIOR, read_prior
from retrieval.training.recipe import Made
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.parts.figure_training import new_prior, write_figures
from retrieval.training.relations.packing import read_rows
from retrieval.types import Domain

NAME = "people-prior"


def assemble(results: Path, pack: Path, out: Path, tower: Path, latents: Path, step: float = 0.0) -> Made:
    """Write the bundle of the weights in `results`, which learnt what the pack holds; step: of U-Net and branch in few
    bits, 0 for none. Raises DataError where the branch was not finished.
    """
    recipe = RECIPES[NAME]
    settings = dataclasses.replace(recipe.settings, out=out, tower=tower, latents=latents)
    start = new_prior(recipe, settings)
    if not read_prior(results / PRIOR, start.learner):
        raise DataError(f"{results / PRIOR} holds no prior whose branch was trained to its end. Run both stages.")
    table, more = read_rows(pack), read_rows(pack / MORE)
    shown = {name: table.where(domain=Domain(name), split="train") for name in (SOURCE, TARGET)}
    return Made(write_figures(recipe, settings, shown | {"more": more}, start, step))
