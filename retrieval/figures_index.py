"""What MRA makes of the figures of a set, kept beside them, so that only the first start of the app looks at them all.

    <home>/index/<bundle>/places.safetensors    codes and tokens of every figure, and what they were made from

The file says what it was made from: where the weights or a picture have changed it is made anew. Where it cannot be
written, the figures are looked at at every start.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from retrieval.files import write_files
from retrieval.images import OWNER, open_image, pixels
from retrieval.types import Item

if TYPE_CHECKING:
    from retrieval.methods.mra import MRA

log = logging.getLogger(__name__)

PLACES = "places.safetensors"
MADE_FROM = "made from"
CHUNK = 32  # figures that are looked at together


@dataclass(frozen=True)
class Looked:
    """Codes (N, D) of figures and, for the figures and their mirror images, tokens (N, P, W) in half precision."""

    codes: Tensor
    views: tuple[Tensor, ...]


def look(method: MRA, items: Sequence[Item], say: Callable[[str], None]) -> Looked:
    """Codes and tokens of these figures; `say` is called with what is done."""
    codes: list[Tensor] = []
    views: list[tuple[Tensor, ...]] = []
    with torch.inference_mode():
        for first in range(0, len(items), CHUNK):
            say(f"Looking at the figures: {first} of {len(items)}")
            opened = [open_image(item.path, OWNER) for item in items[first : first + CHUNK]]
            stacked = np.stack([pixels(picture, method.preprocess) for picture in opened])
            seen = method.picture_places(torch.from_numpy(stacked).to(method.scale.device))
            views.append(tuple(view.half() for view in seen))
            codes.append(method.codes_of(seen))
    return Looked(torch.cat(codes), tuple(torch.cat(view) for view in zip(*views, strict=True)))


def looked_at(folder: Path, fingerprint: str, method: MRA, items: Sequence[Item], say: Callable[[str], None]) -> Looked:
    """`look`, from the file in the folder where that was made by these weights from these pictures, else written
    there.
    """
    source = _source(fingerprint, items)
    if (known := _read(folder / PLACES, source)) is not None:
        device = method.scale.device
        return Looked(known.codes.to(device), tuple(view.to(device) for view in known.views))
    made = look(method, items, say)
    tensors = {"codes": made.codes, **{f"view {number}": view for number, view in enumerate(made.views)}}
    data = save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, {MADE_FROM: source})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_files({folder / PLACES: data})
    except OSError as error:
        log.info("%s is not written (%s): the figures are looked at anew next time", folder / PLACES, error.strerror)
    return made


def _source(fingerprint: str, items: Sequence[Item]) -> str:
    """The weights, and every picture as it is on the disk, as a short text."""
    marks: list[list[str | int]] = []
    for item in items:
        marks.append([item.id])
        with suppress(OSError):  # a picture that is not there is told of when it is opened
            status = item.path.stat()
            marks[-1] += [status.st_size, status.st_mtime_ns]
    return hashlib.sha256(json.dumps([fingerprint, marks]).encode()).hexdigest()


def _read(file: Path, source: str) -> Looked | None:
    """What the file holds, if it is whole and was made from that."""
    with suppress(OSError, SafetensorError), safe_open(file, framework="pt") as opened:
        if (opened.metadata() or {}).get(MADE_FROM) == source:
            views = sorted(name for name in opened.keys() if name.startswith("view "))  # noqa: SIM118
            return Looked(opened.get_tensor("codes"), tuple(opened.get_tensor(name) for name in views))
    return None
