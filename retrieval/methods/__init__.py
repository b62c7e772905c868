"""One file, one paper. `METHODS` maps the name in a manifest to the class that implements it."""

from __future__ import annotations

from retrieval.methods.base import Batch, Method, Phase, Trainable, config_from
from retrieval.methods.clip_baseline import ClipBaseline

METHODS: dict[str, type[Method]] = {"clip-baseline": ClipBaseline}

__all__ = ["METHODS", "Batch", "ClipBaseline", "Method", "Phase", "Trainable", "config_from"]
