"""How many threads the numerical libraries take, decided before any of them is imported.

With libgomp's default busy waiting, two threads of torch run 5 to 15 times slower as soon as anything else wants a
core: another request, a browser, a neighbour. So every entry point calls `settle` first.
"""

from __future__ import annotations

import os


def cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def threads() -> int:
    """Threads for the numerical libraries: as many as the environment says or, where it says nothing, as cores."""
    return int(os.environ.get("OMP_NUM_THREADS") or cores())


def settle() -> None:
    """Let idle threads sleep, and give the libraries as many threads as there are cores; what the environment says
    wins.
    """
    for name, value in {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0", "OMP_NUM_THREADS": str(cores())}.items():
        os.environ.setdefault(name, value)
