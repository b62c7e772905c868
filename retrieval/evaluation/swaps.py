"""Objects in styles that they were not seen in: are they still named right, in the style that was asked for, and near
the true picture of that object in that style, which the rendered world knows?

Every rate is a share of the judge's own on real pictures, and stands beside controls that were drawn with shuffled
codes, with shuffled words and without a style.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.judge import Judge
from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.prompts import THING_AT, prompt
from retrieval.evaluation.disentanglement import against_truth, harmonic, nearest_distances, polynomial, squared_mmd
from retrieval.evaluation.findings import SEEN, UNSEEN, Finding, mean_finding, split_findings
from retrieval.evaluation.generation_quality import Judged, Plan, Studio, codes_of, judged, pictures, planned, same
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import units

SMALL = 16  # pixels on a side of pictures whose pixels are compared
CONTENT = 0.7  # of the judge's accuracy on real pictures: what a swap is wanted to reach
AT_HOME = "share of the judge's own accuracy on real pictures"
BATCH = 256  # real pictures that are looked at at once


def swap_findings(
    studio: Studio,
    real: PictureTable,
    seen: Collection[str],
    counts: tuple[int, int],
    seed: int,
    *,
    home: PictureTable | None = None,
    known: PictureTable | None = None,
) -> list[Finding]:
    """T3: objects in styles that they were not seen in, and the controls. `counts` of pictures (swaps, each control).

    home: held-out pictures that were made at the size of the judge, for its own accuracy; where they are not given, the
    real ones. known: the prior's training pictures.
    """
    plan = planned(real, counts[0], seed)
    z = codes_of(studio, real, plan)  # (B, W)
    own = judged(studio.judge, real.tensor())
    swapped = pictures(studio, [prompt(style) for style in plan.styles], {THING_AT: z}, seed)
    told = judged(studio.judge, swapped)
    rates = Rates(studio.judge, real, home or real, seen)
    found = [
        *rates.of_swaps(plan, told),
        *_truth(real, plan, told.features, own.features, "judge features"),
        *_truth(real, plan, small(swapped), _of_all(small, real), "pixels"),
        *_inception(real, plan, told.features, own.features),
        *_controls(studio, rates, z[: counts[1]], Plan(plan.rows[: counts[1]], plan.styles[: counts[1]]), seed),
        *_unspelled(studio, rates, plan, seed),
    ]
    for kind, right in (("class", same(own.classes, real.labels)), ("style", same(own.styles, real.domains))):
        how = f"the judge on the {len(real.labels)} pictures that give the objects, brought to its size"
        found.append(mean_finding(f"judge {kind}, sources", right, how, chance=rates.lucky[kind]))
    return found + (_copied(studio.judge, swapped, real, known) if known is not None else [])


class Rates:
    """How often drawn pictures are named what was asked for, and that as a share of the judge's own rate."""

    def __init__(self, judge: Judge, real: PictureTable, home: PictureTable, seen: Collection[str]) -> None:
        self.real = real
        self.lucky = {"class": 1 / len(judge.classes), "style": 1 / len(judge.styles)}
        self._seen = seen
        self._known = np.array([label in seen for label in home.labels])
        own = judged(judge, home.tensor())
        self._home = {"class": same(own.classes, home.labels), "style": same(own.styles, home.domains)}

    def right(self, plan: Plan, told: Judged) -> dict[str, Values]:
        """Where class and style were named as asked for.   -> (B,) each"""
        labels = [self.real.labels[row] for row in plan.rows]
        return {"class": same(told.classes, labels), "style": same(told.styles, plan.styles)}

    def ratio(
        self,
        kind: str,
        values: Values,
        name: str,
        how: str,
        *,
        rows: npt.NDArray[np.bool_] | None = None,
        wanted: str = "",
    ) -> Finding:
        """A rate as a share of the judge's own, on some rows of the real pictures; chance likewise."""
        home = self._home[kind] if rows is None else self._home[kind][rows]
        own = max(float(home.mean()), 1e-9)
        return mean_finding(name, values / own, how, wanted=wanted, chance=self.lucky[kind] / own)

    def of_swaps(self, plan: Plan, told: Judged) -> list[Finding]:
        """The rates of a plan, together and by what the prior saw."""
        right = self.right(plan, told)
        found = [one for kind, values in right.items() for one in self._of_kind(kind, values, plan)]
        lucky = self.lucky["class"] * self.lucky["style"]
        both = right["class"] * right["style"]
        found.append(mean_finding("swap class and style", both, "both named right at once", chance=lucky))
        mean = harmonic(*(float(values.mean()) for values in right.values()))
        found.append(Finding("swap harmonic mean", mean, "of swap class and swap style"))
        leak = same(told.styles, [self.real.domains[row] for row in plan.rows])
        how = "named the style of the picture that gave the object, not the one asked for"
        chance, wanted = self.lucky["style"], "near chance"
        return [*found, mean_finding("swap keeps the source's style", leak, how, chance=chance, wanted=wanted)]

    def _of_kind(self, kind: str, values: Values, plan: Plan) -> list[Finding]:
        labels = [self.real.labels[row] for row in plan.rows]
        known = np.array([label in self._seen for label in labels])
        chance = self.lucky[kind]
        how = f"{len(labels)} objects, each drawn in a style it was not seen in, named by the judge"
        found = split_findings(f"swap {kind}", values, labels, self._seen, how, chance=chance)
        found.append(self.ratio(kind, values, f"swap {kind} ratio", AT_HOME, wanted=f">= {CONTENT}"))
        for part, rows, theirs in ((SEEN, known, self._known), (UNSEEN, ~known, ~self._known)):
            if rows.any() and not rows.all():
                of_part = f"{AT_HOME}; {part}"
                found.append(self.ratio(kind, values[rows], f"swap {kind} ratio, {part}", of_part, rows=theirs))
        home = f"the same judge on {len(self._known)} real pictures that it never saw"
        return [*found, mean_finding(f"judge {kind}, real pictures", self._home[kind], home, chance=chance)]


