"""Why a picture is a hit: which parts of query and hit their similarity hangs on, and what the method adds.

All of it is computed from the encoder by asking it again; nothing is trained or guessed. It says what the network
reacts to, which is not always what a person would point at. `ui.explained` shows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from retrieval.encoder import Encoder
from retrieval.images import Preprocess, pixels, squared
from retrieval.methods import Method, Shown
from retrieval.types import SKETCH, Domain, Explanation, Grid, ImageQuery, Occlusion

GRID = 8  # cells along a side of a map
REACH = 2  # side of a hidden patch, in cells: patches overlap
SIDE = 256  # pixels on a side of a picture that a map lies on
BATCH = 64
WHITE = 255


@torch.inference_mode()
def explain(encoder: Encoder, query: ImageQuery, hit: ImageQuery, classes: Sequence[str] = ()) -> Explanation:
    """Why `hit` is an answer to `query`; `classes` are the names of the encoder's labels, in order."""
    asked, answer = (_show(encoder, picture) for picture in (query, hit))
    method = getattr(encoder, "method", encoder)
    return Explanation(
        float(asked.code @ answer.code),
        Occlusion(squared(query.image, SIDE), occlusion(encoder, asked.pixels, query.domain, answer.code)),
        Occlusion(squared(hit.image, SIDE), occlusion(encoder, answer.pixels, hit.domain, asked.code)),
        method.explain(asked, answer, classes) if isinstance(method, Method) else (),
    )


def _show(encoder: Encoder, picture: ImageQuery) -> Shown:
    image = torch.from_numpy(pixels(picture.image, encoder.preprocess))  # (3, S, S)
    return Shown(image, picture.domain, encoder.encode_images(image[None], [picture.domain])[0])


def as_json(value: Any) -> Any:
    """An explanation or a part of it as JSON takes it: all but its pictures."""
    if is_dataclass(value):
        return {f.name: as_json(getattr(value, f.name)) for f in fields(value) if f.name != "picture"}
    if isinstance(value, tuple):
        return [as_json(element) for element in value]
    return round(value, 6) if isinstance(value, float) else value


# ---------------------------------------------------------------- which parts


@torch.inference_mode()
def occlusion(encoder: Encoder, image: Tensor, domain: Domain, target: Tensor, grid: int = GRID) -> Grid:
    """How much the cosine to `target` (D,), a unit row, falls while a patch around each cell of the picture (3, S, S)
    is covered: with white paper for a sketch, with the picture's mean colour for others.   -> (grid, grid)
    """
    cover = _paper(encoder.preprocess) if domain == SKETCH else image.mean(dim=(1, 2))  # (3,)
    covered = image.repeat(grid * grid, 1, 1, 1)  # (G G, 3, S, S)
    for cell, picture in enumerate(covered):
        top, left = (_span(place, grid, image.shape[-1]) for place in divmod(cell, grid))
        picture[:, top, left] = cover[:, None, None]
    batches = [image[None], *covered.split(BATCH)]
    codes = torch.cat([encoder.encode_images(batch, [domain] * len(batch)) for batch in batches])  # (1 + G G, D)
    cosines = codes @ target.to(codes.device)
    falls = (cosines[0] - cosines[1:]).reshape(grid, grid)
    return tuple(tuple(row) for row in falls.tolist())


def _span(place: int, grid: int, side: int) -> slice:
    """The pixels of a patch that is centred on a cell and cut at the picture's border."""
    middle, half = (place + 0.5) * side / grid, REACH * side / grid / 2
    return slice(max(0, round(middle - half)), min(side, round(middle + half)))


def _paper(preprocess: Preprocess) -> Tensor:
    """White, as the encoder reads it.   -> (3,)"""
    return torch.from_numpy(pixels(Image.new("RGB", (1, 1), (WHITE,) * 3), preprocess))[:, 0, 0]
