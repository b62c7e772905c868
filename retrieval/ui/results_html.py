"""The tab Evaluate: the files under benchmarks/results/, from which the docs are made too, as HTML.

Pure functions from files to text. What a file says goes through `escape`, like any text from outside; a file that is
missing or damaged becomes a sentence that says what to run. No scripts: bars are boxes, folds are <details>.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from pathlib import Path

from retrieval.errors import DataError
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.measures import meaning
from retrieval.evaluation.results import (
    FLOOR,
    Entry,
    Record,
    Run,
    T,
    fold_runs,
    interval_text,
    metrics_of,
    read_measurements,
    read_runs,
)
from retrieval.evaluation.task_words import words_of
from retrieval.ui.measurements_html import measurements_table, source

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"

CHANCE_FLOOR = f"{FLOOR}chance"
FLOORS = {
    "chance": "a random order",
    "raw-pixels": "nearest in grey pixels",
    "color-histogram": "nearest in colours",
    "hog": "nearest in directions of edges",
    "untrained": "the network before training",
}
TITLES = {
    "quality": "Quality",
    "disentanglement": "What was object, and what was style",
    "cutoff": "When there is no confident match",
    "speed": "Speed and memory",
    "world": "The world, judged",
}
APART = (
    "<p>The object code of DUDE beside other codes, and pictures that the prior generates from it, named by a "
    "classifier that learnt from renders and people’s drawings, never from generated pictures. Here are the targets; "
    "chance, controls and ablations stand in docs/results/disentanglement.md.</p>"
)
CUTOFF = "<p>No bundle with a cut-off was trained on nonsense classes, and the gallery does not hold them.</p>"
JUDGED = "<p>Classifiers that never saw a render name what our renders show.</p>"
TRACK = '<span class="track" aria-hidden="true">{}</span>'
INTRODUCED = {"cutoff": CUTOFF, "world": JUDGED}
KEYS = [
    (TRACK.format('<i class="bundle" style="width:70%"></i>'), "a trained bundle"),
    (
        TRACK.format('<i class="baseline" style="width:70%"></i>'),
        "a baseline: each style’s mean taken out of the vectors, which needs all queries at once",
    ),
    (TRACK.format('<i class="floor" style="width:70%"></i>'), "a floor: nothing was learnt"),
    (
        TRACK.format('<i class="whisker" style="left:30%;right:30%"></i>'),
        "95 % interval, by query, of the first seed; ± is the standard deviation over seeds, and the number their mean",
    ),
    (
        TRACK.format('<i class="whisker by-class" style="left:20%;right:20%"></i>'),
        "95 % interval by class: how far the number would move with other classes",
    ),
    (
        TRACK.format('<i class="chance" style="left:50%"></i>'),
        "a random order; “chance” is the share of the gallery that is relevant to a query",
    ),
]
COMMANDS = {
    "quality": "make bench",
    "disentanglement": "python -m benchmarks.disentanglement",
    "cutoff": "make bench",
    "speed": "make bench",
    "world": "python -m benchmarks.world",
}


# ---------------------------------------------------------------- the tab


def show_results(folder: Path = RESULTS) -> str:
    """The whole tab, from the files in the folder."""
    parts = (
        _section(folder, "quality", read_runs, _quality),
        _section(folder, "disentanglement", read_measurements, _disentanglement),
        *(
            _section(folder, name, read_measurements, partial(_marks_fold, name))
            for name in ("cutoff", "speed", "world")
        ),
    )
    return f'<div class="measured">{"".join(parts)}</div>'


def _section(folder: Path, name: str, read: Callable[[Path], Record[T]], show: Callable[[Record[T]], str]) -> str:
    """What `show` makes of a file, or what to run where there is nothing to show."""
    try:
        return show(read(folder / f"{name}.json"))
    except DataError as error:
        advice = f"Run <code>{COMMANDS[name]}</code>, then start the page again."
        return f'<section class="unmeasured"><h2>{TITLES[name]}</h2><p>{escape(str(error))} {advice}</p></section>'


def _fold(title: str, inside: str, count: str = "", is_open: bool = False) -> str:
    """A section that opens and closes."""
    heading = f"<h2>{title}</h2> <small>{count}</small>" if count else f"<h2>{title}</h2>"
    return f"<details{' open' if is_open else ''}><summary>{heading}</summary>{inside}</details>"


# ---------------------------------------------------------------- quality


def _quality(record: Record[Run]) -> str:
    tasks: dict[str, list[Run]] = {}
    for run in record.rows:
        tasks.setdefault(run.task, []).append(run)
    groups: dict[str, list[str]] = {}
    for name in sorted(tasks, key=lambda task: (words_of(task)[0], task)):
        _, title, words = words_of(name)
        groups.setdefault(title, []).append(_task(name, words.asks, tasks[name]))
    folds = "".join(_group(*group, is_open=not place) for place, group in enumerate(groups.items()))
    return _legend(metrics_of(record.rows)) + folds + source(record)


def _group(title: str, cards: Sequence[str], is_open: bool) -> str:
    count = "1 task" if len(cards) == 1 else f"{len(cards)} tasks"
    return _fold(title, f'<div class="tasks">{"".join(cards)}</div>', count, is_open)


def _legend(names: Sequence[str]) -> str:
    """How to read the tables."""
    keys = "".join(f"<li>{sign}<span>{words}</span></li>" for sign, words in KEYS)
    meanings = ((name, meaning(name)) for name in names)
    lines = "".join(f"<div><dt>{escape(name)}</dt><dd>{words}</dd></div>" for name, words in meanings if words)
    return (
        '<section class="legend"><h2>How to read this</h2>'
        "<p>Every task asks many queries of one gallery. All numbers go from 0 to 1, and more is better.</p>"
        f'<ul class="keys">{keys}</ul><details><summary>What each metric means</summary><dl>{lines}</dl></details>'
        "</section>"
    )


def _task(name: str, sentence: str, runs: Sequence[Run]) -> str:
    """A task as a table: bundles, best first, then the floors, best first."""
    names = metrics_of(runs)
    shown = [names[0], *_beside(names, runs[0])]
    best_first = sorted(fold_runs(runs), key=lambda entry: -_mean(entry, names[0]))
    floors = [entry for entry in best_first if entry.is_floor]
    chance = next((_mean(entry, names[0]) for entry in floors if entry.bundle == CHANCE_FLOOR), None)
    bundles = "".join(_entry_rows(entry, shown, chance, floors) for entry in best_first if not entry.is_floor)
    beneath = "".join(_entry_rows(entry, shown, chance, floors) for entry in floors)
    return (
        f'<section class="task"><h3>{escape(sentence)}</h3>'
        f"<table><caption><code>{escape(name)}</code> {_size(runs)}</caption>{_head(shown)}"
        f"<tbody>{bundles}</tbody><tbody>{beneath}</tbody></table>"
        f"{_all(name, names, best_first) if len(names) > len(shown) else ''}</section>"
    )


def _mean(entry: Entry, metric: str) -> float:
    """The mean of an entry; below all others where it was not measured."""
    return entry.metrics[metric].mean if metric in entry.metrics else -1.0


def _beside(names: Sequence[str], run: Run) -> list[str]:
    """What stands beside a task's first metric, if anything; P@8 only where enough is relevant to reach 1."""
    best = ("P@8" if run.chance * run.gallery >= 8 else "R@1", "mAP@all")
    return [name for name in best if name in names[1:]][:1]


