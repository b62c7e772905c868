"""The engine answers before, while and after it loads, and one bad part leaves the others usable."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval import loaded_encoder
from retrieval.artifacts.bundle import Bundle, save_bundle
from retrieval.artifacts.manifest import WEIGHTS, Manifest, read_manifest
from retrieval.artifacts.rotation import Rotation
from retrieval.cli import main
from retrieval.data.readers.folder import folder_items
from retrieval.engine import HOME, Engine, Settings
from retrieval.errors import BundleError, EmptyQuery, GalleryError, QueryError, SettingsError
from retrieval.gallery import is_current, is_in_bits
from retrieval.images import Preprocess
from retrieval.items import home_of, write_items
from retrieval.loaded_encoder import index
from retrieval.methods import DSN, ClipBaseline
from retrieval.methods.catalog import load_class
from retrieval.types import SKETCH, Bars, ImageQuery, TextQuery
from tests.methods.test_clip_baseline import TINY
from tests.methods.toy_dsn import TINY as DSN_TINY
from tests.methods.toy_dsn import toy_batch


def bundle(folder: Path, seed: int = 0) -> Path:
    torch.manual_seed(seed)
    method = ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32))
    config = dataclasses.asdict(method.config)
    save_bundle(
        folder, method, Manifest(folder.name, "clip-baseline", config, method.preprocess, (), (), method.dim, {})
    )
    return folder


def dsn_bundle(folder: Path, seed: int = 0) -> Path:
    """DSN at random weights, with an album of noise; its codes become as many bits."""
    torch.manual_seed(seed)
    method = DSN(DSN.config_type(**DSN_TINY | {"dim": 8}), Preprocess(32))
    for name, parameter in method.named_parameters():
        if name.endswith("se.tag"):
            torch.nn.init.normal_(parameter)
    method.fill_album([toy_batch()])
    config, classes = dataclasses.asdict(method.config), ("red", "green", "blue", "grey")
    manifest = Manifest(folder.name, "dsn", config, method.preprocess, (), classes, method.dim, {})
    none, same = np.zeros(method.dim, np.float32), np.eye(method.dim, dtype=np.float32)
    save_bundle(folder, method, manifest, Rotation(none, same, none))
    return folder


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
    write_items(other, folder_items(other))
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


# ---------------------------------------------------------------- several methods


def drawn(pictures: Path) -> ImageQuery:
    with Image.open(pictures / "photo" / "red" / "disc-1.png") as picture:
        return ImageQuery(picture.convert("RGB"), SKETCH)


@pytest.fixture
def two(small_bundle: Path, pictures: Path, tmp_path: Path) -> Engine:
    """An engine with a second method beside the default; a third is not there."""
    settings = Settings(bundle=small_bundle, others=(dsn_bundle(tmp_path / "told"), tmp_path / "absent"))
    return Engine(dataclasses.replace(settings, gallery=home_of(pictures)))


def test_methods_are_offered_by_name_the_default_first_and_absent_ones_not(two: Engine) -> None:
    assert [choice.name for choice in two.methods] == ["small", "told"]
    assert [choice.title for choice in two.methods] == ["Plain encoder · small", "DSN · told"]
    assert [choice.hint for choice in two.methods] == ["", "sketch → photo, knows no words"]


def test_another_method_is_loaded_when_it_is_first_asked_for(two: Engine, pictures: Path) -> None:
    assert two.search(drawn(pictures), k=3).hits == two.search(drawn(pictures), k=3, method="small").hits
    assert two.ready
    assert not two.served("told").ready
    hits = two.search(drawn(pictures), k=3, method="told").hits
    assert two.served("told").ready
    assert [hit.score for hit in hits] != [hit.score for hit in two.search(drawn(pictures), k=3).hits]


def test_a_gallery_holds_the_indexes_of_both_and_neither_is_made_twice(two: Engine, pictures: Path) -> None:
    home = home_of(pictures)
    for method in ("small", "told", None):
        assert two.search(drawn(pictures), method=method).gallery_size == 24
    before = {path: path.stat().st_mtime_ns for path in home.rglob("*.*")}
    assert sum(path.name == "vectors.faiss" for path in before) == 2
    again = Engine(two.settings)
    for method in ("told", "small"):
        assert again.search(drawn(pictures), method=method).hits == two.search(drawn(pictures), method=method).hits
    assert {path: path.stat().st_mtime_ns for path in home.rglob("*.*")} == before


def test_an_index_made_with_other_weights_is_made_again_and_the_neighbour_stays(
    two: Engine, pictures: Path, tmp_path: Path
) -> None:
    for method in ("small", "told"):
        two.served(method).wait()
    neighbour = (home_of(pictures) / "index" / "small" / "vectors.faiss").stat().st_mtime_ns
    old = two.search(drawn(pictures), method="told").hits
    dsn_bundle(tmp_path / "told", seed=7)
    new = Engine(two.settings).search(drawn(pictures), method="told")
    assert new.gallery_size == 24
    assert new.hits != old
    assert (home_of(pictures) / "index" / "small" / "vectors.faiss").stat().st_mtime_ns == neighbour


def test_a_gallery_is_searched_in_bits_where_it_was_indexed_so_and_stays_so_with_other_weights(
    two: Engine, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(pictures), "--bundle", str(tmp_path / "told"), "--bits"]) == 0
    assert "24 pictures indexed" in capsys.readouterr().out
    hits = two.search(drawn(pictures), method="told").hits
    assert {round((hit.score + 1) * 4, 4) % 1 for hit in hits} == {0.0}, "a score is 1 - 2 distance / 8"
    dsn_bundle(tmp_path / "told", seed=7)
    again = Engine(two.settings)
    assert again.search(drawn(pictures), method="told").gallery_size == 24
    assert is_in_bits(home_of(pictures), again.served("told").bundle)


def test_a_bundle_whose_vectors_cannot_become_bits_says_so(
    small_bundle: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(pictures), "--bundle", str(small_bundle), "--bits"]) == 2
    assert "small has no rotation, so its vectors cannot become bits. Leave --bits out" in capsys.readouterr().err


def test_an_index_of_other_pictures_is_made_again(two: Engine, pictures: Path) -> None:
    two.served("told").wait()
    (pictures / "photo" / "red" / "disc-0.png").unlink()
    two.wait()
    index(home_of(pictures), two.bundle)
    assert Engine(two.settings).search(drawn(pictures), method="told").gallery_size == 23


def test_a_gallery_that_cannot_be_written_says_so_to_the_method_that_needs_it(
    two: Engine, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.wait()

    def refused(*told: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("retrieval.files._write", refused)
    with pytest.raises(GalleryError, match=r"The index of .*pictures cannot be written \(Permission denied\)"):
        two.search(drawn(pictures), method="told")
    assert two.search(drawn(pictures)).hits


def test_an_unknown_method_is_told_which_there_are(two: Engine, pictures: Path) -> None:
    for ask in (two.search, lambda query, method: two.why(query, "x", method=method)):
        with pytest.raises(SettingsError, match=r"There is no method 'magic'. Choose small or told\."):
            ask(drawn(pictures), method="magic")


def test_a_method_that_reads_no_words_says_so_and_goes_on(two: Engine, pictures: Path) -> None:
    with pytest.raises(QueryError, match="DSN reads no words"):
        two.search(TextQuery("a duck"), method="told")
    assert two.search(drawn(pictures), method="told").hits


def test_a_broken_second_method_leaves_the_default_alone(two: Engine, pictures: Path) -> None:
    (two.served("told").folder / WEIGHTS).write_bytes(b"not weights")
    with pytest.raises(BundleError, match="checksum"):
        two.search(drawn(pictures), method="told")
    assert two.served("told").trouble is not None
    assert two.search(drawn(pictures)).hits


def test_a_hit_is_explained_by_the_method_that_found_it(two: Engine, pictures: Path) -> None:
    for method in (None, "told"):
        hit = two.search(drawn(pictures), method=method, k=1).hits[0]
        told = two.why(drawn(pictures), hit.item.id, method=method)
        assert told.similarity == pytest.approx(hit.score, abs=1e-3)
        assert len(told.panels) == (2 if method == "told" else 0)
    classes = told.panels[1].parts[0]
    assert isinstance(classes, Bars)
    assert {bar.label for bar in classes.bars} <= {"red", "green", "blue", "grey"}
    with pytest.raises(QueryError, match="Words have no parts"):
        two.why(TextQuery("a"), "x")
    with pytest.raises(GalleryError, match="There is no picture"):
        two.why(drawn(pictures), "../../etc/passwd")


def test_reasons_are_printed_as_json(
    two: Engine, pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Settings, "from_environment", lambda: two.settings)
    words = ["why", str(pictures / "photo" / "red" / "disc-1.png"), "photo/red/disc-0.png", "--method", "told"]
    assert main([*words, "--domain", "sketch"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["panels"][0]["title"] == "Sketch or photo, as it is told"
    assert len(told["query"]["falls"]) == 8
    assert main([*words[:-1], "magic"]) == 2
    assert "There is no method 'magic'" in capsys.readouterr().err


def test_about_tells_of_every_method(two: Engine) -> None:
    assert two.about == {}
    two.wait()
    assert two.about["name"] == "small"
    assert [other["name"] for other in two.about["others"]] == ["told"]


def test_the_shipped_indexes_are_by_the_shipped_bundles() -> None:
    gallery = Settings().gallery
    for folder in (gallery / "index").iterdir():
        manifest = read_manifest(HOME / "checkpoints" / folder.name)
        bundle = Bundle(manifest, load_class(manifest.method))  # type: ignore[arg-type]  # what it is tells the fingerprint
        assert is_current(gallery, bundle), f"python -m retrieval index {gallery} --bundle checkpoints/{folder.name}"


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment({"GUISE_GALLERY": "a:b", "GUISE_PORT": "7000", "GUISE_BUNDLE": "x"})
    assert settings.extra_galleries == (Path("a"), Path("b"))
    assert (settings.port, settings.bundle) == (7000, Path("x"))
    assert settings.others == Settings().others
    assert Settings.from_environment({"GUISE_BUNDLES": "y:z"}).others == (Path("y"), Path("z"))
    assert Settings.from_environment({"GUISE_BUNDLES": ""}).others == ()
    with pytest.raises(SettingsError, match="GUISE_PORT is 'soon'"):
        Settings.from_environment({"GUISE_PORT": "soon"})


def test_a_gallery_that_breaks_in_an_unknown_way_leaves_the_others_usable(
    small_bundle: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(pictures, bad)
    whole = loaded_encoder.index

    def breaks(home: Path, *told: object, **more: object) -> object:
        if home.parent == bad:
            raise ValueError("nobody thought of this")
        return whole(home, *told, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loaded_encoder, "index", breaks)
    settings = Settings(bundle=small_bundle, others=(), gallery=home_of(pictures), extra_galleries=(bad,))
    engine = Engine(settings)
    assert len(engine.search(TextQuery("disc"), gallery="world", k=5).hits) == 5
    assert "The gallery bad could not be opened; the log says why" in str(engine.gallery_trouble("bad"))
    assert engine.gallery_trouble("world") is None
    with pytest.raises(GalleryError, match="could not be opened"):
        engine.search(TextQuery("disc"), gallery="bad")


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
