"""What the command line shows: results on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from retrieval.artifacts.hub import showing
from retrieval.types import Progress


def say(text: str, to: Any = None) -> None:
    """One line for people."""
    (to or sys.stdout).write(text + "\n")


@contextmanager
def progress(what: str, unit: str) -> Iterator[Progress]:
    """A progress bar on stderr that is fed as a `Progress`."""
    with tqdm(desc=what, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, leave=True) as bar:

        def show(done: int, total: int) -> None:
            if done < bar.n:
                bar.reset(total)
            bar.total = total
            bar.update(done - bar.n)

        yield show


@contextmanager
def pulling() -> Iterator[None]:
    """A progress bar on stderr for each bundle that is pulled from the Hub within it."""
    bars: dict[str, Any] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in bars:
            bars[name] = tqdm(desc=name, total=total, unit="B", unit_scale=True, file=sys.stderr, dynamic_ncols=True)
        bars[name].update(done - bars[name].n)
        if done == total:
            bars.pop(name).close()

    with showing(show):
        try:
            yield
        finally:
            for bar in bars.values():
                bar.close()
