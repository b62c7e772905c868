"""What is being answered right now, and a line in the log for each request: how it was answered, never what was in it.

Query strings, bodies and clients' addresses are not logged, and of a path only its short parts: whatever a visitor
draws, types or uploads stays out of the log.
"""

from __future__ import annotations

import logging
import re
import time

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrieval.logs import EVENTS

LONGEST = 32  # characters of a part of a path that is logged
MOST = 8  # parts
ENDLESS = re.compile(r"/heartbeat/")  # open as long as the page is
PROBES = ("/healthz", "/readyz")  # asked again and again: the log would hold nothing else
QUIET = re.compile(r"/(assets|static|picture)/|/theme\.css$")  # logged only if they fail
events = logging.getLogger(EVENTS)


class Traffic:
    """How many requests are being answered, and whether new events are taken."""

    def __init__(self) -> None:
        self.running = 0
        self.stopping = False

    def drain(self, seconds: float) -> bool:
        """Take no new event; return when what runs has ended, or after so many seconds. Whether all has ended."""
        self.stopping = True
        until = time.monotonic() + seconds
        while self.running and time.monotonic() < until:
            time.sleep(0.05)
        return not self.running


class Watched:
    """ASGI middleware around everything: counts, logs and, while the app stops, refuses events."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ENDLESS.search(scope["path"]):
            return await self.app(scope, receive, send)
        if self._traffic.stopping and scope["method"] == "POST":
            stopping = JSONResponse({"detail": "Guise is stopping. Try again in a minute."}, 503, {"Retry-After": "60"})
            return await stopping(scope, receive, send)
        self._traffic.running += 1
        began, sent = time.perf_counter(), Sent(send)
        try:
            return await self.app(scope, receive, sent)
        finally:
            self._traffic.running -= 1
            _log(scope, sent, time.perf_counter() - began)


class Sent:
    """`send`, with the status and the bytes of what was sent; 500 until something is."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.bytes = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.bytes += len(message.get("body", b""))
        await self._send(message)


def _log(scope: Scope, sent: Sent, seconds: float) -> None:
    if scope["path"] in PROBES or (sent.status < 400 and QUIET.search(scope["path"])):
        return
    fields = {
        "method": scope["method"],
        "path": shown(scope["path"]),
        "status": sent.status,
        "bytes": sent.bytes,
        "ms": round(seconds * 1000),
    }
    events.info("request", extra={"fields": fields})


def shown(path: str) -> str:
    """The path as it is logged.

    >>> shown("/gradio_api/file=/tmp/holiday.png")
    '/gradio_api/file=...'
    >>> shown("/picture/0123456789abcdef0123456789abcdef0")
    '/picture/...'
    """
    parts = re.sub("=.*", "=...", path, flags=re.DOTALL).split("/")[: MOST + 1]
    return "/".join(part if len(part) <= LONGEST else "..." for part in parts)
