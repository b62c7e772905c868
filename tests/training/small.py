"""Packs and renders that are as small as they can be: what a recipe is trained on, without what is worth learning."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retrieval.artifacts.manifest import Manifest, read_manifest
from retrieval.data.nonsense_classes import STRANGERS
from retrieval.data.readers.icons import EMOJI, MONO
from retrieval.training.recipes import RECIPES
from retrieval.types import STYLES as WORLD_STYLES
from retrieval.world.split import ALL

STYLES = tuple(style.name for style in WORLD_STYLES)
OTHERS = ("laptop", "camel")
THINGS = ("duck", "pizza", "camel", "anvil")  # seen, unseen and of the world, unseen, a stranger


def write_pack(folder: Path, domains: Sequence[str]) -> None:
    """A pack that shows each of the things once in every domain."""
    file = io.BytesIO()
    Image.new("RGB", (12, 12), "red").save(file, "PNG")
    blob = np.frombuffer(file.getvalue() * len(THINGS), np.uint8)
    folder.mkdir()
    for domain in domains:
        np.savez(folder / f"{domain}.npz", blob=blob, offs=np.arange(len(THINGS) + 1) * len(file.getvalue()))
    with (folder / "metadata.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["domain", "idx", "class", "concept", "caption", "split", "note"])
        for domain in domains:
            out.writerows([domain, i, name, name, f"{name} | thing", "train", ""] for i, name in enumerate(THINGS))


def write_drawings(folder: Path) -> None:
    """Forty-two training drawings and one for validation of every class of the world, every stranger and two others."""
    labels = [*ALL, *STRANGERS, *OTHERS]
    rows = [(label, "val" if i == 42 else "train") for label in labels for i in range(43)]
    folder.mkdir()
    points = np.tile(np.array([[0, 0], [0, 200], [100, 200]], np.uint8), (len(rows), 1))
    pen = np.tile(np.array([1, 0, 0], np.uint8), len(rows))
    np.savez(folder / "strokes.npz", pts=points, pen=pen, offs=np.arange(len(rows) + 1) * 3)
    with (folder / "strokes.csv").open("w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["idx", "key_id", "class", "concept", "split"])
        out.writerows([i, i, label, label, split] for i, (label, split) in enumerate(rows))


def write_renders(folder: Path, size: int = 16, objects: int = 1) -> None:
    """As many objects of every class in every style, `size` pixels a side."""
    folder.mkdir()
    lines = []
    for label, number, style in product(ALL, range(objects), STYLES):
        name = f"{label}-{number}" if number else label
        path = f"{name}-{style}.png"
        Image.new("RGB", (size, size), "green").save(folder / path)
        about = {"id": path, "path": path, "label": label, "domain": style, "object": name}
        lines.append(about | {"colors": {"body": "green"}})
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def write_everything(home: Path, size: int = 16) -> None:
    """All packs, and the renders."""
    write_drawings(home / "quickdraw345")
    write_pack(home / "emoji_objects", (*EMOJI, *MONO))
    write_pack(home / "game_icons", ("silhouette",))
    write_pack(home / "tiny_imagenet", ("photo",))
    write_pack(home / "caltech101", ("photo",))
    write_renders(home / "renders", size)


def make(name: str, settings: Any) -> Manifest:
    """Train that recipe; what its bundle says of itself."""
    return read_manifest(RECIPES[name].make(settings).folder)
