"""Pixels in: files opened safely, strokes drawn, pictures brought to the size and range that an encoder reads.

This is the only place where a picture is decoded. It leaves tensors to `encoder` and where pictures come from to
`data` and `ui`. It needs no torch, so the page can refuse a bad file before any model is loaded.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageOps, UnidentifiedImageError
from pydantic import Field

from retrieval.errors import BadStrokes, EmptyQuery, UnreadableImage

MAX_BYTES = 10_000_000
MAX_PIXELS = 40_000_000
MAX_SIDE = 1024  # what is kept of a larger picture; every encoder reads less
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")  # animated ones: the first frame

MAX_STROKES = 500
MAX_POINTS = 20_000
MAX_CANVAS = 4096
PEN = (0.012, 0.05)  # thinnest and thickest line of a rasterised drawing, as a share of its side
MARGIN = 0.06  # paper around a rasterised drawing, as a share of its side


# ---------------------------------------------------------------- files


def open_image(path: Path) -> Image.Image:
    """The picture in the file as upright 8-bit RGB on white, at most `MAX_SIDE` on its longer side.

    Raises UnreadableImage, in one sentence, for anything else: empty files, other formats, too many bytes or pixels,
    damage.
    """
    name = path.name
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UnreadableImage(f"{name} cannot be read ({error.strerror}). Choose the picture again.") from error
    if size == 0:
        raise UnreadableImage(f"{name} is empty (0 bytes). Choose a file that holds a picture.")
    if size > MAX_BYTES:
        raise UnreadableImage(
            f"{name} has {size / 1e6:.0f} MB, more than {MAX_BYTES / 1e6:.0f} MB. Make it smaller first."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is below, and stricter
            with Image.open(path, formats=FORMATS) as opened:
                return _decoded(opened, name)
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            f"{name} is not a picture that can be opened here. Choose a {_listed(FORMATS)} file."
        ) from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(_too_large(name, "far more")) from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise UnreadableImage(f"{name} is damaged or incomplete. Save it again, or choose another picture.") from error


def _decoded(opened: Image.Image, name: str) -> Image.Image:
    pixels = opened.width * opened.height
    if pixels > MAX_PIXELS:
        raise UnreadableImage(
            _too_large(name, f"{opened.width} x {opened.height} = {pixels / 1e6:.0f} megapixels, more")
        )
    opened.draft("RGB", (MAX_SIDE, MAX_SIDE))  # lets JPEG decode at a fraction of its size
    opened.load()
    upright = ImageOps.exif_transpose(opened)
    upright.thumbnail(
        (MAX_SIDE, MAX_SIDE), Image.Resampling.BOX if upright.mode.startswith("I") else Image.Resampling.LANCZOS
    )
    return flatten(upright)


def flatten(image: Image.Image) -> Image.Image:
    """The picture as 8-bit RGB: 16-bit grey scaled (not clipped), CMYK converted, transparent pixels on white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(paper, layered).convert("RGB")
    return image.convert("RGB")


def _too_large(name: str, how: str) -> str:
    return f"{name} has {how} than the {MAX_PIXELS / 1e6:.0f} megapixels that are opened here. Make it smaller first."


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(words[:-1]) + " or " + words[-1]


# ---------------------------------------------------------------- drawings


@dataclass(frozen=True)
class Stroke:
    """One line of the pen, or of the eraser. Points and width are in canvas units."""

    points: tuple[tuple[float, float], ...]
    width: float
    erase: bool = False


@dataclass(frozen=True)
class Strokes:
    """A drawing as it was made, on a canvas of width x height units, y pointing down."""

    width: float
    height: float
    strokes: tuple[Stroke, ...]


def parse_strokes(drawing: str | Mapping[str, Any] | None) -> Strokes:
    """The drawing that the canvas sent: {"width", "height", "strokes": [{"points": [[x, y], ...], "width", "erase"}]}.

    Raises EmptyQuery when nothing is drawn and BadStrokes when the list breaks the limits; no coordinate is repaired.
    """
    data = _loaded(drawing)
    width, height = (_number(data.get(side), side, 1, MAX_CANVAS) for side in ("width", "height"))
    listed = data.get("strokes")
    if not isinstance(listed, list):
        raise BadStrokes('The drawing has no list of strokes. Send {"width", "height", "strokes": [...]}.')
    if not listed:
        raise EmptyQuery("Nothing is drawn yet. Draw something on the canvas.")
    if len(listed) > MAX_STROKES:
        raise BadStrokes(f"The drawing has {len(listed)} strokes, more than {MAX_STROKES}. Draw it with fewer lines.")
    points = sum(len(s["points"]) for s in listed if isinstance(s, dict) and isinstance(s.get("points"), list))
    if points > MAX_POINTS:
        raise BadStrokes(
            f"The drawing has {points} points, more than {MAX_POINTS}. Draw it with fewer or shorter lines."
        )
    strokes = tuple(_stroke(entry, index, width, height) for index, entry in enumerate(listed))
    if all(stroke.erase for stroke in strokes):
        raise EmptyQuery("Nothing is drawn yet. Draw something on the canvas.")
    return Strokes(width, height, strokes)


