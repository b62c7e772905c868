"""The lines of disentanglement.json as the README shows them: codes beside each other, then what is drawn from them.

A value is the mean over seeds ± their standard deviation, or of one seed the value and its interval. What a metric is
of the classes that the prior saw, and of those that it did not, stands beside what it is of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from retrieval.evaluation.findings import SEEN, UNSEEN

Row = Mapping[str, Any]
MAP, GAIN = "mAP ", "mAP gain of "
AHEAD = {"object code": "", "before it reads": "before it reads: "}  # whose gain is shown -> what stands before it
WORD = f"{MAP}typed word"
PROBES = ("", ", logistic", ", 10 nearest")
READ = ("class probe ", "domain probe ")
ALONG = ("domain AUC ", "own style in the top 10, ")
DRAWN = (  # what all other lines that are shown begin with
    WORD,
    "class probe object code, labels shuffled",
    "domain probe object code, labels shuffled",
    "judge ",
    "prior ",
    "swap class",
    "swap style",
    "swap keeps",
    "swap nearer to truth",
    "object alone",
    "student ",
    "error rises",
    "overlap with",
    "slider",
    "pair purity",
    "near copies",
    "KID ",
)
NONE = "–"


def disentanglement_tables(rows: Sequence[Row]) -> str:
    """Three tables: what codes find, what can be read off them, and what the prior makes of them."""
    found = {row["name"]: row for row in rows}
    return "\n\n".join(table for table in (_codes(found), _probes(found), _drawn(found)) if table)


def _codes(found: Mapping[str, Row]) -> str:
    names = [name for name in found if name.startswith(MAP) and not name.startswith((GAIN, WORD))]
    whole = [name for name in names if not name.endswith((SEEN, UNSEEN))]
    head = ("code", "seeds", "mAP@all across styles", SEEN, UNSEEN, "P@1", "object code is ahead by")
    lines = []
    for name in whole:
        told = name.removeprefix(MAP)
        beside = (f"{name}, {SEEN}", f"{name}, {UNSEEN}", f"P@1 macro {told}")
        seeds = str(len(found[name]["seeds"]))
        gains = {before: found.get(f"{GAIN}{code} over {told}") for code, before in AHEAD.items()}
        gain = next((before + _cell(row, signed=True) for before, row in gains.items() if row), NONE)
        lines.append(
            (told, seeds, _cell(found[name]), *(_cell(found.get(other), ends=False) for other in beside), gain)
        )
    if not lines:
        return ""
    first = found[whole[0]]
    return f"{_table(head, lines)}\n\n{_sentence(first['how'])} By chance: {first['chance']:.3f}."


def _probes(found: Mapping[str, Row]) -> str:
    codes = [n.removeprefix(READ[0]) for n in found if n.startswith(READ[0]) and "," not in n]
    head = ("code", *(f"{what}{kind or ', two layers'}" for what in ("class", "domain") for kind in PROBES))
    head += ("domains in pairs, AUC", "own style in the top 10")
    lines = []
    for code in codes:
        names = [f"{what}{code}{kind}" for what in READ for kind in PROBES] + [f"{what}{code}" for what in ALONG]
        lines.append((code, *(_cell(found.get(name), ends=False) for name in names)))
    if not lines:
        return ""
    one = found[READ[0] + codes[0]]
    chances = [found[what + codes[0]]["chance"] for what in READ if what + codes[0] in found]
    told = " and ".join(f"{chance:.3f}" for chance in chances)
    return f"{_table(head, lines)}\n\nProbes: {one['how'].partition(', ')[2]}. By chance: {told}."


def _drawn(found: Mapping[str, Row]) -> str:
    names = [name for start in DRAWN for name in found if name.startswith(start)]
    whole = [name for name in dict.fromkeys(names) if not name.endswith((SEEN, UNSEEN))]
    head = ("what", "value", SEEN, UNSEEN, "by chance", "wanted", "how")
    lines = []
    for name in whole:
        row = found[name]
        beside = (_cell(found.get(f"{name}, {kind}"), ends=False, none="") for kind in (SEEN, UNSEEN))
        chance = "" if row["chance"] is None else f"{row['chance']:.3f}"
        lines.append((name, _cell(row), *beside, chance, row["wanted"], row["how"]))
    return _table(head, lines) if lines else ""


def _table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *lines))


def _cell(row: Row | None, *, ends: bool = True, signed: bool = False, none: str = NONE) -> str:
    if row is None:
        return none
    sign, low_high = "+" if signed else "", row["interval"] if ends and len(row["seeds"]) == 1 else None
    value = spread(row["each seed"], sign)
    return f"{value} [{low_high[0]:{sign}.3f}, {low_high[1]:{sign}.3f}]" if low_high else value


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def spread(values: Sequence[float], sign: str = "") -> str:
    """The mean of the seeds ± their standard deviation; of one, the value.

    >>> spread([0.25, 0.75]), spread([0.5], "+")
    ('0.500 ± 0.354', '+0.500')
    """
    middle = f"{mean(values):{sign}.3f}"
    return f"{middle} ± {stdev(values):.3f}" if len(values) > 1 else middle
