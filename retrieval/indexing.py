"""How the index of a gallery is built: what was encoded before is kept, the rest is encoded, and the new files take the
places of the old ones at the end. Until then the gallery that was there stays as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL.Image import Image

from retrieval.artifacts.manifest import MANIFEST
from retrieval.artifacts.rotation import Rotation
from retrieval.colors import TERMS, Shares, color_shares, packed, unpacked
from retrieval.encoder import Encoder, Vectors, batched, embed_images
from retrieval.errors import GalleryError, UnreadableImage
from retrieval.files import printable, sha256, write_files
from retrieval.gallery import BITS, COLORS, FORMAT, STORES, VECTORS, Gallery, index_folder, open_store, read_manifest
from retrieval.images import OWNER, open_image, squared
from retrieval.items import ITEMS, listing, read_items, root_of
from retrieval.stores import VectorStore
from retrieval.stores.binary_store import BinaryStore
from retrieval.stores.faiss_store import FaissStore
from retrieval.types import Domain, Item, OnSkip, Progress, Skipped, no_progress, no_skip

PICTURES = "pictures.txt"
LOCK = "lock"
CHUNK = 256  # pictures between two savings of an interrupted build


def build(
    home: Path,
    items: Sequence[Item],
    encoder: Encoder,
    on_progress: Progress = no_progress,
    on_skip: OnSkip = no_skip,
    rotation: Rotation | None = None,
) -> Gallery:
    """Index the items into `home` and return the gallery. Files that cannot be opened are reported to `on_skip` and
    left out. With a rotation of the encoder's vectors, their bits are kept and searched by Hamming distance.

    Pictures that the encoder's index has already are not encoded again. An interrupted build goes on where it stopped:
    finished chunks are kept until the index is whole.
    """
    folder = index_folder(home, encoder)
    with _writing(home), _alone(folder):
        kind = BITS if rotation else VECTORS
        known = _known(home, encoder, kind)
        marks = [_mark(home, item) for item in items]
        fresh = [item for item, mark in zip(items, marks, strict=True) if mark not in known]
        encoded = _encode(folder, fresh, encoder, on_progress, on_skip)
        kept = [(item, mark) for item, mark in zip(items, marks, strict=True) if mark in known or item.id in encoded]
        if not kept:
            raise GalleryError(f"Not one of {len(items)} files could be indexed. Name a folder that holds pictures.")
        old = open_store(folder / kind, encoder) if known else None
        store: VectorStore = BinaryStore(rotation) if rotation else FaissStore(encoder.dim)
        _fill(store, old, kept, known, encoded)
        colors = _colors(folder, kept, known, encoded)
        _replace(home, folder, kind, encoder, store, kept, colors)
    return Gallery(home, read_items(home), store, encoder.fingerprint, colors=colors)


def _fill(
    store: VectorStore,
    old: VectorStore | None,
    kept: Sequence[tuple[Item, str]],
    known: Mapping[str, int],
    encoded: Mapping[str, Seen],
) -> None:
    """Give the store each picture's vector, under its place: the old store's where it is known, else the new one."""
    again = [place for place, (_, mark) in enumerate(kept) if mark in known]
    new = [place for place, (_, mark) in enumerate(kept) if mark not in known]
    if old is not None:
        store.adopt(old, [known[kept[place][1]] for place in again], again)
    if new:
        store.add(np.array(new, np.int64), np.stack([encoded[kept[place][0].id].vector for place in new]))


def _colors(
    folder: Path, kept: Sequence[tuple[Item, str]], known: Mapping[str, int], encoded: Mapping[str, Seen]
) -> Shares:
    """Each picture's colours: those of the old index where it is known and they were counted, else the new ones.   ->
    (N, 11)
    """
    were_counted = known and "colors" in (read_manifest(folder) or {})
    counted = unpacked(folder / COLORS, len(known)) if were_counted else None
    rows = []
    for item, mark in kept:
        if mark not in known:
            rows.append(encoded[item.id].colors)
        else:
            rows.append(_counted(item) if counted is None else counted[known[mark]])
    return np.stack(rows)


def _counted(item: Item) -> Shares:
    """The colours of a picture that was encoded before colours were counted; none where it no longer opens."""
    try:
        return color_shares(open_image(item.path, OWNER))
    except UnreadableImage:
        return np.zeros(len(TERMS), np.uint8)


def _replace(
    home: Path,
    folder: Path,
    kind: str,
    encoder: Encoder,
    store: VectorStore,
    kept: Sequence[tuple[Item, str]],
    colors: Shares,
) -> None:
    """Put the new index into the place of the old one."""
    files = {
        home / ITEMS: listing(home, [item for item, _ in kept]),
        folder / kind: store.data(),
        folder / COLORS: packed(colors),
        folder / PICTURES: "".join(f"{mark}\n" for _, mark in kept).encode(),
    }
    digests = {path.name: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    manifest = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "count": len(kept),
        "items": digests[ITEMS],
        "store": kind,
        "vectors": digests[kind],
        "colors": digests[COLORS],
        "pictures": digests[PICTURES],
    }
    write_files(files | {folder / MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()})
    for name in STORES:
        if name != kind:
            (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "unfinished", ignore_errors=True)


# ---------------------------------------------------------------- what is known already


def _mark(home: Path, item: Item) -> str:
    """What an encoder sees of the picture, as a short text: the file, when it was changed, and its domain."""
    try:
        status = item.path.stat()
        seen = [status.st_size, status.st_mtime_ns]
    except OSError:
        seen = []
    within = os.path.relpath(item.path.resolve(), root_of(home).resolve())
    return hashlib.sha256(json.dumps([within, item.domain.name, *seen]).encode()).hexdigest()[:32]


def _known(home: Path, encoder: Encoder, kind: str) -> dict[str, int]:
    """Mark -> the place of its vector in the encoder's whole index of this kind; empty where there is none."""
    folder = index_folder(home, encoder)
    manifest = read_manifest(folder)
    if manifest is None or manifest["fingerprint"] != encoder.fingerprint or manifest["store"] != kind:
        return {}
    try:
        files = {"vectors": kind, "pictures": PICTURES} | ({"colors": COLORS} if "colors" in manifest else {})
        if any(sha256(folder / name) != manifest.get(key) for key, name in files.items()):
            return {}
        open_store(folder / kind, encoder)
        marks = (folder / PICTURES).read_text(encoding="ascii").split()
    except (OSError, ValueError, GalleryError):  # a damaged index is made anew
        return {}
    return {mark: place for place, mark in enumerate(marks)}


