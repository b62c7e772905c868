"""A gallery is built once, found again, and never mixed up with another encoder's."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from retrieval.artifacts.rotation import Rotation
from retrieval.data.readers.folder import folder_items
from retrieval.encoder import embed_images, embed_texts
from retrieval.errors import DataError, FingerprintMismatch, GalleryError
from retrieval.gallery import Gallery, is_in_bits
from retrieval.images import open_image
from retrieval.indexing import build
from retrieval.items import ITEMS, home_of, read_items
from retrieval.types import Domain, Skipped
from tests.conftest import ColorEncoder


@pytest.fixture
def home(pictures: Path, color_encoder: ColorEncoder) -> Path:
    build(home_of(pictures), folder_items(pictures), color_encoder)
    return home_of(pictures)


@pytest.fixture
def rotation() -> Rotation:
    """Eight bits, one for each side of each of the encoder's four numbers."""
    matrix = np.repeat(np.eye(4, dtype=np.float32), 2, axis=0)
    return Rotation(np.full(4, 0.45, np.float32), matrix, np.tile(np.array([-0.3, 0.3], np.float32), 4))


@pytest.fixture
def home_in_bits(pictures: Path, color_encoder: ColorEncoder, rotation: Rotation) -> Path:
    build(home_of(pictures), folder_items(pictures), color_encoder, rotation=rotation)
    return home_of(pictures)


def words(encoder: ColorEncoder, text: str) -> np.ndarray:
    return embed_texts(encoder, [text])[0]


def test_search_finds_the_colour_that_was_named(home: Path, color_encoder: ColorEncoder) -> None:
    hits = Gallery.open(home, color_encoder).search(words(color_encoder, "red"), k=8)
    assert [hit.item.label for hit in hits] == ["red"] * 8
    assert [hit.rank for hit in hits] == list(range(1, 9))
    assert all(a.score >= b.score for a, b in pairwise(hits))
    assert all(-1 <= hit.score <= 1.000001 for hit in hits)


def test_filters_by_domain_and_class_are_kept(home: Path, color_encoder: ColorEncoder) -> None:
    gallery = Gallery.open(home, color_encoder)
    hits = gallery.search(words(color_encoder, "red"), k=100, domains=["painting"], labels=["blue", "green"])
    assert {hit.item.domain.name for hit in hits} == {"painting"}
    assert {hit.item.label for hit in hits} == {"blue", "green"}
    assert len(hits) == 8
    assert gallery.search(words(color_encoder, "red"), k=5, domains=["clay"]) == []


def test_the_places_searched_are_those_of_the_pictures_searched(home: Path, color_encoder: ColorEncoder) -> None:
    gallery = Gallery.open(home, color_encoder)
    assert gallery.among() is None
    chosen = gallery.among(domains=["photo"], labels=["red", "mauve"])
    assert chosen is not None
    assert {(gallery.items[place].domain.name, gallery.items[place].label) for place in chosen} == {("photo", "red")}
    nothing = gallery.among(domains=["clay"])
    assert nothing is not None
    assert len(nothing) == 0


def test_folders_name_domain_and_class(pictures: Path) -> None:
    item = folder_items(pictures)[0]
    assert (item.id, item.domain, item.label) == ("painting/blue/box-0.png", Domain("painting"), "blue")


def test_a_reopened_gallery_answers_the_same(home: Path, color_encoder: ColorEncoder) -> None:
    first, second = (Gallery.open(home, color_encoder) for _ in range(2))
    query = words(color_encoder, "green")
    assert first.search(query, 24) == second.search(query, 24)


def test_an_index_in_bits_is_recognised_and_answers_by_hamming_distance(
    home_in_bits: Path, color_encoder: ColorEncoder, rotation: Rotation
) -> None:
    gallery = Gallery.open(home_in_bits, color_encoder)
    assert "24 vectors of 8 bits" in gallery.store.health()
    query = words(color_encoder, "red")
    codes = np.stack([embed_images(color_encoder, [(open_image(i.path), i.domain)])[0] for i in gallery.items])
    asked, kept = (np.unpackbits(rotation(rows), axis=1) for rows in (query[None], codes))
    distances = (asked != kept).sum(axis=1)
    order = np.argsort(distances, kind="stable")
    hits = gallery.search(query, k=24)
    assert [hit.item for hit in hits] == [gallery.items[i] for i in order]
    assert [hit.score for hit in hits] == pytest.approx(1 - 2 * distances[order] / 8)
    assert [hit.item.label for hit in hits[:8]] == ["red"] * 8


def test_an_index_in_bits_keeps_filters(home_in_bits: Path, color_encoder: ColorEncoder) -> None:
    gallery = Gallery.open(home_in_bits, color_encoder)
    hits = gallery.search(words(color_encoder, "red"), k=100, domains=["painting"], labels=["blue", "green"])
    assert {(hit.item.domain.name, hit.item.label) for hit in hits} == {("painting", "blue"), ("painting", "green")}
    assert len(hits) == 8


def test_an_index_is_of_one_kind_and_can_become_the_other(
    pictures: Path, color_encoder: ColorEncoder, rotation: Rotation
) -> None:
    home = home_of(pictures)
    kinds = []
    for turned in (None, rotation, None):
        build(home, folder_items(pictures), color_encoder, rotation=turned)
        kinds.append(is_in_bits(home, color_encoder))
        files = {path.name for path in (home / "index" / "color").iterdir()}
        assert files == {
            "bits.npz" if turned else "vectors.faiss",
            "colors.npy",
            "pictures.txt",
            "manifest.json",
            "lock",
        }
        assert len(Gallery.open(home, color_encoder).search(words(color_encoder, "red"), 8)) == 8
    assert kinds == [False, True, False]


