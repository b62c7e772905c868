"""Contact sheets: a rendered set on a few pages, to be looked at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from retrieval.errors import DataError
from retrieval.items import ITEMS

COLORS = 256  # of a sheet's palette: a quarter of the bytes, and nobody sees it
BLOCKS = 4  # columns of classes on the sheet of everything
NAME = "world"  # world.png shows every class in every style, world-photo.png and so on the objects of one style
Rows = dict[str, list[Path]]


def contact_sheets(folder: Path, out: Path, per_class: int = 6, cell: int = 72) -> list[Path]:
    """PNGs of the set in `folder`: one per style with a row per class, and one of every class in every style.

    Writes `world-<style>.png` and `world.png` into the folder `out` and returns their paths; `cell` is pixels per
    picture.
    """
    items = _items(folder)
    styles = list(dict.fromkeys(item["domain"] for item in items))
    labels = list(dict.fromkeys(item["label"] for item in items))
    paths: dict[tuple[str, str], list[Path]] = {}
    for item in items:
        paths.setdefault((item["label"], item["domain"]), []).append(folder / item["path"])
    for label, style in product(labels, styles):
        if (label, style) not in paths:
            raise DataError(f"{folder} is no set of the world: it has no {label} as {style}. Name a rendered set.")
    out.mkdir(parents=True, exist_ok=True)
    sheets = [
        saved(_sheet({label: paths[label, style][:per_class] for label in labels}, cell), out / f"{NAME}-{style}.png")
        for style in styles
    ]
    everything = {label: [paths[label, style][0] for style in styles] for label in labels}
    return [*sheets, saved(_side_by_side(everything, cell), out / f"{NAME}.png")]


def _items(folder: Path) -> list[dict[str, Any]]:
    """The lines of a finished set."""
    listing = folder / ITEMS
    if not listing.exists():
        raise DataError(
            f"{folder} holds no finished set: {listing.name} is missing. Render it first, or let the rendering finish."
        )
    return [json.loads(line) for line in listing.read_text(encoding="utf-8").splitlines()]


def _sheet(rows: Rows, cell: int) -> Image.Image:
    """A row per class: its name, then its pictures."""
    margin = round(1.5 * cell)
    sheet = Image.new("RGB", (margin + cell * max(map(len, rows.values())), cell * len(rows)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=cell / 6)
    for row, (label, pictures) in enumerate(rows.items()):
        pen.text((cell / 10, (row + 0.5) * cell), label, fill="black", font=font, anchor="lm")
        for column, path in enumerate(pictures):
            with Image.open(path) as picture:
                small = picture.convert("RGB").resize((cell, cell), Image.Resampling.LANCZOS)
            sheet.paste(small, (margin + column * cell, row * cell))
    return sheet


def _side_by_side(rows: Rows, cell: int) -> Image.Image:
    """The rows in a few columns, so that the sheet is about as wide as a screen."""
    names = list(rows)
    high = -(-len(names) // BLOCKS)
    blocks = [_sheet({name: rows[name] for name in part}, cell) for part in _parts(names, high)]
    sheet = Image.new("RGB", (sum(block.width for block in blocks), max(block.height for block in blocks)), "white")
    left = 0
    for block in blocks:
        sheet.paste(block, (left, 0))
        left += block.width
    return sheet


def _parts(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


def saved(sheet: Image.Image, path: Path) -> Path:
    """Write the sheet as a small PNG. Returns its path."""
    sheet.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    return path
