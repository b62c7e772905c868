"""What each part of DSN does -> results/ladder.json: from the linear start to the whole method, and its controls.

python -m benchmarks.ladder --train --seed 0       train what is missing of one seed; needs GUISE_DATA and renders
python -m benchmarks.ladder                        measure what was trained, write the file

All rungs of a seed start from the trunk of the foundation of that seed, fitted to the same classes before
anything else learns, see the same pictures and take the same number of steps. They are selected on the validation
classes and measured on the test classes, query by query: the interval of a gain is a paired bootstrap over queries and
another over classes, each query's average precision being the mean over seeds. The control is a plain encoder: the same
start, pictures and steps, of both views the plain class loss, and no part of DSN.

What the tag does is measured on the whole method: the largest of its weights, how far a picture's code moves with the
tag, and what search loses where every picture gets the other tag or all get one.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import ROOT
from retrieval.artifacts.bundle import Bundle, load_bundle
from retrieval.artifacts.manifest import MANIFEST, read_manifest
from retrieval.backbones.conditional_resnet import ConditionalExcitation
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.packs import packs_folder
from retrieval.evaluation.harness import Memory, evaluate, refusal
from retrieval.evaluation.measurement import GAIN, Measurement, mean_measurement
from retrieval.evaluation.metrics import Values
from retrieval.evaluation.report import write_measurements
from retrieval.evaluation.results import fold_measurements
from retrieval.evaluation.tasks import Catalog, Task, task
from retrieval.methods import DSN
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dsn import CONTROL, RUNGS
from retrieval.training.recipes.parts.early_views import EarlyEncoder
from retrieval.types import PHOTO, SKETCH, Domain

TASK = "quickdraw-world/zero-shot@1"
METRIC = "mAP@all"
VALIDATION = f"validation {METRIC}"
HOW = "paired query by query, each query's average precision being the mean over seeds"
TAG_WEIGHT, WRONG_TAG = "largest weight of the tag", "change by a wrong tag"
TAG_COSINE = "cosine of a drawing's codes under both tags"
WHOLE, BEGUN_AS = "dsn-world", "guise-base-zs"
PLAIN = f"{WHOLE}-{CONTROL}"
SEEDS = (0, 1, 2)
PAIRS = (  # what is compared: the second must explain what the first has more
    ("dsn-world-classes", "dsn-world-start"),
    ("dsn-world-teacher", "dsn-world-classes"),
    ("dsn-world-tag", "dsn-world-teacher"),
    ("dsn-world-contrast", "dsn-world-tag"),
    (WHOLE, "dsn-world-contrast"),
    (WHOLE, "dsn-world-shuffled-tags"),
    (WHOLE, "dsn-world-start"),
    (WHOLE, PLAIN),
    (WHOLE, BEGUN_AS),
)


def main() -> None:
    """Train, or measure and write."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--train", action="store_true", help="train what is missing instead of measuring")
    words.add_argument("--seed", type=int, action="append", choices=SEEDS, help="may be repeated (default: all)")
    words.add_argument("--rung", action="append", choices=[WHOLE, *names()], help="may be repeated (default: all)")
    words.add_argument("--renders", type=Path, help="a set rendered --for training (default: the recipes')")
    asked = words.parse_args()
    packs = packs_folder()
    if packs is None:
        sys.exit("This needs the folder of packs: set GUISE_DATA.")
    if asked.train:
        for seed in asked.seed or SEEDS:
            train(asked.rung or (WHOLE, *names()), seed, asked.renders)
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
    if name in RECIPES and name not in (WHOLE, BEGUN_AS):
        return ROOT / "runs" / "ladder" / f"{name}-{seed}"
    shipped = ROOT / "checkpoints" / name
    here = (shipped / MANIFEST).is_file() and read_manifest(shipped).seed == seed
    return shipped if here else ROOT / "runs" / "bundles" / f"{name}-{seed}"


