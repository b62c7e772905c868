"""The gallery of emoji is built from the packages that it names, from nothing else, and always the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from retrieval.cli import main
from retrieval.emoji.build import build_emoji_gallery, render
from retrieval.emoji.packages import HANDS, NAMES, Hand
from retrieval.errors import DataError
from retrieval.items import read_items

DISC = '<circle cx="8" cy="8" r="8" fill="#c00"/>'
BLACK = '<path d="M0 0h16v16H0z" fill="currentColor"/>'
FIRST = Hand("first", "First", "first", "@toy/first", "1.0.0", "Ann", "https://a.example", "MIT", "https://l.example")
SECOND = Hand(
    "in ink", "Second", "second", "@toy/second", "2.0.0", "Bo", "https://b.example", "CC0", "https://l.example"
)
NAMED = {
    "1f347": ("grapes", 1),
    "1f34e": ("red apple", 1),
    "1f46e": ("police officer", 0),
    "1f5fd": ("Statue of Liberty", 1),
}


OTHERS = {"2": "animals-nature", "3": "travel-places", "4": "activities", "5": "objects"}


def write(folder: Path, version: str, **files: Any) -> None:
    folder.mkdir(parents=True)
    for name, value in {"package": {"version": version}, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Names of four emoji; one package that knows characters, and one that knows names alone, other ones in part."""
    folder = tmp_path / "packages"
    write(folder / NAMES[0], NAMES[1])
    write(folder / NAMES[0] / "meta", "", groups={"groups": {"0": "people-body", "1": "food-drink", **OTHERS}})
    rows = [
        {"hexcode": code.upper(), "label": label, "group": group, "order": order, "tags": ["a tag"]}
        for order, (code, (label, group)) in enumerate(NAMED.items())
    ]
    write(folder / NAMES[0] / "en", "", data=rows)
    codes = {"1f347": "grapes", "1f34e": "apple-red", "1f46e": "cop", "1f5fd": "liberty"}
    by_character = {name: {"body": DISC} for name in codes.values()}
    write(folder / FIRST.package, "1.0.0", icons={"icons": by_character, "width": 16, "height": 16}, chars=codes)
    by_name = {"grapes": {"body": BLACK, "width": 8}, "apple-red-1": {"body": BLACK}, "liberty": {"body": BLACK}}
    write(
        folder / SECOND.package, "2.0.0", icons={"icons": by_name, "aliases": {"cop": {"parent": "grapes"}}}, chars={}
    )
    return folder


def build(packages: Path, out: Path, least_hands: int = 2) -> dict[str, tuple[str, str]]:
    build_emoji_gallery(packages, out, least_hands=least_hands, size=40, hands=(FIRST, SECOND))
    return {item.id: (item.label or "", item.domain.name) for item in read_items(out)}


def test_a_thing_is_found_by_its_character_or_by_any_of_its_names_and_goes_by_the_worlds_name(
    packages: Path, tmp_path: Path
) -> None:
    assert build(packages, tmp_path / "out") == {
        "grapes-first": ("grapes", "first"),
        "grapes-in-ink": ("grapes", "in ink"),
        "apple-first": ("apple", "first"),
        "apple-in-ink": ("apple", "in ink"),
    }


def test_people_and_figures_of_them_are_left_out(packages: Path, tmp_path: Path) -> None:
    labels = {label for label, _ in build(packages, tmp_path / "out", least_hands=1).values()}
    assert labels == {"grapes", "apple"}


def test_the_card_names_author_licence_and_source_of_each_hand(packages: Path, tmp_path: Path) -> None:
    build_emoji_gallery(packages, tmp_path / "out", least_hands=1, size=40, hands=(FIRST, SECOND))
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    for hand in (FIRST, SECOND):
        assert f"[{hand.title}]({hand.source}), {hand.author} | [{hand.licence}]({hand.link}) | 2 |" in card


def test_the_same_packages_give_the_same_bytes(packages: Path, tmp_path: Path) -> None:
    build(packages, tmp_path / "a")
    build(packages, tmp_path / "b")
    build(packages, tmp_path / "b")  # a gallery that is there is replaced
    files = {path.relative_to(tmp_path / "a"): path.read_bytes() for path in (tmp_path / "a").rglob("*.*")}
    assert len(files) == 4 + 2
    assert {path.relative_to(tmp_path / "b"): path.read_bytes() for path in (tmp_path / "b").rglob("*.*")} == files


def test_a_picture_stands_in_the_middle_of_white() -> None:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 16" color="#111">{BLACK}</svg>'
    picture = render(svg, 40)
    assert (picture.mode, picture.size) == ("RGB", (40, 40))
    assert picture.getpixel((20, 20)) == (17, 17, 17)
    assert {picture.getpixel(at) for at in ((0, 0), (20, 0), (4, 20), (35, 20))} == {(255, 255, 255)}


def test_a_package_of_another_version_is_refused(packages: Path, tmp_path: Path) -> None:
    (packages / FIRST.package / "package.json").write_text('{"version": "1.0.1"}')
    with pytest.raises(DataError, match=r"holds @toy/first 1\.0\.1; the gallery is built from 1\.0\.0"):
        build(packages, tmp_path / "out")


def test_a_folder_of_something_else_is_not_overwritten(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "out" / "holiday.png")
    with pytest.raises(DataError, match="is not empty and no gallery"):
        build(packages, tmp_path / "out")
    assert (tmp_path / "out" / "holiday.png").is_file()


def test_the_command_line_names_the_packages_and_misses_those_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gallery", "packages"]) == 0
    assert f"{HANDS[0].package}@{HANDS[0].version}" in capsys.readouterr().out.splitlines()
    assert main(["gallery", "emoji", str(tmp_path / "out"), "--packages", str(tmp_path)]) == 2
    assert "make emoji-gallery" in capsys.readouterr().err
