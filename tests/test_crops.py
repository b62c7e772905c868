"""A drawing is found on its sheet and an object on its ground, and what fills its picture is left as it is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from retrieval.crops import Box, crop, ground_of, object_box, salient_box


def page(side: int = 400, tone: int = 255) -> Image.Image:
    return Image.new("RGB", (side, side), (tone,) * 3)


def draw_ring(image: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    ImageDraw.Draw(image).ellipse(box, outline="black", width=4)
    return image


def box_of(image: Image.Image) -> Box | None:
    ground = ground_of(image)
    assert ground is not None
    return object_box(ground)


def cropped(image: Image.Image) -> Image.Image | None:
    box = box_of(image)
    return None if box is None else crop(image, box, ground_of(image))


def photographed(sheet: Image.Image) -> Image.Image:
    """The sheet on a dark table, under light that falls off to the right."""
    table = Image.new("RGB", (sheet.width + 160, sheet.height + 160), (110, 80, 50))
    table.paste(sheet, (80, 80))
    light = np.linspace(1.0, 0.5, table.width)[None, :, None]
    return Image.fromarray((np.asarray(table) * light).astype(np.uint8))


def test_a_small_drawing_in_a_corner_is_cropped_to_its_ink() -> None:
    box = box_of(draw_ring(page(), (20, 220, 180, 380)))
    assert box == pytest.approx((0.05, 0.55, 0.45, 0.95), abs=0.06)


def test_the_ink_is_found_under_uneven_light_and_beside_the_table() -> None:
    image = photographed(draw_ring(page(tone=240), (60, 60, 180, 180)))
    box = box_of(image)
    assert box is not None
    left, upper, right, lower = (end * 560 for end in box)
    assert (left, upper) == pytest.approx((140, 140), abs=25)
    assert (right, lower) == pytest.approx((260, 260), abs=25)


def test_the_light_on_a_crop_of_a_sheet_is_even() -> None:
    part = cropped(photographed(draw_ring(page(tone=240), (60, 60, 180, 180))))
    assert part is not None
    grey = np.asarray(part.convert("L"))
    assert np.percentile(grey, 30) > 235, "paper is white"
    assert grey.min() < 60, "ink is not"


@pytest.mark.parametrize("tone", [255, 240])
def test_a_drawing_that_fills_its_page_is_not_cropped(tone: int) -> None:
    assert cropped(draw_ring(page(tone=tone), (20, 20, 380, 380))) is None


def test_dirt_beside_a_drawing_is_left_out() -> None:
    image = draw_ring(page(), (20, 20, 160, 160))
    ImageDraw.Draw(image).rectangle((390, 390, 393, 393), fill="black")
    box = box_of(image)
    assert box is not None
    assert max(box) < 0.5


def test_parts_of_one_drawing_stay_together() -> None:
    image = draw_ring(draw_ring(page(), (20, 20, 120, 120)), (60, 160, 160, 260))
    box = box_of(image)
    assert box is not None
    assert box[3] > 0.6


def test_a_pale_object_on_an_even_dark_ground_is_found() -> None:
    image = page(tone=30)
    ImageDraw.Draw(image).rectangle((250, 40, 360, 150), fill="#d0b060")
    box = box_of(image)
    assert box == pytest.approx((0.6, 0.08, 0.92, 0.4), abs=0.05)


def test_an_empty_page_has_no_object() -> None:
    assert box_of(page()) is None


def test_a_picture_full_of_detail_has_no_ground() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (16, 16, 3), np.uint8)
    assert ground_of(Image.fromarray(noise).resize((300, 300), Image.Resampling.NEAREST)) is None


@pytest.mark.parametrize("size", [(1, 1), (1000, 1), (1, 1000), (3, 2)])
def test_slivers_are_looked_at_like_any_picture(size: tuple[int, int]) -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8))
    ground = ground_of(image)
    box = salient_box(np.ones((5, 5), np.float32), size) if ground is None else object_box(ground)
    assert box is None or crop(image, box, ground) is None or min(image.size) >= 1


@pytest.mark.parametrize("size", [(200, 200), (400, 200), (200, 400)])
def test_the_box_of_what_a_network_looks_at_lies_around_it(size: tuple[int, int]) -> None:
    """Place (2, 2) of five by five is the middle of the square, and of the picture that was put on it."""
    saliency = np.full((5, 5), 0.1, np.float32)
    saliency[2, 2] = 9
    left, upper, right, lower = salient_box(saliency, size)
    assert ((left + right) / 2, (upper + lower) / 2) == pytest.approx((0.5, 0.5))
    saliency = np.roll(saliency, 1, axis=1)
    assert sum(salient_box(saliency, size)[::2]) / 2 == pytest.approx(0.5 + 0.2 * max(size) / size[0], abs=0.15)


def test_a_network_that_looks_everywhere_crops_to_nothing() -> None:
    image = page()
    assert crop(image, salient_box(np.random.default_rng(0).random((5, 5), np.float32), image.size)) is None
