"""What DSN adds to an explanation: what changes with the modality that it is told, and which trained class and kept
sketches the query looks like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from retrieval.methods.base import Shown
from retrieval.types import Bar, Bars, Columns, Domain, Note, Panel, Thumbnail, Thumbnails

if TYPE_CHECKING:
    from retrieval.methods.dsn import DSN

LIKELY = 3  # classes and channels that are named
MODALITIES = ("sketch", "photo")  # what the tags 0 and 1 stand for
OTHER = {"sketch": "photo", "photo": "sketch"}


@dataclass(frozen=True)
class Channel:
    """A channel of a block, and how much more of it is let through for photos than for sketches, in [-1, 1]."""

    block: str
    number: int
    difference: float


@dataclass(frozen=True)
class Modality:
    """What DSN makes of the query when it is told the other modality."""

    told: str  # what the query counts as: "sketch" or "photo"
    kept: float  # cosine between the query's two codes; 1: the tag changes nothing
    flipped: float  # cosine to the hit with the other tag
    blocks: tuple[tuple[str, float], ...]  # each block's mean change of its gates, in [0, 1]
    channels: tuple[Channel, ...]  # those that change most, first the largest


@dataclass(frozen=True)
class Taught:
    """A class that the network was taught, and how near the query is."""

    label: str
    probability: float
    query: float | None  # cosine of the query to the mean of the sketches that are kept of the class
    hit: float | None  # the hit's; None where no sketch is kept


@dataclass(frozen=True)
class Remembered:
    """A sketch that the memory kept, with the cosines of its features to the query's and to the hit's."""

    picture: Image.Image  # grey
    query: float
    hit: float


@dataclass(frozen=True)
class Memory:
    """The classes that the query looks most like, and the sketches that are kept of the first."""

    classes: tuple[Taught, ...]
    sketches: tuple[Remembered, ...]
    taught: int  # classes in all


# ---------------------------------------------------------------- panels


def explain(method: DSN, query: Shown, hit: Shown, classes: Sequence[str]) -> tuple[Panel, ...]:
    """The modality's panel and the memory's."""
    seen = (query.pixels, query.domain), (hit.pixels, hit.domain)
    similarity = float(query.code @ hit.code)
    return (
        modality_panel(modality(method, *seen[0], hit.code), similarity),
        memory_panel(memory(method, *seen, classes)),
    )


def modality_panel(change: Modality, similarity: float) -> Panel:
    """What the other tag changes; `similarity` is that of query and hit."""
    other = OTHER[change.told]
    cosines = {
        f"Similarity to the hit, as a {change.told}": similarity,
        f"Similarity to the hit, as a {other}": change.flipped,
        "The query to itself, told both ways": change.kept,
    }
    channels = ", ".join(f"{c.block} no. {c.number} ({c.difference:+.2f})" for c in change.channels)
    return Panel(
        "Sketch or photo, as it is told",
        "DSN is told of every picture whether it is a sketch or a photo. Your query went in as a "
        f"{change.told}; here it goes in as a {other} as well. DSN does not separate object from style: this shows "
        "what the network treats as modality.",
        (
            Bars(tuple(Bar(label, value, f"{value:.2f}") for label, value in cosines.items())),
            Note("How far its gates move between the two, block by block, from the eye inwards"),
            Columns(tuple(Bar(block, mean, f"{mean:.3f}") for block, mean in change.blocks)),
            Note(f"Channels that move most, + more open for photos: {channels}"),
        ),
    )


def memory_panel(kept: Memory) -> Panel:
    """What the query is taken for, and the sketches that are kept of it."""
    bars = tuple(Bar(c.label, c.probability, f"{c.probability:.0%}", _nearness(c)) for c in kept.classes)
    return Panel(
        "What it takes the query for",
        f"The class is one of the {kept.taught} that it was taught; an unseen object gets its nearest relative. "
        "It plays no part in the search.",
        (Bars(bars), *_sketches(kept)),
    )


def _nearness(taught: Taught) -> str:
    """How near query and hit are to the mean of the class's kept sketches, where there are any."""
    if taught.query is None:
        return ""
    return f"to the mean of its sketches: query {taught.query:.2f}, hit {taught.hit:.2f}"


def _sketches(kept: Memory) -> tuple[Note | Thumbnails, ...]:
    if not kept.sketches:
        return (Note("This bundle came without the sketches of its memory."),)
    label = kept.classes[0].label
    return (
        Note(
            f"The sketches of “{label}” that its memory holds, the most like the query first, with the cosines of "
            "their features to the query’s and to the hit’s"
        ),
        Thumbnails(
            tuple(
                Thumbnail(sketch.picture, f"{sketch.query:.2f} · {sketch.hit:.2f}", f"Kept sketch of {label}")
                for sketch in kept.sketches
            )
        ),
    )


# ---------------------------------------------------------------- the modality


@torch.inference_mode()
def modality(method: DSN, image: Tensor, domain: Domain, target: Tensor) -> Modality:
    """What changes when a picture (3, S, S) is called a photo instead of a sketch, or the other way round; `target` is
    the code (D,) of the hit.
    """
    codes = codes_under_both(method, image)
    tag = int(method.tags([domain])[0])
    changes = gate_changes(method, image)
    moved = [
        Channel(block, int(number), float(change[number]))
        for block, change in changes.items()
        for number in change.abs().topk(min(LIKELY, len(change))).indices
    ]
    return Modality(
        told=MODALITIES[tag],
        kept=float(codes[0] @ codes[1]),
        flipped=float(codes[1 - tag] @ target),
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


# ---------------------------------------------------------------- the memory


@torch.inference_mode()
def memory(
    method: DSN, query: tuple[Tensor, Domain], hit: tuple[Tensor, Domain], classes: Sequence[str] = ()
) -> Memory:
    """The taught classes that the query looks most like, and the sketches kept of the first; pictures (3, S, S)."""
    seen = torch.cat([features(method, *shown) for shown in (query, hit)])  # (2, F)
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
    row: Tensor = method.trunk(image[None].to(method.code.weight.device), method.tags([domain]))
    return row


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
