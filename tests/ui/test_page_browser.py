"""The page itself: what is measured, what can be read, what is loading, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.ui.fakes import FakeEngine
from tests.ui.visitor import WIDE, draw, expect_contrast, expect_hits, expect_inside, expect_to_fit

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------- what is measured


def test_measured_tasks_bundles_and_floors_can_be_read_and_unfolded_with_keys(page: Page) -> None:
    page.get_by_role("tab", name="Evaluate").click()
    drawn = page.get_by_role("table", name="quickdraw-world/zero-shot@1")
    expect(drawn).to_be_visible()
    expect(drawn.get_by_role("rowheader", name="guise-base-zs 3 seeds")).to_be_visible()
    expect(drawn.get_by_role("rowheader", name="floor:hog")).to_be_visible()
    expect(drawn.get_by_role("columnheader", name="mAP@all")).to_be_visible()
    words = page.get_by_role("table", name="people/text@1").first
    expect(words).to_be_hidden()
    page.locator("#measured summary", has_text="In words").focus()
    page.keyboard.press("Enter")
    expect(words).to_be_visible()


# ---------------------------------------------------------------- the page


UNFOLD = "document.querySelectorAll('#measured details').forEach((part) => { part.open = true; })"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_sticks_out_of_a_narrow_screen(visit: Callable[..., Page], url: str, theme: str) -> None:
    page = visit(f"{url}?__theme={theme}")
    page.get_by_role("button", name="Draw a fish").click()
    expect_hits(page, "fish")
    page.get_by_role("button", name="Refine").click()
    for width in (768, 390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        for tab in ("Search", "Upload", "Text", "Draw", "Evaluate", "About"):
            page.get_by_role("tab", name=tab).click()
            page.evaluate(UNFOLD)
            expect_to_fit(page, width)
        page.get_by_role("tab", name="Search").click()
        expect_inside(page.locator("#drawing button"), width)


def test_every_tab_stays_where_it_is_and_there_once(page: Page) -> None:
    tabs = page.locator("#pages > .tab-wrapper").get_by_role("tab")
    names = ["Search", "Object & style", "Map", "Evaluate", "About"]
    for name in (*names, *reversed(names)):
        tabs.get_by_text(name, exact=True).click()
        expect(tabs).to_have_text(names)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_can_be_read(visit: Callable[..., Page], url: str, theme: str) -> None:
    page = visit(f"{url}?__theme={theme}")
    expect(page.locator("body.dark")).to_have_count(1 if theme == "dark" else 0)
    page.get_by_role("button", name="Draw a fish").click()
    expect_hits(page, "fish")
    page.get_by_role("button", name="Refine").click()
    page.get_by_role("checkbox", name="cartoon").check()
    for tab in ("Draw", "Upload", "Text", "Evaluate", "About"):
        page.get_by_role("tab", name=tab).click()
        page.evaluate(UNFOLD)
        expect_contrast(page)


def test_the_page_says_that_the_model_is_loading_and_searches_when_it_is_there(
    late: tuple[FakeEngine, str], visit: Callable[..., Page]
) -> None:
    engine, address = late
    page = visit(address)
    expect(page.locator("#banner")).to_contain_text("Loading the model")
    draw(page, WIDE)
    engine.finish()
    expect_hits(page, "fish")
    expect(page.locator("#banner .banner")).to_have_count(0)
    page.get_by_role("tab", name="About").click()
    expect(page.locator("#about")).to_contain_text("rendered world (1000 pictures, Apache-2.0)")


def test_a_model_that_cannot_be_loaded_says_why(late: tuple[FakeEngine, str], visit: Callable[..., Page]) -> None:
    engine, address = late
    engine.finish("model.safetensors has the wrong checksum. Fetch the bundle again.")
    page = visit(address)
    expect(page.locator("#banner")).to_contain_text("wrong checksum")
    draw(page, WIDE)
    expect(page.locator("#status").get_by_role("alert")).to_contain_text("wrong checksum")
