"""Text-to-image priors on disk: a sealed folder whose parts diffusers opens, too.

    <prior>/manifest.json                            what it is, what it saw, the checksums of all weights
    <prior>/{unet,vae}/config.json                   for diffusers; never read here
    <prior>/{unet,vae}/diffusion_pytorch_model.safetensors
    <prior>/scheduler/scheduler_config.json          for diffusers; never read here
    <prior>/text_encoder/model.safetensors           the dual encoder's text tower, or else
    <prior>/adapter/model.safetensors                the image adapter, where there is one, or else
    <prior>/image_encoder/model.safetensors          the picture tower of a released IP-Adapter, and
    <prior>/ip_adapter/model.safetensors             what it gives to the U-Net
    <prior>/branch/model.safetensors                 the branch that draws another domain, where there is one

A text tower, a trunk or an auto-encoder that others share lies in a folder of its own, which the manifest refers to.
U-Net and branch may be in few bits (`packed`), which diffusers does not read.

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
from torch import Tensor, nn

from retrieval.artifacts.checksummed import build_module, fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, Elsewhere, Reference, Source, Stage
from retrieval.artifacts.packed import is_packed, pack, unpack
from retrieval.artifacts.parts import load_part
from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter, Trunk
from retrieval.diffusion.ip_adapter import IPAdapter
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig, SentenceReaderConfig
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.diffusion.stable import KLLatents, reader_weights, tower_weights, widened
from retrieval.errors import BundleError
from retrieval.schema import Name, fill

FORMAT = "guise-prior/1"
TENSORS = "diffusion_pytorch_model.safetensors"  # what diffusers calls them
UNET, VAE, READER = f"unet/{TENSORS}", f"vae/{TENSORS}", "text_encoder/model.safetensors"
ADAPTER = "adapter/model.safetensors"
ENCODER, IP_ADAPTER = "image_encoder/model.safetensors", "ip_adapter/model.safetensors"
BRANCH = "branch/model.safetensors"
INPUT = "unet.conv_in.weight"  # in that file, on a released U-Net: what its first convolution reads of the controls
TOWER, TRUNK, LATENTS = "text tower", "trunk", "auto-encoder"  # the roles of shared folders


@dataclass(frozen=True)
class LoadedPrior:
    """A prior with what its manifest says of it."""

    prior: Prior
    name: str
    styles: tuple[str, ...]  # the words for styles that it was taught
    classes: tuple[str, ...]  # what it was taught of the world
    trained_on: tuple[Source, ...]
    steps: int  # of a drawing: 0 where a sampler may choose, few where the prior is a student
    guidance: float  # by words, baked into a student; 1 otherwise
    map_guidance: float  # by the adapter's map, likewise
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
    map_guidance: Annotated[float, Field(ge=0, le=100)] = 1.0
    refers_to: Mapping[str, Reference] = field(default_factory=dict)  # of a student, its "teacher"
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)  # files of a released Stable Diffusion


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
    map_guidance: float = 1.0,
    refers_to: Mapping[str, Reference] | None = None,
    provenance: Sequence[Stage] = (),
    step: float = 0.0,
) -> None:
    """Write the prior into the folder, in half precision, without the parts that it `refers_to`. step: of U-Net and
    branch in few bits (`packed.pack`); 0 leaves them in half precision.
    """
    own = {
        path: weights
        for path, weights in _own_weights(prior).items()
        if path != VAE or LATENTS not in (refers_to or {})
    }
    for part, path in ((prior.unet, UNET), (_autoencoder(prior), VAE)):
        if path in own:
            part.save_config((folder / path).parent)
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
        "map_guidance": map_guidance,
        "refers_to": {role: dataclasses.asdict(reference) for role, reference in (refers_to or {}).items()},
        "provenance": [dataclasses.asdict(stage) for stage in provenance],
    }
    small = (UNET, BRANCH) if step else ()
    weights = {path: halved(part) for path, part in own.items()}
    seal(folder, payload, {path: pack(part, step) if path in small else part for path, part in weights.items()})


def load_prior(
    folder: Path, device: str | torch.device = "cpu", shared: tuple[nn.Module | None, Trunk | None] | None = None
) -> LoadedPrior:
    """The verified prior in the folder, frozen. Raises BundleError with what is wrong and what to do.

    shared: its text tower, as a reader, and its trunk, where the folders that it refers to are not here.
    """
    payload, weights = open_sealed(folder, FORMAT)
    weights = {path: _unpacked(part, folder / path) for path, part in weights.items()}
    manifest = fill(PriorManifest, payload, folder / MANIFEST)
    reader, trunk = _shared(folder, manifest, device) if shared is None else shared
    prior = build_module(folder / MANIFEST, lambda: Prior(manifest.config, reader, trunk))
    if LATENTS in manifest.refers_to:
        teacher: LoadedPrior = load_part(folder, LATENTS, manifest.refers_to[LATENTS], device)
        prior.latents = teacher.prior.latents
        weights[VAE] = dict(prior.latents.state_dict())
    own = _own_weights(prior)
    needed = [*own, *([IP_ADAPTER] if isinstance(prior.adapter, IPAdapter) else [])]
    missing = [path for path in needed if path not in weights]
    if missing:
        raise BundleError(f"{folder / MANIFEST} lists no {missing[0]}. Restore the prior from where it came.")
    if READER in own:
        weights[READER] = reader_weights(weights[READER])
    if manifest.config.full and INPUT in weights.get(ADAPTER, {}):
        weights[UNET] = widened(weights[UNET], weights[ADAPTER].pop(INPUT))
    if ENCODER in own:
        weights[ENCODER] = tower_weights(weights[ENCODER])
    for path, part in _parts(prior).items():
        fit_into(part, _with_shared(part, weights[path]), folder / path)
    if isinstance(prior.adapter, IPAdapter):
        _look_at_pictures(prior, weights[IP_ADAPTER], folder / IP_ADAPTER)
    return LoadedPrior(
        prior.to(device).eval().requires_grad_(False),
        manifest.name,
        manifest.styles,
        manifest.classes,
        manifest.trained_on,
        manifest.steps,
        manifest.guidance,
        manifest.map_guidance,
        _fingerprint(payload),
    )


def _unpacked(weights: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Weights that may be in few bits."""
    try:
        return unpack(weights) if is_packed(weights) else weights
    except (KeyError, RuntimeError, ValueError) as error:
        raise BundleError(f"{path} cannot be unpacked ({error}). Restore the prior from where it came.") from error


