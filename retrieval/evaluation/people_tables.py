"""people.json as tables: what pre-training is worth, by labels that are had; then everything else that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.results import interval_text, summary_of
from retrieval.evaluation.tables import measurements_table, table

PRE_TRAINED = "pre-trained on"  # the control of the ladder's rows
BRIEF = "pre-trained on, in brief"  # of those of the ladder in which all rows take few steps
GAIN = "gain, in brief"  # of differences between these
MAIN, OTHER = "in two stages", "by cosine"
METRICS = ("R@5", "R@10", "mAP@all", "mINP")
WHO = ("pre-trained on", "fine-tuned on")
LADDER = (*WHO, "R@1", "95 % by query", "95 % by person", *METRICS)
GAINS = (*WHO, "gain in R@1", "95 % by person")
Rows = dict[tuple[str, str, str], Measurement]


def people_tables(rows: Sequence[Measurement]) -> str:
    """Both ladders as a line for each pre-training and share of labels, what is gained between lines of the brief one,
    then the other rows.
    """
    found = {control: known_of(rows, control) for control in (PRE_TRAINED, BRIEF, GAIN)}
    others = [row for row in rows if row.control not in found]
    parts = [
        table((*LADDER, f"R@1 {OTHER}"), _lines(found[PRE_TRAINED], MAIN, OTHER)) if found[PRE_TRAINED] else "",
        table(LADDER, _lines(found[BRIEF], OTHER)) if found[BRIEF] else "",
        table(GAINS, _gains(found[GAIN])) if found[GAIN] else "",
        measurements_table(others) if others else "",
    ]
    return "\n\n".join(part for part in parts if part)


def known_of(rows: Sequence[Measurement], control: str) -> Rows:
    """The rows of one kind, by measure, code and subset."""
    return {(row.measure, row.code, row.subset): row for row in rows if row.control == control}


def _lines(known: Rows, main: str, *others: str) -> Iterator[tuple[str, ...]]:
    """main: the search whose numbers all stand there; others: those of which R@1 alone does."""
    for code, subset in _named(known):
        first = known[f"R@1, {main}", code, subset]
        names = [f"{metric}, {main}" for metric in METRICS] + [f"R@1, {other}" for other in others]
        cells = [summary_of(known[name, code, subset]).text() for name in names]
        yield (
            code,
            subset,
            summary_of(first).text(),
            interval_text(first.interval),
            interval_text(first.class_interval),
            *cells,
        )


def _gains(known: Rows) -> Iterator[tuple[str, ...]]:
    for code, subset in _named(known):
        row = known[f"gain in R@1, {OTHER}", code, subset]
        yield code, subset, summary_of(row).text(), interval_text(row.class_interval)


def _named(known: Rows) -> list[tuple[str, str]]:
    return list(dict.fromkeys((code, subset) for _, code, subset in known))
