"""How the judge is made: what it is shown, how that is varied, and its accuracy on real pictures that it never saw."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from retrieval.artifacts.judge import Judge, JudgeConfig
from retrieval.data.batches import HumanDrawings
from retrieval.data.packs import quickdraw
from retrieval.data.world import world_pictures
from retrieval.images import open_image, rasterise, squared
from retrieval.items import ITEMS, read_items
from retrieval.methods.base import Batch
from retrieval.training.loop import fit
from retrieval.training.runs import Run
from retrieval.types import DOODLE, STYLES, Domain, Progress, no_progress
from retrieval.world.split import ALL

JUDGED = (*(style.name for style in STYLES), DOODLE.name)
DOODLES = 0.22  # share of every batch; the other styles divide the rest
HANDS = 2  # how often each training drawing is drawn anew
BATCH, STEPS = 64, 200
ZOOM = (0.85, 1.08)  # the smallest and largest part of a picture that is shown
SHIFT = 0.06  # of the half side
BLURRED = 0.5  # of the pictures, by chance amounts


@dataclass(frozen=True)
class Real:
    """Real pictures, and what they show."""

    pictures: npt.NDArray[np.uint8]  # (N, H, W, 3) RGB
    labels: tuple[str, ...]  # (N,)
    styles: tuple[str, ...]  # (N,)
    things: tuple[str, ...] = ()  # (N,) the very object, or empty

    def tensor(self, rows: Sequence[int] | slice = slice(None)) -> Tensor:
        """Some of the pictures.   -> (B, 3, H, W) in [-1, 1]"""
        return torch.from_numpy(self.pictures[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1.0

    def only(self, rows: Sequence[int]) -> Real:
        """Some of the pictures, in that order."""
        labels, styles, things = (
            tuple(names[row] for row in rows) if names else () for names in (self.labels, self.styles, self.things)
        )
        return Real(self.pictures[list(rows)], labels, styles, things)


class Shown:
    """An endless supply of batches, cut into epochs: styles by their shares, the classes of a style evenly; every batch
    a function of (seed, epoch, position).
    """

    def __init__(self, real: Real, classes: Sequence[str], *, batch: int = BATCH, steps: int = STEPS) -> None:
        self._real, self._classes = real, tuple(classes)
        self._batch, self._steps = batch, steps
        self._rows: dict[str, dict[str, list[int]]] = {}
        for row, (style, label) in enumerate(zip(real.styles, real.labels, strict=True)):
            self._rows.setdefault(style, {}).setdefault(label, []).append(row)

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        for step in range(self._steps):
            yield self._made(np.random.default_rng([seed, epoch, step]))

    def _made(self, rng: np.random.Generator) -> Batch:
        styles = list(self._rows)
        others = (1 - DOODLES * (DOODLE.name in styles)) / max(1, len(styles) - (DOODLE.name in styles))
        shares = np.array([DOODLES if style == DOODLE.name else others for style in styles])
        rows = []
        for which in rng.choice(len(styles), self._batch, p=shares / shares.sum()):
            of_style = self._rows[styles[which]]
            of_label = of_style[list(of_style)[int(rng.integers(len(of_style)))]]
            rows.append(of_label[int(rng.integers(len(of_label)))])
        return Batch(
            images=varied(self._real.tensor(rows), rng),
            domains=[Domain(self._real.styles[row]) for row in rows],
            labels=torch.tensor([self._classes.index(self._real.labels[row]) for row in rows]),
            texts=[],
            holds=torch.zeros(len(rows), 0, dtype=torch.bool),
        )


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


def training_pictures(renders: Path, packs: Path, classes: Sequence[str] = ALL, size: int = 64) -> Real:
    """What the judge learns from: the rendered set, and people's training drawings of its classes, drawn anew."""
    world = world_pictures(renders, classes)
    drawn = quickdraw(packs / "quickdraw345", classes, "train")
    source = HumanDrawings(drawn, size)
    rng = np.random.default_rng(0)
    redrawn = [source.picture(i, rng).permute(1, 2, 0).numpy() for _ in range(HANDS) for i in range(len(drawn))]
    labels = [one.label for _ in range(HANDS) for one in drawn]
    return Real(
        np.concatenate([world.pictures, np.stack(redrawn)]),
        (*world.labels, *labels),
        (*world.domains, *([DOODLE.name] * len(redrawn))),
    )


def gallery_pictures(gallery: Path, size: int = 64) -> Real:
    """The gallery's pictures at the size of the judge, with the objects that they show."""
    items = read_items(gallery)
    lines = map(json.loads, (gallery / ITEMS).read_text(encoding="utf-8").splitlines())
    things = tuple(str(line.get("object", line["id"])) for line in lines)
    pictures = np.stack([np.asarray(squared(open_image(item.path), size)) for item in items])
    return Real(pictures, tuple(item.label or "" for item in items), tuple(item.domain.name for item in items), things)


def held_out_doodles(packs: Path, classes: Sequence[str] = ALL, size: int = 64) -> Real:
    """People's held-out drawings."""
    drawn = quickdraw(packs / "quickdraw345", classes, "test")
    pictures = np.stack([np.asarray(rasterise(one.strokes, size)) for one in drawn])
    return Real(pictures, tuple(one.label for one in drawn), (DOODLE.name,) * len(drawn))


@torch.inference_mode()
def accuracies(judge: Judge, real: Real, batch: int = 128) -> dict[str, float]:
    """How often class and style were named right: `class STYLE`, `style STYLE` for each style that there is."""
    right: dict[str, list[tuple[bool, bool]]] = {}
    for start in range(0, len(real.labels), batch):
        part = slice(start, start + batch)
        classes, styles = judge.scores(real.tensor(part))
        named = zip(classes.argmax(1).tolist(), styles.argmax(1).tolist(), strict=True)
        for label, style, (c, s) in zip(real.labels[part], real.styles[part], named, strict=True):
            right.setdefault(style, []).append((judge.classes[c] == label, judge.styles[s] == style))
    means = {style: np.mean(pairs, axis=0) for style, pairs in right.items()}
    told = {f"class {style}": float(both[0]) for style, both in means.items()}
    return told | {f"style {style}": float(both[1]) for style, both in means.items()}


def trained_judge(
    real: Real,
    run: Path,
    config: JudgeConfig | None = None,
    *,
    steps: int = STEPS,
    seed: int = 0,
    on_epoch: Callable[[str], None] | None = None,
    on_progress: Progress = no_progress,
) -> Judge:
    """The judge after all its epochs, with the averaged weights; goes on where an interrupted run stopped."""
    config = config or JudgeConfig(ALL, JUDGED)
    torch.manual_seed(seed)
    judge = Judge(config)
    kept = Run(run, {"seed": seed, "steps": steps, "batch": BATCH} | dataclasses.asdict(config))
    state = kept.state()
    data = Shown(real, config.classes, steps=steps)
    for report in fit(judge, data, seed=seed, resume=state, on_progress=on_progress):
        state = report.state()
        line = {"epoch": report.epoch, "seconds": round(report.seconds, 1)} | dict(report.losses)
        kept.save(state, line)
        if on_epoch is not None:
            on_epoch(f"epoch {report.epoch} of {report.epochs}: {line}")
    assert state is not None, "a judge is trained for at least one epoch"
    judge.load_state_dict(state["average"])
    return judge.eval().requires_grad_(False)
