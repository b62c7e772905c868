"""Results as files: who measured what, when and where. Every number in the README comes from one of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrieval.evaluation.disentanglement_tables import disentanglement_tables, spread
from retrieval.evaluation.harness import Report
from retrieval.files import write_text
from retrieval.threads import cores

SINGLE = ("world/same-object@1", "emoji/cross-style@1", "people/text@1")  # tasks that seek one thing, not a class
WORST = 6  # classes that the world's table names


def write_results(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write {"made", "machine", "rows"} to the file, in one step."""
    told = {"made": datetime.now(UTC).isoformat(timespec="seconds"), "machine": machine(), "rows": list(rows)}
    write_text(path, json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def quality_row(bundle: str, seed: int | None, report: Report) -> dict[str, Any]:
    """A line of quality.json: one bundle on one task. `seed` is its training's; None: nothing was trained."""
    return (
        {"bundle": bundle, "seed": seed}
        | report.as_row()
        | {
            "chance": round(report.chance, 4),
            "metrics": {name: round(value, 4) for name, value in report.metrics.items()},
            "interval": {name: [round(v, 4) for v in ends] for name, ends in report.interval.items()},
            "class_interval": {name: [round(v, 4) for v in ends] for name, ends in report.class_interval.items()},
        }
    )


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines of quality.json as the README shows them: a table for each group of tasks, with a line for each bundle
    and a column for each task. A cell holds two metrics: the mean over seeds ± their standard deviation, or with one
    seed the value and its interval.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_group(row["task"]), []).append(row)
    return "\n\n".join(f"**{name}**\n\n{_group_table(name, part)}" for name, part in groups.items())


def _group(task: str) -> str:
    """The group of a task: what stands before the colon if there is one, else before the slash.

    >>> _group("world/leave-style-out:photo@1"), _group("world/zero-shot@1")
    ('world/leave-style-out', 'world')
    """
    return task.partition(":")[0] if ":" in task else task.partition("/")[0]


def _group_table(group: str, rows: Sequence[Mapping[str, Any]]) -> str:
    tasks = {row["task"]: row for row in reversed(rows)}  # task -> its first row
    tasks = {name: tasks[name] for name in dict.fromkeys(row["task"] for row in rows)}
    lines = [["bundle", "seeds", *(_head(name[len(group) + 1 :], row) for name, row in tasks.items())]]
    lines.append(["---"] * len(lines[0]))
    for bundle in dict.fromkeys(row["bundle"] for row in rows):
        of_bundle = [row for row in rows if row["bundle"] == bundle]
        seeds = {row["seed"] for row in of_bundle if row["seed"] is not None}
        cells = [_cell([row for row in of_bundle if row["task"] == name]) for name in tasks]
        lines.append([f"`{bundle}`", str(len(seeds) or "–"), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _head(name: str, row: Mapping[str, Any]) -> str:
    return f"`{name}`<br>{row['queries']} → {row['gallery']}<br>{' / '.join(_main(row))}"


def _main(row: Mapping[str, Any]) -> list[str]:
    """The two metrics of a task that are shown: mAP@all, and R@1 where few or single pictures are sought, else P@8."""
    second = "P@8" if "P@8" in row["metrics"] and row["task"] not in SINGLE else "R@1"
    return [name for name in ("mAP@all", second) if name in row["metrics"]]


def _cell(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the seeds of one bundle have on one task; a dash where it was not measured."""
    return " / ".join(_shown(rows, name) for name in _main(rows[0])) if rows else "–"


def _shown(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    values = [row["metrics"][name] for row in rows]
    if len(values) > 1:
        return spread(values)
    ends = rows[0]["interval"].get(name)
    return f"{values[0]:.3f}" + (f" [{ends[0]:.3f}, {ends[1]:.3f}]" if ends and name == "mAP@all" else "")


def machine() -> str:
    """The processor and the cores this process may use, without naming the machine."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):  # noqa: PTH110  (a device file, not a path of ours)
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{model}, {cores()} cores, Python {platform.python_version()}"


def plain_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines of speed.json, cutoff.json or limits.json as the README shows them."""
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


def ladder_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines of ladder.json as the README shows them: what each rung reaches, then what each comparison gains."""
    lines = ["| rung | what it has | seeds | validation | test mAP@all |", "| --- | --- | --- | --- | --- |"]
    for row in (row for row in rows if "rung" in row):
        cells = [spread(row["validation mAP@all"]), spread(row["mAP@all"])]
        lines.append(f"| `{row['rung']}` | {row['about']} | {len(row['seeds'])} | {' | '.join(cells)} |")
    lines += ["", "| more | than | gain in mAP@all | each seed |", "| --- | --- | --- | --- |"]
    for row in (row for row in rows if "gain" in row):
        low, high = row["interval"]
        seeds = ", ".join(f"{value:+.3f}" for value in row["each seed"])
        lines.append(f"| `{row['more']}` | `{row['less']}` | {row['gain']:+.3f} [{low:+.3f}, {high:+.3f}] | {seeds} |")
    return "\n".join(lines)


def _single(row: Mapping[str, Any]) -> bool:
    """Whether the row is about one class alone."""
    return "_top1:" in row["name"] or "_top3:" in row["name"]


def with_block(text: str, name: str, block: str) -> str:
    """The text with what stands between <!-- name --> and <!-- /name --> replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    head, rest = text.split(begin)
    return f"{head}{begin}\n{block}\n{end}{rest.split(end)[1]}"


TABLES = {
    "world": world_table,
    "quality": markdown_table,
    "ladder": ladder_table,
    "disentanglement": disentanglement_tables,
    "limits": plain_table,
    "cutoff": plain_table,
    "speed": plain_table,
}


def readme_with_results(readme: str, results: Path) -> str:
    """The README with its tables made anew from the files in the results folder."""
    for name, table in TABLES.items():
        told = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        readme = with_block(readme, name, f"{table(told['rows'])}\n\nMeasured on {told['machine']}.")
    return readme
