"""What gradio would do for a visitor and this page must not: fetch a URL, let the browser load from elsewhere,
or fail at an answer that it cannot write.

gradio downloads every `{"path": "http..."}` that an event carries, streams `/file=http...` through and serves uploads
under `/file=`, so all of these are refused before they reach it; and each answer carries a policy that confines the
page to its own origin. Pictures have a way of their own, `pictures`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_EVENT = 2_000_000  # bytes of an event; 20,000 points are some 300,000
EVENTS = re.compile(r"/gradio_api/(queue/join|call|run|api|component_server)\b")
FETCHES = re.compile(r"/(file|proxy)=", re.IGNORECASE)
ADDRESS = re.compile(r"\s*([a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
HALF = re.compile(r"[\ud800-\udfff]")  # a lone surrogate
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # gradio compiles its templates in the browser, hence unsafe-eval; a Space stands in a frame of huggingface.co.
    "Content-Security-Policy": (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; base-uri 'self'; "
        "form-action 'self'; frame-ancestors 'self' https://huggingface.co https://*.hf.space"
    ),
}


class Guard:
    """ASGI middleware around the page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if FETCHES.search(scope["path"]):
            return await _refuse(403, "No file and no address is fetched here.")(scope, receive, send)
        if scope["method"] == "POST" and EVENTS.search(scope["path"]):
            body = await _event(Request(scope, receive))
            if body is None:
                return await _refuse(413, f"An event holds at most {MAX_EVENT} bytes.")(scope, receive, send)
            if reason := _refused(body):
                return await _refuse(400, reason)(scope, receive, send)
            receive = _replay(body, receive)
        return await self.app(scope, receive, _with_headers(send))


async def _event(request: Request) -> bytes | None:
    """The body, or None when it is too long to be an event."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_EVENT:
            return None
    return bytes(body)


def _refused(body: bytes) -> str:
    """Why gradio must not be given this event, or "". Half a character would break the stream of all answers."""
    try:
        event = json.loads(body)
        if HALF.search(json.dumps(event, ensure_ascii=False)):
            return "A text holds half a character. Type it again."
        return "No address is fetched here. Upload the file." if _has_address(event) else ""
    except (ValueError, RecursionError):  # gradio refuses it in its own words
        return ""


def _has_address(value: Any) -> bool:
    if isinstance(value, dict):
        path = value.get("path")
        return (isinstance(path, str) and ADDRESS.match(path) is not None) or any(map(_has_address, value.values()))
    return isinstance(value, list) and any(map(_has_address, value))


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes from the connection."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent


def _refuse(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status, HEADERS)
