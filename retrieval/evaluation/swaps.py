"""Objects in styles that they were not seen in: are they still named right, in the style that was asked for, and near
the true picture of that object in that style, which the rendered world knows?

Every rate is a share of the judge's own on real pictures, and stands beside controls that were drawn with shuffled
codes, with shuffled words and without a style.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.judge import Judge
from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.prompts import THING_AT, prompt
from retrieval.evaluation.disentanglement import against_truth, harmonic, nearest_distances
from retrieval.evaluation.generation_quality import (
    Judged,
    Plan,
    Studio,
    agreement,
    codes_of,
    generate,
    judge_pictures,
    labels_of,
    measure_inception,
    plan_swaps,
)
from retrieval.evaluation.measurement import (
    CHANCE,
    SEEN,
    UNSEEN,
    Measurement,
    Target,
    mean_measurement,
    split_measurements,
)
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import units

SMALL = 16  # pixels on a side of pictures whose pixels are compared
CONTENT = 0.7  # of the judge's accuracy on real pictures: what a swap is wanted to reach
NEAR_CHANCE = Target("near", 0.0, CHANCE)
AT_HOME = "share of the judge's own accuracy on real pictures"
BATCH = 256  # real pictures that are looked at at once


def measure_swaps(
    studio: Studio,
    real: PictureTable,
    seen: Collection[str],
    counts: tuple[int, int],
    seed: int,
    *,
    home: PictureTable | None = None,
    known: PictureTable | None = None,
) -> list[Measurement]:
    """T3: objects in styles that they were not seen in, and the controls. `counts` of pictures (swaps, each control).

    home: held-out pictures that were made at the size of the judge, for its own accuracy; where they are not given, the
    real ones. known: the prior's training pictures.
    """
    plan = plan_swaps(real, counts[0], seed)
    z = codes_of(studio, real, plan)  # (B, W)
    own = judge_pictures(studio.judge, real.tensor())
    swapped = generate(studio, [prompt(style) for style in plan.styles], {THING_AT: z}, seed)
    predictions = judge_pictures(studio.judge, swapped)
    rates = Rates(studio.judge, real, home or real, seen)
    measurements = [
        *rates.of_swaps(plan, predictions),
        *_truth(real, plan, predictions.features, own.features, "judge features"),
        *_truth(real, plan, small(swapped), _of_all(small, real), "pixels"),
        *measure_inception(predictions.features, plan.styles, own.features, real.domains, seed),
        *_controls(studio, rates, z[: counts[1]], Plan(plan.rows[: counts[1]], plan.styles[: counts[1]]), seed),
        *_unspelled(studio, rates, plan, seed),
    ]
    for kind, right in (("class", agreement(own.classes, real.labels)), ("style", agreement(own.styles, real.domains))):
        how = f"the judge on the {len(real.labels)} pictures that give the objects, brought to its size"
        about = {"control": "sources", "chance": rates.lucky[kind]}
        measurements.append(mean_measurement(f"judge {kind}", right, how, real.labels, **about))
    return measurements + (_copied(studio.judge, swapped, real, plan, known) if known is not None else [])


class Rates:
    """How often drawn pictures are named what was asked for, and that as a share of the judge's own rate."""

    def __init__(self, judge: Judge, real: PictureTable, home: PictureTable, seen: Collection[str]) -> None:
        self.real = real
        self.lucky = {"class": 1 / len(judge.classes), "style": 1 / len(judge.styles)}
        self._seen = seen
        self._known = np.array([label in seen for label in home.labels])
        own = judge_pictures(judge, home.tensor())
        self._home_labels = home.labels
        self._home = {"class": agreement(own.classes, home.labels), "style": agreement(own.styles, home.domains)}

    def right(self, plan: Plan, predictions: Judged) -> dict[str, Values]:
        """Where class and style were named as asked for.   -> (B,) each"""
        return {
            "class": agreement(predictions.classes, labels_of(self.real, plan)),
            "style": agreement(predictions.styles, plan.styles),
        }

    def ratio(
        self,
        kind: str,
        values: Values,
        how: str,
        labels: Sequence[str],
        *,
        rows: npt.NDArray[np.bool_] | None = None,
        **about: Any,
    ) -> Measurement:
        """A rate as a share of the judge's own, on some rows of the real pictures; chance likewise."""
        home = self._home[kind] if rows is None else self._home[kind][rows]
        own = max(float(home.mean()), 1e-9)
        chance = self.lucky[kind] / own
        return mean_measurement(f"swap {kind} ratio", values / own, how, labels, chance=chance, **about)

    def of_swaps(self, plan: Plan, predictions: Judged) -> list[Measurement]:
        """The rates of a plan, together and by what the prior saw."""
        right, labels = self.right(plan, predictions), labels_of(self.real, plan)
        measurements = [part for kind, values in right.items() for part in self._of_kind(kind, values, plan)]
        lucky = self.lucky["class"] * self.lucky["style"]
        both = right["class"] * right["style"]
        how = "both named right at once"
        measurements.append(mean_measurement("swap class and style", both, how, labels, chance=lucky))
        mean = harmonic(*(float(values.mean()) for values in right.values()))
        measurements.append(Measurement("swap harmonic mean", mean, "of swap class and swap style"))
        leak = agreement(predictions.styles, [self.real.domains[row] for row in plan.rows])
        how = "named the style of the picture that gave the object, not the one asked for"
        about = {"chance": self.lucky["style"], "target": NEAR_CHANCE}
        return [*measurements, mean_measurement("swap keeps the source's style", leak, how, labels, **about)]

    def _of_kind(self, kind: str, values: Values, plan: Plan) -> list[Measurement]:
        labels = labels_of(self.real, plan)
        known = np.array([label in self._seen for label in labels])
        chance = self.lucky[kind]
        how = f"{len(labels)} objects, each drawn in a style it was not seen in, named by the judge"
        measurements = split_measurements(f"swap {kind}", values, labels, self._seen, how, chance=chance)
        measurements.append(self.ratio(kind, values, AT_HOME, labels, target=Target(">=", CONTENT)))
        for part, rows, theirs in ((SEEN, known, self._known), (UNSEEN, ~known, ~self._known)):
            if rows.any() and not rows.all():
                names = np.asarray(labels)[rows].tolist()
                measurements.append(self.ratio(kind, values[rows], AT_HOME, names, rows=theirs, subset=part))
        home = f"the same judge on {len(self._known)} real pictures that it never saw"
        about = {"control": "real pictures", "chance": chance}
        own = mean_measurement(f"judge {kind}", self._home[kind], home, self._home_labels, **about)
        return [*measurements, own]


