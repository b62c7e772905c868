"""Made-up results, as the benchmarks write them: tasks, seeds, floors and baselines of every kind, few of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from retrieval.evaluation.measurement import CHANCE, Measurement, Target

MACHINE = "A made-up processor, 2 cores"
Rows = list[dict[str, Any]]
SIZES = {  # task -> queries, gallery, share of it that is relevant
    "quickdraw-world/zero-shot@1": (400, 120, 0.1),
    "sketchy125/zero-shot@1": (250, 1250, 0.04),
    "world/zero-shot@1": (720, 600, 0.1),
    "world/zero-shot-mixed@1": (720, 4608, 0.013),
    "world/cross-style@1": (4608, 3840, 0.0156),
    "world/same-object@1": (4608, 3840, 0.0013),
    "world/leave-style-out:painting@1": (768, 3840, 0.0156),
    "emoji/cross-style@1": (900, 2700, 0.0011),
    "people/text@1": (600, 900, 0.0033),
    "future/task@7": (10, 20, 0.25),
}
METRICS = (  # name -> how it compares with the first; for pictures, for words
    {"mAP@all": 1, "mAP@200 strict": 0.97, "mAP@200 lenient": 1.2, "P@8": 1.06, "R@1": 1.3, "mINP": 0.5},
    {"R@1": 1, "R@5": 1.5, "mAP@all": 0.8},
)
SEEDS = (0.52, 0.49, 0.55)
FLOORS = {"hog": 0.19, "color-histogram": 0.13, "raw-pixels": 0.121, "untrained": 0.14}


def quality() -> Rows:
    """Every task with three seeds of `guise-base-zs`, floors and chance; some with more."""
    rows = []
    for place, task in enumerate(SIZES):
        ease = 1 - 0.07 * place
        for seed, value in enumerate(SEEDS):
            rows.append(run(task, "guise-base-zs", seed, ease * value))
        for name, value in FLOORS.items():
            rows.append(run(task, f"floor:{name}", None, ease * value))
        chance = SIZES[task][2]
        rows.append(run(task, "floor:chance", None, chance * 1.04) | {"interval": {}, "class_interval": {}})
        if not task.startswith(("people", "sketchy")):
            rows.append(run(task, "guise-base-zs + domain mean removed", 0, ease * 0.534))
        if "zero-shot" not in task:
            rows.append(run(task, "guise-toy", 0, ease * 0.61))
        if task.startswith("emoji"):
            rows.append(run(task, "guise-toy-blurred", 0, 0.08))
    return rows


def run(task: str, bundle: str, seed: int | None, value: float) -> dict[str, Any]:
    """A line of quality.json whose first metric has this value."""
    queries, gallery, chance = SIZES[task]
    metrics = {name: round(value * factor, 4) for name, factor in METRICS[task == "people/text@1"].items()}
    interval = {name: [round(v - 0.014, 4), round(v + 0.015, 4)] for name, v in metrics.items()}
    return {
        "bundle": bundle,
        "seed": seed,
        "task": task,
        "queries": queries,
        "gallery": gallery,
        "chance": chance,
        "metrics": metrics,
        "interval": interval,
        "class_interval": {name: [round(v - 0.1, 4), round(v + 0.11, 4)] for name, v in metrics.items()},
    }


def mark(measure: str, value: float, unit: str, target: Target | None, **more: Any) -> dict[str, Any]:
    """A row of speed.json, world.json and the like."""
    how = f"{measure}, on made-up scales"
    return Measurement(measure, value, how, unit=unit, target=target, **more).as_row()


def speed() -> Rows:
    """One mark met, one missed, one that nobody asked for."""
    return [
        mark("stroke to results", 220.05, "ms", Target("<=", 400)),
        mark("peak memory", 1600.5, "MB", Target("<=", 1500)),
        mark("search", 13.9, "ms", None),
    ]


def world() -> Rows:
    """A measure with many classes, one of them never known."""
    classes = {f"thing {number}": number / 10 for number in range(10)}
    return [
        mark("sketch top3", 0.82, "share", Target(">=", 0.6)),
        *(mark("sketch top3", value, "share", Target(">", 0.0), subset=name) for name, value in classes.items()),
        mark("class in unseen style", 0.74, "share", Target(">=", 0.6), subset="mosaic"),
    ]


def cutoff() -> Rows:
    """Too little nonsense refused."""
    return [
        mark("drawings kept", 0.91, "share", Target(">=", 0.9)),
        mark("drawings refused", 0.6, "share", Target(">=", 0.95)),
    ]


def disentanglement() -> Rows:
    """A target that is a number, one that refers to chance, one to a code without a target of its own."""
    return [
        mark("swap class ratio", 0.31, "share", Target(">=", 0.7)),
        mark("domain probe", 0.2, "share", Target("near", 0.0, CHANCE), code="object code", chance=0.1667),
        mark("class probe", 0.6, "share", Target(">=", -0.02, "raw"), code="object code"),
        mark("class probe", 0.7, "share", None, code="raw"),
    ]


def write_results(folder: Path, **files: Sequence[dict[str, Any]]) -> Path:
    """All files that the tab shows, or only those named with their rows -> the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = {
        "quality": quality(),
        "disentanglement": disentanglement(),
        "cutoff": cutoff(),
        "speed": speed(),
        "world": world(),
    }
    for name, rows in (files or everything).items():
        told = {"made": "2026-11-21T04:16:48+00:00", "machine": MACHINE, "rows": list(rows)}
        (folder / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
    return folder
