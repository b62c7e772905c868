"""The engine answers before, while and after it loads, and one bad part leaves the others usable."""

from __future__ import annotations

import dataclasses
import gc
import logging
import os
import shutil
import weakref
from pathlib import Path

import pytest
from PIL import Image

from retrieval import loaded_encoder
from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.manifest import WEIGHTS
from retrieval.cli import main
from retrieval.data.readers.folder import folder_items
from retrieval.engine import Engine, Settings
from retrieval.errors import BundleError, EmptyQuery, GalleryError, RetrievalError, SettingsError
from retrieval.gallery import is_current
from retrieval.items import ITEMS, home_of, listing
from retrieval.logs import EVENTS
from retrieval.settings import HOME
from retrieval.types import ImageQuery, TextQuery
from tests.toy_bundles import bundle


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(tmp_path_factory.mktemp("checkpoints") / "small")


@pytest.fixture
def engine(small_bundle: Path, pictures: Path) -> Engine:
    return Engine(Settings(bundle=small_bundle, others=(), gallery=home_of(pictures)))


def test_a_folder_that_was_never_indexed_is_indexed_at_start(engine: Engine) -> None:
    assert not engine.ready
    results = engine.search(TextQuery("a red disc"), k=5)
    assert engine.ready
    assert len(results.hits) == 5
    assert results.gallery_size == 24
    assert engine.domains() == ("painting", "photo")
    assert engine.labels() == ("blue", "green", "red")


def test_the_log_says_how_a_search_went_and_not_what_was_searched_for(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger=EVENTS):
        engine.search(TextQuery("a red disc"), k=5)
    (record,) = [record for record in caplog.records if record.name == EVENTS]
    fields = vars(record)["fields"]
    assert {name: fields[name] for name in ("kind", "bundle", "hits")} == {"kind": "text", "bundle": "small", "hits": 5}
    assert "disc" not in str(vars(record))


def test_an_index_that_was_interrupted_at_start_is_finished_at_the_next(engine: Engine, pictures: Path) -> None:
    (home_of(pictures) / "index" / "small" / "unfinished").mkdir(parents=True)
    assert engine.search(TextQuery("a red disc"), k=5).gallery_size == 24


def test_folders_of_the_same_name_are_told_apart(small_bundle: Path, pictures: Path, tmp_path: Path) -> None:
    folders = (tmp_path / "a" / "world", tmp_path / "b" / "cats", tmp_path / "c" / "cats")
    settings = Settings(bundle=small_bundle, gallery=home_of(pictures), emoji=tmp_path, extra_galleries=folders)
    assert Engine(settings).galleries == ("a/world", "cats", "c/cats", "world")
    assert Engine(dataclasses.replace(settings, extra_galleries=(tmp_path / "emoji",))).galleries[1] == "world"


