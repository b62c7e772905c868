"""One file, one paper. `METHODS` maps the name in a manifest to the class that implements it."""

from __future__ import annotations

from retrieval.methods.base import Batch, Method, Phase, Trainable, config_from
from retrieval.methods.clip_baseline import ClipBaseline
from retrieval.methods.dsn import DSN
from retrieval.methods.dude import Dude

METHODS: dict[str, type[Method]] = {"clip-baseline": ClipBaseline, "dsn": DSN, "dude": Dude}

__all__ = ["DSN", "METHODS", "Batch", "ClipBaseline", "Dude", "Method", "Phase", "Trainable", "config_from"]
