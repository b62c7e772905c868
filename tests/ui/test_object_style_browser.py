"""Object and style as a visitor sees them, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from retrieval.formats import VISITOR
from tests.ui.conftest import served
from tests.ui.fake_disentangler import FakeDisentangler
from tests.ui.fakes import COLORS, FakeEngine, paint
from tests.ui.visitor import (
    FINISHED,
    WIDE,
    cancel_a_grid,
    draw,
    enter,
    expect_contrast,
    expect_hits,
    expect_inside,
    expect_to_fit,
    panel,
)

pytestmark = pytest.mark.browser
TABS = ("Neighbours", "Swap grid", "Sliders", "Attention", "Film", "Find by code")


@pytest.fixture
def slow(tmp_path: Path, examples: Path) -> Iterator[tuple[FakeEngine, str]]:
    """An engine that draws a little at a time, and the address of its page."""
    engine = FakeEngine(tmp_path / "pictures")
    with served(engine, examples) as address:
        yield engine, address


def test_a_drawing_is_taken_apart_swapped_controlled_and_cancelled(
    slow: tuple[FakeEngine, str], visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, address = slow
    page = visit(address)
    draw(page, WIDE)
    expect_hits(page, "fish")
    enter(page)
    page.locator("#drawn-style").get_by_role("radio", name="mosaic").check()
    expect(page.locator("#card")).to_contain_text("As mosaic")
    panel(page, "Swap grid", "draw-grid")
    expect(page.locator("#grid .summary")).to_contain_text("18 of 18 pictures")
    expect(page.locator("#grid td img[alt^='Generated picture']")).to_have_count(18)
    page.get_by_label("Shuffled parts (control)").check()
    page.locator("#draw-grid").click()
    expect(page.locator("#grid .summary")).to_contain_text("class hit 0%")
    expect(page.locator("#grid .miss").first).to_contain_text("read as")
    monkeypatch.setattr(engine.disentangler, "delay", 1.0)
    cancel_a_grid(page, engine)
    taken = engine.disentangler.steps
    page.get_by_role("tab", name="Neighbours").click()
    expect(page.locator("#nearest .hit").first).to_be_visible()
    assert engine.disentangler.steps <= taken + 1


def test_a_new_query_ends_the_grid_and_search_never_waits_for_it(
    slow: tuple[FakeEngine, str], visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, address = slow
    page = visit(address)
    draw(page, WIDE)
    expect_hits(page, "fish")
    enter(page)
    monkeypatch.setattr(engine.disentangler, "delay", 3.0)
    panel(page, "Swap grid", "draw-grid")
    expect(page.locator("#grid .swap[data-busy]")).to_be_visible()
    page.get_by_role("tab", name="Search", exact=True).click()
    draw(page, [(250, 60), (260, 250), (270, 450)])
    expect_hits(page, "duck")
    expect(page.locator("#grid .swap")).to_have_count(0)
    taken = engine.disentangler.steps
    assert taken < 12
    monkeypatch.setattr(engine.disentangler, "delay", 0.0)
    enter(page)
    expect(page.locator("#card")).to_contain_text("this duck")


def test_a_grid_that_is_asked_for_while_a_cancelled_one_still_ends_is_drawn(
    slow: tuple[FakeEngine, str], visit: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, address = slow
    page = visit(address)
    draw(page, WIDE)
    enter(page)
    monkeypatch.setattr(engine.disentangler, "delay", 1.0)
    panel(page, "Swap grid", "draw-grid")
    expect(page.locator("#grid .swap[data-busy]")).to_be_visible()
    expect(page.locator("#draw-grid")).to_have_css("pointer-events", "none")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Shuffled parts (control)").check()
    page.locator("#draw-grid").click()
    monkeypatch.setattr(engine.disentangler, "delay", 0.0)
    expect(page.locator("#grid .summary")).to_contain_text("18 of 18 pictures")
    expect(page.locator("#grid .summary")).to_contain_text("Control: parts are shuffled")


def test_hits_of_a_gallery_that_is_left_are_gone(tmp_path: Path, examples: Path, visit: Callable[..., Page]) -> None:
    with served(FakeEngine(tmp_path / "pictures", "world", "holiday"), examples) as address:
        page = visit(address)
        draw(page, WIDE)
        enter(page)
        panel(page, "Find by code", "find")
        expect(page.locator("#code-hits .hit").first).to_be_visible()
        page.get_by_role("tab", name="Search", exact=True).click()
        page.get_by_role("button", name="Refine").click()
        page.locator("#gallery input").click()
        page.get_by_role("option", name="holiday").click()
        expect(page.locator("#status")).to_contain_text("of 96 pictures")
        expect(page.locator("#code-hits .hit")).to_have_count(0)


def test_a_hit_is_taken_apart_and_the_query_comes_back(page: Page) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    page.locator("#results .hit").nth(2).click()
    page.get_by_role("button", name="Show object & style").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#subject-line")).to_contain_text("fish-photo-2")
    expect(page.locator("#card")).to_contain_text("fish, photo")
    page.locator("#nearest .hit").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("fish-sketch-3")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Back to your query").click()
    expect(page.locator("#subject-line")).to_contain_text("Your drawing")
    expect(page.locator("#card")).to_contain_text("doodle")


def test_a_slider_is_browsed_with_keys_alone_and_asks_nothing(page: Page, engine: FakeEngine) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    enter(page)
    page.locator("#others label", has_text="tree").click()
    panel(page, "Sliders", "draw-objects")
    slider = page.get_by_label("From the query to tree")
    expect(page.locator("#objects .stops > li[data-on] .tag")).to_have_text("generated")
    expect(page.locator("#objects [data-busy]")).to_have_count(0)
    taken = engine.disentangler.steps
    slider.focus()
    page.keyboard.press("End")
    expect(page.locator("#objects .stops > li[data-on] figcaption b")).to_have_text("tree")
    page.keyboard.press("Home")
    expect(page.locator("#objects .stops > li[data-on] figcaption b")).to_have_text("the query")
    assert engine.disentangler.steps == taken


def test_a_generated_cell_is_searched_with_and_parts_are_switched_off(page: Page) -> None:
    draw(page, WIDE)
    enter(page)
    page.get_by_label("Where", exact=True).uncheck()
    expect(page.locator("#card [data-used=false]")).to_contain_text("not used")
    page.locator("#card .compare input").fill("20")
    expect(page.locator("#card .compare")).to_have_attribute("style", re.compile("20%"))
    page.locator("#card [data-ask]").first.click()
    expect(page.locator("#status")).to_contain_text("Generated picture: fish as doodle")
    expect(page.locator("#results .hit").first).to_be_visible()


def test_heat_maps_show_their_cells_when_asked(page: Page) -> None:
    draw(page, WIDE)
    enter(page)
    panel(page, "Attention", "draw-heat")
    expect(page.locator("#heat .smooth").first).to_be_visible()
    expect(page.locator("#heat .cells").first).to_be_hidden()
    page.get_by_label("Show the real cells").check()
    expect(page.locator("#heat .cells").first).to_be_visible()
    expect(page.locator("#heat .smooth").first).to_be_hidden()


def test_a_code_is_searched_with_and_a_hit_of_it_opens(page: Page) -> None:
    draw(page, WIDE)
    enter(page)
    page.get_by_role("tab", name="Find by code").click()
    page.get_by_role("radio", name="This object in that style").check()
    page.locator("#find").click()
    expect(page.locator("#code-status .status")).to_contain_text("This object as photo")
    expect(page.locator("#code-status").get_by_role("status")).to_contain_text("This object as photo")
    page.locator("#code-hits .hit").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("fish-photo-3")  # by object codes the last comes first


def test_without_a_picture_that_was_removed_or_refused_the_code_is_that_of_whom_the_tab_is_about(
    page: Page, tmp_path: Path
) -> None:
    paint("tree", COLORS["tree"], "photo", 0).save(tmp_path / "tree.png")
    (tmp_path / "large.png").write_bytes(bytes(VISITOR.bytes + 1))
    draw(page, WIDE)
    enter(page)
    page.get_by_role("tab", name="Find by code").click()
    slot = page.locator("#picture-object")
    remove = slot.get_by_role("button", name="Remove the picture")
    for refused in (False, True):
        slot.locator("input[type=file]").set_input_files(tmp_path / "tree.png")
        expect(slot.locator(".said")).to_have_text("tree.png")
        page.locator("#find").click()
        expect_code_hits(page, "tree")
        if refused:
            slot.locator("input[type=file]").set_input_files(tmp_path / "large.png")
            expect(slot.locator(".said")).to_contain_text("large.png is larger than")
        else:
            remove.click()
        expect(slot.get_by_role("img")).to_be_hidden()
        expect(remove).to_be_hidden()
        page.locator("#find").click()
        expect_code_hits(page, "fish")


def expect_code_hits(page: Page, label: str) -> None:
    expect(page.locator("#code-hits .hit").first.locator("b")).to_have_text(label)


def test_a_query_that_comes_after_its_visitor_is_shown(page: Page) -> None:
    page.locator("#drawing").get_by_label("Search while drawing").uncheck()
    draw(page, WIDE)
    page.get_by_role("tab", name="Object & style").click()
    expect(page.locator("#subject-line")).to_contain_text("An example")
    page.locator("#drawing").get_by_role("button", name="Search", include_hidden=True).dispatch_event("click")
    expect(page.locator("#subject-line")).to_contain_text("Your drawing")
    expect(page.locator("#card .tag", has_text=FINISHED)).to_have_count(4)


def test_words_say_what_to_do_and_an_empty_page_shows_an_example(page: Page) -> None:
    enter(page)
    expect(page.locator("#subject-line")).to_contain_text("An example")
    page.get_by_role("tab", name="Search", exact=True).click()
    page.get_by_role("tab", name="Text").click()
    page.get_by_role("button", name="a yellow duck").click()
    expect_hits(page, "duck")
    page.get_by_role("tab", name="Object & style").click()
    expect(page.locator("#card")).to_contain_text("Words have no picture")


def test_a_copy_without_a_prior_says_so_in_one_sentence(
    tmp_path: Path, examples: Path, visit: Callable[..., Page]
) -> None:
    engine = FakeEngine(tmp_path / "pictures")
    engine.disentangler = FakeDisentangler(offered=False)
    with served(engine, examples) as address:
        page = visit(address)
        page.get_by_role("tab", name="Object & style").click()
        expect(page.locator("#object-style")).to_contain_text("came without the network that draws")
        expect(page.locator("#object-style button")).to_have_count(0)
        page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_panel_can_be_read_and_fits_a_phone(visit: Callable[..., Page], url: str, theme: str) -> None:
    page = visit(f"{url}?__theme={theme}")
    page.get_by_role("button", name="Draw a fish").click()
    expect_hits(page, "fish")
    enter(page)
    for name, button in (("Swap grid", "draw-grid"), ("Sliders", "draw-objects"), ("Film", "draw-film")):
        panel(page, name, button)
    panel(page, "Attention", "draw-heat")
    panel(page, "Find by code", "find")
    page.locator("#code-hits .hit").first.wait_for()
    expect(page.locator("#object-style [data-busy]")).to_have_count(0)
    for width in (1280, 390, 320):
        asks: list[int] = []
        page.set_viewport_size({"width": width, "height": 844})
        page.get_by_role("tab", name="Neighbours").click()
        expect_inside(page.locator("#nearest h3, #nearest .small"), width)
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            expect_to_fit(page, width)
            asks += page.locator(".ask:visible").evaluate_all("all => all.map(one => one.offsetHeight)")
            if width != 320:
                expect_contrast(page)
        assert min(asks) >= (24 if width == 1280 else 40)
