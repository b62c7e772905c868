"""How near drawn figures are to the street: distances, a classifier, neighbours, prompts, spread, strength."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from retrieval.artifacts.trunk import load_trunk
from retrieval.data.picture_table import PictureTable
from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.probes import auc, logistic
from retrieval.training.drawn_figures.describe import picture_tokens
from retrieval.training.drawn_figures.draw import text_codes

if TYPE_CHECKING:
    from benchmarks.people import Figures

Features = npt.NDArray[np.float64]
Reader = Callable[[PictureTable], Features]
TRUNK, RANDOM = "ImageNet trunk", "random network"
FILTERED = "DaD, filtered"
ENOUGH = 0.5  # of what is drawn must be left by the filter, or it is not measured
RESAMPLES, SAMPLE = 200, 150
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
SLID, CAPTIONS, SEEDS = 300, 8, 16  # pictures of each strength; prompts and pictures of each, for spread
CHUNK = 64
GROUP = 48  # pictures that a prompt is compared with, its own among them


def measure_gap(figures: Figures) -> list[Measurement]:
    """All rows."""
    rows = list(filter_rows(figures))
    for name, reader in readers():
        real = {"train": reader(figures.street), "test": reader(figures.test)}
        drawn = {"studio renders": reader(figures.studio), "base": reader(figures.base), "DaD": reader(figures.dad)}
        if len(figures.sifted) >= ENOUGH * figures.count:
            drawn[FILTERED] = reader(figures.sifted)
        scale = standard(real["train"])
        real, drawn = ({key: scale(value) for key, value in part.items()} for part in (real, drawn))
        rows += distances(name, real, drawn)
        rows += told_apart(name, real["test"], drawn)
        rows += slid(name, figures, lambda table, read=reader, fit=scale: fit(read(table)), real["test"])  # type: ignore[misc]
        if name == TRUNK:
            rows += neighbours(real, drawn)
            rows.append(spread(figures, lambda table, read=reader, fit=scale: fit(read(table)), real["test"]))  # type: ignore[misc]
    return [*rows, *obeyed(figures)]


# ---------------------------------------------------------------- features


def readers() -> Iterator[tuple[str, Reader]]:
    """Two networks that saw no figure: one with ImageNet's weights, one with none."""
    trunk = load_trunk(Path("checkpoints/trunk-lite0"))
    torch.manual_seed(7)
    widths = (3, 32, 64, 128)
    layers = [nn.Conv2d(a, b, 5, stride=2, padding=2) for a, b in pairwise(widths)]
    untrained = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU()))).eval()
    yield TRUNK, lambda table: features(table, trunk)
    yield RANDOM, lambda table: features(table, lambda x: [untrained(x)])


@torch.no_grad()
def features(table: PictureTable, network: Callable[[Tensor], list[Tensor]]) -> Features:
    """Means and deviations over the picture of the last map that a network makes.   -> (N, D)"""
    parts = []
    for first in range(0, len(table), CHUNK):
        last = network(table.tensor(range(first, min(first + CHUNK, len(table)))))[-1].flatten(2)
        parts.append(torch.cat([last.mean(dim=2), last.std(dim=2)], dim=1))
    return torch.cat(parts).double().numpy()


def standard(known: Features) -> Callable[[Features], Features]:
    """What sets features to mean 0 and deviation 1 of the known ones."""
    mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-8
    return lambda values: (values - mean) / deviation


def squared_mmd(one: Features, other: Features) -> float:
    """The unbiased MMD^2 under (x.y / D + 1)^3: KID (Binkowski et al., 2018), of features (N, D) and (M, D).

    >>> same = np.random.default_rng(0).normal(size=(200, 4))
    >>> abs(squared_mmd(same[:100], same[100:])) < 0.5 < squared_mmd(same[:100], same[100:] + 2)
    True
    """

    def kernel(a: Features, b: Features) -> Features:
        return (a @ b.T / a.shape[1] + 1) ** 3

    n, m = len(one), len(other)
    own, theirs = kernel(one, one), kernel(other, other)
    inside = (own.sum() - np.trace(own)) / (n * (n - 1)) + (theirs.sum() - np.trace(theirs)) / (m * (m - 1))
    return float(inside - 2 * kernel(one, other).mean())


# ---------------------------------------------------------------- tables


