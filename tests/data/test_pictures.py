"""Pictures are values, and every kind of them gives views of any size."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.data.pictures import (
    ArrayPicture,
    EncodedPicture,
    Picture,
    PictureFile,
    StrokePicture,
    mirrored,
)
from retrieval.images import Stroke, Strokes

LINES = Strokes(100, 100, (Stroke(((10, 10), (90, 20), (50, 90)), 4),))


def encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(params=["file", "bytes", "array", "drawing"])
def picture(request: pytest.FixtureRequest, tmp_path: Path) -> Picture:
    noise = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    file = tmp_path / "noise.png"
    Image.fromarray(noise).save(file)
    kinds = {
        "file": PictureFile(file),
        "bytes": EncodedPicture(file.read_bytes()),
        "array": ArrayPicture(noise),
        "drawing": StrokePicture(LINES),
    }
    return kinds[request.param]


@pytest.mark.parametrize("size", [16, 128])
def test_every_kind_is_read_and_varied_at_any_size(picture: Picture, size: int) -> None:
    assert picture.pixels(size).shape == (size, size, 3)
    assert picture.open().mode == "RGB"
    views = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        views.append(picture.view(size, np.random.default_rng(seed)))
    assert views[0].shape == (3, size, size)
    assert views[0].dtype == torch.uint8
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_a_view_is_the_same_whether_pixels_are_read_late_or_held(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    views = []
    for picture in (PictureFile(tmp_path / "noise.png"), ArrayPicture(noise)):
        torch.manual_seed(0)
        views.append(picture.view(32, np.random.default_rng(0)))
    assert torch.equal(*views)


def test_pictures_of_the_same_pixels_are_one(tmp_path: Path) -> None:
    red = np.full((4, 4, 3), (255, 0, 0), np.uint8)
    assert len({ArrayPicture(red), ArrayPicture(red.copy()), ArrayPicture(red[:2])}) == 2
    assert len({PictureFile(tmp_path / "a"), PictureFile(tmp_path / "a"), PictureFile(tmp_path / "b")}) == 2
    assert StrokePicture(LINES) == StrokePicture(Strokes(*vars(LINES).values()))


def test_transparent_pixels_of_encoded_pictures_lie_on_white() -> None:
    clear = EncodedPicture(encoded(Image.new("RGBA", (6, 6), (255, 0, 0, 0))))
    assert clear.pixels().min() == 255


def test_half_of_the_pictures_are_mirrored_and_nothing_else_changes() -> None:
    array = np.zeros((4, 4, 3), np.uint8)
    array[:, 0] = 9
    rng = np.random.default_rng(0)
    plain = torch.from_numpy(array).permute(2, 0, 1)
    shown = [mirrored(ArrayPicture(array), 4, rng) for _ in range(200)]
    is_plain = [torch.equal(picture, plain) for picture in shown]
    assert all(same or torch.equal(picture, plain.flip(2)) for same, picture in zip(is_plain, shown, strict=True))
    assert 70 < sum(is_plain) < 130


def test_a_drawing_is_moved_in_proportion_to_its_size() -> None:
    def farthest(size: int) -> float:
        shown = []
        for seed in range(12):
            ink = np.asarray(StrokePicture(LINES).view(size, np.random.default_rng(seed)))[0] < 128
            shown.append(np.abs(np.argwhere(ink).mean(axis=0) / size - 0.5).max())
        return float(np.median(shown))

    assert farthest(256) == pytest.approx(farthest(64), abs=0.03)
