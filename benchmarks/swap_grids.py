"""Objects in all styles, as DUDE tells them and the prior draws them -> assets/screenshots/swaps-*.png.

python -m benchmarks.swap_grids

Nothing is picked: a row is the first photo of the gallery of each of the first eight test classes, which the prior
never saw, and of the first eight seen ones; all cells of a sheet begin in the same noise, that of seed 0, and since a
guidance is named they are drawn by the prior itself and not by its student. The first
column is the gallery's picture. A green rim says that the judge reads the class, a dot that it reads the style.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from benchmarks import ROOT
from retrieval.diffusion.samplers import TEACHER
from retrieval.disentangle.panel_values import Drawn, Original, SwapGrid
from retrieval.engine import Engine, Settings
from retrieval.images import open_image
from retrieval.items import read_items
from retrieval.types import PHOTO, STYLES
from retrieval.world.split import SEEN, TEST_UNSEEN

ROWS, CELL, GAP = 8, 96, 8
LISTS = {"unseen": TEST_UNSEEN[:ROWS], "seen": SEEN[:ROWS]}
READ, MISREAD = "#1a7f37", "#d0d0d0"


def main() -> None:
    """Draw both sheets and say how often the judge read what was meant."""
    disentangler = Engine(Settings()).disentangler.wait()
    items = [item for item in read_items(Settings().gallery) if item.domain == PHOTO]
    firsts = {item.label: item for item in reversed(items)}
    styles = [style.name for style in STYLES]
    for name, labels in LISTS.items():
        originals = [Original(open_image(firsts[label].path), PHOTO.name, label) for label in labels]
        *_, grid = disentangler.grid(originals, styles, guidance=TEACHER.guidance)
        path = ROOT / "assets" / "screenshots" / f"swaps-{name}.png"
        sheet(grid, labels).save(path, optimize=True)
        sys.stdout.write(f"{path.name}: class {grid.class_hit:.3f}, style {grid.style_hit:.3f} of all swaps\n")


def sheet(grid: SwapGrid, labels: Sequence[str]) -> Image.Image:
    """The grid on white, with names."""
    step, margin, top = CELL + GAP, 104, 24
    sheet = Image.new("RGB", (margin + step * (len(grid.styles) + 1) + GAP, top + step * len(labels)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for column, title in enumerate(("gallery photo", *grid.styles)):
        pen.text((margin + column * step + CELL / 2, top / 2), title, fill="black", font=font, anchor="mm")
    for row, (label, original, cells) in enumerate(zip(labels, grid.originals, grid.rows, strict=True)):
        y = top + row * step
        pen.text((margin - GAP, y + CELL / 2), label, fill="black", font=font, anchor="rm")
        sheet.paste(large(original), (margin, y))
        for column, cell in enumerate(cells, start=1):
            if cell is not None:
                put(sheet, pen, cell, (margin + column * step, y))
    return sheet


def put(sheet: Image.Image, pen: ImageDraw.ImageDraw, cell: Drawn, at: tuple[int, int]) -> None:
    """A generated picture, its rim and its dot."""
    x, y = at
    sheet.paste(large(cell.picture), at)
    pen.rectangle((x - 2, y - 2, x + CELL + 1, y + CELL + 1), outline=READ if cell.class_holds else MISREAD, width=2)
    pen.ellipse((x + CELL - 9, y + 3, x + CELL - 3, y + 9), fill=READ if cell.style_holds else MISREAD)


def large(picture: Image.Image) -> Image.Image:
    """At the size of a cell."""
    return picture.resize((CELL, CELL), Image.Resampling.BICUBIC)


if __name__ == "__main__":
    main()
