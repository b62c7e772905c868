"""The files under benchmarks/results/, read, and seeds folded: the one door for README, docs and page.

A file holds who measured, when, and rows: in quality.json a `Run` (a bundle on a task with one seed), in all others a
`Measurement`. Of several seeds a `Summary` holds mean and standard deviation, and the 95 % intervals by query and by
class: of runs those of the first seed (the one that is shipped), of measurements those of the mean over seeds.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Generic, TypeVar

import numpy as np

from retrieval.errors import DataError
from retrieval.evaluation.measurement import CHANCE, EVERY_OTHER, Ends, Key, Measurement, Target, parse_target
from retrieval.evaluation.metrics import bootstrap_interval, class_interval

FLOOR = "floor:"
BASELINE = " + domain mean removed"
NEAR = 0.05  # how far from its target what is to be near it may be
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "near": lambda value, target: abs(value - target) <= NEAR,
}
NOT_MEASURED = "not measured"
T = TypeVar("T")


# ---------------------------------------------------------------- the files


@dataclass(frozen=True)
class Run:
    """A row of quality.json. `chance` is the share of the gallery that is relevant to a query; intervals are empty
    where none was measured.
    """

    task: str
    bundle: str
    seed: int | None
    queries: int
    gallery: int
    chance: float
    metrics: Mapping[str, float]
    interval: Mapping[str, Ends]
    class_interval: Mapping[str, Ends]


@dataclass(frozen=True)
class Record(Generic[T]):
    """A file: who measured, when, and the rows."""

    made: str
    machine: str
    rows: Sequence[T]


def read_runs(path: Path) -> Record[Run]:
    """quality.json. Raises DataError where it is missing, damaged or empty."""
    return _read(path, _parse_run)


def read_measurements(path: Path) -> Record[Measurement]:
    """Any other file of results. Raises DataError where it is missing, damaged or empty."""
    record = _read(path, _parse_measurement)
    if len({row.key for row in record.rows}) < len(record.rows):
        raise DataError(f"The results in {path.name} cannot be read: two rows are about the same.")
    return record


def _read(path: Path, parse: Callable[[Any], T]) -> Record[T]:
    try:
        payload = json.loads(path.read_text(encoding="utf-8"))
        record = Record(str(payload["made"]), str(payload["machine"]), [parse(row) for row in payload["rows"]])
    except FileNotFoundError as error:
        raise DataError(f"Nothing is measured here yet: {path.name} is missing.") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DataError(f"The results in {path.name} cannot be read: the file is damaged.") from error
    if not record.rows:
        raise DataError(f"Nothing is measured here yet: {path.name} is empty.")
    return record


def _parse_run(row: Any) -> Run:
    metrics = {str(name): _number(value) for name, value in row["metrics"].items()}
    if not metrics:
        raise ValueError("a row without metrics")
    return Run(
        task=str(row["task"]),
        bundle=str(row["bundle"]),
        seed=None if row["seed"] is None else int(row["seed"]),
        queries=int(row["queries"]),
        gallery=int(row["gallery"]),
        chance=_number(row["chance"]),
        metrics=metrics,
        interval={str(name): _ends(ends) for name, ends in row["interval"].items()},
        class_interval={str(name): _ends(ends) for name, ends in row["class_interval"].items()},
    )


def _parse_measurement(row: Any) -> Measurement:
    chance, interval, by_class = (row.get(name) for name in ("chance", "interval", "class_interval"))
    return Measurement(
        measure=str(row["measure"]),
        value=_number(row["value"]),
        how=str(row.get("how", "")),
        code=str(row.get("code", "")),
        subset=str(row.get("subset", "")),
        control=str(row.get("control", "")),
        unit=str(row["unit"]),
        target=parse_target(row.get("target")),
        chance=None if chance is None else _number(chance),
        seeds=tuple(map(int, row.get("seeds", ()))),
        each_seed=tuple(map(_number, row.get("each_seed", ()))),
        interval=None if interval is None else _ends(interval),
        class_interval=None if by_class is None else _ends(by_class),
        curve=tuple(tuple(map(_number, point)) for point in row.get("curve", ())),
    )


def _ends(ends: Any) -> Ends:
    low, high = ends
    return _number(low), _number(high)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no measurement")
    return number


# ---------------------------------------------------------------- seeds


@dataclass(frozen=True)
class Summary:
    """A number of one or several seeds: mean, standard deviation (None with one), how many seeds (0: nothing was
    trained), and the first seed's 95 % intervals by query and by class (None: not measured).
    """

    mean: float
    deviation: float | None = None
    seeds: int = 0
    interval: Ends | None = None
    class_interval: Ends | None = None

    def text(self, sign: str = "") -> str:
        """
        >>> Summary(0.5, 0.354, 2).text(), Summary(0.5).text("+")
        ('0.500 ± 0.354', '+0.500')
        """
        return f"{self.mean:{sign}.3f}" + ("" if self.deviation is None else f" ± {self.deviation:.3f}")


def interval_text(ends: Ends | None, sign: str = "") -> str:
    """
    >>> interval_text((0.333, 0.383)), interval_text(None)
    ('[0.333, 0.383]', 'not measured')
    """
    return f"[{ends[0]:{sign}.3f}, {ends[1]:{sign}.3f}]" if ends else NOT_MEASURED


def summarise(values: Sequence[float], interval: Ends | None = None, by_class: Ends | None = None) -> Summary:
    """Values of several seeds, folded.

    >>> summarise([0.25, 0.75]).text()
    '0.500 ± 0.354'
    """
    return Summary(mean(values), stdev(values) if len(values) > 1 else None, len(values), interval, by_class)


def summary_of(measurement: Measurement) -> Summary:
    """The summary of a record, whose seeds are folded in the file."""
    values = measurement.each_seed or (measurement.value,)
    return replace(summarise(values, measurement.interval, measurement.class_interval), seeds=len(measurement.seeds))


@dataclass(frozen=True)
class Entry:
    """A bundle on a task: each metric with its seeds folded."""

    bundle: str
    seeds: int
    metrics: Mapping[str, Summary]

    @property
    def is_floor(self) -> bool:
        return self.bundle.startswith(FLOOR)

    @property
    def is_baseline(self) -> bool:
        return self.bundle.endswith(BASELINE)


def fold_runs(runs: Sequence[Run]) -> list[Entry]:
    """One entry for each bundle of these runs on one task, in order."""
    bundles: dict[str, list[Run]] = {}
    for run in runs:
        bundles.setdefault(run.bundle, []).append(run)
    return [_entry(bundle, same) for bundle, same in bundles.items()]


def _entry(bundle: str, runs: Sequence[Run]) -> Entry:
    runs = sorted(runs, key=lambda run: -1 if run.seed is None else run.seed)
    seeds = len({run.seed for run in runs} - {None})
    metrics = {}
    for name in metrics_of(runs):
        having = [run for run in runs if name in run.metrics]
        first = having[0]
        summary = summarise(
            [run.metrics[name] for run in having], first.interval.get(name), first.class_interval.get(name)
        )
        metrics[name] = replace(summary, seeds=seeds)
    return Entry(bundle, seeds, metrics)


def metrics_of(runs: Iterable[Run]) -> list[str]:
    """The metrics of these rows, in the order of the file: a task's first is its main one."""
    return list(dict.fromkeys(name for run in runs for name in run.metrics))


