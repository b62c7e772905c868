"""Weights on their way to a GPU and back, in files that are small enough to be sent one by one, in half precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from retrieval.files import replacing

MOST = 16 * 2**20 - 65536  # bytes of tensors in a file
START = "start.safetensors"  # in a pack: the trunk and the auto-encoder that training starts from


def save_parts(folder: Path, stem: str, weights: Mapping[str, Tensor]) -> None:
    """Write stem-1.safetensors and so on; a file is whole or absent."""
    for number, part in enumerate(split_weights(weights), start=1):
        with replacing(folder / f"{stem}-{number}.safetensors") as file:
            save_file(part, file)


def load_parts(folder: Path, stem: str) -> dict[str, Tensor]:
    """What `save_parts` wrote, in single precision."""
    files = sorted(folder.glob(f"{stem}-[0-9].safetensors"))
    return {name: tensor.float() for path in files for name, tensor in load_file(path).items()}


def split_weights(weights: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The weights in half precision, in their order, in parts of at most `MOST` bytes."""
    part: dict[str, Tensor] = {}
    size = 0
    for name, tensor in weights.items():
        half = tensor.detach().to("cpu", torch.half if tensor.is_floating_point() else tensor.dtype).contiguous()
        if part and size + half.nbytes > MOST:
            yield part
            part, size = {}, 0
        part[name] = half
        size += half.nbytes
    yield part


def under(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights whose names begin with "prefix.", without it."""
    return {name.removeprefix(f"{prefix}."): t for name, t in weights.items() if name.startswith(f"{prefix}.")}


def prefixed(prefix: str, module: nn.Module | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The module's weights, or these, under names that begin with "prefix."."""
    weights = module.state_dict() if isinstance(module, nn.Module) else module
    return {f"{prefix}.{name}": tensor for name, tensor in weights.items()}
