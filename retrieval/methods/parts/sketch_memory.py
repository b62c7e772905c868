"""The memory of DSN: a few sketches of each class, those most like its photos; and the album that people look at."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

from retrieval.images import Preprocess

WRITES = ("own", "released")
RULES = ("anchored", "random")
THUMBNAIL = 48  # pixels on a side of a picture in the album, or fewer where the method reads fewer
Place = tuple[int, int] | int  # where a sketch goes: a slot of its class; as released, all slots of another


class SketchMemory(nn.Module):
    """K sketch features of each class, those most like its photos. It holds no gradient, and is no part of the weights
    (but see `Album`): every epoch begins with it empty.
    """

    rows: Tensor
    counts: Tensor
    persistent = False  # whether it is saved with the weights

    def __init__(self, classes: int, slots: int, width: int, index: str = "own", rule: str = "anchored") -> None:
        super().__init__()
        self.index, self.rule = index, rule
        self.register_buffer("rows", torch.zeros(classes, slots, width), persistent=self.persistent)
        self.register_buffer("counts", torch.zeros(classes, dtype=torch.int64), persistent=self.persistent)

    def empty(self) -> None:
        """Forget everything."""
        self.rows.zero_()
        self.counts.zero_()

    @torch.no_grad()
    def remember(self, features: Tensor, labels: Tensor, photos: Tensor) -> list[Place | None]:
        """Visit the sketches of a batch one by one: features (B, F), labels (B,), photos (B,) bool.   -> where each was
        put, None where nowhere
        """
        features, places = features.to(self.rows.dtype), []
        for sketch, label in zip(features[~photos], labels[~photos].tolist(), strict=True):
            places.append(self._place(label, sketch, features[photos & (labels == label)]))
            if places[-1] is not None:
                self.rows[places[-1]] = sketch
        return places

    def _place(self, label: int, sketch: Tensor, anchors: Tensor) -> Place | None:
        """An empty slot; else that of the sketch least like the mean of the photos (P, F), if this is more like it."""
        count, slots = int(self.counts[label]), self.rows.shape[1]
        if count < slots:
            self.counts[label] += 1
            return label, count
        if self.rule == "random":
            return label, int(torch.randint(slots, ()))
        if not len(anchors):
            return None
        anchor = anchors.mean(dim=0)
        likeness = F.cosine_similarity(self.rows[label], anchor[None], dim=1)  # (K,)
        slot = int(likeness.argmin())
        if not F.cosine_similarity(sketch, anchor, dim=0) > likeness[slot]:
            return None
        return (label, slot) if self.index == "own" else slot

    def prototypes(self) -> Tensor:
        """mu: the mean of the kept sketches of each class, zero where there is none.   -> (C, F)"""
        kept = torch.arange(self.rows.shape[1], device=self.rows.device) < self.counts[:, None]  # (C, K)
        return (self.rows * kept[:, :, None]).sum(dim=1) / self.counts.clamp(min=1)[:, None]


class Album(SketchMemory):
    """What a memory holds under the final weights, with the pictures: kept with the weights, for people to look at."""

    persistent = True
    pictures: Tensor

    def __init__(
        self,
        classes: int,
        slots: int,
        width: int,
        index: str = "own",
        rule: str = "anchored",
        *,
        preprocess: Preprocess,
    ) -> None:
        super().__init__(classes, slots, width, index, rule)
        self._mean, self._std = preprocess.mean, preprocess.std
        side = min(preprocess.size, THUMBNAIL)
        blank = torch.zeros(classes, slots, side, side, dtype=torch.uint8)
        self.register_buffer("pictures", blank)  # (C, K, S, S), grey

    def empty(self) -> None:
        """Forget everything, the pictures too."""
        super().empty()
        self.pictures.zero_()

    def keep(self, features: Tensor, greys: Tensor, labels: Tensor, photos: Tensor) -> None:
        """Remember a batch, and its pictures: features (B, F), greys (B, S, S) uint8, labels (B,), photos (B,) bool."""
        places = self.remember(features, labels, photos)
        for place, picture in zip(places, greys[~photos], strict=True):
            if place is not None:
                self.pictures[place] = picture

    def greys(self, images: Tensor) -> Tensor:
        """(B, 3, H, W), normalised -> (B, S, S), uint8"""
        mean, std = (images.new_tensor(values).view(3, 1, 1) for values in (self._mean, self._std))
        grey = v2.functional.rgb_to_grayscale(images * std + mean).clamp(0, 1)  # (B, 1, H, W)
        small = F.interpolate(grey, self.pictures.shape[-2:], mode="area")[:, 0]  # (B, S, S)
        return (small * 255).round().to(torch.uint8)
