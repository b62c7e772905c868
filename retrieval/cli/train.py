"""`python -m retrieval train NAME`: make what a recipe describes. The verb knows the registry, and no recipe."""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

from retrieval.cli.output import progress, say
from retrieval.training.options import add_options
from retrieval.training.recipes import RECIPES


def add_train(verbs: Any) -> None:
    """Add the verb, with a name for every recipe."""
    recipes = verbs.add_parser("train", help="Make a bundle.").add_subparsers(title="bundles", required=True)
    for name, recipe in RECIPES.items():
        parser = recipes.add_parser(name, help=recipe.about, description=recipe.about)
        parser.set_defaults(run=train, recipe=name)
        parser.add_argument("--dry-run", action="store_true", help="print the settings and exit")
        add_options(parser, recipe.settings)


def train(asked: argparse.Namespace) -> None:
    """Make a bundle."""
    recipe = RECIPES[asked.recipe]
    fields = dataclasses.fields(recipe.settings)
    settings = dataclasses.replace(recipe.settings, **{field.name: getattr(asked, field.name) for field in fields})
    say(json.dumps(dataclasses.asdict(settings), indent=2, default=str))
    if asked.dry_run:
        return
    with progress("training", "steps") as show:
        made = recipe.make(settings, show)
    if made.metrics:
        say(json.dumps(dict(made.metrics), indent=2))
    say(f"Saved {made.folder}. {made.hint}".strip())
