"""Pixels in: files opened safely, strokes drawn, pictures brought to the size and range that an encoder reads.

This is the only place where a picture is decoded. It leaves tensors to `encoder` and where pictures come from to
`data` and `ui`. It needs no torch, so the page can refuse a bad file before any model is loaded.
"""

from __future__ import annotations

import json
import math
import os
import stat
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
from retrieval.files import printable
from retrieval.formats import OWNER as OWNER
from retrieval.formats import VISITOR, Limits, check_work, formats_for, listed_formats, too_large
from retrieval.schema import shorten

MAX_SIDE = 1024  # what is kept of a larger picture; every encoder reads less
ORIENTATION = 0x0112  # the EXIF tag that says how the camera was held
TURNS = "FLIP_LEFT_RIGHT ROTATE_180 FLIP_TOP_BOTTOM TRANSPOSE ROTATE_270 TRANSVERSE ROTATE_90"
UPRIGHT = {held: Image.Transpose[turn] for held, turn in enumerate(TURNS.split(), start=2)}  # by the tag's value
MAX_STROKES = 500
MAX_POINTS = 20_000
MAX_CANVAS = 4096
MAX_ERASED = 1_000_000  # width of the eraser in pixels times its points: about a second of work
PEN = (0.012, 0.05)  # thinnest and thickest line of a rasterised drawing, as a share of its side
MARGIN = 0.06  # paper around a rasterised drawing, as a share of its side


# ---------------------------------------------------------------- files


def open_image(path: Path, limits: Limits = VISITOR) -> Image.Image:
    """The picture in the file as upright 8-bit RGB on white, at most `MAX_SIDE` on its longer side.

    Raises UnreadableImage, in one sentence, for anything else: empty files, other formats, more than the limits,
    damage.
    """
    name = printable(path.name)
    _check_file(path, name, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limits are below, and damage is said in our own words
            with Image.open(path, formats=formats_for(path)) as opened:
                return _decoded(opened, path, limits)
    except UnreadableImage:
        raise
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            f"{name} is not a picture that can be opened here. Choose a {listed_formats()} file."
        ) from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage(too_large(name, "far more", limits.pixels)) from error
    except MemoryError as error:
        raise UnreadableImage(f"{name} needs more memory than there is. Make it smaller first.") from error
    except Exception as error:  # a decoder that meets damage raises whatever it likes
        raise UnreadableImage(f"{name} is damaged or incomplete. Save it again, or choose another picture.") from error


def _check_file(path: Path, name: str, limits: Limits) -> None:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableImage(f"{name} cannot be read ({reason}). Choose the picture again.") from error
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableImage(f"{name} is not a file. Choose a file that holds a picture.")
    if not os.access(path, os.R_OK):
        raise UnreadableImage(f"{name} may not be read (permission denied). Allow reading it, or choose another.")
    if status.st_size == 0:
        raise UnreadableImage(f"{name} is empty (0 bytes). Choose a file that holds a picture.")
    if status.st_size > limits.bytes:
        raise UnreadableImage(
            f"{name} has {status.st_size / 1e6:.0f} MB, more than {limits.bytes / 1e6:.0f} MB. Make it smaller first."
        )


def _decoded(opened: Image.Image, path: Path, limits: Limits) -> Image.Image:
    check_work(opened, path, limits)
    opened.draft("RGB", (MAX_SIDE, MAX_SIDE))  # lets JPEG decode at a fraction of its size
    opened.load()
    turn = _turn(opened)
    upright = opened if turn is None else opened.transpose(turn)
    upright.thumbnail(
        (MAX_SIDE, MAX_SIDE), Image.Resampling.BOX if upright.mode.startswith("I") else Image.Resampling.LANCZOS
    )
    return flatten(upright)


def _turn(opened: Image.Image) -> Image.Transpose | None:
    """How to turn the picture upright, where its EXIF says so and can be read: no tag is worth a picture."""
    try:
        held = opened.getexif().get(ORIENTATION)
    except Exception:  # tags are anybody's bytes, and Pillow raises whatever they lead it to
        return None
    return UPRIGHT.get(held) if isinstance(held, int) else None


def flatten(image: Image.Image) -> Image.Image:
    """The picture as 8-bit RGB: grey of more bits scaled (not clipped), CMYK converted, transparent pixels on white."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.nan_to_num(np.asarray(image, dtype=np.float64))
        highest = values.max(initial=0)
        top = next((top for top in _tops(image.mode) if highest <= top), highest)
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    if "A" in image.getbands() or "transparency" in image.info:
        layered = image.convert("RGBA")
        paper = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(paper, layered).convert("RGB")
    return image.convert("RGB")


def _tops(mode: str) -> tuple[float, ...]:
    """What white may be in a grey picture of this mode: the first that nothing in the picture is above."""
    return (1.0, 255.0, 65535.0) if mode == "F" else (255.0, 65535.0)


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
            f"The drawing's {what} is {shorten(value)}, not a number from {low:g} to {high:g}. "
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
                f"Stroke {index} has a point {shorten(point)} that is not [x, y]. Clear the canvas and draw again."
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
    erased = 0
    for stroke in drawing.strokes:
        share = stroke.width * scale / size
        width = max(1, round(side * (share if stroke.erase else min(max(share, pen[0]), pen[1]))))
        points = [((x * scale + shift[0]) * oversample, (y * scale + shift[1]) * oversample) for x, y in stroke.points]
        if stroke.erase:
            points = _thinned(points, width / 16) if width * len(points) > MAX_ERASED / 4 else points
            erased += width * len(points)
            if erased > MAX_ERASED:
                raise BadStrokes("The eraser goes over too much of the drawing. Clear the canvas and draw again.")
        tone, radius = (255 if stroke.erase else 0), width / 2
        if len(points) > 1:
            brush.line(points, fill=tone, width=width, joint="curve")
        for x, y in (points[0], points[-1]):  # round ends, and dots
            brush.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tone)
    return paper


def _thinned(points: list[tuple[float, float]], step: float) -> list[tuple[float, float]]:
    """The points without those that are closer than `step` to the last that was kept; both ends stay."""
    kept = points[:1]
    for point in points[1:-1]:
        if math.dist(point, kept[-1]) >= step:
            kept.append(point)
    return kept + points[-1:] if len(points) > 1 else kept


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
