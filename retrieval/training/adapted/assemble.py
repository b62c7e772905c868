"""From what a GPU sent back to the folders that are shipped: the prior and its student."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from retrieval.artifacts.manifest import MANIFEST, Source, Stage, read_payload, reference_to
from retrieval.artifacts.prior import FORMAT, TOWER, TRUNK, PriorManifest, load_prior, save_prior
from retrieval.artifacts.text_tower import load_text_tower
from retrieval.artifacts.trunk import load_trunk
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.image_adapter import ImageAdapter
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.schema import fill
from retrieval.training.adapted.run import Settings, prior_config, settings_of
from retrieval.training.adapted.table import PairTable, unpack_table
from retrieval.training.adapted.weights import load_parts, under
from retrieval.training.training_sources import EMOJI_SOURCE
from retrieval.world.split import ALL

PICTURES = 2000  # whose maps say what is usual
STEPS = 8  # of the student: twice what it learned with; on validation objects four paint less, and twelve no better


def assemble(results: Path, pack: Path, out: Path, trunk: Path, tower: Path) -> None:
    """Write `prior-world` and, where there is one, `prior-world-student` under `out`."""
    settings, table = read_settings(results), unpack_table(pack)
    prior = Prior(prior_config(settings, table.size), SentenceReader(load_text_tower(tower)), load_trunk(trunk)).eval()
    assert prior.adapter is not None
    weights = load_parts(results, "prior")
    prior.latents.load_state_dict(under("latents", load_parts(results, "latents")))
    prior.unet.load_state_dict(under("unet", weights))
    prior.adapter.load_state_dict(prior.adapter.state_dict() | under("adapter", weights))
    refers_to = {TOWER: reference_to(tower), TRUNK: reference_to(trunk)}
    shared: dict[str, Any] = {
        "styles": table.styles,
        "classes": ALL,
        "trained_on": sources_of(table),
        "refers_to": refers_to,
        "provenance": provenance_of(table),
    }
    save_prior(out / "prior-world", prior, name="prior-world", **shared)
    student = load_parts(results, "student")
    if student:
        prior.unet.load_state_dict(under("unet", student))
        shared["refers_to"] = refers_to | {"teacher": reference_to(out / "prior-world")}
        save_student(out / "prior-world-student", prior, settings, shared)


def save_student(folder: Path, prior: Prior, settings: Settings, shared: dict[str, Any]) -> None:
    """Write the student, with the guidance that it has learned."""
    by_text, by_map = settings_of(settings)
    save_prior(folder, prior, name=folder.name, steps=STEPS, guidance=by_text, map_guidance=by_map, **shared)


def even_out(folder: Path, renders: Path) -> None:
    """Write the student in the folder anew, with even maps: as those of some renders for training are on average.
    Nothing else is changed.
    """
    loaded, path = load_prior(folder), folder / MANIFEST
    manifest, prior = fill(PriorManifest, read_payload(folder, FORMAT), path), loaded.prior
    assert isinstance(prior.adapter, ImageAdapter), "only maps of an image adapter are made even"
    pictures = read_rendered(renders, unfinished=True)
    rows = sorted(np.random.default_rng(0).permutation(len(pictures))[:PICTURES].tolist())
    prior.adapter = prior.adapter.made_even(pictures.tensor(rows, size=prior.config.size))
    prior.config = replace(prior.config, adapter=prior.adapter.config)
    save_prior(
        folder,
        prior,
        name=loaded.name,
        styles=loaded.styles,
        classes=loaded.classes,
        trained_on=loaded.trained_on,
        steps=loaded.steps,
        guidance=loaded.guidance,
        map_guidance=loaded.map_guidance,
        refers_to=manifest.refers_to,
        provenance=manifest.provenance,
    )


def read_settings(results: Path) -> Settings:
    """The settings that a run noted in its log."""
    lines = [json.loads(line) for line in (results / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    noted = next(line for line in reversed(lines) if "pack" in line)
    kinds = get_type_hints(Settings)
    values: dict[str, Any] = {name: kinds[name](value) for name, value in noted.items() if name in kinds}
    return Settings(**values)


def provenance_of(table: PairTable) -> tuple[Stage, ...]:
    """Every stage behind the prior."""
    return (
        Stage("text-minilm", "text tower", pretrained="a billion pairs of English sentences"),
        Stage("trunk-lite0", "trunk", pretrained="photographs of ImageNet-1k with their classes"),
        Stage("prior-world", classes=tuple(ALL), unlabelled=table.unnamed, names=table.colors, domains=table.styles),
    )


def sources_of(table: PairTable) -> list[Source]:
    """What stands behind the weights."""
    drawn = len(table.drawings.ends)
    icons = int((table.rows[:, table.styles.index("emoji") :] >= 0).sum())
    return [
        Source("renders of the Guise world", "Apache-2.0", len(table.files) - icons),
        Source("Quick, Draw! by Google", "CC BY 4.0", drawn),
        Source(*EMOJI_SOURCE, icons),
        Source(
            "ImageNet-1k, through the trunk of EfficientNet-Lite0",
            "ImageNet terms: research; weights Apache-2.0",
            1_281_167,
        ),
        Source("sentence pairs, through all-MiniLM-L6-v2", "weights Apache-2.0", 0),
    ]
