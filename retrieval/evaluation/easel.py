"""Many pictures drawn from what, where and style, to be measured: who draws, who judges, what they are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.image_adapter import ImageAdapter
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import ANY_THING, STYLE_AT, THING_AT, prompt
from retrieval.diffusion.samplers import Sampler, controlled, denoise, in_intervals, noise
from retrieval.disentangle.generator import LINES, as_images
from retrieval.disentangle.where import knows_colors
from retrieval.encoder import batched
from retrieval.evaluation.generation_quality import Judged
from retrieval.evaluation.metrics import Values
from retrieval.types import SKETCH

BATCH = 16  # pictures that are drawn at once
LOOKED = 128  # that are judged at once
NEAR = np.pi / 6  # hues that are the same colour
PALE = 0.06  # of a hue's strength in [0, 1], below which an object has no colour
BOTH, MAP, WORD, NEITHER = "what + where", "where", "what", "neither"


@dataclass(frozen=True)
class Easel:
    """What draws and who judges. `codes`: pictures -> spelled words (B, W); None: nobody reads words."""

    prior: Prior
    judge: Any  # see `artifacts.judge.Judge`
    sampler: Sampler
    codes: Callable[[PictureTable], Tensor] | None = None
    by_map: float = 1.0  # the weight of the map, where the prior is guided

    @property
    def best(self) -> str:
        """The parts that pictures are drawn from unless somebody chooses."""
        return BOTH if self.codes else MAP


@dataclass(frozen=True)
class Source:
    """B pictures taken apart."""

    labels: tuple[str, ...]
    styles: tuple[str, ...]
    z: Tensor  # (B, W); the word "thing" where nobody reads words
    control: Tensor  # (B, M, h, w)

    def select(self, rows: Sequence[int]) -> Source:
        """Those of these numbers."""
        labels, styles = ([column[row] for row in rows] for column in (self.labels, self.styles))
        return Source(tuple(labels), tuple(styles), self.z[list(rows)], self.control[list(rows)])


@torch.inference_mode()
def take_apart(easel: Easel, pictures: PictureTable) -> Source:
    """The parts of a table's pictures."""
    size = easel.prior.config.size
    shown = pictures.tensor(size=size)
    known = [knows_colors(*pair) for pair in zip(as_images(shown), pictures.domains, strict=True)]
    control = easel.prior.control(shown, torch.tensor(known))
    assert control is not None, "these are measures of a prior with an image adapter"
    thing = easel.prior.reader.word(ANY_THING).expand(len(shown), -1)
    z = easel.codes(pictures) if easel.codes else thing
    return Source(pictures.labels, pictures.domains, z, control)


@torch.inference_mode()
def draw_parts(
    easel: Easel, source: Source, styles: Sequence[str], parts: str, seed: int, vectors: Tensor | None = None
) -> Tensor:
    """The objects in styles (B,), from these parts; `vectors` (B, W) stand for the words of the styles. Every row has
    its own noise, which depends on nothing else.   -> (B, 3, H, W) in [-1, 1]
    """
    prior, sampler = easel.prior, easel.sampler
    assert prior.adapter is not None, "these are measures of a prior with an image adapter"
    thing = prior.reader.word(ANY_THING)
    drawn = []
    for rows in batched(range(len(styles)), BATCH):
        z = source.z[list(rows)] if parts in (BOTH, WORD) else thing.expand(len(rows), -1)
        control = source.control[list(rows)] if parts in (BOTH, MAP) else prior.adapter.without(len(rows))
        places = {THING_AT: z} | ({} if vectors is None else {STYLE_AT: vectors[list(rows)]})
        states = prior.reader([prompt(styles[row]) for row in rows], places)
        if sampler.student:
            velocity = in_intervals(prior, states, control)
        else:
            velocity = controlled(prior, states, control, sampler.guidance, easel.by_map)
        x = noise(prior, seed * 100_003 + rows[0], len(rows), locked=False)
        *_, last = denoise(prior, velocity, x, sampler)
        drawn.append(last)
    return torch.cat(drawn)


@torch.inference_mode()
def map_features(prior: Prior, pictures: PictureTable) -> npt.NDArray[np.float32]:
    """Mean and spread of every channel of the maps of a table's pictures, without the colours.   -> (N, 2 C)"""
    assert isinstance(prior.adapter, ImageAdapter), "these are measures of a prior with an image adapter"
    parts = []
    for rows in batched(range(len(pictures)), LOOKED):
        maps = prior.adapter.map(prior.adapter.resize(pictures.tensor(list(rows), size=prior.config.size)))
        parts.append(torch.cat([maps.mean(dim=(2, 3)), maps.std(dim=(2, 3))], 1))
    return torch.cat(parts).numpy()


@torch.inference_mode()
def judge_table(judge: Any, pictures: PictureTable) -> Judged:
    """The judge's word on a table's pictures."""
    parts = [judged(judge, pictures.tensor(list(rows))) for rows in batched(range(len(pictures)), LOOKED)]
    return Judged(
        tuple(name for part in parts for name in part.classes),
        tuple(name for part in parts for name in part.styles),
        np.concatenate([part.style_shares for part in parts]),
        np.concatenate([part.features for part in parts]),
    )


@torch.inference_mode()
def judged(judge: Any, pictures: Tensor) -> Judged:
    """The judge's word on pictures (B, 3, H, W), where doodles are sketches."""
    features = torch.cat([judge.features(part) for part in pictures.split(LOOKED)])
    classes, styles = judge.named(features)
    return Judged(
        tuple(judge.classes[i] for i in classes.argmax(1).tolist()),
        tuple(as_drawn(judge.styles[i]) for i in styles.argmax(1).tolist()),
        styles.double().numpy(),
        judge.standardised(features).double().numpy(),
    )


def as_drawn(style: str) -> str:
    """Sketches and doodles by one name."""
    return SKETCH.name if style in LINES else style


def other_classes(labels: Sequence[str]) -> list[int]:
    """For each row another: half the alphabet away, so of another class wherever there are enough.

    >>> other_classes(["b", "a", "b", "a"])
    [1, 0, 3, 2]
    """
    order = np.argsort(labels, kind="stable")
    turned = np.empty_like(order)
    turned[order] = np.roll(order, -(len(order) // 2))
    return [int(row) for row in turned]


def hue(pictures: Tensor, masks: npt.NDArray[np.bool_]) -> tuple[Values, Values]:
    """The mean hue of pictures (B, 3, H, W) in [-1, 1] inside masks (B, H, W), in radians, and its strength in [0, 1],
    0 where they are grey.   -> (B,), (B,)
    """
    red, green, blue = ((pictures.double().numpy() + 1) / 2).transpose(1, 0, 2, 3)
    inside = masks / np.maximum(masks.sum(axis=(1, 2), keepdims=True), 1)
    across = ((red - (green + blue) / 2) * inside).sum(axis=(1, 2))
    along = ((green - blue) * np.sqrt(3) / 2 * inside).sum(axis=(1, 2))
    return np.arctan2(along, across), np.hypot(across, along)


def apart(first: Values, second: Values) -> Values:
    """How far two angles are apart, in [0, pi]."""
    return np.asarray(np.abs((first - second + np.pi) % (2 * np.pi) - np.pi), np.float64)
