"""The tab Evaluate: the files under benchmarks/results/, from which the README's tables are made too, as HTML.

Pure functions from files to text. What a file says is strangers' text like any other, so it goes through `escape`; a
file that is missing or damaged becomes a sentence that says what to run. No scripts: bars are boxes, folds are
<details>.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from retrieval.errors import DataError
from retrieval.ui.records import (
    FLOOR,
    NEAR,
    Entry,
    Mark,
    Record,
    Run,
    T,
    folded,
    is_met,
    metrics_of,
    parse_mark,
    parse_run,
    read,
)

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"

# What each task asks, in plain words, under the heading that it stands below; a new version of a task needs new words.
TASKS = {
    "Drawn by people": {
        r"quickdraw-world/all@1": "From a person’s drawing, find photos of its class.",
        r"quickdraw-world/zero-shot@1": "From a person’s drawing of a class never trained on, find photos of it.",
        r"quickdraw-world/zero-shot-mixed@1": "Find a drawn class never trained on among photos of all classes.",
        r"sketchy125/all@1": "From a person’s sketch, find real photos of its concept.",
        r"sketchy125/zero-shot@1": "From a person’s sketch of a concept never trained on, find real photos of it.",
    },
    "From style to style": {
        r"world/cross-style@1": "From a picture, find other objects of its class in other styles.",
        r"world/same-object@1": "From a rendered sketch, find the very same object in other styles.",
        r"world/zero-shot@1": "From a rendered sketch of a class never trained on, find photos of it.",
        r"world/zero-shot-mixed@1": "Find a sketched class never trained on among photos of all classes.",
        r"world/leave-style-out:(.+)@1": "Neither the style ({}) nor the class was trained on: find the class.",
        r"emoji/cross-style@1": "From an emoji, find the same emoji as other hands drew it.",
        r"emoji/zero-shot@1": "From an emoji of a concept never trained on, find it as other hands drew it.",
    },
    "In words": {
        r"text-world/all@1": "From the name of a class, find all its pictures.",
        r"text-world/style@1": "From “painting of a duck”, find ducks in that style alone.",
        r"text-world/color@1": "From “a red apple”, find apples of that colour alone.",
        r"people/text@1": "From a description, find the pictures of that invented person.",
    },
}
OTHERS = "More tasks"
METRICS = {
    r"mAP@all": "average precision over the whole gallery, not interpolated; mean over queries",
    r"mAP@all VOC": "mAP@all of the interpolated precision, which is never smaller",
    r"mAP@all macro": "mAP@all as a mean over classes, not over queries",
    r"mAP@(\d+) strict": "average precision of the first {0}, over all relevant pictures that could stand there",
    r"mAP@(\d+) lenient": "average precision of the first {0}, over those found; one hit at rank 1 is perfect",
    r"P@(\d+)": "share of relevant pictures among the first {0}, divided by {0} even where fewer exist",
    r"P@(\d+) truncated": "P@{0} where no query looks deeper than it has relevant pictures",
    r"R@(\d+)": "share of queries with a relevant picture among the first {0}",
    r"mINP": "number of relevant pictures over the rank of the last one",
}
CHANCE = f"{FLOOR}chance"
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
    "<p>The object code of DUDE beside other codes, and pictures that the prior draws from it, named by a judge that "
    "learnt from real pictures alone. Here is what was wanted; chance, controls and ablations stand in the README.</p>"
)
CUTOFF = "<p>Strangers are things that nothing was trained on and that the gallery does not hold.</p>"
JUDGED = "<p>Models that never saw a render name the things in ours: would a stranger know them?</p>"
TRACK = '<span class="track" aria-hidden="true">{}</span>'
KEYS = [
    (TRACK.format('<i class="bundle" style="width:70%"></i>'), "a trained bundle"),
    (
        TRACK.format('<i class="baseline" style="width:70%"></i>'),
        "a baseline: each style’s mean taken out of the vectors, which needs all queries at once",
    ),
    (TRACK.format('<i class="floor" style="width:70%"></i>'), "a floor: nothing was learnt"),
    (
        TRACK.format('<i class="whisker" style="left:30%;right:30%"></i>'),
        "95 % interval over queries; with several seeds, from the lowest to the highest, and the number is their mean",
    ),
    (
        TRACK.format('<i class="chance" style="left:50%"></i>'),
        "a random order; “chance” is the share of the gallery that is relevant to a query",
    ),
]
COMMANDS = {
    "quality": "make bench",
    "disentanglement": "python benchmarks/disentanglement.py",
    "cutoff": "make bench",
    "speed": "make bench",
    "world": "python benchmarks/world.py",
}
MANY = 8  # measures of more subjects than this are folded into one table


# ---------------------------------------------------------------- the tab


def measured(folder: Path = RESULTS) -> str:
    """The whole tab, from the files in the folder."""
    parts = (
        _section(folder, "quality", parse_run, _quality),
        _section(folder, "disentanglement", parse_mark, lambda found: _fold(TITLES["disentanglement"], _apart(found))),
        _section(folder, "cutoff", parse_mark, lambda found: _fold(TITLES["cutoff"], CUTOFF + _marks(found))),
        _section(folder, "speed", parse_mark, lambda found: _fold(TITLES["speed"], _marks(found))),
        _section(folder, "world", parse_mark, lambda found: _fold(TITLES["world"], JUDGED + _marks(found))),
    )
    return f'<div class="measured">{"".join(parts)}</div>'


def _section(folder: Path, name: str, parse: Callable[[Any], T], show: Callable[[Record[T]], str]) -> str:
    """What `show` makes of a file, or what to run where there is nothing to show."""
    try:
        return show(read(folder / f"{name}.json", parse))
    except DataError as error:
        advice = f"Run <code>{COMMANDS[name]}</code>, then start the page again."
        return f'<section class="unmeasured"><h2>{TITLES[name]}</h2><p>{escape(str(error))} {advice}</p></section>'


def _fold(title: str, inside: str, count: str = "", is_open: bool = False) -> str:
    """A section that opens and closes."""
    told = f"<h2>{title}</h2> <small>{count}</small>" if count else f"<h2>{title}</h2>"
    return f"<details{' open' if is_open else ''}><summary>{told}</summary>{inside}</details>"


def _source(found: Record[Any]) -> str:
    return f'<p class="source">Measured on {escape(found.machine)}, {escape(_day(found.made))}.</p>'


def _day(made: str) -> str:
    """2026-11-21T04:16:48+00:00 -> 21 November 2026; anything else as it is."""
    try:
        when = datetime.fromisoformat(made)
    except ValueError:
        return made
    return f"{when.day} {when:%B %Y}"


def _words(dictionary: Mapping[str, str], name: str) -> str:
    """The sentence of the pattern that the whole name matches, with its groups filled in; "" where there is none."""
    for pattern, sentence in dictionary.items():
        if match := re.fullmatch(pattern, name):
            return sentence.format(*match.groups())
    return ""


# ---------------------------------------------------------------- quality


def _quality(found: Record[Run]) -> str:
    tasks: dict[str, list[Run]] = {}
    for run in found.rows:
        tasks.setdefault(run.task, []).append(run)
    groups: dict[str, list[str]] = {}
    for (_, title, sentence), name in sorted((asked(name), name) for name in tasks):
        groups.setdefault(title, []).append(_task(name, sentence, tasks[name]))
    folds = "".join(_group(*group, is_open=not place) for place, group in enumerate(groups.items()))
    return _legend(metrics_of(found.rows)) + folds + _source(found)


def asked(task: str) -> tuple[float, str, str]:
    """Where a task stands, below which heading, and what it asks. An unknown one comes last and has only its name."""
    known = [(title, pattern, words) for title, group in TASKS.items() for pattern, words in group.items()]
    for place, (title, pattern, words) in enumerate(known):
        if sentence := _words({pattern: words}, task):
            return place, title, sentence
    return math.inf, OTHERS, task


def _group(title: str, cards: Sequence[str], is_open: bool) -> str:
    count = "1 task" if len(cards) == 1 else f"{len(cards)} tasks"
    return _fold(title, f'<div class="tasks">{"".join(cards)}</div>', count, is_open)


def _legend(names: Sequence[str]) -> str:
    """How to read the tables."""
    keys = "".join(f"<li>{drawn}<span>{told}</span></li>" for drawn, told in KEYS)
    meant = ((name, _words(METRICS, name)) for name in names)
    lines = "".join(f"<div><dt>{escape(name)}</dt><dd>{words}</dd></div>" for name, words in meant if words)
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
    best_first = sorted(folded(runs), key=lambda entry: -entry.mean.get(names[0], -1))
    floors = [entry for entry in best_first if entry.is_floor]
    chance = next((entry.mean.get(names[0]) for entry in floors if entry.bundle == CHANCE), None)
    bundles = "".join(_entry_rows(entry, shown, chance, floors) for entry in best_first if not entry.is_floor)
    beneath = "".join(_entry_rows(entry, shown, chance, floors) for entry in floors)
    return (
        f'<section class="task"><h3>{escape(sentence)}</h3>'
        f"<table><caption><code>{escape(name)}</code> {_size(runs)}</caption>{_head(shown)}"
        f"<tbody>{bundles}</tbody><tbody>{beneath}</tbody></table>"
        f"{_all(name, names, best_first) if len(names) > len(shown) else ''}</section>"
    )


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
    better = [floor.bundle for floor in floors if floor.mean.get(main, -1) > entry.mean.get(main, -1)]
    if better:
        notes.append(f'<b class="missed">below {escape(better[0])}</b>')
    return " · ".join(notes)


def _value(entry: Entry, metric: str) -> str:
    if metric not in entry.mean:
        return "–"
    ends = "–".join(f"{end:.3f}" for end in entry.spread.get(metric, ()))
    return f"{entry.mean[metric]:.3f}" + (f"<small>{ends}</small>" if ends else "")


def _bar(entry: Entry, main: str, chance: float | None) -> str:
    parts = [f'<i class="{_kind(entry)}" style="width:{_share(entry.mean.get(main, 0))}"></i>']
    if chance is not None:
        parts.append(f'<i class="chance" style="left:{_share(chance)}"></i>')
    if main in entry.spread:
        low, high = entry.spread[main]
        parts.append(f'<i class="whisker" style="left:{_share(low)};right:{_share(1 - high)}"></i>')
    return TRACK.format("".join(parts))


def _share(value: float) -> str:
    return f"{100 * min(max(value, 0.0), 1.0):.2f}%"


# ---------------------------------------------------------------- lines of one number


def _apart(found: Record[Mark]) -> str:
    return APART + _marks(replace(found, rows=[mark for mark in found.rows if mark.wanted]))


def _marks(found: Record[Mark]) -> str:
    """A line for each measure. Where one has many subjects ("sketch_top3:duck"), these have a table of their own."""
    subjects: dict[str, dict[str, Mark]] = {}  # measure -> subject -> mark
    for mark in found.rows:
        measure, _, subject = mark.name.partition(":")
        if subject:
            subjects.setdefault(measure, {})[subject] = mark
    many = {measure: marks for measure, marks in subjects.items() if len(marks) > MANY}
    lines = (
        _mark_row(mark, many.get(mark.name, {}).values())
        for mark in found.rows
        if ":" not in mark.name or mark.name.partition(":")[0] not in many
    )
    return (
        '<table class="marks"><caption class="unseen">Measured values, and what was wanted</caption><thead><tr>'
        '<th scope="col">What</th><th scope="col">Measured</th><th scope="col">Wanted</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>{_single(many) if many else ''}{_source(found)}"
    )


def _mark_row(mark: Mark, parts: Iterable[Mark]) -> str:
    how = f"<small>{escape(mark.how)}</small>"
    return (
        f'<tr><th scope="row">{escape(_spoken(mark.name))}{how}</th><td>{_quantity(mark)}</td>'
        f"<td>{_wanted(mark, parts)}</td></tr>"
    )


def _spoken(name: str) -> str:
    return name.replace("_", " ").replace(":", ": ")


def _quantity(mark: Mark) -> str:
    return f"{mark.value:.3f}" if mark.unit == "share" else f"{mark.value:g} {escape(mark.unit)}"


def _wanted(mark: Mark, parts: Iterable[Mark] = ()) -> str:
    if not mark.wanted:
        return ""
    met = is_met(mark, parts)
    verdict = "" if met is None else f' <b class="{"met" if met else "missed"}">{"met" if met else "missed"}</b>'
    lucky = "" if mark.chance is None else f"near chance, {mark.chance:.3f} ± {NEAR}"
    words = mark.wanted.replace("near chance", lucky or "near chance").replace("<=", "≤").replace(">=", "≥")
    return escape(words) + verdict


def _single(many: Mapping[str, Mapping[str, Mark]]) -> str:
    """Subject by subject, the weakest in the first measure first."""
    first = next(iter(many.values()))
    names = {name for marks in many.values() for name in marks}
    weakest = sorted(names, key=lambda name: (first[name].value if name in first else math.inf, name))
    heads = "".join(f'<th scope="col">{escape(_spoken(measure))}</th>' for measure in many)
    lines = (
        f'<tr><th scope="row">{escape(name)}</th>{"".join(_cell(marks.get(name)) for marks in many.values())}</tr>'
        for name in weakest
    )
    return (
        f"<details><summary>Each of {len(names)} classes alone, the weakest first</summary>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Each class alone"><table class="single">'
        f'<caption class="unseen">Each class alone</caption><thead><tr><th scope="col">Class</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _cell(mark: Mark | None) -> str:
    """A class that was not judged has a dash."""
    missed = ' <b class="missed">missed</b>' if mark and is_met(mark) is False else ""
    return f"<td>{_quantity(mark) if mark else '–'}{missed}</td>"
