"""What the judge learns from, how that is varied, and its accuracy on real pictures that it never saw."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor

from retrieval.artifacts.judge import Judge
from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.pictures import ArrayPicture
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.training.recipes.parts.view_features import kept_features
from retrieval.training.training_sources import DRAWINGS
from retrieval.types import DOODLE, STYLES, Domain, Progress, no_progress
from retrieval.world.split import ALL

JUDGED = (*(style.name for style in STYLES), DOODLE.name)
DOODLES = 0.22  # share of every batch; the other styles divide the rest
REDRAWN = 2  # how often each training drawing is drawn anew
BATCH, STEPS = 256, 200
VIEWS = 2  # of each picture, varied
CHUNK = 128  # pictures whose features are computed at once
ZOOM = (0.85, 1.08)  # the smallest and largest part of a picture that is shown
SHIFT = 0.06  # of the half side
BLURRED = 0.5  # of the pictures, by chance amounts


class JudgedBatches:
    """Batches for the judge's heads: features (V, N, F) of V views of N pictures, styles by their shares, the classes
    of a style evenly.
    """

    def __init__(
        self,
        features: Tensor,
        table: PictureTable,
        classes: Sequence[str],
        *,
        batch: int = BATCH,
        steps: int = STEPS,
    ) -> None:
        self._features, self._batch, self._steps = features, batch, steps
        self._labels = torch.tensor([classes.index(label) for label in table.labels])
        self._styles = [Domain(style) for style in table.domains]
        self._weights = torch.tensor(shown_evenly(table))

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for step in range(self._steps):
            chance = torch.Generator().manual_seed(int(np.random.default_rng([seed, epoch, step]).integers(2**31)))
            rows = torch.multinomial(self._weights, self._batch, replacement=True, generator=chance)
            views = torch.randint(len(self._features), (self._batch,), generator=chance)
            yield Batch(
                images=self._features[views, rows].float(),
                domains=[self._styles[row] for row in rows.tolist()],
                labels=self._labels[rows],
                texts=(),
                holds=torch.zeros(self._batch, 0, dtype=torch.bool),
            )


def shown_evenly(table: PictureTable) -> list[float]:
    """How often each picture is shown: doodles by their share, the other styles alike; a style's classes alike."""
    counts = Counter(zip(table.domains, table.labels, strict=True))
    kinds = Counter(style for style, _ in counts)  # style -> how many classes
    doodles = DOODLES if DOODLE.name in kinds and len(kinds) > 1 else 0.0
    others = (1 - doodles) / max(1, len(kinds) - (doodles > 0))
    shares = {style: doodles if doodles and style == DOODLE.name else others for style in kinds}
    pairs = zip(table.domains, table.labels, strict=True)
    return [shares[style] / kinds[style] / counts[style, label] for style, label in pairs]


def judged_features(judge: Judge, table: PictureTable, path: Path, on_progress: Progress = no_progress) -> Tensor:
    """Features of VIEWS varied views of every picture, in half precision, kept in the file until the pictures, the
    trunk or how it looks at them change.   -> (VIEWS, N, F)
    """

    def compute() -> Tensor:
        rng = np.random.default_rng(1)
        views: list[Tensor] = []
        for view in range(VIEWS):
            parts: list[Tensor] = []
            for start in range(0, len(table), CHUNK):
                parts.append(judge.features(varied(table.tensor(slice(start, start + CHUNK)), rng)).half())
                on_progress(view * len(table) + start, VIEWS * len(table))
            views.append(torch.cat(parts))
        return torch.stack(views)

    trunk = save({name: part.contiguous() for name, part in judge.trunk.state_dict().items()})
    asked = {"trunk": hashlib.sha256(trunk).hexdigest(), "size": judge.config.size, "blocks": judge.config.blocks}
    asked |= {"views": VIEWS, "zoom": ZOOM, "shift": SHIFT, "blurred": BLURRED}
    return kept_features(path, (picture.pixels() for picture in table.pictures), compute, **asked)


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


def training_pictures(renders: Path, packs: Path, classes: Sequence[str] = ALL, size: int = 128) -> PictureTable:
    """What the judge learns from: the rendered set, and people's training drawings of its classes, drawn anew."""
    drawings = quickdraw(packs / DRAWINGS, classes, "train")
    rng = np.random.default_rng(0)
    redrawn = [row.picture.view(size, rng).permute(1, 2, 0).numpy() for _ in range(REDRAWN) for row in drawings]
    doodles = PictureTable([ArrayPicture(array) for array in redrawn], DOODLE.name, labels=drawings.labels * REDRAWN)
    return concatenate([read_rendered(renders, classes).in_memory(size), doodles])


def held_out_doodles(packs: Path, classes: Sequence[str] = ALL, size: int = 128) -> PictureTable:
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
