"""The model card of a bundle, as the Hub shows it: what every stage behind it saw, under which licences, and what none
did. It is made from the manifest and never read.
"""

from __future__ import annotations

from retrieval.artifacts.manifest import Manifest, Stage
from retrieval.artifacts.provenance import Provenance

CARD = "README.md"


def card(manifest: Manifest) -> str:
    """The card as Markdown."""
    saw = "\n".join(f"| {s.data} | {s.pictures:,} | {s.licence} |" for s in manifest.trained_on)
    measured = "\n".join(f"- {name}: {value:g}" for name, value in manifest.metrics.items()) or "- nothing"
    return f"""---
library_name: guise
tags: [image-retrieval, cross-domain, {manifest.method}]
---

# {manifest.name}

Method `{manifest.method}`, {manifest.preprocess.size} px, codes of {manifest.dim} numbers, seed {manifest.seed}.
It is opened by `retrieval.load_bundle` alone, which verifies every file against `manifest.json`.

## What it was trained on

| pictures of | number | licence |
| --- | --- | --- |
{saw}

{_stages(manifest)}

## What it never saw

{_unseen(manifest)}

## What it measured when it was selected, on validation data

{measured}

What it is worth on the protocols stands in `benchmarks/results`. It is a research demo: whatever it has
never seen still lands somewhere, and a score is a cosine, not a probability.
"""


def _stages(manifest: Manifest) -> str:
    """Every stage behind the bundle, in the order in which they were made."""
    rows = "\n".join(map(_row, Provenance.of(manifest).stages))
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
