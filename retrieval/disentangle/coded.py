"""A picture taken apart: what an extractor and an image adapter are asked, and what was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from PIL import Image
from torch import Tensor

from retrieval.images import Preprocess


class Extracting(Protocol):
    """What knows object codes; see `methods.dude.Dude`."""

    preprocess: Preprocess
    neutral_thing: Tensor  # (W,)

    @property
    def styles(self) -> tuple[str, ...]:
        """The words for its domains."""

    def tokens(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, S, S), normalised -> object codes (B, W), among the prior's words."""


@dataclass(frozen=True)
class Where:
    """Where things stand: the control that an image adapter makes of a picture. Equal keys are the same control."""

    key: str
    control: Tensor = field(compare=False, repr=False)  # (M, h, w)
    colors_known: bool = True


@dataclass(frozen=True)
class Coded:
    """A picture as it is read, and its parts."""

    picture: Image.Image
    z: tuple[float, ...]  # (W,)
    style: str
    thing: str | None
    words: Mapping[str, float]  # the likeliest in which z is spelled, and their shares
    where: Where | None = None  # None: the prior has no adapter
