"""people.json as tables: what pre-training is worth, by labels that are had; then everything else that was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.results import interval_text, summary_of
from retrieval.evaluation.tables import measurements_table, table

PRE_TRAINED = "pre-trained on"  # the control of the ladder's rows
MAIN, OTHER = "in two stages", "by cosine"
METRICS = ("R@5", "R@10", "mAP@all", "mINP")
Rows = dict[tuple[str, str, str], Measurement]


def people_tables(rows: Sequence[Measurement]) -> str:
    """The ladder as a line for each pre-training and share of labels, then the other rows."""
    ladder = [row for row in rows if row.control == PRE_TRAINED]
    others = measurements_table([row for row in rows if row.control != PRE_TRAINED])
    if not ladder:
        return others
    head = ("pre-trained on", "fine-tuned on", "R@1", "95 % by query", "95 % by person", *METRICS, f"R@1 {OTHER}")
    known = {(row.measure, row.code, row.subset): row for row in ladder}
    return f"{table(head, _lines(known))}\n\n{others}"


def _lines(known: Rows) -> Iterator[tuple[str, ...]]:
    for code, subset in dict.fromkeys((code, subset) for _, code, subset in known):
        main = known[f"R@1, {MAIN}", code, subset]
        cells = [summary_of(known[f"{metric}, {MAIN}", code, subset]).text() for metric in METRICS]
        ends = interval_text(main.interval), interval_text(main.class_interval)
        alone = summary_of(known[f"R@1, {OTHER}", code, subset]).text()
        yield code, subset, summary_of(main).text(), *ends, *cells, alone
