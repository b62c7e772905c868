"""What the command line shows: results on stdout, progress on stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

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
