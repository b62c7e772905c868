"""ucdr.json as tables: every style, every protocol, every part taken away; and what they say in a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.results import interval_text, summary_of
from retrieval.evaluation.tables import table
from retrieval.types import PHOTO, STYLES

START, FULL, PLAIN = "-start", "-full", "-plain"
MAIN = {START: "start", PLAIN: "same steps without prompts", FULL: "UCDR-Adapter"}
METRICS = ("mAP@200 strict", "mAP@200 lenient", "P@200")
GAIN = " gain"
ALL = "all styles"
PROTOCOLS = {
    "unseen": "UCDR, photographs of unseen classes",
    "mixed": "UCDR, photographs of all classes",
    "seen style": "U^c CDR: styles that were trained on",
    "seen class": "U^d CDR: classes that were trained on",
}
LEFT_OUT = tuple(style.name for style in STYLES if style != PHOTO)
Rows = dict[tuple[str, str, str, str], Measurement]


def ucdr_tables(rows: Sequence[Measurement]) -> str:
    """By style, by protocol, and the ladder."""
    known = {row.key: row for row in rows}
    head = ("style left out", *MAIN.values(), "gain on the start, 95 % by class", "gain on no prompts, 95 % by class")
    styles = table(head, _style_lines(known))
    protocols = table(("protocol", "what", *METRICS), _protocol_lines(known))
    head = (
        "variant",
        "what",
        "seeds",
        "unseen",
        "mixed, strict",
        "mixed, lenient",
        "than",
        "gain, mixed, strict, 95 % by class",
    )
    return f"{styles}\n\n{protocols}\n\n{table(head, _ladder_lines(known))}"


def _style_lines(known: Rows) -> Iterator[tuple[str, ...]]:
    metric = METRICS[0]
    for style in (*LEFT_OUT, ALL):
        subset = f"unseen, {style}"
        values = (summary_of(known[metric, code, subset, ""]).text() for code in MAIN)
        yield style, *values, *(_change(known, FULL, control, metric, subset) for control in (START, PLAIN))


def _protocol_lines(known: Rows) -> Iterator[tuple[str, ...]]:
    for protocol, about in PROTOCOLS.items():
        for code, name in MAIN.items():
            subset = f"{protocol}, {ALL}"
            yield about, name, *(summary_of(known[metric, code, subset, ""]).text() for metric in METRICS)


def _ladder_lines(known: Rows) -> Iterator[tuple[str, ...]]:
    strict, lenient = METRICS[:2]
    unseen, mixed = f"unseen, {ALL}", f"mixed, {ALL}"
    controls = {row.code: row.control for row in known.values() if row.measure == strict + GAIN and row.subset == mixed}
    for row in [row for row in known.values() if (row.measure, row.subset) == (strict, mixed)]:
        values = (known[strict, row.code, unseen, ""], row, known[lenient, row.code, mixed, ""])
        control = controls.get(row.code, "")
        change = _change(known, row.code, control, strict, mixed) if control else ""
        texts = [summary_of(value).text() for value in values]
        yield f"`{row.code}`", row.how, str(len(row.seeds)), *texts, f"`{control}`" if control else "", change


def _change(known: Rows, code: str, control: str, metric: str, subset: str) -> str:
    row = known[metric + GAIN, code, subset, control]
    return f"{row.value:+.3f} {interval_text(row.class_interval, '+')}"


def features_table(rows: Sequence[Measurement]) -> str:
    """ucdr_features.json: each candidate in each style that is left out, and over all."""
    known = {(row.code, row.subset): row for row in rows if not row.control}
    gains = {row.code: f"{row.value:+.3f} {interval_text(row.class_interval, '+')}" for row in rows if row.control}
    about = {row.code: row.how for row in known.values()}
    lines = (
        (
            f"`{code}`",
            how,
            *(f"{known[code, style].value:.3f}" for style in (*LEFT_OUT, ALL)),
            gains.get(code, ""),
        )
        for code, how in about.items()
    )
    return table(("features", "what", *LEFT_OUT, ALL, "gain on `components`, 95 % by class"), lines)


def ucdr_headline(rows: Sequence[Measurement]) -> str:
    """What adapting gains, and what prompts have to do with it."""
    known = {row.key: row for row in rows}
    subset = f"unseen, {ALL}"
    on_start, on_plain = (known[METRICS[0] + GAIN, FULL, subset, control] for control in (START, PLAIN))
    above = sum(known[METRICS[0] + GAIN, FULL, f"unseen, {style}", START].value > 0 for style in LEFT_OUT)
    low, high = on_plain.class_interval or (0.0, 0.0)
    verdict = "which is a null result" if low <= 0 <= high else "which is no null result"
    return (
        f"UCDR-Adapter is above its start in {above} of {len(LEFT_OUT)} left-out styles, on average by "
        f"{on_start.value:+.3f} ({interval_text(on_start.class_interval, '+')} by class). Against the same steps "
        f"without prompts it gains {on_plain.value:+.3f} ({interval_text(on_plain.class_interval, '+')}), {verdict}."
    )
