"""What the benchmark of object and style reads: bundles, rendered sets, masks, labels; and how the judge is made."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.manifest import MANIFEST, read_manifest
from retrieval.data.picture_table import PictureTable
from retrieval.evaluation.code_quality import measure_pairs
from retrieval.evaluation.measurement import Measurement
from retrieval.items import ITEMS
from retrieval.methods.dude import Dude
from retrieval.training.recipes import RECIPES
from retrieval.types import DOODLE
from retrieval.world.split import ALL

GALLERY = ROOT / "assets" / "gallery"
PRIOR, JUDGE = ROOT / "checkpoints" / "prior-world", ROOT / "checkpoints" / "judge"
STUDENT = ROOT / "checkpoints" / "prior-world-student"
PLAIN = ROOT / "checkpoints" / "guise-base-zs"
TRAINING = ROOT / "runs" / "world-training-128"  # what the prior saw of the world
HELD_OUT = ROOT / "runs" / "world-validation-128"
WHOLE = "dude-world"


def make_judge(packs: Path) -> None:
    """Train the judge, or go on, and save it with its accuracy on real pictures that it never saw."""
    recipe = RECIPES["judge"]
    folders = {"run_folder": ROOT / "runs" / "judges" / "object-and-style", "out": JUDGE, "packs": packs}
    sets = {"renders": TRAINING, "held_out": HELD_OUT, "gallery": GALLERY}
    print(recipe.make(dataclasses.replace(recipe.settings, **folders, **sets)).metrics)


def folder(name: str, seed: int) -> Path | None:
    """Where the bundle of that name and seed lies, shipped or not; None where it was not made."""
    shipped, made = ROOT / "checkpoints" / name, ROOT / "runs" / "bundles" / f"{name}-{seed}"
    if (shipped / MANIFEST).is_file() and read_manifest(shipped).seed == seed:
        return shipped
    return made if (made / MANIFEST).is_file() else None


def dude(name: str, seed: int) -> Dude | None:
    """The method in that bundle, if it was made."""
    where = folder(name, seed)
    method = None if where is None else load_bundle(where).method
    return method if isinstance(method, Dude) else None


def masks(real: PictureTable) -> np.ndarray:
    """Where the object is in each of the gallery's pictures, at their size.   -> (N, H, W) bool"""
    size = real.pictures[0].pixels().shape[:2]
    masks_of: dict[str, np.ndarray] = {}
    for line in map(json.loads, (GALLERY / ITEMS).read_text(encoding="utf-8").splitlines()):
        if line["object"] not in masks_of:
            with Image.open((GALLERY / line["path"]).with_name(f"{line['object']}-mask.png")) as mask:
                small = mask.convert("L").resize(size[::-1], Image.Resampling.BOX)
            masks_of[line["object"]] = np.asarray(small) > 127
    return np.stack([masks_of[instance] for instance in real.instances])


def training_labels(names: Sequence[str]) -> list[str]:
    """What training pictures show, which training did not know; names are DOMAIN-ROW. A rendered set lists an object of
    every class, then the next of every class; drawings come class by class, as many of each.
    """
    each = sum(name.startswith(f"{DOODLE.name}-") for name in names) // len(ALL)
    split = (name.rsplit("-", 1) for name in names)
    return [ALL[int(row) // each] if style == DOODLE.name else ALL[int(row) % len(ALL)] for style, row in split]


def pairs(name: str, seed: int, control: str) -> list[Measurement]:
    """T9, from what a run kept of its neighbours; nothing where there is no run."""
    files = sorted((ROOT / "runs" / f"{name}-{seed}").glob("pairs-*.npz"))
    where = folder(name, seed)
    if not files or where is None:
        return []
    config = read_manifest(where).config
    kept = []
    for file in files:
        with np.load(file) as arrays:
            names = arrays["names"].tolist()
            kept.append((int(file.stem.rpartition("-")[2]), arrays["within"], arrays["across"]))
    begins = math.ceil(config["half"] * config["epochs"]) + 1 if config["progressive"] else 1
    return measure_pairs(kept, training_labels(names), begins, control)
