"""Batches for the foundation, made on the device that trains: pictures lie there as bytes and are varied as a whole.

Which pictures stand in a batch is decided by `data.sampler`, as for every other training; what is said of them comes
from a table of texts that were embedded before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Self

import numpy as np
import torch
from torch import Tensor

from retrieval.data.batch import Batch
from retrieval.data.batch_augment import Variation, vary
from retrieval.data.picture_table import Row
from retrieval.data.pictures import Picture, StrokePicture
from retrieval.data.sampler import Portion, Sampler
from retrieval.images import Preprocess
from retrieval.threads import cores
from retrieval.training.recipes.parts.class_texts import TextTable, caption, class_wordings, pick
from retrieval.types import PHOTO
from retrieval.world.captions import COLORLESS, MEDIA
from retrieval.world.palette import PALETTE

CHUNK = 256  # pictures that a process makes at once
COLOR_SHARE, STYLE_SHARE = 0.6, 0.5  # of the captions that could name the colour or the style, so many do
HANDS = 2  # views of each drawing, each by another hand, before they are varied as pictures


@dataclass(frozen=True)
class TextBatch(Batch):
    """A batch whose texts are embedded already. `texts` stays empty.

    sentences (T, W): first one wording of each class, then a caption of each picture, then captions that say another
    colour or style. holds (B, T): which are true of which picture; silent (B, T): of which nobody knows. real (B,):
    photographs of real things, not renders.
    """

    sentences: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
    silent: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))
    real: Tensor = dataclasses.field(default_factory=lambda: torch.zeros(0))

    def on(self, device: torch.device) -> Self:
        """The batch itself: it was made where it is used."""
        return self


class DeviceSampler(Sampler):
    """`Sampler` with pictures on a device; its images are varied there and normalised.

    stored: pixels on a side of what is kept; drawings are kept as grey, in several views.
    """

    def __init__(
        self,
        portions: Sequence[Portion],
        preprocess: Preprocess,
        texts: TextTable,
        may_say: Callable[[str], bool],
        *,
        stored: int,
        device: str,
        batch: int,
        steps: int,
        group: int,
        by: Variation | None = None,
    ) -> None:
        super().__init__(portions, preprocess, batch=batch, steps=steps, group=group)
        self._device, self._by = torch.device(device), by or Variation()
        self._pixels = [_stored(portion, stored).to(self._device) for portion in portions]
        self._texts, self._sentences = texts, texts.rows.to(self._device)
        self._wordings = [[text for text in class_wordings(name) if text in texts.texts] for name in self.classes]
        self._number = {name: number for number, name in enumerate(self.classes)}
        self._say = {(p, r): _said_of(row, may_say) for p, portion in enumerate(portions)
                     for r, row in enumerate(portion.table)}  # fmt: skip
        self._rows = [list(portion.table) for portion in portions]

    def batch(self, seed: int, epoch: int, step: int) -> TextBatch:
        """One batch of an epoch."""
        random = np.random.default_rng([seed, epoch, step])
        places = [place for group in self._groups(seed, epoch, step, random) for place in group][: self._batch]
        rows = [self._rows[which][at] for which, at in places]
        drawings = torch.tensor([isinstance(row.picture, StrokePicture) for row in rows], device=self._device)
        chance = torch.Generator(self._device).manual_seed(int(random.integers(2**31)))
        views = vary(self._gathered(places, random), drawings, self.preprocess.size, self._by, chance)
        mean, std = (
            torch.tensor(v, device=self._device).view(3, 1, 1) for v in (self.preprocess.mean, self.preprocess.std)
        )
        sentences, holds, silent = self._said(places, rows, random)
        return TextBatch(
            images=(views - mean) / std,
            domains=[row.domain for row in rows],
            labels=torch.tensor([self._number[row.label] for row in rows], device=self._device),
            texts=(),
            holds=holds,
            instances=[row.instance for row in rows],
            sentences=sentences,
            silent=silent,
            real=torch.tensor([row.domain == PHOTO and not row.color for row in rows], device=self._device),
        )

    def _gathered(self, places: Sequence[tuple[int, int]], random: np.random.Generator) -> Tensor:
        """The kept pictures, in order.   -> (B, 3, H, W) uint8"""
        side = self._pixels[0].shape[-1]
        pictures = torch.empty(len(places), 3, side, side, dtype=torch.uint8, device=self._device)
        for which, kept in enumerate(self._pixels):
            slots = [slot for slot, (portion, _) in enumerate(places) if portion == which]
            if not slots:
                continue
            many = len(kept) // len(self.portions[which].table)  # views of each picture
            at = [places[slot][1] * many + int(random.integers(many)) for slot in slots]
            chosen = kept[torch.tensor(at, device=self._device)]
            pictures[torch.tensor(slots, device=self._device)] = chosen.expand(-1, 3, -1, -1)
        return pictures

    def _said(
        self, places: Sequence[tuple[int, int]], rows: Sequence[Row], random: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sentences (T, W), which hold (B, T), and of which nobody knows (B, T)."""
        of_classes = [pick(wordings, random) for wordings in self._wordings]
        said = [_claim(self._say[place], random) for place in places]
        said += [counterfactual(claim, random) for claim in said if claim.color or claim.style]
        numbers = torch.tensor([self._number[row.label] for row in rows])
        classes = torch.nn.functional.one_hot(numbers, len(self.classes)).bool()  # (B, C)
        labels = _same(numbers, torch.tensor([self._number[claim.label] for claim in said]))
        colors, claimed_colors = _codes([_shown_color(row) for row in rows], [claim.color for claim in said])
        styles, claimed_styles = _codes([row.style for row in rows], [claim.style for claim in said])
        fits = _same(colors, claimed_colors) | (claimed_colors < 0)[None]
        fits &= _same(styles, claimed_styles) | (claimed_styles < 0)[None]
        keyword = torch.tensor([claim.is_keyword for claim in said])
        own = torch.eye(len(rows), len(said), dtype=torch.bool)
        captions = torch.where(keyword[None], own, labels & fits)  # (B, claims)
        unknown = labels & (keyword[None] & ~own | ~keyword[None] & (colors < 0)[:, None] & (claimed_colors >= 0)[None])
        places_of = self._texts.places([*of_classes, *(claim.text for claim in said)])
        return (
            self._sentences[places_of.to(self._device)].float(),
            torch.cat([classes, captions], dim=1).to(self._device),
            torch.cat([torch.zeros_like(classes), unknown], dim=1).to(self._device),
        )


