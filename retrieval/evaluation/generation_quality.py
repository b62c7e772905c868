"""What the prior does with an object code: what it sees under a right and a wrong one, where it looks, what it draws.

Pictures are named by a judge that learned from renders and drawings. Objects in other styles, and what they show, stand
in `swaps`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.judge import Judge
from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.attention import HeatMaps
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import STYLE_AT, THING_AT, prompt
from retrieval.diffusion.samplers import Sampler, draw, noise, plain
from retrieval.diffusion.spelling import Spelling
from retrieval.disentangle.codes import renormalised_lerp
from retrieval.evaluation.disentanglement import (
    centre,
    curve,
    overlap,
    pointing,
    polynomial,
    spearman,
    squared_mmd,
    within,
)
from retrieval.evaluation.measurement import EVERY_OTHER, Measurement, Target, mean_measurement
from retrieval.evaluation.metrics import Relevance, Values
from retrieval.methods.dude import Dude
from retrieval.methods.proto_ot import ProtoOT

BATCH = 32  # pictures that are drawn at once
LOOKED_AT = (300, 500, 700)  # noise steps at which the prior is watched
STOPS = 7  # of a slider

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Studio:
    """Who takes part: what draws, what makes codes, who judges, and how pictures are reached. `spelling`: how codes
    are given to the prior; None: as they are.
    """

    prior: Prior
    dude: Dude
    judge: Judge
    sampler: Sampler
    spelling: Spelling | None = None


@dataclass(frozen=True)
class Judged:
    """What pictures are named, and what the judge's trunk makes of them."""

    classes: tuple[str, ...]  # (N,)
    styles: tuple[str, ...]  # (N,)
    style_shares: Values  # (N, S)
    features: Values  # (N, F)


@dataclass(frozen=True)
class Plan:
    """Which pictures give their objects, and the styles that those are to be drawn in."""

    rows: Rows  # (B,) of the real pictures
    styles: tuple[str, ...]  # (B,)


@torch.inference_mode()
def tokens(dude: Dude, real: PictureTable, batch: int = 128) -> Tensor:
    """z of every picture.   -> (N, W)"""
    return torch.cat([dude.tokens(part) for part in _normalised(dude, real, batch)])


@torch.inference_mode()
def trunk_features(dude: Dude | ProtoOT, real: PictureTable, batch: int = 128) -> npt.NDArray[np.float32]:
    """What the extractor's trunk makes of every picture, before the head that makes a word of it.   -> (N, F)"""
    return torch.cat([dude.extractor.features(part) for part in _normalised(dude, real, batch)]).numpy()


def _normalised(dude: Dude | ProtoOT, real: PictureTable, batch: int) -> list[Tensor]:
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (dude.preprocess.mean, dude.preprocess.std))
    starts = range(0, len(real.labels), batch)
    size = (dude.preprocess.size,) * 2
    parts = [real.tensor(slice(start, start + batch)) / 2 + 0.5 for start in starts]
    sized = [
        part if part.shape[-2:] == size else F.interpolate(part, size, mode="bilinear", antialias=True)
        for part in parts
    ]
    return [(part - mean) / std for part in sized]


@torch.inference_mode()
def judge_pictures(judge: Judge, pictures: Tensor, batch: int = 128) -> Judged:
    """The judge's word on pictures (N, 3, H, W) in [-1, 1]."""
    features = torch.cat([judge.features(part) for part in pictures.split(batch)])
    classes, styles = judge.named(features)
    return Judged(
        tuple(judge.classes[i] for i in classes.argmax(1).tolist()),
        tuple(judge.styles[i] for i in styles.argmax(1).tolist()),
        styles.double().numpy(),
        judge.standardised(features).double().numpy(),
    )


def agreement(first: Sequence[str], other: Sequence[str]) -> Values:
    """1 where two names agree, else 0.   (N,), (N,) -> (N,)"""
    return (np.asarray(first) == np.asarray(other)).astype(np.float64)


def plan_swaps(real: PictureTable, count: int, seed: int) -> Plan:
    """Sources drawn evenly from all classes, each with one of the other styles, evenly."""
    rng = np.random.default_rng(seed)
    styles = sorted(set(real.domains))
    by_class: dict[str, list[int]] = {}
    for row in rng.permutation(len(real.labels)).tolist():
        by_class.setdefault(real.labels[row], []).append(row)
    order = [row for turn in zip(*(by_class[label] for label in sorted(by_class)), strict=False) for row in turn]
    rows = np.array(order[:count])
    steps = rng.integers(1, len(styles), len(rows))
    asked = [
        styles[(styles.index(real.domains[row]) + step) % len(styles)] for row, step in zip(rows, steps, strict=True)
    ]
    return Plan(rows, tuple(asked))


