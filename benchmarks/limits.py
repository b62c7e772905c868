"""What limits the zero-shot encoder, on validation data alone -> results/limits.json.

python benchmarks/limits.py             needs GUISE_DATA, the folder of packs, and the set rendered for training

People's drawings of the nine classes that are kept to select on ask for rendered photos of them: with the codes of
`guise-mini-zs`, with what its trunk knows before the last layer, with edges alone (HOG), and with codes and edges
side by side. Where edges still add something, the code has lost shape; where they do not, it needs more classes.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from retrieval.threads import settle  # noqa: E402

settle()

import dataclasses  # noqa: E402
import json  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402

from retrieval.artifacts.bundle import load_bundle  # noqa: E402
from retrieval.data.readers.packs import packs_folder  # noqa: E402
from retrieval.encoder import Vectors  # noqa: E402
from retrieval.evaluation.floors import Hog  # noqa: E402
from retrieval.evaluation.report import write_results  # noqa: E402
from retrieval.methods import ClipBaseline  # noqa: E402
from retrieval.training.settings import RECIPES, DualEncoder  # noqa: E402
from retrieval.training.validation import Validation  # noqa: E402

EDGES = 0.5  # weight of HOG beside a code
Row = dict[str, Any]


class Trunk:
    """A plain dual encoder's picture tower without its last layer."""

    fingerprint = "trunk"

    def __init__(self, method: ClipBaseline) -> None:
        self.preprocess = method.preprocess
        self._trunk: Any = method.model.visual.trunk
        self.dim = int(self._trunk.num_features)

    def encode_images(self, images: torch.Tensor, domains: Any) -> torch.Tensor:
        """(B, 3, H, W) -> (B, dim), unit rows."""
        found: torch.Tensor = torch.nn.functional.normalize(self._trunk(images), dim=-1)
        return found


def main() -> None:
    """Measure, print, write the file."""
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    recipe = RECIPES["guise-mini-zs"]
    bundle = load_bundle(ROOT / "checkpoints" / "guise-mini-zs")
    if not (isinstance(recipe.settings, DualEncoder) and isinstance(bundle.method, ClipBaseline)):
        sys.exit("guise-mini-zs is no plain dual encoder.")
    checks = Validation(dataclasses.replace(recipe.settings, packs=packs), recipe)
    code, trunk, edges = (checks.embedded(encoder) for encoder in (bundle, Trunk(bundle.method), Hog()))
    both = tuple(np.hstack([own, EDGES**0.5 * centred(other)]) for own, other in zip(code, edges, strict=True))
    how = f"{len(code[0])} validation drawings -> {len(code[1])} rendered photos of 9 classes never trained on"
    rows = [
        row("validation_of_codes", checks.precision(*code), how),
        row("validation_of_the_trunk", checks.precision(*trunk), "the same, before the last layer"),
        row("validation_of_edges", checks.precision(*edges), "the same with HOG, which learns nothing"),
        row("validation_of_codes_and_edges", checks.precision(*both), f"side by side, edges weighing {EDGES:g}"),
    ]
    rows += [row for name in ("guise-mini-zs", "guise-mini") for row in course(name)]
    write_results(ROOT / "benchmarks" / "results" / "limits.json", rows)
    for one in rows:
        sys.stdout.write(f"{one['name']}: {one['value']} {one['how']}\n")


def course(name: str) -> list[Row]:
    """What a training, seed 0, measured on validation data as it went on: the lines of its run, if it is here."""
    log = ROOT / "runs" / f"{name}-0" / "log.jsonl"
    lines = map(json.loads, log.read_text(encoding="utf-8").splitlines()) if log.is_file() else ()
    key = "validation mAP@all"
    return [
        row(f"{name}_after_epoch_{line['epoch']}", line[key], f"on its validation data, of {line['of']} epochs")
        for line in lines
        if key in line
    ]


def centred(vectors: Vectors) -> Vectors:
    """Without their mean, as unit rows."""
    away = vectors - vectors.mean(axis=0)
    return np.asarray(away / np.linalg.norm(away, axis=1, keepdims=True))


def row(name: str, value: float, how: str) -> Row:
    """One line of the file."""
    return {"name": name, "value": round(value, 3), "unit": "mAP@all", "wanted": "", "how": how}


if __name__ == "__main__":
    main()
