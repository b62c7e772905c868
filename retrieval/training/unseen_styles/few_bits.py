"""Arrays in few bits: for what must travel small."""

from __future__ import annotations

import io
import lzma
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

GROUP = 64  # numbers that share a scale
Arrays = dict[str, npt.NDArray[Any]]


def in_levels(weight: Tensor, levels: int) -> Arrays:
    """A matrix (N, M), each group of a row between its least and its largest number in so many levels."""
    groups = weight.float().reshape(-1, GROUP).numpy()
    low, high = groups.min(axis=1, keepdims=True), groups.max(axis=1, keepdims=True)
    low, step = low.astype(np.float16), ((high - low) / (levels - 1)).astype(np.float16)
    codes = np.round((groups - low) / np.maximum(step, 1e-8)).clip(0, levels - 1)
    return {"codes": codes.astype(np.uint8), "low": low, "step": step, "shape": np.array(weight.shape)}


def from_levels(arrays: Mapping[str, npt.NDArray[Any]]) -> Tensor:
    """The matrix that `in_levels` took."""
    groups = arrays["codes"] * arrays["step"].astype(np.float32) + arrays["low"].astype(np.float32)
    return torch.from_numpy(groups.reshape(arrays["shape"].tolist()))


def in_bytes(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Matrices as whole numbers of one byte with a scale for each row, all else in half precision."""
    small: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.ndim < 2:
            small[name] = weight.half()
            continue
        scale = (weight.abs().amax(dim=-1, keepdim=True) / 127).clamp(min=1e-8)
        small[name] = (weight / scale).round().clamp(-127, 127).to(torch.int8)
        small[f"{name}:scale"] = scale.float()
    return small


def from_bytes(small: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that `in_bytes` took."""
    return {
        name: weight.float() * small[f"{name}:scale"] if f"{name}:scale" in small else weight.float()
        for name, weight in small.items()
        if not name.endswith(":scale")
    }


def save_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write them as one packed file of numpy's."""
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(path, **named)


def save_packed(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write them smaller still, which takes a while."""
    named: dict[str, Any] = dict(arrays)
    whole = io.BytesIO()
    np.savez(whole, **named)
    path.write_bytes(lzma.compress(whole.getvalue()))


def load_packed(path: Path) -> Arrays:
    """What `save_packed` wrote."""
    return dict(np.load(io.BytesIO(lzma.decompress(path.read_bytes()))))
