"""A contact sheet of people: a person's views side by side, and what is said of the first."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from retrieval.errors import DataError
from retrieval.items import ITEMS
from retrieval.world.sheets import saved

COLUMNS, ROWS = 5, 3  # people across the page, and rows for each set
CELL = 176  # pixels, the height of a picture
LINES = 4  # of text under a person


def people_sheet(folders: Sequence[Path], out: Path) -> Path:
    """A PNG of the first people of each set, one set below the other. Returns `out`."""
    shown = [person for folder in folders for person in _people(folder)[: COLUMNS * ROWS]]
    views = max(len(pictures) for pictures, _ in shown)
    font = ImageFont.load_default(size=CELL / 13)
    wide, high = views * CELL // 2 + CELL // 8, CELL + round(LINES * CELL / 10.5) + CELL // 10
    page = Image.new("RGB", (COLUMNS * wide, -(-len(shown) // COLUMNS) * high), "white")
    pen = ImageDraw.Draw(page)
    for place, (pictures, words) in enumerate(shown):
        left, upper = place % COLUMNS * wide, place // COLUMNS * high
        for number, path in enumerate(pictures):
            with Image.open(path) as picture:
                large = picture.convert("RGB").resize((CELL // 2, CELL), Image.Resampling.LANCZOS)
            page.paste(large, (left + number * CELL // 2, upper))
        text = "\n".join(textwrap.wrap(words, 40)[:LINES])
        pen.multiline_text((left + 2, upper + CELL + 4), text, fill="black", font=font)
    out.parent.mkdir(parents=True, exist_ok=True)
    return saved(page, out)


def _people(folder: Path) -> list[tuple[list[Path], str]]:
    """The people of a finished set: the paths of their pictures, and the first caption."""
    if not (folder / ITEMS).exists():
        raise DataError(f"{folder} holds no finished set: {ITEMS} is missing. Let the rendering finish first.")
    found: dict[str, list[dict[str, Any]]] = {}
    for line in (folder / ITEMS).read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        found.setdefault(item["label"], []).append(item)
    return [([folder / item["path"] for item in items], items[0]["caption"]) for items in found.values()]
