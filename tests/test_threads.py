"""How many threads are taken, and who decides it."""

from __future__ import annotations

import pytest

from retrieval.threads import cores, threads


def test_the_environment_decides_the_number_of_threads_and_else_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert threads() == 7
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert threads() == cores() >= 1
