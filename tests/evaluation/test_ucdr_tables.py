"""The tables of ucdr.json."""

from __future__ import annotations

from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.ucdr_tables import (
    FULL,
    LEFT_OUT,
    METRICS,
    PLAIN,
    PROTOCOLS,
    START,
    features_table,
    ucdr_headline,
    ucdr_tables,
)


def rows(gain: tuple[float, float]) -> list[Measurement]:
    """All that the tables need; the interval is that of the gain over the same steps without prompts."""
    measured = []
    for subset in (f"{protocol}, {where}" for protocol in PROTOCOLS for where in ("all styles", *LEFT_OUT)):
        for metric in METRICS:
            for code, value in ((START, 0.4), (PLAIN, 0.5), (FULL, 0.6)):
                measured.append(Measurement(metric, value, "what it has", code, subset, seeds=(0,)))
            for control, value in ((START, 0.2), (PLAIN, 0.1)):
                measure = f"{metric} gain"
                measured.append(Measurement(measure, value, "", FULL, subset, control, class_interval=gain))
    return measured


def test_tables_name_every_style_protocol_and_variant() -> None:
    text = ucdr_tables(rows((0.05, 0.15)))
    assert all(f"| {style} | 0.400 | 0.500 | 0.600 | +0.200 [+0.050, +0.150] |" in text for style in LEFT_OUT)
    assert all(f"| {about} | UCDR-Adapter | 0.600 | 0.600 | 0.600 |" in text for about in PROTOCOLS.values())
    assert "| `-full` | what it has | 1 | 0.600 |" in text


def test_a_gain_whose_interval_holds_zero_is_called_a_null_result() -> None:
    assert "which is a null result" in ucdr_headline(rows((-0.05, 0.15)))
    assert "which is no null result" in ucdr_headline(rows((0.05, 0.15)))
    assert "above its start in 5 of 5 left-out styles" in ucdr_headline(rows((0.05, 0.15)))


def test_features_stand_in_a_column_for_each_style_with_their_gain() -> None:
    measured = [Measurement("mAP@all", 0.5, "as they are", "raw", style) for style in LEFT_OUT]
    measured.append(Measurement("mAP@all", 0.6, "as they are", "raw", "all styles"))
    measured.append(
        Measurement("mAP@all gain", 0.1, "paired", "raw", "all styles", "components", class_interval=(0.05, 0.15))
    )
    columns = f"{' 0.500 |' * len(LEFT_OUT)} 0.600 | +0.100 [+0.050, +0.150] |"
    assert f"| `raw` | as they are |{columns}" in features_table(measured)
