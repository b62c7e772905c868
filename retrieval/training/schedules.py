"""How a learning rate moves through a phase: functions of the share of the phase that is done, in [0, 1)."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[float], float]


def cosine(share: float) -> float:
    """From one to zero along half a cosine.

    >>> cosine(0.0), round(cosine(0.5), 6)
    (1.0, 0.5)
    """
    return 0.5 * (1 + math.cos(math.pi * share))


def linear(share: float) -> float:
    """From one to zero along a line."""
    return 1.0 - share


def constant(share: float) -> float:  # noqa: ARG001  (every schedule is asked the same way)
    """One, to the end."""
    return 1.0


SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "linear": linear, "constant": constant}


def rate(schedule: str, share: float, warmup: float) -> float:
    """The factor on the learning rate: a linear rise over the first `warmup` of the phase, then the schedule.

    >>> rate("constant", 0.05, 0.1)
    0.5
    """
    if share < warmup:
        return max(share / warmup, 0.01)
    return SCHEDULES[schedule]((share - warmup) / (1 - warmup))
