"""The log: sentences for whoever looks on, or a JSON object a line for what collects them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

TALKATIVE = ("httpx", "httpx2", "faiss.loader")  # what tells of its own work
EVENTS = "guise.events"  # requests and searches, with `fields`; for machines alone


class JsonLines(logging.Formatter):
    """A record as {"at", "level", "event" or "message", its fields, "trace"}."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": record.levelname.lower()}
        fields = getattr(record, "fields", None)
        line["event" if fields is not None else "message"] = record.getMessage()
        line |= fields or {}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def begin_log(how: str) -> None:
    """Write the log to stderr as `how` says: "text" or "json"."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if how == "json" else logging.Formatter("%(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    quieten()
    if how == "json":
        logging.getLogger(EVENTS).setLevel(logging.INFO)
    logging.captureWarnings(how == "json")


def quieten() -> None:
    """Leave out what is no news for people."""
    for name in (*TALKATIVE, EVENTS):
        logging.getLogger(name).setLevel(logging.WARNING)


def adopt_server() -> None:
    """Let what the web server logs, which sets up its own log when it starts, go where everything goes."""
    server = logging.getLogger("uvicorn")
    server.handlers.clear()
    server.propagate = True