def _controls(studio: Studio, rates: Rates, codes: Tensor, plan: Plan, seed: int) -> list[Finding]:
    """The same plan, of codes (B, W), with shuffled codes, with shuffled words, and with no style."""
    rng = np.random.default_rng(seed)
    words = [prompt(style) for style in plan.styles]
    mixed = codes[torch.from_numpy(rng.permutation(len(codes)))]
    other = [words[i] for i in rng.permutation(len(words))]
    found = []
    for name, prompts, vectors, wrong in (
        ("codes shuffled", words, mixed, "class"),
        ("words shuffled", other, codes, "style"),
    ):
        told = judged(studio.judge, pictures(studio, prompts, {THING_AT: vectors}, seed))
        how = f"control: {len(codes)} pictures drawn with {name}"
        for kind, values in rates.right(plan, told).items():
            wanted = "near chance" if kind == wrong else ""
            found.append(rates.ratio(kind, values, f"swap {kind} ratio, {name}", how, wanted=wanted))
    told = judged(studio.judge, pictures(studio, [prompt()] * len(codes), {THING_AT: codes}, seed))
    leak = same(told.styles, [rates.real.domains[row] for row in plan.rows])
    how = f"{len(codes)} objects drawn with no style told: named the style of the picture that gave the object"
    chance, name = rates.lucky["style"], "object alone shows its source's style"
    found.append(mean_finding(name, leak, how, wanted="near chance", chance=chance))
    kept = rates.right(plan, told)["class"]
    return [*found, mean_finding("object alone, class", kept, "the same pictures", chance=rates.lucky["class"])]


def _unspelled(studio: Studio, rates: Rates, plan: Plan, seed: int) -> list[Finding]:
    """The same plan, drawn from codes as they are found; nothing where they are so anyway."""
    if studio.spelling is None:
        return []
    free = replace(studio, spelling=None)
    vectors = {THING_AT: codes_of(free, rates.real, plan)}
    told = judged(studio.judge, pictures(free, [prompt(style) for style in plan.styles], vectors, seed))
    how = f"control: {len(plan.rows)} pictures drawn from codes as they are found, not spelled in the prior's words"
    right = rates.right(plan, told).items()
    return [rates.ratio(kind, values, f"swap {kind} ratio, codes not spelled", how) for kind, values in right]


def word_findings(studio: Studio, real: PictureTable, seen: Collection[str], count: int, seed: int) -> list[Finding]:
    """What the prior makes of words alone: the most that a code in a word's place can be expected to reach."""
    plan = planned(real, count, seed)
    kept = np.array([real.labels[row] in seen for row in plan.rows])
    told_of = Plan(plan.rows[kept], tuple(np.asarray(plan.styles)[kept].tolist()))
    labels = [real.labels[row] for row in told_of.rows]
    prompts = [prompt(style, label) for style, label in zip(told_of.styles, labels, strict=True)]
    told = judged(studio.judge, pictures(studio, prompts, {}, seed))
    how = f"{len(labels)} pictures of typed words, of classes that the prior saw"
    lucky = 1 / len(studio.judge.classes), 1 / len(studio.judge.styles)
    return [
        mean_finding("prior class, words", same(told.classes, labels), how, chance=lucky[0]),
        mean_finding("prior style, words", same(told.styles, told_of.styles), how, chance=lucky[1]),
    ]


