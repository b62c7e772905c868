"""Measurements as a table of HTML: what was measured, its target, and whether the target is met."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from retrieval.evaluation.measurement import CHANCE, Measurement
from retrieval.evaluation.results import NEAR, Record, is_met

MANY = 8  # measures of more subsets than this are folded into one table
MISSED = ' <b class="missed">missed</b>'


def measurements_table(record: Record[Measurement], others: Sequence[Measurement]) -> str:
    """A line for each measurement. Where a measure has many subsets, these have a table of their own. `others` are
    what targets may refer to.
    """
    subsets: dict[str, dict[str, Measurement]] = {}  # measure -> subset -> measurement
    for row in record.rows:
        if row.subset:
            subsets.setdefault(row.measure, {})[row.subset] = row
    many = {measure: rows for measure, rows in subsets.items() if len(rows) > MANY}
    lines = (
        _mark_row(row, others, many.get(row.measure, {}).values())
        for row in record.rows
        if not row.subset or row.measure not in many
    )
    return (
        '<table class="marks"><caption class="unseen">Measured values and their targets</caption><thead><tr>'
        '<th scope="col">What</th><th scope="col">Measured</th><th scope="col">Target</th></tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table>{_single(many) if many else ''}{source(record)}"
    )


def _mark_row(row: Measurement, others: Sequence[Measurement], parts: Iterable[Measurement]) -> str:
    how = f"<small>{escape(row.how)}</small>"
    return (
        f'<tr><th scope="row">{escape(row.name)}{how}</th><td>{_quantity(row)}</td>'
        f"<td>{_target(row, others, parts)}</td></tr>"
    )


def _quantity(row: Measurement) -> str:
    return f"{row.value:.3f}" if row.unit == "share" else f"{row.value:g} {escape(row.unit)}"


def _target(row: Measurement, others: Sequence[Measurement], parts: Iterable[Measurement]) -> str:
    """The target and whether it is met; a whole is met if its parts are, too."""
    if row.target is None:
        return ""
    verdicts = [is_met(row, others), *(is_met(part) for part in parts if part.target)]
    verdict = "" if None in verdicts else ' <b class="met">met</b>' if all(verdicts) else MISSED
    words = str(row.target).replace("<=", "≤").replace(">=", "≥")
    if row.target.relation == "near" and row.target.than == CHANCE and row.chance is not None:
        words = f"{words}, {row.chance:.3f} ± {NEAR}"
    return escape(words) + verdict


def _single(many: Mapping[str, Mapping[str, Measurement]]) -> str:
    """Subset by subset, the weakest in the first measure first."""
    first = next(iter(many.values()))
    names = {name for rows in many.values() for name in rows}
    weakest = sorted(names, key=lambda name: (first[name].value if name in first else math.inf, name))
    heads = "".join(f'<th scope="col">{escape(measure)}</th>' for measure in many)
    lines = (
        f'<tr><th scope="row">{escape(name)}</th>{"".join(_cell(rows.get(name)) for rows in many.values())}</tr>'
        for name in weakest
    )
    return (
        f"<details><summary>Each of {len(names)} classes alone, the weakest first</summary>"
        '<div class="scroll" tabindex="0" role="region" aria-label="Each class alone"><table class="single">'
        f'<caption class="unseen">Each class alone</caption><thead><tr><th scope="col">Class</th>{heads}</tr></thead>'
        f"<tbody>{''.join(lines)}</tbody></table></div></details>"
    )


def _cell(row: Measurement | None) -> str:
    """A class that was not judged has a dash."""
    missed = MISSED if row and is_met(row) is False else ""
    return f"<td>{_quantity(row) if row else '–'}{missed}</td>"


def source(record: Record[Any]) -> str:
    """On what machine a file was measured, and when."""
    return f'<p class="source">Measured on {escape(record.machine)}, {escape(_day(record.made))}.</p>'


def _day(made: str) -> str:
    """2026-11-21T04:16:48+00:00 -> 21 November 2026; anything else as it is."""
    try:
        when = datetime.fromisoformat(made)
    except ValueError:
        return made
    return f"{when.day} {when:%B %Y}"
