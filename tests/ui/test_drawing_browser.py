"""Drawing and searching while drawing, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.fakes import FakeEngine
from tests.ui.visitor import ALL_OF_A_CLASS, HIGH, WIDE, draw, expect_hits, expect_welcome, ink, swipe, tool

pytestmark = pytest.mark.browser


def test_hits_appear_while_drawing_and_follow_the_drawing(page: Page) -> None:
    expect_welcome(page)
    draw(page, WIDE)
    expect_hits(page, "fish")
    expect(page.locator("#status")).to_contain_text(f"{ALL_OF_A_CLASS} of 48 pictures")
    draw(page, HIGH)
    expect_hits(page, "duck")


def test_undo_redo_and_clear_walk_along_the_drawing(page: Page) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    draw(page, HIGH)
    expect_hits(page, "duck")
    tool(page, "Undo")
    expect_hits(page, "fish")
    tool(page, "Redo")
    expect_hits(page, "duck")
    tool(page, "Clear")
    expect_welcome(page)
    assert ink(page) == 0
    tool(page, "Undo")
    expect_hits(page, "duck")


def test_the_eraser_takes_ink_away_and_the_server_knows(page: Page) -> None:
    draw(page, WIDE)
    draw(page, HIGH)
    expect_hits(page, "duck")
    before = ink(page)
    tool(page, "Eraser")
    draw(page, [(60, 250), (200, 257)])
    draw(page, [(320, 276), (450, 300)])
    expect_hits(page, "tree")
    assert ink(page) < before


def test_a_thick_pen_leaves_more_ink(page: Page) -> None:
    tool(page, "Thin pen")
    draw(page, WIDE)
    thin = ink(page)
    tool(page, "Clear")
    tool(page, "Thick pen")
    draw(page, WIDE)
    assert ink(page) > 2 * thin


def test_keys_alone_can_draw_undo_and_clear(page: Page) -> None:
    page.locator("#drawing canvas").focus()
    page.keyboard.press("Space")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    expect_hits(page, "fish")
    page.keyboard.press("Control+z")
    expect_welcome(page)
    page.keyboard.press("Control+Shift+z")
    expect_hits(page, "fish")
    page.keyboard.press("Delete")
    expect_welcome(page)


def test_a_finger_draws_too(visit: Callable[..., Page], url: str) -> None:
    page = visit(url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2)
    page.locator(".guises img").first.wait_for()
    swipe(page, 0.1, 0.5, 0.9)
    expect_hits(page, "fish")


def test_a_drawing_survives_a_resized_window(page: Page) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    wide = page.locator("#drawing canvas").evaluate("canvas => canvas.width")
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.locator("#drawing canvas")).not_to_have_attribute("width", str(wide))
    assert ink(page) > 0
    draw(page, HIGH)
    expect_hits(page, "duck")


def test_search_while_drawing_can_be_switched_off(page: Page, engine: FakeEngine) -> None:
    page.get_by_label("Search while drawing").uncheck()
    asked = len(engine.asked)
    draw(page, WIDE)
    draw(page, HIGH)
    tool(page, "Search")
    expect_hits(page, "duck")
    assert len(engine.asked) == asked + 1


def test_searching_with_blank_paper_says_what_to_do_and_keeps_the_page(page: Page) -> None:
    tool(page, "Search")
    expect(page.get_by_role("alert")).to_have_text("Nothing is drawn yet. Draw something on the canvas.")
    draw(page, WIDE)
    expect_hits(page, "fish")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_an_example_is_drawn_and_searched_with_one_click(page: Page) -> None:
    page.get_by_role("button", name="Draw a fish").click()
    expect_hits(page, "fish")
    assert ink(page) > 0
    tool(page, "Undo")
    expect_welcome(page)


def test_the_last_drawing_wins_over_a_slow_answer(
    page: Page, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "delay", 0.4)
    draw(page, WIDE)
    expect(page.locator("#drawing [data-blank='false']")).to_be_attached()
    asked = len(engine.asked)
    draw(page, HIGH)
    expect_hits(page, "duck")
    expect(page.locator("#status")).to_contain_text("Your drawing")
    assert len(engine.asked) - asked <= 2
