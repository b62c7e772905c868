"""From renders, people's drawings and icons to a table of pairs. It needs the packs, and a text tower for the prompts.

Renders may be unfinished: every finished scene has a record. Objects of the gallery are rendered for another purpose
from other seeds, so none of them is here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from retrieval.data.picture_table import Row
from retrieval.data.pictures import StrokePicture
from retrieval.data.readers.icons import read_icons
from retrieval.data.readers.quickdraw import quickdraw
from retrieval.data.readers.world import read_rendered
from retrieval.diffusion.prompts import EMPTY, prompt
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.images import Strokes
from retrieval.training.adapted.table import GRID, NONE, Drawings, PairTable, encode_picture, map_threads
from retrieval.training.training_sources import DRAWINGS, EMOJI_PACK, HANDS
from retrieval.types import DOODLE, STYLES
from retrieval.world.captions import COLORLESS
from retrieval.world.split import ALL

SOURCES = {"world": 0.72, "doodles": 0.14, "icons": 0.14}  # how often each is shown
QUALITY = {"mosaic": -15, "engraving": -10}  # fine texture costs most, and needs it least
READ = 64  # prompts at once
COLORED = 4  # colours of a class that are named together with it, the commonest


@dataclass(frozen=True)
class Objects:
    """Objects of one source, before they are put in a table."""

    source: str
    labels: list[str]
    colors: list[str]
    files: list[dict[str, bytes]]  # of each object, style -> WebP; nothing for people's drawings
    unnamed: frozenset[str] = frozenset()  # classes of those without a label


def gather_table(
    renders: Sequence[Path], packs: Path, reader: SentenceReader, *, size: int, quality: int, most: int | None = None
) -> PairTable:
    """The table. most: objects of the world at most."""
    world = gather_world(renders, size, quality, most)
    icons = gather_icons(packs / EMOJI_PACK, size, quality)
    sketches = quickdraw(packs / DRAWINGS, list(ALL), "train")
    drawings = [picture.strokes for picture in sketches.pictures if isinstance(picture, StrokePicture)]
    styles = (*(style.name for style in STYLES), DOODLE.name, *HANDS)
    doodles = Objects("doodles", list(sketches.labels), [""] * len(sketches), [{} for _ in drawings])
    return build_table(styles, [world, icons, doodles], as_points(drawings), reader, size)


def gather_world(renders: Sequence[Path], size: int, quality: int, most: int | None) -> Objects:
    """All finished scenes, in the order of their numbers, so that few of them are of all classes."""
    scenes = [scene for folder in renders for scene in read_scenes(folder)]
    scenes.sort(key=lambda scene: (scene[0].instance.rsplit("-", 1)[-1], scene[0].instance))
    rows = [row for scene in scenes[:most] for row in scene]

    def encode(row: Row) -> bytes:
        style = row.domain.name
        return encode_picture(Image.fromarray(row.picture.pixels(size)), quality + QUALITY.get(style, 0))

    encoded = iter(map_threads(encode, rows))
    files = [{row.domain.name: next(encoded) for row in scene} for scene in scenes[:most]]
    firsts = [scene[0] for scene in scenes[:most]]
    return Objects("world", [row.label for row in firsts], [row.color for row in firsts], files)


def read_scenes(folder: Path) -> list[list[Row]]:
    """The finished scenes of a rendered set, each its rows."""
    table = read_rendered(folder, unfinished=True)
    return [list(table.select(rows)) for rows in table.rows_by("instances").values()]


def gather_icons(pack: Path, size: int, quality: int) -> Objects:
    """Icons of everything: those of a class have its word, the others none."""
    labels, files = [], []
    unnamed: set[str] = set()
    for style, hands in HANDS.items():
        for row in read_icons(pack, hands, split="train"):
            labels.append(row.label if row.label in ALL else "")
            unnamed |= {row.label} - {*ALL}
            files.append({style: encode_picture(Image.fromarray(row.picture.pixels(size)), quality)})
    return Objects("icons", labels, [""] * len(labels), files, frozenset(unnamed))


def as_points(drawings: Sequence[Strokes]) -> Drawings:
    """People's drawings on a small grid."""
    points: list[tuple[float, float]] = []
    starts: list[bool] = []
    ends: list[int] = []
    for drawing in drawings:
        scale = GRID / max(drawing.width, drawing.height)
        for stroke in drawing.strokes:
            points += [(x * scale, y * scale) for x, y in stroke.points]
            starts += [True, *[False] * (len(stroke.points) - 1)]
        ends.append(len(points))
    return Drawings(np.round(points).clip(0, GRID).astype(np.uint8), np.array(starts), np.array(ends, np.int64))


