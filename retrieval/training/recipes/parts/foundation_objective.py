"""What the foundation learns: to say of pictures in every domain what their words say, and to keep what its trunk knew.

    symbol   here
    z        codes of the pictures of a batch                                             (B, D), unit rows
    t        codes of texts: one wording of each class, and a caption of each picture     (T, D), unit rows
    z0       codes of photographs by the frozen trunk: principal components of its pooled features
    p        mean z0 of the photographs of a class, real and rendered: a prototype        (C, D), unit rows

    (1)  text       pictures <-> the texts that are true of them, temperature learned
    (2)  domains    supervised contrast of pictures of one class in different domains (Khosla et al., 2020)
    (3)  instance   the same for pictures of the very same object
    (4)  prototype  cross-entropy of z p / tau_p, for pictures whose class was photographed
    (5)  anchor     1 - cos(z, z0) on photographs
    (6)  keep       KL of the frozen classifier's answer over ImageNet's names and ours by texts, on photographs (Li and
                    Hoiem, "Learning without Forgetting", 2016, with texts in place of a last layer)

(4) to (6) hold the trunk near what ImageNet taught it, so that a class which no drawing of ours showed is still found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from retrieval.losses import multi_positive_contrast
from retrieval.methods.base import Batch, Phase, Trainable
from retrieval.methods.clip_baseline import cross_domain_masks, twin_mask
from retrieval.methods.foundation import Foundation
from retrieval.training.recipes.parts.device_sampler import TextBatch

SMALLEST_SCALE, LARGEST_SCALE = 2.3, 4.6  # log(1 / tau): tau in [0.01, 0.1]


@dataclass(frozen=True)
class Weights:
    """Of the six losses, and their temperatures."""

    text: float = 1.0
    domains: float = 0.5
    instance: float = 0.25
    prototype: float = 1.0
    anchor: float = 1.0
    keep: float = 0.5
    tau: float = 0.1  # of (2) and (3)
    tau_p: float = 0.05  # of (4)
    smoothing: float = 0.1  # of (4)


class Keeper(nn.Module):
    """What the frozen classifier says of photographs: a code, and shares over the names that may be said."""

    mean: Tensor
    components: Tensor
    classes: Tensor

    def __init__(self, classifier: Any, mean: Tensor, components: Tensor, classes: Sequence[int]) -> None:
        """mean (F,) and components (D, F) of pooled features; classes: the numbers of ImageNet's that have a name."""
        super().__init__()
        self.classifier: Any = classifier.eval().requires_grad_(False)
        self.register_buffer("mean", mean)
        self.register_buffer("components", components)
        self.register_buffer("classes", torch.tensor(classes))

    def train(self, mode: bool = True) -> Keeper:
        """Always in evaluation mode."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> z0 (B, D), unit rows; shares of the named classes (B, K)."""
        pooled = self.classifier.forward_features(images).mean(dim=(2, 3))  # (B, F)
        code = F.normalize((pooled.float() - self.mean) @ self.components.T, dim=1)
        return code, self.classifier.classifier(pooled)[:, self.classes].float().softmax(dim=1)


@dataclass(frozen=True)
class Kept:
    """What holds the trunk near what it knew.

    prototypes (C, D), zero rows for classes that were not photographed. names (M, W): sentences that name ImageNet's
    classes; owners (M,): the place in `keeper.classes` of the class that each names.
    """

    keeper: Keeper
    prototypes: Tensor
    names: Tensor
    owners: Tensor

    def to(self, device: torch.device) -> Kept:
        """The same on that device."""
        parts = (part.to(device) for part in (self.prototypes, self.names, self.owners))
        return Kept(self.keeper.to(device), *parts)


