"""What a recipe can be told, readable without torch: the command line is made from these dataclasses,
whose annotations hold the help.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from retrieval.types import CARTOON, ENGRAVING, MOSAIC, PAINTING, PHOTO, SKETCH


@dataclass(frozen=True)
class DualEncoder:
    """A plain dual encoder: pictures of every kind, people's drawings, and words."""

    renders: Annotated[Path, "a set rendered --for training"] = Path("runs/world-training-64")
    validation: Annotated[Path, "a set rendered --for validation"] = Path("runs/world-validation-64")
    gallery: Annotated[Path, "the gallery that the cut-offs are for"] = Path("assets/gallery")
    packs: Annotated[Path, "the folder of packs"] = Path(os.environ.get("GUISE_DATA", "packs"))
    run_folder: Annotated[Path | None, "log and state; a begun run goes on (default: runs/NAME-SEED)"] = None
    out: Annotated[Path | None, "the bundle that is written (default: runs/bundles/NAME-SEED)"] = None
    init: Annotated[Path | None, "a bundle of the same architecture to begin from (default: from scratch)"] = None
    seed: Annotated[int, "of every random choice"] = 0
    epochs: Annotated[int, "how long to train"] = 20
    steps: Annotated[int, "steps in an epoch"] = 60
    batch: Annotated[int, "pictures in a step"] = 128
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 4
    size: Annotated[int, "pixels that the encoder reads"] = 64
    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.26
    others: Annotated[float, "share of a batch: people's drawings of other things"] = 0.10
    rendered: Annotated[float, "share of a batch: the world, its styles evenly"] = 0.42
    icons: Annotated[float, "share of a batch: emoji and icons"] = 0.08
    photos: Annotated[float, "share of a batch: photographs"] = 0.14
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch unseen"] = 4


@dataclass(frozen=True)
class Recipe:
    """A bundle that can be made: its settings, what it must never see, and why it exists."""

    settings: DualEncoder
    about: str
    zero_shot: bool = False  # nothing of the unseen concepts, in no picture, caption or pack
    without_style: str | None = None  # this style of the world is left out, and whatever looks like it


STYLES = (PHOTO.name, PAINTING.name, CARTOON.name, MOSAIC.name, ENGRAVING.name, SKETCH.name)
RECIPES: dict[str, Recipe] = {
    "guise-mini": Recipe(DualEncoder(epochs=24), "for visitors: all 64 classes"),
    "guise-mini-zs": Recipe(DualEncoder(), "for protocols: without the unseen concepts", zero_shot=True),
} | {
    f"guise-mini-zs-no-{style}": Recipe(
        DualEncoder(epochs=6, validate_every=0),
        f"for protocols: without the unseen concepts and without any {style}",
        zero_shot=True,
        without_style=style,
    )
    for style in STYLES
}