def distances(name: str, real: dict[str, Features], drawn: dict[str, Features]) -> Iterator[Measurement]:
    """T-D1: MMD^2 to the test figures, and which share of the base's surplus over training figures is gone."""
    rng = np.random.default_rng(0)
    size = min(SAMPLE, 3 * min(len(part) for part in (*real.values(), *drawn.values())) // 4)
    samples: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        test = pick(real["test"], size, rng)
        for kind, rows in (("street, training", real["train"]), *drawn.items()):
            samples.setdefault(kind, []).append(squared_mmd(pick(rows, size, rng), test))
    how = f"{size} pictures on each side, {RESAMPLES} draws; features: {name}"
    for kind, values in samples.items():
        yield Measurement(
            "MMD^2 to held-out street figures", float(np.mean(values)), how, kind, name, unit="", interval=ends(values)
        )
    each = {kind: np.array(values) for kind, values in samples.items()}
    for kind in each.keys() & {"DaD", FILTERED}:
        closed = (each["base"] - each[kind]) / (each["base"] - each["street, training"])
        mean = (each["base"].mean() - each[kind].mean()) / (each["base"].mean() - each["street, training"].mean())
        yield Measurement(
            "gap closure", float(mean), how, kind, name, target=Target(">", 0.5), interval=ends(closed.tolist())
        )


def pick(rows: Features, size: int, rng: np.random.Generator) -> Features:
    """Some of the rows, each once."""
    return rows[rng.permutation(len(rows))[:size]]


def ends(values: list[float]) -> tuple[float, float]:
    """The middle 95 %."""
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def told_apart(name: str, test: Features, drawn: dict[str, Features]) -> Iterator[Measurement]:
    """T-D2: how well a linear classifier tells drawn from real, trained on one half and asked about the other."""
    rng = np.random.default_rng(1)
    for kind, rows in drawn.items():
        size = min(len(test), len(rows)) // 2 * 2
        real, made = pick(test, size, rng), pick(rows, size, rng)
        half = size // 2
        known, asked = np.concatenate([real[:half], made[:half]]), np.concatenate([real[half:], made[half:]])
        truth = np.repeat([0, 1], half)
        scores = logistic(known, truth, asked, 2)
        value = auc(scores[:, 1] - scores[:, 0], truth == 1)
        how = f"AUC of {half} drawn and {half} real pictures; trained on as many others; features: {name}"
        target = Target("<", 0.0, "base") if kind.startswith("DaD") else None
        yield Measurement(
            "told from real street figures", value, how, kind, name, unit="AUC", chance=0.5, target=target
        )


def neighbours(real: dict[str, Features], drawn: dict[str, Features]) -> Iterator[Measurement]:
    """T-D3: how near the nearest training figure is, beside how near it is to a test figure."""
    usual = nearest(real["test"], real["train"])
    for kind in ("base", "DaD"):
        found = nearest(drawn[kind], real["train"])
        how = "mean distance to the nearest training figure of the street, drawn / held out; ImageNet trunk"
        yield Measurement(
            "nearest training figure",
            float(found.mean() / usual.mean()),
            how,
            kind,
            unit="ratio",
            target=Target(">=", 0.8),
        )
        near = float((found < usual.min()).mean())
        how = "nearer to a training figure than any held-out figure is"
        yield Measurement("drawn nearly twice", near, how, kind, target=Target("<=", 0.01))


def nearest(rows: Features, known: Features) -> Features:
    """The distance of each row to the nearest known one."""
    return torch.cdist(torch.from_numpy(rows), torch.from_numpy(known)).min(dim=1).values.numpy()


def obeyed(figures: Figures) -> Iterator[Measurement]:
    """T-D4: whether a prompt is nearer to its picture than to 47 others, by MRA, which drew nothing."""
    count = len(figures.prompts)
    said = text_codes(figures.method, figures.prompts[:count])
    for kind, table in (("base", figures.base), ("DaD", figures.dad)):
        with torch.no_grad():
            codes = figures.method.picture_codes(picture_tokens(figures.method, table[:count]))
        first = [
            (said[at : at + GROUP] @ codes[at : at + GROUP].T).argmax(dim=1) == torch.arange(len(said[at : at + GROUP]))
            for at in range(0, count, GROUP)
        ]
        how = f"R@1 of {count} prompts among {GROUP} drawn pictures, by mra-people, which saw no drawn picture"
        target = Target(">=", -0.05, "base") if kind == "DaD" else None
        value = float(torch.cat(first).double().mean())
        yield Measurement("prompt finds its picture", value, how, kind, chance=1 / GROUP, target=target)


def spread(figures: Figures, read: Reader, test: Features) -> Measurement:
    """T-D5: how far pictures of one prompt are apart, beside the pictures of one person."""
    table = figures.of_few_captions(CAPTIONS, SEEDS)
    codes, count = read(table), len(table) // SEEDS
    people = figures.test.rows_by("labels").values()
    own = np.mean([apart(test[rows]) for rows in people if len(rows) > 1])
    made = np.mean([apart(part) for part in np.split(codes, count)])
    how = f"mean distance of {SEEDS} pictures of each of {count} captions / of the pictures of one test person"
    return Measurement("spread of one caption", float(made / own), how, "DaD", unit="ratio", target=Target(">=", 0.8))


def apart(rows: Features) -> float:
    """The mean distance of two different rows."""
    return float(torch.pdist(torch.from_numpy(rows)).mean())


def slid(name: str, figures: Figures, read: Reader, test: Features) -> Iterator[Measurement]:
    """T-D8: MMD^2 to the test figures at each strength of the branch, from the same prompts and noise."""
    count = min(SLID, len(figures.prompts))
    for strength in STRENGTHS:
        made = read(figures.at_strength(strength, count))
        rng = np.random.default_rng(2)
        values = [squared_mmd(pick(made, len(made) // 2, rng), pick(test, len(made) // 2, rng)) for _ in range(100)]
        how = f"the same {count} prompts and noise at each strength; features: {name}"
        yield Measurement(
            "MMD^2 by strength", float(np.mean(values)), how, f"s = {strength:g}", name, unit="", interval=ends(values)
        )


def filter_rows(figures: Figures) -> Iterator[Measurement]:
    """The share that the filter drops, beside the paper's 0.1063, and why."""
    kept, count = figures.kept, len(figures.prompts)
    how = f"of {count} drawn pictures; the paper drops 0.106"
    yield Measurement("dropped by the filter", float(1 - kept.rows.mean()), how, "DaD")
    yield Measurement("nearly grey", kept.grey, how, "DaD")
    yield Measurement("unlike their prompts", kept.unlike, f"{how}; below the 5th percentile of real pairs", "DaD")
