"""A small world and small packs on disk, in which every answer can be counted by hand."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.artifacts.bundle import Bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.evaluation.tasks import Catalog
from retrieval.images import Preprocess
from retrieval.methods import ClipBaseline
from retrieval.world.split import TEST_UNSEEN

STYLES = ("photo", "painting", "cartoon", "sketch", "engraving", "mosaic")
CLASSES = ("duck", *TEST_UNSEEN)
OBJECTS = 2  # of each class


def small_world(folder: Path) -> Path:
    """Two objects of each of eleven classes in six styles: 132 pictures."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    lines = []
    for label in CLASSES:
        for number in range(OBJECTS):
            color = tuple(int(v) for v in rng.integers(0, 255, 3))
            for style in STYLES:
                thing = f"{label}-{number}"
                Image.new("RGB", (8, 8), color).save(folder / f"{thing}-{style}.png")
                line = {"id": f"{thing}-{style}", "path": f"{thing}-{style}.png", "label": label, "domain": style}
                lines.append(line | {"object": thing, "colors": {"body": "red"}})
    (folder / "items.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder


def small_people(folder: Path) -> Path:
    """Three people, two pictures each, two captions a picture; the first is for training."""
    folder.mkdir(parents=True)
    lines = []
    for who in range(3):
        for view in range(2):
            name = f"person-{who}-{view}"
            Image.new("RGB", (4, 8), (80 * who, 40, 40)).save(folder / f"{name}.png")
            told = {"id": name, "path": f"{name}.png", "label": f"person-{who}", "domain": "street"}
            told |= {"captions": [f"{name} walks", f"{name} stands"], "split": "test" if who else "train"}
            lines.append(json.dumps(told))
    (folder / "items.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def small_strokes(folder: Path, labels: Sequence[str] = CLASSES) -> Path:
    """Forty test drawings of each label, each a slanted line."""
    folder.mkdir(parents=True)
    count = 40 * len(labels)
    points = np.tile(np.array([[0, 0], [100, 200]], np.uint8), (count, 1))
    pen = np.tile(np.array([1, 0], np.uint8), count)
    np.savez(folder / "strokes.npz", pts=points, pen=pen, offs=np.arange(0, 2 * count + 1, 2))
    rows = [[i, 1000 + i, labels[i // 40], labels[i // 40], "test"] for i in range(count)]
    _table(folder / "strokes.csv", ["idx", "key_id", "class", "concept", "split"], rows)
    return folder


def small_pack(folder: Path, rows: Sequence[tuple[str, str, str, str, str, str]], mode: str = "RGB") -> Path:
    """A pack of one-coloured pictures from (domain, class, concept, zs, split, note); ids are PACK/DOMAIN/INDEX."""
    folder.mkdir(parents=True)
    blobs: dict[str, list[bytes]] = {}
    table = []
    for number, (domain, kind, concept, zs, split, note) in enumerate(rows):
        file = io.BytesIO()
        Image.new(mode, (6, 6), (10 * number, 90, 90, 0)[: len(mode)]).save(file, "PNG")
        place = len(blobs.setdefault(domain, []))
        blobs[domain].append(file.getvalue())
        table.append([f"{folder.name}/{domain}/{place}", domain, place, kind, concept, zs, split, note])
    for domain, files in blobs.items():
        joined = np.frombuffer(b"".join(files), np.uint8)
        np.savez(folder / f"{domain}.npz", blob=joined, offs=np.cumsum([0, *map(len, files)]))
    _table(folder / "metadata.csv", ["id", "domain", "idx", "class", "concept", "zs", "split", "note"], table)
    return folder


def small_duplicates(packs: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """The packs' list of pictures that stand in two of them."""
    _table(packs / "duplicates.csv", ["id_a", "id_b"], pairs)


def small_catalog(folder: Path) -> Catalog:
    """All of it but the image packs."""
    small_strokes(folder / "packs" / "quickdraw345")
    return Catalog(small_world(folder / "gallery"), folder / "packs", small_people(folder / "street"))


def small_bundle(*, classes: Sequence[str] = (), domains: Sequence[str] = (), name: str = "small") -> Bundle:
    """An untrained encoder that says that it has seen these."""
    config = ClipBaseline.config_type(dim=8, text_width=16, text_layers=1, text_heads=2)
    method = ClipBaseline(config, Preprocess(32)).eval()
    manifest = Manifest(
        name, "clip-baseline", {}, method.preprocess, tuple(domains), tuple(classes), 8, {"model.safetensors": "0"}
    )
    return Bundle(manifest, method)


def _table(path: Path, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
