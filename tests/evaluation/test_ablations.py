"""Ablations beside the record of a whole that was trained in another run."""

from __future__ import annotations

import pytest

from benchmarks.disentanglement import UNASKED, UNREAD
from benchmarks.disentanglement_ablations import behind
from retrieval.evaluation.measurement import GAIN, SEARCH, Measurement


def test_an_ablation_is_compared_with_the_same_seeds_of_the_record_and_what_has_another_whole_is_not() -> None:
    before = [Measurement(SEARCH, 0.5, code=UNREAD, seeds=(0, 1, 2), each_seed=(0.4, 0.5, 0.6))]
    rows = [
        Measurement(SEARCH, 0.45, code="joint, no prior", seeds=(1, 2), each_seed=(0.25, 0.5)),
        Measurement(SEARCH, 0.45, code="ProtoOT", seeds=(0,), each_seed=(0.3,)),
        *(Measurement(SEARCH, 0.45, code=code, seeds=(0,), each_seed=(0.3,)) for code in UNASKED.values()),
        Measurement("P@1 macro", 0.45, code="joint, no prior", seeds=(1, 2), each_seed=(0.25, 0.5)),
    ]
    (gain,) = behind(rows, before)
    assert gain.key == (GAIN, UNREAD, "", "joint, no prior")
    assert gain.each_seed == pytest.approx((0.25, 0.1))
    assert gain.value == pytest.approx(0.175)
