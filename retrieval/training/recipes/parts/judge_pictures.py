"""What the judge learns from, how that is varied, and its accuracy on real pictures that it never saw."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from retrieval.artifacts.judge import Judge
from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.pictures import ArrayPicture, unvaried
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.data.sampler import Portion, Sampler
from retrieval.data.wording import no_words
from retrieval.images import Preprocess
from retrieval.training.training_sources import DRAWINGS
from retrieval.types import DOODLE, STYLES, Domain
from retrieval.world.split import ALL

JUDGED = (*(style.name for style in STYLES), DOODLE.name)
DOODLES = 0.22  # share of every batch; the other styles divide the rest
REDRAWN = 2  # how often each training drawing is drawn anew
BATCH, STEPS = 64, 200
ZOOM = (0.85, 1.08)  # the smallest and largest part of a picture that is shown
SHIFT = 0.06  # of the half side
BLURRED = 0.5  # of the pictures, by chance amounts


class JudgedBatches:
    """Batches for the judge: styles by their shares, the classes of a style evenly, pictures varied as a batch."""

    def __init__(self, table: PictureTable, classes: Sequence[str], *, batch: int = BATCH, steps: int = STEPS) -> None:
        styles = list(dict.fromkeys(table.domains))
        others = (1 - DOODLES * (DOODLE.name in styles)) / max(1, len(styles) - (DOODLE.name in styles))
        shares = {style: DOODLES if style == DOODLE.name else others for style in styles}
        portions = [Portion(table.where(domain=Domain(style)), share) for style, share in shares.items()]
        size = len(table.pictures[0].pixels())
        signed = Preprocess(size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
        self._sampler = Sampler(
            portions, signed, batch=batch, steps=steps, view=unvaried, wording=no_words, classes=classes
        )

    def __len__(self) -> int:
        return len(self._sampler)

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for step, batch in enumerate(self._sampler.epoch(seed, epoch)):
            rng = np.random.default_rng([seed, epoch, step, 1])
            yield dataclasses.replace(batch, images=varied(batch.images, rng))


def varied(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Pictures (B, 3, H, W) mirrored, moved, zoomed a little, and half of them softened: a generated picture is softer
    than a render, and that alone should change neither its class nor its style.
    """
    count = len(pictures)
    zoom = rng.uniform(*ZOOM, count)
    theta = np.zeros((count, 2, 3))
    theta[:, 0, 0] = zoom * rng.choice([-1.0, 1.0], count)
    theta[:, 1, 1] = zoom
    theta[:, :, 2] = rng.uniform(-SHIFT, SHIFT, (count, 2))
    grid = F.affine_grid(torch.from_numpy(theta).float(), list(pictures.shape), align_corners=False)
    moved = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(3, 1, 3, 3)
    soft = F.conv2d(F.pad(moved, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    amount = rng.uniform(0, 1, count) * (rng.random(count) < BLURRED)
    return torch.lerp(moved, soft, torch.from_numpy(amount).float()[:, None, None, None])


def training_pictures(renders: Path, packs: Path, classes: Sequence[str] = ALL, size: int = 64) -> PictureTable:
    """What the judge learns from: the rendered set, and people's training drawings of its classes, drawn anew."""
    drawings = quickdraw(packs / DRAWINGS, classes, "train")
    rng = np.random.default_rng(0)
    redrawn = [row.picture.view(size, rng).permute(1, 2, 0).numpy() for _ in range(REDRAWN) for row in drawings]
    doodles = PictureTable([ArrayPicture(array) for array in redrawn], DOODLE.name, labels=drawings.labels * REDRAWN)
    return concatenate([read_rendered(renders, classes).in_memory(size), doodles])


def held_out_doodles(packs: Path, classes: Sequence[str] = ALL, size: int = 64) -> PictureTable:
    """People's held-out drawings."""
    drawings = quickdraw(packs / DRAWINGS, classes, "test")
    return drawings.in_memory(size).with_columns(domains=DOODLE.name)


@torch.inference_mode()
def accuracies(judge: Judge, real: PictureTable, batch: int = 128) -> dict[str, float]:
    """How often class and style were named right: `class STYLE`, `style STYLE` for each style that there is."""
    right: dict[str, list[tuple[bool, bool]]] = {}
    for start in range(0, len(real.labels), batch):
        part = slice(start, start + batch)
        classes, styles = judge.scores(real.tensor(part))
        named = zip(classes.argmax(1).tolist(), styles.argmax(1).tolist(), strict=True)
        for label, style, (c, s) in zip(real.labels[part], real.domains[part], named, strict=True):
            right.setdefault(style, []).append((judge.classes[c] == label, judge.styles[s] == style))
    means = {style: np.mean(pairs, axis=0) for style, pairs in right.items()}
    classes_right = {f"class {style}": float(both[0]) for style, both in means.items()}
    return classes_right | {f"style {style}": float(both[1]) for style, both in means.items()}
