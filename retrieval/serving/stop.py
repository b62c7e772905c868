"""How the app ends: a signal is noted, what runs is let end, and the second signal ends it at once."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

from retrieval.serving.traffic import Traffic

GRACE = 8.0  # seconds that what runs may take to end; containers are killed 10 seconds after the first signal
POLL = 0.1
SIGNALS = (signal.SIGTERM, signal.SIGINT)
log = logging.getLogger("guise")


class Stop:
    """Whether somebody asked the app to end. Made first, so that a signal while it starts is not lost."""

    def __init__(self) -> None:
        self.asked = False  # no threading.Event: setting one in a signal handler can wait for itself
        for number in SIGNALS:
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    def wait(self, traffic: Traffic, grace: float = GRACE) -> None:
        """Return when the app was asked to end and what ran has ended, or has had its time."""
        while not self.asked:
            time.sleep(POLL)
        log.info("Stopping: no new searches, and those that run may end.")
        if not traffic.drain(grace):
            log.warning("%d requests were still running after %g seconds.", traffic.running, grace)


def leave() -> NoReturn:
    """End the process at once, with success. To unload torch would take seconds, and nothing is left to be done."""
    for worker in multiprocessing.active_children():  # of a lent GPU
        worker.terminate()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)
