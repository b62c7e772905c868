"""What may be searched with: files that lie about themselves, and drawings that break the rules."""

from __future__ import annotations

import contextlib
import io
import json
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.errors import BadStrokes, EmptyQuery, QueryError, UnreadableImage
from retrieval.images import (
    MAX_POINTS,
    MAX_SIDE,
    OWNER,
    Preprocess,
    open_image,
    parse_strokes,
    pixels,
    rasterise,
    squared,
)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def bomb(path: Path, width: int, height: int) -> Path:
    """A PNG of a few kilobytes that claims width x height pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * 64), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_an_empty_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(UnreadableImage, match=r"empty\.png is empty \(0 bytes\)"):
        open_image(path)


def test_a_text_file_named_png_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "letter.png"
    path.write_text("Dear reader")
    with pytest.raises(UnreadableImage, match="is not a picture"):
        open_image(path)


def test_a_truncated_jpeg_is_refused(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8))
    path = saved(tmp_path / "half.jpg", noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        open_image(path)


@pytest.mark.parametrize(("width", "height"), [(10000, 8000), (20000, 20000)])
def test_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path, width: int, height: int) -> None:
    with pytest.raises(UnreadableImage, match="megapixels"):
        open_image(bomb(tmp_path / "bomb.png", width, height))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="cannot be read"):
        open_image(tmp_path / "gone.png")


def test_a_format_outside_the_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="is not a picture"):
        open_image(saved(tmp_path / "scan.ppm", Image.new("RGB", (8, 8))))


def test_cmyk_keeps_its_colour(tmp_path: Path) -> None:
    path = saved(tmp_path / "print.jpg", Image.new("CMYK", (32, 32), (0, 255, 255, 0)))
    red, green, blue = np.asarray(open_image(path)).mean(axis=(0, 1))
    assert red > 200 > 60 > max(green, blue)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (64, 1))
    found = np.asarray(open_image(saved(tmp_path / "deep.png", Image.fromarray(ramp))))
    assert abs(float(found.mean()) - 127.5) < 2
    assert len(np.unique(found)) > 40


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), c) for c in ("red", "blue", "green")]
    path = saved(tmp_path / "moving.gif", frames[0], save_all=True, append_images=frames[1:])
    assert np.asarray(open_image(path))[8, 8].tolist() == [255, 0, 0]


def test_exif_rotation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned a quarter
    path = saved(tmp_path / "turned.jpg", Image.new("RGB", (60, 20), "white"), exif=exif)
    assert open_image(path).size == (20, 60)


def test_transparency_becomes_white_paper(tmp_path: Path) -> None:
    assert np.asarray(open_image(saved(tmp_path / "ghost.png", Image.new("RGBA", (8, 8), (0, 0, 0, 0))))).min() == 255


def test_a_large_picture_is_reduced(tmp_path: Path) -> None:
    assert max(open_image(saved(tmp_path / "large.jpg", Image.new("RGB", (3000, 1500)))).size) <= MAX_SIDE


def broken_exif(path: Path, tag: int, kind: int, count: int, value: bytes) -> Path:
    """A JPEG that is held upside down, with one more tag that is written wrongly."""
    turned = struct.pack("<HHI4s", 0x0112, 3, 1, b"\x03\0\0\0")
    entries = struct.pack("<H", 2) + turned + struct.pack("<HHI4s", tag, kind, count, value) + bytes(4)
    picture = Image.new("RGB", (64, 32), "white")
    picture.paste("red", (0, 0, 64, 8))
    return saved(path, picture, exif=b"Exif\0\0II*\0\x08\0\0\0" + entries)


def test_a_picture_with_a_broken_tag_opens_without_the_tag(tmp_path: Path) -> None:
    told = (
        b"Exif\0\0II*\0\x08\0\0\0\x02\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x03\x01\x08\0\x01\0\0\0\xff\xff\0\0\0\0\0\0"
    )
    assert open_image(saved(tmp_path / "x.jpg", Image.new("RGB", (8, 8)), exif=told)).size == (8, 8)
    for kind in range(14):
        path = broken_exif(tmp_path / "held.jpg", 0x0103, kind, 1, b"\xff\xff\0\0")
        assert np.asarray(open_image(path))[30, 5, 1] < 100, "it was turned, as the tag that can be read says"


@given(st.binary(min_size=4, max_size=200))
def test_no_exif_costs_a_picture(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("exif") / "x.jpg"
    for head in (b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b""):
        Image.new("RGB", (8, 8)).save(path, exif=b"Exif\0\0" + head + junk)
        assert open_image(path).size == (8, 8)


@pytest.mark.parametrize("error", [struct.error, TypeError, AttributeError, IndexError, KeyError, ZeroDivisionError])
def test_whatever_a_decoder_raises_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    path = saved(tmp_path / "x.png", Image.new("RGB", (8, 8)))

    def fails(opened: Image.Image) -> None:
        raise error("deep inside")

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fails)
    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        open_image(path)


def many_scans(path: Path, times: int, side: int = 400) -> Path:
    """A progressive JPEG whose last scan comes again and again."""
    whole = io.BytesIO()
    Image.new("RGB", (side, side), (200, 30, 60)).save(whole, "JPEG", progressive=True)
    data = whole.getvalue()
    last = data[data.rindex(b"\xff\xc4", 0, data.rindex(b"\xff\xda")) : -2]
    path.write_bytes(data[:-2] + last * times + b"\xff\xd9")
    return path


def test_a_jpeg_of_a_thousand_scans_is_refused_before_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_image(many_scans(tmp_path / "few.jpg", 5)).size == (400, 400)
    path = many_scans(tmp_path / "many.jpg", 1000)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda opened: pytest.fail("it is decoded"))
    with pytest.raises(UnreadableImage, match=r"drawn in 10\d\d passes"):
        open_image(path)


def test_formats_of_many_layers_may_have_fewer_pixels(tmp_path: Path) -> None:
    small = [Image.new("RGB", (64, 64), c) for c in ("red", "blue")]
    whole = io.BytesIO()
    small[0].save(whole, "WEBP", save_all=True, append_images=small[1:])
    data = bytearray(whole.getvalue())
    at = data.index(b"VP8X") + 12  # the canvas' width and height, less one, three bytes each
    data[at : at + 6] = (6000).to_bytes(3, "little") + (6000).to_bytes(3, "little")
    path = tmp_path / "moving.webp"
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match="36 megapixels, more than the 16"):
        open_image(path)


def test_an_owner_s_picture_may_be_larger_than_a_visitor_s(tmp_path: Path) -> None:
    path = saved(tmp_path / "camera.png", Image.new("L", (8000, 6000)))
    with pytest.raises(UnreadableImage, match="48 megapixels, more than the 40"):
        open_image(path)
    assert open_image(path, OWNER).size == (1024, 768)


def test_what_is_no_file_or_may_not_be_read_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableImage, match="is not a file"):
        open_image(tmp_path / "pipe.png")
    path = saved(tmp_path / "x.png", Image.new("RGB", (8, 8)))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(UnreadableImage, match="permission denied"):
        open_image(path)


def test_a_name_that_is_no_text_can_be_told(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9\n.png")
    path.write_text("no picture")
    with pytest.raises(UnreadableImage) as refused:
        open_image(path)
    assert str(refused.value).encode().startswith("caf\ufffd\ufffd.png is not".encode())


@given(st.binary(max_size=400))
def test_random_bytes_never_crash_the_door(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    path = tmp_path_factory.mktemp("junk") / "junk.png"
    good = io.BytesIO()
    Image.new("RGB", (4, 4)).save(good, "PNG")
    path.write_bytes(good.getvalue()[:40] + junk)
    with contextlib.suppress(UnreadableImage):
        assert open_image(path).mode == "RGB"


# ---------------------------------------------------------------- drawings


def drawing(*strokes: Any, **changes: Any) -> dict[str, Any]:
    return {"width": 512, "height": 512, "strokes": list(strokes), **changes}


def line(*points: Any, **changes: Any) -> dict[str, Any]:
    return {"points": [list(p) for p in points], "width": 6, **changes}


@pytest.mark.parametrize("nothing", [None, "", {}, "{}", "null", json.dumps(drawing())])
def test_nothing_drawn_asks_for_a_drawing(nothing: Any) -> None:
    with pytest.raises(EmptyQuery, match="Nothing is drawn yet"):
        parse_strokes(nothing)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "not valid JSON"),
        ("[1]", "is a list"),
        ('{"width": 512, "height": 512}', "no list of strokes"),
        (drawing(line((0, 0), (float("nan"), 3))), "x is nan"),
        (json.dumps(drawing(line((0, 0), (float("inf"), 3)))), "x is inf"),
        (drawing(line((0, 0), (600, 3))), "x is 600"),
        (drawing(line((0, "3"))), "y is '3'"),
        (drawing(line((0, 1, 2))), "not .x, y."),
        (drawing(line((True, 2))), "x is True"),
        (drawing({"width": 3}), "has no points"),
        (drawing(line((1, 1)), width=0), "width is 0"),
        (drawing(line((1, 1), width=-2)), "pen width is -2"),
        (drawing(*[line((1, 1))] * 501), "501 strokes"),
        (drawing(line(*[(1, 1)] * (MAX_POINTS + 1))), f"{MAX_POINTS + 1} points"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_drawing_that_breaks_the_rules_is_refused_in_a_sentence(bad: Any, says: str) -> None:
    with pytest.raises(BadStrokes, match=says):
        parse_strokes(bad)


def test_a_million_points_are_refused_quickly() -> None:
    with pytest.raises(BadStrokes, match="1000000 points"):
        parse_strokes(drawing(line(*[(1, 1)] * 1_000_000)))


def test_a_drawing_is_moved_and_scaled_to_fill_the_paper() -> None:
    small = parse_strokes(drawing(line((10, 10), (40, 10), (40, 40))))
    large = parse_strokes(drawing(line((100, 100), (400, 100), (400, 400), width=20)))
    ink = [np.argwhere(np.asarray(rasterise(d, 128))[..., 0] < 128) for d in (small, large)]
    for found in ink:
        assert found.min() < 16
        assert found.max() > 112


def test_the_eraser_takes_ink_away() -> None:
    kept = line((100, 100), (100, 400))
    gone = line((400, 100), (400, 400))
    rubber = line((400, 90), (400, 410), width=40, erase=True)
    erased = rasterise(parse_strokes(drawing(kept, gone, rubber)), 64)
    assert np.array_equal(np.asarray(erased), np.asarray(rasterise(parse_strokes(drawing(kept)), 64)))


def test_erasing_everything_leaves_nothing_to_search_with() -> None:
    everything = parse_strokes(drawing(line((10, 10), (500, 500)), line((0, 0), (512, 512), width=90, erase=True)))
    with pytest.raises(EmptyQuery, match="has been erased"):
        rasterise(everything)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_no_json_value_gets_past_as_anything_but_a_sentence(value: Any) -> None:
    with pytest.raises(QueryError):
        parse_strokes(json.dumps(value))


# ---------------------------------------------------------------- what an encoder reads


def test_a_wide_picture_is_padded_with_its_border() -> None:
    wide = squared(Image.new("RGB", (60, 20), (10, 200, 30)), 30)
    assert wide.size == (30, 30)
    assert np.asarray(wide).reshape(-1, 3).tolist() == [[10, 200, 30]] * 900


def test_pixels_are_normalised_channels_first() -> None:
    values = pixels(Image.new("RGB", (8, 8), (255, 0, 127)), Preprocess(4, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)))
    assert values.shape == (3, 4, 4)
    assert np.allclose(values[:, 0, 0], [1.0, -1.0, -0.004], atol=0.001)


@pytest.mark.parametrize("reach", [400, 6])
def test_an_eraser_that_goes_over_everything_again_and_again_is_refused_at_once(reach: float) -> None:
    rng = np.random.default_rng(0)
    wild = line(*rng.uniform(0, 512, (5000, 2)).tolist(), width=512, erase=True)
    begun = time.perf_counter()
    with pytest.raises(BadStrokes, match="eraser goes over too much"):
        rasterise(parse_strokes(drawing(line((0, 0), (reach, reach)), wild)))
    assert time.perf_counter() - begun < 5


def test_a_long_use_of_a_usual_eraser_is_drawn() -> None:
    turns = np.linspace(0, 200, 3000)
    spiral = np.stack([256 + turns * np.cos(turns), 256 + turns * np.sin(turns)], 1)
    kept = line((0, 0), (511, 0), (511, 511))
    assert rasterise(parse_strokes(drawing(kept, line(*spiral.tolist(), width=56, erase=True)))).size == (256, 256)


def test_a_bad_value_is_cut_in_the_message() -> None:
    for bad in (drawing(width="9" * 1_000_000), drawing(line(["9" * 1_000_000]))):
        with pytest.raises(BadStrokes) as refused:
            parse_strokes(bad)
        assert len(str(refused.value)) < 300
