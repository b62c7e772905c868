"""The files under benchmarks/results/, read: what was measured, by whom and when, and whether it is what was wanted.

Over `json` alone: whoever only looks at numbers need not load what measured them. How they look is `measured`'s.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Generic, TypeVar

from retrieval.errors import DataError

FLOOR = "floor:"
BASELINE = " + domain mean removed"
COMPARED = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
NEAR = 0.05  # chance
T = TypeVar("T")


# ---------------------------------------------------------------- the files


@dataclass(frozen=True)
class Run:
    """A line of quality.json. `chance` is the share of the gallery that is relevant to a query."""

    task: str
    bundle: str
    seed: int | None
    queries: int
    gallery: int
    chance: float
    metrics: Mapping[str, float]
    interval: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A line of speed.json, world.json and the like. `wanted` is "", or clauses such as ">= 0.6, none 0" or
    "near chance"; `chance` is None where there is no such.
    """

    name: str
    value: float
    unit: str
    wanted: str
    how: str
    chance: float | None = None


@dataclass(frozen=True)
class Record(Generic[T]):
    """A file: who measured, when, and what came out."""

    made: str
    machine: str
    rows: Sequence[T]


def read(path: Path, parse: Callable[[Any], T]) -> Record[T]:
    """The file with its rows parsed. Raises DataError where it is missing, damaged or empty."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        found = Record(str(told["made"]), str(told["machine"]), [parse(line) for line in told["rows"]])
    except FileNotFoundError as error:
        raise DataError(f"Nothing is measured here yet: {path.name} is missing.") from error
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise DataError(f"The results in {path.name} cannot be read: the file is damaged.") from error
    if not found.rows:
        raise DataError(f"Nothing is measured here yet: {path.name} is empty.")
    return found


def parse_run(told: Any) -> Run:
    """A parsed line of quality.json."""
    metrics = {str(name): _number(value) for name, value in told["metrics"].items()}
    if not metrics:
        raise ValueError("a row without metrics")
    return Run(
        task=str(told["task"]),
        bundle=str(told["bundle"]),
        seed=None if told["seed"] is None else int(told["seed"]),
        queries=int(told["queries"]),
        gallery=int(told["gallery"]),
        chance=_number(told["chance"]),
        metrics=metrics,
        interval={str(name): (_number(low), _number(high)) for name, (low, high) in told["interval"].items()},
    )


def parse_mark(told: Any) -> Mark:
    """A parsed line of speed.json, world.json and the like."""
    chance = told.get("chance")
    return Mark(
        str(told["name"]),
        _number(told["value"]),
        str(told["unit"]),
        str(told["wanted"]),
        str(told.get("how", "")),
        None if chance is None else _number(chance),
    )


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no measurement")
    return number


# ---------------------------------------------------------------- what they say


@dataclass(frozen=True)
class Entry:
    """A bundle on a task, its seeds folded: metric -> mean, and metric -> (low, high) where one is known."""

    bundle: str
    seeds: int
    mean: Mapping[str, float]
    spread: Mapping[str, tuple[float, float]]

    @property
    def is_floor(self) -> bool:
        return self.bundle.startswith(FLOOR)

    @property
    def is_baseline(self) -> bool:
        return self.bundle.endswith(BASELINE)


def folded(runs: Sequence[Run]) -> list[Entry]:
    """One entry for each bundle. One run keeps its interval over queries; several span from lowest to highest."""
    bundles: dict[str, list[Run]] = {}
    for run in runs:
        bundles.setdefault(run.bundle, []).append(run)
    return [_entry(bundle, same) for bundle, same in bundles.items()]


def _entry(bundle: str, runs: Sequence[Run]) -> Entry:
    values = {name: [run.metrics[name] for run in runs if name in run.metrics] for name in metrics_of(runs)}
    seeds = {run.seed for run in runs} - {None}
    spread = runs[0].interval if len(runs) == 1 else {name: (min(v), max(v)) for name, v in values.items()}
    return Entry(bundle, len(seeds), {name: fmean(v) for name, v in values.items()}, spread)


def metrics_of(runs: Iterable[Run]) -> list[str]:
    """The metrics of these rows, in the order of the file: a task's first is its main one."""
    return list(dict.fromkeys(name for run in runs for name in run.metrics))


def is_met(mark: Mark, parts: Iterable[Mark] = ()) -> bool | None:
    """Whether every clause of what was wanted holds. `parts` are the measure's single subjects, which "none 0" is
    about. None where nothing was wanted, or a clause is not understood.
    """
    held, single = [], [part.value for part in parts]
    for clause in mark.wanted.split(", "):
        if clause == "none 0" and single:
            held.append(0 not in single)
        elif match := re.fullmatch(r"(<=|>=|<|>) *(-?\d+(?:\.\d+)?)", clause):
            held.append(COMPARED[match[1]](mark.value, float(match[2])))
        elif clause == "near chance" and mark.chance is not None:
            held.append(abs(mark.value - mark.chance) <= NEAR)
        else:
            return None
    return all(held)
