"""Which colours the object of a picture has, counted in its pixels: the share of each of the eleven basic colour terms
(Berlin and Kay, "Basic Color Terms", 1969).

A pixel has the term of the nearest colour, in CIELAB, that people named by that term alone or with a word such as
"light": the colours of the xkcd survey (Munroe, "Color Survey Results", 2010; https://xkcd.com/color/rgb, CC0). Naming
pixels to find pictures by colour words is van de Weijer's, "Learning Color Names for Real-World Applications" (IEEE
TIP 2009); his names are learnt, ours are looked up. Pixels like the picture's margin do not count, and those nearest
its middle count most. All constants were tried on rendered validation pictures.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from retrieval.errors import GalleryError

Shares = npt.NDArray[np.uint8]  # (11,) or (N, 11): how much of the object has each colour, in 255ths; 0: it shows none
Floats = npt.NDArray[np.float32]

SURVEY = {  # term -> sRGB of the term alone, then with light, dark, deep, pure, dull and such words
    "red": "e50000 ff474c 840000 ff000d 9a0200 d9544d bb3f3f d3494e b9484e db5856",
    "orange": "f97306 fdaa48 c65102 ff5b00 dc4d01 ffa756 d8863b f0944d f0833a ff964f",
    "yellow": "ffff14 fffe7a d5b60a fffd01 ffff84 eedc5b feff7f fffe71",
    "green": "15b01a 96f97b 033500 01ff07 02590f c7fdb5 74a662 39ad48 7bb274 76a973 b0ff9d",
    "blue": "0343df 0203e2 95d0fc 00035b 0165fc 040273 d0fefe 49759c 2c6fbb 658cbb 5a86ad a2bffe",
    "purple": "7e1e9c bf77f6 35063e be03fd 36013f b790d4 84597e 9e43a2 916e99 825f87 caa0ff",
    "pink": "ff81c0 ffd1df cb416b fe01b1 cb0162 ffcfdc d5869d f36196 de9dac d58a94 ffbacd",
    "brown": "653700 ad8150 341c02 410200 b1916e 876e4b 7f5112",
    "white": "ffffff ffffe4",  # and "off white"
    "gray": "929591 7d7f7c",  # a light gray is white in shade, and a dark one black in light
    "black": "000000",
}  # fmt: skip
TERMS = tuple(SURVEY)
BLACK_AND_WHITE = [TERMS.index("black"), TERMS.index("white")]
SIDE = 32  # pixels on a side of what is looked at
LEVELS = 32  # of red, green and blue that are told apart
APART = 12.0  # in CIELAB: what is closer to a pixel of the margin is background; 8 to 18 tried
SPREAD = 0.25  # deviation of how much a place counts, as a share of the side; .18 to .35 tried
LEAST = 0.02  # of what could count: where less is unlike the margin, all of the picture counts
TONE = 8.0  # chroma in CIELAB; a picture that nowhere has more is without colour


def color_shares(image: Image.Image) -> Shares:
    """How much of the object in an RGB picture has which of the `TERMS`, in 255ths.   -> (11,)

    All 0 for a picture that shows no colour: one in greys alone, unless most of its object is black or white. So are
    thin lines on paper, whatever the ink: from afar they are grey.
    """
    small = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)) // (256 // LEVELS)
    seen = small.reshape(-1, 3) @ np.array((LEVELS**2, LEVELS, 1), np.int32)  # (SIDE²,), places in the table
    named, lab = _table()
    places = lab[seen]  # (SIDE², 3)
    counts = np.bincount(named[seen], _counting(seen, places), len(TERMS))
    shares = counts / counts.sum()
    if (places[:, 1] ** 2 + places[:, 2] ** 2).max() < TONE**2 and shares[BLACK_AND_WHITE].sum() < 0.5:
        return np.zeros(len(TERMS), np.uint8)
    return np.round(255 * shares).astype(np.uint8)


def likeness(shares: Shares) -> Floats:
    """How much each picture (N, 11) is like each colour alone, in [0, 1]: the Bhattacharyya coefficient, the square
    root of its share. A picture that shows no colour is as like it as those that do are on average.   -> (N, 11)
    """
    totals = shares.sum(axis=1, keepdims=True, dtype=np.float32)  # (N, 1)
    alike = np.sqrt(shares / np.maximum(totals, 1)).astype(np.float32)
    silent = totals[:, 0] == 0
    if not silent.all():
        alike[silent] = alike[~silent].mean(axis=0)
    return alike


def packed(shares: Shares) -> bytes:
    """What a file of shares (N, 11) holds."""
    file = io.BytesIO()
    np.save(file, shares)
    return file.getvalue()


def unpacked(path: Path, count: int) -> Shares:
    """The shares of `count` pictures in the file. Raises GalleryError where it holds none.   -> (count, 11)"""
    try:
        shares = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise GalleryError(f"{path} cannot be read ({error}). Index the pictures again.") from error
    if shares.dtype != np.uint8 or shares.shape != (count, len(TERMS)):
        raise GalleryError(
            f"{path} holds {shares.dtype} {shares.shape}, not the colours of {count} pictures. Index them again."
        )
    return np.asarray(shares)


def _counting(seen: npt.NDArray[np.int32], places: Floats) -> Floats:
    """How much each pixel counts: places in the table (SIDE²,) and in CIELAB (SIDE², 3) -> (SIDE²,)"""
    border, near = _middle()
    margin = _table()[1][np.unique(seen[border])]  # (M, 3)
    nearest = ((margin**2).sum(axis=1)[:, None] - 2 * margin @ places.T).min(axis=0) + (places**2).sum(axis=1)
    counting = near * (nearest > APART**2)
    return counting if counting.sum() >= LEAST * near.sum() else near


@cache
def _middle() -> tuple[npt.NDArray[np.bool_], Floats]:
    """Which pixels are the picture's margin, and how much each counts by its place.   -> (SIDE²,), (SIDE²,)"""
    ways = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    y, x = np.meshgrid(ways, ways, indexing="ij")
    near = np.exp(-(x**2 + y**2) / (2 * SPREAD**2)).astype(np.float32)
    return (np.maximum(abs(x), abs(y)) > 0.5 - 1 / SIDE).ravel(), near.ravel()


@cache
def _table() -> tuple[npt.NDArray[np.int64], Floats]:
    """For each colour that is told apart its term and its place in CIELAB.   -> (LEVELS³,), (LEVELS³, 3)"""
    steps = (np.arange(LEVELS) + 0.5) / LEVELS
    lab = _lab(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3))
    listed = [(place, bytes.fromhex(code)) for place, codes in enumerate(SURVEY.values()) for code in codes.split()]
    known = _lab(np.array([list(color) for _, color in listed]) / 255)  # (K, 3)
    squares = (lab**2).sum(axis=1)[:, None] + (known**2).sum(axis=1) - 2 * lab @ known.T
    return np.array([place for place, _ in listed])[squares.argmin(axis=1)], lab.astype(np.float32)


def _lab(srgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """sRGB (N, 3) in [0, 1] -> CIELAB (N, 3) under D65 (CIE 15; IEC 61966-2-1)."""
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    rows = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
    xyz = light @ np.array(rows).T / (0.95047, 1.0, 1.08883)
    bent = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
