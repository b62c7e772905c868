"""Is a student that draws in few steps as good as the prior that taught it? Both draw the same objects in the same
styles, from the same noise; and how far two sets of the prior's own pictures are apart is what to expect.
"""

from __future__ import annotations

import numpy as np
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.prompts import THING_AT, prompt
from retrieval.evaluation.disentanglement import polynomial, squared_mmd
from retrieval.evaluation.generation_quality import (
    Judged,
    Studio,
    agreement,
    codes_of,
    generate,
    judge_pictures,
    plan_swaps,
)
from retrieval.evaluation.measurement import Measurement, Target, mean_measurement
from retrieval.evaluation.metrics import Values

DRAWS = 100  # halves
LESS = -0.03  # by how much a student may be named right less often


@torch.inference_mode()
def measure_student(studio: Studio, student: Studio, real: PictureTable, count: int, seed: int) -> list[Measurement]:
    """`student` draws with its own prior and sampler; codes, judge and spelling are those of `studio`."""
    plan = plan_swaps(real, count, seed)
    vectors = {THING_AT: codes_of(studio, real, plan)}
    words, labels = [prompt(style) for style in plan.styles], [real.labels[row] for row in plan.rows]

    def drawn(who: Studio, noise: int) -> Judged:
        return judge_pictures(studio.judge, generate(who, words, vectors, noise))

    mine, usual, other = drawn(student, seed), drawn(studio, seed), drawn(studio, seed + 1)
    measurements = []
    for kind, rates in (
        ("class", [agreement(predictions.classes, labels) for predictions in (mine, usual)]),
        ("style", [agreement(predictions.styles, plan.styles) for predictions in (mine, usual)]),
    ):
        how = f"{len(labels)} swaps in {student.sampler.steps} steps, and the prior's in {studio.sampler.steps}"
        measurements.append(mean_measurement(f"student swap {kind}", rates[0], how, labels))
        measure, less = f"student swap {kind} less the prior's", rates[0] - rates[1]
        measurements.append(mean_measurement(measure, less, how, labels, target=Target(">=", LESS)))
    among, most = _expected(usual.features, other.features, seed)
    apart = squared_mmd(mine.features, usual.features, polynomial)
    how = f"unbiased, judge features, {len(labels)} pictures each"
    return [
        *measurements,
        Measurement("student KID to the prior", apart, how, unit="", target=Target("<=", round(most, 3)), chance=0.0),
        Measurement(
            "prior KID to itself, other noise", among, f"{how}; with two deviations {most:.3f}", unit="", chance=0.0
        ),
    ]


def _expected(first: Values, other: Values, seed: int) -> tuple[float, float]:
    """The distance of two sets of the prior's pictures, and that with two standard deviations. Halves of a set, each
    picture once, vary about the whole as such wholes do about what they were drawn from.
    """
    rng, count = np.random.default_rng(seed), len(first)
    halves = [rng.choice(count, max(2, count // 2), replace=False) for _ in range(DRAWS)]
    among = squared_mmd(first, other, polynomial)
    draws = [squared_mmd(first[rows], other[rows], polynomial) for rows in halves]
    return among, among + 2 * float(np.std(draws))
