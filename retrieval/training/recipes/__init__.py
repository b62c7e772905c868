"""The registry of recipes: what `python -m retrieval train NAME` can make, gathered from the files of this folder.

A recipe is added as one file here. The file holds

    a frozen dataclass of settings, a subclass of `TrainingSettings`: its fields become the options of the command line,
    their annotations the help;
    a subclass of `Recipe` that answers `sources`, `start`, `stages` and `finish`;
    `RECIPES`, a tuple of its instances: one for each name that can be trained.

Nothing else is touched: the command line, the run folders, resuming and `--device` come with it. The file imports torch
only inside its functions, so that `--help` answers at once.

A recipe of several stages yields several `Stage`s, each with a run of its own, for example a head on features that are
computed once, and then everything:

    def stages(self, settings, sources, start):
        method = start.learner
        head = HeadTraining(method.head, settings.head_epochs)
        yield Stage(head, cached_features(method, sources), self.run(settings, "head"), settings.seed, settings.device)
        yield Stage(method, sources.batches(settings), self.run(settings, "all"), settings.seed, settings.device)

The second stage begins when the first is done, also after an interruption: a finished stage is read from its run. What
must be trained before the learner can start, such as a teacher, is trained in `start`, which also says what every stage
behind the learner has seen: the manifest inherits it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Any

from retrieval.training.recipe import Recipe


def gather(folders: Iterable[str] = __path__) -> dict[str, Recipe[Any]]:
    """The recipes of all files in the folders, by name. Two of one name are a mistake."""
    recipes: dict[str, Recipe[Any]] = {}
    for file in sorted(pkgutil.iter_modules(folders), key=lambda file: file.name):
        if file.ispkg:
            continue
        for recipe in importlib.import_module(f"{__name__}.{file.name}").RECIPES:
            assert recipe.name not in recipes, f"{recipe.name} is a recipe in two files"
            recipes[recipe.name] = recipe
    return recipes


RECIPES = gather()
