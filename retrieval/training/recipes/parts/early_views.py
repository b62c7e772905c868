"""Batches of views that the early stages of a trunk have seen: for trainings in which those stages stay as they are.

Of every picture a few views are made, varied as whole batches are on a GPU, and go through the early stages and the
teacher once. Which pictures stand in a batch is decided by `data.sampler`, as for every other training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.data.batch_augment import Variation, vary
from retrieval.data.pictures import Picture, StrokePicture
from retrieval.data.sampler import Portion, Sampler
from retrieval.images import Preprocess
from retrieval.methods.dsn import DSN, PhotoTeacher, are_photos
from retrieval.methods.parts.early_batch import EarlyBatch
from retrieval.training.bundles import InTraining
from retrieval.types import Domain, Progress

VIEWS = 2  # of every picture: in a step one of them is the plain one, drawn for the whole batch
SEED = 0  # of the variation, whatever the seed of the training: every seed sees the same views
VARIED = Variation(outline=0.0, blurred=0.0)  # a drawing is told from a photo by its lines: none become the other
CHUNK = 64  # pictures that are varied together


@dataclass(frozen=True)
class EarlyViews:
    """What is kept of N pictures in V views: the early stages' output (N, V, ...), the teacher's logits (N, V, K_t),
    zero for sketches, and the first view for people (N, S, S) uint8.
    """

    maps: Tensor
    answers: Tensor
    greys: Tensor


class EarlySampler(Sampler):
    """`Sampler` whose pictures are kept views, in the order of the portions' rows."""

    def __init__(
        self,
        portions: Sequence[Portion],
        preprocess: Preprocess,
        kept: EarlyViews,
        *,
        batch: int,
        steps: int,
        group: int,
    ) -> None:
        super().__init__(portions, preprocess, batch=batch, steps=steps, group=group)
        self.kept = kept
        self._first = np.cumsum([0, *(len(portion.table) for portion in portions)])
        self._domains = [domain for portion in portions for domain in map(Domain, portion.table.domains)]
        labels = [label for portion in portions for label in portion.table.labels]
        self.labels = torch.tensor([self.classes.index(label) for label in labels])  # (N,)

    def batch(self, seed: int, epoch: int, step: int) -> EarlyBatch:
        """One batch of an epoch."""
        random = np.random.default_rng([seed, epoch, step])
        places = [place for group in self._groups(seed, epoch, step, random) for place in group][: self._batch]
        at = torch.tensor([int(self._first[which]) + row for which, row in places])
        plain = int(random.integers(VIEWS))
        views = self.kept.maps[at].float().roll(-plain, dims=1).unbind(dim=1)
        return EarlyBatch(
            images=views[0],
            domains=[self._domains[row] for row in at.tolist()],
            labels=self.labels[at],
            texts=(),
            holds=torch.zeros(len(at), 0, dtype=torch.bool),
            others=views[1:],
            answers=self.kept.answers[at, plain].float(),
            greys=self.kept.greys[at],
        )

    def photos(self, sketches: Sequence[str]) -> Tensor:
        """Which of all pictures are photos.   -> (N,) bool"""
        return are_photos(self._domains, sketches, torch.device("cpu"))


class EarlyEncoder(InTraining):
    """DSN as an encoder that remembers what its early stages made of pictures: they do not change.

    remembered: by the bytes of a batch; shared by all encoders on one trunk. told: what it is told instead of a
    picture's own domain, by name.
    """

    def __init__(self, method: DSN, remembered: dict[bytes, Tensor], told: Mapping[str, Domain] | None = None) -> None:
        super().__init__(method)
        self._dsn, self._remembered, self._told = method, remembered, told or {}

    def encode_images(self, images: Tensor, domains: Sequence[Domain]) -> Tensor:
        """(B, 3, H, W) on any device -> (B, dim), unit rows on the method's."""
        key = images.cpu().numpy().tobytes()
        if key not in self._remembered:
            self._remembered[key] = self._dsn.trunk.early(images.to(self._dsn.code.weight.device))
        return self._dsn.encode_early(self._remembered[key], [self._told.get(d.name, d) for d in domains])


@torch.inference_mode()
def early_views(
    method: DSN, teacher: PhotoTeacher, portions: Sequence[Portion], stored: int, on_progress: Progress
) -> EarlyViews:
    """What the method's early stages and the teacher say of views of all pictures. stored: pixels of what is varied."""
    device, preprocess = method.code.weight.device, method.preprocess
    chance = torch.Generator(device).manual_seed(SEED)
    mean, std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (preprocess.mean, preprocess.std))
    total = sum(len(portion.table) for portion in portions)
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for domains, pictures, drawings in _chunks(portions, stored):
        photos = are_photos(domains, method.config.sketches, device)
        views = [
            vary(pictures[:, view].to(device), drawings.to(device), preprocess.size, VARIED, chance)
            for view in range(VIEWS)
        ]
        said = [_said(method, teacher, (view - mean) / std, photos) for view in views]
        maps, answers = (torch.stack(parts, dim=1) for parts in zip(*said, strict=True))
        greys = F.interpolate(views[0].mean(dim=1, keepdim=True), method.album.pictures.shape[-2:], mode="area")
        kept.append((maps, answers, (greys[:, 0] * 255).round().to(torch.uint8).cpu()))
        on_progress(sum(len(part[0]) for part in kept), total)
    return EarlyViews(*map(torch.cat, zip(*kept, strict=True)))


def _said(method: DSN, teacher: PhotoTeacher, images: Tensor, photos: Tensor) -> tuple[Tensor, Tensor]:
    """What the early stages make of pictures, and the teacher's logits for photos, (B,) bool, with zeros for others;
    in half precision, which bfloat16 fills.
    """
    answers = torch.zeros(len(images), teacher.config.teacher_classes, dtype=torch.half)
    with torch.autocast(images.device.type, torch.bfloat16):
        maps = method.trunk.early(images).half().cpu()
        if photos.any():
            answers[photos.cpu()] = teacher(images[photos]).half().cpu()
    return maps, answers


def _chunks(portions: Sequence[Portion], stored: int) -> Iterator[tuple[list[Domain], Tensor, Tensor]]:
    """Domains, pictures (B, V, 3, S, S) as bytes, of which a drawing has another hand in each view, and which are
    drawings (B,), some at a time.
    """
    for portion in portions:
        for first in range(0, len(portion.table), CHUNK):
            rows = list(portion.table[first : first + CHUNK])
            pictures = torch.stack([_pixels(row.picture, stored, first + at) for at, row in enumerate(rows)])
            drawings = torch.tensor([isinstance(row.picture, StrokePicture) for row in rows])
            yield [row.domain for row in rows], pictures, drawings


def _pixels(picture: Picture, stored: int, number: int) -> Tensor:
    """(V, 3, S, S) uint8"""
    if not isinstance(picture, StrokePicture):
        return torch.from_numpy(picture.pixels(stored).transpose(2, 0, 1).copy()).expand(VIEWS, -1, -1, -1)
    random = np.random.default_rng(number)
    return torch.stack([picture.view(stored, random) for _ in range(VIEWS)])
