"""The sentences that the pages of results open with, made from the numbers, so that they cannot outlive them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from retrieval.evaluation.measurement import (
    FIRST,
    GAIN,
    HELD_OUT_WORDS,
    RIGHT,
    SEARCH,
    SHOWN,
    Measurement,
)
from retrieval.evaluation.results import (
    BASELINE,
    Entry,
    Run,
    fold_runs,
    interval_text,
    is_met,
    summary_of,
)
from retrieval.evaluation.tables import by_task


def quality_headline(runs: Sequence[Run], bundles: Collection[str]) -> str:
    """For each bundle, on how many tasks it is above every floor, by mAP@all and by R@1, and where it is not."""
    lines = []
    for bundle in bundles:
        tasks = {task: entries for task, part in by_task(runs).items() if _of(entries := fold_runs(part), bundle)}
        if tasks:
            parts = [_against_floors(bundle, tasks, metric) for metric in ("mAP@all", "R@1")]
            lines.append(f"- `{bundle}` is above every floor {'; '.join(parts)}.")
    return "\n".join(lines)


def _of(entries: Sequence[Entry], bundle: str) -> Entry | None:
    return next((entry for entry in entries if entry.bundle == bundle), None)


def _against_floors(bundle: str, tasks: dict[str, list[Entry]], metric: str) -> str:
    below, count = [], 0
    for task, entries in tasks.items():
        entry = _of(entries, bundle)
        floors = [floor for floor in entries if floor.is_floor and metric in floor.metrics]
        if entry is None or metric not in entry.metrics or not floors:
            continue
        count += 1
        best = max(floors, key=lambda floor: floor.metrics[metric].mean)
        if best.metrics[metric].mean >= entry.metrics[metric].mean:
            below.append(f"{task}, where `{best.bundle}` has {best.metrics[metric].mean:.3f}")
    lost = f" (not on {', '.join(below)})" if below else ""
    return f"by {metric} on {count - len(below)} of {count} tasks{lost}"


def zero_shot_headline(runs: Sequence[Run], bundles: Collection[str], task: str) -> str:
    """What each shipped bundle has on a task, beside chance, the best floor and its intervals."""
    entries = fold_runs([run for run in runs if run.task == task])
    floors = sorted((e for e in entries if e.is_floor), key=lambda entry: -entry.metrics["mAP@all"].mean)
    known = [entry for entry in entries if entry.bundle in bundles and not entry.bundle.endswith(BASELINE)]
    if not known or not floors:
        return ""
    words = []
    for entry in known:
        main = entry.metrics["mAP@all"]
        intervals = f"{interval_text(main.interval)} by query, {interval_text(main.class_interval)} by class"
        words.append(f"`{entry.bundle}` has mAP@all {main.text()} (95 % {intervals})")
    best = floors[0]
    return f"On `{task}` {'; '.join(words)}; the best floor, `{best.bundle}`, has {best.metrics['mAP@all'].mean:.3f}."


def ladder_headline(rows: Sequence[Measurement], whole: str, control: str, starts: Collection[str]) -> str:
    """The largest gain of a part, and those of the whole over its start and its control. starts: what is no part of
    the whole, but began otherwise or never learnt.
    """
    gains = {(row.code, row.control): row for row in rows if row.measure == GAIN}
    parts = [row for pair, row in gains.items() if not {*pair} & {control, *starts}]
    largest = max(parts, key=lambda row: abs(row.value))
    told = [
        f"{gains[whole, other].value:+.3f} (95 % {interval_text(gains[whole, other].interval, '+')} by query, "
        f"{interval_text(gains[whole, other].class_interval, '+')} by class) against {about}"
        for other, about in (
            (control, "a plain encoder with the same start, pictures and steps"),
            (f"{whole}-start", "the linear start of both"),
        )
    ]
    low, high = gains[whole, control].class_interval or (0.0, 0.0)
    verdict = " Against its control that is a null result." if low <= 0 <= high else ""
    return (
        f"No part of DSN changes mAP@all by more than {abs(largest.value):.3f} (`{largest.code}` against "
        f"`{largest.control}`); all of DSN is {' and '.join(told)}.{verdict}"
    )


def disentanglement_headline(rows: Sequence[Measurement]) -> str:
    """What the object code and its pictures reach, beside the codes that they must beat."""
    by_key = {row.key: row for row in rows}
    codes = ("object code", "raw", "domain mean removed", "plain encoder")
    searches = ", ".join(f"{code} {summary_of(by_key[SEARCH, code, '', '']).text()}" for code in codes)
    return f"{swaps_headline(rows)} In search across styles (mAP@all): {searches}."


def swaps_headline(rows: Sequence[Measurement]) -> str:
    """How drawn objects are read, in the way that has a target."""
    ratio = {
        kind: next(row for row in rows if row.measure == f"swap {kind} ratio" and row.target and not row.control)
        for kind in ("class", "style")
    }
    parts = f" from {ratio['class'].code}" if ratio["class"].code else ""
    others = [
        f"{row.value:.2f} {'of' if row.subset else 'from'} {row.subset or row.code}"
        for row in rows
        if row.measure == "swap class ratio"
        and not row.control
        and row.key != ratio["class"].key
        and (row.code == ratio["class"].code or not row.subset)
    ]
    return (
        f"Objects generated{parts} in another style are read as that style at {ratio['style'].value:.2f} of the "
        f"judge's own rate, and as their class at {ratio['class'].value:.2f} (target {ratio['class'].target})"
        f"{': ' if others else ''}{', '.join(others)}."
    )


def swaps_line(rows: Sequence[Measurement]) -> str:
    """What the README says of drawn objects, as an item of its list."""
    ratio = {(row.code, row.subset): row.value for row in rows if row.measure == "swap class ratio" and not row.control}
    asked = (("what + where", ""), ("what + where", "people's doodles"), ("what", ""))
    swaps, doodles, word = (f"{ratio[about]:.2f}".lstrip("0") for about in asked)
    return (
        f"- An image adapter keeps objects in swaps (class {swaps} of the judge's rate), less in doodles ({doodles}); "
        f"DUDE's word alone draws next to nothing ({word})."
    )


def words_headline(rows: Sequence[Measurement]) -> str:
    """In which forms names find their class least often, what share of held-out words does, and where others are lost.
    What counts is right and shown, or right alone where the bundle has no cut-off.
    """
    measure = SHOWN if any(row.measure == SHOWN for row in rows) else RIGHT
    counted = [row for row in rows if row.measure == measure]
    words = next(row for row in counted if row.subset == HELD_OUT_WORDS)
    worst = min((row for row in counted if row is not words), key=lambda row: row.value)
    target = f", target {words.target}" if words.target else ""
    first = ", ".join(f"{row.code} {row.value:.2f}" for row in rows if row.measure == FIRST)
    return (
        f"`{words.code}`: of the class names, {worst.value:g} {worst.unit} are {measure} in the form that does worst "
        f"({worst.subset}); of held-out words {words.value:.2f} (95 % {interval_text(words.interval)} by query, "
        f"{interval_text(words.class_interval)} by class{target}). Their class is {FIRST}: {first}."
    )


def targets_headline(rows: Iterable[Measurement]) -> str:
    """How many targets are met, and which are missed."""
    known = list(rows)
    verdicts = {row: is_met(row, known) for row in known if row.target}
    missed = [f"{row.name} ({row.value:g}, target {row.target})" for row, met in verdicts.items() if met is False]
    met = sum(verdict is True for verdict in verdicts.values())
    return f"{met} of {len(verdicts)} targets are met" + (f"; missed: {', '.join(missed)}." if missed else ".")
