"""Arithmetic of codes, which are vectors among words, and of controls: those between two, and those given to others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from retrieval.diffusion.prior import Prior
from retrieval.disentangle.coded import Where
from retrieval.errors import SettingsError


@torch.no_grad()
def neutral_style(prior: Prior, styles: Sequence[str]) -> Tensor:
    """e-bar: the mean of the words of the styles, as long as the median one.   -> (W,)"""
    words = torch.stack([prior.reader.word(style) for style in styles])  # (D, W)
    mean = words.mean(dim=0)
    neutral: Tensor = mean * words.norm(dim=1).median() / mean.norm().clamp(min=1e-6)
    return neutral


def slerp(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Along the arc between two codes (W,), lengths blended evenly: `one` at 0, `other` at 1.   -> (W,)"""
    length = torch.lerp(one.norm(), other.norm(), share)
    a, b = one / one.norm(), other / other.norm()
    angle = torch.arccos((a @ b).clamp(-1, 1))
    if float(angle.sin()) < 1e-4:  # no arc, or no unique one
        return renormalised_lerp(one, other, share)
    return length * (((1 - share) * angle).sin() * a + (share * angle).sin() * b) / angle.sin()


def renormalised_lerp(one: Tensor, other: Tensor, share: float) -> Tensor:
    """Along the line between two codes (W,), but as long as they are, lengths blended evenly.   -> (W,)"""
    mixed = torch.lerp(one, other, share)
    return mixed * torch.lerp(one.norm(), other.norm(), share) / mixed.norm().clamp(min=1e-6)


def between(first: Where | None, last: Where | None, share: float, channels: int) -> Where | None:
    """Between two controls: `first` at 0, `last` at 1. The map, which are the first `channels`, gets unit RMS, as maps
    have. Even ones have one of their own instead, near 1, to which this one is not brought.

    None where either is missing.
    """
    if first is None or last is None:
        return first if first == last else None
    mixed = torch.lerp(first.control, last.control, share)
    map_ = mixed[:channels]
    rms = map_.square().mean().sqrt().clamp(min=1e-6)
    return Where(f"{first.key}>{last.key}:{share:.4f}", torch.cat([map_ / rms, mixed[channels:]]))


def permuted(things: Sequence[str | None], seed: int) -> tuple[int, ...]:
    """For each row another row, each once, none itself and, as far as can be, of another class.

    >>> permuted(["duck", "duck", "car", "car"], seed=0) in [(2, 3, 0, 1), (2, 3, 1, 0), (3, 2, 0, 1), (3, 2, 1, 0)]
    True
    """
    if len(things) < 2:
        raise SettingsError("Codes can be exchanged between two rows or more. Add a picture.")
    by_chance = np.random.default_rng(seed).permutation(len(things)).tolist()
    order = sorted(by_chance, key=lambda row: things[row] or "")
    largest = max(sum(one == other for other in things) for one in things)
    step = largest if largest < len(things) else 1
    codes = {row: order[(place + step) % len(order)] for place, row in enumerate(order)}
    return tuple(codes[row] for row in range(len(things)))
