"""Weights that came back -> bundles on the whole trunk.

    python -m retrieval.training.unseen_styles.assemble RESULTS PACK DIRECTIONS --set world --kind=-white

RESULTS holds what `ucdr.tar` held, PACK is what travelled. A layer on components is written as one on the trunk's
features: with directions P and mean m, W (P (x - m)) + b is (W P) x + (b - W P m).
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

from retrieval.artifacts.manifest import Source, reference_to
from retrieval.artifacts.provenance import Provenance
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.data.readers.packs import packs_folder, read_pack
from retrieval.errors import DataError
from retrieval.evaluation.tasks.packs import EMOJI, SKETCHY_NAMED, hand
from retrieval.methods.foundation import TEXT, Config, Foundation
from retrieval.methods.ucdr_adapter import UCDRAdapter
from retrieval.training.bundles import manifest_of, write_bundle
from retrieval.training.recipe import RUNS
from retrieval.training.recipes.parts.ucdr_sources import start_provenance
from retrieval.training.recipes.ucdr_adapter import RECIPES, STARTS
from retrieval.training.start import Start
from retrieval.training.unseen_styles import learning
from retrieval.training.unseen_styles.few_bits import from_bytes
from retrieval.training.unseen_styles.jobs import JOBS, Job, options_of
from retrieval.training.unseen_styles.packing import TABLES, Part, read_tables

TRUNK = "tf_efficientnet_lite0"
OF_POOLED = ("straight", "pooled_to_token")  # layers that read pooled features
OF_PLACES = ("map_to_tokens",)
Directions = Mapping[str, tuple[Tensor, Tensor]]
SETS = {  # what was packed, in words, and its licence
    "world": ("renders of the Guise world", "Apache-2.0"),
    "emoji": (
        "emoji: Blob, EmojiOne, Fluent, FxEmoji, Noto, OpenMoji, Twemoji",
        "MIT, Apache-2.0, CC BY 4.0, CC BY-SA 4.0",
    ),
    "sketchy": (SKETCHY_NAMED, "its authors' terms: research"),
}


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

    def __init__(self, results: Path, pack: Path, directions: Directions, name: str, kind: str, out: Path) -> None:
        """name: of the set; kind: of the starts."""
        self._results, self._directions, self._set, self._kind, self._out = results, directions, name, kind, out
        self._about, parts = read_tables(pack / TABLES)
        self._training: Part = parts["training"]
        self._classes = tuple(sorted(set(self._training.labels)))
        self._trunk = imagenet_classifier(TRUNK).state_dict()
        self._starts: dict[tuple[str, int], Foundation] = {}

    def write_all(self) -> None:
        """Every start, then everything that stands on one."""
        for style, seed, weights, score in runs_of(self._results, f"-start{self._kind}"):
            self._write_start(style, seed, weights, score)
        for job in (job for job in JOBS if job.kind == self._kind):
            for style, seed, weights, score in runs_of(self._results, job.name or "-full"):
                self._write_adapter(job, style, seed, weights, score)

    def _write_start(self, style: str, seed: int, weights: Mapping[str, Tensor], score: float) -> None:
        size = learning.SIZE | {"trunk": TRUNK}
        method = Foundation(Config(**size), learning.PREPROCESS)
        trunk = {
            f"tower.trunk.{name}": part for name, part in self._trunk.items() if not name.startswith("classifier.")
        }
        method.load_state_dict(method.state_dict() | on_features(weights, self._directions) | trunk)
        self._starts[style, seed] = method
        recipe, settings = self._recipe(STARTS["sketch"], self._name("start", style), seed)
        method.attach({TEXT: load_text_tower(settings.text)})
        self._write(recipe, settings, style, Start(method, start_provenance(settings)), score)

    def _write_adapter(self, job: Job, style: str, seed: int, weights: Mapping[str, Tensor], score: float) -> None:
        changed = job.name.removesuffix(self._kind).replace("-full", "")
        recipe, settings = self._recipe(RECIPES[-1], self._name("adapter", style, changed), seed)
        options = options_of(job) | {"domains": self._about.without(style), "classes": self._classes}
        method = UCDRAdapter(UCDRAdapter.config_type(**learning.SIZE | {"trunk": TRUNK} | options), learning.PREPROCESS)
        start = self._starts[style, seed]
        method.foundation.load_state_dict(start.state_dict())
        method.first_token = method.tower.copied_class_token()
        method.load_state_dict(method.state_dict() | on_features(weights, self._directions))
        method.attach(start.parts)
        began = self._own(style).named(self._name("start", style))
        behind = start_provenance(settings).merge(began).inherit("start")
        self._write(recipe, settings, style, Start(method, behind), score)

    def _name(self, what: str, style: str, changed: str = "") -> str:
        """Of a bundle: the set is named where it is not the world, or there is nothing that is left out."""
        where = {"world": style, "sketchy": "sketchy"}.get(self._set, f"{self._set}-{style}")
        return f"ucdr-{what}-{where}{changed}{self._kind}"

    def _recipe(self, like: Any, name: str, seed: int) -> tuple[Any, Any]:
        recipe = dataclasses.replace(like, name=name)
        return recipe, dataclasses.replace(recipe.settings, seed=seed, out=self._out / f"{name}-{seed}")

    def _own(self, style: str) -> Provenance:
        """What a run without the style has seen."""
        known = self._about.without(style)
        count = sum(domain in known for domain in self._training.domains)
        source = Source(*SETS[self._set], count)
        domains = finishes(known) if self._set == "emoji" else known
        return Provenance.of_training((source,), classes=self._classes, domains=domains)

    def _write(self, recipe: Any, settings: Any, style: str, start: Start[Any], score: float) -> None:
        manifest = manifest_of(
            recipe, settings, start, self._own(style), unseen=self._about.unseen,
            metrics={"validation mAP@all": round(score, 4)}, refers_to={"text": reference_to(settings.text)},
        )  # fmt: skip
        write_bundle(recipe, settings, start.learner, manifest)


def finishes(hands: tuple[str, ...]) -> tuple[str, ...]:
    """The styles of emoji that these hands draw in. Raises DataError without packs."""
    packs = packs_folder()
    if packs is None:
        raise DataError("GUISE_DATA names no folder of packs. Set it.")
    styles = set(read_pack(packs / EMOJI).domains)
    return tuple(sorted(style for style in styles if hand(style) in hands))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="the folder of weights and logs")
    parser.add_argument("pack", type=Path, help="the folder that travelled")
    parser.add_argument("directions", type=Path, help="that stayed when the pack travelled")
    parser.add_argument("--set", choices=SETS, default="world", help="what was packed")
    parser.add_argument("--kind", choices=learning.KINDS, default="", help="of the starts; write --kind=NAME")
    parser.add_argument("--out", type=Path, default=RUNS / "bundles", help="the folder of bundles")
    given = parser.parse_args()
    directions = torch.load(given.directions, weights_only=True)
    Assembly(given.results, given.pack, directions, given.set, given.kind, given.out).write_all()


if __name__ == "__main__":
    main()
