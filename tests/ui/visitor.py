"""What a visitor does on the page, and what is then to be seen."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, expect
from playwright.sync_api import TimeoutError as PatienceError

from retrieval.settings import HOME
from tests.ui.fakes import EACH, STYLES

WIDE = [(60, 250), (250, 260), (450, 300)]  # read as a fish
HIGH = [(250, 60), (260, 250), (270, 450)]  # read as a tree
DUCK = HOME / "assets" / "examples" / "duck.json"  # drawn by a person
ALL_OF_A_CLASS = EACH * len(STYLES)
RIGHT_EDGES = "parts => parts.map((part) => part.getBoundingClientRect().right)"
FINISHED = "generated"  # the tag of a picture that is drawn
INK = """canvas => {
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels.filter((value, index) => index % 4 === 3 && value > 128).length;
}"""


def draw(page: Page, points: Sequence[tuple[float, float]]) -> None:
    """One stroke of the mouse, in the paper's 512 x 512 units."""
    drag(page.locator("#drawing canvas"), [(x / 512, y / 512) for x, y in points])


def drag(part: Locator, shares: Sequence[tuple[float, float]], *, let_go: bool = True) -> None:
    """The mouse goes over a part of the page with its button down, by shares of the part's width and height."""
    (x, y), *others = _points(part, shares)
    mouse = part.page.mouse
    mouse.move(x, y)
    mouse.down()
    for x, y in others:
        mouse.move(x, y, steps=3)
    if let_go:
        mouse.up()


def swipe(page: Page, *across: float) -> None:
    """One stroke of a finger at half the height of the paper, by shares of its width."""
    stroke_with_finger(page.locator("#drawing canvas"), [(x, 0.5) for x in across])


def stroke_with_finger(part: Locator, shares: Sequence[tuple[float, float]]) -> None:
    """A finger goes over a part of the page, by shares of the part's width and height."""
    points = [{"x": x, "y": y} for x, y in _points(part, shares)]
    touch = part.page.context.new_cdp_session(part.page)
    for kind, point in zip(("touchStart", *["touchMove"] * (len(points) - 1)), points, strict=True):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def _points(part: Locator, shares: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where on the page these shares of a part are, once it stands still."""
    box = standing(part)
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in shares]


def standing(part: Locator) -> FloatRect:
    """Where a part of the page is, once all of it is in view, painted, still and covered by nothing. Before, no browser
    knows that a swipe on it draws, and takes one for the way back to the page before.
    """
    part.scroll_into_view_if_needed()
    part.hover()
    box = part.bounding_box()
    assert box is not None
    return box


def expect_picture(image: Locator) -> None:
    """The picture comes, and the browser can read it."""
    image.scroll_into_view_if_needed()
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def expect_to_fit(page: Page, width: int) -> None:
    """Nothing sticks out of a window of this width, once what follows its size has done so."""
    _in_time(page, f"document.documentElement.scrollWidth <= {width}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def expect_inside(parts: Locator, width: int) -> None:
    """Each of these parts that is seen ends within a window of this width, also where a row could be scrolled."""
    expect(parts.first).to_be_visible()
    assert max(parts.evaluate_all(RIGHT_EDGES)) <= width


def expect_contrast(page: Page) -> None:
    """All text that is seen stands out from its ground, once no colour is on its way to another."""
    _in_time(page, f"({CONTRAST})().length === 0")
    assert page.evaluate(CONTRAST) == []


def _in_time(page: Page, true: str) -> None:
    """Wait until an expression of the page is true; what it is, when time is up, the caller tells better."""
    with suppress(PatienceError):
        page.wait_for_function(f"() => {true}", polling=100, timeout=5_000)


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


def search_text(page: Page, words: str) -> None:
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("What are you looking for?").fill(words)
    page.get_by_label("What are you looking for?").press("Enter")


def choose(page: Page, file: Path) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.locator("#picture input[type=file]").set_input_files(file)


def enter(page: Page) -> None:
    """Open the tab and wait for the finished card."""
    page.get_by_role("tab", name="Object & style").click()
    expect(page.locator("#card .tag", has_text=FINISHED)).to_have_count(4)
    expect(page.locator("#card [data-busy]")).to_have_count(0)


def panel(page: Page, name: str, button: str) -> None:
    """Open a panel and press its button."""
    page.get_by_role("tab", name=name).click()
    page.locator(f"#{button}").click()


def sketch(page: Page, drawing: Path = DUCK) -> None:
    """Draw a person's drawing with the mouse, line by line."""
    told = json.loads(drawing.read_text(encoding="utf-8"))
    unit = 512 / told["width"]
    for stroke in told["strokes"]:
        draw(page, [(x * unit, y * unit) for x, y in stroke["points"]])
    expect(page.locator("#status")).to_contain_text("Your drawing")
    page.locator("#results .hit").first.wait_for(state="attached")


def walk_through(page: Page, engine: Any) -> None:
    """Draw, open the tab, see the card, change its style, run the control, cancel a grid."""
    sketch(page)
    enter(page)
    expect(page.locator("#card")).to_contain_text("doodle")
    expect(page.locator("#card .compare")).to_be_visible()
    expect(page.locator("#card .judged li").first).to_be_visible()
    before = page.locator("#card").inner_html()
    page.locator("#drawn-style").get_by_role("radio", name="mosaic").check()
    expect(page.locator("#card")).to_contain_text("As mosaic")
    expect(page.locator("#card [data-busy]")).to_have_count(0, timeout=60_000)
    assert page.locator("#card").inner_html() != before
    page.get_by_role("tab", name="Swap grid").click()
    page.get_by_label("Shuffled parts (control)").check()
    page.locator("#draw-grid").click()
    expect(page.locator("#grid .summary")).to_contain_text("24 of 24 pictures", timeout=120_000)
    expect(page.locator("#grid .summary")).to_contain_text("Control: parts are shuffled")
    expect(page.locator("#grid .miss").first).to_contain_text("read as")
    expect(page.locator("#grid [data-holds='false']").first).to_be_visible()
    cancel_a_grid(page, engine)


def cancel_a_grid(page: Page, engine: Any) -> None:
    page.locator("#seed input").fill("77")
    page.get_by_label("Shuffled parts (control)").uncheck()
    page.locator("#draw-grid").click()
    expect(page.locator("#grid .swap[data-busy]")).to_be_visible()
    expect(page.locator("#grid .summary")).not_to_contain_text("Control")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#object-style [data-busy]")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.locator("#grid .summary")).not_to_contain_text("24 of 24")


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
