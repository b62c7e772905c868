"""Results as tables of Markdown, for README and docs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from retrieval.evaluation.measurement import GAIN, Measurement
from retrieval.evaluation.results import (
    FLOOR,
    Entry,
    Run,
    fold_runs,
    interval_text,
    summary_of,
)
from retrieval.evaluation.task_words import words_of

SINGLE = ("world/same-object@1", "emoji/cross-style@1", "people/text@1")  # tasks that seek one object, not a class
WORST = 6  # classes that the world's table names
SECOND = {  # what stands beside mAP@all where it is neither P@8 nor R@1
    "photo-world/all@1": "R@5",
    "caltech/text@1": "P@8 truncated",
    "caltech/sketch@1": "P@8 truncated",
}
NONE = "–"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


# ---------------------------------------------------------------- quality.json


def by_task(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs of each task, in the order of the page."""
    tasks: dict[str, list[Run]] = {}
    for run in runs:
        tasks.setdefault(run.task, []).append(run)
    return {name: tasks[name] for name in sorted(tasks, key=lambda task: (words_of(task)[0], task))}


def quality_tables(runs: Sequence[Run]) -> str:
    """A table for each task, with a line for each bundle: mAP@all over seeds, its intervals, and a second metric."""
    return "\n\n".join(_task_table(name, part) for name, part in by_task(runs).items())


def _task_table(name: str, runs: Sequence[Run]) -> str:
    first, second = runs[0], second_metric(runs[0])
    words = words_of(name)[2]
    size = f"{first.queries} queries, gallery of {first.gallery}"
    head = ("bundle", "seeds", "mAP@all", "95 % by query", "95 % by class", second)
    lines = [_entry_line(entry, second) for entry in fold_runs(runs)]
    return f"### `{name}`\n\n{words.asks} ({words.protocol}; {size})\n\n{table(head, lines)}"


def _entry_line(entry: Entry, second: str) -> list[str]:
    main = entry.metrics["mAP@all"]
    exact = entry.bundle == f"{FLOOR}chance"  # no query is drawn
    intervals = [NONE, NONE] if exact else [interval_text(main.interval), interval_text(main.class_interval)]
    other = entry.metrics[second].text() if second in entry.metrics else NONE
    return [f"`{entry.bundle}`", str(entry.seeds or NONE), main.text(), *intervals, other]


def second_metric(run: Run) -> str:
    """What stands beside mAP@all: R@1 where few or single pictures are sought, else P@8, or what SECOND says."""
    if run.task in SECOND:
        return SECOND[run.task]
    return "P@8" if "P@8" in run.metrics and run.task not in SINGLE else "R@1"


def overview_table(runs: Sequence[Run], bundles: Collection[str], tasks: Sequence[str]) -> str:
    """One table: a line for each of these bundles that was measured, a column for each of these tasks, with mAP@all
    over seeds and the interval by class.
    """
    cells: dict[str, dict[str, str]] = {}
    for task in tasks:
        for entry in fold_runs([run for run in runs if run.task == task and run.bundle in bundles]):
            main = entry.metrics["mAP@all"]
            ends = f"<br>{interval_text(main.class_interval)}" if main.interval else ""
            cells.setdefault(entry.bundle, {})[task] = f"{main.text()}{ends}"
    lines = [[f"`{name}`", *(cells[name].get(task, NONE) for task in tasks)] for name in bundles if name in cells]
    return table(["mAP@all", *(f"`{task}`" for task in tasks)], lines)


# ---------------------------------------------------------------- files of measurements


def measurements_table(rows: Sequence[Measurement]) -> str:
    """speed.json, cutoff.json or limits.json."""
    return table(("what", "value", "target", "how"), map(_line, rows))


def world_table(rows: Sequence[Measurement]) -> str:
    """world.json: the whole, and of single classes the worst."""
    classes = {row.measure for row in rows if row.subset and row.how.endswith(" alone")}
    lines = [_line(row) for row in rows if not (row.subset and row.measure in classes)]
    for measure in ("sketch top3", "photo top3"):
        single = [row for row in rows if row.measure == measure and row.subset]
        worst = sorted(single, key=lambda row: (row.value, row.subset))[:WORST]
        names = ", ".join(f"{row.subset} {row.value:.2f}" for row in worst)
        lines.append((f"{measure}, lowest {len(worst)} of {len(single)} classes", "", "", names))
    return table(("what", "value", "target", "how"), lines)


def _line(row: Measurement) -> tuple[str, ...]:
    value = f"{row.value:.3f}" if row.unit == "share" else f"{row.value:g} {row.unit}"
    return row.name, value, str(row.target or ""), row.how


def ladder_table(rows: Sequence[Measurement]) -> str:
    """ladder.json: what each rung reaches, what each comparison gains, then what else was measured of the whole."""
    validation = {row.code: summary_of(row).text() for row in rows if row.measure.startswith("validation")}
    rungs = [
        (f"`{row.code}`", row.how, str(len(row.seeds)), validation[row.code], summary_of(row).text())
        for row in rows
        if row.measure == "mAP@all"
    ]
    gains = [_gain_line(row) for row in rows if row.measure == GAIN]
    first = table(("rung", "what it has", "seeds", "validation", "test mAP@all"), rungs)
    head = ("more", "than", "gain in mAP@all", "95 % by query", "95 % by class", "each seed")
    others = [row for row in rows if row.measure not in ("mAP@all", GAIN) and not row.measure.startswith("validation")]
    lines = [(row.measure, row.subset or row.how, *_changes(row)) for row in others]
    last = table(("what", "how", "value", "95 % by query", "95 % by class", "each seed"), lines) if lines else ""
    return f"{first}\n\n{table(head, gains)}\n\n{last}".rstrip()


def _gain_line(row: Measurement) -> tuple[str, ...]:
    return f"`{row.code}`", f"`{row.control}`", *_changes(row)


def _changes(row: Measurement) -> tuple[str, ...]:
    """A difference: its mean, its intervals, and that of each seed."""
    seeds = ", ".join(f"{value:+.3f}" for value in row.each_seed)
    return f"{row.value:+.3f}", interval_text(row.interval, "+"), interval_text(row.class_interval, "+"), seeds
