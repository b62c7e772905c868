"""The model card of a bundle, as the Hub shows it: what every stage behind it saw, under which licences, and what none
did. It is made from the manifest and never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from retrieval.artifacts.manifest import (
    MANIFEST,
    Manifest,
    Source,
    Stage,
    read_format,
    read_manifest,
    read_payload,
)
from retrieval.artifacts.provenance import Provenance

CARD = "README.md"
KINDS = {  # format -> what the Hub calls its task, and what it is
    "guise-prior/1": ("text-to-image", "A text-to-image prior in diffusers' own folders, for the pictures of codes."),
    "guise-judge/1": ("image-classification", "A judge of pictures: it names their class and their style."),
    "guise-text/1": ("sentence-similarity", "A frozen sentence encoder, for bundles that refer to it."),
    "guise-trunk/1": ("image-feature-extraction", "A frozen trunk, for the image adapters that refer to it."),
}


def card_of(folder: Path) -> str:
    """The card of whatever is sealed in the folder. Raises BundleError where nothing is that has one."""
    kind = read_format(folder)
    if kind not in KINDS:  # it is a bundle, or `read_manifest` says what is wrong
        return card(read_manifest(folder))
    return _part_card(folder, read_payload(folder, kind))


def card(manifest: Manifest) -> str:
    """The card of a bundle as Markdown."""
    saw = _sources(manifest.trained_on)
    measured = _measured(manifest.metrics)
    return f"""---
library_name: guise
tags: [image-retrieval, cross-domain, {manifest.method}]
---

# {manifest.name}

Method `{manifest.method}`, {manifest.preprocess.size} px, codes of {manifest.dim} numbers, seed {manifest.seed}.
It is opened by `retrieval.load_bundle` alone, which verifies every file against `manifest.json`.

## What it was trained on

{saw}

{_stages(Provenance.of(manifest))}

## What it never saw

{_unseen(manifest)}

## What it measured when it was selected, on validation data

{measured}

What it is worth on the protocols stands in `benchmarks/results`. It is a research demo: whatever it has
never seen still lands somewhere, and a score is a cosine, not a probability.
"""


def _part_card(folder: Path, payload: Mapping[str, Any]) -> str:
    """The card of what bundles refer to or are judged by."""
    task, what = KINDS[payload["format"]]
    name, licence = payload.get("name") or folder.resolve().name, payload.get("licence")
    provenance = Provenance.at(folder)
    paragraphs = [
        f"---\nlibrary_name: guise\npipeline_tag: {task}\n"
        + (f"license: {licence.lower()}\n" if licence else "")
        + "---",
        f"# {name}",
        f"{what} Guise opens it once every file has been verified against `{MANIFEST}`.",
        f"It is {payload['source']}. Licence: {licence}." if licence else "",
        f"## What it was trained on\n\n{_sources(provenance.sources)}" if provenance.sources else "",
        _stages(provenance),
        f"## What it measured\n\n{_measured(payload['metrics'])}" if payload.get("metrics") else "",
        "It is a research demo.",
    ]
    return "\n\n".join(filter(None, paragraphs)) + "\n"


def _sources(sources: Iterable[Source]) -> str:
    rows = "\n".join(f"| {source.data} | {source.pictures:,} | {source.licence} |" for source in sources)
    return f"| pictures of | number | licence |\n| --- | --- | --- |\n{rows}"


def _measured(metrics: Mapping[str, float]) -> str:
    return "\n".join(f"- {name}: {value:g}" for name, value in metrics.items()) or "- nothing"


def _stages(provenance: Provenance) -> str:
    """Every stage behind it, in the order in which they were made."""
    rows = "\n".join(map(_row, provenance.stages))
    return f"""## What every stage behind it saw

| stage | what it is to this bundle | classes with labels | classes without labels | further words | domains |
| --- | --- | --- | --- | --- | --- |
{rows}"""


def _row(stage: Stage) -> str:
    role = stage.role or "its own training"
    if stage.pretrained:
        return f"| {stage.name} | {role} | {stage.pretrained} | | | {', '.join(stage.domains)} |"
    counts = " | ".join(f"{len(names):,}" for names in (stage.classes, stage.unlabelled, stage.names))
    return f"| {stage.name} | {role} | {counts} | {', '.join(stage.domains)} |"


def _unseen(manifest: Manifest) -> str:
    names = ", ".join(manifest.unseen_classes) or "nothing was kept from it on purpose"
    kept = f"{names[0].upper()}{names[1:]}."
    pretrained = [f"{stage.name} ({stage.pretrained})" for stage in Provenance.of(manifest).pretrained]
    if not manifest.unseen_classes or not pretrained:
        return kept
    return f"As drawing, render or word of our training: {names}. Published weights behind it: {', '.join(pretrained)}."
