"""Anybody's folder of labelled pictures is measured like every other protocol."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from retrieval.errors import DataError, SettingsError
from retrieval.evaluation.folder import evaluate_folder, folder_tables, folder_task
from tests.conftest import ColorEncoder

TONES = {  # by mean colour, drawn red is nearest to the photos in the order warm, pink, lime
    "art/red_kite/a": (220, 20, 20),
    "photo/red_kite/warm": (200, 40, 30),
    "photo/red_kite/lime": (60, 220, 60),
    "photo/grass/pink": (220, 90, 90),
    "art/unicorn/b": (10, 10, 220),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, color in TONES.items():
        path = tmp_path / "mine" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 12), color).save(path)
    return tmp_path / "mine"


def test_domains_ask_each_other_and_the_values_are_those_counted_by_hand(folder: Path) -> None:
    said: list[str] = []
    report = evaluate_folder(ColorEncoder(), folder, "art", "photo", said.append)
    assert (report.queries, report.gallery) == (1, 3)
    assert report.chance == pytest.approx(2 / 3)
    ap = (1 / 1 + 2 / 3) / 2  # warm is found first, pink second, lime third
    assert report.metrics["mAP@all"] == report.metrics["mAP@all macro"] == pytest.approx(ap)
    assert report.metrics["P@1"] == report.metrics["R@1"] == 1.0
    assert report.metrics["P@5"] == pytest.approx(2 / 5)
    assert report.metrics["P@100 truncated"] == pytest.approx(1 / 2)
    assert report.metrics["mINP"] == pytest.approx(2 / 3)
    assert said == ["1 queries left out: no other picture of their class is in the gallery"]


def test_within_one_domain_no_picture_finds_itself(folder: Path) -> None:
    report = evaluate_folder(ColorEncoder(), folder, "photo", "photo", lambda line: None)
    assert (report.queries, report.gallery) == (2, 3)  # the only grass has nobody to find
    assert report.chance == pytest.approx(1 / 2)
    assert report.metrics["mAP@all"] == pytest.approx(1 / 2)  # pink is nearer to both than they are to each other


def test_pictures_that_cannot_be_opened_are_told_and_skipped(folder: Path) -> None:
    (folder / "photo" / "red_kite" / "broken.png").write_bytes(b"no picture")
    (folder / "art" / "red_kite" / "empty.png").touch()
    said: list[str] = []
    report = evaluate_folder(ColorEncoder(), folder, "art", "photo", said.append)
    assert (report.queries, report.gallery) == (1, 3)
    assert sum("skipped" in line for line in said) == 2
    assert any("broken.png is not a picture" in line for line in said)


def test_a_domain_that_is_not_there_is_told_with_those_that_are(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"no pictures of the domain 'sketch'. It has art, photo."):
        folder_tables(folder, ("sketch", "photo"))


def test_a_folder_without_domains_says_how_they_look(folder: Path) -> None:
    with pytest.raises(SettingsError, match="they look like DOMAIN/CLASS"):
        folder_tables(folder / "photo", ("art", "photo"))


def test_domains_without_a_common_class_cannot_be_measured(folder: Path) -> None:
    tables = folder_tables(folder, ("art", "photo"))
    asked, shown = (table.where(lambda row: row.label != "red kite") for table in tables)
    with pytest.raises(DataError, match="nothing in the gallery is relevant to any of 1 queries"):
        folder_task(asked, shown)


def test_pictures_in_deeper_folders_belong_to_their_class(folder: Path) -> None:
    (folder / "photo" / "grass" / "more").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "photo" / "grass" / "more" / "c.png")
    (found,) = folder_tables(folder, ("photo",))
    assert sorted(found.labels) == ["grass", "grass", "red kite", "red kite"]
