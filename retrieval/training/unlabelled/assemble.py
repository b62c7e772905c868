"""From what a GPU sent back to bundles: DUDE with how it came about, its ablations and its rivals."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.manifest import Source, reference_to
from retrieval.artifacts.prior import load_prior
from retrieval.artifacts.provenance import Provenance
from retrieval.methods import proto_ot
from retrieval.methods.dude import Config, Dude
from retrieval.methods.proto_ot import ProtoOT
from retrieval.training.bundles import manifest_of, write_bundle
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dude import DudeSettings
from retrieval.training.recipes.parts.unlabelled import TRUNK, begun_extractor, word_shape
from retrieval.training.recipes.parts.view_features import view_features
from retrieval.training.start import Start
from retrieval.training.unlabelled.fewer_bits import from_few_bits
from retrieval.training.unlabelled.jobs import READING, UNASKED, Job
from retrieval.training.unlabelled.packing import Packed, unpack

Heads = dict[str, dict[str, Tensor]]  # NAME-SEED -> weights


def assemble(results: Path, pack: Path, prior: Path, out: Path, runs: Path) -> None:
    """Write a bundle OUT/NAME-SEED for each head, and beside DUDE's runs what its map is made of."""
    maker = Maker(results, unpack(pack), prior)
    heads = read_heads(results)
    for name, head in heads.items():
        if "." not in name:
            print(maker.bundle(name, head, out / name))  # noqa: T201
    for name, head in heads.items():
        begun, _, epoch = name.partition(".at-")
        if epoch:
            (runs / begun).mkdir(parents=True, exist_ok=True)
            save_file(halved(head), runs / begun / f"head-{epoch}.safetensors")
    if (results / "pairs.npz").is_file():
        write_pairs(results / "pairs.npz", maker.packed.ids, runs)


def read_heads(results: Path) -> Heads:
    """All heads, in single precision: those that were collected, and files of one each, as processes leave them."""
    loose = [path for path in sorted(results.glob("*.safetensors")) if path.stem not in ("others", "dude-world")]
    flat = {f"{path.stem}/{name}": tensor for path in loose for name, tensor in load_file(path).items()}
    if (results / "others.safetensors").is_file():
        kept = load_file(results / "others.safetensors")
        flat |= from_few_bits({name: tensor.numpy() for name, tensor in kept.items()})
    if (results / "dude-world.safetensors").is_file():
        flat |= {name: tensor.float() for name, tensor in load_file(results / "dude-world.safetensors").items()}
    heads: Heads = {}
    for name, tensor in flat.items():
        owner, _, own = name.partition("/")
        heads.setdefault(owner, {})[own] = tensor
    return heads


class Maker:
    """What all bundles share: pictures, their features, the prior's words, the settings of the run."""

    def __init__(self, results: Path, packed: Packed, prior: Path) -> None:
        lines = [json.loads(line) for line in (results / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        self.packed, self._prior = packed, prior
        self._epochs = next(int(line["epochs"]) for line in lines if "run" in line)
        self._given = {
            name: float(line[name]) for line in lines if "run" in line for name in ("noise_weight", "read_weight")
        }
        self._batch = next(int(line["batch"]) for line in lines if "run" in line)
        self._extractor = begun_extractor(packed.about["trunk"]).eval()
        preprocess = DudeSettings().preprocess
        self._features = view_features(self._extractor.trunk, packed.pixels, preprocess, 0, 0)[:, 0].float()
        self._shape = word_shape(load_prior(prior))

    def bundle(self, name: str, head: Mapping[str, Tensor], folder: Path) -> Path:
        """The bundle NAME-SEED, written into the folder."""
        job = Job(*_split(name))
        recipe = RECIPES[job.recipe]
        places: dict[str, Any] = {"seed": job.seed, "out": folder, "epochs": self._epochs, "batch": self._batch}
        settings = dataclasses.replace(recipe.settings, **places)
        method = self._method(job, head)
        asked = job.recipe not in UNASKED
        behind = TRUNK.merge(Provenance.at(self._prior).inherit("prior")) if asked else TRUNK
        sources = tuple(Source(*entry) for entry in self._sources())
        about = self.packed.about
        own = Provenance.of_training(sources, unlabelled=tuple(about["classes"]), domains=method.styles)
        refers_to = {"prior": reference_to(self._prior)} if asked else {}
        manifest = manifest_of(recipe, settings, Start(method, behind), own, refers_to=refers_to)
        return write_bundle(recipe, settings, method, manifest).folder

    def _sources(self) -> list[tuple[str, str, int]]:
        """Where the pictures come from; as many as are in the pack."""
        drawn = sum(domain.name == "doodle" for domain in self.packed.domains)
        counts = (len(self.packed.ids) - drawn, drawn)
        listed = self.packed.about["sources"]
        return [(data, licence, count) for (data, licence, _), count in zip(listed, counts, strict=True)]

    def _method(self, job: Job, head: Mapping[str, Tensor]) -> Dude | ProtoOT:
        recipe = RECIPES[job.recipe]
        styles = tuple(dict.fromkeys(domain.name for domain in self.packed.domains))
        options: dict[str, Any] = {"styles": styles, **recipe.config, "epochs": self._epochs}
        method: Dude | ProtoOT
        if job.recipe.startswith("proto-ot"):
            method = ProtoOT(proto_ot.Config(**options), DudeSettings().preprocess)
        else:
            if options.get("read_epochs"):
                options["read_epochs"] = max(1, round(READING * self._epochs))
            given = {name: value for name, value in self._given.items() if value}
            method = Dude(Config(**{**given, **options, **self._shape}), DudeSettings().preprocess)
        method.extractor.trunk.load_state_dict(self._extractor.trunk.state_dict())
        method.extractor.head.load_state_dict(head)
        if isinstance(method, Dude):
            with torch.no_grad():
                method.finish(method.extractor.head(self._features))
        return method.eval()


def write_pairs(file: Path, names: tuple[str, ...], runs: Path) -> None:
    """Who was whose neighbour, as a run on this machine keeps it: RUNS/NAME-SEED/pairs-EPOCH.npz."""
    with np.load(file) as kept:
        arrays = dict(kept)
    for own in sorted({name.partition("/")[0] for name in arrays}):
        run, _, epoch = own.removeprefix("pairs-").rpartition("-")
        (runs / run).mkdir(parents=True, exist_ok=True)
        parts = {part: arrays[f"{own}/{part}"].astype(np.int64) for part in ("within", "across")}
        np.savez_compressed(runs / run / f"pairs-{epoch}.npz", names=np.array(names), **parts)


def _split(name: str) -> tuple[str, int]:
    recipe, _, seed = name.rpartition("-")
    return recipe, int(seed)
