"""What the bundles were to reach on the tasks of quality.json, set before they were trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrieval.evaluation.measurement import Measurement, Target
from retrieval.evaluation.results import Run, fold_runs, interval_text
from retrieval.evaluation.tables import by_task

MAP, TRUNCATED = "mAP@all", "P@8 truncated"
TARGETS: dict[tuple[str, str, str], Target] = {  # bundle, task, metric
    ("guise-base-zs", "quickdraw-world/zero-shot@1", MAP): Target(">=", 0.60),
    ("guise-base-zs", "world/zero-shot@1", MAP): Target(">=", 0.80),
    ("guise-base-zs", "sketchy125/zero-shot@1", MAP): Target(">=", 0.38),
    ("guise-base-zs", "emoji/cross-style@1", MAP): Target(">=", 0.55),
    ("guise-base + names", "quickdraw-world/all@1", MAP): Target(">=", 0.85),
    ("guise-base + names", "sketchy125/all@1", MAP): Target(">=", 0.35),
    ("guise-base + names", "text-world/style@1", MAP): Target(">=", 0.85),
    ("guise-base + names", "text-world/color@1", MAP): Target(">=", 0.60),
    ("guise-base + names", "photo-world/all@1", "R@5"): Target(">=", 0.85),
    ("guise-base + names", "caltech/text@1", TRUNCATED): Target(">=", 0.85),
    ("guise-base + names", "caltech/sketch@1", TRUNCATED): Target(">=", 0.75),
}


def targeted(runs: Sequence[Run]) -> Iterator[Measurement]:
    """What has a target and was measured, as measurements."""
    entries = {(entry.bundle, task): entry for task, of_task in by_task(runs).items() for entry in fold_runs(of_task)}
    for (bundle, task, metric), target in TARGETS.items():
        entry = entries.get((bundle, task))
        if entry and metric in entry.metrics:
            summary = entry.metrics[metric]
            how = f"{summary.text()}, 95 % by class {interval_text(summary.class_interval)}; seeds: {entry.seeds}"
            yield Measurement(f"{metric} on {task}", summary.mean, how, bundle, target=target)
