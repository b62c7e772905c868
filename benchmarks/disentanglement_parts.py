"""What the shipped prior draws from what, where and style, measured: the part "swaps" of `benchmarks.disentanglement`.

Everything is drawn by the student, as on the page, where there is one. The drawings by people are of the test split,
which nothing was trained on, a few of each class, drawn at random with the plan's seed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import ROOT
from benchmarks.disentanglement_sources import GALLERY, JUDGE, STUDENT, masks
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.judge import load_judge
from retrieval.artifacts.manifest import MANIFEST
from retrieval.artifacts.prior import LoadedPrior, load_prior
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.guidance import GUIDANCE
from retrieval.diffusion.samplers import Sampler
from retrieval.diffusion.spelling import Spelling
from retrieval.evaluation.code_quality import measure_probes
from retrieval.evaluation.easel import Easel, map_features
from retrieval.evaluation.generation_quality import tokens
from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.swapped_parts import Swaps
from retrieval.methods.dude import Dude
from retrieval.types import DOODLE
from retrieval.world.split import ALL

SEEKER = ROOT / "checkpoints" / "guise-base"  # who looks for the very object
OF_EACH = 4  # drawings by people of a class
LEAK = Target("<=", 0.35)


def measure_parts(
    loaded: LoadedPrior, method: Dude | None, counts: tuple[int, int, int], packs: Path, seed: int
) -> Iterator[Measurement]:
    """The rows of the part; counts of (swaps, each control, sliders). method: None where no code fits the prior."""
    easel = set_up(loaded, method)
    real = read_rendered(GALLERY).in_memory(easel.prior.config.size)
    say("swaps from the gallery")
    swaps = Swaps(easel, real, counts[0], seed)
    yield from swaps.measure(counts[1])
    say("people's doodles")
    yield from swaps.measure_doodles(doodles(packs, seed))
    say("colours and sliders")
    yield from swaps.measure_colors(masks(real))
    yield from swaps.measure_sliders(counts[2])
    say("the very object")
    yield from swaps.measure_instances(load_bundle(SEEKER), counts[0])


def measure_maps(loaded: LoadedPrior) -> list[Measurement]:
    """What probes read off the maps of the gallery's pictures: of all, so that they stand beside those of codes."""
    prior = set_up(loaded, None).prior
    real = read_rendered(GALLERY).in_memory(prior.config.size)
    return measure_probes("map", map_features(prior, real), real, (None, LEAK))


def set_up(loaded: LoadedPrior, method: Dude | None) -> Easel:
    """The student at work, or the prior itself where there is none."""
    judge = load_judge(JUDGE)
    codes = None if method is None else spelled(loaded, method)
    if not (STUDENT / MANIFEST).is_file():
        return Easel(loaded.prior, judge, Sampler(guidance=GUIDANCE), codes, 1.5)
    student = load_prior(STUDENT)
    return Easel(student.prior, judge, Sampler(student.steps, 1.0, student=True), codes)


def spelled(loaded: LoadedPrior, method: Dude) -> Callable[[PictureTable], Tensor]:
    """DUDE's words for pictures, in the words that the prior was taught."""
    spelling = Spelling(loaded.prior.reader, loaded.classes)

    def codes(pictures: PictureTable) -> Tensor:
        with torch.inference_mode():
            return spelling(tokens(method, pictures.in_memory(loaded.prior.config.size)))

    return codes


def doodles(packs: Path, seed: int) -> PictureTable:
    """A few drawings of each class that people made."""
    drawn = quickdraw(packs / "quickdraw345", ALL, "test")
    rng = np.random.default_rng(seed)
    by_class = drawn.rows_by("labels")
    chosen = [row for label in ALL for row in sorted(rng.permutation(by_class[label])[:OF_EACH].tolist())]
    return drawn.select(chosen).with_columns(domains=DOODLE.name)


def say(what: str) -> None:
    """What is being measured, for those who wait."""
    sys.stderr.write(f"  {what}\n")
