"""The map of any gallery under any method: without a browser, and as a visitor draws a box or a loop in it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from retrieval.errors import RetrievalError
from retrieval.evaluation.gallery_map import GalleryMap, Plane
from retrieval.types import Item
from retrieval.ui import map_views
from retrieval.ui.actions import Actions
from retrieval.ui.gallery_map import GalleryMaps
from tests.ui.conftest import served
from tests.ui.fakes import FakeEngine
from tests.ui.toy_map import write_map
from tests.ui.visitor import drag, expect_contrast, expect_to_fit, search_text, standing, stroke_with_finger

DUCK = json.dumps({"kind": "text", "value": "a duck"})


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> FakeEngine:
    return FakeEngine(tmp_path_factory.mktemp("mapped") / "pictures", "world", "holiday")


@pytest.fixture(scope="module")
def mapped(own: FakeEngine, examples: Path) -> Iterator[str]:
    with served(own, examples) as address:
        yield address


def asked(maps: GalleryMaps, query: str, gallery: str = "world", seen: str = "") -> tuple[Any, ...]:
    """What is told once the map is made, as the page's timer finds it."""
    for _ in range(200):
        told = maps.shown(query, gallery, "fake", seen)
        if not told[3].active:
            return told
        time.sleep(0.05)
    raise AssertionError("the map is not made after ten seconds")


def test_a_plane_holds_the_directions_of_most_variance_and_puts_what_comes_later_beside_its_like() -> None:
    random = np.random.default_rng(0)
    heads = np.eye(8)[random.integers(0, 3, 200)] + random.normal(0, 0.02, (200, 8))
    plane = Plane.of(heads.astype(np.float32))
    own, later = plane.placed(heads.astype(np.float32)), plane.placed(np.eye(8, dtype=np.float32)[:1])
    near = np.linalg.norm(own - later, axis=1).argsort()[:20]
    assert set(heads[near].argmax(axis=1)) == {0}
    rows = heads / np.linalg.norm(heads, axis=1, keepdims=True)
    most = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[-2:].sum()
    assert own.var(axis=0).sum() == pytest.approx(most, rel=1e-5)


def test_the_map_has_every_picture_of_the_gallery_that_is_asked_for_and_is_sent_once(own: FakeEngine) -> None:
    maps = GalleryMaps(Actions(cast("Any", own)))
    said, chart, seen, _, _ = asked(maps, "")
    assert not said["visible"]
    told = json.loads(chart["value"])
    assert [picture[0] for picture in told["pictures"]] == [item.id for item in own.pictures]
    assert chart["asked"] == ""
    assert "value" not in asked(maps, "", seen=seen)[1]
    other = json.loads(asked(maps, "", "holiday", seen)[1]["value"])
    assert len(other["pictures"]) == 2 * len(own.pictures)
    assert other["title"].startswith("holiday, as Plain encoder")


def test_the_query_stands_among_the_pictures_that_are_close_to_it(own: FakeEngine) -> None:
    chart = asked(GalleryMaps(Actions(cast("Any", own))), DUCK)[1]
    query, told = json.loads(chart["asked"]), json.loads(chart["value"])
    assert query["name"] == "“a duck”"
    far = {
        label: np.mean([np.hypot(x - query["point"][0], y - query["point"][1]) for _, _, at, x, y in told["pictures"]
                        if told["classes"][at] == label])
        for label in told["classes"]
    }  # fmt: skip
    assert min(far, key=lambda label: far[label]) == "duck"


def test_what_cannot_be_mapped_is_a_sentence(own: FakeEngine) -> None:
    maps = GalleryMaps(Actions(cast("Any", own)))
    assert "There is no gallery" in asked(maps, "", "nowhere")[0]["value"]
    unread = asked(maps, "{")
    assert "cannot be read" in unread[0]["value"]
    assert len(json.loads(unread[1]["value"])["pictures"]) == len(own.pictures)  # the map is there without the query
    assert unread[1]["asked"] == ""
    few = own.served()._indexed(Path("few"), own.pictures[:2])  # type: ignore[attr-defined]
    made = GalleryMap(cast("Any", SimpleNamespace(gallery=lambda name: few)), "few")
    with pytest.raises(RetrievalError, match="needs 3 pictures or more, and this gallery has 2"):
        made.wait(10)


def test_a_forged_choice_is_refused_and_a_large_one_says_what_it_leaves_out(own: FakeEngine) -> None:
    maps = GalleryMaps(Actions(cast("Any", own)))
    assert "no picture" in maps.inside("world", "fake", json.dumps({"ids": ["../../etc/passwd"], "count": 1}))[0]
    for forged in ("{", '["x"]', "[" * 100_000, json.dumps({"ids": ["duck-photo-0"], "count": "many"})):
        assert "cannot be read" in maps.inside("world", "fake", forged)[0]
    chosen = json.dumps({"ids": ["duck-photo-0", "tree-sketch-1"], "count": 300})
    cards = maps.inside("world", "fake", chosen)[1]
    assert cards.count('class="hit"') == 2
    assert "300 pictures selected" in cards
    assert "the 2 nearest to its middle are shown" in cards