def _loaded(drawing: str | Mapping[str, Any] | None) -> Mapping[str, Any]:
    if isinstance(drawing, str) and drawing:
        try:
            drawing = json.loads(drawing)
        except (ValueError, RecursionError) as error:
            raise BadStrokes("The drawing is not valid JSON. Clear the canvas and draw again.") from error
    if not drawing:
        raise EmptyQuery("Nothing is drawn yet. Draw something on the canvas.")
    if not isinstance(drawing, Mapping):
        raise BadStrokes(
            f"The drawing is a {type(drawing).__name__}, not an object with strokes. Clear the canvas and draw again."
        )
    return drawing


def _number(value: object, what: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:  # NaN fails too
        raise BadStrokes(
            f"The drawing's {what} is {value!r}, not a number from {low:g} to {high:g}. "
            "Clear the canvas and draw again."
        )
    return float(value)


def _stroke(entry: object, index: int, width: float, height: float) -> Stroke:
    if not isinstance(entry, dict) or not isinstance(entry.get("points"), list) or not entry["points"]:
        raise BadStrokes(f"Stroke {index} has no points. Clear the canvas and draw again.")
    points = []
    for point in entry["points"]:
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise BadStrokes(
                f"Stroke {index} has a point {point!r} that is not [x, y]. Clear the canvas and draw again."
            )
        points.append((_number(point[0], "x", 0, width), _number(point[1], "y", 0, height)))
    pen = _number(entry.get("width", width / 80), "pen width", 0.1, max(width, height))
    return Stroke(tuple(points), pen, bool(entry.get("erase", False)))


def rasterise(drawing: Strokes, size: int = 256) -> Image.Image:
    """The drawing as black ink on a white RGB square of `size` pixels, moved and scaled so that what is left of it
    fills the square.
    """
    low, high = _ink_box(drawing)
    scale = size * (1 - 2 * MARGIN) / max(high[0] - low[0], high[1] - low[1], drawing.width / 50)
    shift = tuple(size / 2 - scale * (low[i] + high[i]) / 2 for i in range(2))
    paper = _inked(drawing, size, scale, (shift[0], shift[1]), PEN)
    return paper.resize((size, size), Image.Resampling.BOX).convert("RGB")


def _ink_box(drawing: Strokes, cells: int = 256) -> tuple[tuple[float, float], tuple[float, float]]:
    """Corners of what the eraser has left of the lines' middles, in canvas units."""
    unit = cells / max(drawing.width, drawing.height)
    paper = _inked(drawing, cells, unit, (0.0, 0.0), (1 / cells, 1 / cells), oversample=1)
    box = ImageOps.invert(paper).getbbox()
    if box is None:
        raise EmptyQuery("Everything that was drawn has been erased. Draw something on the canvas.")
    return (box[0] / unit, box[1] / unit), (box[2] / unit, box[3] / unit)


def _inked(
    drawing: Strokes,
    size: int,
    scale: float,
    shift: tuple[float, float],
    pen: tuple[float, float],
    oversample: int = 3,
) -> Image.Image:
    """Ink on white, `oversample` times `size` pixels wide; canvas point p lands on scale * p + shift."""
    side = size * oversample
    paper = Image.new("L", (side, side), 255)
    brush = ImageDraw.Draw(paper)
    for stroke in drawing.strokes:
        share = stroke.width * scale / size
        width = max(1, round(side * (share if stroke.erase else min(max(share, pen[0]), pen[1]))))
        points = [((x * scale + shift[0]) * oversample, (y * scale + shift[1]) * oversample) for x, y in stroke.points]
        tone, radius = (255 if stroke.erase else 0), width / 2
        if len(points) > 1:
            brush.line(points, fill=tone, width=width, joint="curve")
        for x, y in (points[0], points[-1]):  # round ends, and dots
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tone)
    return paper


# ---------------------------------------------------------------- what an encoder reads


Spread = Annotated[float, Field(gt=0)]


@dataclass(frozen=True)
class Preprocess:
    """How an encoder wants its pictures: a square of `size` pixels, RGB, (value / 255 - mean) / std per channel."""

    size: Annotated[int, Field(ge=1, le=MAX_SIDE)]
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[Spread, Spread, Spread] = (0.25, 0.25, 0.25)


def squared(image: Image.Image, size: int) -> Image.Image:
    """The whole picture on a square of `size` pixels; the bands beside it take the colour of the picture's border."""
    image = image if image.mode == "RGB" else flatten(image)
    if image.size == (size, size):
        return image
    if image.width == image.height:
        return image.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    scale = size / max(image.size)
    inner = (max(1, math.floor(image.width * scale)), max(1, math.floor(image.height * scale)))
    small = image.resize(inner, Image.Resampling.BICUBIC, reducing_gap=2.0)
    paper = Image.new("RGB", (size, size), _border_color(small))
    paper.paste(small, ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return paper


def _border_color(image: Image.Image) -> tuple[int, int, int]:
    pixels = np.asarray(image)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    red, green, blue = np.median(border, axis=0)
    return int(red), int(green), int(blue)


def pixels(image: Image.Image, preprocess: Preprocess) -> npt.NDArray[np.float32]:
    """The picture as the encoder reads it.   -> (3, size, size), float32, normalised"""
    shares = np.asarray(squared(image, preprocess.size), dtype=np.float32) / np.float32(255)  # (size, size, 3)
    values = (shares - np.array(preprocess.mean, np.float32)) / np.array(preprocess.std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)
