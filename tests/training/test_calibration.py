"""Cut-offs keep what they must and refuse what they can."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from retrieval.training.calibration import best_cutoff, strictest_cutoff


def test_the_cutoff_keeps_real_queries_and_refuses_nonsense() -> None:
    real, nonsense = torch.linspace(0.5, 1.0, 101).numpy(), torch.linspace(0.0, 0.6, 101).numpy()
    cutoff = best_cutoff(real, nonsense)
    assert cutoff.real_kept >= 0.9
    assert cutoff.nonsense_refused > 0.8
    assert 0.49 <= cutoff.value <= 0.56


@given(seed=st.integers(0, 2**32 - 1), keep=st.floats(0.01, 1), tied=st.booleans())
def test_the_strictest_cutoff_keeps_what_it_must_and_none_that_does_refuses_more(
    seed: int, keep: float, tied: bool
) -> None:
    rng = np.random.default_rng(seed)
    real, nonsense = rng.random(rng.integers(1, 30)) + 0.2, rng.random(rng.integers(1, 30))
    if tied:
        real, nonsense = real.round(1), nonsense.round(1)
    cutoff = strictest_cutoff(real, nonsense, keep)
    assert cutoff.real_kept == (real >= cutoff.value).mean() >= keep
    assert cutoff.nonsense_refused == (nonsense < cutoff.value).mean()
    for value in np.linspace(0, 1.2, 50):
        assert (real >= value).mean() < keep or (nonsense < value).mean() <= cutoff.nonsense_refused
