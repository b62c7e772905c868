"""The tables of ucdr.json."""

from __future__ import annotations

from dataclasses import replace

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.ucdr_tables import (
    BEGUN,
    FULL,
    FULL_SIZE,
    GAIN,
    LEFT_OUT,
    LONGER,
    METRICS,
    MOVED,
    PLAIN,
    PROBE,
    PROTOCOLS,
    SHORT,
    START,
    VALIDATION,
    chosen_kind,
    features_table,
    known_rows,
    ucdr_full_table,
    ucdr_hands_tables,
    ucdr_headline,
    ucdr_ladder,
    ucdr_ladder_headline,
    ucdr_tables,
)

HANDS = ("blob", "noto")


def rows(gain: tuple[float, float], even: float = 0.8) -> list[Measurement]:
    """All that the tables need. gain: the interval of all gains; even: how the start on even features validates."""
    subsets = [f"world: {protocol}, {where}" for protocol in PROTOCOLS for where in ("all styles", *LEFT_OUT)]
    subsets += [f"emoji: unseen, {hand}" for hand in (*HANDS, "all styles")]
    subsets += ["sketchy: seen style, all styles"]
    measured = []
    for kind, score in (("", 0.7), ("-white", even)):
        measured.append(Measurement(VALIDATION, score, code=START + kind, subset="world: validation"))
        for subset in subsets if not kind else [name for name in subsets if name.startswith("world")]:
            measured += _rows_of(kind, subset, gain)
    return measured


def _rows_of(kind: str, subset: str, gain: tuple[float, float]) -> list[Measurement]:
    values = {BEGUN + kind: 0.3, START + kind: 0.4, PLAIN + kind: 0.5, FULL + kind: 0.6}
    found = [
        Measurement(metric, value, "what it has", code, subset, seeds=(0,))
        for code, value in values.items()
        for metric in METRICS
    ]
    controls = dict.fromkeys((PLAIN + kind, START + kind, START, BEGUN))
    return found + [
        Measurement(METRICS[0] + GAIN, 0.1 + at / 10, "", FULL + kind, subset, control, class_interval=gain)
        for at, control in enumerate(controls)
    ]


def test_tables_name_every_style_and_protocol() -> None:
    text = ucdr_tables(rows((0.05, 0.15)))
    values = "0.300 | 0.400 | 0.400 | 0.500 | 0.600 | +0.300 [+0.050, +0.150]"
    assert all(f"| {style} | {values} |" in text for style in LEFT_OUT)
    assert all(f"| {about} | UCDR-Adapter | 0.600 | 0.600 | 0.600 |" in text for about in PROTOCOLS.values())


def test_hands_stand_in_lines_of_their_own_and_all_of_them_last() -> None:
    lines = ucdr_hands_tables(rows((0.05, 0.15))).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:5]] == [*HANDS, "all"]


def test_a_variant_stands_beside_what_tells_most_of_it() -> None:
    text = ucdr_ladder(rows((0.05, 0.15)))
    gain = "+0.100 [+0.050, +0.150]"
    assert f"| `-full-white` | what it has |  | 0.600 | 0.600 | 0.600 | `-plain-white` | {gain} | {gain} |" in text


def longer(interval: tuple[float, float]) -> list[Measurement]:
    """The longer training: as the shorter of the plain kind, with a probe and a part taken away."""
    found = [
        replace(row, subset=row.subset.replace("world: ", f"{LONGER}: "))
        for row in rows((0.05, 0.15))
        if row.subset.startswith("world: ") and "-white" not in row.code
    ]
    for subset in (f"{LONGER}: unseen, all styles", f"{LONGER}: mixed, all styles"):
        found.append(Measurement(METRICS[0] + GAIN, 0.0, "", FULL, subset, SHORT, class_interval=(-0.1, 0.1)))
        for code, control, value in ((PROBE, START, 0.02), ("-mean", FULL, -0.01), ("-four", FULL, 0.0)):
            found += [Measurement(metric, 0.5, "what it has", code, subset, seeds=(0,)) for metric in METRICS]
            ends = interval if code == "-mean" else (-0.1, 0.1)
            found.append(Measurement(METRICS[0] + GAIN, value, "", code, subset, control, class_interval=ends))
    return [*found, Measurement(MOVED, 0.64, "", FULL, f"{LONGER}: validation", unit="degrees")]


def test_a_longer_training_says_how_far_prompts_turn_a_code() -> None:
    text = ucdr_ladder(longer((0.0, 0.0)), LONGER)
    assert "| `-full` | what it has |  | 0.6 | 0.600 |" in text
    assert "degrees" not in ucdr_ladder(rows((0.05, 0.15)))


def test_parts_that_a_longer_training_takes_away_are_not_shown_twice() -> None:
    once = [row for row in longer((0.0, 0.0)) if row.code == "-mean"]
    shorter = [replace(row, subset=row.subset.replace(f"{LONGER}: ", "world: ")) for row in once]
    assert "`-mean`" in ucdr_ladder([*rows((0.05, 0.15)), *shorter])
    text = ucdr_ladder([*rows((0.05, 0.15)), *shorter, *longer((0.0, 0.0))])
    assert "`-mean`" not in text
    assert "`-full`" in text


def test_a_part_is_named_where_taking_it_away_is_clear_by_class() -> None:
    text = ucdr_ladder_headline(longer((-0.02, -0.005)))
    assert "is worth -0.010 to +0.000, clear by class for `-mean`." in text
    assert "they turn a code by 0.6 degrees" in text
    assert "clear by class for none." in ucdr_ladder_headline(longer((-0.02, 0.005)))


def test_every_data_set_of_full_size_has_a_line_with_its_units() -> None:
    measured = [
        Measurement("peak memory", 3.0, "batches of 2", "ViT-B-32", FULL_SIZE + name, unit="GB") for name in ("a", "b")
    ]
    text = ucdr_full_table([*measured, *rows((0.0, 0.1))])
    assert "| `a` | 3.00 GB |\n| `b` | 3.00 GB |" in text
    assert text.endswith("batches of 2.")


def test_the_kind_of_start_is_chosen_by_validation_alone() -> None:
    assert chosen_kind(known_rows(rows((0.0, 0.1), even=0.8))) == "-white"
    assert chosen_kind(known_rows(rows((0.0, 0.1), even=0.6))) == ""


def test_a_gain_whose_interval_holds_zero_is_called_a_null_result() -> None:
    assert ucdr_headline(rows((-0.05, 0.15))).endswith(": a null result.")
    assert ucdr_headline(rows((0.05, 0.15))).endswith(": no null result.")
    assert "above the zero-shot foundation in 5 of 5" in ucdr_headline(rows((0.05, 0.15)))


def test_features_stand_in_a_column_for_each_style_with_their_gain() -> None:
    measured = [Measurement("mAP@all", 0.5, "as they are", "raw", style) for style in LEFT_OUT]
    measured.append(Measurement("mAP@all", 0.6, "as they are", "raw", "all styles"))
    measured.append(
        Measurement("mAP@all gain", 0.1, "paired", "raw", "all styles", "components", class_interval=(0.05, 0.15))
    )
    columns = f"{' 0.500 |' * len(LEFT_OUT)} 0.600 | +0.100 [+0.050, +0.150] |"
    assert f"| `raw` | as they are |{columns}" in features_table(measured)
