"""What a drawn figure wears, read from the picture alone: phrases with boxes, and captions made of them.

A prompt says what was asked for, not what was drawn. So MRA looks: in each place where street figures of the training
identities have their hair, coat, bag and so on, it compares what stands in the box with every phrase that is said of
that slot. The best box and phrase are kept where they are alike enough; how alike that is follows from real pictures
that have, and have not, something in the slot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.methods.mra import MRA
from retrieval.types import Region
from retrieval.world.people.captions import sentence_of

MOVED = (-0.06, 0.0, 0.06)  # of a slot's usual box, as shares of the picture, in each direction
CHUNK = 64
SLOTS = ("hat", "hair", "eyewear", "beard", "scarf", "coat", "upper", "lower", "shoes", "bag", "straps", "carried")


@dataclass(frozen=True)
class Slot:
    """What is said of a slot, the boxes where it is looked for (K, 4), and how alike a find must be."""

    name: str
    phrases: tuple[str, ...]
    codes: Tensor  # (P, D)
    boxes: Tensor  # (K, 4)
    least: float


def slots_of(method: MRA, table: PictureTable, kinds: Mapping[str, str]) -> list[Slot]:
    """The slots of real pictures; `kinds` says in which slot a phrase is."""
    places = picture_tokens(method, table)
    slots = []
    for name in SLOTS:
        boxes = [part.box for row in table.regions for part in row if kinds.get(part.phrase) == name]
        phrases = tuple(sorted({p.phrase for row in table.regions for p in row if kinds.get(p.phrase) == name}))
        if len(boxes) < 10:
            continue
        usual = torch.tensor(boxes).median(dim=0).values
        around = torch.stack([usual + torch.tensor([x, y, 0.0, 0.0]) for x in MOVED for y in MOVED])
        around = around.to(method.scale.device)
        slot = Slot(name, phrases, phrase_codes(method, phrases), around, 0.0)
        has = np.array([any(kinds.get(p.phrase) == name for p in row) for row in table.regions])
        best = _found(method, places, slot)[0]
        slots.append(Slot(name, phrases, slot.codes, around, threshold(best.cpu().numpy(), has)))
    return slots


def threshold(
    values: np.ndarray[tuple[int], np.dtype[np.floating]], has: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> float:
    """The value that best parts those that have it from the others, by the mean of both shares that are right."""
    if has.all():
        return float(values.min())
    steps = np.unique(np.quantile(values, np.linspace(0, 1, 101)))
    right = [(values[has] >= step).mean() + (values[~has] < step).mean() for step in steps]
    return float(steps[int(np.argmax(right))])


@torch.no_grad()
def picture_tokens(method: MRA, table: PictureTable) -> Tensor:
    """The tokens of upright pictures.   -> (N, P, W)"""
    size = method.preprocess.size
    parts = []
    for first in range(0, len(table), CHUNK):
        pictures = table.tensor(range(first, min(first + CHUNK, len(table)))).to(method.scale.device)
        large = torch.nn.functional.interpolate(pictures, (size, size // 2), mode="bilinear", align_corners=False)
        parts.append(method.picture_reader(method.upright_stem(large)))
    return torch.cat(parts)


@torch.no_grad()
def phrase_codes(method: MRA, phrases: Sequence[str]) -> Tensor:
    """-> (P, D)"""
    read = method.read(phrases)
    return method.phrase_codes(method.text_reader(read.states, read.real), read.real)


@torch.no_grad()
def describe(method: MRA, table: PictureTable, slots: Sequence[Slot], seed: int = 0) -> PictureTable:
    """The pictures with regions and two captions each that say what is seen, whatever was known of them before."""
    places = picture_tokens(method, table)
    regions: list[list[tuple[str, Region]]] = [[] for _ in table.pictures]
    for slot in slots:
        best, box, phrase = _found(method, places, slot)
        for row, (value, at, said) in enumerate(zip(best.tolist(), box.tolist(), phrase.tolist(), strict=True)):
            if value >= slot.least:
                cx, cy, w, h = slot.boxes[at].tolist()
                regions[row].append((slot.name, Region((cx, cy, w, h), slot.phrases[said])))
    rng = np.random.default_rng(seed)
    captions = [tuple(sentence_of([(n, r.phrase) for n, r in found], rng) for _ in range(2)) for found in regions]
    return table.with_columns(captions=captions, regions=[tuple(r for _, r in found) for found in regions])


@torch.no_grad()
def _found(method: MRA, places: Tensor, slot: Slot) -> tuple[Tensor, Tensor, Tensor]:
    """The best similarity of any box and phrase, and which they are: (N,) each."""
    inside = method.inside(slot.boxes)  # (K, P)
    each = []
    for row in inside:
        codes = method.region_codes(places, row.expand(len(places), -1))
        each.append(codes @ slot.codes.T)  # (N, phrases)
    value, phrase = torch.stack(each, dim=1).max(dim=2)  # (N, K)
    best, box = value.max(dim=1)
    return best, box, phrase.gather(1, box[:, None])[:, 0]
