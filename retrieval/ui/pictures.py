"""The pictures that the page shows, each under an id, and no other file: what galleries list, and the sheets of About.

gradio would serve whatever lies in a folder that it is allowed, so it is allowed none, and `guard` refuses its way to
files. A picture goes out as what its first bytes say it is, or not at all: nothing in a folder can be run by a browser.
TIFF and HEIC, which browsers do not show, go out as JPEG.
"""

from __future__ import annotations

import hashlib
import io
import re
import threading
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from retrieval.errors import UnreadableImage
from retrieval.formats import AVIF_BRANDS, file_brands, is_heif
from retrieval.images import OWNER, open_image

if TYPE_CHECKING:
    from retrieval.engine import Engine

SHEETS = Path(__file__).resolve().parents[2] / "assets" / "screenshots"  # of the world, on the page about it
ASKED = re.compile(r"/picture/([0-9a-f]{32})$")
KINDS = {  # how a file begins -> what it is
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
CONVERTED = ("image/tiff", "image/heic")  # what browsers do not show
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


def data_address(image: Image.Image, kind: str = "webp") -> str:
    """A small picture that is in no file, as an address that holds it."""
    file = io.BytesIO()
    image.save(file, kind, quality=82)
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode()}"


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
        if path is not None and kind in CONVERTED:
            with suppress(OSError, UnreadableImage):  # a picture that has gone bad is none
                return Response(as_jpeg(path, path.stat().st_mtime_ns), media_type="image/jpeg", headers=HEADERS)
        if path is None or kind is None or kind in CONVERTED:
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
        brands = file_brands(path)
    except (OSError, ValueError):
        return None
    if brands:
        return "image/heic" if is_heif(path) else "image/avif" if AVIF_BRANDS.intersection(brands) else None
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in KINDS.items() if head.startswith(start)), None)


@lru_cache(maxsize=64)  # some ten megabytes
def as_jpeg(path: Path, _changed: int) -> bytes:
    """The picture in the file, as it was after its last change, as a JPEG. Raises UnreadableImage where it does not
    open.
    """
    file = io.BytesIO()
    open_image(path, OWNER).save(file, "jpeg", quality=90)
    return file.getvalue()
