"""A gallery: pictures, what is known of them, and their vectors under one encoder. Immutable once built.

    <home>/items.jsonl                    one picture a line: id, path, label, domain, caption, parts
    <home>/index/<encoder>/vectors.faiss  one unit vector a line of items.jsonl; or, of an index in bits,
    <home>/index/<encoder>/bits.npz       one binary code a line, and the rotation that makes bits of a query
    <home>/index/<encoder>/colors.npy     how much of each picture has which colour, see `colors`; older ones have none
    <home>/index/<encoder>/pictures.txt   what each picture was when it was encoded, one a line
    <home>/index/<encoder>/manifest.json  fingerprint, counts, checksums; written last: it says that the index is whole

Paths in items.jsonl are relative to the gallery's root, and no picture outside the root is ever opened or served. How
an index is built is `indexing`'s business.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.artifacts.manifest import MANIFEST
from retrieval.colors import Shares, unpacked
from retrieval.encoder import Encoder, Vectors
from retrieval.errors import FingerprintMismatch, GalleryError
from retrieval.files import sha256
from retrieval.items import ITEMS, domains_of, labels_of, missing_of, read_items, rebuild_hint
from retrieval.stores import Ids, VectorStore
from retrieval.stores.binary_store import BinaryStore
from retrieval.stores.faiss_store import FaissStore
from retrieval.types import Hit, Item

FORMAT = "guise-gallery/1"
VECTORS = "vectors.faiss"
BITS = "bits.npz"
COLORS = "colors.npy"
STORES = (VECTORS, BITS)


class Gallery:
    """Searchable pictures. Two galleries with the same home and encoder are the same gallery."""

    def __init__(
        self,
        home: Path,
        items: Sequence[Item],
        store: VectorStore,
        fingerprint: str,
        missing: Iterable[int] = (),
        colors: Shares | None = None,
    ) -> None:
        if len(items) != store.count():
            raise GalleryError(
                f"{home} lists {len(items)} pictures but holds {store.count()} vectors. {rebuild_hint(home)}"
            )
        self.home = home
        self.items = tuple(items)
        self.store = store
        self.fingerprint = fingerprint
        self.missing = frozenset(missing)  # places of pictures that are no longer there
        self.colors = colors  # (N, 11), see `colors.color_shares`; None where nobody has counted them

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
        return self.hits(*self.nearest(vector, k, self.among(domains, labels)))

    def nearest(self, vector: Vectors, k: int, among: Ids | None) -> tuple[Vectors, Ids]:
        """The k pictures closest to the unit vector (dim,), best first, among some places of `items` (None: all).   ->
        scores (K,), places (K,); K <= k
        """
        scores, places = self.store.search(np.asarray(vector, np.float32)[None], k, among)
        return scores[0], places[0]

    def hits(self, scores: Vectors, places: Ids) -> list[Hit]:
        """The pictures at these places of `items`, in this order."""
        pairs = zip(scores.tolist(), places.tolist(), strict=True)
        return [Hit(self.items[place], score, rank) for rank, (score, place) in enumerate(pairs, start=1)]

    def among(self, domains: Sequence[str] = (), labels: Sequence[str] = ()) -> Ids | None:
        """The places of the pictures that a search of these domains and labels looks at; None: all."""
        if not domains and not labels and not self.missing:
            return None
        fits = [
            i
            for i, item in enumerate(self.items)
            if i not in self.missing
            and (not domains or item.domain.name in domains)
            and (not labels or item.label in labels)
        ]
        return np.array(fits, np.int64)

    @classmethod
    def open(cls, home: Path, encoder: Encoder) -> Gallery:
        """The gallery in `home` as indexed by this encoder. Raises FingerprintMismatch when only other encoders
        indexed it.
        """
        folder = index_folder(home, encoder)
        manifest = read_manifest(folder)
        if manifest is None:
            others = indexed_by(home)
            if others:
                raise FingerprintMismatch(
                    f"This gallery was built by {', '.join(others)} but the query comes from "
                    f"{encoder.fingerprint}. {rebuild_hint(home)}"
                )
            raise GalleryError(f"There is no gallery in {home}. {rebuild_hint(home)}")
        if manifest.get("fingerprint") != encoder.fingerprint:
            raise FingerprintMismatch(
                f"This gallery was built by {manifest.get('fingerprint')} ({manifest.get('dim')}-d) but the query "
                f"comes from {encoder.fingerprint} ({encoder.dim}-d). {rebuild_hint(home)}"
            )
        stored = folder / manifest["store"]
        counted = folder / COLORS if "colors" in manifest else None
        files = [(home / ITEMS, manifest["items"]), (stored, manifest["vectors"])]
        for path, digest in [*files, (counted, manifest["colors"])] if counted else files:
            if not path.is_file() or sha256(path) != digest:
                raise GalleryError(
                    f"{path} is missing or has changed since the gallery was built. {rebuild_hint(home)}"
                )
        items = read_items(home)
        colors = unpacked(counted, len(items)) if counted else None
        return cls(home, items, open_store(stored, encoder), encoder.fingerprint, missing_of(home, items), colors)


def open_store(path: Path, encoder: Encoder) -> FaissStore | BinaryStore:
    """The store in the file, of whichever kind it is."""
    return BinaryStore.open(path) if path.name == BITS else FaissStore.open(path, encoder.dim)


def indexed_by(home: Path) -> list[str]:
    """Fingerprints of the encoders that have a whole index of the gallery in `home`."""
    return sorted(
        str(manifest["fingerprint"]) for manifest in map(read_manifest, (home / "index").glob("*")) if manifest
    )


def is_current(home: Path, encoder: Encoder) -> bool:
    """Whether the gallery in `home` has an index by this very encoder of the pictures that it lists."""
    manifest = read_manifest(index_folder(home, encoder))
    listed = home / ITEMS
    return (
        manifest is not None
        and manifest["fingerprint"] == encoder.fingerprint
        and listed.is_file()
        and manifest["items"] == sha256(listed)
    )


def is_in_bits(home: Path, encoder: Encoder) -> bool:
    """Whether the encoder's index of the gallery in `home`, made with these weights or with others, is one in bits."""
    manifest = read_manifest(index_folder(home, encoder))
    return manifest is not None and manifest["store"] == BITS


# ---------------------------------------------------------------- files


def index_folder(home: Path, encoder: Encoder) -> Path:
    """Where the encoder's index of the gallery in `home` is kept."""
    return home / "index" / encoder.fingerprint.split("·")[0]


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What the index folder says of itself; None where there is no whole index."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        return None
    manifest.setdefault("store", VECTORS)  # indexes made before there was a choice still open
    return manifest if manifest.keys() >= {"fingerprint", "items", "vectors"} and manifest["store"] in STORES else None