def _controls(studio: Studio, rates: Rates, codes: Tensor, plan: Plan, seed: int) -> list[Measurement]:
    """The same plan, of codes (B, W), with shuffled codes, with shuffled words, and with no style."""
    rng = np.random.default_rng(seed)
    words = [prompt(style) for style in plan.styles]
    mixed = codes[torch.from_numpy(rng.permutation(len(codes)))]
    other = [words[i] for i in rng.permutation(len(words))]
    labels = labels_of(rates.real, plan)
    measurements = []
    for name, prompts, vectors, wrong in (
        ("codes shuffled", words, mixed, "class"),
        ("words shuffled", other, codes, "style"),
    ):
        predictions = judge_pictures(studio.judge, generate(studio, prompts, {THING_AT: vectors}, seed))
        how = f"{len(codes)} pictures drawn with {name}"
        for kind, values in rates.right(plan, predictions).items():
            target = NEAR_CHANCE if kind == wrong else None
            measurements.append(rates.ratio(kind, values, how, labels, control=name, target=target))
    predictions = judge_pictures(studio.judge, generate(studio, [prompt()] * len(codes), {THING_AT: codes}, seed))
    leak = agreement(predictions.styles, [rates.real.domains[row] for row in plan.rows])
    how = f"{len(codes)} objects drawn with no style given: named the style of the picture that gave the object"
    about = {"target": NEAR_CHANCE, "chance": rates.lucky["style"]}
    measurements.append(mean_measurement("object alone shows its source's style", leak, how, labels, **about))
    kept, lucky = rates.right(plan, predictions)["class"], rates.lucky["class"]
    return [*measurements, mean_measurement("object alone, class", kept, "the same pictures", labels, chance=lucky)]


def _unspelled(studio: Studio, rates: Rates, plan: Plan, seed: int) -> list[Measurement]:
    """The same plan, drawn from the codes themselves; nothing where they are drawn from anyway."""
    if studio.spelling is None:
        return []
    free = replace(studio, spelling=None)
    vectors = {THING_AT: codes_of(free, rates.real, plan)}
    predictions = judge_pictures(studio.judge, generate(free, [prompt(style) for style in plan.styles], vectors, seed))
    how = f"{len(plan.rows)} pictures drawn from the codes themselves, not spelled in the prior's words"
    labels, right = labels_of(rates.real, plan), rates.right(plan, predictions).items()
    return [rates.ratio(kind, values, how, labels, control="codes not spelled") for kind, values in right]


