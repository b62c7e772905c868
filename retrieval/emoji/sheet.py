"""One page of the gallery: a column for each of some things, a row for each hand."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from retrieval.items import domains_of, labels_of, read_items

SIDE = 80  # pixels of a picture
COLUMNS = 16


def write_sheet(home: Path, path: Path) -> Path:
    """Write the page of some things that every hand drew, from all over the alphabet."""
    items = read_items(home)
    files = {(item.label, item.domain.name): item.path for item in items}
    hands = domains_of(items)
    common = [label for label in labels_of(items) if all((label, hand) in files for hand in hands)]
    shown = common[:: max(1, len(common) // COLUMNS)][:COLUMNS]
    page = Image.new("RGB", (SIDE * len(shown), SIDE * len(hands)), "white")
    for column, label in enumerate(shown):
        for row, hand in enumerate(hands):
            with Image.open(files[label, hand]) as picture:
                page.paste(picture.resize((SIDE, SIDE), Image.Resampling.LANCZOS), (column * SIDE, row * SIDE))
    path.parent.mkdir(parents=True, exist_ok=True)
    page.quantize(256, Image.Quantize.MEDIANCUT).save(path, "PNG", optimize=True)
    return path
