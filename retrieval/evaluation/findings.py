"""What was found with one seed, and how the seeds become one line of a results file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any

import numpy as np

from retrieval.evaluation.metrics import Values, bootstrap_interval

SEEN, UNSEEN = "classes the prior saw", "classes the prior did not see"


@dataclass(frozen=True)
class Finding:
    """A number, what it was wanted to be, how it was measured, and what it is by chance (None: there is no such).

    `values` holds one number for each query or picture, of which `value` is the mean, for an interval; NaN: none.
    """

    name: str
    value: float
    how: str
    wanted: str = ""
    unit: str = "share"
    chance: float | None = None
    values: Values | None = None
    curve: Sequence[Sequence[float]] = field(default=())  # points, each with its interval, where one number hides much


def mean_finding(name: str, values: Values, how: str, **more: Any) -> Finding:
    """The mean of the values that are numbers, with its interval."""
    kept = values[~np.isnan(values)]
    return Finding(name, float(kept.mean()) if len(kept) else float("nan"), how, values=kept, **more)


def split_findings(
    name: str, values: Values, labels: Sequence[str], seen: Collection[str], how: str, **more: Any
) -> list[Finding]:
    """The mean over all pictures, over those of classes that the prior saw, and over the others; parts without any
    picture are left out. `wanted` is said of the whole alone.
    """
    known = np.array([label in seen for label in labels])
    found = [mean_finding(name, values, how, **more)]
    more.pop("wanted", None)
    for kind, rows in ((SEEN, known), (UNSEEN, ~known)):
        if rows.any() and not rows.all():
            found.append(mean_finding(f"{name}, {kind}", values[rows], f"{how}; {kind}", **more))
    return found


def finding_rows(by_seed: Mapping[int, Sequence[Finding]]) -> list[dict[str, Any]]:
    """A line for each name that was found with some seed, in order: the mean over seeds, each seed, their standard
    deviation, and the interval of the mean, where every seed has a number for each of the same pictures.
    """
    rows = []
    found_of: dict[str, dict[int, Finding]] = {}
    for seed, found in by_seed.items():
        for one in found:
            found_of.setdefault(one.name, {})[seed] = one
    intervals = _intervals({name: [one.values for one in having.values()] for name, having in found_of.items()})
    for name, having in found_of.items():
        first = next(iter(having.values()))
        each = [one.value for one in having.values()]
        row: dict[str, Any] = {"name": name, "value": round(mean(each), 4), "unit": first.unit}
        row |= {"wanted": first.wanted, "how": first.how}
        row["chance"] = None if first.chance is None else round(first.chance, 4)
        row |= {"seeds": list(having), "each seed": [round(value, 4) for value in each]}
        row["spread"] = round(stdev(each), 4) if len(each) > 1 else None
        row["interval"] = intervals[name]
        if first.curve:
            row["curve"] = [[round(float(number), 5) for number in point] for point in first.curve]
        rows.append(row)
    return rows


def _intervals(values: Mapping[str, Sequence[Values | None]]) -> dict[str, list[float] | None]:
    """The bootstrap interval of each mean over pictures, each picture with its mean over seeds; equal numbers of
    pictures one after another, since they share their draws.
    """
    means: dict[str, Values] = {}
    for name, parts in values.items():
        there = [part for part in parts if part is not None]
        if len(there) == len(parts) and len({len(part) for part in there}) == 1 and len(there[0]) > 1:
            means[name] = np.mean(there, axis=0)
    found: dict[str, list[float] | None] = dict.fromkeys(values)
    for name in sorted(means, key=lambda one: len(means[one])):
        found[name] = [round(end, 4) for end in bootstrap_interval(means[name])]
    return found
