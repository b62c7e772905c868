"""Weights in few bits, for parts that must be small: matrices as whole steps, packed by how often each number occurs.

The number of bits follows from the step: where a row's weights are spread like a bell, steps of 0.3 of their spread
take log2(sqrt(2 pi e) / 0.3) = 3.8 bits a weight, a quarter of a bit more than any code would need for the same error
(Gish and Pierce, "Asymptotically efficient quantizing", 1968), and the error is a twelfth of the spread.

    steps     bytes: the numbers of all matrices, of one byte each, one matrix after the other by name, packed by zlib
    size/N    (R,) the step of each row of the matrix N
    shape/N   its shape
    N         anything else as it is
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

STEPS, SIZE, SHAPE = "steps", "size/", "shape/"
LEAST = 1024  # numbers of a matrix that is worth it
MOST = 127


def pack(weights: Mapping[str, Tensor], step: float) -> dict[str, Tensor]:
    """The weights in few bits. step: in spreads of a row, which is its root mean square."""
    packed: dict[str, Tensor] = {}
    found = [torch.zeros(0, dtype=torch.int8)]
    for name, tensor in sorted(weights.items()):
        if not tensor.is_floating_point() or tensor.ndim < 2 or tensor.numel() < LEAST:
            packed[name] = tensor
            continue
        rows = tensor.detach().float().cpu().flatten(1)
        size = torch.maximum(step * rows.square().mean(dim=1).sqrt(), rows.abs().amax(dim=1) / MOST)
        size = size.clamp(min=1e-7).half()
        found.append((rows / size.float()[:, None]).round().clamp(-MOST, MOST).to(torch.int8).flatten())
        packed[SIZE + name], packed[SHAPE + name] = size, torch.tensor(tensor.shape)
    packer = zlib.compressobj(9, strategy=zlib.Z_HUFFMAN_ONLY)
    data = packer.compress(torch.cat(found).numpy().tobytes()) + packer.flush()
    return packed | {STEPS: torch.from_numpy(np.frombuffer(data, np.uint8).copy())}


def is_packed(weights: Mapping[str, Tensor]) -> bool:
    """Whether `pack` made them."""
    return STEPS in weights


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What `pack` made smaller, in single precision. Raises ValueError where the parts contradict each other."""
    shapes = {name[len(SHAPE) :]: tuple(map(int, sizes)) for name, sizes in packed.items() if name.startswith(SHAPE)}
    counts = [int(np.prod(shape)) for shape in shapes.values()]
    opened = zlib.decompressobj()
    try:
        # One byte more than is expected, and never more: what is packed may claim to be anything.
        data = opened.decompress(packed[STEPS].numpy().tobytes(), sum(counts) + 1)
    except zlib.error as error:
        raise ValueError(f"the packed steps are damaged ({error})") from error
    if len(data) != sum(counts):
        raise ValueError(f"{len(data)} or more steps are packed, but the shapes need {sum(counts)}")
    steps = torch.from_numpy(np.frombuffer(data, np.int8).copy())
    weights = {name: tensor for name, tensor in packed.items() if name != STEPS and not name.startswith((SIZE, SHAPE))}
    for name in sorted(shapes):
        own, steps = steps[: int(np.prod(shapes[name]))], steps[int(np.prod(shapes[name])) :]
        sizes = packed[SIZE + name].float()
        weights[name] = (own.float().reshape(len(sizes), -1) * sizes[:, None]).reshape(shapes[name])
    return weights
