"""A measured number: of which code, on which subset, under which control, beside chance and the target it was to reach.

    Measurement("swap class ratio", 0.516, subset="classes the prior saw", control="codes shuffled", chance=0.016,
                target=Target(">=", 0.7), how="384 pictures")

Nothing is read out of a name: what a number is about stands in fields. `results` reads files of such records, folds
seeds and judges targets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from retrieval.evaluation.metrics import Values

SEEN, UNSEEN = "classes the prior saw", "classes the prior did not see"
SEARCH, GAIN = "mAP@all across styles", "mAP@all gain"
RIGHT, SHOWN, FIRST = "right in the top 5", "right in the top 5 and shown", "right at the first place"  # of words
HELD_OUT_WORDS = "held-out words"
CHANCE, EVERY_OTHER = "chance", "every other code"  # what a target may refer to, besides the name of a code
RELATIONS = ("<=", ">=", "<", ">", "near")

Ends = tuple[float, float]  # of an interval
Key = tuple[str, str, str, str]


@dataclass(frozen=True)
class Target:
    """What a measurement was to reach: a relation to a number, or to a number plus what `than` refers to: CHANCE,
    EVERY_OTHER, or another code under the same measure, subset and control.

    >>> str(Target(">=", 0.7)), str(Target(">=", -0.02, "raw")), str(Target("near", 0.0, CHANCE))
    ('>= 0.7', '>= raw - 0.02', 'near chance')
    """

    relation: str
    value: float
    than: str = ""

    def __post_init__(self) -> None:
        if self.relation not in RELATIONS:
            raise ValueError(f"A target has the relation {self.relation!r}. Choose among {', '.join(RELATIONS)}.")

    def __str__(self) -> str:
        number = f" {'-' if self.value < 0 else '+'} {abs(self.value):g}" if self.than and self.value else ""
        return f"{self.relation} {self.than}{number}" if self.than else f"{self.relation} {self.value:g}"


@dataclass(frozen=True)
class Measurement:
    """A number, how it was measured, what it is by chance (None: there is no such), and its target (None: no target).

    `values` holds a number for each query or picture, of which `value` is the mean, and `labels` their classes; NaN
    values do not count. Both are there while a number is fresh, for its intervals, and are not written to files.
    """

    measure: str
    value: float
    how: str = ""
    code: str = ""
    subset: str = ""
    control: str = ""
    unit: str = "share"
    target: Target | None = None
    chance: float | None = None
    seeds: tuple[int, ...] = ()
    each_seed: tuple[float, ...] = ()
    interval: Ends | None = None  # 95 %, by query
    class_interval: Ends | None = None  # 95 %, by class
    curve: tuple[tuple[float, ...], ...] = ()  # points, each with its interval, where one number hides much
    values: Values | None = field(default=None, repr=False, compare=False)
    labels: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def key(self) -> Key:
        """What the number is about; no two records of a file share it."""
        return self.measure, self.code, self.subset, self.control

    @property
    def name(self) -> str:
        """The key in words."""
        return ", ".join(part for part in self.key if part)

    def as_row(self) -> dict[str, Any]:
        """The record as it is written: rounded, without what is empty."""
        row: dict[str, Any] = {"measure": self.measure, "code": self.code, "subset": self.subset}
        row |= {"control": self.control, "value": round(self.value, 4), "unit": self.unit}
        row["chance"] = None if self.chance is None else round(self.chance, 4)
        row["target"] = self.target and {key: part for key, part in vars(self.target).items() if part != ""}
        row |= {"how": self.how, "seeds": list(self.seeds), "each_seed": [round(value, 4) for value in self.each_seed]}
        for name in ("interval", "class_interval"):
            ends = getattr(self, name)
            row[name] = ends and [round(end, 4) for end in ends]
        row["curve"] = [[round(float(number), 5) for number in point] for point in self.curve]
        empty: tuple[Any, ...] = (None, "", [])
        return {name: part for name, part in row.items() if part not in empty or name == "unit"}


def mean_measurement(measure: str, values: Values, how: str, labels: Sequence[str] = (), **more: Any) -> Measurement:
    """The mean of the values that are numbers; `labels` (N,) are the classes of the values (N,), if they have any."""
    numbers = ~np.isnan(values)
    kept = values[numbers]
    classes = tuple(np.asarray(labels)[numbers].tolist()) if labels else ()
    value = float(kept.mean()) if len(kept) else float("nan")
    return Measurement(measure, value, how, values=kept, labels=classes, **more)


def split_measurements(
    measure: str, values: Values, labels: Sequence[str], seen: Collection[str], how: str, **more: Any
) -> list[Measurement]:
    """The mean over all pictures, over those of classes that the prior saw, and over the others; subsets without any
    picture are left out. The target is that of the whole alone.
    """
    measurements = [mean_measurement(measure, values, how, labels, **more)]
    more.pop("target", None)
    names, known = np.asarray(labels), np.array([label in seen for label in labels])
    for subset, rows in ((SEEN, known), (UNSEEN, ~known)):
        if rows.any() and not rows.all():
            part = mean_measurement(measure, values[rows], how, names[rows].tolist(), subset=subset, **more)
            measurements.append(part)
    return measurements


def parse_target(payload: Mapping[str, Any] | None) -> Target | None:
    """The target of a record in a file."""
    if payload is None:
        return None
    return Target(str(payload["relation"]), float(payload["value"]), str(payload.get("than", "")))
