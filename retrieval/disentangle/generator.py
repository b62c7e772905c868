"""Codes become pictures: in batches, each picture once, judged by whom knows real pictures only.

What is drawn is a function of a cell and of the way it is reached, to the byte: every call of the U-Net has the same
number of rows, whatever was drawn before, so that which pictures are kept changes none. The judge sees a picture after
it is finished, so it changes none either.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import STYLE_AT, THING_AT, prompt
from retrieval.diffusion.samplers import (
    Sampler,
    Velocity,
    controlled,
    denoise,
    guided,
    in_intervals,
    noise,
    plain,
    switched,
    two_knobs,
)
from retrieval.disentangle.coded import Where
from retrieval.disentangle.panel_values import Drawn
from retrieval.encoder import batched
from retrieval.types import DOODLE, SKETCH

ROUNDED = 5  # digits of a code; words' coordinates are around 0.03
BATCH = 4  # pictures at once
KEPT = 1024  # pictures, 48 kB each at 128 px
LIKELY = 3  # classes that are named
LINES = frozenset({SKETCH.name, DOODLE.name})  # a sketch that is read as a doodle is no failure


class Judging(Protocol):
    """Who names the class and the style of a picture; see `artifacts.judge.Judge`."""

    @property
    def classes(self) -> Sequence[str]:
        """The names of the columns of class shares."""

    @property
    def styles(self) -> Sequence[str]:
        """The names of the columns of style shares."""

    def scores(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures (B, 3, H, W) in [-1, 1] -> class shares (B, classes), style shares (B, styles)."""


@dataclass(frozen=True)
class Cell:
    """A picture to be drawn: an object code, a style code and a control, the noise, and what is meant to be seen."""

    z: tuple[float, ...]  # (W,), rounded
    e: tuple[float, ...]  # (W,), rounded
    seed: int
    thing: str | None = None
    style: str | None = None
    where: Where | None = None  # None: no map is given


def code(vector: Tensor) -> tuple[float, ...]:
    """A code (W,) as a cell takes it."""
    return tuple(round(value, ROUNDED) for value in vector.tolist())


# ---------------------------------------------------------------- ways from codes to what is predicted


@dataclass(frozen=True)
class Given:
    """What the cells of a batch give to a prior."""

    z: Tensor  # (B, W)
    e: Tensor  # (B, W)
    neutral: Tensor  # (W,): the neutral style
    control: Tensor | None  # (B, M, h, w); None: the prior has no adapter

    def states(self, prior: Prior, *, styled: bool = True) -> Tensor:
        """Those of the prompts, with or without their styles.   -> (B, L, W)"""
        return states_of(prior, self.z, self.e if styled else self.neutral.expand_as(self.e))


class Way(Protocol):
    """How what is given becomes a velocity; equal ways are the same way."""

    def velocity(self, prior: Prior, given: Given) -> Velocity: ...


@dataclass(frozen=True)
class Guided:
    """A weight for the words, and one for the map; 1 of words: no guidance at all."""

    guidance: float
    by_map: float = 1.0

    def velocity(self, prior: Prior, given: Given) -> Velocity:
        return self.towards(prior, given, given.states(prior))

    def towards(self, prior: Prior, given: Given, states: Tensor) -> Velocity:
        """The velocity under prompts with states (B, L, W)."""
        if self.guidance == 1:
            return plain(prior, states, given.control)
        if given.control is None:
            return guided(prior, states, self.guidance)
        return controlled(prior, states, given.control, self.guidance, self.by_map)


@dataclass(frozen=True)
class InIntervals:
    """As a student draws: the map first, the words last."""

    def velocity(self, prior: Prior, given: Given) -> Velocity:
        states = given.states(prior)
        return plain(prior, states) if given.control is None else in_intervals(prior, states, given.control)


@dataclass(frozen=True)
class Knobs:
    """Two weights: of a prior with an adapter for the map and for all words, of another for the thing and the style."""

    thing: float
    style: float

    def velocity(self, prior: Prior, given: Given) -> Velocity:
        states = given.states(prior)
        if given.control is not None:
            return controlled(prior, states, given.control, self.style, self.thing)
        return two_knobs(prior, states, given.states(prior, styled=False), self.thing, self.style)


