"""A made-up map of a fake engine's pictures, beside a folder that says that it is a bundle."""

from __future__ import annotations

import json

import numpy as np

from retrieval.artifacts.manifest import MANIFEST
from retrieval.evaluation.embedding_map_file import Atlas, Stop, write_atlas
from retrieval.files import sha256
from retrieval.items import ITEMS, listing
from tests.ui.fakes import COLORS, STYLES, FakeEngine

EPOCHS, LENGTH = (0, 4, 9), 9
WEIGHTS = "0123456789abcdef"
PULLS = ((), ("within",), ("within", "across"))


def write_map(engine: FakeEngine, *, weights: str = WEIGHTS) -> Atlas:
    """The map, written where the engine's settings expect it: classes come together from epoch to epoch."""
    home, folder = engine.settings.gallery, engine.settings.codes
    (home / ITEMS).write_bytes(listing(home, engine.pictures))
    folder.mkdir(exist_ok=True)
    (folder / MANIFEST).write_text(json.dumps({"files": {"model.safetensors": weights}}), encoding="utf-8")
    classes = tuple(COLORS)
    pictures = tuple(
        (item.id, classes.index(item.label or ""), STYLES.index(item.domain.name)) for item in engine.pictures
    )
    codes = {
        code: tuple(_stop(pictures, epoch / LENGTH / share) for epoch in EPOCHS)
        for code, share in (("object", 1), ("raw", 2))
    }
    atlas = Atlas(
        bundle="toy·01234567",
        weights=WEIGHTS,
        gallery=sha256(home / ITEMS),
        styles=STYLES,
        classes=classes,
        pictures=pictures,
        epochs=EPOCHS,
        length=LENGTH,
        pulls=PULLS,
        codes=codes,
    )
    write_atlas(folder, atlas)
    return atlas


def _stop(pictures: tuple[tuple[str, int, int], ...], done: float) -> Stop:
    noise = np.random.default_rng(0).normal(0, 0.15, (len(pictures), 2))
    points = tuple(
        (
            round(float(done * (label - 1) + (1 - done) * (style - 1.5) / 3 + x), 4),
            round(float(done * (label == 1) + (1 - done) * (style % 2) / 2 + y), 4),
        )
        for (_, label, style), (x, y) in zip(pictures, noise, strict=True)
    )
    rows = range(len(pictures))
    within = tuple((i, i + 1) for i in rows[:-1:2] if pictures[i][1:] == pictures[i + 1][1:])
    across = tuple((i, i + 4) for i in rows[:-4:3] if pictures[i][2] != pictures[i + 4][2])
    numbers = {"class probe": 0.3 + 0.6 * done, "domain probe": 1 - 0.7 * done, "MMD2": 0.5 - 0.45 * done}
    return Stop(
        points, within, across, numbers | {"MMD2 of one domain": -0.001, "shown": 0.2, "within": 0.5, "across": None}
    )
