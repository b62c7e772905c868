"""The judge of generated pictures: it names the class and the style of what it is shown.

It reads the frozen ImageNet trunk at five strides and learned from renders and people's drawings alone. It knows
nothing of the prior, so what it reads in a generated picture was drawn there. Its own accuracy on renders and drawings
that it never saw stands in its manifest, and no judgement is worth more than that. `training.recipes.judge` trains it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from retrieval.artifacts.checksummed import build_module, fit_into, halved, open_sealed, seal
from retrieval.artifacts.manifest import MANIFEST, WEIGHTS, Reference, Stage
from retrieval.artifacts.parts import load_part
from retrieval.diffusion.image_adapter import AdapterConfig, Trunk
from retrieval.errors import BundleError
from retrieval.methods.base import Batch, Phase, Trainable, config_from
from retrieval.schema import fill

FORMAT = "guise-judge/1"
TRUNK = "trunk"  # the role of the shared folder
QUARTERS = 2  # cells on a side in which the last features are averaged, for what stands where


@dataclass(frozen=True)
class JudgeConfig:
    """What a judge names, and how it is built and trained."""

    classes: tuple[str, ...]
    styles: tuple[str, ...]
    size: int = 128  # pixels on a side
    trunk: str = "tf_efficientnet_lite0"
    blocks: tuple[int, ...] = (0, 1, 2, 4, 6)  # stages of the trunk that are read
    hidden: int = 512
    dropout: float = 0.4
    epochs: int = 20
    lr: float = 1e-3
    weight_decay: float = 0.05
    smoothing: float = 0.1  # of the labels


class JudgeHeads(nn.Module):
    """Features (B, F) -> logits of classes (B, C), of styles (B, S)"""

    def __init__(self, config: JudgeConfig, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width)
        self.of_class = _head(width, len(config.classes), config)
        self.of_style = _head(width, len(config.styles), config)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        features = self.norm(features)
        return self.of_class(features), self.of_style(features)


class Judge(Trainable):
    """Pictures -> shares of the classes and of the styles. Its heads learn; the trunk stays."""

    def __init__(self, config: JudgeConfig, trunk: Trunk | None = None) -> None:
        """trunk: one that is shared; without it, one at random weights."""
        super().__init__()
        self.config = config
        self.trunk = (trunk or Trunk(AdapterConfig(config.trunk, blocks=config.blocks))).reading(config.blocks)
        self.heads = JudgeHeads(config, feature_count(self.trunk.widths))

    def phases(self) -> Sequence[Phase]:
        return (Phase("cross-entropy", self.config.epochs, self.config.lr, self.config.weight_decay),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Smoothed cross-entropies of class and style. The batch's `images` are features (B, F), its labels places in
        `classes`, its domains styles.
        """
        assert batch.labels is not None, "a judge learns from labels"
        styles = torch.tensor([self.styles.index(d.name) for d in batch.domains], device=batch.images.device)
        classes, looks = self.heads(batch.images)
        smoothing = self.config.smoothing
        return {
            "class": F.cross_entropy(classes, batch.labels, label_smoothing=smoothing),
            "style": F.cross_entropy(looks, styles, label_smoothing=smoothing),
        }

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the columns of class shares."""
        return self.config.classes

    @property
    def styles(self) -> tuple[str, ...]:
        """The names of the columns of style shares."""
        return self.config.styles

    @torch.no_grad()
    def features(self, pictures: Tensor) -> Tensor:
        """Mean and spread of what the trunk says of pictures (B, 3, H, W) in [-1, 1], brought to its size, at each
        stage, and of its last stage the means of its quarters.   -> (B, F)
        """
        size = self.config.size
        if pictures.shape[-2:] != (size, size):
            pictures = F.interpolate(pictures, (size, size), mode="bilinear", antialias=True, align_corners=False)
        *fine, last = self.trunk(pictures.contiguous(memory_format=torch.channels_last))
        rows = [row for stage in fine for row in (stage.mean((2, 3)), stage.std((2, 3)))]
        return torch.cat([*rows, last.mean((2, 3)), F.adaptive_avg_pool2d(last, QUARTERS).flatten(1)], dim=1)

    def standardised(self, features: Tensor) -> Tensor:
        """Features (B, F), each at mean 0 and variance 1 over the pictures that it learnt from, to compare by."""
        standardised: Tensor = self.heads.norm(features)
        return standardised

    def named(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, F) -> shares of classes (B, C), shares of styles (B, S); rows sum to 1"""
        classes, styles = self.heads(features)
        return classes.softmax(dim=1), styles.softmax(dim=1)

    @torch.inference_mode()
    def scores(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] -> shares of classes (B, C), shares of styles (B, S); rows sum to 1."""
        return self.named(self.features(pictures))


def feature_count(widths: Sequence[int]) -> int:
    """F, of a trunk with stages of so many channels."""
    *fine, last = widths
    return 2 * sum(fine) + last * (1 + QUARTERS**2)


def _head(width: int, names: int, config: JudgeConfig) -> nn.Module:
    layers = nn.Linear(width, config.hidden), nn.GELU(), nn.Dropout(config.dropout), nn.Linear(config.hidden, names)
    return nn.Sequential(nn.Dropout(config.dropout), *layers)


def save_judge(
    folder: Path, judge: Judge, measured: Mapping[str, float], trunk: Reference, provenance: Sequence[Stage] = ()
) -> None:
    """Seal a judge into the folder, without the trunk that it refers to, with what it measured on real pictures."""
    payload: dict[str, Any] = {"format": FORMAT, "config": dataclasses.asdict(judge.config), "metrics": dict(measured)}
    payload["refers_to"] = {TRUNK: dataclasses.asdict(trunk)}
    payload["provenance"] = [dataclasses.asdict(stage) for stage in provenance]
    seal(folder, payload, {WEIGHTS: halved(judge.heads.state_dict())})


def load_judge(folder: Path, device: str | torch.device = "cpu") -> Judge:
    """The verified judge in the folder, ready to judge. Raises BundleError with what is wrong and what to do."""
    payload, weights = open_sealed(folder, FORMAT)
    config = _config(payload, folder)
    refers_to = payload.get("refers_to")
    if not isinstance(refers_to, Mapping) or TRUNK not in refers_to:
        raise BundleError(f"{folder / MANIFEST} refers to no {TRUNK}. Restore the judge from where it came.")
    trunk = load_part(folder, TRUNK, fill(Reference, refers_to[TRUNK], folder / MANIFEST), device)
    judge = build_module(folder / MANIFEST, lambda: Judge(config, trunk))
    fit_into(judge.heads, weights.get(WEIGHTS, {}), folder / WEIGHTS)
    return judge.to(device).eval().requires_grad_(False)


def _config(payload: Mapping[str, Any], folder: Path) -> JudgeConfig:
    """The manifest's config."""
    config = payload.get("config")
    if not isinstance(config, Mapping):
        raise BundleError(f"{folder / MANIFEST} has no config. Restore the judge from where it came.")
    return config_from(JudgeConfig, config, folder / MANIFEST)
