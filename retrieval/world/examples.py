"""Example drawings for the page: the sketch style's own pen strokes, as the canvas' JSON; one click draws them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.files import write_text
from retrieval.world.render import render
from retrieval.world.scene import sample_scene, stable_seed
from retrieval.world.styles.sketch import by_hand

CANVAS = 512
PEN = 7
CARE = 0.8  # of the hand, in [0, 1]: an example should be drawn well
DETAIL = 192  # pixels of the buffers that the strokes are traced from


def example_drawings(out: Path, labels: Sequence[str], seed: int = 0) -> list[Path]:
    """Write one drawing a class into `out`, from objects that are in no set, and return the files."""
    out.mkdir(parents=True, exist_ok=True)
    return [_written(out, label, stable_seed("example", seed, label, 0)) for label in labels]


def _written(out: Path, label: str, seed: int) -> Path:
    buffers = render(sample_scene(label, seed), DETAIL, samples=1)
    lines = by_hand(buffers, "mouse", CARE, np.random.default_rng(seed))
    strokes = [{"points": np.clip(np.round(line * CANVAS, 1), 0, CANVAS).tolist(), "width": PEN} for line in lines]
    path = out / f"{label.replace(' ', '-')}.json"
    write_text(path, json.dumps({"name": label, "width": CANVAS, "height": CANVAS, "strokes": strokes}) + "\n")
    return path