# ---------------------------------------------------------------- in a browser


PLANE = "#plane .sea > svg"
LINES = "paths => paths.map((path) => path.getAttribute('d'))"


def enter(page: Page) -> None:
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#plane h2")).to_contain_text("world, as Plain encoder")
    expect(page.locator("#plane .dots .rest path").first).to_be_attached()


@pytest.mark.browser
def test_a_visitor_sees_the_query_draws_a_box_and_opens_a_picture_inside(
    visit: Callable[..., Page], mapped: str
) -> None:
    page = visit(mapped)
    page.get_by_role("tab", name="Text").click()
    page.locator("#words textarea, #words input").first.fill("a duck")
    page.keyboard.press("Enter")
    expect(page.locator("#status")).to_contain_text("a duck")
    enter(page)
    expect(page.locator("#plane .asked text")).to_have_text("“a duck”")
    drag(page.locator(PLANE), [(0.01, 0.01), (0.99, 0.99)])
    expect(page.locator("#plane .counted")).to_contain_text("Selected: 48 (16 duck, 16 fish, 16 tree)")
    expect(page.locator("#plane-inside .hit")).to_have_count(48)
    page.locator("#plane select").select_option("fish")
    expect(page.locator("#plane-inside .hit")).to_have_count(16)
    page.locator("#plane-inside .hit").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("fish")
    second = page.locator("#plane-inside .hit").nth(1).get_attribute("data-id")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("dialog")).to_contain_text(str(second))
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear the selection").click()
    expect(page.locator("#plane-inside .hit")).to_have_count(0)


def cluster(page: Page, label: str) -> tuple[float, float]:
    """Where the pictures of a class stand, which are close together, as shares of the map."""
    page.locator("#plane select").select_option(label)
    expect(page.locator(f"{PLANE}[data-lit]")).to_be_attached()
    box = standing(page.locator(PLANE))
    marks = " ".join(page.locator("#plane .lit path").evaluate_all(LINES))
    points = np.array(re.findall(r"M([\d.]+) ([\d.]+)", marks), float) / [box["width"], box["height"]]
    assert len(points) == 16
    page.locator("#plane select").select_option("")
    return tuple(points.mean(axis=0).tolist())


def half(one: tuple[float, float], other: tuple[float, float]) -> list[tuple[float, float]]:
    """Three corners of the box around two places: a triangle that holds the first, and only its bounding box both."""
    away = 0.04 * np.sign(np.subtract(one, other))
    (x, y), (to_x, to_y) = (one + away).tolist(), (other - away).tolist()
    return [(x, to_y), (x, y), (to_x, y)]


@pytest.mark.browser
def test_a_loop_selects_what_is_inside_of_it_and_not_all_of_its_bounding_box(
    visit: Callable[..., Page], mapped: str
) -> None:
    page = visit(mapped)
    enter(page)
    page.get_by_role("radio", name="Box").focus()
    page.keyboard.press("ArrowRight")
    loop = half(cluster(page, "fish"), cluster(page, "tree"))
    drag(page.locator(PLANE), loop)
    expect(page.locator("#plane .counted")).to_have_text("Selected: 16 (16 fish)")
    expect(page.locator("#plane-inside .status")).to_have_text("16 pictures selected")
    expect(page.locator("#plane-inside .hit b")).to_have_text(["fish"] * 16)
    drag(page.locator(PLANE), [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99)], let_go=False)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator("#plane .counted")).to_have_text("Selected: 16 (16 fish)")
    page.get_by_text("Box", exact=True).click()
    drag(page.locator(PLANE), [loop[0], loop[2]])
    expect(page.locator("#plane .counted")).to_have_text("Selected: 32 (16 fish, 16 tree)")
    page.locator(PLANE).focus()
    page.keyboard.press("Escape")
    expect(page.locator("#plane-inside .hit")).to_have_count(0)


@pytest.mark.browser
def test_a_shape_holds_the_same_pictures_whatever_the_frame_shows_of_the_map(
    visit: Callable[..., Page], mapped: str
) -> None:
    page = visit(mapped, viewport={"width": 1280, "height": 900})
    enter(page)
    x, y = cluster(page, "fish")
    drag(page.locator(PLANE), [(x - 0.04, y - 0.04), (x + 0.04, y + 0.04)])
    expect(page.locator("#plane-inside .hit b")).to_have_text(["fish"] * 16)
    frame, before = page.locator("#plane .frame"), ""
    for change in (lambda: look_for_a_duck(page), lambda: page.set_viewport_size({"width": 390, "height": 900})):
        before = frame.get_attribute("d") or ""
        change()
        expect(frame).not_to_have_attribute("d", before)
        assert sum(d.count("M") for d in page.locator("#plane .lit path").evaluate_all(LINES)) == 16
        expect(page.locator("#plane .counted")).to_have_text("Selected: 16 (16 fish)")
    page.locator(PLANE).focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator("#plane-inside .status")).to_contain_text("selected")


