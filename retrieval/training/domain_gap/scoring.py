"""Where the right figures come in the ranking of each test caption: by cosine, and in two stages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.data.picture_table import PictureTable
from retrieval.methods.mra import MRA, Sentences
from retrieval.reranking import HEAD, Scores, rerank_row
from retrieval.training.recipes.parts.people_pairs import read_all

CHUNK = 96  # pictures whose stems are made at once
AT_ONCE = 16  # captions that are compared anew at once
COSINE, STAGES = "cosine", "two stages"

Ranks = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class Asked:
    """Test figures as the frozen towers see them, and their captions."""

    stems: tuple[Tensor, Tensor]  # (N, P, C) each, of the pictures and their mirror images
    captions: Sentences
    people: npt.NDArray[np.str_]  # (N,)
    asked: npt.NDArray[np.str_]  # (Q,)


@torch.no_grad()
def asked_of(method: MRA, table: PictureTable) -> Asked:
    """The same for all methods on the same towers."""
    device, size = method.scale.device, method.preprocess.size
    parts: tuple[list[Tensor], list[Tensor]] = ([], [])
    for first in range(0, len(table), CHUNK):
        small = table.tensor(range(first, min(first + CHUNK, len(table)))).to(device)
        large = torch.nn.functional.interpolate(small, (size, size // 2), mode="bilinear", align_corners=False)
        for own, view in zip(parts, (large, large.flip(-1)), strict=True):
            own.append(method.upright_stem(view).half())
    people = np.array(table.labels)
    captions = [text for row in table.captions for text in row]
    asked = np.repeat(people, [len(row) for row in table.captions])
    return Asked((torch.cat(parts[0]), torch.cat(parts[1])), read_all(method, captions), people, asked)


@torch.no_grad()
def ranks_of(method: MRA, asked: Asked, head: int = HEAD, precision: torch.dtype = torch.float32) -> dict[str, Ranks]:
    """From 0, in each row ascending: the ranks of all figures of a caption's person.   (Q, most of a person) each

    head: how many of the best the second stage looks at, 0: there is none. precision: of its matrix products.
    """
    places = tuple(torch.cat([method.picture_reader(p.float()) for p in v.split(CHUNK)]) for v in asked.stems)
    captions = asked.captions
    tokens = torch.cat([method.text_reader(s, r) for s, r in _split(captions.states, captions.real)])
    codes = torch.cat([method.text_codes(t, r) for t, r in _split(tokens, captions.real)])
    cosines = (codes @ method.codes_of(places).T).float().cpu().numpy()
    if not head:
        return {COSINE: ranks(cosines, asked)}
    best = np.argsort(-cosines, axis=1, kind="stable")[:, :head]
    with torch.autocast(tokens.device.type, precision, enabled=precision != torch.float32):
        match = _matches(method, tokens, captions.real, places, torch.from_numpy(best).to(tokens.device))
    final = np.stack([rerank_row(row, _known(own), head) for row, own in zip(cosines, match, strict=True)])
    return {COSINE: ranks(cosines, asked), STAGES: ranks(final, asked)}


def _known(match: Scores) -> Callable[[npt.NDArray[np.int64]], Scores]:
    """What the second stage asks, when the matches of the best are there already, in their order."""
    return lambda best: match


def _matches(
    method: MRA, tokens: Tensor, real: Tensor, places: tuple[Tensor, ...], best: Tensor
) -> npt.NDArray[np.float32]:
    """How well each caption matches its best figures (Q, K), the mean over both views."""
    rows = []
    for first in range(0, len(tokens), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        own = best[part]
        words, is_real = (each[part].repeat_interleave(own.shape[1], dim=0) for each in (tokens, real))
        logits = [method.match(words, is_real, view[own.flatten()]).float() for view in places]
        rows.append(torch.stack(logits).mean(dim=0).view(own.shape))
    return torch.cat(rows).cpu().numpy()


def _split(*tensors: Tensor) -> Any:
    return zip(*(part.split(CHUNK) for part in tensors), strict=True)


def ranks(scores: npt.NDArray[np.float32], asked: Asked) -> Ranks:
    """The ranks of the right figures (Q, most of a person); -1 as 65535 where a person has fewer."""
    right = asked.people[None] == asked.asked[:, None]  # (Q, N)
    order = np.argsort(-scores, axis=1, kind="stable")
    sorted_right = np.take_along_axis(right, order, axis=1)
    most = int(right.sum(axis=1).max())
    found = np.full((len(scores), most), np.iinfo(np.uint16).max, np.uint16)
    for row, mask in enumerate(sorted_right):
        own = np.flatnonzero(mask)
        found[row, : len(own)] = own
    return found
