"""TIFF, AVIF and HEIC open like any other picture, with the same guards."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval import formats
from retrieval.decoder import Decoders
from retrieval.errors import UnreadableImage
from retrieval.formats import is_heif
from retrieval.images import open_image

RED = Image.new("RGB", (60, 20), "red")


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def tiff(path: Path, width: int, height: int) -> Path:
    """A TIFF of a hundred bytes that claims width x height pixels of one byte."""
    tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 4))
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4))
    return path


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return saved(tmp_path / "phone.heic", RED)


@pytest.mark.parametrize("suffix", ["tif", "avif"])
def test_tiff_and_avif_open(tmp_path: Path, suffix: str) -> None:
    opened = open_image(saved(tmp_path / f"picture.{suffix}", RED))
    assert opened.size == (60, 20)
    assert np.abs(np.asarray(opened).mean(axis=(0, 1)) - (255, 0, 0)).max() < 4


def test_heic_opens_and_a_visitors_does_in_its_own_process(heic: Path) -> None:
    pool = Decoders()
    for opened in (open_image(heic), pool.open(heic)):
        assert opened.size == (60, 20)
        assert np.asarray(opened)[10, 30, 0] > 240
    pool.close()


def test_without_its_decoder_heic_is_refused_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(formats, "_heif_opens", lambda: False)
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40))
    with pytest.raises(UnreadableImage, match=r"phone\.heic is a HEIC picture.*pip install pillow-heif"):
        open_image(path)


def test_avif_is_not_taken_for_heic_although_both_are_of_one_family(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    path.write_bytes(b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf" + bytes(40))
    assert not is_heif(path)
    path.write_bytes(b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(40))
    assert is_heif(path)


@pytest.mark.parametrize(("suffix", "size"), [("tif", (20, 60)), ("avif", (20, 60))])
def test_a_turned_picture_is_turned_upright_once(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert open_image(saved(tmp_path / f"turned.{suffix}", RED, exif=exif)).size == size


@pytest.mark.parametrize("suffix", ["tif", "avif"])
def test_of_several_frames_the_first_is_shown(tmp_path: Path, suffix: str) -> None:
    others = [Image.new("RGB", RED.size, "blue")] * 3
    opened = open_image(saved(tmp_path / f"pages.{suffix}", RED, save_all=True, append_images=others))
    assert np.asarray(opened)[10, 30, 0] > 240


def test_a_tiff_that_claims_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="80 megapixels, more than the 40 megapixels"):
        open_image(tiff(tmp_path / "bomb.tif", 10_000, 8_000))


@pytest.mark.parametrize("suffix", ["tif", "avif"])
def test_half_a_file_is_refused(tmp_path: Path, suffix: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8))
    path = saved(tmp_path / f"half.{suffix}", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImage, match=r"half\.\w+ is (damaged or incomplete|not a picture)"):
        open_image(path)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0, 1e6])
def test_grey_of_any_depth_keeps_its_range(tmp_path: Path, top: float) -> None:
    ramp = np.tile(np.linspace(0, top, 64, dtype=np.float32), (64, 1))
    grey = np.asarray(open_image(saved(tmp_path / "deep.tif", Image.fromarray(ramp))))
    assert abs(float(grey.mean()) - 127.5) < 2


def test_numbers_that_are_none_are_black(tmp_path: Path) -> None:
    path = saved(tmp_path / "none.tif", Image.fromarray(np.full((8, 8), np.nan, np.float32)))
    assert np.asarray(open_image(path)).max() == 0


def test_the_colours_of_print_and_transparent_pixels_come_out_of_tiff(tmp_path: Path) -> None:
    print_ = open_image(saved(tmp_path / "print.tif", Image.new("CMYK", (8, 8), (0, 255, 255, 0))))
    assert np.asarray(print_)[4, 4].tolist() == [255, 0, 0]
    ghost = open_image(saved(tmp_path / "ghost.tif", Image.new("RGBA", (8, 8), (0, 0, 0, 0))))
    assert np.asarray(ghost).min() == 255


def test_of_a_file_that_ends_in_its_brands_nothing_is_read_beyond_its_end(tmp_path: Path) -> None:
    path = tmp_path / "x.heic"
    for head in (b"", b"\0\0\0\x18ftyp", b"\xff\xff\xff\xffftypheic"):
        path.write_bytes(head)
        assert is_heif(path) == (b"heic" in head)
