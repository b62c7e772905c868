"""Scores of texts over a gallery whose best hits are looked at once more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.encoder import Reranker, batched
from retrieval.images import pixels
from retrieval.query_text import normalise_text
from retrieval.reranking import HEAD, Scores, rerank_row

CHUNK = 64


@torch.inference_mode()
def second_stage(
    encoder: Reranker, gallery: PictureTable, texts: Sequence[str], cosines: Scores, head: int = HEAD
) -> Scores:
    """The cosines (Q, N) of texts (Q,) with the `head` best of each row ranked anew; see `reranking`.   -> (Q, N)"""
    parts = [
        encoder.picture_places(torch.from_numpy(np.stack([pixels(p.open(), encoder.preprocess) for p in chunk])))
        for chunk in batched(gallery.pictures, CHUNK)
    ]
    places = [torch.cat(views) for views in zip(*parts, strict=True)]

    def row(text: str, cosine: Scores) -> Scores:
        asked = normalise_text(text)
        return rerank_row(
            cosine,
            lambda best: encoder.rerank(asked, tuple(view[best] for view in places)).float().cpu().numpy(),
            head,
        )

    return np.stack([row(text, cosine) for text, cosine in zip(texts, cosines, strict=True)])
