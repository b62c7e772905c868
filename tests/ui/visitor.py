"""What a visitor does on the page, and what is then to be seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.ui.fakes import EACH, STYLES

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


def search_text(page: Page, words: str) -> None:
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("What are you looking for?").fill(words)
    page.get_by_label("What are you looking for?").press("Enter")


def choose(page: Page, file: Path) -> None:
    page.get_by_role("tab", name="Upload").click()
    page.locator("#picture input[type=file]").set_input_files(file)


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
