"""Requests are counted and logged without what is in them, and the app ends when they have."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from retrieval.logs import EVENTS, JsonLines, begin_log
from retrieval.serving import Stop, Traffic
from retrieval.serving.traffic import Watched, shown
from retrieval.settings import HOME
from tests.serving.fakes import ask

PRIVATE = "kept-to-oneself"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    events = logging.getLogger(EVENTS)
    level = events.level
    events.addHandler(handler)
    events.setLevel(logging.INFO)
    yield written
    events.removeHandler(handler)
    events.setLevel(level)


def read(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_a_request_is_a_line_without_its_content(lines: io.StringIO) -> None:
    app = Watched(JSONResponse({"echo": PRIVATE}), Traffic())
    ask(app, "/gradio_api/queue/join", "POST", query=f"text={PRIVATE}")
    ask(app, f"/gradio_api/file=/tmp/{PRIVATE}.png")
    joined, file = read(lines)
    assert joined | {"at": "", "ms": 0} == {
        "at": "", "level": "info", "event": "request", "method": "POST", "path": "/gradio_api/queue/join",
        "status": 200, "bytes": 26, "ms": 0,
    }  # fmt: skip
    assert file["path"] == "/gradio_api/file=..."
    assert PRIVATE not in lines.getvalue()


def test_probes_and_pictures_that_are_there_are_not_logged(lines: io.StringIO) -> None:
    for path in ("/healthz", "/readyz", "/picture/0123", "/assets/index.js", "/theme.css"):
        ask(Watched(Response(), Traffic()), path)
    ask(Watched(Response(status_code=503), Traffic()), "/readyz")
    ask(Watched(Response(status_code=404), Traffic()), "/picture/0123")
    assert [line["path"] for line in read(lines)] == ["/picture/0123"]


def test_a_path_cannot_fill_the_log() -> None:
    assert shown("/" + "x" * 10_000) == "/..."
    assert shown("/a" * 1000) == "/a" * 8
    assert json.loads(JsonLines().format(_record(shown('/"\n{}')))) == json.loads(JsonLines().format(_record('/"\n{}')))


def _record(text: str) -> logging.LogRecord:
    return logging.makeLogRecord({"msg": text, "levelname": "INFO", "created": 0.0})


def test_an_error_is_a_line_too() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        record = logging.makeLogRecord({"msg": "error %s", "args": ("1f",), "exc_info": (type(error), error, None)})
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["trace"]) == ("error 1f", "ZeroDivisionError")


def test_requests_and_searches_are_logged_for_machines_alone() -> None:
    root, events = logging.getLogger(), logging.getLogger(EVENTS)
    kept = root.handlers[:], root.level, events.level
    try:
        begin_log("text")
        assert not events.isEnabledFor(logging.INFO)
        assert not logging.getLogger("httpx2").isEnabledFor(logging.INFO), "which tells of each request to the Hub"
        begin_log("json")
        assert events.isEnabledFor(logging.INFO)
        assert isinstance(root.handlers[0].formatter, JsonLines)
    finally:
        logging.captureWarnings(False)
        root.handlers, root.level, events.level = kept
        logging.getLogger().manager._clear_cache()  # type: ignore[attr-defined]


def test_what_runs_may_end_and_nothing_new_begins() -> None:
    traffic, release, statuses = Traffic(), threading.Event(), list[int]()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.to_thread(release.wait, 10)
        await Response()(scope, receive, send)

    app = Watched(slow, traffic)
    running = threading.Thread(target=lambda: statuses.append(ask(app, "/gradio_api/queue/data")[0]))
    running.start()
    while not traffic.running:
        pass
    assert not traffic.drain(0)
    status, headers, body = ask(app, "/gradio_api/queue/join", "POST")
    assert (status, headers["retry-after"]) == (503, "60")
    assert "stopping" in body["detail"]
    threading.Timer(0.1, release.set).start()
    assert traffic.drain(10)
    running.join()
    assert statuses == [200]


def test_an_open_page_does_not_hold_up_the_end() -> None:
    traffic = Traffic()

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        assert traffic.running == 0
        await Response()(scope, receive, send)

    ask(Watched(endless, traffic), "/gradio_api/heartbeat/abc")


def test_a_signal_ends_the_wait_and_the_second_ends_the_process() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        stop = Stop()
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
        stop.wait(traffic := Traffic())
        assert stop.asked
        assert traffic.stopping
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_the_app_leaves_no_process_behind() -> None:
    program = (
        "import multiprocessing, time\n"
        "from retrieval.serving import leave\n"
        "worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,), daemon=True)\n"
        "worker.start()\n"
        "print(worker.pid, flush=True)\n"
        "leave()"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=HOME, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().isdigit()
