"""Is the object apart from the style, as far as codes alone can tell: search, probes, gaps, and nearest-neighbour
domain bias.

Every function takes codes (N, D) under a name and measures the same of each, so that each code stands beside its
controls: the raw feature, the raw feature without its domains' means, the style code.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from retrieval.data.picture_table import PictureTable
from retrieval.evaluation.disentanglement import (
    DEPTHS,
    NEAREST,
    across_styles,
    gaussian,
    median_distance,
    pair_purity,
    same_domain_excess,
    squared_mmd,
)
from retrieval.evaluation.measurement import (
    GAIN,
    SEARCH,
    Measurement,
    Target,
    mean_measurement,
    split_measurements,
)
from retrieval.evaluation.measures import expected_average_precision
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import PROBES, Codes, Places, auc, logistic, numbered, right, units

MAIN = "two layers"  # the probe that has a target: the strongest of the three
Targets = tuple[Target | None, Target | None]
ABOVE = Target(">", 0.0)
WIDTH_ROWS = 1000  # at random: every so many rows of a table that takes turns are of some domains alone
TRAINED = 2 / 3  # of the objects of a class, on which probes are trained


DOMAIN_BIAS = f"own style in the top {NEAREST}"
DOMAIN_AUC, MMD = "domain AUC", "MMD2 between domains"
SHUFFLED, ONE_DOMAIN = "labels shuffled", "one domain"  # controls


def probe_name(kind: str, probe: str) -> str:
    """The measure of a probe that reads "class" or "domain"."""
    return f"{kind} probe, {probe}"


def measure_search(
    name: str, codes: Codes, real: PictureTable, seen: Collection[str], target: Target | None = None
) -> list[Measurement]:
    """T2: how well each picture finds its class in every other style, with and without what the prior saw."""
    values = across_styles(codes, real.labels, real.domains, real.instances)
    lucky, share = chances(real)
    queries, styles = len(real.labels), len(set(real.domains))
    how = f"{queries} pictures ask each of the {styles - 1} other styles for their class, never for the same object"
    whole = {"chance": lucky, "target": target, "code": name}
    measurements = split_measurements(SEARCH, values["mAP@all"], real.labels, seen, how, **whole)
    for k in DEPTHS:
        how = "plain P@k, the mean over queries"
        measurements.append(mean_measurement(f"P@{k} macro", values[f"P@{k}"], how, real.labels, code=name))
        micro = float(values[f"P@{k} found"].sum() / values[f"P@{k} seen"].sum())
        how = "P@k truncated, micro: no query looks deeper than it has relevant pictures, and weighs what it looks at"
        measurements.append(Measurement(f"P@{k} truncated micro", micro, how, code=name, chance=share))
    return measurements


def chances(real: PictureTable) -> tuple[float, float]:
    """mAP@all and P@k of a random order, for the pictures that `across_styles` searches."""
    here, labels, instances = (np.asarray(names) for names in (real.domains, real.labels, real.instances))
    counts: dict[tuple[int, int], int] = {}
    for style in np.unique(here):
        shown = here == style
        for label in np.unique(labels):
            for instance in np.unique(instances[labels == label]):
                considered = shown & (instances != instance)
                asks = int(((instances == instance) & (here != style)).sum())
                key = int((considered & (labels == label)).sum()), int(considered.sum())
                counts[key] = counts.get(key, 0) + asks
    pairs, weights = list(counts), list(counts.values())
    lucky = np.average([expected_average_precision(relevant, total) for relevant, total in pairs], weights=weights)
    return float(lucky), float(np.average([relevant / total for relevant, total in pairs], weights=weights))


def measure_probes(
    name: str, codes: Codes, real: PictureTable, targets: Targets = (None, None), *, control: bool = False
) -> list[Measurement]:
    """T1: class and domain read off codes by three probes, trained on two thirds of every class's objects and asked
    about the others. `targets` of (class, domain); control: one more probe learns from shuffled labels.
    """
    train = training_objects(real)
    asked = np.asarray(real.labels)[~train].tolist()
    measurements = []
    for kind, names, target in zip(("class", "domain"), (real.labels, real.domains), targets, strict=True):
        places, count = numbered(names)
        for probe, read in PROBES.items():
            values = right(read(codes[train], places[train], codes[~train], count), places[~train])
            how = f"{train.sum()} pictures of some objects -> {(~train).sum()} of others"
            more = {"code": name, "chance": 1 / count, "target": target if probe == MAIN else None}
            measurements.append(mean_measurement(probe_name(kind, probe), values, how, asked, **more))
        if control:
            shuffled = np.random.default_rng(0).permutation(places[train])
            values = right(logistic(codes[train], shuffled, codes[~train], count), places[~train])
            more = {"code": name, "control": SHUFFLED, "chance": 1 / count}
            measurements.append(mean_measurement(probe_name(kind, "logistic"), values, "", asked, **more))
    return measurements


def training_objects(real: PictureTable) -> np.ndarray:
    """Which pictures show one of the first two thirds of the objects of a class.   -> (N,) bool"""
    train = np.zeros(len(real.labels), bool)
    instances = np.asarray(real.instances)
    for label in set(real.labels):
        own = np.unique(instances[np.asarray(real.labels) == label])
        train |= np.isin(instances, own[: max(1, round(TRAINED * len(own)))])
    return train


def measure_gaps(name: str, codes: Codes, real: PictureTable, targets: Targets = (None, None)) -> list[Measurement]:
    """T5: how far the codes of two domains are apart, and how well a line separates the domains.

    The two sets never share an object, and have the same number of each class. `targets` of (MMD, AUC).
    """
    rows, train = units(codes), training_objects(real)
    here, first = np.asarray(real.domains), _every_other_object(real)
    kernel = gaussian(median_distance(rows[np.random.default_rng(0).permutation(len(rows))[:WIDTH_ROWS]]))
    apart, areas = [], []
    for first_style, other in combinations(sorted(set(real.domains)), 2):
        apart.append(squared_mmd(rows[(here == first_style) & first], rows[(here == other) & ~first], kernel))
        both = (here == first_style) | (here == other)
        places = (here == other).astype(np.int64)
        scores = logistic(rows[both & train], places[both & train], rows[both & ~train], 2)
        areas.append(auc(scores[:, 1] - scores[:, 0], places[both & ~train] == 1))
    halves = [(rows[(here == style) & first], rows[(here == style) & ~first]) for style in sorted(set(real.domains))]
    alike = [squared_mmd(*pair, kernel) for pair in halves]
    how = f"unbiased, Gaussian kernel of median width, mean of {len(apart)} pairs of domains, no object in both sets"
    control = "control: two halves of one domain"
    lines = f"logistic probe of two domains, asked about other objects, mean of {len(areas)} pairs"
    return [
        Measurement(MMD, float(np.mean(apart)), how, name, unit="", target=targets[0], chance=0.0),
        Measurement(MMD, float(np.mean(alike)), control, name, control=ONE_DOMAIN, unit="", chance=0.0),
        Measurement(DOMAIN_AUC, float(np.mean(areas)), lines, name, unit="", target=targets[1], chance=0.5),
    ]


def _every_other_object(real: PictureTable) -> np.ndarray:
    """Which pictures show an object with an even place in its class.   -> (N,) bool"""
    labels, instances = np.asarray(real.labels), np.asarray(real.instances)
    even = {instance for label in set(real.labels) for instance in np.unique(instances[labels == label])[::2]}
    return np.array([instance in even for instance in real.instances])


def measure_domain_bias(name: str, codes: Codes, real: PictureTable, target: Target | None = None) -> Measurement:
    """T6: how much a picture's nearest neighbours are of its own style beyond what its style's size explains."""
    values = same_domain_excess(codes, real.domains, real.instances)
    how = f"share of the top {NEAREST} of all styles that are of the query's own, less what is expected by size"
    return mean_measurement(DOMAIN_BIAS, values, how, real.labels, code=name, target=target, chance=0.0)


def measure_pairs(
    pairs: Sequence[tuple[int, Places, Places]], labels: Sequence[str], begins: int, control: str = ""
) -> list[Measurement]:
    """T9: how many of the neighbours that training paired are of one class, epoch by epoch.

    pairs: (epoch, within (N, K), across (N, D, K)), rows or negative, of pictures with `labels` (N,), which training
    did not know. begins: the epoch in which the loss across domains does. control: the training, if not the whole.
    """
    _, counts = np.unique(np.asarray(labels), return_counts=True)
    lucky = float(((counts / counts.sum()) ** 2).sum())
    mined = [epoch for epoch in pairs if (epoch[1] >= 0).any()]
    measurements = []
    for place, name in ((1, "within domains"), (2, "across domains")):
        points = tuple((e[0], pair_purity(np.asarray(e[place]).reshape(len(labels), -1), labels)) for e in mined)
        how = f"neighbours of one class, in epoch {pairs[-1][0]}"
        measure, last = f"pair purity {name}", points[-1][1] if points else float("nan")
        measurements.append(Measurement(measure, last, how, control=control, chance=lucky, curve=points))
        before = [purity for epoch, purity in points if epoch <= begins]
        if place == 2 and len(before) > 1:
            how = f"from epoch {points[0][0]} to {begins}, before the loss across domains begins"
            rise = Measurement(f"{measure}, rise before its loss", before[-1] - before[0], how, control=control)
            measurements.append(replace(rise, target=ABOVE, chance=0.0))
    return measurements


def measure_gain(
    more: tuple[str, Values], less: tuple[str, Values], labels: Sequence[str] = (), target: Target | None = ABOVE
) -> Measurement:
    """By how much one code's mAP is above another's, its control, query by query: (name, values (N,)) of each."""
    how = "cross-style mAP@all, paired query by query"
    about = {"code": more[0], "control": less[0], "target": target, "chance": 0.0}
    return mean_measurement(GAIN, more[1] - less[1], how, labels, **about)


def search_values(measurements: Sequence[Measurement]) -> Values:
    """The average precision of each query, from what `measure_search` returns.   -> (N,)"""
    values = measurements[0].values
    assert measurements[0].measure == SEARCH
    assert values is not None
    return values
