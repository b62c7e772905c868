"""Which trainings there are, in the order of how much they matter; and how several processes share them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SEEDS = (0, 1, 2)
MAIN = ("dude-world", "dude-world-contrastive", "dude-world-no-noise", "proto-ot-world")
ONCE = (
    "dude-world-no-word",
    "dude-world-concentrated",
    "dude-world-noise",
    "dude-world-within",
    "dude-world-not-mutual",
    "dude-world-at-once",
    "dude-world-joint",
    "dude-world-hubs",
    "proto-ot-world-oracle",
)
UNASKED = ("dude-world-contrastive", "dude-world-no-noise", "proto-ot-world", "proto-ot-world-oracle")  # no prior
CHEAP = 0.15  # of what a step costs that asks a prior
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
    def cost(self) -> float:
        """Epochs of steps that ask a prior, to one of its epochs."""
        if self.recipe in UNASKED:
            return CHEAP
        return 1 + READING if self.recipe == "dude-world" else 1.0


def all_jobs(seeds: int) -> list[Job]:
    """The main ones of every seed, then the others of one seed after the other."""
    first = [Job(recipe, seed) for recipe in MAIN for seed in SEEDS[:seeds]]
    return first + [Job(recipe, seed) for seed in SEEDS[:seeds] for recipe in ONCE]


def claim(folder: Path, job: Job) -> bool:
    """Take the job, unless another process has it."""
    try:
        (folder / f"{job.name}.claimed").mkdir()
    except FileExistsError:
        return False
    return True


def epochs_that_fit(seconds: float, processes: int, epoch: float, seeds: int, least: int, most: int) -> int:
    """Epochs of the first phase, where an epoch that asks the prior takes so many seconds in each process: so many that
    all main trainings and one of each other are done.
    """
    jobs = [job for job in all_jobs(seeds) if job.recipe in MAIN or job.seed == 0]
    whole = sum(job.cost for job in jobs) / processes
    return max(least, min(most, int(seconds / (epoch * whole))))
