"""From what a GPU sent back to the bundle that is shipped."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from safetensors.torch import load_file

from retrieval.artifacts.bundle import save_bundle
from retrieval.artifacts.manifest import Manifest, Source, reference_to
from retrieval.artifacts.provenance import Provenance
from retrieval.data.picture_table import PictureTable
from retrieval.images import Preprocess
from retrieval.methods.mra import MRA, TEXT, TRUNK, Config
from retrieval.training.relations.packing import read_rows
from retrieval.training.relations.run import SOURCE

NAME = "mra-people"
IMAGENET = Source("ImageNet-1k, through EfficientNet-Lite0", "ImageNet terms: research; weights Apache-2.0", 1_281_167)
SENTENCES = Source("sentence pairs, through all-MiniLM-L6-v2", "weights Apache-2.0", 0)


def assemble(results: Path, pack: Path, out: Path, tower: Path, trunk: Path, seed: int) -> Manifest:
    """Write the bundle of one seed, which was trained on what the pack holds, and return its manifest."""
    shown = read_rows(pack).where(lambda row: row.domain.name == SOURCE or row.split == "train")
    method = MRA(Config(), Preprocess(256, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    method.load_state_dict(load_file(results / f"mra-{seed}.safetensors"))
    own = _shown(shown)
    behind = [Provenance.at(folder).inherit(role) for folder, role in ((tower, TEXT), (trunk, TRUNK))]
    seen = behind[0].merge(behind[1], own)
    manifest = Manifest(
        name=NAME,
        method="mra",
        config=dataclasses.asdict(method.config),
        preprocess=method.preprocess,
        domains=own.domains,
        classes=(),
        dim=method.dim,
        files={},
        seed=seed,
        trained_on=seen.sources,
        provenance=seen.stages,
        refers_to={TEXT: reference_to(tower), TRUNK: reference_to(trunk)},
    )
    return save_bundle(out, method, manifest)


def _shown(table: PictureTable) -> Provenance:
    """The figures that were trained on, and what stands behind both towers."""
    ours = Source("rendered figures of the Guise world, in the studio and in the street", "Apache-2.0", len(table))
    domains = tuple(dict.fromkeys(table.domains))
    return Provenance.of_training((ours, IMAGENET, SENTENCES), domains=domains).named(NAME)
