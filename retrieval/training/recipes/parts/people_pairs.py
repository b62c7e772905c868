"""Figures with captions, boxes and phrases, ready on the device that trains: each picture in some varied views, whose
stems the frozen trunk has made once, and each text as the frozen sentence encoder reads it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.data.picture_table import PictureTable
from retrieval.methods.mra import MRA, TEXT, RelationBatch, Sentences
from retrieval.types import Domain

CHUNK = 128
ZOOM, SHIFT = (0.88, 1.06), 0.08  # of a view: what it shows of the picture, and how far off the middle
WHOLE = (0.5, 0.5, 1.0, 1.0)  # the box of a picture without parts, whose phrase is its caption


@dataclass(frozen=True)
class PeoplePairs:
    """N pictures in V views, their T captions and their boxes with phrases, R at most."""

    stems: Tensor  # (N, V, P, C), or pictures (N, V, 3, H, wide)
    boxes: Tensor  # (N, V, R, 4)
    box_phrases: Tensor  # (N, R), -1 where there is none
    people: Tensor  # (N,)
    captions: Sentences  # (T, L)
    caption_rows: Tensor  # (N, captions of a picture)
    phrases: Sentences

    @property
    def device(self) -> torch.device:
        """Where they lie."""
        return self.stems.device

    def batch(self, rows: Tensor, random: torch.Generator, regions: bool) -> RelationBatch:
        """Those pictures (B,): of each a random view, a random caption and a random box."""
        view = self._any(torch.full_like(rows, self.stems.shape[1]), random)
        caption = self.caption_rows[rows, self._any(torch.full_like(rows, self.caption_rows.shape[1]), random)]
        box = self._any((self.box_phrases[rows] >= 0).sum(dim=1), random)
        numbers = self.box_phrases[rows, box]
        return RelationBatch(
            images=self.stems[rows, view].float(),
            domains=[Domain("")] * len(rows),
            labels=self.people[rows],
            texts=(),
            holds=torch.zeros(len(rows), 0, dtype=torch.bool),
            captions=self.captions.at(caption),
            boxes=self.boxes[rows, view, box] if regions else None,
            phrases=self.phrases.at(numbers) if regions else None,
            phrase_numbers=numbers if regions else None,
        )

    def _any(self, counts: Tensor, random: torch.Generator) -> Tensor:
        """For each a number below its count (B,)."""
        shares = torch.rand(len(counts), generator=random).to(self.device)
        return (shares * counts).long().minimum(counts - 1)


@dataclass(frozen=True)
class PairBatches:
    """`steps` batches in an epoch, each of different pictures."""

    pairs: PeoplePairs
    size: int
    steps: int
    regions: bool

    def __len__(self) -> int:
        return self.steps

    def epoch(self, seed: int, epoch: int) -> Iterator[RelationBatch]:
        """The batches of one epoch, which depend on its seed alone."""
        random = torch.Generator().manual_seed(seed)
        for _ in range(self.steps):
            rows = torch.randperm(len(self.pairs.people), generator=random)[: self.size]
            yield self.pairs.batch(rows.to(self.pairs.device), random, self.regions)


@torch.no_grad()
def gather_pairs(method: MRA, table: PictureTable, views: int, device: str, seed: int = 0) -> PeoplePairs:
    """The pairs of upright pictures of one size, all with as many captions; the first view is the picture as it is."""
    regions = [row.regions or () for row in table]
    boxes = [[part.box for part in parts] or [WHOLE] for parts in regions]
    spoken = [
        [part.phrase for part in parts] or [captions[0]]
        for parts, captions in zip(regions, table.captions, strict=True)
    ]
    phrases, most = sorted({phrase for row in spoken for phrase in row}), max(map(len, boxes))
    number = {phrase: at for at, phrase in enumerate(phrases)}
    padded = torch.tensor([row + [WHOLE] * (most - len(row)) for row in boxes], device=device)  # (N, R, 4)
    stems, moved = _views(method, table, padded, views, torch.Generator().manual_seed(seed))
    captions = [text for row in table.captions for text in row]
    said = {text: at for at, text in enumerate(dict.fromkeys(captions))}
    people = {name: at for at, name in enumerate(dict.fromkeys(table.labels))}
    return PeoplePairs(
        stems,
        moved,
        torch.tensor([[number[p] for p in row] + [-1] * (most - len(row)) for row in spoken], device=device),
        torch.tensor([people[name] for name in table.labels], device=device),
        read_all(method, list(said)),
        torch.tensor([said[text] for text in captions], device=device).view(len(table), -1),
        read_all(method, phrases),
    )


def known_words(method: MRA, tables: Iterable[PictureTable]) -> Tensor:
    """The pieces of all words of their captions, sorted.   -> (V,)"""
    pieces, real = method.parts[TEXT].tokens([text for table in tables for row in table.captions for text in row])
    return torch.unique(pieces[method.parts[TEXT].words_of(pieces, real) > 0])


def read_all(method: MRA, texts: Sequence[str]) -> Sentences:
    """All texts, padded to the longest; those of like length are read together, without most of their padding."""
    encoder = method.parts[TEXT]
    pieces, real = encoder.tokens(texts)
    lengths = real.sum(dim=1)
    states = torch.zeros(*pieces.shape, encoder.width, device=pieces.device)
    for rows in lengths.argsort().split(CHUNK):
        longest = int(lengths[rows].max())
        states[rows, :longest] = encoder.states(encoder.words(pieces[rows, :longest]), real[rows, :longest])
    return Sentences(pieces, real, encoder.words_of(pieces, real), states)


def _views(
    method: MRA, table: PictureTable, boxes: Tensor, views: int, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Stems (N, V, ...) in half precision, and the boxes in each view (N, V, R, 4)."""
    size, stems = method.preprocess.size, []
    moved: list[Tensor] = []
    for first in range(0, len(table), CHUNK):
        pixels = table.pixels(range(first, min(first + CHUNK, len(table))))
        pictures = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(boxes.device).float() / 127.5 - 1
        seen = [
            widened(*vary(pictures, boxes[first : first + CHUNK], size, random, view > 0), method.wide)
            for view in range(views)
        ]
        each = [picture.contiguous(memory_format=torch.channels_last) for picture, _ in seen]  # faster in the trunk
        stems.append(torch.stack([method.upright_stem(view).half() for view in each], dim=1))
        moved.append(torch.stack([box for _, box in seen], dim=1))
    return torch.cat(stems), torch.cat(moved)


