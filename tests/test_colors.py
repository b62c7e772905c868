"""The colours of a picture's object are counted in its pixels, and a file keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retrieval.colors import TERMS, color_shares, likeness, packed, unpacked
from retrieval.errors import GalleryError
from retrieval.images import OWNER, open_image
from retrieval.items import read_items
from retrieval.settings import Settings
from retrieval.world.palette import PALETTE


def disc(color: str | tuple[int, int, int], ground: str = "white", size: tuple[int, int] = (96, 96)) -> Image.Image:
    picture = Image.new("RGB", size, ground)
    box = (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4)
    ImageDraw.Draw(picture).ellipse(box, fill=color)
    return picture


def share(picture: Image.Image, term: str) -> float:
    return float(color_shares(picture)[TERMS.index(term)]) / 255


@pytest.mark.parametrize("ground", ["white", "black", "seagreen"])
def test_a_red_disc_is_red_whatever_it_lies_on(ground: str) -> None:
    assert share(disc("red", ground), "red") > 0.9
    assert share(disc("red", ground, (200, 60)), "red") > 0.7


@pytest.mark.parametrize("term", TERMS)
def test_the_colours_that_objects_are_rendered_in_have_their_names(term: str) -> None:
    rgb = tuple(round(255 * value) for value in PALETTE[term])
    assert share(disc(rgb, "teal"), term) > 0.8


def test_a_thing_of_two_colours_has_a_share_of_each() -> None:
    picture = disc("red")
    ImageDraw.Draw(picture).pieslice((24, 24, 72, 72), 0, 180, fill="blue")
    assert share(picture, "red") == pytest.approx(0.5, abs=0.08)
    assert share(picture, "blue") == pytest.approx(0.5, abs=0.08)


def test_a_picture_that_is_of_one_colour_all_over_has_that_colour() -> None:
    assert share(Image.new("RGB", (50, 40), "blue"), "blue") == 1


def test_a_sketch_in_black_ink_shows_no_colour_and_a_black_thing_is_black() -> None:
    sketch = Image.new("RGB", (256, 256), "white")
    brush = ImageDraw.Draw(sketch)
    brush.ellipse((60, 40, 200, 220), outline="black", width=3)
    brush.line((60, 130, 200, 130), fill="black", width=3)
    assert not color_shares(sketch).any()
    assert share(disc("black"), "black") > 0.9


def test_a_picture_that_shows_no_colour_is_as_like_a_colour_as_the_others_are_on_average() -> None:
    red, blue, none = (
        color_shares(picture) for picture in (disc("red"), disc("blue"), Image.new("RGB", (8, 8), "gray"))
    )
    alike = likeness(np.stack([red, blue, none]))
    assert alike[0, TERMS.index("red")] > 0.9 > 0.1 > alike[1, TERMS.index("red")]
    assert alike[2] == pytest.approx(alike[:2].mean(axis=0))
    assert likeness(np.stack([none, none])).max() == 0, "where no picture shows a colour, none is preferred"


def test_a_file_of_colours_is_read_back_and_one_of_something_else_is_refused(tmp_path: Path) -> None:
    shares, path = np.stack([color_shares(disc("red")), color_shares(disc("pink"))]), tmp_path / "colors.npy"
    path.write_bytes(packed(shares))
    assert unpacked(path, 2).tolist() == shares.tolist()
    with pytest.raises(GalleryError, match="not the colours of 3 pictures"):
        unpacked(path, 3)
    path.write_bytes(b"colours")
    with pytest.raises(GalleryError, match="cannot be read"):
        unpacked(path, 2)


@pytest.mark.parametrize("home", [Settings().gallery, Settings().emoji], ids=["world", "emoji"])
def test_the_embedded_galleries_come_with_the_colours_of_their_pictures(home: Path) -> None:
    items = read_items(home)
    kept = unpacked(home / "index" / "guise-base" / "colors.npy", len(items))
    some = range(0, len(items), 97)
    counted = np.stack([color_shares(open_image(items[place].path, OWNER)) for place in some])
    assert np.abs(kept[some].astype(int) - counted).max() <= 8, "another decoder may round otherwise"