def measure_inception(
    drawn: Values, asked: Sequence[str], own: Values, here: Sequence[str], seed: int, code: str = ""
) -> list[Measurement]:
    """KID of each style that was asked for, on the judge's features: of drawn pictures (B, F) against real ones (N, F),
    which are in the styles `here`; last, the control.
    """
    measurements = []
    for style in sorted(set(asked)):
        made, shown = drawn[np.asarray(asked) == style], own[np.asarray(here) == style]
        if len(made) < 2 or len(shown) < 4:
            continue
        how = f"unbiased, judge features, {len(made)} swaps against {len(shown)} real pictures"
        measurements.append(Measurement("KID", squared_mmd(made, shown, polynomial), how, code, subset=style, unit=""))
    return [*measurements, real_inception(asked, own, here, seed)] if measurements else []


def real_inception(asked: Sequence[str], own: Values, here: Sequence[str], seed: int) -> Measurement:
    """KID between real pictures (N, F) of one style: as many as there are swaps in it, against the others."""
    apart = []
    for style in sorted(set(asked)):
        shown = own[np.asarray(here) == style]
        size = min(sum(other == style for other in asked), len(shown) // 2)
        if size >= 2:
            apart.append(within(shown, size, polynomial, seed))
    how = "as many real pictures of a style as swaps, at random, against the others of that style, mean of styles"
    return Measurement("KID", float(np.mean(apart)), how, control="real pictures", unit="", chance=0.0)


@torch.inference_mode()
def generate(studio: Studio, prompts: Sequence[str], places: dict[int, Tensor], seed: int) -> Tensor:
    """The pictures of prompts (B,), with vectors (B, W) in the places of words; one noise for each row, the same
    whatever the prompts are.   -> (B, 3, H, W) in [-1, 1]
    """
    parts = []
    for start in range(0, len(prompts), BATCH):
        part = slice(start, start + BATCH)
        states = studio.prior.reader(prompts[part], {place: vectors[part] for place, vectors in places.items()})
        x = noise(studio.prior, seed * 100_003 + start, len(states), locked=False)
        *_, last = draw(studio.prior, states, x, studio.sampler)
        parts.append(last)
    return torch.cat(parts)


@torch.inference_mode()
def codes_of(studio: Studio, real: PictureTable, plan: Plan) -> Tensor:
    """The object codes of a plan, as the prior is given them.   -> (B, W)"""
    codes = tokens(studio.dude, real.select(plan.rows.tolist()))
    return codes if studio.spelling is None else studio.spelling(codes)


def labels_of(real: PictureTable, plan: Plan) -> list[str]:
    """The classes of a plan's objects.   -> (B,)"""
    return [real.labels[row] for row in plan.rows]


# ---------------------------------------------------------------- what the prior does with a code


@torch.inference_mode()
def measure_use(studio: Studio, real: PictureTable, count: int, steps: Sequence[int], seed: int) -> list[Measurement]:
    """T4: by how much the prior's noise error rises when it is given another object's code, or another style's word."""
    plan = plan_swaps(real, count, seed)
    codes, own = codes_of(studio, real, plan), [real.domains[row] for row in plan.rows]
    order = np.argsort([real.labels[row] for row in plan.rows], kind="stable")
    turned = np.empty_like(order)
    turned[order] = np.roll(order, len(order) // 2)  # half the alphabet away: another class
    words, others = [prompt(style) for style in own], [prompt(style) for style in plan.styles]
    latents = studio.prior.latents.encode(real.tensor(plan.rows.tolist()))
    draws = torch.Generator().manual_seed(seed)
    errors: list[Values] = []
    shuffled: list[Values] = []
    wrong: list[Values] = []
    for step in steps:
        t, eps = torch.full((len(latents),), step), torch.randn(latents.shape, generator=draws)
        for kept, prompts, vectors in (
            (errors, words, codes),
            (shuffled, words, codes[turned]),
            (wrong, others, codes),
        ):
            states = studio.prior.reader(prompts, {THING_AT: vectors})
            kept.append(studio.prior.noise_error(latents, eps, t, states).double().numpy())
    measurements = []
    for name, rows in (("codes shuffled", shuffled), ("another style's word", wrong)):
        right, otherwise = np.stack(errors), np.stack(rows)  # (T, B)
        points = tuple((t, *point) for t, point in zip(steps, curve(right, otherwise), strict=True))
        rises = (otherwise - right).mean(axis=0) / right.mean()
        how = f"share by which the noise error rises, {len(latents)} pictures, mean of {len(steps)} noise steps"
        about = {"control": name, "target": Target(">", 0.0), "chance": 0.0, "curve": points}
        measurements.append(mean_measurement("noise error rises", rises, how, labels_of(real, plan), **about))
    return measurements


@torch.inference_mode()
def measure_attention(studio: Studio, real: PictureTable, masks: Relevance, count: int, seed: int) -> list[Measurement]:
    """T7: whether the prior looks up the object's code where the object is. masks (N, H, W) of the real pictures."""
    plan = plan_swaps(real, count, seed)
    z, rows = codes_of(studio, real, plan), plan.rows.tolist()
    latents = studio.prior.latents.encode(real.tensor(rows))
    states = studio.prior.reader([prompt(real.domains[row]) for row in rows], {THING_AT: z})
    heat = HeatMaps(studio.prior, len(rows))
    watched = heat.watch(plain(studio.prior, states))
    draws = torch.Generator().manual_seed(seed)
    for step in LOOKED_AT:
        t, eps = torch.full((len(latents),), step), torch.randn(latents.shape, generator=draws)
        watched(studio.prior.noised(latents, eps, t), t)
    truth = masks[rows]
    large = F.interpolate(heat.maps().float(), truth.shape[1:], mode="bilinear", align_corners=False).double().numpy()
    middle = np.broadcast_to(centre(*truth.shape[1:]), truth.shape)
    share = truth.mean(axis=(1, 2))
    measurements = []
    for code, maps, target in (
        ("object code", large[:, THING_AT], Target(">", 0.0, EVERY_OTHER)),
        ("style word", large[:, STYLE_AT], None),
        ("the middle of the picture", middle, None),
    ):
        how = f"cross-attention on {len(rows)} noised pictures, as many pixels as the object has"
        how = how if maps is not middle else "control: what looks at the middle of every picture"
        lucky = float(np.nanmean(share / (2 - share)))
        for measure, values, about in (
            ("overlap with the object", overlap(maps, truth), {"target": target, "chance": lucky}),
            ("points at the object", pointing(maps, truth), {"chance": float(share.mean())}),
        ):
            measurements.append(mean_measurement(measure, values, how, labels_of(real, plan), code=code, **about))
    return measurements


@torch.inference_mode()
def measure_sliders(studio: Studio, real: PictureTable, count: int, seed: int) -> list[Measurement]:
    """T8: whether the style rises steadily from one word to another, and the object stays."""
    plan = plan_swaps(real, count, seed)
    z, shares, labels = codes_of(studio, real, plan), np.linspace(0.0, 1.0, STOPS), labels_of(real, plan)
    word = studio.prior.reader.word
    ends = [(word(real.domains[row]), word(style)) for row, style in zip(plan.rows, plan.styles, strict=True)]
    right, rising = [], []
    for share in shares.tolist():
        places = {THING_AT: z, STYLE_AT: torch.stack([renormalised_lerp(*pair, share) for pair in ends])}
        predictions = judge_pictures(studio.judge, generate(studio, [prompt()] * len(z), places, seed))
        right.append(agreement(predictions.classes, labels))
        columns = [studio.judge.styles.index(style) for style in plan.styles]
        rising.append(predictions.style_shares[np.arange(len(z)), columns])
    ranks = np.array([spearman(shares, row) for row in np.stack(rising, axis=1)])
    target, chance = Target(">=", 0.8), 1 / len(studio.judge.classes)
    how = f"{len(z)} sliders of {STOPS} stops from the own style's word to another's: rank correlation with its share"
    kept = f"class named right at every stop of {len(z)} sliders, mean"
    return [
        mean_measurement("slider Spearman", ranks, how, labels, target=Target(">", 0.9), unit="", chance=0.0),
        mean_measurement("slider keeps the class", np.mean(right, axis=0), kept, labels, target=target, chance=chance),
        mean_measurement("slider starts with the class", right[0], "the same, at the first stop alone", labels),
    ]
