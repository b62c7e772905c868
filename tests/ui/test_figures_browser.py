"""Sentences about people, in a real Chromium: figures, phrases that show where they are seen, a changed sentence."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from tests.ui.fakes import FakeEngine
from tests.ui.visitor import WIDE, draw, expect_hits, expect_picture, standing

pytestmark = pytest.mark.browser
SENTENCE = "a yellow duck as a cartoon, a red tree"


@pytest.fixture
def told(page: Page) -> Page:
    """The page with the answer to a sentence."""
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("People", exact=True).check()
    page.get_by_label("Describe a figure").fill(SENTENCE)
    page.locator("#sentence").get_by_role("button", name="Search").click()
    page.locator("#results [data-figure]").first.wait_for()
    return page


def test_a_sentence_finds_figures_and_says_why_they_are_invented(told: Page) -> None:
    expect(told.locator("#status")).to_contain_text(f"“{SENTENCE}”")
    expect(told.locator("#results [data-figure]").first).to_have_attribute("data-figure", "duck-cartoon-0")
    expect(told.locator("#why-figures")).to_contain_text("only invented figures")
    expect_picture(told.locator("#results [data-figure] img").first)


def test_filters_of_things_are_away_while_people_are_shown(told: Page) -> None:
    expect(told.locator("#styles")).to_be_hidden()
    told.get_by_role("tab", name="Draw").click()
    draw(told, WIDE)
    expect_hits(told, "fish")
    expect(told.locator("#styles")).to_be_visible()


def test_a_sentence_that_came_too_early_is_answered_once_the_figures_are_there(
    page: Page, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = threading.Event()
    monkeypatch.setattr(engine.figures, "_loaded", there)
    monkeypatch.setattr(engine.figures, "_progress", "Looking at the figures: 32 of 177")
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("People", exact=True).check()
    page.get_by_label("Describe a figure").fill(SENTENCE)
    page.locator("#sentence").get_by_role("button", name="Search").click()
    expect(page.locator("#loading-figures")).to_contain_text("Looking at the figures: 32 of 177")
    expect(page.locator("#results [data-figure]")).to_have_count(0)
    there.set()
    page.locator("#results [data-figure]").first.wait_for()
    expect(page.locator("#loading-figures")).to_have_text("")


def test_a_phrase_lights_its_region_in_every_figure(told: Page) -> None:
    phrase = told.get_by_role("button", name="red tree", exact=True)
    lit = told.locator("#results .spot[data-on]")
    expect(lit).to_have_count(0)
    phrase.hover()
    expect(lit).to_have_count(12)
    assert set(lit.evaluate_all("spots => spots.map((spot) => spot.dataset.of)")) == {"2"}
    told.locator("#status").hover()
    expect(lit).to_have_count(0)
    phrase.click()
    told.locator("#status").hover()
    expect(phrase).to_have_attribute("aria-pressed", "true")
    expect(lit).to_have_count(12)


def test_a_change_of_colour_stands_beside_the_sentence(told: Page) -> None:
    told.get_by_role("button", name="red tree → blue tree").click()
    sections = told.locator("#results .told")
    expect(sections).to_have_count(2)
    expect(sections.nth(1).locator("h2")).to_have_text("a yellow duck as a cartoon, a blue tree")
    expect(sections.nth(0).locator("li").first).to_contain_text("changed:")
    expect(told.get_by_label("Compare with a changed sentence")).to_have_value(
        "a yellow duck as a cartoon, a blue tree"
    )


def test_an_own_change_is_compared(told: Page) -> None:
    told.get_by_label("Compare with a changed sentence").fill("a fish")
    told.get_by_role("button", name="Compare").click()
    expect(told.locator("#results .told").nth(1).locator("li").first).to_have_attribute("data-figure", "fish-photo-0")


def test_markup_in_a_sentence_stays_text(told: Page) -> None:
    told.get_by_label("Describe a figure").fill("a <img src=x onerror='window.hacked=1'> hat")
    told.locator("#sentence").get_by_role("button", name="Search").click()
    expect(told.locator("#status")).to_contain_text("onerror")
    assert told.evaluate("window.hacked") is None


def test_an_example_fills_the_box_and_searches(page: Page) -> None:
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("People", exact=True).check()
    page.locator("#example-sentences button").first.click()
    page.locator("#results [data-figure]").first.wait_for()
    expect(page.get_by_label("Describe a figure")).to_have_value(
        "A person in a purple cap, a brown jacket and blue jeans"
    )


def test_programs_get_figures_with_boxes_as_json(url: str, visit: Callable[..., Page]) -> None:
    client = Client(url, verbose=False)
    answer = client.predict("a red duck", 2, "a red fish", api_name="/search_people")
    client.close()
    assert answer["phrases"] == ["red duck"]
    assert [set(hit) for hit in answer["hits"]] == [{"id", "label", "rank", "match", "boxes", "match_changed"}] * 2
    assert answer["hits"][0]["boxes"] == [[0.1, 0.0, 0.5, 0.2]]
    assert answer["changed"]["hits"][0]["label"] == "fish"


def test_a_sentence_is_drawn_from_studio_to_street(page: Page) -> None:
    page.get_by_role("tab", name="Text").click()
    expect(page.locator("#draw-figure")).to_be_hidden()
    page.get_by_label("People", exact=True).check()
    page.get_by_role("button", name="Draw it, from studio to street").click()
    expect(page.locator("#drawn-figure")).to_contain_text("No sentence is typed yet")
    page.get_by_label("Describe a figure").fill(SENTENCE)
    page.get_by_role("button", name="Draw it, from studio to street").click()
    stops = page.locator("#drawn-figure .stops > li")
    expect(stops).to_have_count(5)
    expect(page.locator("#drawn-figure")).to_contain_text("All of them are generated, in 10 steps.")
    expect(stops.nth(2)).to_have_attribute("data-on", "")
    page.get_by_label("From studio to street").fill("4")
    expect(stops.nth(4)).to_have_attribute("data-on", "")
    expect_picture(stops.nth(4).locator("img"))
    assert stops.nth(4).locator("img").evaluate("img => img.naturalHeight === 2 * img.naturalWidth")
    box = standing(stops.nth(4).locator("img"))
    assert abs(box["height"] - 2 * box["width"]) < 2
