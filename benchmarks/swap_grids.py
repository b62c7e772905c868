"""Objects in all styles, as the page draws them -> assets/screenshots/swaps-*.png.

python -m benchmarks.swap_grids                       all sheets, rows drawn at random with seed 0
python -m benchmarks.swap_grids --seed 1 doodles      other rows, of this sheet alone

Nothing is picked. A row is a photo of the gallery, of each of eight classes that zero-shot protocols hold out (unseen)
or do not (seen), or a drawing that a person made of one of eight classes (doodles, which needs GUISE_DATA); which ones,
the seed says. No object of the gallery was trained on, and no drawing. All cells of a sheet begin in one noise, and are
drawn as on the page. The first column is the picture that was taken apart. A green rim says that the judge reads the
class, a dot that it reads the style.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks import ROOT
from retrieval.data.readers.packs import packs_folder
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.disentangle.panel_values import Drawn, Original, SwapGrid
from retrieval.engine import Engine, Settings
from retrieval.images import open_image
from retrieval.items import read_items
from retrieval.types import DOODLE, PHOTO, STYLES
from retrieval.world.split import ALL, SEEN, TEST_UNSEEN

ROWS, CELL, GAP = 8, 128, 8
SHEETS = {"unseen": TEST_UNSEEN, "seen": SEEN, "doodles": ALL}
READ, MISREAD = "#1a7f37", "#d0d0d0"


def main() -> None:
    """Draw the sheets and say how often the judge read what was meant."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("sheets", nargs="*", metavar="SHEET", help=f"{', '.join(SHEETS)} (default: all)")
    words.add_argument("--seed", type=int, default=0, help="which rows (default: 0)")
    asked = words.parse_args()
    disentangler = Engine(Settings()).disentangler.wait()
    styles = [style.name for style in STYLES]
    for name in asked.sheets or SHEETS:
        originals = choose(name, asked.seed)
        *_, grid = disentangler.grid(originals, styles)
        path = ROOT / "assets" / "screenshots" / f"swaps-{name}.png"
        in_few_colors(sheet(grid, [str(own.thing) for own in originals])).save(path, optimize=True)
        sys.stdout.write(f"{path.name}: class {grid.class_hit:.3f}, style {grid.style_hit:.3f} of {grid.swaps} swaps\n")


def choose(name: str, seed: int) -> list[Original]:
    """The rows of a sheet: classes at random, and of each a picture at random."""
    if name not in SHEETS:
        sys.exit(f"There is no sheet {name!r}. Choose {', '.join(SHEETS)}.")
    rng = np.random.default_rng(seed)
    labels = sorted(rng.permutation(SHEETS[name])[:ROWS].tolist())
    if name == "doodles":
        return draw_lots(labels, rng)
    photos = [item for item in read_items(Settings().gallery) if item.domain == PHOTO]
    of_class = ([item for item in photos if item.label == label] for label in labels)
    chosen = (items[int(rng.integers(len(items)))] for items in of_class)
    return [Original(open_image(item.path), PHOTO.name, item.label) for item in chosen]


def draw_lots(labels: Sequence[str], rng: np.random.Generator) -> list[Original]:
    """A drawing of each class that a person made, which nothing was trained on."""
    packs = packs_folder()
    if packs is None:
        sys.exit("The sheet of doodles needs people's drawings: set GUISE_DATA to the folder of packs.")
    drawings = quickdraw(packs / "quickdraw345", labels, "test")
    rows = drawings.rows_by("labels")
    chosen = [rows[label][int(rng.integers(len(rows[label])))] for label in labels]
    pictures = [Image.fromarray(drawings.pictures[row].pixels(256)) for row in chosen]
    return [Original(picture, DOODLE.name, label) for picture, label in zip(pictures, labels, strict=True)]


def in_few_colors(image: Image.Image) -> Image.Image:
    """The picture in 256 colours, dithered: a third of the bytes. White stays white."""
    few = image.quantize(palette=image.quantize(256, kmeans=2), dither=Image.Dither.FLOYDSTEINBERG)
    colors = np.array(few.getpalette(), int).reshape(-1, 3)
    colors[colors.min(axis=1) >= 249] = 255
    few.putpalette(colors.ravel().tolist())
    return few


def sheet(grid: SwapGrid, labels: Sequence[str]) -> Image.Image:
    """The grid on white, with names."""
    step, margin, top = CELL + GAP, 112, 28
    sheet = Image.new("RGB", (margin + step * (len(grid.styles) + 1) + GAP, top + step * len(labels)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=13)
    for column, title in enumerate(("taken apart", *grid.styles)):
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
