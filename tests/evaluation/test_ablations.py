"""Ablations beside the record of a whole that was trained in another run, and maps beside codes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks import disentanglement_parts
from benchmarks.disentanglement import UNASKED, UNREAD
from benchmarks.disentanglement_ablations import behind
from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
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


def test_maps_are_probed_on_all_pictures_of_all_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the gallery lists them: an object of every class in every style, then the next of every class."""
    told = [
        (label, style, f"{label}-{number}")
        for number in range(3)
        for label in ("duck", "owl", "car", "cup")
        for style in ("photo", "painting", "cartoon", "mosaic", "engraving", "sketch")
    ]
    labels, styles, instances = zip(*told, strict=True)
    grey = ArrayPicture(np.full((8, 8, 3), 128, np.uint8))
    gallery = PictureTable([grey] * len(told), styles, labels=labels, instances=instances)

    def features(prior: Any, pictures: PictureTable) -> np.ndarray:
        return np.random.default_rng(0).standard_normal((len(pictures), 4))

    prior = SimpleNamespace(config=SimpleNamespace(size=8))
    monkeypatch.setattr(disentanglement_parts, "set_up", lambda *_: SimpleNamespace(prior=prior))
    monkeypatch.setattr(disentanglement_parts, "read_rendered", lambda *_: gallery)
    monkeypatch.setattr(disentanglement_parts, "map_features", features)
    rows = disentanglement_parts.measure_maps(SimpleNamespace())  # type: ignore[arg-type]
    assert {row.how for row in rows} == {"48 pictures of some objects -> 24 of others"}
    assert {row.measure.split()[0]: row.chance for row in rows} == {"class": 1 / 4, "domain": 1 / 6}
