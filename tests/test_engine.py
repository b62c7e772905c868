"""The engine answers before, while and after it loads, and one bad part leaves the others usable."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from retrieval.bundle import WEIGHTS, Manifest, save_bundle
from retrieval.engine import Engine, Settings
from retrieval.errors import BundleError, EmptyQuery, FingerprintMismatch, GalleryError, SettingsError
from retrieval.images import Preprocess
from retrieval.items import home_of
from retrieval.methods import ClipBaseline
from retrieval.types import ImageQuery, TextQuery
from tests.methods.test_clip_baseline import TINY


def bundle(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    method = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32))
    config = dataclasses.asdict(method.config)
    save_bundle(
        folder, method, Manifest(folder.name, "clip-baseline", config, method.preprocess, (), (), method.dim, {})
    )
    return folder


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(tmp_path_factory.mktemp("checkpoints") / "small")


@pytest.fixture
def engine(small_bundle: Path, pictures: Path) -> Engine:
    return Engine(Settings(bundle=small_bundle, gallery=home_of(pictures)))


def test_a_folder_that_was_never_indexed_is_indexed_at_start(engine: Engine) -> None:
    assert not engine.ready
    results = engine.search(TextQuery("a red disc"), k=5)
    assert engine.ready
    assert len(results.hits) == 5
    assert results.gallery_size == 24
    assert engine.domains() == ("painting", "photo")
    assert engine.labels() == ("blue", "green", "red")


def test_an_index_that_was_interrupted_at_start_is_finished_at_the_next(engine: Engine, pictures: Path) -> None:
    (home_of(pictures) / "index" / "small" / "unfinished").mkdir(parents=True)
    assert engine.search(TextQuery("a red disc"), k=5).gallery_size == 24


def test_folders_of_the_same_name_are_told_apart(small_bundle: Path, pictures: Path, tmp_path: Path) -> None:
    folders = (tmp_path / "a" / "world", tmp_path / "b" / "cats", tmp_path / "c" / "cats")
    engine = Engine(Settings(bundle=small_bundle, gallery=home_of(pictures), extra_galleries=folders))
    assert engine.galleries == ("a/world", "cats", "c/cats", "world")


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


def test_a_gallery_of_another_encoder_is_refused_and_the_others_still_answer(
    small_bundle: Path, pictures: Path, tmp_path: Path
) -> None:
    strange = shutil.copytree(pictures, tmp_path / "strange")
    other = Engine(Settings(bundle=bundle(tmp_path / "other", seed=1), gallery=home_of(strange)))
    other.wait()
    engine = Engine(Settings(bundle=small_bundle, gallery=home_of(pictures), extra_galleries=(strange,)))
    assert engine.galleries == ("strange", "world")
    with pytest.raises(FingerprintMismatch, match=r"built by other·\w+ but the query comes from small·\w+"):
        engine.search(TextQuery("a"), gallery="strange")
    assert engine.search(TextQuery("a"), gallery="world").hits
    assert engine.ready


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment({"GUISE_GALLERY": "a:b", "GUISE_PORT": "7000", "GUISE_BUNDLE": "x"})
    assert settings.extra_galleries == (Path("a"), Path("b"))
    assert (settings.port, settings.bundle) == (7000, Path("x"))
    with pytest.raises(SettingsError, match="GUISE_PORT is 'soon'"):
        Settings.from_environment({"GUISE_PORT": "soon"})
