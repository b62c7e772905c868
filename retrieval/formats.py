"""Which picture files are opened, and what each may ask of its decoder. What is decoded is the business of `images`.

HEIC, which phones write, is opened by pillow-heif where that is installed; everything else by Pillow alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

from retrieval.errors import UnreadableImage
from retrieval.files import printable

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")  # of several frames: the first
HEIF = "HEIF"
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}  # and no AVIF: see `is_heif`
AVIF_BRANDS = {b"avif", b"avis"}
SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".avif", ".heic", ".heif", ".hif"),
}  # fmt: skip
ACCEPTED = (  # by the file picker of a page
    *(f"image/{kind}" for kind in ("png", "jpeg", "webp", "gif", "bmp", "tiff", "avif", "heic", "heif")),
    *(".tif", ".tiff", ".avif", ".heic", ".heif", ".hif"),  # systems that know no type of theirs
)
LAYERED = ("WEBP", "GIF")  # decoded as several whole layers of four bytes a pixel, moving or not


@dataclass(frozen=True)
class Limits:
    """What a picture may ask of its decoder, known before it is decoded."""

    bytes: int
    pixels: int
    layered: int  # pixels of a format in LAYERED
    scans: int  # of a JPEG, each of which goes over all pixels
    scanned: int  # pixels times scans


VISITOR = Limits(bytes=10_000_000, pixels=40_000_000, layered=16_000_000, scans=64, scanned=400_000_000)
OWNER = Limits(bytes=200_000_000, pixels=150_000_000, layered=60_000_000, scans=500, scanned=4_000_000_000)
"""For the pictures in a folder that somebody indexes: cameras make 50 megapixels, and the owner has time."""


def formats_for(path: Path) -> tuple[str, ...]:
    """Pillow's names of the formats that the file may have. Raises UnreadableImage for HEIC where nothing opens it."""
    if not is_heif(path):
        return FORMATS
    if not _heif_opens():
        raise UnreadableImage(
            f"{printable(path.name)} is a HEIC picture, and pillow-heif, which opens those, is not installed. "
            "Install it (pip install pillow-heif), or save the picture as JPEG."
        )
    return (HEIF,)


def is_heif(path: Path) -> bool:
    """Whether the file's first bytes say HEIC or HEIF; AVIF, which is kept the same way, is not meant."""
    brands = file_brands(path)
    return not AVIF_BRANDS.intersection(brands) and not HEIF_BRANDS.isdisjoint(brands)


def file_brands(path: Path) -> list[bytes]:
    """The kinds of which a file in ISO's media format says that it is, its main one first; none of any other file."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end, 4))]


@cache
def _heif_opens() -> bool:
    """Whether Pillow opens HEIC from now on."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def listed_formats() -> str:
    """The names of all formats, for people."""
    return ", ".join(FORMATS) + " or HEIC"


def check_work(opened: Image.Image, path: Path, limits: Limits) -> None:
    """Refuse what would take too long or too much memory, before a pixel is decoded."""
    name, count = printable(path.name), opened.width * opened.height
    most = limits.layered if opened.format in LAYERED else limits.pixels
    if count > most:
        size = f"{opened.width} x {opened.height} = {count / 1e6:.0f} megapixels, more"
        raise UnreadableImage(too_large(name, size, most))
    if opened.format in ("JPEG", "MPO"):
        scans = path.read_bytes().count(b"\xff\xda")
        if scans > limits.scans or scans * count > limits.scanned:
            raise UnreadableImage(
                f"{name} is drawn in {scans} passes over {count / 1e6:.1f} megapixels, which takes too long. "
                "Save it again as a plain JPEG."
            )


def too_large(name: str, how: str, most: int) -> str:
    """That a picture has more pixels than `most`."""
    return f"{name} has {how} than the {most / 1e6:.0f} megapixels that are opened here. Make it smaller first."
