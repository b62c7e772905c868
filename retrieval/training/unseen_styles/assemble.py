"""Weights that came back -> bundles on the whole trunk.

    python -m retrieval.training.unseen_styles.assemble RESULTS DIRECTIONS --renders SET

RESULTS holds what `ucdr.tar` held. A layer on components is written as one on the trunk's features: with directions P
and mean m, W (P (x - m)) + b is (W P) x + (b - W P m).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from retrieval.artifacts.text_tower import load_text_tower
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.methods.foundation import TEXT, Config, Foundation
from retrieval.methods.ucdr_adapter import UCDRAdapter
from retrieval.training.recipe import RUNS
from retrieval.training.recipes.parts.ucdr_sources import read_sources, start_provenance
from retrieval.training.recipes.ucdr_adapter import LEFT_OUT, RECIPES, MapSources
from retrieval.training.start import Start
from retrieval.training.unseen_styles import learning
from retrieval.training.unseen_styles.few_bits import from_bytes
from retrieval.training.unseen_styles.jobs import JOBS, options_of

TRUNK = "tf_efficientnet_lite0"
OF_POOLED = ("straight", "pooled_to_token")  # layers that read pooled features
OF_PLACES = ("map_to_tokens",)
Directions = Mapping[str, tuple[Tensor, Tensor]]
BY_NAME = {recipe.name: recipe for recipe in RECIPES}
JOB = {job.name: job for job in JOBS}


def on_features(weights: Mapping[str, Tensor], directions: Directions) -> dict[str, Tensor]:
    """Weights of a tower on components as those of one on the trunk's features."""
    whole = dict(weights)
    for name, matrix in weights.items():
        layer, _, kind = name.rpartition(".")
        last = layer.rpartition(".")[2]
        if kind != "weight" or last not in (*OF_POOLED, *OF_PLACES):
            continue
        mean, components = directions["pooled" if last in OF_POOLED else "place"]
        whole[name] = matrix @ components
        whole[f"{layer}.bias"] = weights[f"{layer}.bias"] - matrix @ components @ mean
    return whole


def runs_of(results: Path, name: str) -> Iterator[tuple[str, int, dict[str, Tensor], float]]:
    """Style, seed, weights and validation of every run of a job whose weights came back."""
    path = results / f"weights{name}.safetensors"
    if not path.is_file():
        return
    everything = load_file(path)
    scores = json.loads((results / f"log{name}.json").read_text(encoding="utf-8"))["validation"]
    for run in scores:
        style, _, seed = run.rpartition("-")
        small = {key.removeprefix(f"{run}/"): part for key, part in everything.items() if key.startswith(f"{run}/")}
        yield style, int(seed), from_bytes(small), scores[run]


class Assembly:
    """What all bundles share."""

    def __init__(self, results: Path, directions: Directions, renders: Path, objects: int, out: Path) -> None:
        self._results, self._directions = results, directions
        self._changes, self._out = {"renders": renders, "objects": objects}, out
        self._trunk = imagenet_classifier(TRUNK).state_dict()
        self._sources: dict[str, MapSources] = {}
        self._starts: dict[tuple[str, int], Foundation] = {}

    def write_all(self) -> None:
        """Every start, then everything that stands on one."""
        for style, seed, weights, score in runs_of(self._results, "-start"):
            self._write_start(style, seed, weights, score)
        for job in JOBS:
            for style, seed, weights, score in runs_of(self._results, job.name or "-full"):
                self._write_adapter(job.name, style, seed, weights, score)

    def _write_start(self, style: str, seed: int, weights: Mapping[str, Tensor], score: float) -> None:
        size = learning.SIZE | {"trunk": TRUNK}
        method = Foundation(Config(**size), learning.PREPROCESS)
        trunk = {
            f"tower.trunk.{name}": part for name, part in self._trunk.items() if not name.startswith("classifier.")
        }
        method.load_state_dict(method.state_dict() | on_features(weights, self._directions) | trunk)
        self._starts[style, seed] = method
        recipe, settings = self._recipe(f"ucdr-start-{style}", seed)
        method.attach({TEXT: load_text_tower(settings.text)})
        sources = self._sources_of(style, recipe, settings)
        recipe.write(
            settings, sources, Start(method, start_provenance(settings)), {"validation mAP@all": round(score, 4)}
        )

    def _write_adapter(self, name: str, style: str, seed: int, weights: Mapping[str, Tensor], score: float) -> None:
        recipe, settings = self._recipe(f"ucdr-adapter-{style}{name}", seed)
        sources = self._sources_of(style, recipe, settings)
        options = options_of(JOB[name]) | {"domains": sources.domains, "classes": sources.classes}
        method = UCDRAdapter(UCDRAdapter.config_type(**learning.SIZE | {"trunk": TRUNK} | options), learning.PREPROCESS)
        start = self._starts[style, seed]
        method.foundation.load_state_dict(start.state_dict())
        method.first_token = method.tower.copied_class_token()
        method.load_state_dict(method.state_dict() | on_features(weights, self._directions))
        method.attach(start.parts)
        began = BY_NAME[f"ucdr-start-{style}"]
        behind = start_provenance(settings).merge(sources.provenance.named(began.name)).inherit("start")
        recipe.write(settings, sources, Start(method, behind), {"validation mAP@all": round(score, 4)})

    def _recipe(self, name: str, seed: int) -> tuple[Any, Any]:
        recipe = BY_NAME[name]
        out = self._out / f"{name}-{seed}"
        return recipe, dataclasses.replace(recipe.settings, seed=seed, out=out, **self._changes)

    def _sources_of(self, style: str, recipe: Any, settings: Any) -> MapSources:
        if style not in self._sources:
            self._sources[style] = read_sources(recipe, settings)
        return self._sources[style]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help=f"weights of {len(LEFT_OUT)} styles")
    parser.add_argument("directions", type=Path, help="that stayed when the pack travelled")
    parser.add_argument("--renders", type=Path, required=True, help="the set that was packed")
    parser.add_argument("--objects", type=int, default=15, help="of each class that were packed")
    parser.add_argument("--out", type=Path, default=RUNS / "bundles", help="the folder of bundles")
    given = parser.parse_args()
    directions = torch.load(given.directions, weights_only=True)
    Assembly(given.results, directions, given.renders, given.objects, given.out).write_all()


if __name__ == "__main__":
    main()