def fold_measurements(by_seed: Mapping[int, Sequence[Measurement]]) -> list[Measurement]:
    """One record for each key that was measured with some seed, in order: the mean over seeds, each seed, and the
    intervals of the mean, where every seed has a number for each of the same pictures.
    """
    groups: dict[Key, dict[int, Measurement]] = {}
    for seed, measurements in by_seed.items():
        for measurement in measurements:
            groups.setdefault(measurement.key, {})[seed] = measurement
    folded = [_fold(group) for group in groups.values()]
    by_size = sorted(folded, key=lambda record: 0 if record.values is None else len(record.values))  # share their draws
    intervals = {record.key: _with_intervals(record) for record in by_size}
    return [intervals[record.key] for record in folded]


def _fold(group: Mapping[int, Measurement]) -> Measurement:
    first, each = next(iter(group.values())), tuple(record.value for record in group.values())
    parts = [record.values for record in group.values() if record.values is not None]
    paired = len(parts) == len(group) and len({len(part) for part in parts}) == 1
    values = np.mean(parts, axis=0) if paired else None
    return replace(first, value=mean(each), seeds=tuple(group), each_seed=each, values=values)


def _with_intervals(record: Measurement) -> Measurement:
    if record.values is None or len(record.values) < 2:
        return record
    by_class = class_interval(record.values, record.labels) if record.labels else None
    return replace(record, interval=bootstrap_interval(record.values), class_interval=by_class)


# ---------------------------------------------------------------- targets


def target_value(measurement: Measurement, target: Target, others: Iterable[Measurement] = ()) -> float | None:
    """The number that a measurement is compared with; None where what the target refers to was not measured."""
    if not target.than:
        return target.value
    if target.than == CHANCE:
        return None if measurement.chance is None else measurement.chance + target.value
    alike = [
        other
        for other in others
        if (other.measure, other.subset, other.control)
        == (measurement.measure, measurement.subset, measurement.control)
        and other.code != measurement.code
        and target.than in (EVERY_OTHER, other.code)
    ]
    values = [other.value for other in alike]
    if not values:
        return None
    return (max(values) if target.relation.startswith(">") else min(values)) + target.value


def is_met(measurement: Measurement, others: Iterable[Measurement] = ()) -> bool | None:
    """Whether the target is met; None where there is none, or what it refers to was not measured."""
    if measurement.target is None:
        return None
    number = target_value(measurement, measurement.target, others)
    return None if number is None else COMPARED[measurement.target.relation](measurement.value, number)
