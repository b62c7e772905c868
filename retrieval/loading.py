"""What a thread loads when it is first needed, while the page is already up."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod

from retrieval.errors import RetrievalError

log = logging.getLogger(__name__)


class Loading(ABC):
    """Something heavy, of which it is known at any time whether it is there, what is being done, and what went wrong.
    `called`: what people call it, "the model".
    """

    def __init__(self, called: str) -> None:
        self._called = called
        self._failure: RetrievalError | None = None
        self._progress = ""
        self._loaded = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    @abstractmethod
    def _load(self) -> None:
        """Load all of it, in the loading thread; `_progress` says what is being done."""

    def warm(self) -> None:
        """Start loading in the background; returns at once, and does nothing the second time."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"loading {self._called}", daemon=True)
                self._thread.start()

    @property
    def ready(self) -> bool:
        """Whether questions are answered at once."""
        return self._loaded.is_set() and self._failure is None

    @property
    def trouble(self) -> str | None:
        """The sentence that says why loading failed, if it did."""
        return str(self._failure) if self._failure else None

    @property
    def progress(self) -> str:
        """What is being loaded right now, for people."""
        return self._progress

    def _wait(self, timeout: float | None) -> None:
        """Return when it is loaded; raises what went wrong in loading, or RetrievalError when it takes longer than
        `timeout` seconds.
        """
        self.warm()
        if not self._loaded.wait(timeout):
            raise RetrievalError(
                f"{_capitalised(self._called)} is still loading after {timeout:.0f} seconds. Try again in a moment."
            )
        if self._failure:
            raise again(self._failure)

    def _run(self) -> None:
        try:
            self._load()
        except RetrievalError as error:
            self._failure = error
        except Exception:  # a bug must not leave every visitor waiting for ever
            log.exception("loading failed")
            self._failure = RetrievalError(
                f"{_capitalised(self._called)} could not be loaded; the log says why. Restart the app."
            )
        finally:
            self._progress = ""
            self._loaded.set()


def again(error: RetrievalError) -> RetrievalError:
    """The error to raise for one more visitor. The one that was met is kept, and raised itself it would keep, in its
    traceback, what every visitor asked.
    """
    return type(error)(*error.args)


def fetching(name: str, done: int, total: int) -> str:
    """How far the bytes of a bundle are here, for people."""
    return f"Fetching {name} from the Hub: {done / 1e6:.1f} of {total / 1e6:.1f} MB"


def _capitalised(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]
