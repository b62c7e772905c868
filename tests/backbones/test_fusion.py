"""Boxes on a grid, and attention that keeps to what it may see."""

from __future__ import annotations

import torch

from retrieval.backbones.fusion import FusionEncoder, places_in


def test_a_box_touches_the_places_that_it_overlaps() -> None:
    grid = places_in(torch.tensor([0.5, 0.375, 1.0, 0.25]), 4, 2).view(4, 2)
    assert grid.tolist() == [[False, False], [True, True], [False, False], [False, False]]


def test_the_smallest_box_still_touches_a_place() -> None:
    for middle in (0.0, 0.26, 0.5, 1.0):
        assert places_in(torch.tensor([middle, middle, 0.0, 0.0]), 8, 4).sum() == 1


def test_fused_words_do_not_change_with_padding_or_with_places_that_are_not_seen() -> None:
    torch.manual_seed(0)
    fusion = FusionEncoder(16, 2, 2).eval()
    words, places = torch.randn(1, 5, 16), torch.randn(1, 6, 16)
    real, seen = torch.tensor([[True] * 3 + [False] * 2]), torch.tensor([[True] * 4 + [False] * 2])
    fused = fusion(words, real, places, seen)[:, :3]
    torch.testing.assert_close(fused, fusion(words[:, :3], real[:, :3], places[:, :4]))


def test_attention_is_a_share_of_the_places() -> None:
    torch.manual_seed(0)
    shares = FusionEncoder(16, 2, 2).attention(
        torch.randn(2, 3, 16), torch.ones(2, 3, dtype=torch.bool), torch.randn(2, 6, 16)
    )
    assert shares.shape == (2, 3, 6)
    torch.testing.assert_close(shares.sum(dim=-1), torch.ones(2, 3))