def _look_at_pictures(prior: Prior, weights: Mapping[str, Tensor], path: Path) -> None:
    """Give the U-Net the weights of a released IP-Adapter."""
    try:
        prior.look_at_pictures(weights)
    except (KeyError, RuntimeError, ValueError, AttributeError) as error:
        raise BundleError(
            f"{path} is no IP-Adapter of one picture for this U-Net ({str(error)[:120]}). Put one there that was "
            "released for this Stable Diffusion."
        ) from error


def _shared(folder: Path, manifest: PriorManifest, device: str | torch.device) -> tuple[nn.Module | None, Trunk | None]:
    """Text tower and trunk, where they are other folders' and not the prior's own."""
    needed = {
        TOWER: isinstance(manifest.config.reader, SentenceReaderConfig),
        TRUNK: isinstance(manifest.config.adapter, AdapterConfig),
    }
    missing = [role for role, is_needed in needed.items() if is_needed and role not in manifest.refers_to]
    if missing:
        raise BundleError(
            f"{folder / MANIFEST} refers to no {missing[0]}, but its config needs one. Restore the prior from where it "
            "came."
        )
    parts = {role: load_part(folder, role, manifest.refers_to[role], device) for role in needed if needed[role]}
    tower = parts.get(TOWER)
    return None if tower is None else SentenceReader(tower, manifest.config.reader.positions), parts.get(TRUNK)


def _parts(prior: Prior) -> dict[str, Any]:
    """Where the weights of which part lie, but for those that are shared."""
    parts: dict[str, Any] = {UNET: prior.unet, VAE: _autoencoder(prior)}
    if isinstance(prior.config.reader, ReaderConfig):
        parts[READER] = prior.reader
    if isinstance(prior.adapter, IPAdapter):
        parts[ENCODER] = prior.adapter.tower
    elif prior.adapter is not None:
        parts[ADAPTER] = prior.adapter
    if prior.branch is not None:
        parts[BRANCH] = prior.branch
    return parts


def _own_weights(prior: Prior) -> dict[str, Mapping[str, Tensor]]:
    """The weights of every part, but for those of a shared trunk."""
    return {
        path: part.learned() if isinstance(part, ImageAdapter) else part.state_dict()
        for path, part in _parts(prior).items()
    }


def _with_shared(part: nn.Module, weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """An adapter's weights together with those of its trunk, which it has already."""
    return {**part.state_dict(), **weights} if isinstance(part, ImageAdapter) else weights


def _autoencoder(prior: Prior) -> Any:
    return prior.latents.vae if isinstance(prior.latents, KLLatents) else prior.latents


def _fingerprint(payload: Mapping[str, Any]) -> str:
    vouched = {"files": payload["files"], "config": payload["config"]}
    shared = payload.get("refers_to", {})
    parts = {role: shared[role]["sha256"] for role in (TOWER, TRUNK, LATENTS) if role in shared}
    text = json.dumps(vouched | ({"parts": parts} if parts else {}), sort_keys=True)
    return f"{payload['name']}·{hashlib.sha256(text.encode()).hexdigest()[:8]}"