@dataclass(frozen=True)
class Claim:
    """A text about a picture: its class, the colour and the style that it names ("": none), and whether it is a
    keyword.
    """

    text: str
    label: str
    color: str = ""
    style: str = ""
    is_keyword: bool = False


def _said_of(row: Row, may_say: Callable[[str], bool]) -> tuple[Row, tuple[str, ...]]:
    """A row and the keywords of it that may be said."""
    return row, tuple(sorted(word for word in row.words if word != row.label and may_say(word)))


def _claim(of: tuple[Row, tuple[str, ...]], random: np.random.Generator) -> Claim:
    """A true text about a picture: a keyword, or its class, perhaps with its colour and its style."""
    row, keywords = of
    if keywords and random.random() < 0.5:
        return Claim(pick(keywords, random), row.label, is_keyword=True)
    color = row.color if row.color and row.domain.name not in COLORLESS and random.random() < COLOR_SHARE else ""
    style = row.style if random.random() < STYLE_SHARE else ""
    return Claim(caption(row.label, color, style), row.label, color, style)


def _shown_color(row: Row) -> str:
    """The word for the colour that a picture shows; "" where nobody wrote it down."""
    return "no colour" if row.color and row.domain.name in COLORLESS else row.color


def counterfactual(claim: Claim, random: np.random.Generator) -> Claim:
    """The same claim with another colour; or, where it names none, of another style: a hard negative (Yuksekgonul et
    al., "When and Why Vision-Language Models Behave like Bags-of-Words", 2023).
    """
    if claim.color:
        color = pick([color for color in PALETTE if color != claim.color], random)
        return Claim(caption(claim.label, color, claim.style), claim.label, color, claim.style)
    style = pick([style for style in MEDIA if style != claim.style], random)
    return Claim(caption(claim.label, "", style), claim.label, "", style)


def all_texts(portions: Sequence[Portion], classes: Sequence[str], may_say: Callable[[str], bool]) -> list[str]:
    """Every text that a `DeviceSampler` of these portions may need; of rendered classes, those with any colour."""
    texts = [wording for name in classes for wording in class_wordings(name)]
    for portion in portions:
        named = {(row.label, row.style) for row in portion.table}
        colored = {(row.label, row.style) for row in portion.table if row.color and row.domain.name not in COLORLESS}
        texts += [caption(label, "", style) for label, of in named for style in {"", of, *(MEDIA if of else ())}]
        texts += [caption(label, c, style) for label, of in colored for c in PALETTE for style in {"", of}]
        texts += [word for row in portion.table for word in _said_of(row, may_say)[1]]
    return texts


def _codes(values: Sequence[str], claimed: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Small numbers for strings, the same for the same in both; -1 for "".   -> (len(values),), (len(claimed),)"""
    number = {value: place for place, value in enumerate(sorted({*values, *claimed} - {""}))}
    left, right = ([number.get(value, -1) for value in of] for of in (values, claimed))
    return torch.tensor(left), torch.tensor(right)


def _same(left: Tensor, right: Tensor) -> Tensor:
    """Which are equal.   -> (len(left), len(right)) bool"""
    return left[:, None] == right[None, :]


def _stored(portion: Portion, size: int) -> Tensor:
    """The portion's pictures as bytes: (N, 3, size, size); or, all of them drawings, (N HANDS, 1, size, size)."""
    pictures = portion.table.pictures
    chunks = [(pictures[first : first + CHUNK], size, first) for first in range(0, len(pictures), CHUNK)]
    with ProcessPoolExecutor(cores(), get_context("fork")) as pool:  # a drawing is drawn by Python, one core at a time
        return torch.from_numpy(np.concatenate(list(pool.map(_stored_chunk, chunks))))


def _stored_chunk(chunk: tuple[Sequence[Picture], int, int]) -> np.ndarray:
    """Some pictures as bytes, of which the first has this number.   -> (n, 3 or 1, size, size)"""
    pictures, size, first = chunk
    if not isinstance(pictures[0], StrokePicture):
        return np.stack([picture.pixels(size).transpose(2, 0, 1) for picture in pictures])
    views = []
    for number, picture in enumerate(pictures, start=first):
        random = np.random.default_rng(number)
        views += [picture.view(size, random).numpy()[:1] for _ in range(HANDS)]
    return np.stack(views)
