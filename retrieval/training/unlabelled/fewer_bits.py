"""Weights in few bits: each group of a row's numbers at a scale of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor

Arrays = dict[str, npt.NDArray[Any]]
LEVELS, SCALES, PLAIN = "levels/", "scales/", "plain/"
LEAST = 4096  # numbers of a matrix that is worth it


def in_few_bits(weights: Mapping[str, Tensor], bits: int, group: int = 64) -> Arrays:
    """The matrices among the weights in levels of so many bits, the rest in half precision."""
    arrays: Arrays = {}
    for name, tensor in weights.items():
        values = tensor.detach().float().cpu()
        if values.ndim < 2 or values.numel() < LEAST:
            kept = values.half() if tensor.is_floating_point() else tensor.cpu()
            arrays[PLAIN + name] = kept.numpy()
            continue
        most = 2 ** (bits - 1) - 1
        groups = _grouped(values, group)
        scales = (groups.abs().amax(dim=-1, keepdim=True) / most).clamp(min=1e-8).half()
        levels = (groups / scales.float()).round().clamp(-most, most).to(torch.int8)
        arrays[LEVELS + name] = levels.reshape(values.shape).numpy()
        arrays[SCALES + name] = scales[..., 0].numpy()
    return arrays


def from_few_bits(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    """What `in_few_bits` made smaller, in single precision."""
    weights: dict[str, Tensor] = {}
    for name, array in arrays.items():
        tensor = torch.from_numpy(array)
        if name.startswith(PLAIN):
            weights[name.removeprefix(PLAIN)] = tensor.float() if tensor.is_floating_point() else tensor
        elif name.startswith(LEVELS):
            own = name.removeprefix(LEVELS)
            scales = torch.from_numpy(arrays[SCALES + own]).float()
            levels = tensor.float().reshape(*scales.shape, -1)
            weights[own] = (levels * scales[..., None]).reshape(tensor.shape)
    return weights


def _grouped(values: Tensor, group: int) -> Tensor:
    """(R, ...) -> (R, groups, numbers); a row that cannot be cut evenly is one group."""
    flat = values.flatten(1)
    return flat.unflatten(1, (-1, group if flat.shape[1] % group == 0 else flat.shape[1]))
