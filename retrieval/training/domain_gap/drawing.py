"""What is drawn once a branch has learnt: a guidance that validation figures choose, the sets that MRA is pre-trained
on, and the pictures that the benchmarks of the gap ask for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.diffusion.image_adapter import Trunk
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.samplers import Sampler
from retrieval.methods.dad import draw
from retrieval.methods.mra import MRA
from retrieval.training.domain_gap.packing import TARGET, Pack
from retrieval.training.domain_gap.variants import BASE, DAD, DESCRIBED, SIFTED
from retrieval.training.drawn_figures.describe import describe, picture_tokens, slots_of
from retrieval.training.drawn_figures.draw import Kept, sift, table_of, text_codes
from retrieval.training.relations.packing import PICTURES, ROWS, read_rows, write_rows

CHUNK = 256  # pictures at once
STEPS = 20  # of a drawing
GUIDANCES = (1.0, 1.5, 2.0, 3.0, 4.5)
FAITHFUL = 0.9  # share of the best fidelity that the chosen guidance must have
GROUP = 48  # pictures that a prompt is compared with
STRENGTHS = (0.25, 0.5, 0.75)  # beside none and full
SLID = 300  # pictures of each
CAPTIONS, SEEDS = 8, 16  # of T-D5
APART = 100_000  # between the seeds of one use and of another
QUALITY = 90

Note = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Easel:
    """Who draws, how, and where it goes."""

    prior: Prior
    pack: Pack
    work: Path
    note: Note
    sampler: Sampler = Sampler(STEPS, 2.0)  # noqa: RUF009  # frozen

    def drawn(self, texts: Sequence[str], strength: float, seed: int) -> PictureTable:
        """The pictures of texts, from the noises of seed, seed + 1, ..."""
        seeds = range(seed, seed + len(texts))
        return table_of(draw(self.prior, texts, seeds, strength, self.sampler, CHUNK), texts)

    def write(self, name: str, table: PictureTable) -> None:
        """Write a set, whole or not at all."""
        with _whole(self.work / "sets" / name) as part:
            write_rows(part, table, QUALITY)


def chosen_guidance(easel: Easel, judge: MRA | None, guidances: Sequence[float] = GUIDANCES) -> float:
    """The guidance whose pictures of validation captions are nearest to validation figures, among those under which
    prompts find their pictures nearly as often as under the best.
    """
    real = easel.pack.of(TARGET, "validation")
    texts = [row[0] for row in real.captions]
    known = features(easel.pack.of(TARGET, "train")[: 3 * len(real)], easel.pack.trunk)
    mean, deviation = known.mean(dim=0), known.std(dim=0) + 1e-6
    target = (features(real, easel.pack.trunk) - mean) / deviation
    table: dict[float, tuple[float, float]] = {}
    for guidance in guidances:
        sampler = replace(easel.sampler, guidance=guidance)
        made = table_of(draw(easel.prior, texts, range(APART, APART + len(texts)), 1.0, sampler, CHUNK), texts)
        far = mmd((features(made, easel.pack.trunk) - mean) / deviation, target)
        table[guidance] = far, fidelity(judge, made) if judge else 0.0
        easel.note({"guidance": guidance, "MMD^2": round(far, 4), "prompt finds its picture": table[guidance][1]})
    best = max(found for _, found in table.values())
    return min((far, guidance) for guidance, (far, found) in table.items() if found >= FAITHFUL * best)[1]


@torch.no_grad()
def features(table: PictureTable, trunk: Trunk) -> Tensor:
    """Means and deviations over the picture of the last map of the trunk.   -> (N, D)"""
    device, parts = trunk.conv_stem.weight.device, []
    for first in range(0, len(table), CHUNK):
        last = trunk(table.tensor(range(first, min(first + CHUNK, len(table)))).to(device))[-1].flatten(2)
        parts.append(torch.cat([last.mean(dim=2), last.std(dim=2)], dim=1))
    return torch.cat(parts).double()


def mmd(one: Tensor, other: Tensor) -> float:
    """The unbiased MMD^2 under (x.y / D + 1)^3 of features (N, D) and (M, D)."""

    def inside(rows: Tensor) -> Tensor:
        kernel = (rows @ rows.T / rows.shape[1] + 1) ** 3
        return (kernel.sum() - kernel.trace()) / (len(rows) * (len(rows) - 1))

    across = ((one @ other.T / one.shape[1] + 1) ** 3).mean()
    return float(inside(one) + inside(other) - 2 * across)


@torch.no_grad()
def fidelity(judge: MRA, table: PictureTable) -> float:
    """R@1 of the prompt among the pictures of its group."""
    pictures = judge.picture_codes(picture_tokens(judge, table))
    texts = text_codes(judge, [row[0] for row in table.captions])
    right = [
        (t @ p.T).argmax(dim=1) == torch.arange(len(t), device=t.device)
        for t, p in zip(texts.split(GROUP), pictures.split(GROUP), strict=True)
    ]
    return round(float(torch.cat(right).double().mean()), 4)


def draw_sets(easel: Easel, judge: Callable[[], MRA | None]) -> Kept | None:
    """The sets, each written as soon as it is there. None where nobody filters."""
    prompts = easel.pack.prompts
    easel.write(BASE, easel.drawn(prompts, 0.0, 0))
    whole = easel.drawn(prompts, 1.0, 0)
    easel.write(DAD, whole)
    easel.note({"drawn": len(prompts)})
    method = judge()
    if method is None:
        easel.note({"failed": "there is no describer: nothing is filtered"})
        return None
    kept = sift(method, whole, easel.pack.of(TARGET, "validation"))
    sifted = whole.select(kept.rows.nonzero()[0].tolist())
    easel.write(SIFTED, sifted)
    slots = slots_of(method, easel.pack.of(TARGET, "train"), easel.pack.kinds)
    easel.write(DESCRIBED, describe(method, sifted, slots))
    easel.note({"kept": len(sifted), "of": len(whole), "grey": kept.grey, "unlike": kept.unlike})
    for name, part in (("base", easel.work / "sets" / BASE), ("DaD", easel.work / "sets" / DAD)):
        easel.note({"set": name, "bytes": sum(file.stat().st_size for file in part.iterdir())})
    return kept


def bring_sets(drawn: Path, work: Path) -> None:
    """Fill <work>/sets with what was drawn before. Of described figures only the words were kept: their pictures are
    those that the filter left.
    """
    before, sets = drawn / "sets", work / "sets"
    for name in (BASE, DAD):
        with _whole(sets / name) as part:
            shutil.copytree(before / name, part, dirs_exist_ok=True)
    left = json.loads((drawn / "drawing.json").read_text(encoding="utf-8"))["kept"]
    with _whole(sets / SIFTED) as part:
        write_rows(part, read_rows(sets / DAD).select(np.flatnonzero(left).tolist()), QUALITY)
    with _whole(sets / DESCRIBED) as part:
        shutil.copy(sets / SIFTED / PICTURES, part)
        shutil.copy(before / DESCRIBED / ROWS, part)


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name when it is full."""
    part = folder.with_name(f"{folder.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    yield part
    part.rename(folder)


def draw_more(easel: Easel) -> None:
    """The same prompts and noise at other strengths, and many pictures of few captions."""
    for strength in STRENGTHS:
        easel.write(f"strength-{strength:g}", easel.drawn(easel.pack.prompts[:SLID], strength, 0))
    real = easel.pack.of(TARGET, "train")
    texts = [row[0] for row in real.captions[:: max(len(real) // CAPTIONS, 1)]][:CAPTIONS]
    easel.write("spread", easel.drawn([text for text in texts for _ in range(SEEDS)], 1.0, 2 * APART))


def sheet(easel: Easel, count: int = 10) -> npt.NDArray[np.uint8]:
    """Validation captions at each strength, a row each; the last row is real.   -> (rows H, count W, 3)"""
    real = easel.pack.of(TARGET, "validation")[: 3 * count : 3]
    texts = [row[0] for row in real.captions]
    rows = [easel.drawn(texts, strength, APART).pixels() for strength in (0.0, *STRENGTHS, 1.0)]
    return np.concatenate([np.concatenate(list(row), axis=1) for row in [*rows, real.pixels()]], axis=0)
