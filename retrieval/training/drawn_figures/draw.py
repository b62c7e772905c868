"""Figures drawn from varied captions, and which of them are kept.

Two things drop a picture: it is nearly grey, or MRA finds that it fits its prompt worse than 95 % of real pictures fit
their captions. The paper drops 10.63 % by colour and by a detector of bodies.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.files import write_text
from retrieval.items import ITEMS
from retrieval.methods.dad import draw
from retrieval.methods.mra import MRA
from retrieval.training.drawn_figures.describe import picture_tokens
from retrieval.training.drawn_figures.vary import vary
from retrieval.types import Progress, no_progress

GREY = 15.0  # the mean variance between the three colour channels, of levels 0..255
WORST = 0.05  # share of real pairs that fit worse than what is kept
AT_ONCE = 96  # pictures between two reports
DRAWN = "drawn"
CARD = "README.md"


@dataclass(frozen=True)
class Kept:
    """Which pictures stay (N,), and why the others do not: shares."""

    rows: npt.NDArray[np.bool_]
    grey: float
    unlike: float


def prompts_of(reader: SentenceReader, table: PictureTable, count: int, seed: int) -> list[str]:
    """`count` varied captions of the table, every caption as often as any other; too long ones stay as they were."""
    rng = random.Random(seed)  # noqa: S311  # nothing is kept secret by it
    captions = [text for row in table.captions for text in row]
    rng.shuffle(captions)
    return [_readable(reader, captions[n % len(captions)], rng) for n in range(count)]


def _readable(reader: SentenceReader, caption: str, rng: random.Random) -> str:
    varied = vary(caption, rng)
    return varied if reader.fits(varied) else caption


def drawn_table(
    prior: Prior, prompts: Sequence[str], strength: float, seed: int, on_progress: Progress = no_progress
) -> PictureTable:
    """A picture of each prompt, with the prompt as its captions. Its label is its own: nobody is drawn twice."""
    parts: list[Tensor] = []
    for first in range(0, len(prompts), AT_ONCE):
        texts = prompts[first : first + AT_ONCE]
        parts.append(draw(prior, texts, range(seed + first, seed + first + len(texts)), strength))
        on_progress(min(first + AT_ONCE, len(prompts)), len(prompts))
    return table_of(torch.cat(parts), prompts)


def table_of(pictures: Tensor, prompts: Sequence[str]) -> PictureTable:
    """Pictures (N, 3, H, W) in [-1, 1] and their prompts as a table."""
    pixels = ((pictures + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    names = [f"{DRAWN}-{number:05d}" for number in range(len(prompts))]
    captions = [(text, text) for text in prompts]
    return PictureTable(
        [ArrayPicture(one) for one in pixels], DRAWN, labels=names, ids=names, splits="train", captions=captions
    )


def greyness(table: PictureTable) -> npt.NDArray[np.float64]:
    """The mean variance between colour channels.   -> (N,)"""
    pixels = table.pixels().astype(np.float64)
    return np.asarray(pixels.var(axis=3).mean(axis=(1, 2)))


@torch.no_grad()
def fit_of(method: MRA, table: PictureTable) -> npt.NDArray[np.float64]:
    """The cosine of each picture and its first caption.   -> (N,)"""
    pictures = method.picture_codes(picture_tokens(method, table))
    return np.asarray(
        (pictures * text_codes(method, [row[0] for row in table.captions])).sum(dim=1).cpu().numpy(), np.float64
    )


@torch.no_grad()
def text_codes(method: MRA, texts: Sequence[str], chunk: int = 64) -> Tensor:
    """-> (T, D), unit rows"""
    return torch.cat([method.encode_texts(texts[first : first + chunk]) for first in range(0, len(texts), chunk)])


def sift(method: MRA, drawn: PictureTable, real: PictureTable) -> Kept:
    """Which of the drawn pictures stay; `real` are pairs of the target that MRA was not trained on, and no test
    figures: those of validation.
    """
    grey = greyness(drawn) < GREY
    unlike = fit_of(method, drawn) < np.quantile(fit_of(method, real), WORST)
    return Kept(~(grey | unlike), float(grey.mean()), float(unlike.mean()))


def write_set(folder: Path, table: PictureTable, about: Mapping[str, object]) -> None:
    """The table as a rendered set lies on disk, so that `read_rendered` reads it, with a card."""
    lines = []
    (folder / DRAWN).mkdir(parents=True, exist_ok=True)
    for row in table:
        path = f"{DRAWN}/{row.id}.webp"
        picture: Image.Image = row.picture.open()
        picture.save(folder / path, quality=90, method=4)
        parts = [{"phrase": part.phrase, "box": list(part.box)} for part in row.regions]
        line = {"id": row.id, "path": path, "label": row.label, "domain": row.domain.name, "split": row.split}
        lines.append(json.dumps(line | {"caption": row.captions[0], "captions": row.captions, "parts": parts}))
    facts = "\n".join(f"| {name} | {value} |" for name, value in about.items())
    write_text(folder / CARD, f"# Drawn figures\n\n{ABOUT}\n\n| | |\n|---|---|\n{facts}\n")
    write_text(folder / ITEMS, "\n".join(lines) + "\n")


ABOUT = (
    "Figures that a text-to-image prior drew: they show nobody, and were never rendered. Captions and boxes were read "
    "off the pictures by MRA, so some of them are wrong. For pre-training alone."
)
