"""Words, pictures and hits, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from retrieval.types import Explanation, Item
from retrieval.ui import views
from tests.ui.fakes import COLORS, EACH, FakeEngine, paint
from tests.ui.visitor import WIDE, choose, draw, expect_hits, expect_picture, search_text

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------- text and pictures


def test_words_find_pictures(page: Page) -> None:
    search_text(page, "a green tree")
    expect_hits(page, "tree")
    expect(page.locator("#status")).to_contain_text("“a green tree”")


def test_a_phrase_is_searched_with_one_click(page: Page) -> None:
    page.get_by_role("tab", name="Text").click()
    page.get_by_role("button", name="a yellow duck").click()
    expect_hits(page, "duck")
    expect(page.get_by_label("What are you looking for?")).to_have_value("a yellow duck")


def test_empty_words_say_what_to_do_and_keep_the_hits(page: Page) -> None:
    search_text(page, "tree")
    expect_hits(page, "tree")
    search_text(page, "   ")
    expect(page.get_by_role("alert")).to_contain_text("Nothing is typed yet.")
    expect_hits(page, "tree")


def test_what_was_found_is_told_once_to_those_who_do_not_see_it(page: Page) -> None:
    told = page.locator("#status").get_by_role("status")
    expect(told).to_be_empty()
    told.evaluate("region => { region.dataset.same = 'yes'; }")
    for words, sure in (("duck", EACH * 4), ("a spaceship", 0)):
        search_text(page, words)
        expect(told).to_contain_text(f"“{words}” {sure} of 48 pictures")
    search_text(page, "   ")
    expect(page.get_by_role("alert")).to_have_count(1)
    expect(told).to_be_empty()
    search_text(page, "tree")
    expect(told).to_contain_text("“tree”")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(told).to_have_attribute("data-same", "yes")  # a region that comes with its words is not read
    assert page.locator("#status [aria-live], #status [role=status]").count() == 1


def test_markup_in_words_and_captions_stays_text(page: Page) -> None:
    search_text(page, "<img src=x onerror='window.hacked=1'> duck")
    expect_hits(page, "duck")
    expect(page.locator("#status strong")).to_have_text("“<img src=x onerror='window.hacked=1'> duck”")
    page.locator("#results .hit").nth(1).click()
    expect(page.get_by_role("dialog")).to_contain_text("onerror")
    assert page.evaluate("window.hacked") is None


def test_a_picture_is_shown_and_searched_with(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "my fish.png"
    paint("fish", COLORS["fish"], "photo", 0).save(file)
    choose(page, file)
    expect_hits(page, "fish")
    expect(page.get_by_alt_text("The picture that you chose")).to_be_visible()
    expect(page.locator("#status strong")).to_have_text("my fish.png")


def test_a_picture_is_removed_with_keys_and_its_hits_stay(page: Page, engine: FakeEngine, tmp_path: Path) -> None:
    remove = page.locator("#picture").get_by_role("button", name="Remove the picture")
    for label in ("fish", "tree"):
        paint(label, COLORS[label], "photo", 0).save(tmp_path / f"{label}.png")
        choose(page, tmp_path / f"{label}.png")
        expect_hits(page, label)
        expect(page.locator("#picture .said")).to_have_text(f"{label}.png")
        asked = len(engine.asked)
        remove.press("Enter")
        expect(page.locator("#picture input[type=file]")).to_be_focused()
        expect(page.locator("#picture").get_by_role("img")).to_be_hidden()
        expect(page.locator("#picture .said")).to_be_empty()
        expect(remove).to_be_hidden()
    page.get_by_role("checkbox", name="cartoon").check()
    expect(page.locator("#status")).to_contain_text(f"{EACH} of 48 pictures")
    expect_hits(page, "tree")
    assert len(engine.asked) == asked + 1


PASTE = """(target, name) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([new Uint8Array([1])], name, { type: "image/png" }));
    target.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def test_a_picture_is_pasted_anywhere_but_where_text_is_being_written(page: Page) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.get_by_role("button", name="Refine").click()
    page.locator("#classes input").first.evaluate(PASTE, "into-text.png")
    expect(page.locator("#picture .said")).to_be_empty()
    for target in ("body", "#picture input[type=file]", "#automatic input"):
        name = f"{len(target)}.png"
        page.locator(target).evaluate(PASTE, name)
        expect(page.locator("#picture .said")).to_contain_text(name)