def test_an_index_made_before_there_was_a_choice_still_opens(home: Path, color_encoder: ColorEncoder) -> None:
    manifest = home / "index" / "color" / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["store"]
    manifest.write_text(json.dumps(told))
    assert Gallery.open(home, color_encoder).search(words(color_encoder, "red"), 1)
    assert not is_in_bits(home, color_encoder)


def test_an_index_made_before_colours_were_counted_still_opens(home: Path, color_encoder: ColorEncoder) -> None:
    counted = Gallery.open(home, color_encoder).colors
    assert counted is not None
    assert len(counted) == 24
    uncounted(home)
    gallery = Gallery.open(home, color_encoder)
    assert gallery.colors is None
    assert [hit.item.label for hit in gallery.search(words(color_encoder, "red"), 8)] == ["red"] * 8


def uncounted(home: Path) -> None:
    """Make the index one that knows no colours."""
    manifest = home / "index" / "color" / "manifest.json"
    told = json.loads(manifest.read_text())
    del told["colors"]
    manifest.write_text(json.dumps(told))
    (home / "index" / "color" / "colors.npy").unlink()


def test_another_encoder_is_refused_with_both_names(home: Path, color_encoder: ColorEncoder) -> None:
    color_encoder.fingerprint = "color·99999999"
    with pytest.raises(FingerprintMismatch, match=r"built by color·00000001.*comes from color·99999999.*Rebuild it"):
        Gallery.open(home, color_encoder)
    color_encoder.fingerprint = "shape·00000001"
    with pytest.raises(FingerprintMismatch, match=r"built by color·00000001 but the query comes from shape·00000001"):
        Gallery.open(home, color_encoder)


def test_unreadable_files_are_reported_and_skipped(pictures: Path, color_encoder: ColorEncoder) -> None:
    (pictures / "photo" / "red" / "broken.png").write_text("no picture")
    skipped: list[Skipped] = []
    gallery = build(home_of(pictures), folder_items(pictures), color_encoder, on_skip=skipped.append)
    assert len(gallery) == 24
    assert [(s.path.name, "is not a picture" in s.reason) for s in skipped] == [("broken.png", True)]


def test_an_interrupted_build_goes_on_and_ends_the_same(
    pictures: Path, color_encoder: ColorEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.indexing.CHUNK", 5)
    items = folder_items(pictures)
    query = words(color_encoder, "blue")
    whole = build(home_of(pictures), items, color_encoder).search(query, 24)
    shutil.rmtree(home_of(pictures))
    encoded = []
    original = ColorEncoder.encode_images

    def counted(self: ColorEncoder, images, domains):
        encoded.append(len(images))
        if len(encoded) == 3:
            raise KeyboardInterrupt
        return original(self, images, domains)

    monkeypatch.setattr(ColorEncoder, "encode_images", counted)
    with pytest.raises(KeyboardInterrupt):
        build(home_of(pictures), items, color_encoder)
    with pytest.raises(GalleryError, match="There is no gallery"):
        Gallery.open(home_of(pictures), color_encoder)
    again = build(home_of(pictures), items, color_encoder)
    assert encoded == [5, 5, 5, 5, 5, 4], "the two finished chunks were not encoded again"
    assert again.search(query, 24) == whole
    assert not (home_of(pictures) / "index" / "color" / "unfinished").exists()


@pytest.mark.parametrize("victim", [ITEMS, "index/color/vectors.faiss", "index/color/colors.npy"])
def test_a_changed_file_is_noticed(home: Path, color_encoder: ColorEncoder, victim: str) -> None:
    spoilt(home, color_encoder, victim)


def test_changed_bits_are_noticed(home_in_bits: Path, color_encoder: ColorEncoder) -> None:
    spoilt(home_in_bits, color_encoder, "index/color/bits.npz")


def spoilt(home: Path, color_encoder: ColorEncoder, victim: str) -> None:
    data = bytearray((home / victim).read_bytes())
    data[-1] ^= 1
    (home / victim).write_bytes(data)
    with pytest.raises(GalleryError, match="has changed since"):
        Gallery.open(home, color_encoder)


def test_a_missing_index_says_how_to_make_one(tmp_path: Path, color_encoder: ColorEncoder) -> None:
    with pytest.raises(GalleryError, match="python -m retrieval index"):
        Gallery.open(tmp_path, color_encoder)


def test_no_picture_outside_the_root_is_listed(home: Path) -> None:
    lines = (home / ITEMS).read_text().splitlines()
    told = json.loads(lines[3]) | {"path": "../../../../etc/passwd"}
    (home / ITEMS).write_text("\n".join([*lines[:3], json.dumps(told)]))
    with pytest.raises(GalleryError, match="line 4, names a picture outside"):
        read_items(home)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        folder_items(tmp_path)


def test_an_unknown_id_is_refused(home: Path, color_encoder: ColorEncoder) -> None:
    with pytest.raises(GalleryError, match="There is no picture"):
        Gallery.open(home, color_encoder).item("../../etc/passwd")
