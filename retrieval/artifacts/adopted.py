"""A released Stable Diffusion with an IP-Adapter in a local folder, in diffusers' layout, opened as a prior of ours.

    <folder>/unet, vae       config.json, diffusion_pytorch_model.safetensors
    <folder>/scheduler       scheduler_config.json
    <folder>/text_encoder    config.json, model.safetensors
    <folder>/image_encoder   config.json, model.safetensors; with it
    <folder>/ip_adapter      model.safetensors, as IP-Adapters are released

Nothing is copied or changed: a manifest is written beside them, with their configs and their checksums, and from then
on the folder opens like any prior, safetensors alone. Whoever runs Guise vouches for what lies there.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from retrieval.artifacts.manifest import Source, Stage, write_payload
from retrieval.artifacts.prior import ENCODER, FORMAT, IP_ADAPTER, READER, UNET, VAE
from retrieval.diffusion.ip_adapter import IPAdapterConfig
from retrieval.diffusion.latents import FACTOR
from retrieval.diffusion.prior import PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.diffusion.stable import FullSize
from retrieval.errors import BundleError
from retrieval.files import sha256
from retrieval.schema import Layers, Width, fill

QUICK = "quick_gelu"
SCHEDULE = "scheduler/scheduler_config.json"
FURTHER = ("addition_embed_type", "class_embed_type", "projection_class_embeddings_input_dim", "num_class_embeds")
"""What a U-Net's config says of what it reads beside one text."""
T = TypeVar("T")


# ---------------------------------------------------------------- what is read of the configs, under diffusers' names


@dataclass(frozen=True)
class _UNet:
    sample_size: Width


@dataclass(frozen=True)
class _TextEncoder:
    hidden_size: Width
    num_hidden_layers: Layers
    num_attention_heads: Width
    max_position_embeddings: Width
    vocab_size: Width
    hidden_act: str


@dataclass(frozen=True)
class _ImageEncoder:
    image_size: Width
    patch_size: Width
    hidden_size: Width
    num_hidden_layers: Layers
    num_attention_heads: Width
    intermediate_size: Width
    projection_dim: Width
    hidden_act: str


# ---------------------------------------------------------------- adopting


def adopt(
    folder: Path,
    styles: Sequence[str],
    *,
    steps: int = 0,
    guidance: float = 1.0,
    scale: float | Mapping[str, Any] = 1.0,
) -> None:
    """Write the manifest. styles: words for what can be drawn. steps, guidance: of a model of few steps, what it was
    distilled to; 0 where a sampler may choose. scale: of the IP-Adapter, one or one of each block.

    Raises BundleError where a part is missing or of another kind.
    """
    config = _prior_config(folder, scale)
    paths = [UNET, VAE, READER, *([ENCODER, IP_ADAPTER] if config.adapter else [])]
    if missing := [path for path in paths if not (folder / path).is_file()]:
        raise BundleError(
            f"{folder} has no {missing[0]}. Put it there under that name; nothing but safetensors is read."
        )
    saw = "pictures with captions, as its authors say"
    payload = {
        "format": FORMAT,
        "name": folder.resolve().name,
        "config": dataclasses.asdict(config),
        "styles": list(styles),
        "classes": [],
        "trained_on": [dataclasses.asdict(Source("what its authors trained it on", "its authors' terms", 0))],
        "steps": steps,
        "guidance": guidance,
        "provenance": [dataclasses.asdict(Stage(folder.resolve().name, pretrained=saw))],
        "files": {path: sha256(folder / path) for path in paths},
    }
    write_payload(folder, payload)


def _prior_config(folder: Path, scale: float | Mapping[str, Any]) -> PriorConfig:
    """What the configs in the folder describe. Raises BundleError where they are of another kind."""
    unet = _config(folder, UNET)
    if further := [entry for entry in FURTHER if unet.get(entry)]:
        raise BundleError(
            f"{folder} is no Stable Diffusion 1 or 2: its U-Net has {further[0]}, and so reads more than one text. "
            "Take one of these."
        )
    adapter = _adapter(_sizes(_ImageEncoder, folder, ENCODER), scale) if (folder / ENCODER).is_file() else None
    full = FullSize(unet, _config(folder, VAE), _read(folder / SCHEDULE))
    return PriorConfig(
        size=_sizes(_UNet, folder, UNET).sample_size * FACTOR,
        reader=_reader(_sizes(_TextEncoder, folder, READER)),
        adapter=adapter,
        full=full,
    )


def _reader(config: _TextEncoder) -> ReaderConfig:
    return ReaderConfig(
        width=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        context_length=config.max_position_embeddings,
        positions=config.max_position_embeddings,
        vocabulary_size=config.vocab_size,
        quick=config.hidden_act == QUICK,
    )


def _adapter(config: _ImageEncoder, scale: float | Mapping[str, Any]) -> IPAdapterConfig:
    return IPAdapterConfig(
        size=config.image_size,
        patch=config.patch_size,
        width=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        inner=config.intermediate_size,
        dim=config.projection_dim,
        quick=config.hidden_act == QUICK,
        scale=scale,
    )


def _sizes(kind: type[T], folder: Path, weights: str) -> T:
    """Those entries of the part's config that `kind` has. Raises BundleError where one is missing or is none."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    entries = {name: value for name, value in _config(folder, weights).items() if name in names}
    return fill(kind, entries, (folder / weights).with_name("config.json"))


def _config(folder: Path, weights: str) -> dict[str, Any]:
    """The config of the part whose weights are called so."""
    return _read((folder / weights).with_name("config.json"))


def _read(path: Path) -> dict[str, Any]:
    """A JSON file without the keys that begin with "_"."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {key: value for key, value in entries.items() if not key.startswith("_")}
    except (OSError, ValueError, AttributeError) as error:
        raise BundleError(
            f"{path} cannot be read ({type(error).__name__}). Put the folder of a released model there."
        ) from error
