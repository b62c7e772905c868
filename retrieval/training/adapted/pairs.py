"""Pairs of pictures drawn on the device: one object as the adapter sees it, and as the prior is to draw it.

Every batch is a function of (seed, step), so a run that is resumed sees what it would have seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from retrieval.diffusion.prompts import EMPTY, prompt
from retrieval.training.adapted.table import NONE, PairTable
from retrieval.training.adapted.variations import grey, outline, place_both, redraw, turn_hues
from retrieval.types import SKETCH

AS_IS, GREY, OUTLINE, REDRAWN = range(4)
COLORED = ("photo", "painting", "cartoon", "mosaic", "emoji", "figurine")  # styles that show an object's colours
CLEAN = ("photo", "cartoon", "emoji", "figurine", "icon")  # styles whose contours can be found


@dataclass(frozen=True)
class Shares:
    """How often what is shown or left out."""

    kinds: tuple[float, float, float, float] = (0.45, 0.1, 0.15, 0.3)  # as is, grey, outline, redrawn
    neither: float = 0.05  # neither map nor words
    no_map: float = 0.15
    no_words: float = 0.1  # of those with a map
    classes: float = 0.5  # of those with a map and words, how many name the class
    styles: float = 0.9  # name the style
    colors: float = 0.5  # of those that name a class or have a map, how many name the colour
    colors_withheld: float = 0.25  # from the adapter
    turned: float = 0.4  # of pairs whose colours can be seen, how many have other hues


@dataclass(frozen=True)
class Pairs:
    """A batch."""

    seen: Tensor  # (B, 3, S, S) in [-1, 1]: what the adapter sees
    target: Tensor  # (B, 3, S, S) in [-1, 1]: what is to be drawn
    prompts: Tensor  # (B,): rows of the table's prompts
    has_map: Tensor  # (B,) bool
    colors_known: Tensor  # (B,) bool


class PairSampler:
    """Draws pairs from a table whose pictures lie on the device."""

    def __init__(self, table: PairTable, device: str | torch.device, seed: int = 0, shares: Shares | None = None):
        self.shares = shares or Shares()
        self.pictures = torch.from_numpy(table.pictures()).permute(0, 3, 1, 2).contiguous().to(device)  # (N, 3, S, S)
        self.states = torch.from_numpy(table.states).to(device)  # (P, L, W)
        self.empty = table.prompts.index(EMPTY)
        self._rows = torch.from_numpy(table.rows).long().to(device)  # (M, D)
        self._labels = torch.from_numpy(table.labels).long().to(device)  # (M,)
        self._hues = torch.from_numpy(table.hues).long().to(device)  # (M,)
        self._weights = torch.from_numpy(table.weights).to(device)  # (M,)
        self._prompts = prompt_rows(table).to(device)  # (D + 1, K + 1, C + 1)
        self._sketch = table.styles.index(SKETCH.name) if SKETCH.name in table.styles else NONE
        self._colored = torch.tensor([style in COLORED for style in table.styles], device=device)  # (D,)
        self._clean = torch.tensor([style in CLEAN for style in table.styles], device=device)  # (D,)
        self._seed = seed
        self._generator = torch.Generator(device)
        self._device = device

    def batch(self, step: int, count: int) -> Pairs:
        """The pairs of one step."""
        with torch.autocast(self._rows.device.type, enabled=False):  # positions need all their digits
            return self._batch(step, count)

    def _batch(self, step: int, count: int) -> Pairs:
        self._generator.manual_seed(self._seed * 1_000_003 + step)
        objects = torch.multinomial(self._weights, count, replacement=True, generator=self._generator)
        rows = self._rows[objects]  # (B, D)
        seen_style, kind = self._seen(rows)
        style = self._any(rows >= 0)
        each = torch.arange(count, device=self._device)
        chance = self._chance(count)
        has_map = chance >= self.shares.neither + self.shares.no_map
        known = self._chance(count) >= self.shares.colors_withheld
        turned = has_map & known & (kind == AS_IS) & self._colored[seen_style] & self._colored[style]
        turned &= self._chance(count) < self.shares.turned
        both = [as_floats(self.pictures[rows[each, which]]) for which in (seen_style, style)]
        both = list(turn_hues(both[0], both[1], turned, self._generator))
        seen, target = place_both(both[0], both[1], self._generator)
        hues = torch.where(turned, NONE, self._hues[objects])
        prompts = self._words(self._labels[objects], hues, style, has_map, chance < self.shares.neither)
        return Pairs(vary(seen, kind, self._generator), target, prompts, has_map, known)

    def random_pictures(self, step: int, count: int) -> Tensor:
        """Any of them, as often as pairs show them.   -> (B, 3, S, S) in [-1, 1]"""
        return self.styled_pictures(step, count)[0]

    def styled_pictures(self, step: int, count: int) -> tuple[Tensor, Tensor]:
        """The same, and in which styles they are.   -> (B, 3, S, S), (B,)"""
        self._generator.manual_seed(self._seed * 1_000_003 + step)
        objects = torch.multinomial(self._weights, count, replacement=True, generator=self._generator)
        rows = self._rows[objects]
        style = self._any(rows >= 0)
        chosen = rows[torch.arange(count, device=self._device), style]
        pictures = as_floats(self.pictures[chosen])
        with torch.autocast(self._rows.device.type, enabled=False):
            return place_both(pictures, pictures, self._generator)[0], style

    def _seen(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """In which style the adapter sees the objects with pictures (B, D), and how that is varied.   -> (B,), (B,)"""
        shares = torch.tensor(self.shares.kinds, device=self._device)
        kind = torch.multinomial(shares, len(rows), replacement=True, generator=self._generator)
        style = self._any(rows >= 0)
        clean = (rows >= 0) & self._clean
        style = torch.where((kind == OUTLINE) & clean.any(1), self._any(clean), style)
        if self._sketch != NONE:
            can = (kind == REDRAWN) & (rows[:, self._sketch] >= 0)
            style = torch.where(can, self._sketch, style)
            kind = torch.where((kind == REDRAWN) & ~can, OUTLINE, kind)
        kind = torch.where((kind == OUTLINE) & ~self._clean[style], AS_IS, kind)
        return style, kind

    def _words(self, labels: Tensor, hues: Tensor, style: Tensor, has_map: Tensor, neither: Tensor) -> Tensor:
        """The rows of prompts that name some of class, colour and style, or nothing.   -> (B,)"""
        shares, count = self.shares, len(labels)
        speechless = neither | (has_map & (self._chance(count) < shares.no_words))
        names_class = ~has_map | (self._chance(count) < shares.classes)
        label = torch.where(names_class, labels, NONE)
        hue = torch.where(self._chance(count) < shares.colors, hues, NONE)
        named = torch.where(self._chance(count) < shares.styles, style, NONE)
        colored = self._prompts[named, label, hue]
        prompts = torch.where(colored >= 0, colored, self._prompts[named, label, NONE])
        return torch.where(speechless, self.empty, prompts)

    def _any(self, allowed: Tensor) -> Tensor:
        """One of the allowed columns (B, D) of each row, evenly.   -> (B,)"""
        score = torch.rand(allowed.shape, device=allowed.device, generator=self._generator)
        return (score + allowed).argmax(1)

    def _chance(self, count: int) -> Tensor:
        return torch.rand(count, device=self._device, generator=self._generator)


def vary(seen: Tensor, kind: Tensor, generator: Generator) -> Tensor:
    """Pictures (B, 3, S, S), each varied in its kind (B,)."""
    kind = kind[:, None, None, None]
    varied = torch.where(kind == GREY, grey(seen), seen)
    varied = torch.where(kind == OUTLINE, outline(seen, generator), varied)
    return torch.where(kind == REDRAWN, redraw(seen, generator), varied)


def as_floats(pictures: Tensor) -> Tensor:
    """8-bit -> [-1, 1]"""
    return pictures.float() / 127.5 - 1


def prompt_rows(table: PairTable) -> Tensor:
    """Where the table has the prompt of a style, a class and a colour, each or none (the last); NONE where it is not.

    -> (D + 1, K + 1, C + 1)
    """
    row = {text: number for number, text in enumerate(table.prompts)}
    names = [[*part, None] for part in (table.styles, table.classes, table.colors)]
    return torch.tensor([[[row.get(prompt(s, k, c), NONE) for c in names[2]] for k in names[1]] for s in names[0]])
