"""The reasons, as HTML that a parser agrees with, and as a page that a visitor asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from retrieval.engine import Engine, Settings
from retrieval.items import home_of
from retrieval.types import Bar, Bars, Columns, Explanation, Note, Occlusion, Panel, Thumbnail, Thumbnails
from retrieval.ui import explained
from retrieval.ui.actions import Actions
from retrieval.ui.programs import Programs
from tests.toy_bundles import bundle, dsn_bundle
from tests.ui.conftest import FISH, served
from tests.ui.fakes import FakeEngine
from tests.ui.test_actions import asked, clicked, is_skipped, search
from tests.ui.test_views import HOSTILE, Reader
from tests.ui.visitor import WIDE, draw, expect_picture

FALLS = ((0.3, 0.0, -0.1), (0.05, 0.0, 0.0), (0.0, 0.0, 0.0))


def explanation(label: str = "duck", falls: Any = FALLS) -> Explanation:
    seen = Occlusion(Image.new("RGB", (32, 32), "white"), falls)
    return Explanation(
        0.834,
        seen,
        seen,
        (
            Panel(
                f"What it takes for a {label}",
                "It plays no part in the search.",
                (
                    Bars((Bar(label, 0.62, "62%", "query 0.90, hit 0.40"),)),
                    Columns((Bar("1.1", 0.02, "0.020"), Bar("2.1", 0.08, "0.080"))),
                    Note(f"The sketches of “{label}”"),
                    Thumbnails((Thumbnail(Image.new("L", (8, 8)), "0.95 · 0.41", f"Kept sketch of {label}"),)),
                ),
            ),
        ),
    )


# ---------------------------------------------------------------- html


def test_every_panel_says_what_it_shows_and_what_it_does_not() -> None:
    told = Reader(explained.why(explanation(), "DSN · dsn-world")).text
    for words in (
        "How much their similarity of 0.83 falls when a part is hidden",
        "falls by up to 0.30, top left",
        "What it takes for a duckIt plays no part in the search.",
        "duckquery 0.90, hit 0.4062%",
        "1.10.0202.10.080",
        "The sketches of “duck”",
        "0.95 · 0.41",
    ):
        assert words in told


def test_a_plain_encoder_has_the_maps_alone() -> None:
    told = Reader(explained.why(dataclasses.replace(explanation(), panels=()), "Plain")).text
    assert "Parts that count" in told
    assert "What it takes" not in told


def test_columns_are_as_high_as_their_share_of_the_largest() -> None:
    html = explained.why(explanation(), "DSN")
    assert 'style="height:25.0%"' in html
    assert 'style="height:100.0%"' in html


def test_names_of_classes_and_methods_stay_text() -> None:
    read = Reader(explained.why(explanation(HOSTILE), HOSTILE))
    assert read.open == []
    assert "script" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_a_map_is_warm_where_the_similarity_falls_and_cold_where_it_rises() -> None:
    layer = np.asarray(explained.heat(FALLS)).astype(int)
    falls, rises, same = layer[10, 10], layer[10, -10], layer[-10, -10]
    assert falls[0] > falls[2]
    assert rises[0] < rises[2]
    assert falls[3] > rises[3] > same[3]


def test_a_map_of_noise_stays_pale() -> None:
    assert np.asarray(explained.heat(((0.001, 0.0), (0.0, 0.0))))[..., 3].max() < 30
    told = Reader(explained.why(explanation(falls=((0.001, 0.0), (0.0, 0.0))), "DSN")).text
    assert "no part matters alone" in told


# ---------------------------------------------------------------- handlers


@pytest.fixture(scope="module")
def actions(engine: FakeEngine) -> Actions:
    return Actions(cast("Any", engine))


def test_a_text_is_offered_no_why(actions: Actions) -> None:
    hit = clicked(id="duck-photo-0", rank="1", score="0.9")
    assert "data-why" not in actions.open_hit(asked("text", "duck"), "world", hit)[1]
    assert "Words have no parts" in actions.open_hit(asked("text", "duck"), "world", hit)[1]
    about_people = asked("people", {"text": "a red jacket", "changed": ""})
    assert "data-why" not in actions.open_hit(about_people, "world", hit)[1]
    assert "data-why" in actions.open_hit(asked("drawing", FISH), "world", hit)[1]
    assert "data-why" not in actions.open_hit("[" * 5000, "world", hit)[1]


def test_why_is_told_below_the_details(actions: Actions) -> None:
    hit = clicked(id="fish-photo-0", rank="1", score="0.9")
    status, sheet = actions.why_hit(asked("drawing", FISH), "world", "fake", hit)
    assert is_skipped(status)
    assert sheet.index("fish-photo-0") < sheet.index("Parts that count")
    assert "Plain encoder · fake" in sheet


@pytest.mark.parametrize(("query", "told"), [("{", "cannot be read"), (asked("text", "duck"), "Words have no parts")])
def test_what_cannot_be_explained_is_told_in_the_sheet(actions: Actions, query: str, told: str) -> None:
    _, sheet = actions.why_hit(query, "world", "fake", clicked(id="fish-photo-0", rank="1", score="0.9"))
    assert told in sheet
    assert 'role="alert"' in sheet
    assert "fish-photo-0" in sheet


# ---------------------------------------------------------------- the page


@pytest.fixture
def engine_of_two(tmp_path: Path, pictures: Path) -> Engine:
    settings = Settings(bundle=bundle(tmp_path / "small"), others=(dsn_bundle(tmp_path / "told"),))
    return Engine(dataclasses.replace(settings, gallery=home_of(pictures), emoji=tmp_path))


@pytest.fixture
def address(engine_of_two: Engine, examples: Path) -> Iterator[str]:
    engine_of_two.wait()
    with served(engine_of_two, examples) as found:
        yield found


def test_a_search_with_a_method_that_is_not_loaded_loads_it_and_leaves_the_page(engine_of_two: Engine) -> None:
    engine_of_two.wait()
    actions = Actions(engine_of_two)
    query = asked("drawing", FISH)
    assert all(map(is_skipped, search(actions, query, method="told")))
    engine_of_two.served("told").wait()
    banner, timer, loaded = actions.load("told", engine_of_two.galleries[0])
    assert (banner, loaded) == ("", f"told {engine_of_two.galleries[0]}")
    assert not timer.active
    assert "of 24 pictures" in search(actions, query, method="told")[0]
    assert "There is no method" in search(actions, query, method="magic")[0]
    assert "DSN reads no words" in search(actions, asked("text", "duck"), method="told")[0]
    assert len(Programs(engine_of_two).search_drawing(FISH, 3, None, None, None, None, "told")) == 3


@pytest.mark.browser
def test_another_method_is_chosen_and_asked_why(address: str, visit: Callable[..., Page]) -> None:
    page = visit(address)
    draw(page, WIDE)
    page.locator("#results .hit").first.wait_for(state="attached")
    before = page.locator("#results").inner_html()
    page.get_by_role("radio", name="DSN · told").check()
    expect(page.locator("#results")).not_to_have_js_property("innerHTML", before)
    expect(page.locator("#banner .banner")).to_have_count(0)
    page.locator("#results .hit").first.click()
    page.get_by_role("button", name="Why this hit?").click()
    sheet = page.get_by_role("dialog")
    for words in ("Parts that count", "Sketch or photo, as it is told", "What it takes the query for", "DSN · told"):
        expect(sheet).to_contain_text(words)
    expect(sheet.locator(".kept img")).to_have_count(2)
    moves = [float(text) for text in sheet.locator(".blocks data").all_text_contents()]
    assert len(moves) == 4
    assert all(move > 0 for move in moves)
    assert float(sheet.locator(".measures data").nth(0).text_content() or 0) != float(
        sheet.locator(".measures data").nth(1).text_content() or 0
    )
    expect_picture(sheet.locator(".map img").first)


@pytest.mark.browser
def test_words_are_refused_by_a_method_that_reads_none_and_the_page_goes_on(
    address: str, visit: Callable[..., Page]
) -> None:
    page = visit(address)
    page.get_by_role("radio", name="DSN · told").check()
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("What are you looking for?").fill("a duck")
    page.keyboard.press("Enter")
    expect(page.locator("#status").get_by_role("alert")).to_contain_text("DSN reads no words")
    page.get_by_role("radio", name="Plain encoder").check()
    expect(page.locator("#status")).to_contain_text("“a duck”")
    expect(page.locator("#status").get_by_role("alert")).to_have_count(0)
