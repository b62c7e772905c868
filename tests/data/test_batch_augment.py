"""Whole batches, varied at once."""

from __future__ import annotations

import torch

from retrieval.data.batch_augment import Variation, outlines, vary

PICTURES = torch.randint(0, 256, (6, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
DRAWINGS = torch.tensor([True, False, False, False, False, False])


def views(seed: int) -> torch.Tensor:
    return vary(PICTURES, DRAWINGS, 32, Variation(), torch.Generator().manual_seed(seed))


def test_views_have_the_size_that_was_asked_for_and_values_in_the_unit_interval() -> None:
    seen = views(0)
    assert seen.shape == (6, 3, 32, 32)
    assert seen.min() >= 0
    assert seen.max() <= 1


def test_one_seed_gives_one_view_and_another_another() -> None:
    assert torch.equal(views(0), views(0))
    assert not torch.equal(views(0), views(1))


def test_the_paper_of_a_drawing_stays_white() -> None:
    paper = torch.full((40, 3, 24, 24), 255, dtype=torch.uint8)
    seen = vary(paper, torch.ones(40, dtype=torch.bool), 24, Variation(), torch.Generator().manual_seed(0))
    assert torch.allclose(seen, torch.ones_like(seen), atol=1e-5)


def test_without_variation_a_picture_is_shown_as_it_is() -> None:
    still = Variation(
        closest=1.0, smaller=0, drawings_smaller=0, tilt=0, shear=0, aspect=0, relit=0, grey=0, outline=0, blurred=0
    )
    ramp = torch.linspace(0, 255, 24).to(torch.uint8).expand(6, 3, 24, 24)
    seen = vary(ramp, DRAWINGS, 24, still, torch.Generator().manual_seed(0))
    plain = ramp.float() / 255
    mirrored = plain.flip(3)
    kept = (seen - plain).abs().mean(dim=(1, 2, 3)) < 0.05
    flipped = (seen - mirrored).abs().mean(dim=(1, 2, 3)) < 0.05
    assert (kept | flipped).all(), "at most mirrored, and a little larger or smaller"


def test_outlines_are_dark_where_brightness_changes_and_white_elsewhere() -> None:
    square = torch.ones(1, 3, 32, 32)
    square[:, :, 8:24, 8:24] = 0
    lines = outlines(square)[0, 0]
    assert lines[16, 8] < 0.3
    assert lines[16, 16] > 0.95
    assert lines[2, 2] > 0.95
