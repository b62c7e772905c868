"""The map as a visitor sees it, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui.conftest import served
from tests.ui.fake_disentangler import FakeDisentangler
from tests.ui.fakes import FakeEngine
from tests.ui.toy_map import write_map
from tests.ui.visitor import expect_contrast, expect_to_fit

pytestmark = pytest.mark.browser
FINISHED = "generated"


@pytest.fixture(scope="module")
def mapped(tmp_path_factory: pytest.TempPathFactory, examples: Path) -> Iterator[str]:
    """The address of a page with a map."""
    engine = FakeEngine(tmp_path_factory.mktemp("mapped") / "pictures")
    write_map(engine)
    with served(engine, examples) as address:
        yield address


def enter(page: Page) -> None:
    """Open the tab and wait for both maps: that of the gallery is above, and moves this one down when it comes."""
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#plane h2")).to_be_visible()
    expect(page.locator("#map .points path")).to_have_count(48)
    expect(page.locator("#map [data-part=caption]")).to_contain_text("after epoch 9 of 9")


def mark(page: Page, name: str) -> Locator:
    return page.locator(f'#map .points [data-id="{name}"]')


def settle(page: Page) -> None:
    """Wait until marks stand still."""
    expect(page.locator("#map [data-moving]")).to_have_count(0)


def test_a_visitor_goes_through_the_epochs_and_takes_a_picture_apart(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped)
    enter(page)
    settle(page)
    duck = mark(page, "duck-photo-2")
    end = duck.get_attribute("transform")
    page.get_by_label("Epoch").focus()
    page.keyboard.press("Home")
    expect(page.locator("#map [data-part=caption]")).to_contain_text("before training")
    expect(page.locator("#map .tiles")).to_contain_text("30%")
    settle(page)
    assert duck.get_attribute("transform") != end
    page.keyboard.press("End")
    expect(page.locator("#map .tiles")).to_contain_text("90%")
    settle(page)
    assert duck.get_attribute("transform") == end
    duck.hover(force=True)
    expect(page.locator("#map .looked img").first).to_be_visible()
    duck.dispatch_event("click")
    expect(page.locator("#subject-line")).to_contain_text("duck-photo-2")
    expect(page.locator("#card .tag", has_text=FINISHED)).to_have_count(4)
    expect(page.locator("#card")).to_contain_text("duck, photo")


def test_keys_alone_walk_over_the_map_and_open_a_picture(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped)
    enter(page)
    settle(page)
    first = page.locator("#map .points path[tabindex='0']")
    expect(first).to_have_count(1)
    first.focus()
    expect(page.locator("#map .looked b")).to_have_text("duck")
    before = page.locator("#map .looked small").inner_text()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#map .looked small")).not_to_have_text(before)
    page.keyboard.press("PageUp")
    expect(page.locator("#map [data-part=caption]")).to_contain_text("after epoch 4 of 9")
    name = page.locator("#map .looked small").inner_text().split(" · ")[1]
    page.keyboard.press("Enter")
    expect(page.locator("#subject-line")).to_contain_text(name)


def test_keys_enter_the_map_whichever_styles_and_classes_are_hidden(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped)
    enter(page)
    settle(page)
    styles = page.locator("#map [data-part=styles] button")
    entered = page.locator("#map .points path:focus")
    for hidden, seen in ((["photo"], "duck, painting"), (["painting", "cartoon"], "duck, sketch"), (["sketch"], None)):
        for style in hidden:
            styles.filter(has_text=style).press("Enter")
        styles.first.focus()
        page.keyboard.press("Shift+Tab")
        if seen:
            expect(entered).to_have_attribute("aria-label", seen)
        else:
            expect(entered).to_have_count(0)
    for style in ("photo", "painting"):
        styles.filter(has_text=style).press("Enter")
    page.locator("#map select").select_option("fish")
    styles.first.focus()
    page.keyboard.press("Shift+Tab")
    expect(entered).to_have_attribute("aria-label", "fish, photo")
    page.keyboard.press("ArrowRight")
    right = entered.get_attribute("data-id")
    styles.first.focus()
    page.keyboard.press("Shift+Tab")
    expect(entered).to_have_attribute("data-id", str(right))


def test_codes_classes_styles_and_lines_are_chosen(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped)
    enter(page)
    page.locator("#map").get_by_text("Raw feature").click()
    expect(page.locator("#map [data-part=caption]")).to_contain_text("Raw feature, after epoch 9 of 9")
    expect(page.locator("#map path.within")).not_to_have_attribute("d", "")
    page.get_by_label("Lines within styles").uncheck()
    expect(page.locator("#map path.within")).to_have_attribute("d", "")
    page.locator("#map select").select_option("fish")
    expect(page.locator("#map .points [data-kin]")).to_have_count(16)
    page.locator("#map").get_by_role("button", name="sketch", exact=True).click()
    expect(page.locator("#map .points [data-off]")).to_have_count(12)
    expect(page.locator("#map .points [data-kin]")).to_have_count(12)


def test_where_nothing_can_be_drawn_a_mark_opens_the_details(
    tmp_path: Path, examples: Path, visit: Callable[..., Page]
) -> None:
    engine = FakeEngine(tmp_path / "pictures")
    engine.disentangler = FakeDisentangler(offered=False)
    write_map(engine)
    with served(engine, examples) as address:
        page = visit(address)
        enter(page)
        settle(page)
        mark(page, "tree-sketch-0").dispatch_event("click")
        expect(page.get_by_role("dialog")).to_contain_text("tree-sketch-0")
        page.close()


def test_a_copy_without_a_map_says_how_to_make_one(page: Page) -> None:
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#map-said")).to_contain_text("python -m retrieval map")
    expect(page.locator("#map svg").first).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_can_be_read_and_fits_a_phone(visit: Callable[..., Page], mapped: str, theme: str) -> None:
    page = visit(f"{mapped}?__theme={theme}")
    enter(page)
    page.locator("#map .points path[tabindex='0']").focus()
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        settle(page)
        expect_to_fit(page, width)
        expect_contrast(page)


def test_a_finger_looks_first_and_opens_with_the_button(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped, viewport={"width": 390, "height": 844}, has_touch=True)
    enter(page)
    settle(page)
    mark(page, "duck-photo-2").tap(force=True)
    expect(page.locator("#map .looked img").first).to_be_visible()
    name = page.locator("#map .looked small").inner_text().split(" · ")[1]
    page.get_by_role("button", name="Show object & style").first.tap()
    expect(page.locator("#subject-line")).to_contain_text(name)
