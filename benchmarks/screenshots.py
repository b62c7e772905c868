"""The pictures of the page in README and docs: the shipped page in a real Chromium -> assets/screenshots/*.png.

python -m benchmarks.screenshots              all of them
python -m benchmarks.screenshots object map   these alone
"""

from __future__ import annotations

import argparse
import math
import sys
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks import ROOT
from benchmarks.speed import app, find_chromium, until
from benchmarks.swap_grids import in_few_colors

SHOTS: dict[str, dict[str, Any]] = {
    "draw": {"viewport": {"width": 1280, "height": 900}},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "why": {"viewport": {"width": 1280, "height": 1000}},
    "object": {"viewport": {"width": 1280, "height": 1900}},
    "map": {"viewport": {"width": 1280, "height": 1000}},
    "gallery-map": {"viewport": {"width": 1280, "height": 1250}},
    "sentence": {"viewport": {"width": 1280, "height": 1180}},
    "evaluate": {"viewport": {"width": 1280, "height": 1400}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True},
}
EXAMPLE = {"draw": "duck", "dark": "sailboat", "why": "duck", "object": "duck", "gallery-map": "duck", "phone": "snail"}
SHOWN = """[...document.images].every((one) =>
  one.complete || !one.checkVisibility() || one.getBoundingClientRect().top > innerHeight)"""
DRAWN = 240_000  # ms that a busy machine may take for a grid


def main() -> None:
    """Start the app, take every picture, stop it."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("shots", nargs="*", metavar="SHOT", help=f"{', '.join(SHOTS)} (default: all)")
    asked = words.parse_args().shots
    if strange := sorted({*asked} - {*SHOTS}):
        sys.exit(f"There is no picture {', '.join(map(repr, strange))}. Choose among {', '.join(SHOTS)}.")
    with app() as (_, address, start), sync_playwright() as playwright:
        until(address, start)
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"])
        for name in asked or SHOTS:
            take(browser, address, name)
        browser.close()


def take(browser: Browser, address: str, name: str) -> None:
    """One picture: an example drawing and its hits, why DSN found the first of them, the drawing taken apart, the maps,
    figures found by a sentence, or the measured tables.
    """
    page = browser.new_context(**SHOTS[name]).new_page()
    page.goto(address + ("?__theme=dark" if name == "dark" else "?__theme=light"))
    page.locator(".guises img").first.wait_for(timeout=DRAWN)
    if name in EXAMPLE:
        page.get_by_role("button", name=EXAMPLE[name]).first.click()
        page.locator("#results .hit img").first.wait_for()
        if name == "why":
            ask_why(page)
        if name == "object":
            take_apart(page)
        if name == "gallery-map":
            lasso(page)
    elif name == "sentence":
        describe(page)
    elif name == "map":
        page.get_by_role("tab", name="Map").click()
        page.locator("#map .points path").first.wait_for()
        page.locator("#map").evaluate("map => map.scrollIntoView()")
        page.wait_for_timeout(1500)  # marks move to their places
    else:
        page.get_by_role("tab", name="Evaluate").click()
        page.locator("#measured details[open]").first.wait_for()
    page.wait_for_function(SHOWN)
    path = ROOT / "assets" / "screenshots" / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as shot:
        few = in_few_colors(shot.convert("RGB"))
    few.save(path, optimize=True)


def ask_why(page: Page) -> None:
    """Choose DSN, open its first hit and ask why it is one."""
    before = page.locator("#results").inner_html()
    page.get_by_role("radio", name="DSN").check()
    page.wait_for_function("before => document.querySelector('#results').innerHTML !== before", arg=before)
    page.locator("#results .hit").first.click()
    page.get_by_role("button", name="Why this hit?").click()
    page.get_by_role("dialog").locator(".map img").first.wait_for()


def lasso(page: Page) -> None:
    """Open the map of the gallery and draw a loop around the query."""
    page.get_by_role("tab", name="Map").click()
    page.locator("#plane .asked").wait_for(timeout=DRAWN)
    x, y = page.locator("#plane .asked path").evaluate(
        "star => { const box = star.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }"
    )
    page.locator("#plane").get_by_text("Lasso", exact=True).click()
    for i in range(24):
        turn, far = i / 24 * math.tau, 50 + 8 * math.sin(i / 4 * math.tau / 2)
        page.mouse.move(x + far * math.cos(turn), y + far * math.sin(turn))
        if i == 0:
            page.mouse.down()
    page.mouse.up()
    page.locator("#plane-inside .hit img").first.wait_for()


def describe(page: Page) -> None:
    """Find figures by a sentence, put it in another colour beside that, light a phrase, and have it drawn."""
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("People", exact=True).check()
    page.locator("#example-sentences button").nth(1).click()
    page.locator("#results .actions button").nth(1).click(timeout=DRAWN)
    page.locator("#results .told").nth(1).wait_for(timeout=DRAWN)
    page.locator("#draw-figure").click()
    page.locator("#drawn-figure .slide").get_by_text("All of them are generated").wait_for(timeout=DRAWN)
    page.locator("#drawn-figure .slide [data-state=finished]").nth(4).wait_for(timeout=DRAWN)
    for section in page.locator("#results .told").all():
        section.locator("[data-phrase]").nth(1).click()
    page.locator("#status").hover()


def take_apart(page: Page) -> None:
    """Open the tab of object and style, wait for the card, and draw a grid."""
    page.get_by_role("tab", name="Object & style").click()
    page.locator("#card .judged li").first.wait_for(timeout=DRAWN)
    page.get_by_role("tab", name="Swap grid").click()
    page.locator("#draw-grid").click()
    page.locator("#grid .summary").get_by_text("24 of 24 pictures").wait_for(timeout=DRAWN)


if __name__ == "__main__":
    main()