def bad_files(folder: Path) -> list[tuple[Path, str]]:
    """Files that cannot be searched with, and a piece of what is said about each."""
    whole = folder / "whole.jpg"
    Image.effect_noise((300, 300), 80).save(whole)
    made = {
        "empty.png": (b"", "is empty"),
        "words.png": (b"these are words", "is not a picture"),
        "cut.jpg": (whole.read_bytes()[:4000], "is damaged or incomplete"),
        "huge.png": (huge(folder), "megapixels"),
    }
    for name, (content, _) in made.items():
        (folder / name).write_bytes(content)
    return [(folder / name, told) for name, (_, told) in made.items()]


def huge(folder: Path) -> bytes:
    """A PNG of 81 megapixels and few bytes."""
    Image.new("1", (9000, 9000)).save(folder / "blank.png", optimize=True)
    return (folder / "blank.png").read_bytes()


def test_bad_files_get_one_sentence_each_and_the_page_goes_on(page: Page, tmp_path: Path) -> None:
    for file, told in bad_files(tmp_path):
        choose(page, file)
        expect(page.get_by_role("alert")).to_contain_text(told)
        expect(page.get_by_role("alert")).to_contain_text(file.name)
    search_text(page, "tree")
    expect_hits(page, "tree")


def test_a_gallery_picture_is_searched_with_one_click(page: Page) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.locator("#example-pictures button").nth(1).click()
    expect_hits(page, "fish")
    expect(page.locator("#status strong")).to_contain_text("Like fish-photo")


# ---------------------------------------------------------------- hits


def test_styles_narrow_the_hits(page: Page) -> None:
    search_text(page, "duck")
    expect_hits(page, "duck")
    page.get_by_role("checkbox", name="cartoon").check()
    expect(page.locator("#status")).to_contain_text(f"{EACH} of 48 pictures")
    styles = page.locator("#results .hit:not(.weaker .hit) small")
    expect(styles).to_have_text(["cartoon"] * EACH)


def test_how_many_and_the_cutoff_are_in_the_hand_of_the_visitor(page: Page) -> None:
    page.get_by_role("button", name="Refine").click()
    search_text(page, "duck")
    expect_hits(page, "duck")
    page.get_by_label("How many").first.fill("4")
    page.get_by_label("How many").first.press("Enter")
    expect(page.locator("#results .hit")).to_have_count(4)
    page.get_by_label("Automatic cut-off").uncheck()
    page.get_by_label("Cut-off", exact=False).and_(page.locator("input[type=number]")).fill("0.95")
    page.keyboard.press("Enter")
    expect(page.locator("#results h2")).to_have_text("No confident match")


def test_looking_at_the_filters_searches_nothing(page: Page, engine: FakeEngine) -> None:
    search_text(page, "duck")
    expect_hits(page, "duck")
    asked = len(engine.asked)
    page.get_by_role("button", name="Refine").click()
    page.get_by_label("How many").first.wait_for()
    page.get_by_role("tab", name="About").click()
    page.get_by_role("tab", name="Search").click()
    search_text(page, "tree")
    expect_hits(page, "tree")
    assert len(engine.asked) == asked + 1


def test_another_gallery_is_searched_with_the_same_query(
    late: tuple[FakeEngine, str], visit: Callable[..., Page]
) -> None:
    engine, address = late
    engine.finish()
    page = visit(address)
    page.get_by_role("button", name="Refine").click()
    search_text(page, "duck")
    expect_hits(page, "duck")
    page.get_by_label("Gallery").click()
    page.get_by_role("option", name="holiday").click()
    expect(page.locator("#status")).to_contain_text("of 96 pictures")
    expect(page.locator("#status strong")).to_have_text("“duck”")


def test_no_confident_match_still_offers_the_closest(page: Page) -> None:
    search_text(page, "a spaceship")
    expect(page.locator("#results h2")).to_have_text("No confident match")
    expect(page.locator("#results .hit").first).to_be_hidden()
    page.get_by_text("closest anyway").click()
    expect(page.locator("#results .hit").first).to_be_visible()


