"""What a visitor sees and does, in a real Chromium."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.ui.fakes import COLORS, EACH, STYLES, FakeEngine, paint

pytestmark = pytest.mark.browser

WIDE = [(60, 250), (250, 260), (450, 300)]  # read as a fish
HIGH = [(250, 60), (260, 250), (270, 450)]  # read as a tree
ALL_OF_A_CLASS = EACH * len(STYLES)
RIGHT_EDGES = "buttons => buttons.map((button) => button.getBoundingClientRect().right)"
INK = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, index) => index % 4 === 3 && value > 128).length;
}"""


def draw(page: Page, points: Sequence[tuple[float, float]]) -> None:
    """One stroke of the mouse, in the paper's 512 x 512 units."""
    paper = page.locator("#drawing canvas")
    paper.hover()  # waits until the paper stands still: while the page is filled it may move
    box = paper.bounding_box()
    assert box is not None
    unit = box["width"] / 512
    x, y = points[0]
    page.mouse.move(box["x"] + x * unit, box["y"] + y * unit)
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(box["x"] + x * unit, box["y"] + y * unit, steps=3)
    page.mouse.up()


def expect_hits(page: Page, label: str) -> None:
    """The first card shows this class."""
    expect(page.locator("#results .hit").first.locator("b")).to_have_text(label)


def expect_welcome(page: Page) -> None:
    expect(page.locator("#results h2")).to_have_text("Draw something: try a duck")


def tool(page: Page, name: str) -> None:
    page.locator("#drawing").get_by_role("button", name=name, exact=True).click()


def ink(page: Page) -> int:
    """How many pixels of the paper are inked, once the frame is painted."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return int(page.locator("#drawing canvas").evaluate(INK))


# ---------------------------------------------------------------- drawing


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
    box = page.locator("#drawing canvas").bounding_box()
    assert box is not None
    touch = page.context.new_cdp_session(page)
    for kind, x in (("touchStart", 0.1), ("touchMove", 0.5), ("touchMove", 0.9), ("touchEnd", None)):
        points = [] if x is None else [{"x": box["x"] + x * box["width"], "y": box["y"] + box["height"] / 2}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
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


# ---------------------------------------------------------------- text and pictures


def search_text(page: Page, words: str) -> None:
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("What are you looking for?").fill(words)
    page.get_by_label("What are you looking for?").press("Enter")


def choose(page: Page, file: Path) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.locator("#picture input[type=file]").set_input_files(file)


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
    assert set(styles.all_text_contents()) == {"cartoon"}


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


def test_more_in_this_style_filters_by_it(page: Page) -> None:
    search_text(page, "tree")
    expect_hits(page, "tree")
    page.locator("#results .hit small", has_text="cartoon").first.click()
    page.get_by_role("button", name="More in this style").click()
    expect(page.get_by_role("checkbox", name="cartoon")).to_be_checked()
    expect(page.locator("#status")).to_contain_text(f"{EACH} of 48 pictures")


def test_pictures_have_words_and_are_loaded_late(page: Page) -> None:
    search_text(page, "tree")
    expect_hits(page, "tree")
    picture = page.locator("#results .hit img").first
    expect(picture).to_have_attribute("alt", "a tree as a photo, number 0")
    expect(picture).to_have_attribute("loading", "lazy")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") > 0


# ---------------------------------------------------------------- what is measured


def test_measured_tasks_bundles_and_floors_can_be_read_and_unfolded_with_keys(page: Page) -> None:
    page.get_by_role("tab", name="Evaluate").click()
    drawn = page.get_by_role("table", name="quickdraw-world/zero-shot@1")
    expect(drawn).to_be_visible()
    expect(drawn.get_by_role("rowheader", name="guise-mini-zs 3 seeds")).to_be_visible()
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
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.get_by_role("tab", name="Search").click()
        assert all(right <= width for right in page.locator("#drawing button").evaluate_all(RIGHT_EDGES))


def test_every_tab_stays_where_it_is_and_there_once(page: Page) -> None:
    tabs = page.locator("#pages > .tab-wrapper").get_by_role("tab")
    names = ["Search", "Object & style", "Map", "Evaluate", "About"]
    for name in (*names, *reversed(names)):
        tabs.get_by_text(name, exact=True).click()
        expect(tabs).to_have_text(names)


CONTRAST = """() => {
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const parse = (color) => (color.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
    const ground = (node) => {
        for (; node; node = node.parentElement) {
            const [r, g, b, a = 1] = parse(getComputedStyle(node).backgroundColor);
            if (a > 0.99) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const node of document.querySelectorAll('.gradio-container *')) {
        const text = [...node.childNodes].filter((n) => n.nodeType === 3).map((n) => n.textContent.trim()).join('');
        if (!text || !node.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
        if (node.closest(':disabled, .unseen, .sr-only, .visually-hidden')) continue;
        const pair = [luminance(parse(getComputedStyle(node).color)), luminance(ground(node))];
        const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        if (ratio < 4.5) poor.push(`${text.slice(0, 30)}: ${ratio.toFixed(2)}`);
    }
    return poor;
}"""


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
        assert page.evaluate(CONTRAST) == []


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
