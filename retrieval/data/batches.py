"""Training batches drawn from several sources at once, balanced over domains and classes, each picture with a
sentence about it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from retrieval.data.augment import VariedPicture, normalised, varied_drawing
from retrieval.data.packs import Sketch
from retrieval.data.world import WorldPictures
from retrieval.images import Preprocess, rasterise
from retrieval.methods import Batch
from retrieval.types import SKETCH, Domain
from retrieval.world.captions import Caption, describe


@dataclass(frozen=True)
class Example:
    """What is known of one training picture; color is None where nobody knows it."""

    label: str
    domain: Domain
    color: str | None = None
    medium: str | None = None  # how its style is spoken of, if not by its domain's name
    words: frozenset[str] = frozenset()  # what else it may be called: a name, keywords
    thing: str = ""  # the very object that is shown, where other pictures show it too

    @property
    def style(self) -> str:
        """The word for its style."""
        return self.medium or self.domain.name


class Source(Protocol):
    """Training pictures of one kind."""

    @property
    def examples(self) -> Sequence[Example]: ...

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        """One varied view of an example: uint8 (3, size, size)."""
        ...


class Renders:
    """Pictures of the world."""

    def __init__(self, world: WorldPictures, size: int) -> None:
        rows = zip(world.labels, world.domains, world.colors, world.objects, strict=True)
        self.examples = [Example(label, Domain(domain), color, thing=thing) for label, domain, color, thing in rows]
        self._pixels = torch.from_numpy(world.pictures).permute(0, 3, 1, 2)  # (N, 3, H, W)
        self._varied = VariedPicture(size)

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        return self._varied(self._pixels[index])


class HumanDrawings:
    """People's drawings: sketches of no colour."""

    def __init__(self, sketches: Sequence[Sketch], size: int) -> None:
        self.examples = [Example(sketch.label, SKETCH) for sketch in sketches]
        self._drawings = [sketch.strokes for sketch in sketches]
        self._size = size

    def picture(self, index: int, rng: np.random.Generator) -> Tensor:
        drawn = np.asarray(rasterise(varied_drawing(self._drawings[index], rng), self._size))
        shift = rng.integers(-3, 4, 2)  # a few pixels: a drawing is never centred quite like another
        return torch.from_numpy(np.roll(drawn, shift, (0, 1))).permute(2, 0, 1)


@dataclass(frozen=True)
class Portion:
    """One source's pictures of one domain, and the share of every batch that comes from them.

    `labels` restricts them to some classes.
    """

    source: Source
    domain: Domain
    share: float
    labels: frozenset[str] | None = None


