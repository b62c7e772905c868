"""The pictures that the page shows, each under an id, and no other file: what galleries list, and the sheets of About.

gradio would serve whatever lies in a folder that it is allowed, so it is allowed none, and `guard` refuses its way to
files. A picture goes out as what its first bytes say it is, or not at all: nothing in a folder can be run by a browser.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from retrieval.engine import Engine

SHEETS = Path(__file__).resolve().parents[2] / "assets" / "screenshots"  # of the world, on the page about it
ASKED = re.compile(r"/picture/([0-9a-f]{32})$")
KINDS = {  # how a file begins -> what it is
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "private, max-age=600",
}


def picture_id(path: Path) -> str:
    """The id under which the page asks for the picture in a file; it tells nothing of where the file lies."""
    return hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def picture(path: Path) -> str:
    """Where the page finds a picture, relative to the page."""
    return f"picture/{picture_id(path)}"


class Pictures:
    """ASGI middleware that answers for pictures. `find` knows the file of an id, if it is that of a picture shown."""

    def __init__(self, app: ASGIApp, find: Callable[[str], Path | None]) -> None:
        self.app = app
        self._find = find

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = ASKED.search(scope["path"]) if scope["type"] == "http" else None
        if asked is None or scope["method"] not in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        from anyio.to_thread import run_sync

        response = await run_sync(self._answer, asked[1])
        return await response(scope, receive, send)

    def _answer(self, asked: str) -> Response:
        path = self._find(asked)
        kind = None if path is None else media_type(path)
        if path is None or kind is None:
            return JSONResponse({"detail": "There is no such picture."}, 404, HEADERS)
        return FileResponse(path, media_type=kind, headers=HEADERS)


class Shown:
    """The files of the pictures that a page over this engine shows, by id."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stamp: tuple[Any, ...] | None = None
        self._files: dict[str, Path] = {}
        self._lock = threading.Lock()

    def find(self, asked: str) -> Path | None:
        """The file of the picture with this id; None where there is no such picture."""
        with self._lock:
            if asked not in self._files and self._stamp != (stamp := self._engine.stamp()):
                shown = (*self._engine.picture_files(), *SHEETS.glob("*.png"))
                self._stamp, self._files = stamp, {picture_id(path): path.resolve() for path in shown}
            file = self._files.get(asked)
        return file if file is not None and file.resolve() == file else None  # a link may have been put there since


def media_type(path: Path) -> str | None:
    """What the file's first bytes say it is; None for what is no picture, or is not there."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except (OSError, ValueError):
        return None
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in KINDS.items() if head.startswith(start)), None)
