"""One file, one paper. `METHODS` maps the name in a manifest to the class that implements it."""

from __future__ import annotations

from retrieval.methods.base import Batch, Method, Phase, Trainable, config_from
from retrieval.methods.clip_baseline import ClipBaseline
from retrieval.methods.dsn import DSN
from retrieval.methods.dude import Dude
from retrieval.methods.proto_ot import ProtoOT

METHODS: dict[str, type[Method]] = {"clip-baseline": ClipBaseline, "dsn": DSN, "dude": Dude, "proto-ot": ProtoOT}

__all__ = ["DSN", "METHODS", "Batch", "ClipBaseline", "Dude", "Method", "Phase", "ProtoOT", "Trainable", "config_from"]