class Mixture:
    """An endless supply of balanced batches, cut into epochs. Every batch is a function of (seed, epoch, position).

    Pictures come in groups of `group` of one class: the first by the portions' shares and evenly from their classes,
    the second, where it can be, of the very same object in another portion, the others from whichever portions show
    that class. So a batch holds the same thing, and the same kind of thing, in several domains.

    exact: every batch has the first of its groups exactly by the shares, and not only on average. workers: processes
    that make batches ahead; 0: they are made when they are asked for. Never by a thread of this process, which would
    share torch's generator with the step that trains, and nothing could be repeated.
    """

    def __init__(
        self,
        portions: Sequence[Portion],
        preprocess: Preprocess,
        *,
        batch: int = 128,
        steps: int = 100,
        group: int = 1,
        exact: bool = False,
        workers: int = 0,
    ) -> None:
        self._portions = portions
        self._preprocess = preprocess
        self._batch = batch
        self._steps = steps
        self._group = group
        self._exact = exact
        self._workers = workers
        self._by_label = [_indices(portion, lambda example: example.label) for portion in portions]
        self._by_thing = [_indices(portion, lambda example: example.thing) for portion in portions]
        self.classes = tuple(sorted({label for found in self._by_label for label in found}))

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        if self._workers:
            told = _Epoch(self._made, seed, epoch, self._steps)
            yield from DataLoader(told, None, num_workers=self._workers, generator=torch.Generator())
            return
        for step in range(self._steps):
            yield self._made(seed, epoch, step)

    def _made(self, seed: int, epoch: int, step: int) -> Batch:
        rng = np.random.default_rng([seed, epoch, step])
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.integers(2**31)))
            places = range(0, self._batch, self._group)
            chosen = [one for place in places for one in self._alike(place, rng)][: self._batch]
        examples = [example for example, _ in chosen]
        captions = [_said(e, rng) for e in examples]
        images = torch.stack([picture for _, picture in chosen])  # (B, 3, H, W) uint8
        return Batch(
            images=normalised(images, self._preprocess.mean, self._preprocess.std),
            domains=[e.domain for e in examples],
            labels=torch.tensor([self.classes.index(e.label) for e in examples]),
            things=[e.thing for e in examples],
            texts=[c.text for c in captions],
            holds=torch.tensor([[_true(c, e) for c in captions] for e in examples]),
        )

    def _alike(self, place: int, rng: np.random.Generator) -> list[tuple[Example, Tensor]]:
        """One group, which begins at that place of the batch: pictures of one class."""
        shares = np.array([portion.share for portion in self._portions])
        if self._exact:
            first = int(np.searchsorted(shares.cumsum() / shares.sum(), (place + 0.5) / self._batch))
        else:
            first = int(rng.choice(len(shares), p=shares / shares.sum()))
        labels = list(self._by_label[first])
        label = labels[int(rng.integers(len(labels)))]
        index = self._any(self._by_label[first][label], rng)
        group = [(first, index), *self._twin(first, index, rng)]
        having = shares * [label in found for found in self._by_label]
        more = map(int, rng.choice(len(shares), self._group - 1, p=having / having.sum()))
        group += [(which, self._any(self._by_label[which][label], rng)) for which in more]
        sources = [portion.source for portion in self._portions]
        return [(sources[which].examples[at], sources[which].picture(at, rng)) for which, at in group[: self._group]]

    def _twin(self, which: int, index: int, rng: np.random.Generator) -> list[tuple[int, int]]:
        """The same object in another portion, as [(portion, index)], or nothing."""
        thing = self._portions[which].source.examples[index].thing
        others = [i for i, found in enumerate(self._by_thing) if i != which and thing in found]
        if not thing or not others:
            return []
        other = self._any(others, rng)
        return [(other, self._any(self._by_thing[other][thing], rng))]

    def _any(self, indices: Sequence[int], rng: np.random.Generator) -> int:
        return indices[int(rng.integers(len(indices)))]


class _Epoch(Dataset[Batch]):
    """The batches of one epoch by their position, so that processes can share the work."""

    def __init__(self, made: Callable[[int, int, int], Batch], seed: int, epoch: int, steps: int) -> None:
        self._made, self._seed, self._epoch, self._steps = made, seed, epoch, steps

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> Batch:
        return self._made(self._seed, self._epoch, step)


def _indices(portion: Portion, key: Callable[[Example], str]) -> dict[str, list[int]]:
    """The portion's examples by what `key` says of them, in order; those of which it says nothing are left out."""
    found: dict[str, list[int]] = defaultdict(list)
    for index, example in enumerate(portion.source.examples):
        ours = example.domain == portion.domain and (portion.labels is None or example.label in portion.labels)
        if ours and key(example):
            found[key(example)].append(index)
    return dict(sorted(found.items()))


def _said(of: Example, rng: np.random.Generator) -> Caption:
    """True words about an example: half of them name the colour, if it is known, and half the style; where it has
    keywords, half say one of those instead of its label.
    """
    color = of.color if rng.random() < 0.5 else None
    noun = str(rng.choice(sorted(of.words))) if of.words and rng.random() < 0.5 else of.label
    return describe(rng, noun, color=color, style=of.style if rng.random() < 0.5 else None)


def _true(said: Caption, of: Example) -> bool:
    """Whether a caption, written for any picture, is true of this one."""
    named = said.label == of.label or said.label in of.words
    return named and said.color in (None, of.color) and said.style in (None, of.style)