# ---------------------------------------------------------------- swaps beside real pictures


def _truth(real: PictureTable, plan: Plan, drawn: Values, own: Values, space: str) -> list[Finding]:
    """Swaps against the render of the same object in the same style."""
    here, asked = np.asarray(real.domains), np.asarray(plan.styles)
    parts: dict[str, list[Values]] = {}
    for style in sorted(set(plan.styles)):
        rows, shown = plan.rows[asked == style], np.flatnonzero(here == style)
        sought = [real.labels[i] for i in rows], [real.instances[i] for i in rows]
        there = [real.labels[i] for i in shown], [real.instances[i] for i in shown]
        for name, values in against_truth(drawn[asked == style], sought, own[shown], there).items():
            parts.setdefault(name, []).append(values)
    told = {name: np.concatenate(values) for name, values in parts.items()}
    found = []
    for other in ("same class", "other class"):
        share, beats = told["truth"] / told[other], told[f"beats {other}"]
        name = f"swap distance over {other}, {space}"
        how = f"distance in {space} to the true render of that object in that style, over that to others, {other}"
        found.append(mean_finding(name, share, how, wanted="< 1", unit="", chance=1.0))
        name = f"swap nearer to truth than {other}, {space}"
        how = f"share of pictures of the {other} in that style that are farther than the true render, in {space}"
        found.append(mean_finding(name, beats, how, wanted="> 0.5", chance=0.5))
    return found


def small(shown: Tensor) -> Values:
    """Pixels of pictures (N, 3, H, W), few.   -> (N, 3 SMALL^2)"""
    return F.interpolate(shown, (SMALL, SMALL), mode="bilinear", antialias=True).flatten(1).double().numpy()


def _inception(real: PictureTable, plan: Plan, drawn: Values, own: Values) -> list[Finding]:
    """KID of each style, on the judge's features; halves of the real pictures are the control."""
    here, asked = np.asarray(real.domains), np.asarray(plan.styles)
    found, halves = [], []
    for style in sorted(set(plan.styles)):
        shown, made = own[here == style], drawn[asked == style]
        if len(made) < 2 or len(shown) < 4:
            continue
        how = f"unbiased, judge features, {len(made)} swaps against {len(shown)} real pictures"
        found.append(Finding(f"KID {style}", squared_mmd(made, shown, polynomial), how, unit=""))
        halves.append(squared_mmd(shown[::2], shown[1::2], polynomial))
    how = "control: two halves of the real pictures of a style, mean of styles"
    return [*found, Finding("KID real pictures", float(np.mean(halves)), how, unit="", chance=0.0)] if found else []


def _copied(judge: Judge, swapped: Tensor, real: PictureTable, known: PictureTable) -> list[Finding]:
    """Whether swaps are copies: how near the nearest training picture is, beside how near it is to real pictures that
    the prior never saw.
    """
    rows = np.random.default_rng(0).permutation(len(real.labels))[: len(swapped)].tolist()
    looks: dict[str, Callable[[Tensor], Values]] = {
        "pixels": lambda shown: units(
            small(shown) - small(shown).mean(axis=1, keepdims=True)
        ),  # pale ones are near all
        "judge features": lambda shown: judged(judge, shown).features,
    }
    found = []
    for space, look in looks.items():
        training = _of_all(look, known)
        mine, usual = (nearest_distances(look(shown), training) for shown in (swapped, real.tensor(rows)))
        how = f"median distance to the nearest of {len(training)} training pictures, in {space}, over that of real ones"
        ratio = float(np.median(mine) / max(float(np.median(usual)), 1e-12))
        found.append(Finding(f"nearest training picture, {space}", ratio, how, ">= 0.5", "", 1.0))
        how = f"swaps that are nearer to a training picture than 99 % of real held-out pictures are, in {space}"
        copies = (mine < np.quantile(usual, 0.01)).astype(np.float64)
        found.append(mean_finding(f"near copies, {space}", copies, how, wanted="near chance", chance=0.01))
    return found


def _of_all(look: Callable[[Tensor], Values], real: PictureTable) -> Values:
    """What `look` makes of all pictures, some at a time.   -> (N, ...)"""
    starts = range(0, len(real.labels), BATCH)
    return np.concatenate([look(real.tensor(slice(start, start + BATCH))) for start in starts])
