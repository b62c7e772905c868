"""Text-to-image priors on disk: a sealed folder whose parts diffusers opens, too.

    <prior>/manifest.json                            what it is, what it saw, the checksums of all weights
    <prior>/{unet,vae}/config.json                   for diffusers; never read here
    <prior>/{unet,vae}/diffusion_pytorch_model.safetensors
    <prior>/scheduler/scheduler_config.json          for diffusers; never read here
    <prior>/text_encoder/model.safetensors           the dual encoder's text tower

Every part is built from the manifest, so nothing that is not vouched for is read. The snapshot of a released Stable
Diffusion lies in the same places: with a manifest that holds its configs and checksums it is opened as ours is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field

from retrieval.artifacts.checksummed import build_module, fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, Reference, Source, Stage
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.stable import KLLatents, reader_weights
from retrieval.errors import BundleError
from retrieval.schema import Name, fill

FORMAT = "guise-prior/1"
TENSORS = "diffusion_pytorch_model.safetensors"  # what diffusers calls them
UNET, VAE, READER = f"unet/{TENSORS}", f"vae/{TENSORS}", "text_encoder/model.safetensors"


@dataclass(frozen=True)
class LoadedPrior:
    """A prior with what its manifest says of it."""

    prior: Prior
    name: str
    styles: tuple[str, ...]  # the words for styles that it was taught
    classes: tuple[str, ...]  # what it was taught of the world
    trained_on: tuple[Source, ...]
    steps: int  # of a drawing: 0 where a sampler may choose, few where the prior is a student
    guidance: float  # baked into a student; 1 otherwise
    fingerprint: str  # `name·digest` of its weights


@dataclass(frozen=True)
class PriorManifest:
    """What the manifest of a prior holds."""

    format: str
    name: Name
    config: PriorConfig
    styles: tuple[str, ...]
    classes: tuple[str, ...]
    trained_on: tuple[Source, ...]
    steps: Annotated[int, Field(ge=0, le=1000)]
    guidance: Annotated[float, Field(ge=0, le=100)]
    files: Mapping[str, str]
    provenance: tuple[Stage, ...] = ()
    refers_to: Mapping[str, Reference] = field(default_factory=dict)  # of a student, its "teacher"


def save_prior(
    folder: Path,
    prior: Prior,
    *,
    name: str,
    styles: Sequence[str],
    classes: Sequence[str],
    trained_on: Sequence[Source],
    steps: int = 0,
    guidance: float = 1.0,
    refers_to: Mapping[str, Reference] | None = None,
    provenance: Sequence[Stage] = (),
) -> None:
    """Write the prior into the folder, in half precision."""
    parts = _parts(prior)
    for path in (UNET, VAE):
        parts[path].save_config((folder / path).parent)
    prior.schedule.save_config(folder / "scheduler")
    payload = {
        "format": FORMAT,
        "name": name,
        "config": dataclasses.asdict(prior.config),
        "styles": list(styles),
        "classes": list(classes),
        "trained_on": [dataclasses.asdict(source) for source in trained_on],
        "steps": steps,
        "guidance": guidance,
        "refers_to": {role: dataclasses.asdict(reference) for role, reference in (refers_to or {}).items()},
        "provenance": [dataclasses.asdict(stage) for stage in provenance],
    }
    seal(folder, payload, {path: halved(part.state_dict()) for path, part in parts.items()})


def load_prior(folder: Path, device: str | torch.device = "cpu") -> LoadedPrior:
    """The verified prior in the folder, frozen. Raises BundleError with what is wrong and what to do."""
    payload, weights = open_sealed(folder, FORMAT)
    manifest = fill(PriorManifest, payload, folder / MANIFEST)
    prior = build_module(folder / MANIFEST, lambda: Prior(manifest.config))
    missing = [path for path in _parts(prior) if path not in weights]
    if missing:
        raise BundleError(f"{folder / MANIFEST} lists no {missing[0]}. Restore the prior from where it came.")
    weights[READER] = reader_weights(weights[READER])
    for path, part in _parts(prior).items():
        fit_into(part, weights[path], folder / path)
    return LoadedPrior(
        prior.to(device).eval().requires_grad_(False),
        manifest.name,
        manifest.styles,
        manifest.classes,
        manifest.trained_on,
        manifest.steps,
        manifest.guidance,
        _fingerprint(payload),
    )


def _parts(prior: Prior) -> dict[str, Any]:
    """Where the weights of which part lie."""
    latents = prior.latents.vae if isinstance(prior.latents, KLLatents) else prior.latents
    return {UNET: prior.unet, VAE: latents, READER: prior.reader}


def _fingerprint(payload: Mapping[str, Any]) -> str:
    vouched = json.dumps({"files": payload["files"], "config": payload["config"]}, sort_keys=True)
    return f"{payload['name']}·{hashlib.sha256(vouched.encode()).hexdigest()[:8]}"
