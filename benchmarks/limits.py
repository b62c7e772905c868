"""What limits the zero-shot encoder, on validation data alone -> results/limits.json.

python -m benchmarks.limits             needs GUISE_DATA, the folder of packs, and the set rendered for training

People's drawings of the nine classes that are kept to select on ask for rendered photos of them: with the codes of
`guise-mini-zs`, with what its trunk knows before the last layer, with edges alone (HOG), and with codes and edges
side by side. Where edges still add something, the code has lost shape; where they do not, it needs more classes.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.data.readers.packs import packs_folder
from retrieval.encoder import Vectors
from retrieval.evaluation.floors import Hog
from retrieval.evaluation.measurement import Measurement
from retrieval.evaluation.report import write_measurements
from retrieval.methods import ClipBaseline
from retrieval.training.recipes import RECIPES
from retrieval.training.validation import WorldValidation

MEASURE = "validation mAP@all"
EDGES = 0.5  # weight of HOG beside a code


class Trunk:
    """A plain dual encoder's picture tower without its last layer."""

    fingerprint = "trunk"

    def __init__(self, method: ClipBaseline) -> None:
        self.preprocess = method.preprocess
        self._trunk: Any = method.model.visual.trunk
        self.dim = int(self._trunk.num_features)

    def encode_images(self, images: torch.Tensor, domains: Any) -> torch.Tensor:
        """(B, 3, H, W) -> (B, dim), unit rows."""
        features: torch.Tensor = torch.nn.functional.normalize(self._trunk(images), dim=-1)
        return features


def main() -> None:
    """Measure, print, write the file."""
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    settings = RECIPES["guise-mini-zs"].settings
    bundle = load_bundle(ROOT / "checkpoints" / "guise-mini-zs")
    if not isinstance(bundle.method, ClipBaseline):
        sys.exit("guise-mini-zs is no plain dual encoder.")
    checks = WorldValidation(settings.renders, packs, zero_shot=True)
    code, trunk, edges = (checks.embed(encoder) for encoder in (bundle, Trunk(bundle.method), Hog()))
    both = tuple(np.hstack([own, EDGES**0.5 * centred(other)]) for own, other in zip(code, edges, strict=True))
    how = f"{len(code[0])} validation drawings -> {len(code[1])} rendered photos of 9 classes never trained on"
    rows = [
        row("codes", checks.precision(*code), how),
        row("the trunk", checks.precision(*trunk), "the same, before the last layer"),
        row("edges", checks.precision(*edges), "the same with HOG, which learns nothing"),
        row("codes and edges", checks.precision(*both), f"side by side, edges weighing {EDGES:g}"),
    ]
    rows += [row for name in ("guise-mini-zs", "guise-mini") for row in course(name)]
    write_measurements(ROOT / "benchmarks" / "results" / "limits.json", rows)
    for line in rows:
        sys.stdout.write(f"{line.name}: {line.value} {line.how}\n")


def course(name: str) -> list[Measurement]:
    """What a training, seed 0, measured on validation data as it went on: the lines of its run, if it is here."""
    log = ROOT / "runs" / f"{name}-0" / "log.jsonl"
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines()) if log.is_file() else ()
    return [
        replace(
            row(name, line[MEASURE], f"on its validation data, of {line['of']} epochs"), subset=f"epoch {line['epoch']}"
        )
        for line in lines
        if MEASURE in line
    ]


def centred(vectors: Vectors) -> Vectors:
    """Without their mean, as unit rows."""
    away = vectors - vectors.mean(axis=0)
    return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True))


def row(code: str, value: float, how: str) -> Measurement:
    """One line of the file."""
    return Measurement(MEASURE, round(value, 3), how, code)


if __name__ == "__main__":
    main()
