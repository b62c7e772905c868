"""The map of a gallery's codes, as a file: where pictures stand at some epochs of a training, and what was measured.

    <bundle>/map.json    made by `python -m retrieval map`, read by the page

A map is of one bundle and of one gallery, and names the checksums of both, so that one of other weights or of other
pictures is refused. It is made by `embedding_map`; this reads it with nothing but json, and believes nothing that it
reads.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retrieval.artifacts.manifest import MANIFEST, WEIGHTS
from retrieval.errors import DataError
from retrieval.files import sha256, write_text
from retrieval.items import ITEMS

MAP = "map.json"
FORMAT = "guise-map/1"
MAX_BYTES = 4_000_000  # of a file that is opened
MAX_PICTURES, MAX_PAIRS, MAX_STOPS = 10_000, 50_000, 64
CODES = ("object", "raw")  # DUDE's code, and the feature of the trunk that it is made of
NUMBERS = ("class probe", "domain probe", "MMD2", "MMD2 of one domain", "shown", "within", "across")
MAKE = "Make it: python -m retrieval map."
AGAIN = "Make it again: python -m retrieval map."

Pairs = tuple[tuple[int, int], ...]


class NoMap(DataError):
    """There is no map yet."""


@dataclass(frozen=True)
class Stop:
    """The pictures after an epoch: where they stand, who is whose neighbour, and what was measured.

    numbers: the accuracies of two probes; MMD2 between domains, and of two halves of one; "shown", the share of the
    variance that the two axes hold; "within" and "across", the share of neighbours that are of one class, None without
    any.
    """

    points: tuple[tuple[float, float], ...]  # (N, 2)
    within: Pairs  # rows of mutual neighbours in one domain
    across: Pairs  # and of two domains
    numbers: Mapping[str, float | None]


@dataclass(frozen=True)
class Atlas:
    """The map. `pulls` says of each epoch shown which neighbours training had pulled together in the epoch that ends
    there: those "within" a domain, and those "across".
    """

    bundle: str  # fingerprint, for people
    weights: str  # SHA-256 of the bundle's weights
    gallery: str  # SHA-256 of the gallery's list
    styles: tuple[str, ...]
    classes: tuple[str, ...]
    pictures: tuple[tuple[str, int, int], ...]  # (N,) id, place of the class, place of the style
    epochs: tuple[int, ...]  # (S,) that are shown; 0: before training
    length: int  # of the training, in epochs
    pulls: tuple[tuple[str, ...], ...]  # (S,)
    codes: Mapping[str, tuple[Stop, ...]]  # each of CODES -> (S,)


def write_atlas(folder: Path, atlas: Atlas) -> Path:
    """Write the map beside the bundle in the folder -> where it lies."""
    payload = {"format": FORMAT, **asdict(atlas)}
    write_text(folder / MAP, json.dumps(payload, ensure_ascii=False, separators=(",", ":")) + "\n")
    return folder / MAP


def open_atlas(folder: Path, gallery: Path) -> Atlas:
    """The map beside the bundle in the folder, if it is of that bundle and of the gallery in that home. Raises NoMap
    where there is none, DataError where it is damaged or of others.
    """
    atlas = read_atlas(folder / MAP)
    if atlas.weights != weights_of(folder):
        raise DataError(f"{folder / MAP} is of {atlas.bundle}, and {folder} holds other weights by now. {AGAIN}")
    if not (gallery / ITEMS).is_file() or atlas.gallery != sha256(gallery / ITEMS):
        raise DataError(f"{folder / MAP} is of other pictures than those that {gallery} lists by now. {AGAIN}")
    return atlas


def weights_of(folder: Path) -> str:
    """The checksum of the weights, as the manifest of the bundle in the folder tells it; "" where it tells none."""
    try:
        return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"][WEIGHTS])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""


def read_atlas(path: Path) -> Atlas:
    """The map in the file, every entry checked."""
    if not path.is_file():
        raise NoMap(f"There is no map in {path.parent}. {MAKE}")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES:,} bytes")
        return _atlas(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({str(error)[:80] or type(error).__name__}). {AGAIN}") from error


# ---------------------------------------------------------------- what a file may say


def _atlas(payload: Any) -> Atlas:
    if payload["format"] != FORMAT:
        raise ValueError(f"its format is not {FORMAT}")
    styles, classes = _words(payload["styles"]), _words(payload["classes"])
    pictures = tuple(
        (_word(name), _place(label, len(classes)), _place(style, len(styles)))
        for name, label, style in _few(payload["pictures"], MAX_PICTURES)
    )
    epochs = tuple(_place(epoch, 1_000_000) for epoch in _few(payload["epochs"], MAX_STOPS))
    pulls = tuple(tuple(word for word in _words(pulled)) for pulled in _few(payload["pulls"], MAX_STOPS))
    codes = {
        name: tuple(_stop(stop, len(pictures)) for stop in _few(payload["codes"][name], MAX_STOPS)) for name in CODES
    }
    if not (pictures and epochs) or any(len(part) != len(epochs) for part in (pulls, *codes.values())):
        raise ValueError("its parts do not fit each other")
    named = {name: _word(payload[name]) for name in ("bundle", "weights", "gallery")}
    return Atlas(
        **named, styles=styles, classes=classes, pictures=pictures, epochs=epochs,
        length=_place(payload["length"], 1_000_000), pulls=pulls, codes=codes,
    )  # fmt: skip


def _stop(payload: Any, pictures: int) -> Stop:
    points = tuple((_number(x), _number(y)) for x, y in _few(payload["points"], MAX_PICTURES))
    if len(points) != pictures:
        raise ValueError(f"{len(points)} points stand for {pictures} pictures")
    within, across = (
        tuple((_place(i, pictures), _place(j, pictures)) for i, j in _few(payload[kind], MAX_PAIRS))
        for kind in ("within", "across")
    )
    numbers = {
        name: None if payload["numbers"][name] is None else _number(payload["numbers"][name]) for name in NUMBERS
    }
    return Stop(points, within, across, numbers)


def _few(entries: Any, most: int) -> Sequence[Any]:
    if not isinstance(entries, list) or len(entries) > most:
        raise TypeError(f"a list of at most {most:,} was expected")
    return entries


def _words(entries: Any) -> tuple[str, ...]:
    return tuple(_word(entry) for entry in _few(entries, MAX_PICTURES))


def _word(entry: Any) -> str:
    if not isinstance(entry, str):
        raise TypeError("a word was expected")
    return entry


def _number(entry: Any) -> float:
    if isinstance(entry, bool) or not isinstance(entry, int | float) or not math.isfinite(entry):
        raise TypeError("a finite number was expected")
    return float(entry)


def _place(entry: Any, count: int) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int) or not 0 <= entry < count:
        raise ValueError(f"a whole number from 0 to below {count:,} was expected")
    return entry