def look_for_a_duck(page: Page) -> None:
    """Which stands farther out than any picture."""
    page.get_by_role("tab", name="Search", exact=True).click()
    search_text(page, "a duck")
    expect(page.locator("#status")).to_contain_text("a duck")
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#plane .asked text")).to_have_text("“a duck”")


@pytest.mark.browser
def test_what_was_drawn_last_is_shown_however_late_the_answer_to_the_shape_before_it_comes(
    visit: Callable[..., Page], mapped: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, answers, cards = visit(mapped), Event(), map_views.inside

    def late(items: list[Item], count: int) -> str:
        answers.wait(10)
        return cards(items, count)

    enter(page)
    fish, tree = (
        [(x - 0.04, y - 0.04), (x + 0.04, y + 0.04)] for x, y in (cluster(page, "fish"), cluster(page, "tree"))
    )
    monkeypatch.setattr(map_views, "inside", late)
    for last, shown in ((tree, ["tree"] * 16), (None, [])):
        answers.clear()
        drag(page.locator(PLANE), fish)
        expect(page.locator("#plane .counted")).to_have_text("Selected: 16 (16 fish)")
        page.get_by_role("button", name="Clear the selection").click()
        if last:
            drag(page.locator(PLANE), last)
            expect(page.locator("#plane .counted")).to_have_text("Selected: 16 (16 tree)")
        answers.set()
        expect(page.locator("#plane-inside .hit b")).to_have_text(shown)


@pytest.mark.browser
def test_a_loop_that_goes_around_twice_holds_nothing_by_the_even_odd_rule(
    visit: Callable[..., Page], mapped: str
) -> None:
    page = visit(mapped)
    enter(page)
    page.get_by_text("Lasso", exact=True).click()
    around = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]
    drag(page.locator(PLANE), [*around, *around, around[0]])
    expect(page.locator("#plane-inside .status")).to_have_text("No picture is selected")
    drag(page.locator(PLANE), around)
    expect(page.locator("#plane-inside .status")).to_have_text("48 pictures selected")


@pytest.mark.browser
def test_a_finger_draws_a_loop_and_the_map_stays_where_it_is(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    enter(page)
    page.get_by_text("Lasso", exact=True).tap()
    loop = half(cluster(page, "duck"), cluster(page, "tree"))
    before = standing(page.locator(PLANE))
    stroke_with_finger(page.locator(PLANE), loop)
    expect(page.locator("#plane-inside .hit b")).to_have_text(["duck"] * 16)
    assert page.locator(PLANE).bounding_box() == before


@pytest.mark.browser
def test_keys_alone_move_a_box_and_show_what_is_inside(visit: Callable[..., Page], mapped: str) -> None:
    page = visit(mapped)
    enter(page)
    page.locator(PLANE).focus()
    for key, times in (("ArrowLeft", 1), ("ArrowLeft", 12), ("ArrowUp", 12), ("Shift+ArrowRight", 20)):
        for _ in range(times):
            page.keyboard.press(key)
    for _ in range(20):
        page.keyboard.press("Shift+ArrowDown")
    expect(page.locator("#plane .counted")).to_contain_text("Selected: 48")
    page.keyboard.press("Enter")
    expect(page.locator("#plane-inside .hit")).to_have_count(48)
    page.keyboard.press("Escape")
    expect(page.locator("#plane .frame")).to_have_count(0)


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_below_the_map_stays_where_it_is_when_the_map_comes(
    late: tuple[FakeEngine, str], visit: Callable[..., Page], width: int
) -> None:
    engine, address = late
    write_map(engine)
    page = visit(address, viewport={"width": width, "height": 844})
    page.get_by_role("tab", name="Map").click()
    expect(page.locator("#plane-said")).to_contain_text("Loading")
    below = page.locator("#map .sea").first
    before = standing(below)["y"] + page.evaluate("scrollY")
    engine.finish()
    expect(page.locator("#plane h2")).to_be_visible()
    expect(page.locator("#plane-said")).to_be_hidden()
    assert standing(below)["y"] + page.evaluate("scrollY") == pytest.approx(before, abs=40)


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_map_of_a_gallery_can_be_read_and_fits_a_phone(visit: Callable[..., Page], mapped: str, theme: str) -> None:
    page = visit(f"{mapped}?__theme={theme}")
    enter(page)
    for width in (1280, 390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        expect_to_fit(page, width)
        expect_contrast(page)
