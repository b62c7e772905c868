"""What goes wrong in a handler, in words: made in one place, and shown on the page or told to a program.

A handler raises whatever it meets; `on_page` and `on_api` decide who reads of it, so that no handler has to.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any, TypeVar

import gradio as gr
from gradio import queueing, route_utils, routes

from retrieval.errors import RetrievalError
from retrieval.settings import HOME
from retrieval.ui import views
from retrieval.ui.arguments import check_arguments

T = TypeVar("T")
BROKEN = "ZeroGPU worker error"  # what a lent GPU calls a bug of ours; its other errors are for people
TAG = re.compile("<[^>]*>")
log = logging.getLogger(__name__)


def sentence(error: Exception) -> str:
    """What a person is told. Anything but a `RetrievalError` is a bug: it is logged, under a number to quote."""
    if isinstance(error, RetrievalError):
        return discreet(str(error))
    if isinstance(error, gr.Error) and error.title != BROKEN:
        return f"No GPU could be borrowed: {TAG.sub('', str(error.message))}"
    number = secrets.token_hex(4)
    log.error("error %s", number, exc_info=error)
    return f"Something went wrong on our side (error {number}). Try again, or ask whoever runs this page to look it up."


def discreet(text: str) -> str:
    """The text with paths as seen from the project: where this copy of it lies is nobody's business."""
    return text.replace(f"{HOME}{os.sep}", "")


def on_page(others: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A handler whose first output is the status line: an error is told there, and the `others` outputs stay."""

    def wrap(handler: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(handler)
        def guarded(*values: Any) -> Any:
            try:
                return handler(*values)
            except Exception as error:
                return views.notice(sentence(error)), *(gr.skip() for _ in range(others))

        return guarded

    return wrap


def on_api(handler: Callable[..., T]) -> Callable[..., T]:
    """A handler for programs: they get the sentence as the error of their call."""

    @wraps(handler)
    def guarded(*values: Any) -> T:
        try:
            check_arguments(handler, values)
            return handler(*values)
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from None

    return guarded


def keep_content_out_of_the_log() -> None:
    """gradio prints a trace of each event that it cannot read, with what was sent in it. From now on the log holds only
    what kind of error it was, and where.
    """
    quiet = SimpleNamespace(**{**vars(traceback), "print_exc": _log_kind})
    for module in (queueing, routes, route_utils):
        vars(module)["traceback"] = quiet


def _log_kind() -> None:
    error = sys.exc_info()[1]
    frames = traceback.extract_tb(error.__traceback__) if error else []
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    log.error("%s in an event, at %s", type(error).__name__, place)
