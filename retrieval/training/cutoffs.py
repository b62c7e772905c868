"""Cut-offs of scores: what they keep of real queries and refuse of nonsense. Which scores, `calibration` knows."""

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


def cutoff_at(value: float, real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> Cutoff:
    """This cut-off, and what it does to these scores, each (n,).

    >>> cutoff_at(0.4, np.array([0.2, 0.8]), np.array([0.1, 0.5]))
    Cutoff(value=0.4, real_kept=0.5, nonsense_refused=0.5)
    """
    return Cutoff(float(value), float((real >= value).mean()), float((nonsense < value).mean()))


def best_cutoff(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> Cutoff:
    """The cut-off that keeps at least 90 % of real queries and, under that, maximises kept + refused (Youden's J).

    `real` and `nonsense` are the scores of queries that the gallery can and cannot answer, each (n,).

    >>> best_cutoff(np.array([0.8, 0.9]), np.array([0.1, 0.5])).value
    0.65
    """
    return max(_cutoffs_keeping(0.9, real, nonsense), key=lambda o: o.real_kept + o.nonsense_refused)


def strictest_cutoff(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating], keep: float) -> Cutoff:
    """The cut-off that refuses most of `nonsense` and still keeps at least the share `keep` of `real`, each (n,).

    >>> strictest_cutoff(np.array([0.2, 0.8, 0.9]), np.array([0.1, 0.5]), keep=0.6).value
    0.65
    """
    return max(_cutoffs_keeping(keep, real, nonsense), key=lambda o: (o.nonsense_refused, o.real_kept))


def loosest_cutoff(real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating], refuse: float) -> Cutoff:
    """The cut-off that keeps most of `real` and still refuses at least the share `refuse` of `nonsense`, each (n,).

    >>> loosest_cutoff(np.array([0.3, 0.8, 0.9]), np.array([0.1, 0.5]), refuse=0.5).value
    0.2
    """
    refusing = [o for o in _cutoffs_keeping(0.0, real, nonsense) if o.nonsense_refused >= refuse]
    return max(refusing, key=lambda o: (o.real_kept, o.nonsense_refused), default=Cutoff(1.0, 0.0, 1.0))


def _cutoffs_keeping(keep: float, real: npt.NDArray[np.floating], nonsense: npt.NDArray[np.floating]) -> list[Cutoff]:
    """The cut-offs between neighbouring scores that keep enough of `real`; where there is none, one that keeps all."""
    if not len(real):
        return [Cutoff(-1.0, 1.0, 0.0)]
    ordered = np.unique(np.concatenate([real, nonsense]))
    between = (ordered[1:] + ordered[:-1]) / 2
    options = [cutoff_at(value, real, nonsense) for value in between]
    return [o for o in options if o.real_kept >= keep] or [Cutoff(-1.0, 1.0, 0.0)]
