"""What a recipe can be told, readable without torch: the command line is made from these dataclasses."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.types import PAINTING


def told(default: Any, help: str) -> Any:  # noqa: A002  (the word that the command line uses for it)
    """A field with its default and its line in `--help`."""
    return dataclasses.field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class DualEncoder:
    """A plain dual encoder: pictures of every kind, people's drawings, and words."""

    renders: Path = told(Path("runs/world-training-64"), "a set rendered --for training")
    validation: Path = told(Path("runs/world-validation-64"), "a set rendered --for validation")
    packs: Path = told(Path(os.environ.get("GUISE_DATA", "packs")), "the folder of packs")
    run_folder: Path | None = told(None, "log and state; a begun run goes on (default: runs/NAME-SEED)")
    out: Path | None = told(None, "the bundle that is written (default: runs/bundles/NAME-SEED)")
    init: Path | None = told(None, "a bundle of the same architecture to begin from (default: from scratch)")
    seed: int = told(0, "of every random choice")
    epochs: int = told(20, "how long to train")
    steps: int = told(60, "steps in an epoch")
    batch: int = told(128, "pictures in a step")
    group: int = told(4, "pictures of one class that stand in a batch together")
    size: int = told(64, "pixels that the encoder reads")
    people: float = told(0.26, "share of a batch: people's drawings of the world's classes")
    others: float = told(0.10, "share of a batch: people's drawings of other things")
    rendered: float = told(0.42, "share of a batch: the world, its styles evenly")
    icons: float = told(0.08, "share of a batch: emoji and icons")
    photos: float = told(0.14, "share of a batch: photographs")
    validate_every: int = told(4, "epochs between two validations; 0 keeps the last epoch unseen")


@dataclass(frozen=True)
class Recipe:
    """A bundle that can be made: its settings, what it must never see, and why it exists."""

    settings: DualEncoder
    about: str
    zero_shot: bool = False  # nothing of the unseen concepts, in no picture, caption or pack
    without_style: str | None = None  # this style of the world is left out, and whatever looks like it


RECIPES: dict[str, Recipe] = {
    "guise-mini": Recipe(DualEncoder(), "for visitors: all 64 classes"),
    "guise-mini-zs": Recipe(DualEncoder(), "for protocols: without the unseen concepts", zero_shot=True),
    "guise-mini-zs-no-painting": Recipe(
        DualEncoder(validate_every=0),
        "for protocols: without the unseen concepts and without paintings",
        zero_shot=True,
        without_style=PAINTING.name,
    ),
}
