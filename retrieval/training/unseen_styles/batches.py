"""Batches for many runs at once, each without a style of its own, drawn on the device that trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrieval.training.unseen_styles.packing import Part
from retrieval.types import STYLES

NAMES = tuple(sorted(style.name for style in STYLES))


def without(style: str) -> tuple[str, ...]:
    """The styles that are trained on where one is left out, or several joined by "+", in the order of their prompts."""
    return tuple(name for name in NAMES if name not in style.split("+"))


@dataclass(frozen=True)
class Drawn:
    """A batch of every run: rows (R, B, F), the number of each picture's style among the run's and of its class."""

    rows: Tensor
    domains: Tensor
    labels: Tensor


class Sampler:
    """Groups of one class, each picture of a group in another style; a random view of each picture."""

    def __init__(
        self,
        part: Part,
        classes: Sequence[str],
        left_out: Sequence[str],
        *,
        batch: int,
        group: int,
        seed: int,
        device: str,
    ) -> None:
        """left_out: the style that each run does without."""
        self._rows = part.rows.to(device)  # (V, N, F)
        by_picture: dict[tuple[str, str], list[int]] = {}
        for at, key in enumerate(zip(part.domains, part.labels, strict=True)):
            by_picture.setdefault(key, []).append(at)
        fewest = min(len(rows) for rows in by_picture.values())
        index = [[by_picture[style, name][:fewest] for name in classes] for style in NAMES]
        self._index = torch.tensor(index, device=device)  # (styles, C, objects)
        kept = [[NAMES.index(name) for name in without(style)] for style in left_out]
        self._styles = torch.tensor(kept, device=device)  # (R, 5)
        self._groups, self._group = batch // group, group
        self._random = torch.Generator(device).manual_seed(seed)

    def draw(self) -> Drawn:
        """The next batch."""
        runs, styles = self._styles.shape
        _, classes, objects = self._index.shape
        shape = runs, self._groups, self._group
        device, random = self._rows.device, self._random
        labels = torch.randint(classes, shape[:2], device=device, generator=random)[..., None].expand(shape)
        order = torch.rand(runs, self._groups, styles, device=device, generator=random).argsort(dim=-1)
        domains = order[..., : self._group]  # (R, G, group)
        chosen = torch.randint(objects, shape, device=device, generator=random)
        views = torch.randint(len(self._rows), shape, device=device, generator=random)
        names = self._styles.gather(1, domains.flatten(1)).view(shape)
        rows = self._rows[views, self._index[names, labels, chosen]].float()  # (R, G, group, F)
        return Drawn(rows.flatten(1, 2), domains.flatten(1), labels.flatten(1))

    def some(self, run: int, count: int) -> Tensor:
        """First views of pictures that the run trains on, spread over all.   -> (count, F)"""
        numbers = self._index[self._styles[run]].flatten()
        spread = torch.linspace(0, len(numbers) - 1, count, device=numbers.device).long()
        return self._rows[0, numbers[spread]].float()
