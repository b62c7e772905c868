"""Methods beside the default: loaded when first asked for, each with an index and reasons of its own."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from PIL import Image

from retrieval.artifacts.manifest import WEIGHTS
from retrieval.cli import main
from retrieval.engine import Engine, Settings
from retrieval.errors import BundleError, GalleryError, QueryError, SettingsError
from retrieval.gallery import is_in_bits
from retrieval.items import home_of
from retrieval.loaded_encoder import index
from retrieval.types import SKETCH, Bars, ImageQuery, TextQuery
from tests.toy_bundles import bundle, dsn_bundle


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle(tmp_path_factory.mktemp("checkpoints") / "small")


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

    def refused(*given: object, **options: object) -> None:
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
        explanation = two.why(drawn(pictures), hit.item.id, method=method)
        assert explanation.similarity == pytest.approx(hit.score, abs=1e-3)
        assert len(explanation.panels) == (2 if method == "told" else 0)
    classes = explanation.panels[1].parts[0]
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
    payload = json.loads(capsys.readouterr().out)
    assert payload["panels"][0]["title"] == "Sketch or photo, as it is told"
    assert len(payload["query"]["falls"]) == 8
    assert main([*words[:-1], "magic"]) == 2
    assert "There is no method 'magic'" in capsys.readouterr().err


def test_about_tells_of_every_method(two: Engine) -> None:
    assert two.about == {}
    two.wait()
    assert two.about["name"] == "small"
    assert [other["name"] for other in two.about["others"]] == ["told"]


@pytest.mark.parametrize("variable", ["GUISE_BUNDLES", "GUISE_PRIOR"])
def test_a_bundle_that_somebody_names_and_that_is_nowhere_is_logged(
    tmp_path: Path, variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    Engine(Settings.from_environment({variable: f"hf:somebody/guise-dsn@{'0' * 40}"}))
    assert not caplog.records
    Engine(Settings.from_environment({variable: str(tmp_path)}))
    assert f"{variable} names {tmp_path}, where no bundle is" in caplog.text
