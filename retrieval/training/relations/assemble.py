"""From what a GPU sent back to the bundle that is shipped."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from safetensors.torch import load_file

from retrieval.training.recipe import Made
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.mra import SOURCE
from retrieval.training.recipes.parts.people_bundle import new_start, write_people
from retrieval.training.relations.packing import read_rows

NAME = "mra-people"


def assemble(results: Path, pack: Path, out: Path, tower: Path, trunk: Path, seed: int) -> Made:
    """Write the bundle of one seed, which was trained on what the pack holds."""
    recipe = RECIPES[NAME]
    settings = dataclasses.replace(recipe.settings, out=out, tower=tower, trunk=trunk, seed=seed)
    start = new_start(settings, recipe.config)
    start.learner.load_state_dict(load_file(results / f"mra-{seed}.safetensors"))
    shown = read_rows(pack).where(lambda row: row.domain.name == SOURCE or row.split == "train")
    return write_people(recipe, settings, [shown], start)
