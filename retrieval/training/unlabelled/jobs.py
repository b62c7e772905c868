"""Which trainings there are, in waves that train side by side, the most wanted first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

SEEDS = (0, 1, 2)
WAVES = (
    ("dude-world", "dude-world-concentrated", "proto-ot-world"),
    ("dude-world-contrastive", "dude-world-not-mutual", "dude-world-at-once"),
    ("dude-world-joint", "dude-world-noise", "dude-world-no-noise"),
    ("dude-world-no-word", "dude-world-within", "proto-ot-world-oracle"),
    ("dude-world-hubs",),
    (
        "dude-world-no-noise-within",
        "dude-world-no-noise-not-mutual",
        "dude-world-no-noise-hubs",
        "dude-world-no-noise-at-once",
    ),
)
ALONE = (  # what asks no shared prior
    "dude-world-contrastive",
    "dude-world-no-noise",
    "dude-world-joint",
    "proto-ot-world",
    "proto-ot-world-oracle",
    *WAVES[-1],
)
UNASKED = tuple(recipe for recipe in ALONE if recipe != "dude-world-joint")  # what needs no prior to begin
READING = 1 / 3  # epochs of the second phase to an epoch of the first


@dataclass(frozen=True)
class Job:
    """One training."""

    recipe: str
    seed: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.recipe}-{self.seed}"

    @property
    def shares(self) -> bool:
        """Whether it asks the prior that others ask, too."""
        return self.recipe not in ALONE


def all_waves(seeds: Sequence[int] = SEEDS, only: Collection[str] = ()) -> list[list[Job]]:
    """Every training of these seeds, or those of some recipes only."""
    chosen = [[recipe for recipe in wave if not only or recipe in only] for wave in WAVES]
    return [[Job(recipe, seed) for recipe in wave for seed in seeds] for wave in chosen if wave]


def claim(folder: Path, wave: int) -> bool:
    """Take the wave, unless another process has it."""
    try:
        (folder / f"wave-{wave}.claimed").mkdir()
    except FileExistsError:
        return False
    return True