class FoundationTraining(Trainable):
    """A foundation in training. Only `method` is kept of it."""

    def __init__(
        self,
        method: Foundation,
        phases: Sequence[Phase] = (),
        kept: Kept | None = None,
        weights: Weights | None = None,
    ) -> None:
        """Without `kept`, nothing holds the trunk: (4) to (6) are left out."""
        super().__init__()
        self.method = method
        self.weights = weights or Weights()
        self._phases = tuple(phases)
        self._kept_of_trunk = kept  # no module of this one, so neither saved nor averaged

    def phases(self) -> Sequence[Phase]:
        return self._phases

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1) to (6), weighted."""
        assert isinstance(batch, TextBatch), "the foundation is trained on batches with embedded texts"
        method = self.method
        if phase.name == "head":  # the trunk learns later
            with torch.no_grad():
                features = method.tower.features(batch.images)
            z = F.normalize(method.tower.code(features).float(), dim=1)
        else:
            z = method.encode_images(batch.images, batch.domains)
        with torch.autocast(z.device.type, enabled=False):  # cosines over small temperatures need all their digits
            return self._compared(z, batch)

    def _compared(self, z: Tensor, batch: TextBatch) -> dict[str, Tensor]:
        """The losses of codes (B, D)."""
        assert batch.labels is not None, "the foundation is supervised"
        weights = self.weights
        losses = {"text": weights.text * self._text(z, batch)}
        across, apart = cross_domain_masks(batch.labels, batch.domains)
        alike = z @ z.T / weights.tau
        losses["domains"] = weights.domains * multi_positive_contrast(alike, across, apart)
        twins = twin_mask(batch.instances, z.device)
        others = ~twins & ~torch.eye(len(z), dtype=torch.bool, device=z.device)
        losses["instance"] = weights.instance * multi_positive_contrast(alike, twins, others)
        if not self._kept_of_trunk:
            return losses
        kept = self._kept_of_trunk.to(z.device)
        losses["prototype"] = weights.prototype * self._prototype(z, batch.labels, kept.prototypes)
        if batch.real.any():
            anchor, keep = self._keep(kept, z[batch.real], batch.images[batch.real])
            losses |= {"anchor": weights.anchor * anchor, "keep": weights.keep * keep}
        return losses

    def _text(self, z: Tensor, batch: TextBatch) -> Tensor:
        """(1), in both directions."""
        t = self.method.encode_sentences(batch.sentences)  # (T, D)
        pairs = self.method.scale.exp() * z @ t.T  # (B, T)
        wrong = ~batch.holds & ~batch.silent
        forth = multi_positive_contrast(pairs, batch.holds, wrong)
        return (forth + multi_positive_contrast(pairs.T, batch.holds.T, wrong.T)) / 2

    def _prototype(self, z: Tensor, labels: Tensor, prototypes: Tensor) -> Tensor:
        """(4)"""
        there = prototypes.square().sum(dim=1) > 0  # (C,)
        asked = there[labels]
        if not asked.any():
            return z.sum() * 0.0
        logits = (z[asked] @ prototypes.T / self.weights.tau_p)[:, there]
        place = there.cumsum(dim=0) - 1
        return F.cross_entropy(logits, place[labels[asked]], label_smoothing=self.weights.smoothing)

    def _keep(self, kept: Kept, z: Tensor, images: Tensor) -> tuple[Tensor, Tensor]:
        """(5) and (6)"""
        z0, shares = kept.keeper(images)
        t = self.method.encode_sentences(kept.names)  # (M, D)
        logits = self.method.scale.exp() * z @ t.T  # (P, M)
        fits_best = torch.full((len(z), shares.shape[1]), -1e4, device=z.device).scatter_reduce(
            1, kept.owners.expand(len(z), -1), logits, "amax"
        )  # of a class's names the one that fits best speaks for it
        answer = -(shares * fits_best.log_softmax(dim=1)).sum(dim=1).mean()
        return (1 - (z * z0).sum(dim=1)).mean(), answer

    def after_step(self) -> None:
        """Keep tau in its range."""
        with torch.no_grad():
            self.method.scale.clamp_(SMALLEST_SCALE, LARGEST_SCALE)


def principal_components(features: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The mean (F,) of rows (N, F), and their first principal components (count, F)."""
    mean = features.mean(dim=0)
    _, _, components = torch.linalg.svd(features - mean, full_matrices=False)
    return mean, components[:count].contiguous()


def fitted_components(features: Tensor, codes: Tensor, ridge: float = 1e-2) -> Tensor:
    """What of centred features (N, F) comes closest to codes (N, D), by least squares with a ridge in units of the mean
    variance: the frozen trunk's opinion in the space of a foundation that is begun from.   -> (D, F)
    """
    gram = features.T @ features
    gram += ridge * gram.diagonal().mean() * torch.eye(len(gram))
    return torch.linalg.solve(gram, features.T @ codes).T.contiguous()


def prototypes_of(codes: Tensor, labels: Tensor, classes: int) -> Tensor:
    """The mean of the codes (N, D) of each class, as unit rows; zero where a class has none.   -> (classes, D)"""
    sums = torch.zeros(classes, codes.shape[1]).index_add_(0, labels, codes)
    return F.normalize(sums, dim=1)
