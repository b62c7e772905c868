"""A gallery: pictures, what is known of them, and their vectors under one encoder. Immutable once built.

    <home>/items.jsonl                    one picture a line: id, path, label, domain, caption, parts
    <home>/index/<encoder>/vectors.faiss  one unit vector a line of items.jsonl; or, of an index in bits,
    <home>/index/<encoder>/bits.npz       one binary code a line, and the rotation that makes bits of a query
    <home>/index/<encoder>/manifest.json  fingerprint, counts, checksums; written last: it says that the index is whole

Paths in items.jsonl are relative to the gallery's root, and no picture outside the root is ever opened or served.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL.Image import Image

from retrieval.artifacts.manifest import MANIFEST
from retrieval.artifacts.rotation import Rotation
from retrieval.encoder import Encoder, Vectors, batched, embed_images
from retrieval.errors import FingerprintMismatch, GalleryError, UnreadableImage
from retrieval.files import sha256, write_text
from retrieval.images import open_image, squared
from retrieval.items import ITEMS, domains_of, labels_of, read_items, rebuild_hint, write_items
from retrieval.stores import VectorStore
from retrieval.stores.binary_store import BinaryStore
from retrieval.stores.faiss_store import FaissStore
from retrieval.types import Domain, Hit, Item, Progress, no_progress

FORMAT = "guise-gallery/1"
VECTORS = "vectors.faiss"
BITS = "bits.npz"
STORES = (VECTORS, BITS)
CHUNK = 256  # pictures between two savings of an interrupted build


@dataclass(frozen=True)
class Skipped:
    """A file that could not be indexed, and why, in one sentence."""

    path: Path
    reason: str


class Gallery:
    """Searchable pictures. Two galleries with the same home and encoder are the same gallery."""

    def __init__(self, home: Path, items: Sequence[Item], store: VectorStore, fingerprint: str) -> None:
        if len(items) != store.count():
            raise GalleryError(
                f"{home} lists {len(items)} pictures but holds {store.count()} vectors. {rebuild_hint(home)}"
            )
        self.home = home
        self.items = tuple(items)
        self.store = store
        self.fingerprint = fingerprint

    def __len__(self) -> int:
        return len(self.items)

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """The domains of the pictures, in the order in which they first occur."""
        return domains_of(self.items)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The classes of the pictures, sorted."""
        return labels_of(self.items)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {item.id: i for i, item in enumerate(self.items)}

    def item(self, item_id: str) -> Item:
        """The picture with this id."""
        if item_id not in self._position:
            raise GalleryError(
                f"There is no picture {item_id[:80]!r} in this gallery. Search again and choose one of the hits."
            )
        return self.items[self._position[item_id]]

    def search(self, vector: Vectors, k: int, domains: Sequence[str] = (), labels: Sequence[str] = ()) -> list[Hit]:
        """The k pictures closest to the unit vector (dim,), best first, of the given domains and labels (none given:
        of all). A score is the cosine of the two vectors; in an index in bits that of their codes of -1 and 1, which
        is 1 - 2 (Hamming distance) / bits.
        """
        among = self._among(frozenset(domains), frozenset(labels)) if domains or labels else None
        scores, found = self.store.search(np.asarray(vector, np.float32)[None], k, among)
        pairs = zip(scores[0].tolist(), found[0].tolist(), strict=True)
        return [Hit(self.items[position], score, rank) for rank, (score, position) in enumerate(pairs, start=1)]

    def labels_among(self, domains: Sequence[str] = (), labels: Sequence[str] = ()) -> tuple[str, ...]:
        """The classes of the pictures that `search` looks at, sorted."""
        if not domains and not labels:
            return self.labels
        return labels_of(self.items[i] for i in self._among(frozenset(domains), frozenset(labels)))

    def _among(self, domains: frozenset[str], labels: frozenset[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        fits = [
            i
            for i, item in enumerate(self.items)
            if (not domains or item.domain.name in domains) and (not labels or item.label in labels)
        ]
        return np.array(fits, np.int64)

    @classmethod
    def open(cls, home: Path, encoder: Encoder) -> Gallery:
        """The gallery in `home` as indexed by this encoder. Raises FingerprintMismatch when only other encoders
        indexed it.
        """
        folder = _index_folder(home, encoder)
        told = _manifest(folder)
        if told is None:
            others = indexed_by(home)
            if others:
                raise FingerprintMismatch(
                    f"This gallery was built by {', '.join(others)} but the query comes from "
                    f"{encoder.fingerprint}. {rebuild_hint(home)}"
                )
            raise GalleryError(f"There is no gallery in {home}. {rebuild_hint(home)}")
        if told.get("fingerprint") != encoder.fingerprint:
            raise FingerprintMismatch(
                f"This gallery was built by {told.get('fingerprint')} ({told.get('dim')}-d) but the query comes from "
                f"{encoder.fingerprint} ({encoder.dim}-d). {rebuild_hint(home)}"
            )
        stored = folder / told["store"]
        for path, digest in ((home / ITEMS, told["items"]), (stored, told["vectors"])):
            if not path.is_file() or sha256(path) != digest:
                raise GalleryError(
                    f"{path} is missing or has changed since the gallery was built. {rebuild_hint(home)}"
                )
        store = BinaryStore.open(stored) if stored.name == BITS else FaissStore.open(stored, encoder.dim)
        return cls(home, read_items(home), store, encoder.fingerprint)


def build(
    home: Path,
    items: Sequence[Item],
    encoder: Encoder,
    on_progress: Progress = no_progress,
    on_skip: Callable[[Skipped], None] = lambda skipped: None,
    rotation: Rotation | None = None,
) -> Gallery:
    """Index the items into `home` and return the gallery. Files that cannot be opened are reported to `on_skip` and
    left out. With a rotation of the encoder's vectors, their bits are kept and searched by Hamming distance.

    An interrupted build goes on where it stopped: finished chunks are kept until the index is whole. A gallery that
    was there stays usable until the new one has replaced it.
    """
    folder = _index_folder(home, encoder)
    pending = folder / "unfinished"
    pending.mkdir(parents=True, exist_ok=True)
    kept: list[Item] = []
    rows = [np.zeros((0, encoder.dim), np.float32)]
    for done, chunk in enumerate(batched(items, CHUNK)):
        readable, vectors, skipped = _chunk(pending, chunk, encoder)
        kept += readable
        rows.append(vectors)
        for one in skipped:
            on_skip(one)
        on_progress(min((done + 1) * CHUNK, len(items)), len(items))
    if not kept:
        raise GalleryError(f"Not one of {len(items)} files could be indexed. Name a folder that holds pictures.")
    store: VectorStore = BinaryStore(rotation) if rotation else FaissStore(encoder.dim)
    store.add(np.arange(len(kept)), np.concatenate(rows))
    for name in (MANIFEST, *STORES):
        (folder / name).unlink(missing_ok=True)
    write_items(home, kept)
    stored = folder / (BITS if rotation else VECTORS)
    store.save(stored)
    told = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "count": len(kept),
        "items": sha256(home / ITEMS),
        "store": stored.name,
        "vectors": sha256(stored),
    }
    write_text(folder / MANIFEST, json.dumps(told, indent=2) + "\n")
    shutil.rmtree(pending)
    return Gallery(home, kept, store, encoder.fingerprint)


def _chunk(pending: Path, items: list[Item], encoder: Encoder) -> tuple[list[Item], Vectors, list[Skipped]]:
    """The chunk's readable items and their vectors: read back if an interrupted build has finished it, else encoded
    and kept.
    """
    key = hashlib.sha256(json.dumps([encoder.fingerprint, *map(_identity, items)]).encode()).hexdigest()[:24]
    file = pending / f"{key}.npz"
    if file.is_file():
        with np.load(file) as kept:
            reasons = [str(reason) for reason in kept["reasons"]]
            vectors = np.asarray(kept["vectors"], np.float32)
    else:
        reasons = []
        vectors = embed_images(encoder, _readable(items, encoder.preprocess.size, reasons))
        unfinished = file.with_suffix(".part.npz")
        np.savez(unfinished, vectors=vectors, reasons=np.array(reasons, dtype=np.str_))
        os.replace(unfinished, file)
    paired = list(zip(items, reasons, strict=True))
    return [i for i, why in paired if not why], vectors, [Skipped(i.path, why) for i, why in paired if why]


def _readable(items: list[Item], size: int, reasons: list[str]) -> Iterator[tuple[Image, Domain]]:
    """Decode on two threads ahead of the encoder; `reasons` receives "" or the refusal for each item."""

    def decoded(item: Item) -> Image | str:
        try:
            return squared(open_image(item.path), size)
        except UnreadableImage as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for item, result in zip(items, pool.map(decoded, items), strict=True):
            reasons.append(result if isinstance(result, str) else "")
            if not isinstance(result, str):
                yield result, item.domain


def _identity(item: Item) -> list[Any]:
    try:
        stat = item.path.stat()
        return [item.id, str(item.path), stat.st_size, stat.st_mtime_ns]
    except OSError:
        return [item.id, str(item.path), None, None]


def indexed_by(home: Path) -> list[str]:
    """Fingerprints of the encoders that have a whole index of the gallery in `home`."""
    return sorted(str(told["fingerprint"]) for told in map(_manifest, (home / "index").glob("*")) if told)


def is_current(home: Path, encoder: Encoder) -> bool:
    """Whether the gallery in `home` has an index by this very encoder of the pictures that it lists."""
    told = _manifest(_index_folder(home, encoder))
    listed = home / ITEMS
    return (
        told is not None
        and told["fingerprint"] == encoder.fingerprint
        and listed.is_file()
        and told["items"] == sha256(listed)
    )


def is_in_bits(home: Path, encoder: Encoder) -> bool:
    """Whether the encoder's index of the gallery in `home`, made with these weights or with others, is one in bits."""
    told = _manifest(_index_folder(home, encoder))
    return told is not None and told["store"] == BITS


# ---------------------------------------------------------------- files


def _index_folder(home: Path, encoder: Encoder) -> Path:
    return home / "index" / encoder.fingerprint.split("·")[0]


def _manifest(folder: Path) -> dict[str, Any] | None:
    """What the index folder says of itself; None where there is no whole index."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        return None
    told.setdefault("store", VECTORS)  # indexes made before there was a choice still open
    return told if told.keys() >= {"fingerprint", "items", "vectors"} and told["store"] in STORES else None