def test_a_hit_opens_with_its_details_and_can_be_searched_with(page: Page) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    page.locator("#results .hit").first.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("a fish as a photo, number 0")
    expect(sheet).to_contain_text("fish-photo-0")
    page.keyboard.press("ArrowRight")
    expect(sheet).to_contain_text("fish-photo-1")
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.locator("#results .hit").first.click()
    page.get_by_role("button", name="Search with this").click()
    expect(sheet).to_be_hidden()
    expect(page.locator("#status strong")).to_have_text("Like fish-photo-0")


def test_reasons_that_come_late_neither_open_a_sheet_that_was_closed_nor_replace_what_it_shows(
    page: Page, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    answer, why = Event(), engine.why

    def late(*asked: Any, **options: Any) -> Explanation:
        answer.wait(10)
        return why(*asked, **options)

    monkeypatch.setattr(engine, "why", late)
    sheet, hits, asks = page.get_by_role("dialog"), page.locator("#results .hit"), page.get_by_text("Why this hit?")
    hits.nth(0).click()
    asks.click()
    page.keyboard.press("Escape")
    hits.nth(1).click()
    expect(sheet).to_contain_text("fish-photo-1")
    asks.click()
    answer.set()
    expect(sheet.locator(".why")).to_be_visible()
    expect(sheet).to_contain_text("fish-photo-1")
    page.keyboard.press("ArrowRight")
    expect(sheet).to_contain_text("fish-photo-2")
    expect(sheet.locator(".why")).to_have_count(0)


# Says so once the page has taken in what tells of a picture.
TOLD = """(id) => {
    const parse = JSON.parse;
    JSON.parse = (text, ...others) => {
        if (String(text).includes(id)) {
            JSON.parse = parse;
            setTimeout(() => requestAnimationFrame(() => console.log(`late ${id}`)), 100);
        }
        return parse(text, ...others);
    };
}"""


def test_a_neighbour_that_comes_late_neither_opens_a_sheet_that_was_closed_nor_replaces_what_it_shows(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    answer, details = Event(), views.details

    def late(item: Item, *about: Any, **options: Any) -> str:
        if item.id == "fish-photo-1":
            answer.wait(10)
        return details(item, *about, **options)

    monkeypatch.setattr(views, "details", late)
    sheet, hits = page.get_by_role("dialog"), page.locator("#results .hit")
    for opens_another in (False, True):
        answer.clear()
        hits.nth(0).click()
        expect(sheet).to_contain_text("fish-photo-0")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Escape")
        if opens_another:
            hits.nth(2).click()
            expect(sheet).to_contain_text("fish-photo-2")
        with page.expect_event("console", lambda told: told.text == "late fish-photo-1"):
            page.evaluate(TOLD, "fish-photo-1")
            answer.set()
        if opens_another:
            expect(sheet).to_contain_text("fish-photo-2")
            page.keyboard.press("ArrowLeft")  # now it is asked for again
            expect(sheet).to_contain_text("fish-photo-1")
            page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()


def test_more_in_this_style_filters_by_it(page: Page) -> None:
    search_text(page, "tree")
    expect_hits(page, "tree")
    page.locator("#results .hit small", has_text="cartoon").first.click()
    page.get_by_role("button", name="More in this style").click()
    expect(page.get_by_role("checkbox", name="cartoon")).to_be_checked()
    expect(page.locator("#status")).to_contain_text(f"{EACH} of 48 pictures")


def test_more_in_the_style_of_a_picture_is_searched_for_after_the_picture_itself_was(page: Page) -> None:
    draw(page, WIDE)
    expect_hits(page, "fish")
    page.locator("#results .hit").first.click()
    page.get_by_role("button", name="Search with this").click()
    expect(page.locator("#status strong")).to_have_text("Like fish-photo-0")
    page.locator("#results .hit[data-id='fish-photo-0']").click()
    page.get_by_role("button", name="More in this style").click()
    expect(page.locator("#status")).to_contain_text(f"{EACH} of 48 pictures")


def test_pictures_have_words_and_are_loaded_late(page: Page) -> None:
    search_text(page, "tree")
    expect_hits(page, "tree")
    picture = page.locator("#results .hit img").first
    expect(picture).to_have_attribute("alt", "a tree as a photo, number 0")
    expect(picture).to_have_attribute("loading", "lazy")
    expect_picture(picture)
