"""Batches for many runs at once, each without a style of its own, drawn on the device that trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from retrieval.training.unseen_styles.packing import About, Part


@dataclass(frozen=True)
class Drawn:
    """A batch of every run: rows (R, B, F), the number of each picture's style among the run's and of its class, and
    which rows these are of all views of all pictures.
    """

    rows: Tensor
    domains: Tensor
    labels: Tensor
    places: Tensor | None = None


class Sampler:
    """Groups of one class, each picture of a group in another style; a random view of each picture."""

    def __init__(
        self,
        part: Part,
        about: About,
        classes: Sequence[str],
        left_out: Sequence[str],
        *,
        batch: int,
        group: int,
        seed: int,
        device: str,
    ) -> None:
        """left_out: the domain that each run does without. Every class is there in every domain."""
        self._rows = part.rows.to(device)  # (V, N, F)
        by_picture: dict[tuple[str, str], list[int]] = {}
        for at, key in enumerate(zip(part.domains, part.labels, strict=True)):
            by_picture.setdefault(key, []).append(at)
        cells = [by_picture[domain, name] for domain in about.domains for name in classes]
        most = max(len(cell) for cell in cells)
        shape = len(about.domains), len(classes)
        padded = torch.tensor([cell + [cell[0]] * (most - len(cell)) for cell in cells], device=device)
        self._index = padded.view(*shape, most)  # (domains, C, objects)
        self._counts = torch.tensor([len(cell) for cell in cells], device=device).view(shape)
        kept = [[about.domains.index(name) for name in about.without(domain)] for domain in left_out]
        self._styles = torch.tensor(kept, device=device)  # (R, domains that are trained on)
        self._group = min(group, len(kept[0]))
        self._groups = batch // self._group
        self._random = torch.Generator(device).manual_seed(seed)

    def draw(self) -> Drawn:
        """The next batch."""
        runs, styles = self._styles.shape
        classes = self._index.shape[1]
        shape = runs, self._groups, self._group
        device, random = self._rows.device, self._random
        labels = torch.randint(classes, shape[:2], device=device, generator=random)[..., None].expand(shape)
        order = torch.rand(runs, self._groups, styles, device=device, generator=random).argsort(dim=-1)
        domains = order[..., : self._group]  # (R, G, group)
        views = torch.randint(len(self._rows), shape, device=device, generator=random)
        names = self._styles.gather(1, domains.flatten(1)).view(shape)
        chosen = (torch.rand(shape, device=device, generator=random) * self._counts[names, labels]).long()
        pictures = self._index[names, labels, chosen]
        rows = self._rows[views, pictures].float()  # (R, G, group, F)
        places = views * self._rows.shape[1] + pictures
        return Drawn(rows.flatten(1, 2), *(part.flatten(1) for part in (domains, labels, places)))

    def skip(self, count: int) -> None:
        """Go on as if so many batches had been drawn."""
        for _ in range(count):
            self.draw()

    def known(self, run: int) -> tuple[Tensor, Tensor]:
        """First views of all pictures that the run trains on (N, F), and the number of the class of each (N,)."""
        index, counts = (part[self._styles[run]] for part in (self._index, self._counts))  # (domains, C, ...)
        real = torch.arange(index.shape[-1], device=index.device) < counts[..., None]
        labels = torch.arange(index.shape[1], device=index.device)[None, :, None].expand_as(index)
        return self._rows[0, index[real]].float(), labels[real]

    def some(self, run: int, count: int) -> Tensor:
        """First views of pictures that the run trains on, spread over all.   -> (count, F)"""
        rows, _ = self.known(run)
        return rows[torch.linspace(0, len(rows) - 1, count, device=rows.device).long()]