def measure_words(
    studio: Studio, real: PictureTable, seen: Collection[str], count: int, seed: int
) -> list[Measurement]:
    """What the prior makes of words alone: the most that a code in a word's place can be expected to reach."""
    plan = plan_swaps(real, count, seed)
    kept = np.array([real.labels[row] in seen for row in plan.rows])
    asked = Plan(plan.rows[kept], tuple(np.asarray(plan.styles)[kept].tolist()))
    labels = [real.labels[row] for row in asked.rows]
    prompts = [prompt(style, label) for style, label in zip(asked.styles, labels, strict=True)]
    predictions = judge_pictures(studio.judge, generate(studio, prompts, {}, seed))
    how = f"{len(labels)} pictures of typed words, of classes that the prior saw"
    lucky = 1 / len(studio.judge.classes), 1 / len(studio.judge.styles)
    return [
        mean_measurement(
            "prior class, typed words", agreement(predictions.classes, labels), how, labels, chance=lucky[0]
        ),
        mean_measurement(
            "prior style, typed words", agreement(predictions.styles, asked.styles), how, labels, chance=lucky[1]
        ),
    ]


# ---------------------------------------------------------------- swaps beside real pictures


def _truth(real: PictureTable, plan: Plan, drawn: Values, own: Values, space: str) -> list[Measurement]:
    """Swaps against the render of the same object in the same style."""
    here, asked = np.asarray(real.domains), np.asarray(plan.styles)
    parts: dict[str, list[Values]] = {}
    labels: list[str] = []  # of the objects, in the order of the parts
    for style in sorted(set(plan.styles)):
        rows, shown = plan.rows[asked == style], np.flatnonzero(here == style)
        sought = [real.labels[i] for i in rows], [real.instances[i] for i in rows]
        there = [real.labels[i] for i in shown], [real.instances[i] for i in shown]
        labels += sought[0]
        for name, values in against_truth(drawn[asked == style], sought, own[shown], there).items():
            parts.setdefault(name, []).append(values)
    distances = {name: np.concatenate(values) for name, values in parts.items()}
    measurements = []
    for other in ("same class", "other class"):
        share, beats = distances["truth"] / distances[other], distances[f"beats {other}"]
        how = f"distance in {space} to the true render of that object in that style, over that to others, {other}"
        about = {"code": space, "target": Target("<", 1.0), "unit": "", "chance": 1.0}
        measurements.append(mean_measurement(f"swap distance over {other}", share, how, labels, **about))
        how = f"share of pictures of the {other} in that style that are farther than the true render, in {space}"
        about = {"code": space, "target": Target(">", 0.5), "chance": 0.5}
        measurements.append(mean_measurement(f"swap nearer to truth than {other}", beats, how, labels, **about))
    return measurements


def small(shown: Tensor) -> Values:
    """Pixels of pictures (N, 3, H, W), few.   -> (N, 3 SMALL^2)"""
    return F.interpolate(shown, (SMALL, SMALL), mode="bilinear", antialias=True).flatten(1).double().numpy()


def _copied(judge: Judge, swapped: Tensor, real: PictureTable, plan: Plan, known: PictureTable) -> list[Measurement]:
    """Whether swaps are copies: how near the nearest training picture is, beside how near it is to real pictures that
    the prior never saw.
    """
    rows = np.random.default_rng(0).permutation(len(real.labels))[: len(swapped)].tolist()
    looks: dict[str, Callable[[Tensor], Values]] = {
        "pixels": lambda shown: units(
            small(shown) - small(shown).mean(axis=1, keepdims=True)
        ),  # pale ones are near all
        "judge features": lambda shown: judge_pictures(judge, shown).features,
    }
    measurements = []
    for space, look in looks.items():
        training = _of_all(look, known)
        mine, usual = (nearest_distances(look(shown), training) for shown in (swapped, real.tensor(rows)))
        how = f"median distance to the nearest of {len(training)} training pictures, in {space}, over that of real ones"
        ratio = float(np.median(mine) / max(float(np.median(usual)), 1e-12))
        nearest = Measurement("nearest training picture", ratio, how, space, unit="", chance=1.0)
        measurements.append(replace(nearest, target=Target(">=", 0.5)))
        how = f"swaps that are nearer to a training picture than 99 % of real held-out pictures are, in {space}"
        copies = (mine < np.quantile(usual, 0.01)).astype(np.float64)
        about = {"code": space, "target": NEAR_CHANCE, "chance": 0.01}
        measurements.append(mean_measurement("near copies", copies, how, labels_of(real, plan), **about))
    return measurements


def _of_all(look: Callable[[Tensor], Values], real: PictureTable) -> Values:
    """What `look` makes of all pictures, some at a time.   -> (N, ...)"""
    starts = range(0, len(real.labels), BATCH)
    return np.concatenate([look(real.tensor(slice(start, start + BATCH))) for start in starts])
