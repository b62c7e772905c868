"""Which device computes what. On a Space with ZeroGPU a GPU is lent for the time of one call: searches are answered by
the CPU, so they cost nobody's quota, and only what is decorated with `on_gpu` gets it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T", bound=Callable[..., Any])
LENT = 30  # seconds for which a GPU is lent at most; a panel takes less, with the start of its process


def is_lent() -> bool:
    """Whether the GPU is one that ZeroGPU lends."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def own_device() -> str:
    """Where this process may compute at any time: "cuda" where there is a GPU of its own, else "cpu"."""
    import torch  # here and below: the page must be up before it is imported

    return "cuda" if torch.cuda.is_available() and not is_lent() else "cpu"


def lent_device() -> str:
    """Where what is decorated with `on_gpu` computes."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def on_gpu(task: T) -> T:
    """The function, or generator, with a GPU lent to it for each call; as it is where none is lent.

    It runs in a process of its own, a fork of this one: its arguments and what it answers must be pickled, and what it
    changes is lost.
    """
    if not is_lent():
        return task
    import spaces  # is there on every Space; what it patches must be patched before a model is loaded

    decorated: T = spaces.GPU(duration=LENT)(task)
    return decorated
