"""A run is kept after every epoch, goes on bit for bit, and keeps the epoch that validation selects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from retrieval.errors import DataError, SettingsError
from retrieval.training.epochs import SELECTED_BY, Run, Stage, precision_on, run_epochs
from tests.training.test_loop import ToyData, method


class Interrupted(Exception):
    pass


def stop_in_epoch(number: int) -> Any:
    """A `Progress` that ends the training in that epoch."""
    epochs = []

    def show(done: int, total: int) -> None:
        epochs.append(done == 1)
        if sum(epochs) == number:
            raise Interrupted

    return show


def stage(folder: Path, epochs: int = 4, **options: Any) -> Stage:
    return Stage(method(epochs), ToyData(), Run(folder, {"seed": 3}), seed=3, **options)


def weights_of(trained: Stage) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in trained.learner.state_dict().items()}


def assert_same(some: dict[str, Tensor], others: dict[str, Tensor]) -> None:
    assert some.keys() == others.keys()
    for name, tensor in some.items():
        assert torch.equal(tensor, others[name]), name


class Scores:
    """A validation with given results; it disturbs torch's generator, as validations may."""

    def __init__(self, *values: float) -> None:
        self._values = list(values)
        self.seen: list[dict[str, Tensor]] = []

    def __call__(self, learner: Any) -> dict[str, float]:
        torch.rand(5)
        assert not learner.training
        self.seen.append({name: tensor.clone() for name, tensor in learner.state_dict().items()})
        return {SELECTED_BY: self._values.pop(0)}


def test_a_run_that_was_interrupted_goes_on_bit_for_bit(tmp_path: Path) -> None:
    whole = stage(tmp_path / "whole")
    run_epochs(whole)
    with pytest.raises(Interrupted):
        run_epochs(stage(tmp_path / "cut"), stop_in_epoch(3))
    resumed = stage(tmp_path / "cut")
    torch.manual_seed(12345)  # whatever happened in between
    run_epochs(resumed)
    assert_same(weights_of(resumed), weights_of(whole))
    cut, uncut = (
        [json.loads(line) | {"seconds": 0} for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("cut", "whole")
    )
    assert cut == uncut
    assert [line["epoch"] for line in cut] == [1, 2, 3, 4]


def test_a_finished_run_is_read_and_not_repeated(tmp_path: Path) -> None:
    first, again = stage(tmp_path), stage(tmp_path)
    run_epochs(first)
    log = (tmp_path / "log.jsonl").read_text()
    run_epochs(again, stop_in_epoch(1))
    assert_same(weights_of(again), weights_of(first))
    assert (tmp_path / "log.jsonl").read_text() == log


def test_validation_selects_the_best_epoch_and_leaves_no_trace_in_training(tmp_path: Path) -> None:
    checks = Scores(0.2, 0.9, 0.1, 0.3)
    selected, last = stage(tmp_path / "selected", validate=checks, validate_every=1), stage(tmp_path / "last")
    assert run_epochs(selected) == {SELECTED_BY: 0.9}
    assert run_epochs(last) == {}
    assert_same(weights_of(selected), checks.seen[1])
    assert_same(weights_of(last), checks.seen[3])


def test_what_was_selected_before_an_interruption_stays_selected(tmp_path: Path) -> None:
    first = Scores(0.9, 0.1)
    with pytest.raises(Interrupted):
        run_epochs(stage(tmp_path, validate=first, validate_every=1), stop_in_epoch(3))
    resumed = stage(tmp_path, validate=Scores(0.2, 0.3), validate_every=1)
    assert run_epochs(resumed) == {SELECTED_BY: 0.9}
    assert_same(weights_of(resumed), first.seen[0])


def test_validation_comes_every_few_epochs_and_after_the_last(tmp_path: Path) -> None:
    run_epochs(stage(tmp_path, epochs=5, validate=Scores(0.1, 0.2, 0.3), validate_every=2))
    lines = map(json.loads, (tmp_path / "log.jsonl").read_text().splitlines())
    assert [line["epoch"] for line in lines if SELECTED_BY in line] == [2, 4, 5]


def test_no_epochs_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in 0 epochs"):
        run_epochs(stage(tmp_path, epochs=0))


def test_a_run_folder_refuses_other_settings_and_names_them(tmp_path: Path) -> None:
    Run(tmp_path, {"seed": 0, "lr": 1e-3})
    Run(tmp_path, {"seed": 0, "lr": 1e-3})
    with pytest.raises(DataError, match=r"begun with other settings \(seed\)"):
        Run(tmp_path, {"seed": 1, "lr": 1e-3})


def test_a_run_keeps_its_state_and_its_log(tmp_path: Path) -> None:
    run = Run(tmp_path, {})
    assert run.state() is None
    assert not run.begun
    run.save({"epoch": 1, "weights": torch.ones(2)}, {"epoch": 1})
    run.save({"epoch": 2, "weights": torch.zeros(2)}, {"epoch": 2})
    state = run.state()
    assert state is not None
    assert state["epoch"] == 2
    assert (tmp_path / "log.jsonl").read_text().splitlines() == ['{"epoch": 1}', '{"epoch": 2}']


def test_a_gpu_computes_in_half_the_bits() -> None:
    assert precision_on("cpu") == torch.float32
    assert precision_on("cuda") == precision_on("cuda:0") == torch.bfloat16
