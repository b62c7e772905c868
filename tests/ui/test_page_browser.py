"""The page itself: what is measured, what can be read, what is loading, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

import pytest
from playwright.sync_api import Page, expect

from retrieval.types import Skipped
from tests.ui.fakes import COLORS, EACH, FakeEngine
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


def test_what_is_drawn_and_chosen_while_the_model_is_loading_is_what_is_shown_once_it_is_there(
    late: tuple[FakeEngine, str], visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, address = late
    page = visit(address)
    expect(page.locator("#banner")).to_contain_text("Loading the model")
    page.get_by_role("checkbox", name="cartoon").check()
    drawn = Event()

    def late_skipped(gallery: str) -> list[Skipped]:
        drawn.wait(10)
        return []

    monkeypatch.setattr(engine, "skipped", late_skipped)
    engine.finish()
    draw(page, WIDE)
    expect(page.locator("#status")).to_contain_text(f"{EACH} of 48 pictures")
    drawn.set()
    expect(page.locator("#banner .banner")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="cartoon")).to_be_checked()
    expect(page.locator("#results .hit small")).to_have_text(["cartoon"] * len(COLORS) * EACH)


def test_the_gallery_that_was_chosen_last_is_the_one_that_is_offered(
    late: tuple[FakeEngine, str], visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, address = late
    engine.finish()
    page = visit(address)
    page.locator(".guises img").first.wait_for()
    asked, chosen = Event(), Event()

    def late_labels(gallery: str | None = None) -> tuple[str, ...]:
        asked.set()
        chosen.wait(10)
        return (f"class of {gallery}",)

    monkeypatch.setattr(engine, "labels", late_labels)
    page.get_by_role("button", name="Refine").click()
    gallery = page.locator("#gallery input")
    for name in ("holiday", "world"):
        gallery.click()
        page.get_by_role("option", name=name).click()
        expect(gallery).to_have_value(name)
        assert asked.wait(10)
    chosen.set()
    page.locator("#classes input").click()
    expect(page.get_by_role("option", name="class of world")).to_be_visible()


def test_a_model_that_cannot_be_loaded_says_why(late: tuple[FakeEngine, str], visit: Callable[..., Page]) -> None:
    engine, address = late
    engine.finish("model.safetensors has the wrong checksum. Fetch the bundle again.")
    page = visit(address)
    expect(page.locator("#banner")).to_contain_text("wrong checksum")
    draw(page, WIDE)
    expect(page.locator("#status").get_by_role("alert")).to_contain_text("wrong checksum")