# ---------------------------------------------------------------- encoding


class Seen(NamedTuple):
    """What is kept of a picture: its vector (dim,) and its colours (11,)."""

    vector: Vectors
    colors: Shares


def _encode(
    folder: Path, items: Sequence[Item], encoder: Encoder, on_progress: Progress, on_skip: OnSkip
) -> dict[str, Seen]:
    """Id -> what is kept of the pictures that can be opened."""
    pending = folder / "unfinished"
    pending.mkdir(exist_ok=True)
    encoded: dict[str, Seen] = {}
    for done, chunk in enumerate(batched(items, CHUNK)):
        readable, seen, skipped = _chunk(pending, chunk, encoder)
        encoded |= {item.id: kept for item, kept in zip(readable, seen, strict=True)}
        for left_out in skipped:
            on_skip(left_out)
        on_progress(min((done + 1) * CHUNK, len(items)), len(items))
    return encoded


def _chunk(pending: Path, items: list[Item], encoder: Encoder) -> tuple[list[Item], list[Seen], list[Skipped]]:
    """The chunk's readable items and what is kept of them: read back if an interrupted build has finished it, else
    encoded and written.
    """
    key = hashlib.sha256(json.dumps([encoder.fingerprint, *map(_identity, items)]).encode()).hexdigest()[:24]
    file = pending / f"{key}.npz"
    saved = _saved(file, len(items), encoder.dim)
    if saved is None:
        reasons: list[str] = []
        counted: list[Shares] = []
        vectors = embed_images(encoder, _readable(items, encoder.preprocess.size, reasons, counted))
        colors = np.array(counted, np.uint8).reshape(-1, len(TERMS))
        written = io.BytesIO()
        np.savez(written, vectors=vectors, colors=colors, reasons=np.array(reasons, dtype=np.str_))
        write_files({file: written.getvalue()})
    else:
        reasons, vectors, colors = saved
    paired = list(zip(items, reasons, strict=True))
    seen = [Seen(*row) for row in zip(vectors, colors, strict=True)]
    return [i for i, why in paired if not why], seen, [Skipped(i.path, why) for i, why in paired if why]


def _saved(file: Path, count: int, dim: int) -> tuple[list[str], Vectors, Shares] | None:
    """The reasons, vectors and colours of a finished chunk; None where there is none, or what is there is damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            reasons = [str(reason) for reason in kept["reasons"]]
            vectors, colors = np.asarray(kept["vectors"], np.float32), np.asarray(kept["colors"], np.uint8)
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
    read = reasons.count("")
    shaped = len(reasons) == count and vectors.shape == (read, dim) and colors.shape == (read, len(TERMS))
    return (reasons, vectors, colors) if shaped and np.isfinite(vectors).all() else None


def _readable(
    items: list[Item], size: int, reasons: list[str], counted: list[Shares]
) -> Iterator[tuple[Image, Domain]]:
    """Decode on two threads ahead of the encoder; `reasons` receives "" or the refusal for each item, `counted` the
    colours of each picture.
    """

    def decoded(item: Item) -> tuple[Image, Shares] | str:
        try:
            image = open_image(item.path, OWNER)
            return squared(image, size), color_shares(image)
        except UnreadableImage as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for item, result in zip(items, pool.map(decoded, items), strict=True):
            reasons.append(result if isinstance(result, str) else "")
            if not isinstance(result, str):
                counted.append(result[1])
                yield result[0], item.domain


def _identity(item: Item) -> list[str | int | None]:
    try:
        status = item.path.stat()
        return [item.id, str(item.path), status.st_size, status.st_mtime_ns]
    except OSError:
        return [item.id, str(item.path), None, None]


# ---------------------------------------------------------------- the folder


@contextmanager
def _writing(home: Path) -> Iterator[None]:
    """What the file system refuses, as a sentence."""
    try:
        yield
    except OSError as error:
        root = printable(str(root_of(home)))
        raise GalleryError(
            f"The index of {root} cannot be written ({error.strerror or error}); what was there is as it was. "
            "Make room or allow writing there, or copy the pictures elsewhere."
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the index folder for oneself. Raises GalleryError where another process is building in it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            import fcntl  # here: only Unix has it

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass
        except BlockingIOError as error:
            raise GalleryError(
                f"{shlex.quote(str(folder))} is being built by another program. Wait until that has finished."
            ) from error
        yield
