"""Panels that are drawn on a lent GPU, in a process that has it only while it draws.

What is loaded stays on the CPU of the app's own process. The process with the GPU begins as its fork, moves what it
inherited to the GPU when it draws its first panel, and keeps it there for the next.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval.errors import RetrievalError
from retrieval.hardware import lent_device, on_gpu

if TYPE_CHECKING:
    from retrieval.disentangle.loaded import Parts
    from retrieval.disentangle.panels import Disentangler

PANELS = ("card", "film", "grid", "heat", "knobs", "slide_objects", "slide_styles", "switch")


@dataclass
class _Process:
    """What this process draws with: inherited from the app's own, and moved when it draws first."""

    parts: Parts | None = None
    drawer: Disentangler | None = None


@dataclass(frozen=True)
class _Refusal:
    """An error for people; of any other, a process with a GPU tells no more than its name."""

    error: RetrievalError


_process = _Process()


class LentDisentangler:
    """A `Disentangler` of these parts, whose panels are drawn on a lent GPU; all else it does here, on the CPU."""

    def __init__(self, parts: Parts) -> None:
        _process.parts = parts
        self._here = parts.drawer()

    def __getattr__(self, name: str) -> Any:
        return partial(_panel, name) if name in PANELS else getattr(self._here, name)


def _panel(name: str, *arguments: Any, **options: Any) -> Iterator[Any]:
    """The values of a panel. Raises what a `Disentangler` raises."""
    values = draw(name, arguments, options)
    try:
        for value in values:
            if isinstance(value, _Refusal):
                raise value.error
            yield value
    finally:
        values.close()  # type: ignore[attr-defined]  # a generator: the GPU is given back


@on_gpu
def draw(name: str, arguments: Sequence[Any], options: Mapping[str, Any]) -> Iterator[Any]:
    """The values of a panel, drawn where the GPU is; at last a refusal, if there is one."""
    import torch

    assert _process.parts is not None, "the parts are loaded before anything is drawn"
    torch.set_num_threads(1)  # the threads of the process that this is a fork of are not here
    if _process.drawer is None:
        _process.drawer = _process.parts.to(lent_device()).drawer()
    try:
        yield from getattr(_process.drawer, name)(*arguments, **options)
    except RetrievalError as error:
        yield _Refusal(error)
