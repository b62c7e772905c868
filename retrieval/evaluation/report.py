"""Results as files: who measured what, when and where. `results` reads them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrieval.evaluation.harness import Report
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.results import read_measurements
from retrieval.files import write_text
from retrieval.threads import cores


def write_results(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write {"made", "machine", "rows"} to the file, in one step."""
    payload = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "rows": list(rows)}
    write_text(path, json.dumps(payload, indent=2, ensure_ascii=False) + "\n")


def write_measurements(path: Path, rows: Sequence[Measurement]) -> None:
    """Write the records as rows of a file of results, in one step."""
    write_results(path, [row.as_row() for row in rows])


def merge_measurements(path: Path, rows: Sequence[Measurement]) -> None:
    """Write the records into a file of results; records of other keys that stand there stay."""
    before = read_measurements(path).rows if path.is_file() else ()
    new = {row.key for row in rows}
    write_measurements(path, [*(row for row in before if row.key not in new), *rows])


def quality_row(bundle: str, seed: int | None, report: Report) -> dict[str, Any]:
    """A row of quality.json: one bundle on one task. `seed` is its training's; None: nothing was trained."""
    return (
        {"bundle": bundle, "seed": seed}
        | report.as_row()
        | {
            "chance": round(report.chance, 4),
            "metrics": {name: round(value, 4) for name, value in report.metrics.items()},
            "interval": _rounded(report.interval),
            "class_interval": _rounded(report.class_interval),
        }
    )


def _rounded(intervals: Mapping[str, tuple[float, float]]) -> dict[str, list[float]]:
    return {name: [round(end, 4) for end in ends] for name, ends in intervals.items()}


def machine() -> str:
    """The processor and the cores this process may use, without naming the machine."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110  (a device file, not a path of ours)
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {cores()} cores, Python {platform.python_version()}"
