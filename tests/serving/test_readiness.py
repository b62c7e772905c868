"""/healthz and /readyz say how it stands, and no more."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.responses import PlainTextResponse

from retrieval.errors import GalleryError
from retrieval.serving import Readiness
from retrieval.serving.readiness import Probes
from tests.serving.fakes import FakeEngine, ask


def probes(engine: FakeEngine) -> Probes:
    return Probes(PlainTextResponse('"the page"'), Readiness(cast("Any", engine)))


def test_a_process_that_is_up_is_healthy_while_it_loads() -> None:
    app = probes(FakeEngine(ready=False))
    assert ask(app, "/healthz")[::2] == (200, {"status": "up"})
    status, headers, body = ask(app, "/readyz")
    assert (status, body, headers["retry-after"]) == (503, {"status": "loading"}, "5")
    assert ask(app, "/", method="GET")[2] == "the page"
    assert ask(app, "/readyz", method="POST")[2] == "the page"


def test_it_is_ready_when_a_query_of_its_own_is_answered() -> None:
    engine = FakeEngine()
    assert ask(probes(engine), "/readyz")[::2] == (200, {"status": "ready", "pictures": 7})
    assert engine.asked == 1


@pytest.mark.parametrize(
    "answer", [SimpleNamespace(hits=(), gallery_size=0), GalleryError("/home/me/x is damaged."), ZeroDivisionError()]
)
def test_it_is_not_ready_when_its_query_is_not_answered_and_tells_strangers_no_reason(answer: Any) -> None:
    assert ask(probes(FakeEngine(answers=[answer])), "/readyz")[::2] == (503, {"status": "failed"})


def test_what_could_not_be_loaded_is_failed(caplog: pytest.LogCaptureFixture) -> None:
    engine = FakeEngine(ready=False, trouble="It is damaged.", answers=[GalleryError("It is damaged.")])
    assert ask(probes(engine), "/readyz")[2] == {"status": "failed"}
    with caplog.at_level(logging.INFO):
        Readiness(cast("Any", engine))._announce()
    assert caplog.messages == ["not ready: It is damaged."]


def test_probes_cost_one_search_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = FakeEngine(answers=[GalleryError("Not yet."), SimpleNamespace(hits=(1,), gallery_size=3)])
    app = probes(engine)
    assert [ask(app, "/readyz")[0] for _ in range(5)] == [503] * 5
    assert engine.asked == 1
    monkeypatch.setattr("retrieval.serving.readiness.FRESH", -1.0)
    assert ask(app, "/readyz")[0] == 200


def test_what_is_stopping_is_not_ready() -> None:
    readiness = Readiness(cast("Any", FakeEngine()))
    readiness.traffic.drain(0)
    app = Probes(PlainTextResponse(), readiness)
    assert ask(app, "/readyz")[::2] == (503, {"status": "stopping"})


def test_the_log_says_once_it_is_ready(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Readiness(cast("Any", FakeEngine()))._announce()
    assert caplog.messages == ["Ready after 0.0 seconds: 7 pictures can be searched."]
