"""Results as files: who measured what, when and where. Every number in the README comes from one of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrieval.evaluation.harness import Report
from retrieval.files import write_text
from retrieval.threads import cores

WORST = 6  # classes that the world's table names


def write_results(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write {"made", "machine", "rows"} to the file, in one step."""
    told = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "rows": list(rows)}
    write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def quality_row(bundle: str, seed: int | None, report: Report) -> dict[str, Any]:
    """A line of quality.json: one bundle on one task. `seed` is its training's; None: nothing was trained."""
    rounded = {name: round(value, 4) for name, value in report.metrics.items()}
    interval = {name: [round(v, 4) for v in ends] for name, ends in report.interval.items()}
    return (
        {"bundle": bundle, "seed": seed}
        | asdict(report)
        | {
            "chance": round(report.chance, 4),
            "metrics": rounded,
            "interval": interval,
        }
    )


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines of quality.json as the README shows them: one line per bundle and task, intervals in brackets."""
    names = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    head = ["task", "bundle", "seed", "queries", "gallery", *names]
    lines = [head, ["---"] * len(head)]
    for row in rows:
        cells = [f"`{row['task']}`", f"`{row['bundle']}`", "–" if row["seed"] is None else str(row["seed"])]
        cells += [str(row["queries"]), str(row["gallery"])]
        lines.append(cells + [_cell(row, name) for name in names])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row: Mapping[str, Any], name: str) -> str:
    low_high = row["interval"].get(name)
    return f"{row['metrics'][name]:.3f}" + (f" [{low_high[0]:.3f}, {low_high[1]:.3f}]" if low_high else "")


def machine() -> str:
    """The processor and the cores this process may use, without naming the machine."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110  (a device file, not a path of ours)
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {cores()} cores, Python {platform.python_version()}"


def speed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines of speed.json as the README shows them."""
    lines = ["| what | value | wanted | how |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {r['name'].replace('_', ' ')} | {r['value']:g} {r['unit']} | {r['wanted']} | {r['how']} |" for r in rows
    ]
    return "\n".join(lines)


def world_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines of world.json as the README shows them: the whole, and of single classes those that are named worst."""
    whole = [row for row in rows if not _single(row)]
    lines = ["| what | value | wanted | how |", "| --- | --- | --- | --- |"]
    lines += [f"| {r['name'].replace('_', ' ')} | {r['value']:.3f} | {r['wanted']} | {r['how']} |" for r in whole]
    for style in ("sketch", "photo"):
        single = [row for row in rows if row["name"].startswith(f"{style}_top3:")]
        worst = sorted(single, key=lambda row: (row["value"], row["name"]))[:WORST]
        named = ", ".join(f"{row['name'].split(':')[1]} {row['value']:.2f}" for row in worst)
        lines.append(f"| {style} top3, lowest {len(worst)} of {len(single)} classes | | | {named} |")
    return "\n".join(lines)


def _single(row: Mapping[str, Any]) -> bool:
    """Whether the row is about one class alone."""
    return "_top1:" in row["name"] or "_top3:" in row["name"]


def with_block(text: str, name: str, block: str) -> str:
    """The text with what stands between <!-- name --> and <!-- /name --> replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{block}\n{end}{rest.split(end)[1]}"


TABLES = {"world": world_table, "quality": markdown_table, "speed": speed_table}


def readme_with_results(readme: str, results: Path) -> str:
    """The README with its tables made anew from the files in the results folder."""
    for name, table in TABLES.items():
        told = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        readme = with_block(readme, name, f"{table(told['rows'])}\n\nMeasured on {told['machine']}.")
    return readme
