"""Views of a picture: a batch is changed at once as torchvision changes one picture after the other."""

from __future__ import annotations

import math

import pytest
import torch
from torchvision.transforms import v2

from retrieval.images import Preprocess
from retrieval.methods.parts import banks
from retrieval.methods.parts.banks import View


@pytest.fixture
def pictures() -> torch.Tensor:
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def test_every_picture_has_a_view_of_its_own(pictures: torch.Tensor) -> None:
    torch.manual_seed(0)
    same = pictures[:1].expand(6, -1, -1, -1) * 2 - 1
    views = View(Preprocess(32, (0.5,) * 3, (0.5,) * 3))(same)
    assert views.shape == same.shape
    assert views.min() >= -1.001
    assert views.max() <= 1.001
    assert min(float((views[i] - views[j]).abs().mean()) for i in range(6) for j in range(i)) > 0.01


def test_views_are_a_function_of_the_seed(pictures: torch.Tensor) -> None:
    view = View(Preprocess(32))
    found = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        found.append(view(pictures))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])


def test_crops_are_torchvisions(pictures: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = [(4, 2, 20, 24), (0, 0, 32, 32), (6, 6, 24, 20), (1, 9, 22, 22), (8, 3, 24, 28), (2, 2, 25, 25)]
    queue = iter(boxes)
    monkeypatch.setattr(banks.RandomResizedCrop, "get_params", lambda *told: next(queue))
    monkeypatch.setattr(banks.torch, "rand", lambda *size: torch.ones(*size))  # nothing is mirrored
    found = banks._cropped(pictures)
    for picture, box, crop in zip(pictures, boxes, found, strict=True):
        theirs = v2.functional.resized_crop(picture, *box, [32, 32], antialias=True)
        torch.testing.assert_close(crop[:, 2:-2, 2:-2], theirs[:, 2:-2, 2:-2], atol=1e-4, rtol=0)


def test_blur_is_torchvisions(pictures: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    sigmas = torch.linspace(0.2, 1.4, 6)
    monkeypatch.setattr(banks, "_between", lambda *told: sigmas.view(6, 1, 1, 1))
    for picture, sigma, found in zip(pictures, sigmas.tolist(), banks._blurred(pictures), strict=True):
        torch.testing.assert_close(found, v2.functional.gaussian_blur(picture, [5, 5], [sigma, sigma]))


def test_a_third_of_a_turn_exchanges_the_colours_and_greys_stay(pictures: torch.Tensor) -> None:
    third = torch.full((6, 1, 1, 1), 2 * math.pi / 3)
    torch.testing.assert_close(banks._turned(pictures, third), pictures.roll(1, dims=1))
    grey = pictures[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(banks._turned(grey, third / 5), grey)


def test_brightness_contrast_and_saturation_are_torchvisions(
    pictures: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banks.torch, "randperm", lambda count: torch.arange(count))
    strengths = iter([torch.full((6, 1, 1, 1), value) for value in (1.2, 0.7, 1.3, 1.0, 0.0)])
    monkeypatch.setattr(banks, "_between", lambda *told: next(strengths))
    theirs = v2.functional.adjust_brightness(pictures, 1.2)
    theirs = v2.functional.adjust_contrast(theirs, 0.7)
    theirs = v2.functional.adjust_saturation(theirs, 1.3)
    torch.testing.assert_close(banks._recoloured(pictures), theirs, atol=1e-5, rtol=0)
