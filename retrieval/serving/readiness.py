"""Whether the app answers, found out by asking it: /healthz says that the process is up, /readyz that a query of its
own was answered.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from retrieval.errors import RetrievalError
from retrieval.serving.traffic import PROBES, Traffic
from retrieval.types import SKETCH, ImageQuery

if TYPE_CHECKING:
    from retrieval.engine import Engine

HEALTH, READY = PROBES
FRESH = 10.0  # seconds that an answer is believed, so that probes cost one search in that time
AGAIN = "5"  # seconds after which to ask again
log = logging.getLogger("guise")


@dataclass(frozen=True)
class State:
    """`status`: "loading", "ready", "failed" or "stopping"; `pictures`: those of the first gallery, when ready."""

    status: str
    pictures: int = 0

    @property
    def ready(self) -> bool:
        """Whether visitors' searches are answered."""
        return self.status == "ready"


class Readiness:
    """Whether the engine's default method answers a query over the first gallery. The log says why it does not."""

    def __init__(self, engine: Engine) -> None:
        self.traffic = Traffic()
        self._engine = engine
        self._began = time.monotonic()
        self._asked = float("-inf")
        self._state = State("loading")
        self._lock = threading.Lock()

    def state(self) -> State:
        """How it stands now, or stood at most `FRESH` seconds ago."""
        if self.traffic.stopping:
            return State("stopping")
        if not self._engine.ready:
            return State("failed" if self._engine.trouble else "loading")
        with self._lock:
            if time.monotonic() - self._asked > FRESH:
                self._state = self._answered()
                self._asked = time.monotonic()
            return self._state

    def announce(self) -> None:
        """Log, in the background, when the app is ready, or why it will not be."""
        threading.Thread(target=self._announce, name="announcing that the app is ready", daemon=True).start()

    def _announce(self) -> None:
        try:
            self._engine.wait()
        except RetrievalError as error:
            log.error("not ready: %s", error)
            return
        state, seconds = self.state(), time.monotonic() - self._began
        if state.ready:
            log.info("Ready after %.1f seconds: %d pictures can be searched.", seconds, state.pictures)

    def _answered(self) -> State:
        try:
            answer = self._engine.search(_circle(), k=1)
        except Exception as error:  # a bug must not look like being ready
            log.warning("not ready: %s", error, exc_info=not isinstance(error, RetrievalError))
            return State("failed")
        return State("ready", answer.gallery_size) if answer.hits else State("failed")


class Probes:
    """ASGI middleware that answers /healthz and /readyz."""

    def __init__(self, app: ASGIApp, readiness: Readiness) -> None:
        self.app = app
        self._readiness = readiness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = scope["path"] if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") else None
        if asked == HEALTH:
            return await JSONResponse({"status": "up"}, headers={"Cache-Control": "no-store"})(scope, receive, send)
        if asked != READY:
            return await self.app(scope, receive, send)
        from anyio.to_thread import run_sync

        state = await run_sync(self._readiness.state)
        return await _response(state)(scope, receive, send)


def _response(state: State) -> JSONResponse:
    if state.ready:
        return JSONResponse({"status": state.status, "pictures": state.pictures}, headers={"Cache-Control": "no-store"})
    return JSONResponse({"status": state.status}, 503, {"Cache-Control": "no-store", "Retry-After": AGAIN})


def _circle() -> ImageQuery:
    """A drawing of a circle."""
    image = Image.new("RGB", (64, 64), "white")
    ImageDraw.Draw(image).ellipse((12, 12, 52, 52), outline="black", width=2)
    return ImageQuery(image, SKETCH)
