"""The bundle for the app: UCDR-Adapter trained on every style of the world, the unseen classes left out.

    python -m retrieval.training.unseen_styles.world_bundle PACK --renders SET --out checkpoints/ucdr-world

It is trained as in the table, with nothing left out but classes. Its tower computes the components itself, with the
shared trunk of `trunk-lite0`, to which the bundle refers.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.artifacts.bundle import save_bundle
from retrieval.artifacts.manifest import Manifest, reference_to
from retrieval.artifacts.provenance import Provenance
from retrieval.backbones.map_towers import SHARED, SharedTrunkTower
from retrieval.backbones.pretrained import imagenet_classifier
from retrieval.data.picture_table import PictureTable
from retrieval.methods.foundation import TEXT
from retrieval.methods.ucdr_adapter import TRUNK, UCDRAdapter
from retrieval.training.bundles import manifest_of
from retrieval.training.recipes.parts.ucdr_sources import read_sources
from retrieval.training.recipes.ucdr_adapter import RECIPES
from retrieval.training.start import Start
from retrieval.training.unseen_styles import learning
from retrieval.training.unseen_styles.fleet import Span
from retrieval.training.unseen_styles.gather import OBJECTS
from retrieval.training.unseen_styles.jobs import JOBS, Job, Place, options_of, train_job, train_starts
from retrieval.training.unseen_styles.packing import DIRECTIONS, read_pack
from retrieval.types import PHOTO

NAME, NONE = "ucdr-world", "none"  # the style that is left out
SIDE = 40  # pixels of a picture in the album
NETWORK = "tf_efficientnet_lite0"
FOLDERS = {TEXT: Path("checkpoints/text-minilm"), TRUNK: Path("checkpoints/trunk-lite0")}


def on_shared_trunk(options: dict[str, Any], weights: dict[str, Tensor], directions: Any) -> UCDRAdapter:
    """A method on components as one on pictures, whose tower is lent the trunk."""
    config = UCDRAdapter.config_type(**learning.SIZE | options | {"trunk": SHARED, "thumbnail": SIDE})
    method = UCDRAdapter(config, learning.PREPROCESS)
    method.load_state_dict(method.state_dict() | weights)
    tower = method.tower
    assert isinstance(tower, SharedTrunkTower), "its name says so"
    network = imagenet_classifier(NETWORK).state_dict()
    scale = network["bn2.weight"] / (network["bn2.running_var"] + 1e-3).sqrt()
    tower.last.load_state_dict(
        {
            "weight": network["conv_head.weight"] * scale[:, None, None, None],
            "bias": network["bn2.bias"] - network["bn2.running_mean"] * scale,
        }
    )
    for name in ("pooled", "place"):
        mean, components = directions[name]
        getattr(tower, f"{name}_mean").copy_(mean)
        getattr(tower, f"{name}_directions").copy_(components)
    return method


def album(table: PictureTable, domains: tuple[str, ...], classes: tuple[str, ...]) -> Tensor:
    """A picture of each domain, all of one object, and a photograph of each class.   -> (N, SIDE, SIDE, 3) uint8"""
    first = table.where(labels=(classes[0],)).instances[0]
    chosen = [
        next(at for at, row in enumerate(table) if row.instance == first and row.domain.name == name)
        for name in domains
    ]
    chosen += [
        next(at for at, row in enumerate(table) if row.label == name and row.domain == PHOTO) for name in classes
    ]
    pictures = table.select(chosen).tensor(size=4 * SIDE)  # (N, 3, 4 SIDE, 4 SIDE), in [-1, 1]
    small = torch.nn.functional.avg_pool2d(pictures, 4).add(1).mul(127.5)
    return small.round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def train(pack: Path, job: Job, start_steps: int, steps: int, seed: int) -> tuple[dict[str, Tensor], float]:
    """The selected weights, and how well they validate."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Place(read_pack(pack), Path(scratch), "cpu", (seed,), 64, math.inf, (NONE,))
        starts = train_starts(place, Span(start_steps))
        selection, _, _ = train_job(place, job, starts, steps)
    return {name: whole[0].cpu() for name, whole in selection.weights.items()}, selection.best[0]


def write(given: argparse.Namespace, job: Job) -> Manifest:
    """Train, assemble and seal."""
    recipe = dataclasses.replace(RECIPES[-1], name=NAME, without_style=None)
    settings = dataclasses.replace(recipe.settings, renders=given.renders, objects=OBJECTS, seed=given.seed)
    sources = read_sources(recipe, settings)
    options = options_of(job) | {"domains": sources.domains, "classes": sources.classes}
    weights, score = train(given.pack, job, given.start_steps, given.steps, given.seed)
    directions = torch.load(given.pack.parent / f"{given.pack.name}{DIRECTIONS}", weights_only=True)
    method = on_shared_trunk(options, weights, directions)
    method.album.copy_(album(sources.training.table, sources.domains, sources.classes))
    text, trunk = (
        Provenance.at(FOLDERS[role]).inherit(name) for role, name in ((TEXT, "text tower"), (TRUNK, "trunk"))
    )
    manifest = manifest_of(
        recipe,
        settings,
        Start(method, trunk.merge(text)),
        sources.provenance,
        unseen=recipe.kept_unseen,
        metrics={"validation mAP@all": round(score, 4)},
        refers_to={role: reference_to(folder) for role, folder in FOLDERS.items()},
    )
    return save_bundle(given.out, method, manifest)


def main() -> None:
    """The command line."""
    names = [job.name or "-full" for job in JOBS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pack", type=Path, help="the folder that was packed")
    parser.add_argument("--renders", type=Path, required=True, help="the set that was packed")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the bundle")
    parser.add_argument("--job", choices=names, default="-full", help="the variant; write --job=NAME")
    parser.add_argument("--start-steps", type=int, default=700)
    parser.add_argument("--steps", type=int, default=600, help="of the variant")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    manifest = write(given, JOBS[names.index(given.job)])
    print(json.dumps(dict(manifest.metrics)))  # noqa: T201  (the command's answer)


if __name__ == "__main__":
    main()
