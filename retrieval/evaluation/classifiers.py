"""Judges: small classifiers that name the class or the style of a picture, to measure what pictures still show.

A judge is trained by the same loop as every method, on data that its claim allows (a judge of rendered sketches has
seen human drawings only), and reports top-1 and top-3 accuracy, over all pictures and per class.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import timm
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from retrieval.encoder import batched
from retrieval.images import MARGIN, Preprocess, pixels
from retrieval.methods import Batch, Phase, Trainable

INK = 0.5  # of the way from the paper to the darkest line: darker pixels belong to the drawing


@dataclass(frozen=True)
class Config:
    """How a judge is built and trained."""

    trunk: str = "resnet10t"
    epochs: int = 12
    lr: float = 2e-3
    weight_decay: float = 0.05
    smoothing: float = 0.1  # of the labels


class Classifier(Trainable):
    """Pictures -> scores of `classes`; with `of_style` the classes are domains."""

    def __init__(
        self, classes: Sequence[str], preprocess: Preprocess, config: Config | None = None, *, of_style: bool = False
    ) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.preprocess = preprocess
        self.config = config or Config()
        self.of_style = of_style
        self.model = timm.create_model(self.config.trunk, pretrained=False, num_classes=len(self.classes))

    def phases(self) -> Sequence[Phase]:
        return (Phase("cross-entropy", self.config.epochs, self.config.lr, self.config.weight_decay),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """Smoothed cross-entropy against the batch's labels, or its domains."""
        if self.of_style:
            names = [self.classes.index(domain.name) for domain in batch.domains]
            labels = torch.tensor(names, device=batch.images.device)
        else:
            assert batch.labels is not None, "a judge of classes learns from labels"
            labels = batch.labels
        scores = self.model(batch.images)  # (B, C)
        return {"cross_entropy": F.cross_entropy(scores, labels, label_smoothing=self.config.smoothing)}

    @torch.inference_mode()
    def scores(self, pictures: Iterable[Image.Image], batch: int = 64) -> npt.NDArray[np.float32]:
        """One row of class scores for each RGB picture.   -> (N, C)"""
        self.eval()
        rows = [np.zeros((0, len(self.classes)), np.float32)]
        for chunk in batched(pictures, batch):
            read = np.stack([pixels(picture, self.preprocess) for picture in chunk])
            rows.append(self.model(torch.from_numpy(read)).numpy())
        return np.concatenate(rows)


@dataclass(frozen=True)
class Accuracy:
    """How often the right class was first, or among the first three; per class in the order of `classes`."""

    top1: float
    top3: float
    count: int
    per_class: dict[str, tuple[float, float]]  # class -> (top-1, top-3)


def accuracy(scores: npt.NDArray[np.floating], labels: Sequence[str], classes: Sequence[str]) -> Accuracy:
    """Compare rows of scores (N, C) with the true labels (N,). Every label must be one of the classes.

    >>> accuracy(np.array([[0.9, 0.1], [0.8, 0.2]]), ["a", "b"], ["a", "b"]).top1
    0.5
    """
    truth = np.array([list(classes).index(label) for label in labels])
    order = np.argsort(-scores, axis=1, kind="stable")  # (N, C), best first
    place = (order == truth[:, None]).argmax(axis=1)  # (N,), 0 where the right class is first
    first, third = place < 1, place < 3
    per_class = {
        name: (float(first[truth == i].mean()), float(third[truth == i].mean()))
        for i, name in enumerate(classes)
        if (truth == i).any()
    }
    return Accuracy(float(first.mean()), float(third.mean()), len(truth), per_class)


def scanned(drawing: Image.Image, size: int) -> Image.Image:
    """A line drawing as a scanner gives it: gray, white paper, black lines, cut to its ink with our usual margin."""
    gray = ImageOps.autocontrast(ImageOps.grayscale(drawing), cutoff=(0.5, 20))
    box = gray.point(lambda value: 255 if value < 255 * INK else 0).getbbox()
    if box is None:
        return gray.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    cut = gray.crop(box)
    side = round(max(cut.size) / (1 - 2 * MARGIN))
    paper = Image.new("L", (side, side), 255)
    paper.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    return paper.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0).convert("RGB")
