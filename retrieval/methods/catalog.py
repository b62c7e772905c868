"""The methods by the names that manifests give them. Nothing here imports torch: the page names methods before any is
loaded. A new method is a file beside this one, and a line in `METHODS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.methods.base import Method


@dataclass(frozen=True)
class Entry:
    """A method: its class as "module:name", what people call it, and what it cannot do ("": nothing)."""

    path: str
    title: str
    hint: str = ""


METHODS = {
    "foundation": Entry("retrieval.methods.foundation:Foundation", "Foundation"),
    "clip-baseline": Entry("retrieval.methods.clip_baseline:ClipBaseline", "Plain encoder"),
    "dsn": Entry("retrieval.methods.dsn:DSN", "DSN", "sketch → photo, knows no words"),
    "ucdr-adapter": Entry("retrieval.methods.ucdr_adapter:UCDRAdapter", "UCDR-Adapter"),
    "dude": Entry("retrieval.methods.dude:Dude", "DUDE", "the object alone, knows no words"),
    "mra": Entry("retrieval.methods.mra:MRA", "MRA", "a sentence finds a figure"),
    "proto-ot": Entry("retrieval.methods.proto_ot:ProtoOT", "ProtoOT", "without labels, knows no words"),
}


def entry(name: str) -> Entry:
    """The method of that name; one that nobody knows is called by its name."""
    return METHODS.get(name) or Entry("", name)


def load_class(name: str) -> type[Method]:
    """The class of the method of that name, which must be one of `METHODS`."""
    module, _, attribute = METHODS[name].path.partition(":")
    kind: type[Method] = getattr(import_module(module), attribute)
    return kind


def name_of(kind: type[Method]) -> str:
    """The name that manifests give to a method's class. Raises LookupError for a class of no method."""
    path = f"{kind.__module__}:{kind.__qualname__}"
    for name, known in METHODS.items():
        if known.path == path:
            return name
    raise LookupError(f"{path} stands in no line of METHODS in {__name__}. Add one.")
