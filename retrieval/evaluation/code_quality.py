"""Is the object apart from the style, as far as codes alone can tell: search, probes, gaps, and company.

Every function takes codes (N, D) under a name and measures the same of them, so that each code stands beside its
controls: the raw feature, the raw feature without its domains' means, the style code.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from retrieval.evaluation.findings import Finding, mean_finding, split_findings
from retrieval.evaluation.measures import expected_average_precision
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.probes import PROBES, Codes, Places, auc, logistic, numbered, right, units

MAIN = "two layers"  # the probe without a name of its own: the strongest of the three readers
TRAINED = 2 / 3  # of the objects of a class, on which probes are trained


def searched(name: str, codes: Codes, real: PictureTable, seen: Collection[str], wanted: str = "") -> list[Finding]:
    """T2: how well each picture finds its class in every other style, with and without what the prior saw."""
    values = across_styles(codes, real.labels, real.domains, real.instances)
    lucky, share = chances(real)
    queries, styles = len(real.labels), len(set(real.domains))
    how = f"{queries} pictures ask each of the {styles - 1} other styles for their class, never for the same object"
    whole = {"chance": lucky, "wanted": wanted}
    found = split_findings(f"mAP {name}", values["mAP@all"], real.labels, seen, how, **whole)
    for k in DEPTHS:
        found.append(mean_finding(f"P@{k} macro {name}", values[f"P@{k}"], "plain P@k, the mean over queries"))
        micro = float(values[f"P@{k} found"].sum() / values[f"P@{k} seen"].sum())
        how = "P@k truncated, micro: no query looks deeper than it has relevant pictures, and weighs what it looks at"
        found.append(Finding(f"P@{k} truncated micro {name}", micro, how, chance=share))
    return found


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


def probed(
    name: str, codes: Codes, real: PictureTable, wanted: tuple[str, str] = ("", ""), *, control: bool = False
) -> list[Finding]:
    """T1: class and domain read off codes by three readers, trained on two thirds of every class's objects and asked
    about the others. `wanted` of (class, domain); control: by one more that learned from shuffled labels.
    """
    train = training_objects(real)
    found = []
    for kind, names, wish in zip(("class", "domain"), (real.labels, real.domains), wanted, strict=True):
        places, count = numbered(names)
        for probe, read in PROBES.items():
            values = right(read(codes[train], places[train], codes[~train], count), places[~train])
            how = f"{probe}, {train.sum()} pictures of some objects -> {(~train).sum()} of others"
            told = f"{kind} probe {name}" if probe == MAIN else f"{kind} probe {name}, {probe}"
            found.append(mean_finding(told, values, how, chance=1 / count, wanted=wish if probe == MAIN else ""))
        if control:
            shuffled = np.random.default_rng(0).permutation(places[train])
            values = right(logistic(codes[train], shuffled, codes[~train], count), places[~train])
            told = f"{kind} probe {name}, labels shuffled"
            found.append(mean_finding(told, values, "control: logistic", chance=1 / count))
    return found


def training_objects(real: PictureTable) -> np.ndarray:
    """Which pictures show one of the first two thirds of the objects of a class.   -> (N,) bool"""
    train = np.zeros(len(real.labels), bool)
    instances = np.asarray(real.instances)
    for label in set(real.labels):
        own = np.unique(instances[np.asarray(real.labels) == label])
        train |= np.isin(instances, own[: max(1, round(TRAINED * len(own)))])
    return train


def gaps(name: str, codes: Codes, real: PictureTable, wanted: tuple[str, str] = ("", "")) -> list[Finding]:
    """T5: how far the codes of two domains are apart, and how well the domains are told apart by a line.

    The two sets never share an object, and have the same number of each class. `wanted` of (MMD, AUC).
    """
    rows, train = units(codes), training_objects(real)
    here, first = np.asarray(real.domains), _every_other_object(real)
    kernel = gaussian(median_distance(rows[:: max(1, len(rows) // 1000)]))
    apart, areas = [], []
    for one, other in combinations(sorted(set(real.domains)), 2):
        apart.append(squared_mmd(rows[(here == one) & first], rows[(here == other) & ~first], kernel))
        both = (here == one) | (here == other)
        places = (here == other).astype(np.int64)
        scores = logistic(rows[both & train], places[both & train], rows[both & ~train], 2)
        areas.append(auc(scores[:, 1] - scores[:, 0], places[both & ~train] == 1))
    halves = [(rows[(here == one) & first], rows[(here == one) & ~first]) for one in sorted(set(real.domains))]
    alike = [squared_mmd(*pair, kernel) for pair in halves]
    how = f"unbiased, Gaussian kernel of median width, mean of {len(apart)} pairs of domains, no object in both sets"
    control = "control: two halves of one domain"
    told = f"logistic probe of two domains, asked about other objects, mean of {len(areas)} pairs"
    return [
        Finding(f"MMD2 between domains {name}", float(np.mean(apart)), how, wanted[0], "", 0.0),
        Finding(f"MMD2 between domains {name}, one domain", float(np.mean(alike)), control, "", "", 0.0),
        Finding(f"domain AUC {name}", float(np.mean(areas)), told, wanted[1], "", 0.5),
    ]


def _every_other_object(real: PictureTable) -> np.ndarray:
    """Which pictures show an object with an even place in its class.   -> (N,) bool"""
    labels, instances = np.asarray(real.labels), np.asarray(real.instances)
    even = {instance for label in set(real.labels) for instance in np.unique(instances[labels == label])[::2]}
    return np.array([instance in even for instance in real.instances])


def company(name: str, codes: Codes, real: PictureTable, wanted: str = "") -> Finding:
    """T6: how much a picture's nearest are of its own style beyond what its style's size explains."""
    values = same_domain_excess(codes, real.domains, real.instances)
    how = f"share of the top {NEAREST} of all styles that are of the query's own, less what is expected by size"
    return mean_finding(f"own style in the top {NEAREST}, {name}", values, how, wanted=wanted, chance=0.0)


def paired(
    pairs: Sequence[tuple[int, Places, Places]], labels: Sequence[str], begins: int, kind: str = ""
) -> list[Finding]:
    """T9: how many of the neighbours that training paired are of one class, epoch by epoch.

    pairs: (epoch, within (N, K), across (N, D, K)), rows or negative, of pictures with `labels` (N,), which training
    did not know. begins: the epoch in which the loss across domains does. kind: what training it was, if not the whole.
    """
    _, counts = np.unique(np.asarray(labels), return_counts=True)
    lucky = float(((counts / counts.sum()) ** 2).sum())
    mined = [one for one in pairs if (one[1] >= 0).any()]
    found = []
    for place, name in ((1, "within domains"), (2, "across domains")):
        points = [(one[0], pair_purity(np.asarray(one[place]).reshape(len(labels), -1), labels)) for one in mined]
        how = f"neighbours of one class, in the last of {len(pairs)} epochs"
        told = f"pair purity {name}{kind}"
        found.append(Finding(told, points[-1][1] if points else float("nan"), how, chance=lucky, curve=points))
        before = [purity for epoch, purity in points if epoch <= begins]
        if place == 2 and len(before) > 1:
            how = f"from epoch {points[0][0]} to {begins}, before the loss across domains begins"
            found.append(Finding(f"{told}, rise before its loss", before[-1] - before[0], how, "> 0", chance=0.0))
    return found


def gained(more: tuple[str, Values], less: tuple[str, Values], wanted: str = "> 0") -> Finding:
    """By how much one code's mAP is above another's, query by query: (name, values (N,)) of each."""
    how = "cross-style mAP@all, paired query by query"
    return mean_finding(f"mAP gain of {more[0]} over {less[0]}", more[1] - less[1], how, wanted=wanted, chance=0.0)


def values_of(findings: Sequence[Finding], name: str) -> Values:
    """The single values of the finding with that name."""
    found = next(one.values for one in findings if one.name == name)
    assert found is not None, f"{name} has no single values"
    return found
