"""A first look at a prior in training: objects of its table, drawn in every style from their maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import prompt
from retrieval.diffusion.samplers import STUDENT, TEACHER, controlled, denoise, noise, plain
from retrieval.training.adapted.pairs import PairSampler
from retrieval.training.adapted.table import PairTable

ROWS = 10
SHEET_SEED = 77


@torch.no_grad()
def draw_sheet(
    prior: Prior, table: PairTable, sampler: PairSampler, path: Path, guidance: tuple[float, float] | None
) -> None:
    """Rows: what the adapter sees; columns: the styles. Without guidance by words and map, a student draws."""
    assert prior.adapter is not None
    seen = sampler.batch(SHEET_SEED, ROWS).seen
    control = prior.adapter(seen)
    columns = [seen]
    empty = sampler.states[sampler.empty][None]
    x = noise(prior, SHEET_SEED, ROWS)
    for style in table.styles:
        states = sampler.states[table.prompts.index(prompt(style))].expand(ROWS, -1, -1)
        velocity = controlled(prior, states, control, *guidance, empty) if guidance else plain(prior, states, control)
        *_, pictures = denoise(prior, velocity, x, TEACHER if guidance else STUDENT)
        columns.append(pictures)
    Image.fromarray(lay_out(torch.stack(columns, 1))).save(path, optimize=True)


def lay_out(pictures: Tensor) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Pictures (rows, columns, 3, S, S) in [-1, 1] as one.   -> (rows S, columns S, 3)"""
    values = ((pictures + 1) * 127.5).round().clamp(0, 255).byte().cpu()
    rows, columns, _, size, _ = values.shape
    return values.permute(0, 3, 1, 4, 2).reshape(rows * size, columns * size, 3).numpy()
