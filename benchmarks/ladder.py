"""What each part of DSN does -> results/ladder.json: from classes alone to the whole method, and two controls.

python -m benchmarks.ladder --train --seed 0       train what is missing of one seed; needs GUISE_DATA and renders
python -m benchmarks.ladder                        measure what was trained, write the file

All rungs of a seed start from the trunk of the plain encoder of that seed, fitted to the same classes before the trunk
learns, see the same pictures and take the same number of steps. They are selected on the validation classes and
measured on the test classes, query by query: the interval of a gain is a paired bootstrap over queries, each query's
average precision being the mean over seeds. Seeds are few, so their spread stands beside it.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from benchmarks import ROOT
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.manifest import MANIFEST, read_manifest
from retrieval.data.readers.packs import packs_folder
from retrieval.evaluation.harness import evaluate
from retrieval.evaluation.measurement import GAIN, Measurement, mean_measurement
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.results import fold_measurements
from retrieval.evaluation.tasks import Catalog, Task, task
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dsn import RUNGS

TASK = "quickdraw-world/zero-shot@1"
METRIC = "mAP@all"
VALIDATION = f"validation {METRIC}"
HOW = "paired query by query, each query's average precision being the mean over seeds"
WHOLE, PLAIN = "dsn-world", "guise-mini-zs"
SEEDS = (0, 1, 2)
PAIRS = (  # what is compared: the second must explain what the first has more
    ("dsn-world-teacher", "dsn-world-classes"),
    ("dsn-world-meaning", "dsn-world-teacher"),
    ("dsn-world-tag", "dsn-world-meaning"),
    ("dsn-world-contrast", "dsn-world-tag"),
    (WHOLE, "dsn-world-contrast"),
    (WHOLE, "dsn-world-shuffled-tags"),
    (WHOLE, "dsn-world-random-memory"),
    (WHOLE, "dsn-world-classes"),
    (WHOLE, PLAIN),
)


def main() -> None:
    """Train, or measure and write."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--train", action="store_true", help="train what is missing instead of measuring")
    words.add_argument("--seed", type=int, action="append", choices=SEEDS, help="may be repeated (default: all)")
    words.add_argument("--rung", action="append", choices=[WHOLE, *names()], help="may be repeated (default: all)")
    asked = words.parse_args()
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    if asked.train:
        for seed in asked.seed or SEEDS:
            for name in asked.rung or (WHOLE, *names()):
                train(name, seed)
        return
    rows = measure(task(TASK, Catalog(ROOT / "assets" / "gallery", packs)))
    write_measurements(ROOT / "benchmarks" / "results" / "ladder.json", rows)
    for row in rows:
        sys.stdout.write(f"{row.name}: {row.value:.4f} {row.interval}\n")


def names() -> list[str]:
    """The recipes of the ladder but the whole method."""
    return [f"{WHOLE}-{rung}" for rung in RUNGS]


def folder(name: str, seed: int) -> Path:
    """Where a rung's bundle lies: whole methods where every bundle does, single rungs among themselves."""
    if name in RECIPES and name not in (WHOLE, PLAIN):
        return ROOT / "runs" / "ladder" / f"{name}-{seed}"
    shipped = ROOT / "checkpoints" / name
    here = (shipped / MANIFEST).is_file() and read_manifest(shipped).seed == seed
    return shipped if here else ROOT / "runs" / "bundles" / f"{name}-{seed}"


def train(name: str, seed: int) -> None:
    """Train one rung with one seed, unless it is there."""
    out = folder(name, seed)
    if (out / MANIFEST).is_file():
        return
    sys.stderr.write(f"{name}, seed {seed}\n")
    ladder, recipe = ROOT / "runs" / "ladder", RECIPES[name]
    recipe.make(
        dataclasses.replace(
            recipe.settings,
            seed=seed,
            out=out,
            run_folder=ladder / "runs" / f"{name}-{seed}",
            init=folder(PLAIN, seed),
            teacher=ladder / f"teacher-{seed}",
        )
    )


def measure(chosen: Task) -> list[Measurement]:
    """Two rows for each rung that was trained, on test and validation classes, and one for each gain."""
    values: dict[str, dict[int, Values]] = {}
    by_seed: dict[int, list[Measurement]] = {seed: [] for seed in SEEDS}
    for name in (*names()[:5], WHOLE, *names()[5:], PLAIN):
        there = [seed for seed in SEEDS if (folder(name, seed) / MANIFEST).is_file()]
        bundles = {seed: load_bundle(folder(name, seed)) for seed in there}
        values[name] = {seed: evaluate(bundle, chosen).values[METRIC] for seed, bundle in bundles.items()}
        for seed in there:
            about, validation = RECIPES[name].about, bundles[seed].manifest.metrics[VALIDATION]
            by_seed[seed].append(mean_measurement(METRIC, values[name][seed], about, chosen.labels, code=name))
            by_seed[seed].append(Measurement(VALIDATION, float(validation), about, name))
    for more, less in PAIRS:
        for seed in values[more].keys() & values[less].keys():
            gain = values[more][seed] - values[less][seed]
            by_seed[seed].append(mean_measurement(GAIN, gain, HOW, chosen.labels, code=more, control=less))
    return fold_measurements(by_seed)


if __name__ == "__main__":
    main()
