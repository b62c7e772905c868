"""On a lent GPU panels are drawn in another process, and nothing else is.

The package that lends is stood in for by the part of it that matters here: a decorated generator runs in a fork, and
what goes there and comes back is pickled.
"""

from __future__ import annotations

import inspect
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any, cast

import pytest
import torch

from retrieval import hardware
from retrieval.disentangle import lent
from retrieval.disentangle.lent import PANELS, LentDisentangler
from retrieval.disentangle.panels import Disentangler
from retrieval.errors import SettingsError
from retrieval.hardware import LENT, lent_device, on_gpu, own_device
from tests.disentangle.halves import THREE, content, ideal, last


class Spaces(ModuleType):
    """`GPU` as ZeroGPU has it; `workers` are the processes that had a GPU."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.workers: list[Any] = []
        self.durations: list[float] = []

    def GPU(self, duration: float) -> Callable[..., Any]:  # noqa: N802  (its name there)
        self.durations.append(duration)
        return lambda task: lambda *arguments: self._forked(task, pickle.dumps(arguments))

    def _forked(self, task: Any, arguments: bytes) -> Iterator[Any]:
        here, there = multiprocessing.get_context("fork").Pipe(duplex=False)

        def work() -> None:
            for value in task(*pickle.loads(arguments)):  # noqa: S301  (our own)
                there.send((os.getpid(), value))
            there.send(None)

        worker = multiprocessing.get_context("fork").Process(target=work)
        worker.start()
        self.workers.append(worker)
        try:
            while (answer := here.recv()) is not None:
                assert answer[0] != os.getpid()
                yield answer[1]
        finally:
            worker.kill()
            worker.join()


class HalvesParts:
    """Parts of a disentangler without training, which note where they were moved."""

    def __init__(self) -> None:
        self.moved = ""

    def to(self, device: str) -> HalvesParts:
        self.moved = device
        return self

    def drawer(self) -> Disentangler:
        return ideal()


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spaces]:
    spaces = Spaces()
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(lent, "draw", on_gpu(lent.draw))
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # a fork has no other threads
    yield spaces
    torch.set_num_threads(before)


def test_a_panel_is_drawn_in_another_process_and_is_the_same(spaces: Spaces) -> None:
    parts = HalvesParts()
    drawer = LentDisentangler(cast("Any", parts))
    away, here = list(drawer.card(THREE[0], 3)), list(ideal().card(THREE[0], 3))
    assert len(away) == len(here) > 1
    assert content(away[-1].drawn) == content(here[-1].drawn)
    assert away[-1].drawn.class_shares == here[-1].drawn.class_shares
    assert last(drawer.grid(THREE[:2], ["photo"], locked=False)).locked is False
    assert len(spaces.workers) == 2
    assert spaces.durations == [LENT]
    assert parts.moved == "", "what stays here is not moved"


def test_what_needs_no_gpu_asks_for_none(spaces: Spaces, monkeypatch: pytest.MonkeyPatch) -> None:
    drawer = LentDisentangler(cast("Any", HalvesParts()))
    assert drawer.styles == ideal().styles
    assert drawer.read(THREE[0]).thing == "duck"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)  # as it says on ZeroGPU, wherever it is asked
    assert (own_device(), lent_device()) == ("cpu", "cuda")
    assert spaces.workers == []


def test_a_refusal_is_told_in_its_words(spaces: Spaces) -> None:
    drawer = LentDisentangler(cast("Any", HalvesParts()))
    with pytest.raises(SettingsError, match="The seed is -1; choose one from 0"):
        list(drawer.card(THREE[0], -1))


def test_closing_a_panel_gives_the_gpu_back(spaces: Spaces) -> None:
    values = LentDisentangler(cast("Any", HalvesParts())).card(THREE[0])
    next(values)
    values.close()
    assert not spaces.workers[0].is_alive()


def test_all_panels_are_drawn_there() -> None:
    public = inspect.getmembers(Disentangler, inspect.isgeneratorfunction)
    assert {name for name, _ in public if not name.startswith("_")} == set(PANELS)


def test_without_zerogpu_nothing_is_decorated_and_a_gpu_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    monkeypatch.setitem(sys.modules, "spaces", None)  # importing it would fail
    assert on_gpu(last) is last
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert hardware.own_device() == "cuda"
