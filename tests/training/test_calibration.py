"""Cut-offs keep what they must and refuse what they can."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from retrieval.data.held_out_words import says_held_out
from retrieval.data.validation_words import SYNONYMS
from retrieval.training.cutoffs import best_cutoff, loosest_cutoff, strictest_cutoff
from retrieval.world.split import ALL


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


@given(seed=st.integers(0, 2**32 - 1), refuse=st.floats(0.01, 1))
def test_the_loosest_cutoff_refuses_what_it_must_and_none_that_does_keeps_more(seed: int, refuse: float) -> None:
    rng = np.random.default_rng(seed)
    real, nonsense = rng.random(rng.integers(1, 30)) + 0.2, rng.random(rng.integers(1, 30))
    cutoff = loosest_cutoff(real, nonsense, refuse)
    assert cutoff.real_kept == (real >= cutoff.value).mean()
    assert cutoff.nonsense_refused == (nonsense < cutoff.value).mean() >= refuse
    middles = np.unique(np.concatenate([real, nonsense]))
    for value in (middles[1:] + middles[:-1]) / 2:
        assert (nonsense < value).mean() < refuse or (real >= value).mean() <= cutoff.real_kept


def test_no_real_query_leaves_nothing_to_set() -> None:
    assert strictest_cutoff(np.array([]), np.array([0.5]), keep=0.9).value == -1


def test_words_for_validation_name_every_class_and_none_is_held_out() -> None:
    assert {name for names in SYNONYMS.values() for name in names} == {*ALL}
    assert not [word for word in SYNONYMS if says_held_out(word, max((n for n in ALL if n in word), default=""))]