def widened(pictures: Tensor, boxes: Tensor, wide: int) -> tuple[Tensor, Tensor]:
    """Pictures (B, 3, H, w) with their borders drawn out to so many pixels, and their boxes (B, R, 4)."""
    own = pictures.shape[-1]
    margin, share = (wide - own) // 2, own / wide
    moved = boxes * boxes.new_tensor([share, 1, share, 1]) + boxes.new_tensor([margin / wide, 0, 0, 0])
    return F.pad(pictures, (margin, wide - own - margin, 0, 0), mode="replicate"), moved


def vary(
    pictures: Tensor, boxes: Tensor, size: int, random: torch.Generator, varied: bool = True
) -> tuple[Tensor, Tensor]:
    """Upright pictures (B, 3, 2w, w) in [-1, 1], `size` high, and their boxes (B, R, 4): moved, zoomed, mirrored, in
    another light, perhaps less sharp; or as they are.   -> (B, 3, size, size / 2), (B, R, 4)
    """
    count = len(pictures)

    def between(low: float, high: float, columns: int = 1) -> Tensor:
        return (low + (high - low) * torch.rand(count, columns, generator=random)).to(pictures.device)

    zoom, shift = between(*ZOOM), between(-2 * SHIFT, 2 * SHIFT, 2) * torch.tensor([1.0, 0.5], device=pictures.device)
    flip = between(-1, 1).sign()
    light, cast, noise, blur = between(0.7, 1.2), between(0.92, 1.08, 3), between(0.0, 0.08), between(0.0, 1.0)
    if not varied:
        zoom, shift, flip = torch.ones_like(zoom), torch.zeros_like(shift), torch.ones_like(flip)
    theta = torch.zeros(count, 2, 3, device=pictures.device)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = (zoom * flip)[:, 0], zoom[:, 0], shift
    grid = F.affine_grid(theta, [count, 3, size, size // 2], align_corners=False)
    seen = F.grid_sample(pictures, grid, mode="bilinear", padding_mode="border", align_corners=False)
    middles = (2 * boxes[..., :2] - 1 - shift[:, None]) / zoom[:, None]
    middles = torch.cat([middles[..., :1] * flip[:, None], middles[..., 1:]], dim=-1)
    moved = torch.cat([(middles + 1) / 2, boxes[..., 2:] / zoom[:, None]], dim=-1)
    if varied:
        soft = F.interpolate(F.avg_pool2d(seen, 4), scale_factor=4.0, mode="bilinear", align_corners=False)
        seen = torch.lerp(seen, soft, (blur * (blur > 0.5))[:, :, None, None])
        grains = torch.randn(seen.shape, generator=random).to(seen.device) * noise[:, :, None, None]
        seen = (((seen + 1) * (light * cast)[:, :, None, None] - 1) + grains).clamp(-1, 1)
    return seen, moved
