"""Whether swapped pictures are read as they were meant: the hit rates of class and style over a grid of swaps."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.disentangle.coded import Coded
from retrieval.disentangle.panel_values import Drawn


def hit_rates(
    coded: Sequence[Coded], styles: tuple[str, ...], rows: Sequence[tuple[Drawn | None, ...]]
) -> tuple[float | None, float | None, int]:
    """How often class and style are read as intended, over the finished swaps, and how many those are."""
    swaps = [
        cell
        for own, row in zip(coded, rows, strict=True)
        for style, cell in zip(styles, row, strict=True)
        if cell is not None and cell.finished and style != own.style
    ]
    return _rate([cell.class_holds for cell in swaps]), _rate([cell.style_holds for cell in swaps]), len(swaps)


def _rate(holds: Sequence[bool | None]) -> float | None:
    known = [hold for hold in holds if hold is not None]
    return sum(known) / len(known) if known else None
