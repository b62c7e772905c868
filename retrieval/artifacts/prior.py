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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from retrieval.artifacts.bundle import Source
from retrieval.artifacts.checksummed import MANIFEST, fit_into, halved, seal, unsealed
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.stable import FullSize, KLLatents, reader_weights
from retrieval.errors import BundleError
from retrieval.methods import config_from

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
) -> None:
    """Write the prior into the folder, in half precision."""
    parts = _parts(prior)
    for path in (UNET, VAE):
        parts[path].save_config((folder / path).parent)
    prior.schedule.save_config(folder / "scheduler")
    told = {
        "format": FORMAT,
        "name": name,
        "config": dataclasses.asdict(prior.config),
        "styles": list(styles),
        "classes": list(classes),
        "trained_on": [dataclasses.asdict(source) for source in trained_on],
        "steps": steps,
        "guidance": guidance,
    }
    seal(folder, told, {path: halved(part.state_dict()) for path, part in parts.items()})


def load_prior(folder: Path, device: str | torch.device = "cpu") -> LoadedPrior:
    """The verified prior in the folder, frozen. Raises BundleError with what is wrong and what to do."""
    told, weights = unsealed(folder, FORMAT)
    try:
        config = _config(told["config"], folder)
        prior = Prior(config)
        weights[READER] = reader_weights(weights[READER])
        for path, part in _parts(prior).items():
            fit_into(part, weights[path], folder / path)
        return LoadedPrior(
            prior.to(device).eval().requires_grad_(False),
            str(told["name"]),
            tuple(told["styles"]),
            tuple(told["classes"]),
            tuple(Source(**source) for source in told["trained_on"]),
            int(told["steps"]),
            float(told["guidance"]),
            _fingerprint(told),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{folder / MANIFEST} lacks or misnames an entry ({error}). Restore the prior from where it came."
        ) from error


def _parts(prior: Prior) -> dict[str, Any]:
    """Where the weights of which part lie."""
    latents = prior.latents.vae if isinstance(prior.latents, KLLatents) else prior.latents
    return {UNET: prior.unet, VAE: latents, READER: prior.reader}


def _config(told: Mapping[str, Any], folder: Path) -> PriorConfig:
    reader = config_from(ReaderConfig, dict(told["reader"]), folder / MANIFEST)
    reader = dataclasses.replace(reader, vocabulary=tuple(reader.vocabulary))
    full = None if told.get("full") is None else config_from(FullSize, told["full"], folder / MANIFEST)
    config = config_from(PriorConfig, {**told, "reader": reader, "full": full}, folder / MANIFEST)
    return dataclasses.replace(config, widths=tuple(config.widths))


def _fingerprint(told: Mapping[str, Any]) -> str:
    vouched = json.dumps({"files": told["files"], "config": told["config"]}, sort_keys=True)
    return f"{told['name']}·{hashlib.sha256(vouched.encode()).hexdigest()[:8]}"