@dataclass(frozen=True)
class Switch:
    """The style is told below a noise step only or, the other way round, above it only."""

    guidance: float
    below: int
    style_first: bool = False
    by_map: float = 1.0

    def velocity(self, prior: Prior, given: Given) -> Velocity:
        way = Guided(self.guidance, self.by_map)
        styled = way.velocity(prior, given)
        bare = way.towards(prior, given, given.states(prior, styled=False))
        return switched(styled, bare, self.below) if self.style_first else switched(bare, styled, self.below)


def states_of(prior: Prior, z: Tensor, e: Tensor) -> Tensor:
    """The states of "a {e} of a {z}", vectors (B, W) in the places of words.   -> (B, L, W)"""
    return prior.reader([prompt()] * len(z), {THING_AT: z, STYLE_AT: e})


# ---------------------------------------------------------------- drawing


@dataclass(frozen=True)
class _Kept:
    picture: Image.Image
    of_class: Mapping[str, float]
    of_style: Mapping[str, float]


class Brush:
    """Draws cells, BATCH at once; keeps what it drew. `by_map`: the weight of the map where words are guided."""

    def __init__(
        self,
        prior: Prior,
        neutral: Tensor,
        judge: Judging | None,
        kept: int = KEPT,
        *,
        by_map: float = 1.0,
    ) -> None:
        self.prior, self.by_map = prior, by_map
        self._neutral = neutral  # (W,) the neutral style
        self._judge = judge
        self._most = kept
        self._kept: OrderedDict[tuple[object, ...], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    @torch.no_grad()
    def drawn(
        self, cells: Sequence[Cell], sampler: Sampler, way: Way | None = None
    ) -> Iterator[tuple[Drawn | None, ...]]:
        """All cells, after each step: finished, not finished, or not begun (None); at last all are finished. `way`: by
        the sampler's guidance, unless another is named.
        """
        pictures_so_far = [self._found(cell, sampler, way) for cell in cells]
        missing = [i for i, drawn in enumerate(pictures_so_far) if drawn is None]
        for part in batched(missing, BATCH):
            batch = [cells[i] for i in part]
            for step, pictures in enumerate(self.steps(batch, sampler, way), start=1):
                finished = step == sampler.steps
                shown = self.finished(batch, sampler, pictures, way) if finished else previews(batch, pictures)
                for i, drawn in zip(part, shown, strict=True):
                    pictures_so_far[i] = drawn
                yield tuple(pictures_so_far)
        if not missing:
            yield tuple(pictures_so_far)

    @torch.no_grad()
    def steps(
        self,
        cells: Sequence[Cell],
        sampler: Sampler,
        way: Way | None = None,
        watch: Callable[[Velocity], Velocity] = lambda velocity: velocity,
    ) -> Iterator[Tensor]:
        """At most BATCH cells, after each step, as they seem to become; `watch` sees as many prompts, those of the
        cells first.   -> (cells, 3, H, W) in [-1, 1]
        """
        full = [*cells, *[cells[-1]] * (BATCH - len(cells))]
        assert len(full) == BATCH, f"{len(cells)} pictures at once"
        way = way or (InIntervals() if sampler.student else Guided(sampler.guidance, self.by_map))
        x = torch.cat([noise(self.prior, cell.seed) for cell in full])
        velocity = watch(way.velocity(self.prior, self._given(full)))
        for pictures in denoise(self.prior, velocity, x, sampler):
            yield pictures[: len(cells)]

    def _given(self, cells: Sequence[Cell]) -> Given:
        device = self._neutral.device
        z, e = (torch.tensor([getattr(cell, name) for cell in cells], device=device) for name in ("z", "e"))
        adapter, control = self.prior.adapter, None
        if adapter is not None:
            without = adapter.without(1)[0]
            rows = [cell.where.control.to(device) if cell.where else without for cell in cells]
            control = torch.stack(rows)  # (B, M, h, w)
        return Given(z, e, self._neutral, control)

    def finished(
        self,
        cells: Sequence[Cell],
        sampler: Sampler,
        pictures: Tensor,
        way: Way | None = None,
        *,
        keep: bool = True,
    ) -> list[Drawn]:
        """Finished pictures (B, 3, H, W) of the cells, judged, and kept."""
        images = as_images(pictures)
        judged = [_Kept(*picture_and_shares) for picture_and_shares in zip(images, *self._shares(images), strict=True)]
        with self._lock:
            for cell, kept in zip(cells, judged, strict=True):
                if keep:
                    self._kept[_key(cell, sampler, way)] = kept
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return [self._presented(cell, kept) for cell, kept in zip(cells, judged, strict=True)]

    def read(self, image: Image.Image) -> tuple[str | None, str | None]:
        """The likeliest class and style of a picture; None without a judge."""
        ((of_class,), (of_style,)) = self._shares([image])
        likeliest = (max(shares, key=lambda name: shares[name], default=None) for shares in (of_class, of_style))
        return next(likeliest), next(likeliest)

    def chances(self) -> tuple[float | None, float | None]:
        """How often class and style are hit by a guess among those that the judge knows."""
        return (1 / len(self._judge.classes), 1 / len(self._judge.styles)) if self._judge else (None, None)

    def _found(self, cell: Cell, sampler: Sampler, way: Way | None) -> Drawn | None:
        key = _key(cell, sampler, way)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
        return None if kept is None else self._presented(cell, kept)

    def _shares(self, images: Sequence[Image.Image]) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
        """What the judge reads in pictures; nothing without a judge."""
        if self._judge is None:
            return [{} for _ in images], [{} for _ in images]
        of_class, of_style = self._judge.scores(as_tensor(images).to(self._neutral.device))
        names = (self._judge.classes, self._judge.styles)
        read = [
            [dict(zip(known, row, strict=True)) for row in shares.tolist()]
            for known, shares in zip(names, (of_class, of_style), strict=True)
        ]
        return read[0], read[1]

    def _presented(self, cell: Cell, kept: _Kept) -> Drawn:
        ranked = sorted(kept.of_class, key=lambda name: -kept.of_class[name])
        shown = [*ranked[:LIKELY], *([cell.thing] if cell.thing in ranked[LIKELY:] else [])]
        return Drawn(
            kept.picture,
            cell.thing,
            cell.style,
            {name: kept.of_class[name] for name in shown if name is not None},
            kept.of_style,
            _holds(kept.of_class, cell.thing),
            _holds(kept.of_style, cell.style),
        )


def previews(cells: Sequence[Cell], pictures: Tensor) -> list[Drawn]:
    """Pictures (B, 3, H, W) that are not finished yet."""
    images = as_images(pictures)
    return [Drawn(im, cell.thing, cell.style, finished=False) for cell, im in zip(cells, images, strict=True)]


def as_images(pictures: Tensor) -> list[Image.Image]:
    """(B, 3, H, W) in [-1, 1] -> 8-bit RGB"""
    values = ((pictures + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return [Image.fromarray(picture) for picture in values.permute(0, 2, 3, 1).cpu().numpy()]


def as_tensor(images: Sequence[Image.Image]) -> Tensor:
    """8-bit RGB of one size -> (B, 3, H, W) in [-1, 1]"""
    values = torch.from_numpy(np.stack([np.asarray(image) for image in images]))
    return values.permute(0, 3, 1, 2).float() / 127.5 - 1


def as_grey(values: Tensor) -> Image.Image:
    """(H, W) in [0, 1] -> 8-bit grey"""
    return Image.fromarray((values * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy())


def _holds(shares: Mapping[str, float], intended: str | None) -> bool | None:
    """Whether the intended name, or one that means the same to the eye, is the likeliest."""
    if intended is None or intended not in shares:
        return None
    alike = LINES if intended in LINES else {intended}
    best = max(shares[name] for name in alike if name in shares)
    return all(share < best for name, share in shares.items() if name not in alike)


def _key(cell: Cell, sampler: Sampler, way: Way | None) -> tuple[object, ...]:
    return cell.z, cell.e, cell.seed, cell.where, sampler, way
