"""Why a picture is a hit: which parts of query and hit their similarity hangs on, and, for DSN, what the told modality
changes and which taught class and kept sketches the query looks like.

Everything here is computed from the encoder by asking it again; nothing is trained or guessed. It says what the network
reacts to, which is not always what a person would point at. How it is shown is `ui`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from retrieval.encoder import Encoder
from retrieval.images import Preprocess, pixels, squared
from retrieval.methods import DSN
from retrieval.types import (
    SKETCH,
    Channel,
    Domain,
    Explanation,
    Grid,
    ImageQuery,
    Memory,
    Modality,
    Occlusion,
    Remembered,
    Taught,
)

GRID = 8  # cells along a side of a map
REACH = 2  # side of a hidden patch, in cells: patches overlap
SHOWN = 256  # pixels on a side of a picture that a map lies on
BATCH = 64
LIKELY = 3  # classes and channels that are named
WHITE = 255
MODALITIES = ("sketch", "photo")  # what the tags 0 and 1 stand for


@torch.inference_mode()
def explain(encoder: Encoder, query: ImageQuery, hit: ImageQuery, classes: Sequence[str] = ()) -> Explanation:
    """Why `hit` is an answer to `query`; `classes` are the names of the encoder's labels, in order."""
    one, other = (_read(encoder, seen) for seen in (query, hit))  # (3, S, S)
    codes = torch.cat([encoder.encode_images(x[None], [s.domain]) for x, s in ((one, query), (other, hit))])  # (2, D)
    method = getattr(encoder, "method", encoder)
    told: dict[str, Any] = {}
    if isinstance(method, DSN):
        told["modality"] = modality(method, one, query.domain, codes[1])
        told["memory"] = memory(method, (one, query.domain), (other, hit.domain), classes)
    return Explanation(
        float(codes[0] @ codes[1]),
        Occlusion(squared(query.image, SHOWN), occlusion(encoder, one, query.domain, codes[1])),
        Occlusion(squared(hit.image, SHOWN), occlusion(encoder, other, hit.domain, codes[0])),
        **told,
    )


def _read(encoder: Encoder, seen: ImageQuery) -> Tensor:
    return torch.from_numpy(pixels(seen.image, encoder.preprocess))


def as_json(told: Any) -> Any:
    """An explanation or a part of it as JSON takes it: all but its pictures."""
    if is_dataclass(told):
        return {f.name: as_json(getattr(told, f.name)) for f in fields(told) if f.name != "picture"}
    if isinstance(told, tuple):
        return [as_json(value) for value in told]
    return round(told, 6) if isinstance(told, float) else told


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


# ---------------------------------------------------------------- what DSN is told


@torch.inference_mode()
def modality(method: DSN, image: Tensor, domain: Domain, target: Tensor) -> Modality:
    """What changes when a picture (3, S, S) is called a photo instead of a sketch, or the other way round; `target` is
    the code (D,) of the hit.
    """
    codes = codes_under_both(method, image)
    told = int(method.tags([domain])[0])
    changes = gate_changes(method, image)
    moved = [
        Channel(block, int(number), float(change[number]))
        for block, change in changes.items()
        for number in change.abs().topk(min(LIKELY, len(change))).indices
    ]
    return Modality(
        told=MODALITIES[told],
        kept=float(codes[0] @ codes[1]),
        flipped=float(codes[1 - told] @ target),
        blocks=tuple((block, float(change.abs().mean())) for block, change in changes.items()),
        channels=tuple(sorted(moved, key=lambda channel: -abs(channel.difference))[:LIKELY]),
    )


@torch.inference_mode()
def codes_under_both(method: DSN, image: Tensor) -> Tensor:
    """The codes of a picture (3, S, S) as a sketch and as a photo.   -> (2, D), unit rows"""
    return F.normalize(method.code(method.trunk(*_both(method, image))), dim=-1)


@torch.inference_mode()
def gate_changes(method: DSN, image: Tensor) -> Mapping[str, Tensor]:
    """s(t=1) - s(t=0) of every block for a picture (3, S, S): name -> (C,), in (-1, 1)."""
    return {block: gates[1] - gates[0] for block, gates in method.trunk.gates(*_both(method, image)).items()}


def _both(method: DSN, image: Tensor) -> tuple[Tensor, Tensor]:
    """The picture twice, and the two tags; an untagged method knows one only."""
    weight = method.code.weight
    return image.to(weight.device).repeat(2, 1, 1, 1), weight.new_tensor([0.0, float(method.config.tagged)])


# ---------------------------------------------------------------- what DSN remembers


@torch.inference_mode()
def memory(
    method: DSN, query: tuple[Tensor, Domain], hit: tuple[Tensor, Domain], classes: Sequence[str] = ()
) -> Memory:
    """The taught classes that the query looks most like, and the sketches kept of the first; pictures (3, S, S)."""
    seen = torch.cat([features(method, *told) for told in (query, hit)])  # (2, F)
    likely = probabilities(method, seen[:1])[0].topk(min(LIKELY, method.config.classes))
    near = F.cosine_similarity(seen[:, None], method.album.prototypes()[None], dim=2)  # (2, C)
    kept = method.album.counts
    return Memory(
        classes=tuple(
            Taught(
                classes[label] if label < len(classes) else f"class {label}",
                float(share),
                *(float(cosine) if kept[label] else None for cosine in near[:, label]),
            )
            for share, label in zip(likely.values, likely.indices.tolist(), strict=True)
        ),
        sketches=_remembered(method, int(likely.indices[0]), seen),
        taught=method.config.classes,
    )


def features(method: DSN, image: Tensor, domain: Domain) -> Tensor:
    """f of a picture (3, S, S).   -> (1, F)"""
    found: Tensor = method.trunk(image[None].to(method.code.weight.device), method.tags([domain]))
    return found


def probabilities(method: DSN, features: Tensor) -> Tensor:
    """How much each taught class is believed of features (B, F).   -> (B, C), rows that sum to 1"""
    shares: Tensor = method.classify(method.code(features)).softmax(dim=1)
    return shares


def _remembered(method: DSN, label: int, seen: Tensor) -> tuple[Remembered, ...]:
    """The sketches kept of a class, those most like the query first; seen (2, F): query, hit."""
    album = method.album
    held = int(album.counts[label])
    near = F.cosine_similarity(seen[:, None], album.rows[label, :held].to(seen.dtype)[None], dim=2)  # (2, K)
    shown = [Image.fromarray(picture.cpu().numpy()) for picture in album.pictures[label, :held]]
    order = near[0].argsort(descending=True).tolist()
    return tuple(Remembered(shown[i], float(near[0, i]), float(near[1, i])) for i in order)
