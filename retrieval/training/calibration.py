"""The cut-off: how close the best hit must be before it means anything. Set on validation data, never on what is
reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Cutoff:
    """A cosine, and what it does to the scores that it was set on."""

    value: float
    real_kept: float  # share of real queries whose best hit reaches it
    nonsense_refused: float  # share of the others whose best hit does not


def calibrated(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> Cutoff:
    """The cut-off that keeps at least 90 % of real queries and, under that, maximises kept + refused (Youden's J).

    `real` and `nonsense` are the best scores of queries that the gallery can and cannot answer, each (n,).

    >>> calibrated(np.array([0.8, 0.9]), np.array([0.1, 0.5])).value
    0.65
    """
    ordered = np.unique(np.concatenate([real, nonsense]))
    between = (ordered[1:] + ordered[:-1]) / 2
    options = [Cutoff(float(v), float((real >= v).mean()), float((nonsense < v).mean())) for v in between]
    allowed = [o for o in options if o.real_kept >= 0.9]
    if not allowed:
        return Cutoff(-1.0, 1.0, 0.0)
    return max(allowed, key=lambda o: o.real_kept + o.nonsense_refused)
