"""disentanglement.json as tables of Markdown: codes beside each other, then what is generated from them.

A value is the mean over seeds ± their standard deviation, or of one seed the value and its interval by query. What a
metric is of the classes that the prior saw, and of those that it did not, stands beside what it is of all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from retrieval.evaluation.code_quality import (
    DOMAIN_AUC,
    DOMAIN_BIAS,
    MAIN,
    probe_name,
)
from retrieval.evaluation.measurement import GAIN, SEARCH, SEEN, UNSEEN, Key, Measurement
from retrieval.evaluation.results import interval_text, summary_of
from retrieval.evaluation.tables import NONE, table

AHEAD = {  # whose gain is shown -> what stands before it
    "object code": "",
    "before it reads": "before it reads: ",
    "without the noise loss, trained again": "without the noise loss: ",
}
AHEAD_BY = "object code is ahead by, 95 % by class"
READERS = (MAIN, "logistic", "10 nearest")
CODES = (SEARCH, GAIN, DOMAIN_AUC, DOMAIN_BIAS)  # measures of the first two tables
HIDDEN = (
    "P@",
    "MMD2",
    "points at",
    "swap distance",
    "swap harmonic",
    "nearest training picture",
)  # beside a better one
TRIED = ("class", "style", "of paintings", "kept", "doodles, class", "doodles, style")  # of short tunings of a prior
LEAK = "style read from the map, pooled"
Rows = Mapping[Key, Measurement]


def disentanglement_tables(rows: Sequence[Measurement]) -> str:
    """Three tables: how codes search, what probes read off them, and what the prior makes of them."""
    by_key = {row.key: row for row in rows}
    return "\n\n".join(part for part in (_codes(by_key), _probes(by_key), _generated(by_key)) if part)


def tries_table(rows: Sequence[Measurement]) -> str:
    """tries.json: a line for each try."""
    by_key = {row.key: row for row in rows}
    names = dict.fromkeys(row.code for row in rows)
    lines = [(name, *(_cell(by_key.get((measure, name, "", ""))) for measure in (*TRIED, LEAK))) for name in names]
    chance = {row.measure: NONE if row.chance is None else f"{row.chance:.3f}" for row in rows}
    by_chance = ("by chance", *(chance.get(measure, NONE) for measure in (*TRIED, LEAK)))
    return table(("what draws", *TRIED, LEAK), [*lines, by_chance])


def _codes(rows: Rows) -> str:
    whole = [row for row in rows.values() if row.measure == SEARCH and not row.subset]
    if not whole:
        return ""
    head = ("code", "seeds", "mAP@all across styles", "95 % by query", "95 % by class", SEEN, UNSEEN, "P@1", AHEAD_BY)
    lines = [_code_line(row, rows) for row in whole]
    first = whole[0]
    chance = NONE if first.chance is None else f"{first.chance:.3f}"
    return f"{table(head, lines)}\n\n{_sentence(first.how)} By chance: {chance}."


def _code_line(row: Measurement, rows: Rows) -> tuple[str, ...]:
    code = row.code
    beside = [
        rows.get(key) for key in ((SEARCH, code, SEEN, ""), (SEARCH, code, UNSEEN, ""), ("P@1 macro", code, "", ""))
    ]
    gains = {before: rows.get((GAIN, ahead, "", code)) for ahead, before in AHEAD.items()}
    gain = next((before + _gain_cell(part) for before, part in gains.items() if part), NONE)
    intervals = interval_text(row.interval), interval_text(row.class_interval)
    return code, str(len(row.seeds)), summary_of(row).text(), *intervals, *map(_cell, beside), gain


def _gain_cell(row: Measurement) -> str:
    """The gain over a code, and its interval by class where pictures were compared one by one."""
    interval = f" {interval_text(row.class_interval, '+')}" if row.class_interval else ""
    return summary_of(row).text("+") + interval


def _probes(rows: Rows) -> str:
    main = probe_name("class", MAIN)
    codes = [row.code for row in rows.values() if row.measure == main and not row.control]
    if not codes:
        return ""
    measures = [probe_name(kind, reader) for kind in ("class", "domain") for reader in READERS]
    measures += [DOMAIN_AUC, DOMAIN_BIAS]
    lines = [
        (
            code,
            *(_cell(rows.get((measure, code, "", ""))) for measure in measures),
            _chances(code, rows),
            rows[main, code, "", ""].how,
        )
        for code in codes
    ]
    return table(("code", *measures, "probes, by chance", "probes learn and are asked"), lines)


def _chances(code: str, rows: Rows) -> str:
    """What the probes of class and of domain reach on a code by chance."""
    probes = [rows.get((probe_name(kind, MAIN), code, "", "")) for kind in ("class", "domain")]
    return " and ".join(f"{row.chance:.3f}" for row in probes if row and row.chance is not None)


def _generated(rows: Rows) -> str:
    head = ("what", "value", SEEN, UNSEEN, "by chance", "target", "how")
    lines = []
    for row in rows.values():
        if row.subset in (SEEN, UNSEEN) or row.measure in CODES or row.measure.startswith(HIDDEN):
            continue
        if " probe, " in row.measure and not row.control:
            continue
        measure, code, _, control = row.key
        beside = (_cell(rows.get((measure, code, kind, control)), none="") for kind in (SEEN, UNSEEN))
        chance = "" if row.chance is None else f"{row.chance:.3f}"
        lines.append((row.name, _cell(row, ends=True), *beside, chance, str(row.target or ""), row.how))
    return table(head, lines) if lines else ""


def _cell(row: Measurement | None, *, ends: bool = False, sign: str = "", none: str = NONE) -> str:
    """The seeds of a row; with `ends` the interval of a single one, too."""
    if row is None:
        return none
    interval = f" {interval_text(row.interval, sign)}" if ends and len(row.seeds) == 1 and row.interval else ""
    return summary_of(row).text(sign) + interval


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."