def _all(task: str, names: Sequence[str], entries: Iterable[Entry]) -> str:
    """Every metric of a task. On a narrow screen it scrolls sideways, so the keyboard can reach it."""
    lines = "".join(
        f'<tr class="{_kind(entry)}">{_cells(escape(entry.bundle), entry, names)}</tr>' for entry in entries
    )
    label = f"All metrics of {escape(task)}"
    return (
        f'<details><summary>All {len(names)} metrics</summary><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{label}"><table><caption class="unseen">{label}</caption>{_head(names)}'
        f"<tbody>{lines}</tbody></table></div></details>"
    )


def _head(names: Iterable[str]) -> str:
    metrics = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return f'<thead><tr><th scope="col">Bundle</th>{metrics}</tr></thead>'


def _size(runs: Sequence[Run]) -> str:
    """How much was asked, of how much, and how easy it is by luck."""
    queries, gallery = _range(run.queries for run in runs), _range(run.gallery for run in runs)
    return f"{queries} queries · gallery of {gallery} · chance {100 * runs[0].chance:.2g} %"


def _range(numbers: Iterable[int]) -> str:
    """Rows of one task agree, or it is said from where to where they go."""
    known = sorted(set(numbers))
    return f"{known[0]:,}" if len(known) == 1 else f"{known[0]:,} to {known[-1]:,}"


