"""One file, one paper. `catalog.METHODS` maps the name in a manifest to the class that implements it.

The names below are loaded when they are first asked for, so the catalog can be read without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrieval.methods.base import Batch, Method, Phase, Shown, Trainable, config_from
    from retrieval.methods.clip_baseline import ClipBaseline
    from retrieval.methods.dsn import DSN
    from retrieval.methods.dude import Dude
    from retrieval.methods.proto_ot import ProtoOT

__all__ = ["DSN", "Batch", "ClipBaseline", "Dude", "Method", "Phase", "ProtoOT", "Shown", "Trainable", "config_from"]

_HOMES = {"ClipBaseline": "clip_baseline", "DSN": "dsn", "Dude": "dude", "ProtoOT": "proto_ot"}  # others: base


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'retrieval.methods' has no attribute {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"retrieval.methods.{_HOMES.get(name, 'base')}"), name)
