"""The gallery from the packages: which things, which pictures, the list of them and the card.

OUT/<thing>/<thing>-<hand>.webp, OUT/items.jsonl and OUT/README.md. The same packages give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from retrieval.emoji.card import write_card
from retrieval.emoji.matching import match_icons
from retrieval.emoji.packages import HANDS, Hand, Icons
from retrieval.emoji.subjects import Subject, read_subjects
from retrieval.errors import DataError
from retrieval.files import write_text
from retrieval.items import ITEMS
from retrieval.types import Progress, no_progress

MARGIN = 0.05  # of the picture's side, on each side
QUALITY = 82


@dataclass(frozen=True)
class Drawing:
    """A picture to be: what it shows, who drew it, and the icon's name in the hand's package."""

    subject: Subject
    hand: Hand
    icon: str

    @property
    def id(self) -> str:
        """Its id in the gallery."""
        return f"{self.subject.slug}-{self.hand.folder}"

    @property
    def path(self) -> str:
        """Its file, from the gallery's folder."""
        return f"{self.subject.slug}/{self.id}.webp"


def build_emoji_gallery(
    packages: Path,
    out: Path,
    *,
    least_hands: int,
    size: int,
    hands: Sequence[Hand] = HANDS,
    on_progress: Progress = no_progress,
) -> list[Drawing]:
    """Write the gallery of all things that at least so many of the hands drew, `size` pixels a side; what is in it.

    Raises DataError where a package is missing, or where `out` holds anything else than such a gallery.
    """
    icons = {hand: Icons.read(packages, hand) for hand in hands}
    drawings = choose_drawings(read_subjects(packages), icons, least_hands)
    if not drawings:
        raise DataError(f"No thing was drawn by {least_hands} hands. Ask for fewer hands.")
    _clear(out)
    for done, drawing in enumerate(drawings, start=1):
        file = out / drawing.path
        file.parent.mkdir(parents=True, exist_ok=True)
        render(icons[drawing.hand].svg(drawing.icon), size).save(file, quality=QUALITY, method=6)
        on_progress(done, len(drawings))
    write_text(out / ITEMS, "".join(json.dumps(_row(d), ensure_ascii=False) + "\n" for d in drawings))
    drawn_by, things = [drawing.hand for drawing in drawings], len({drawing.subject.label for drawing in drawings})
    write_card(out, drawn_by, things=things, least_hands=least_hands, size=size)
    return drawings


def choose_drawings(subjects: Sequence[Subject], icons: Mapping[Hand, Icons], least_hands: int) -> list[Drawing]:
    """The pictures of all things that at least so many families of hands drew, things in the standard's order."""
    matched = match_icons({hand.name: own for hand, own in icons.items()}, subjects)
    chosen = []
    for subject in subjects:
        drawings = [
            Drawing(subject, hand, matched[hand.name][subject.code])
            for hand in icons
            if subject.code in matched[hand.name]
        ]
        if len({drawing.hand.family for drawing in drawings}) >= least_hands:
            chosen += drawings
    return chosen


def render(svg: str, size: int) -> Image.Image:
    """The SVG document as a picture, RGB, in the middle of a white square."""
    from resvg_py import svg_to_bytes  # of the extra "emoji"

    inner = round(size * (1 - 2 * MARGIN))
    png = svg_to_bytes(svg_string=svg, width=inner, height=inner, skip_system_fonts=True)
    drawn = Image.open(BytesIO(bytes(png))).convert("RGBA")
    picture = Image.new("RGBA", (size, size), "white")
    picture.alpha_composite(drawn, ((size - drawn.width) // 2, (size - drawn.height) // 2))
    return picture.convert("RGB")


def _row(drawing: Drawing) -> dict[str, Any]:
    subject, hand = drawing.subject, drawing.hand
    return {
        "id": drawing.id,
        "path": drawing.path,
        "label": subject.label,
        "domain": hand.name,
        "caption": f"{subject.label}, {hand.title}",
        "keywords": list(subject.keywords),
        "source": f"{hand.package}@{hand.version}:{drawing.icon}",
        "licence": hand.licence,
    }


def _clear(out: Path) -> None:
    """Remove an older gallery's pictures and indexes. Raises DataError where the folder holds something else."""
    if out.is_dir() and any(out.iterdir()) and not (out / ITEMS).is_file():
        raise DataError(f"{out} is not empty and no gallery. Name a new folder.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
