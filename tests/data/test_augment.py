"""How pictures are varied."""

from __future__ import annotations

import torch

from retrieval.data.augment import Outline


def test_an_outline_is_white_where_nothing_changes_and_dark_at_edges() -> None:
    picture = torch.zeros((3, 32, 32), dtype=torch.uint8)
    picture[:, :, 16:] = 255
    drawn = Outline()(picture)
    assert drawn.shape == picture.shape
    assert drawn.dtype == torch.uint8
    assert (drawn[:, :, :12] == 255).all()
    assert (drawn[:, :, 15:17] < 60).all()
