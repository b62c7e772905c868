"""The judge of generated pictures: one small network that names the class and the style of what it is shown.

It learned from renders and people's drawings alone and knows nothing of the prior, so what it reads in a generated
picture was drawn there. Its own accuracy on renders and drawings that it never saw stands in its manifest, and no
judgement is worth more than that. `training.recipes.judge` trains it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from retrieval.artifacts.checksummed import build_module, fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, WEIGHTS, Stage
from retrieval.errors import BundleError
from retrieval.methods.base import Batch, Phase, Trainable, config_from
from retrieval.schema import Trunk

FORMAT = "guise-judge/1"


@dataclass(frozen=True)
class JudgeConfig:
    """What a judge names, and how it is built and trained."""

    classes: tuple[str, ...]
    styles: tuple[str, ...]
    size: int = 64  # pixels on a side
    trunk: Trunk = "resnet10t"
    channels: tuple[int, ...] = (32, 64, 128, 256)  # of the trunk's four stages
    stem: int = 16  # channels of the trunk's first convolution
    epochs: int = 14
    lr: float = 3e-3
    weight_decay: float = 0.05
    smoothing: float = 0.1  # of the labels


class Judge(Trainable):
    """Pictures -> shares of the classes and of the styles."""

    def __init__(self, config: JudgeConfig) -> None:
        super().__init__()
        self.config = config
        trunk = timm.create_model(
            config.trunk, pretrained=False, num_classes=0, channels=config.channels, stem_width=config.stem
        )
        self.trunk = trunk.to(memory_format=torch.channels_last)
        self.of_class = nn.Linear(config.channels[-1], len(config.classes))
        self.of_style = nn.Linear(config.channels[-1], len(config.styles))

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the columns of class shares."""
        return self.config.classes

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the columns of style shares."""
        return self.config.styles

    def phases(self) -> Sequence[Phase]:
        return (Phase("cross-entropy", self.config.epochs, self.config.lr, self.config.weight_decay),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Smoothed cross-entropies of class and style; labels are places in `classes`, domains are styles."""
        assert batch.labels is not None, "a judge learns from labels"
        styles = torch.tensor([self.styles.index(d.name) for d in batch.domains], device=batch.images.device)
        features = self.features(batch.images)
        smoothing = self.config.smoothing
        return {
            "class": F.cross_entropy(self.of_class(features), batch.labels, label_smoothing=smoothing),
            "style": F.cross_entropy(self.of_style(features), styles, label_smoothing=smoothing),
        }

    def features(self, pictures: Tensor) -> Tensor:
        """What the trunk says of pictures (B, 3, H, W) in [-1, 1], brought to its size.   -> (B, F)"""
        size = self.config.size
        if pictures.shape[-2:] != (size, size):
            pictures = F.interpolate(pictures, (size, size), mode="bilinear", antialias=True, align_corners=False)
        features: Tensor = self.trunk(pictures.contiguous(memory_format=torch.channels_last))
        return features

    def named(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Trunk features (B, F) -> shares of classes (B, C), shares of styles (B, S); rows sum to 1"""
        return self.of_class(features).softmax(dim=1), self.of_style(features).softmax(dim=1)

    @torch.inference_mode()
    def scores(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] -> shares of classes (B, C), shares of styles (B, S); rows sum to 1."""
        return self.named(self.features(pictures))


def save_judge(folder: Path, judge: Judge, measured: Mapping[str, float], provenance: Sequence[Stage] = ()) -> None:
    """Seal a judge into the folder with what it measured on real pictures."""
    payload: dict[str, Any] = {"format": FORMAT, "config": dataclasses.asdict(judge.config), "metrics": dict(measured)}
    payload["provenance"] = [dataclasses.asdict(stage) for stage in provenance]
    seal(folder, payload, {WEIGHTS: halved(judge.state_dict())})


def load_judge(folder: Path, device: str | torch.device = "cpu") -> Judge:
    """The verified judge in the folder, ready to judge. Raises BundleError with what is wrong and what to do."""
    payload, weights = open_sealed(folder, FORMAT)
    config = _config(payload, folder)
    judge = build_module(folder / MANIFEST, lambda: Judge(config))
    fit_into(judge, weights.get(WEIGHTS, {}), folder / WEIGHTS)
    return judge.to(device).eval().requires_grad_(False)


def _config(payload: Mapping[str, Any], folder: Path) -> JudgeConfig:
    """The manifest's config."""
    config = payload.get("config")
    if not isinstance(config, Mapping):
        raise BundleError(f"{folder / MANIFEST} has no config. Restore the judge from where it came.")
    return config_from(JudgeConfig, config, folder / MANIFEST)
