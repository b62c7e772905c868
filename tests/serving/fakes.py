"""An engine that answers as it is told to, and an app asked without a server."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class FakeEngine:
    """Ready or not; `answers` are given one after the other, and the last again and again."""

    ready: bool = True
    trouble: str | None = None
    answers: list[Any] = field(default_factory=lambda: [SimpleNamespace(hits=(1,), gallery_size=7)])
    asked: int = 0

    def search(self, query: Any, k: int) -> Any:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self) -> None:
        if self.trouble:
            raise self.answers[0]


def ask(app: Any, path: str, method: str = "GET", query: str = "") -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of an answer."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": []}
    # In a thread of its own: the browser's tests leave an event loop in this one.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(app(scope, receive, send))).result()
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], headers, json.loads(body) if body else None
