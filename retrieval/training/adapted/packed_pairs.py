"""Pairs for short tunings, of the very pictures that `training.unlabelled` packs: only what they show is added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrieval.diffusion.prior import Prior
from retrieval.training.adapted.gather import needed_prompts, read_prompts
from retrieval.training.adapted.table import NONE, Drawings, PairTable
from retrieval.training.unlabelled.packing import packed_files
from retrieval.types import DOODLE
from retrieval.world.split import ALL

LABELS = "labels.npz"
DRAWN = 0.2  # how often people's drawings are shown


def pack_labels(folder: Path, objects: Sequence[str], drawings: Sequence[str]) -> None:
    """What the packed renders show, an object after the other, and what the packed drawings do."""
    np.savez_compressed(folder / LABELS, objects=np.array(objects), drawings=np.array(drawings))


def open_pairs(folder: Path, prior: Prior) -> PairTable:
    """The table, with the states of its prompts as the prior reads them."""
    files, domains = packed_files(folder)
    with np.load(folder / LABELS, allow_pickle=False) as kept:
        objects, drawings = kept["objects"].tolist(), kept["drawings"].tolist()
    styles = tuple(dict.fromkeys(domains))
    labels = [*objects, *drawings]
    rows = np.full((len(labels), len(styles)), NONE, np.int32)
    for place, style in enumerate(styles):
        own = [row for row, name in enumerate(domains) if name == style]
        first = len(objects) if style == DOODLE.name else 0
        rows[first : first + len(own), place] = own
    each = [(1 - DRAWN) / len(objects)] * len(objects) + [DRAWN / max(len(drawings), 1)] * len(drawings)
    prompts = needed_prompts(styles, ALL, (), Counter())
    nothing = Drawings(np.zeros((0, 2), np.uint8), np.zeros(0, np.bool_), np.zeros(0, np.int64))
    return PairTable(
        size=prior.config.size,
        styles=styles,
        classes=tuple(ALL),
        colors=(),
        prompts=prompts,
        rows=rows,
        labels=np.array([ALL.index(label) for label in labels], np.int16),
        hues=np.full(len(labels), NONE, np.int16),
        weights=np.array(each, np.float32),
        states=read_prompts(prior.reader, prompts),
        drawings=nothing,
        files=files,
    )