def _entry_rows(entry: Entry, names: Sequence[str], chance: float | None, floors: Sequence[Entry]) -> str:
    """A row of numbers, and below it one with the bar of the first, for the eyes alone."""
    named = f"{escape(entry.bundle)}<small>{_notes(entry, names[0], floors)}</small>"
    return (
        f'<tr class="{_kind(entry)}">{_cells(named, entry, names)}</tr>'
        f'<tr class="bars" aria-hidden="true"><td colspan="{len(names) + 1}">{_bar(entry, names[0], chance)}</td></tr>'
    )


def _cells(named: str, entry: Entry, names: Iterable[str]) -> str:
    return f'<th scope="row">{named}</th>' + "".join(f"<td>{_value(entry, name)}</td>" for name in names)


def _kind(entry: Entry) -> str:
    return "floor" if entry.is_floor else "baseline" if entry.is_baseline else "bundle"


def _notes(entry: Entry, main: str, floors: Sequence[Entry]) -> str:
    """What this row is, how many seeds it stands on, and whether a floor beats it."""
    if entry.is_floor:
        return FLOORS.get(entry.bundle.removeprefix(FLOOR), "")
    notes = ["baseline"] if entry.is_baseline else []
    if entry.seeds:
        notes.append("1 seed" if entry.seeds == 1 else f"{entry.seeds} seeds")
    better = [floor.bundle for floor in floors if _mean(floor, main) > _mean(entry, main)]
    if better:
        notes.append(f'<b class="missed">below {escape(better[0])}</b>')
    return " · ".join(notes)


def _value(entry: Entry, metric: str) -> str:
    if metric not in entry.metrics:
        return "–"
    summary = entry.metrics[metric]
    if summary.interval is None:
        return summary.text()
    by_class = interval_text(summary.class_interval)
    return (
        f"{summary.text()}<small>{interval_text(summary.interval)} by query</small><small>{by_class} by class</small>"
    )


def _bar(entry: Entry, main: str, chance: float | None) -> str:
    parts = [f'<i class="{_kind(entry)}" style="width:{_share(_mean(entry, main))}"></i>']
    if chance is not None:
        parts.append(f'<i class="chance" style="left:{_share(chance)}"></i>')
    if main in entry.metrics:
        summary = entry.metrics[main]
        for kind, ends in (("whisker by-class", summary.class_interval), ("whisker", summary.interval)):
            if ends:
                parts.append(f'<i class="{kind}" style="left:{_share(ends[0])};right:{_share(1 - ends[1])}"></i>')
    return TRACK.format("".join(parts))


def _share(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.2f}%"


# ---------------------------------------------------------------- measurements


def _disentanglement(record: Record[Measurement]) -> str:
    rows = [row for row in record.rows if row.target]
    return _fold(TITLES["disentanglement"], APART + measurements_table(replace(record, rows=rows), record.rows))


def _marks_fold(name: str, record: Record[Measurement]) -> str:
    return _fold(TITLES[name], INTRODUCED.get(name, "") + measurements_table(record, record.rows))
