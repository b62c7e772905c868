"""Disentanglers that need no training, and pictures of two coloured halves: left the thing, right the style."""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from retrieval.diffusion.prior import Prior
from retrieval.disentangle import Original
from retrieval.disentangle.generator import as_images
from retrieval.disentangle.panel_values import Drawn
from retrieval.disentangle.panels import Disentangler
from retrieval.images import Preprocess
from tests.diffusion.priors import COLORS, STYLES, THINGS, WIDTH, HalvesPrior


class HalvesDude:
    """Reads the colour of the left half, in the first three coordinates."""

    preprocess = Preprocess(16, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    neutral_thing = torch.zeros(WIDTH)
    styles = STYLES

    def tokens(self, images: Tensor) -> Tensor:
        left = images[..., : images.shape[-1] // 2].mean(dim=(2, 3))  # (B, 3)
        return F.pad(left, (0, WIDTH - 3))


class HalvesJudge:
    """Names the halves' colours."""

    classes = THINGS
    styles = STYLES

    def __init__(self) -> None:
        self.asked = 0

    def scores(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        self.asked += 1
        half = pictures.shape[-1] // 2
        left, right = (part.mean(dim=(2, 3)) for part in (pictures[..., :half], pictures[..., half:]))
        return (left @ COLORS.T).softmax(dim=1), (right @ COLORS.T).softmax(dim=1)


def halves(thing: str, style: str, size: int = 64) -> Image.Image:
    picture = torch.empty(1, 3, size, size)
    picture[..., : size // 2] = COLORS[THINGS.index(thing)][:, None, None]
    picture[..., size // 2 :] = COLORS[STYLES.index(style)][:, None, None]
    return as_images(picture)[0]


def original(thing: str, style: str, *, told: bool = True) -> Original:
    return Original(halves(thing, style), *((style, thing) if told else ()))


def ideal(judge: HalvesJudge | None = None, *, judged: bool = True, student: bool = False) -> Disentangler:
    return Disentangler(
        HalvesPrior(), HalvesDude(), (judge or HalvesJudge()) if judged else None, HalvesPrior() if student else None
    )


class Blurry(HalvesDude):
    """Codes for a prior at random weights: what it says of a picture matters, not what it means."""

    def tokens(self, images: Tensor) -> Tensor:
        return F.pad(images[..., ::4, ::4].flatten(1)[:, :WIDTH], (0, max(0, WIDTH - 48)))

    neutral_thing = torch.full((WIDTH,), 0.1)


def random(prior: Prior, *, judged: bool = True, student: bool = True) -> Disentangler:
    """Grids and sliders by a student of few steps, which for such a prior is itself."""
    return Disentangler(prior, Blurry(), HalvesJudge() if judged else None, prior if student else None)


def last(panel):
    *_, end = panel
    return end


def content(drawn: Drawn) -> bytes:
    return drawn.picture.tobytes()


THREE = [original("duck", "photo"), original("car", "sketch"), original("cup", "doodle")]
