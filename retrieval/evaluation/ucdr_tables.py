"""ucdr.json as tables: all that is left out, every protocol, every part taken away; and what they say in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.results import interval_text, summary_of
from retrieval.evaluation.tables import table
from retrieval.types import PHOTO, STYLES

BEGUN, START, PLAIN, FULL, PEEKED = "-begun", "-start", "-plain", "-full", "-peeked"
PROBE, SHORT = "-probe", "-plain-short"
KINDS = ("", "-white")  # of starts
METRICS = ("mAP@200 strict", "mAP@200 lenient", "P@200")
VALIDATION, GAIN = "validation mAP@all", " gain"
MOVED = "prompts turn a code by"
ALL = "all styles"
SETS = ("world", "emoji", "sketchy")
FULL_SIZE = "full size: "  # before the name of a published data set
EARLIER, LONGER = "more objects", "longer"  # trainings whose ladder alone is kept
PROTOCOLS = {
    "unseen": "UCDR, photographs of unseen classes",
    "mixed": "UCDR, photographs of all classes",
    "seen style": "U^c CDR: styles that were trained on",
    "seen class": "U^d CDR: classes that were trained on",
}
LEFT_OUT = tuple(style.name for style in STYLES if style != PHOTO)
BY_CLASS = ", 95 % by class"
Rows = dict[tuple[str, str, str, str], Measurement]


def known_rows(rows: Sequence[Measurement]) -> Rows:
    """By what they are about."""
    return {row.key: row for row in rows}


def chosen_kind(known: Rows, name: str = SETS[0]) -> str:
    """The kind of start that validates best."""
    scores = {kind: known.get((VALIDATION, START + kind, f"{name}: validation", "")) for kind in KINDS}
    return max(scores, key=lambda kind: row.value if (row := scores[kind]) else -1.0)


def columns_of(kind: str) -> dict[str, str]:
    """What stands side by side, where that kind of start was chosen."""
    own = {START + kind: "start on features made even"} if kind else {}
    columns = {BEGUN: "frozen trunk", START: "zero-shot foundation"} | own
    return columns | {PLAIN + kind: "same steps without prompts", FULL + kind: "UCDR-Adapter"}


def ucdr_tables(rows: Sequence[Measurement]) -> str:
    """The world by style and by protocol."""
    known = known_rows(rows)
    return f"{_table_of(known, 'world', 'unseen', 'style left out')}\n\n{_protocol_table(known)}"


def ucdr_hands_tables(rows: Sequence[Measurement]) -> str:
    """Emoji by hand, and Sketchy."""
    known = known_rows(rows)
    hands = _table_of(known, "emoji", "unseen", "hand left out")
    return f"{hands}\n\n{_table_of(known, 'sketchy', 'seen style', 'Sketchy: U^c CDR')}"


def _table_of(known: Rows, name: str, protocol: str, first: str) -> str:
    """A line for everything that is left out, and one for all."""
    kind, metric = chosen_kind(known, name), METRICS[0]
    columns = columns_of(kind)
    controls = list(dict.fromkeys((START, START + kind, PLAIN + kind)))
    head = (first, *columns.values(), *(f"gain on {columns[control]}{BY_CLASS}" for control in controls))
    prefix = f"{name}: {protocol}, "
    subsets = [key[2] for key in known if key[:2] == (metric, FULL + kind) and key[2].startswith(prefix)]
    lines = []
    for subset in sorted(subsets, key=lambda subset: subset.endswith(ALL)):
        values = [summary_of(known[metric, code, subset, ""]).text() for code in columns]
        changes = [_change(known, FULL + kind, control, metric, subset) for control in controls]
        lines.append((subset.removeprefix(prefix).replace(ALL, "all"), *values, *changes))
    return table(head, lines if len(lines) > 2 else lines[-1:])


def _protocol_table(known: Rows) -> str:
    lines = []
    for protocol, about in PROTOCOLS.items():
        for code, name in columns_of(chosen_kind(known)).items():
            subset = f"world: {protocol}, {ALL}"
            values = (summary_of(known[metric, code, subset, ""]).text() for metric in METRICS)
            lines.append((about, name, *values))
    return table(("protocol", "what", *METRICS), lines)


def ucdr_ladder(rows: Sequence[Measurement], name: str = SETS[0]) -> str:
    """Every variant over all styles, on unseen classes alone and among all, and what it is compared with."""
    known = known_rows(rows)
    strict, lenient = METRICS[:2]
    unseen, mixed = f"{name}: unseen, {ALL}", f"{name}: mixed, {ALL}"
    turns = any(key[0] == MOVED and key[2].startswith(f"{name}: ") for key in known)
    controls: dict[str, str] = {}
    for row in known.values():
        if row.measure == strict + GAIN and row.subset == mixed:
            controls.setdefault(row.code, row.control)  # the first tells most
    shown = [row for row in known.values() if (row.measure, row.subset) == (strict, mixed)]
    if name == SETS[0]:  # parts that the longer training has taken away stand there
        again = {row.code for row in known.values() if row.subset.startswith(f"{LONGER}: ")} - {*columns_of("")}
        shown = [row for row in shown if row.code not in again]
    lines = []
    for row in shown:
        score = known.get((VALIDATION, row.code, f"{name}: validation", ""))
        values = (known[strict, row.code, unseen, ""], row, known[lenient, row.code, mixed, ""])
        control = controls.get(row.code, "")
        changes = [_change(known, row.code, control, strict, where) if control else "" for where in (unseen, mixed)]
        texts = (summary_of(value).text() for value in values)
        than = f"`{control}`" if control else ""
        turned = known.get((MOVED, row.code, f"{name}: validation", ""))
        angle = (f"{turned.value:.1f}" if turned else "",) * turns
        lines.append((f"`{row.code}`", row.how, f"{score.value:.3f}" if score else "", *angle, *texts, than, *changes))
    head = ("variant", "what", "validation", *(f"{MOVED}, degrees",) * turns)
    head = (*head, "unseen", "mixed, strict", "mixed, lenient", "than")
    return table((*head, f"gain, unseen{BY_CLASS}", f"gain, mixed{BY_CLASS}"), lines)


def ucdr_ladder_headline(rows: Sequence[Measurement]) -> str:
    """What prompts have in the longer training, what a part is worth, and what less than they has."""
    known, gain, where = known_rows(rows), METRICS[0] + GAIN, f"{LONGER}: unseen, {ALL}"
    start, plain, short = (_change(known, FULL, control, METRICS[0], where) for control in (START, PLAIN, SHORT))
    parts = [row for row in known.values() if (row.measure, row.subset, row.control) == (gain, where, FULL)]
    parts = [row for row in parts if not row.code.endswith(PEEKED)]
    low, high = (pick(row.value for row in parts) for pick in (min, max))
    shown = [row for row in parts if round(row.value, 3)]  # what is more than zero in three decimals
    clear = [f"`{row.code}`" for row in shown if (ends := row.class_interval) and not ends[0] <= 0 <= ends[1]]
    named = ", ".join(clear) or "none"
    probe, among = (
        _change(known, PROBE, START, METRICS[0], f"{LONGER}: {name}, {ALL}") for name in ("unseen", "mixed")
    )
    turned = known[MOVED, FULL, f"{LONGER}: validation", ""].value
    return (
        f"Prompts gain {start} by class on their own start, {plain} on the same steps without them, and {short} on as "
        f"many steps without them as their second phase has; they turn a code by {turned:.1f} degrees. To take a "
        f"part away or change it is worth {low:+.3f} to {high:+.3f}, clear by class for {named}. A linear "
        f"layer alone, trained as the start is, gains {probe} on it, and {among} among photographs of all classes."
    )


def _change(known: Rows, code: str, control: str, metric: str, subset: str) -> str:
    row = known[metric + GAIN, code, subset, control]
    return f"{row.value:+.3f} {interval_text(row.class_interval, '+')}"


def ucdr_full_table(rows: Sequence[Measurement]) -> str:
    """What the published size needs, for each data set."""
    full = [row for row in rows if row.subset.startswith(FULL_SIZE)]
    measures = list(dict.fromkeys(row.measure for row in full))
    by_set: dict[str, dict[str, str]] = {}
    for row in full:
        by_set.setdefault(row.subset.removeprefix(FULL_SIZE), {})[row.measure] = f"{row.value:.2f} {row.unit}"
    lines = [(f"`{name}`", *(values.get(measure, "") for measure in measures)) for name, values in by_set.items()]
    how = f"\n\n{full[0].how}." if full else ""
    return table(("data set", *measures), lines) + how


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
    """What adapting gains, what the start has to do with it, and what prompts have."""
    known, metric, subset = known_rows(rows), METRICS[0], f"world: unseen, {ALL}"
    kind = chosen_kind(known)
    scores = [known[VALIDATION, START + each, "world: validation", ""].value for each in KINDS]
    gains = {
        control: _change(known, FULL + kind, control, metric, subset)
        for control in (BEGUN, START, START + kind, PLAIN + kind)
    }
    above = {
        control: sum(
            known[metric + GAIN, FULL + kind, f"world: unseen, {style}", control].value > 0 for style in LEFT_OUT
        )
        for control in (BEGUN, START)
    }
    low, high = known[metric + GAIN, FULL + kind, subset, PLAIN + kind].class_interval or (0.0, 0.0)
    verdict = "a null result" if low <= 0 <= high else "no null result"
    which = "features made even" if kind else "features as they are"
    mixed = _change(known, FULL + kind, START, metric, f"world: mixed, {ALL}")
    styles = len(LEFT_OUT)
    return (
        f"Validation chose the start on {which} ({scores[1]:.3f} for even, {scores[0]:.3f} for plain). UCDR-Adapter on "
        f"it is above the frozen trunk in {above[BEGUN]} of {styles} left-out styles, on average by {gains[BEGUN]} by "
        f"class, and above the zero-shot foundation in {above[START]} of {styles}, by {gains[START]}; among "
        f"photographs of all classes by {mixed}. On its own start it gains {gains[START + kind]}, on the same steps "
        f"without prompts {gains[PLAIN + kind]}: {verdict}."
    )