def train(wanted: Sequence[str], seed: int, renders: Path | None) -> None:
    """Train the rungs of one seed that are not there; all see the same pictures, which are read once."""
    ladder, sources = ROOT / "runs" / "ladder", None
    for name in (name for name in wanted if not (folder(name, seed) / MANIFEST).is_file()):
        sys.stderr.write(f"{name}, seed {seed}\n")
        recipe = RECIPES[name]
        settings = dataclasses.replace(
            recipe.settings,
            seed=seed,
            out=folder(name, seed),
            run_folder=ladder / "runs" / f"{name}-{seed}",
            views=ladder / f"views-{seed}",
            init=folder(BEGUN_AS, seed),
            renders=renders or recipe.settings.renders,
        )
        sources = sources or recipe.sources(settings)
        recipe.make(settings, sources=sources)


# ---------------------------------------------------------------- measuring


def measure(chosen: Task) -> list[Measurement]:
    """Two rows for each rung that was trained, on test and validation classes, one for each gain, and what the tag
    does.
    """
    values: dict[str, dict[int, Values]] = {}
    by_seed: dict[int, list[Measurement]] = {seed: [] for seed in SEEDS}
    remembered: dict[int, dict[bytes, torch.Tensor]] = defaultdict(dict)  # by seed: its rungs share their trunk
    for name in (*names()[:5], WHOLE, *names()[5:], BEGUN_AS):
        values[name] = {}
        for seed in (seed for seed in SEEDS if (folder(name, seed) / MANIFEST).is_file()):
            bundle = load_bundle(folder(name, seed))
            if reason := refusal(bundle, chosen):
                sys.exit(reason)
            trunk = remembered[seed]
            values[name][seed] = evaluate(_encoder(bundle, trunk), chosen).values[METRIC]
            about, validation = RECIPES[name].about, bundle.manifest.metrics[VALIDATION]
            by_seed[seed].append(mean_measurement(METRIC, values[name][seed], about, chosen.labels, code=name))
            by_seed[seed].append(Measurement(VALIDATION, float(validation), about, name))
            if name == WHOLE:
                by_seed[seed] += tag_measurements(bundle, chosen, values[name][seed], trunk)
    for more, less in PAIRS:
        for seed in values[more].keys() & values[less].keys():
            gain = values[more][seed] - values[less][seed]
            by_seed[seed].append(mean_measurement(GAIN, gain, HOW, chosen.labels, code=more, control=less))
    return fold_measurements(by_seed)


def _encoder(bundle: Bundle, trunk: dict[bytes, torch.Tensor], told: Mapping[str, Domain] | None = None) -> Any:
    """The bundle; DSN with a trunk that remembers what it saw, and that is told other domains where it is asked to."""
    return EarlyEncoder(bundle.method, trunk, told) if isinstance(bundle.method, DSN) else bundle


WRONG = {  # what is told instead: subset -> domains
    "each picture the other tag": {SKETCH.name: PHOTO, PHOTO.name: SKETCH},
    "all pictures the tag of photos": {SKETCH.name: PHOTO, PHOTO.name: PHOTO},
}


def tag_measurements(
    bundle: Bundle, chosen: Task, right: Values, trunk: dict[bytes, torch.Tensor]
) -> list[Measurement]:
    """The tag's largest weight, and what wrong tags change, query by query."""
    if not isinstance(chosen.queries, PictureTable):
        raise TypeError(f"{chosen.name} asks with texts, which have no tag.")
    gates = [part for part in bundle.method.modules() if isinstance(part, ConditionalExcitation)]
    largest = max(float(part.tag.abs().max()) for part in gates)
    as_sketch, as_photo = (
        Memory().embed(_encoder(bundle, trunk, {SKETCH.name: tag}), chosen.queries) for tag in (SKETCH, PHOTO)
    )  # (Q, D), unit rows
    rows = [
        Measurement(TAG_WEIGHT, largest, "over all channels that it opens or closes", WHOLE),
        mean_measurement(TAG_COSINE, (as_sketch * as_photo).sum(axis=1), "mean over drawings", code=WHOLE),
    ]
    for subset, told in WRONG.items():
        change = evaluate(_encoder(bundle, trunk, told), chosen).values[METRIC] - right
        rows.append(mean_measurement(WRONG_TAG, change, HOW, chosen.labels, code=WHOLE, subset=subset))
    return rows


if __name__ == "__main__":
    main()