def test_the_second_embedded_gallery_is_indexed_when_it_is_first_asked_for(
    small_bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    other = tmp_path / "emoji"
    shutil.copytree(pictures, other)
    (other / ITEMS).write_bytes(listing(other, folder_items(other)))
    engine = Engine(Settings(bundle=small_bundle, others=(), gallery=home_of(pictures), emoji=other))
    assert engine.galleries == ("world", "emoji")
    engine.wait()
    assert len(list(engine.picture_files())) == 48
    assert engine.labels("emoji") == engine.labels("world")
    assert engine.served().is_open("world")
    assert not engine.served().is_open("emoji")
    assert not (other / "index").exists()
    with pytest.raises(GalleryError, match=r"gallery emoji.*\. Search again when that is done"):
        engine.search(TextQuery("a red disc"), gallery="emoji")
    assert engine.search(TextQuery("a red disc"), k=5).gallery_size == 24
    opening = engine.served().opening("emoji")
    if opening:
        opening.wait()
    assert engine.search(TextQuery("a red disc"), gallery="emoji").gallery_size == 24
    assert engine.served().opening("emoji") is None
    again = Engine(engine.settings)
    again.wait()
    assert again.search(TextQuery("a red disc"), gallery="emoji").gallery_size == 24  # at once: it has an index now


def test_a_picture_finds_itself_first(engine: Engine, pictures: Path) -> None:
    with Image.open(pictures / "photo" / "red" / "disc-1.png") as picture:
        best = engine.search(ImageQuery(picture.convert("RGB")), k=3).hits[0]
    assert best.item.id.endswith("red/disc-1.png")
    assert best.score == pytest.approx(1.0, abs=1e-4)


def test_filters_and_the_cutoff_are_kept(engine: Engine) -> None:
    results = engine.search(TextQuery("disc"), k=24, domains=["photo"], labels=["red"], cutoff=2.0)
    assert {(h.item.domain.name, h.item.label) for h in results.hits} == {("photo", "red")}
    assert not results.confident
    assert engine.search(TextQuery("disc"), cutoff=-1.0).confident


def test_a_style_or_class_that_the_gallery_has_not_is_named_with_those_that_it_has(engine: Engine) -> None:
    with pytest.raises(SettingsError, match="The gallery has no style 'etching', but painting, photo"):
        engine.search(TextQuery("disc"), domains=["photo", "etching"])
    with pytest.raises(SettingsError, match="The gallery has no class 'mauve', but blue, green, red"):
        engine.search(TextQuery("disc"), labels=["mauve"])


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x00"])
def test_empty_text_asks_for_words(engine: Engine, text: str) -> None:
    with pytest.raises(EmptyQuery, match="Nothing is typed yet"):
        engine.search(TextQuery(text))


def test_absurd_requests_are_refused(engine: Engine) -> None:
    with pytest.raises(SettingsError, match="513 characters"):
        engine.search(TextQuery("a" * 513))
    with pytest.raises(SettingsError, match="0 results"):
        engine.search(TextQuery("a"), k=0)
    with pytest.raises(GalleryError, match="There is no gallery 'elsewhere'"):
        engine.search(TextQuery("a"), gallery="elsewhere")
    with pytest.raises(GalleryError, match="There is no picture"):
        engine.item("../../etc/passwd")


def test_a_corrupt_bundle_is_told_to_everyone_who_searches(small_bundle: Path, pictures: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(small_bundle, tmp_path / "broken")
    (broken / WEIGHTS).write_bytes(b"not weights")
    engine = Engine(Settings(bundle=broken, gallery=home_of(pictures)))
    for _ in range(2):
        with pytest.raises(BundleError, match="checksum"):
            engine.search(TextQuery("a duck"))
    assert engine.trouble is not None
    assert "checksum" in engine.trouble
    assert not engine.ready


def test_what_was_asked_in_vain_is_not_kept_by_the_error(small_bundle: Path, pictures: Path, tmp_path: Path) -> None:
    strange = shutil.copytree(pictures, tmp_path / "strange")
    Engine(Settings(bundle=small_bundle, others=(), gallery=home_of(strange))).wait()
    (home_of(strange) / "index" / "small" / "vectors.faiss").write_bytes(b"damaged")
    broken = shutil.copytree(small_bundle, tmp_path / "broken")
    (broken / WEIGHTS).write_bytes(b"not weights")
    for settings, kind in (
        (Settings(bundle=broken, others=(), gallery=home_of(pictures)), BundleError),
        (Settings(bundle=small_bundle, others=(), gallery=home_of(strange)), GalleryError),
    ):
        engine = Engine(settings)
        query = ImageQuery(Image.new("RGB", (8, 8)))
        kept = weakref.ref(query)
        with pytest.raises(kind):
            engine.search(query)
        del query
        gc.collect()
        assert kept() is None


def test_a_gallery_that_cannot_be_opened_leaves_the_others_usable(
    small_bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    strange = shutil.copytree(pictures, tmp_path / "strange")
    Engine(Settings(bundle=small_bundle, gallery=home_of(strange))).wait()
    (home_of(strange) / "index" / "small" / "vectors.faiss").write_bytes(b"damaged")
    settings = Settings(bundle=small_bundle, gallery=home_of(pictures), emoji=tmp_path, extra_galleries=(strange,))
    engine = Engine(settings)
    assert engine.galleries == ("strange", "world")
    with pytest.raises(GalleryError, match="has changed since the gallery was built"):
        engine.search(TextQuery("a"), gallery="strange")
    assert engine.search(TextQuery("a"), gallery="world").hits
    assert engine.ready


def test_the_shipped_indexes_are_by_the_shipped_bundles() -> None:
    gallery = Settings().gallery
    for folder in (gallery / "index").iterdir():
        bundle = load_bundle(HOME / "checkpoints" / folder.name)
        assert is_current(gallery, bundle), f"python -m retrieval index {gallery} --bundle checkpoints/{folder.name}"


def test_a_gallery_that_breaks_in_an_unknown_way_leaves_the_others_usable(
    small_bundle: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(pictures, bad)
    whole = loaded_encoder.index

    def breaks(home: Path, *given: object, **more: object) -> object:
        if home.parent == bad:
            raise ValueError("nobody thought of this")
        return whole(home, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loaded_encoder, "index", breaks)
    settings = Settings(bundle=small_bundle, others=(), gallery=home_of(pictures), extra_galleries=(bad,))
    engine = Engine(settings)
    assert len(engine.search(TextQuery("disc"), gallery="world", k=5).hits) == 5
    assert "The gallery bad could not be opened; the log says why" in str(engine.gallery_trouble("bad"))
    assert engine.gallery_trouble("world") is None
    with pytest.raises(GalleryError, match="could not be opened"):
        engine.search(TextQuery("disc"), gallery="bad")


def test_a_gallery_whose_opening_breaks_says_so_and_not_for_ever_that_it_is_being_opened(
    small_bundle: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "emoji"
    shutil.copytree(pictures, other)
    (other / ITEMS).write_bytes(listing(other, folder_items(other)))
    engine = Engine(Settings(bundle=small_bundle, others=(), gallery=home_of(pictures), emoji=other))
    engine.wait()

    def breaks(*given: object) -> None:
        raise ValueError("nobody thought of this")

    monkeypatch.setattr(engine.served(), "_read", breaks)
    opening = engine.served().opening("emoji")
    assert opening is not None
    with pytest.raises(RetrievalError, match="the log says why"):
        opening.wait()
    with pytest.raises(GalleryError, match=r"gallery emoji could not be .*the log says why"):
        engine.search(TextQuery("a red disc"), gallery="emoji")


def test_a_damaged_list_says_so_and_lists_nothing(small_bundle: Path, pictures: Path) -> None:
    (pictures / "items.jsonl").write_text('{"id": ')
    engine = Engine(Settings(bundle=small_bundle, others=(), gallery=pictures))
    assert (engine.domains(), engine.labels()) == ((), ())
    engine.wait()
    assert (engine.domains(), engine.labels()) == ((), ())
    assert "line 1, is damaged" in str(engine.gallery_trouble())


def test_a_folder_with_links_and_odd_names_is_indexed_at_start(small_bundle: Path, pictures: Path) -> None:
    (pictures / "photo" / "away.png").symlink_to(Path(__file__))
    Image.new("RGB", (8, 8)).save(pictures / "photo" / os.fsdecode(b"\xe9.png"))
    engine = Engine(Settings(bundle=small_bundle, others=(), gallery=home_of(pictures)))
    assert engine.search(TextQuery("disc"), k=5).gallery_size == 24


def test_rendering_without_its_libraries_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def misses(asked: object) -> None:
        raise ModuleNotFoundError("No module named 'trimesh'", name="trimesh")

    monkeypatch.setattr("retrieval.cli.render", misses)
    assert main(["world", "render"]) == 2
    assert "trimesh is not installed" in capsys.readouterr().err
