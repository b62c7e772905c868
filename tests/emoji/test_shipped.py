"""The gallery "emoji" as it ships: enough things by enough hands, whole, credited, and small."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from PIL import Image

from retrieval.emoji.packages import HANDS
from retrieval.emoji.subjects import LEFT_OUT
from retrieval.engine import EMOJI, WORLD, Engine, Settings
from retrieval.items import ITEMS, read_items
from retrieval.settings import HOME
from retrieval.types import Item

FOLDER = HOME / "assets" / "emoji"
FAMILY = {hand.name: hand.family for hand in HANDS}
INDEX_ROW = 256 * 4  # bytes that a picture takes in the index of the embedded encoder
FORBIDDEN = {"man", "woman", "boy", "girl", "person", "people", "skin", "prince", "princess", "santa", "doll", "statue"}


@pytest.fixture(scope="module")
def items() -> list[Item]:
    return read_items(FOLDER)


def read_rows() -> list[dict[str, Any]]:
    """All that is known of each picture, as it is written."""
    return [json.loads(line) for line in (FOLDER / ITEMS).read_text(encoding="utf-8").splitlines()]


def test_three_hundred_things_are_drawn_by_at_least_six_hands_each(items: list[Item]) -> None:
    families = defaultdict(set)
    for item in items:
        families[item.label].add(FAMILY[item.domain.name])
    assert len(families) >= 300
    assert min(map(len, families.values())) >= 6
    assert len(items) >= 1800
    assert len({item.id for item in items}) == len(items)


def test_every_picture_that_is_listed_is_there_and_no_other(items: list[Item]) -> None:
    assert {item.path for item in items} == {path.resolve() for path in FOLDER.rglob("*.webp")}
    for item in items[::97]:
        with Image.open(item.path) as picture:
            assert (picture.format, picture.size) == ("WEBP", (160, 160))


def test_with_an_index_it_stays_below_fifteen_megabytes(items: list[Item]) -> None:
    pictures = sum(item.path.stat().st_size for item in items)
    assert pictures + (FOLDER / ITEMS).stat().st_size + len(items) * INDEX_ROW <= 15e6


def test_the_card_credits_every_hand_and_says_what_is_not_trained_on(items: list[Item]) -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for hand in HANDS:
        count = sum(item.domain.name == hand.name for item in items)
        assert f"{hand.author} | [{hand.licence}]({hand.link}) | {count} | `{hand.package}@{hand.version}`" in card
    assert "No training reads this folder" in card


def test_no_person_and_no_flag_of_a_country_is_shown() -> None:
    words = {row["label"]: {*row["label"].split(), *row["source"].partition(":")[2].split("-")} for row in read_rows()}
    assert not words.keys() & LEFT_OUT
    assert [label for label, said in words.items() if said & FORBIDDEN] == []
    assert [label for label in words if label.startswith(("flag:", "flag of"))] == []


def test_keywords_and_source_of_each_picture_are_listed() -> None:
    rows = read_rows()
    sources = {hand.name: f"{hand.package}@{hand.version}:" for hand in HANDS}
    assert all(row["source"].startswith(sources[row["domain"]]) for row in rows)
    octopus = next(row for row in rows if row["id"] == "octopus-noto")
    assert "ocean" in octopus["keywords"]


def test_the_engine_offers_it_after_the_world() -> None:
    assert Engine(Settings()).galleries == (WORLD, EMOJI)