def build_table(
    styles: Sequence[str], sources: Sequence[Objects], drawings: Drawings, reader: SentenceReader, size: int
) -> PairTable:
    """One table of all sources, with the states of all prompts that can be asked of it."""
    labels = [label for source in sources for label in source.labels]
    hues = [color for source in sources for color in source.colors]
    classes, colors = _words(labels), _words(hues)
    prompts = needed_prompts(styles, classes, colors, Counter(zip(labels, hues, strict=True)))
    rows, files = _rows(styles, sources)
    return PairTable(
        size=size,
        styles=tuple(styles),
        classes=classes,
        colors=colors,
        prompts=prompts,
        rows=rows,
        labels=np.array([classes.index(w) if w else NONE for w in labels], np.int16),
        hues=np.array([colors.index(w) if w else NONE for w in hues], np.int16),
        weights=np.concatenate([show_evenly(source) for source in sources]),
        states=read_prompts(reader, prompts),
        drawings=drawings,
        files=files,
        unnamed=tuple(sorted(set().union(*(source.unnamed for source in sources)))),
    )


def needed_prompts(
    styles: Sequence[str], classes: Sequence[str], colors: Sequence[str], counts: Counter[tuple[str, str]]
) -> tuple[str, ...]:
    """Every style or none with every class or none; colours where the style shows them, with the classes that often
    have them, and alone.
    """
    texts = [EMPTY, *(prompt(s, k) for s in (*styles, None) for k in (*classes, None))]
    shown = [s for s in styles if s in {style.name for style in STYLES} - COLORLESS]
    often = {
        k: [color for (_, color), _ in Counter({p: n for p, n in counts.items() if p[0] == k and p[1]}).most_common()]
        for k in classes
    }
    texts += [prompt(s, k, color) for s in shown for k in classes for color in often[k][:COLORED]]
    texts += [prompt(s, None, color) for s in shown for color in colors]
    return tuple(dict.fromkeys(texts))


def read_prompts(reader: SentenceReader, prompts: Sequence[str]) -> npt.NDArray[np.float32]:
    """-> (P, L, W)"""
    parts = [prompts[first : first + READ] for first in range(0, len(prompts), READ)]
    with torch.inference_mode():
        return torch.cat([reader(part).float() for part in parts]).cpu().numpy()


def show_evenly(source: Objects) -> npt.NDArray[np.float32]:
    """How often each object is shown: the source by its share, its classes evenly, their objects evenly.   -> (M,)"""
    count = Counter(source.labels)
    each = [1 / (len(count) * count[label]) for label in source.labels]
    return np.array(each, np.float32) * SOURCES[source.source]


def _rows(styles: Sequence[str], sources: Sequence[Objects]) -> tuple[npt.NDArray[np.int32], list[bytes]]:
    """Which picture shows which object in which style (M, D), and the pictures; people's drawings come last."""
    files: list[bytes] = []
    rows = np.full((sum(len(source.labels) for source in sources), len(styles)), NONE, np.int32)
    place = {style: number for number, style in enumerate(styles)}
    objects = [kept for source in sources for kept in source.files]
    for number, kept in enumerate(objects):
        for style, file in kept.items():
            rows[number, place[style]] = len(files)
            files.append(file)
    drawn = [number for number, kept in enumerate(objects) if not kept]
    rows[drawn, place[DOODLE.name]] = len(files) + np.arange(len(drawn))
    return rows, files


def _words(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({text for text in texts if text}))
