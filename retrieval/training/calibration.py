"""The cut-off: what a query must score before its hits mean anything. Set on validation data, never on what is
reported.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Cutoff:
    """A score, and what it does to the queries that it was set on."""

    value: float
    real_kept: float  # share of real queries whose score reaches it
    nonsense_refused: float  # share of the others whose score does not


def calibrated(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> Cutoff:
    """The cut-off that keeps at least 90 % of real queries and, under that, maximises kept + refused (Youden's J).

    `real` and `nonsense` are the scores of queries that the gallery can and cannot answer, each (n,).

    >>> calibrated(np.array([0.8, 0.9]), np.array([0.1, 0.5])).value
    0.65
    """
    return max(_keeping(0.9, real, nonsense), key=lambda o: o.real_kept + o.nonsense_refused)


def strictest(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating], keep: float) -> Cutoff:
    """The cut-off that refuses most of `nonsense` and still keeps at least the share `keep` of `real`, each (n,).

    >>> strictest(np.array([0.2, 0.8, 0.9]), np.array([0.1, 0.5]), keep=0.6).value
    0.65
    """
    return max(_keeping(keep, real, nonsense), key=lambda o: (o.nonsense_refused, o.real_kept))


def _keeping(keep: float, real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> list[Cutoff]:
    """The cut-offs between neighbouring scores that keep enough of `real`; where there is none, one that keeps all."""
    ordered = np.unique(np.concatenate([real, nonsense]))
    between = (ordered[1:] + ordered[:-1]) / 2
    options = [Cutoff(float(v), float((real >= v).mean()), float((nonsense < v).mean())) for v in between]
    return [o for o in options if o.real_kept >= keep] or [Cutoff(-1.0, 1.0, 0.0)]
