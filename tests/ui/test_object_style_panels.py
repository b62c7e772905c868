"""What each panel of the tab of object and style shows, without a browser."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import gradio as gr

from retrieval.diffusion.guidance import GUIDANCE
from retrieval.disentangle import Drawn
from retrieval.types import STYLES
from retrieval.ui import object_style_actions
from retrieval.ui import object_style_views as panels
from retrieval.ui.object_style_actions import ObjectStyle
from retrieval.ui.object_style_card import PARTS
from tests.ui.fake_disentangler import STEPS, painted
from tests.ui.fakes import HOSTILE
from tests.ui.subjects import DRAWING, HIT, last

ALL = [style.name for style in STYLES]


def grid(tab: ObjectStyle, **options: Any) -> str:
    defaults = {
        "rows": "things",
        "styles": ALL,
        "shuffled": False,
        "locked": True,
        "guidance": GUIDANCE,
        "seed": 0,
        "parts": PARTS,
    }
    return cast("str", last(tab.grid("", DRAWING, "", "world", *(defaults | options).values())))


def test_the_card_comes_with_previews_and_says_what_is_generated(tab: ObjectStyle, monkeypatch: Any) -> None:
    monkeypatch.setattr(object_style_actions, "PACE", 0)
    cards = list(tab.card("", DRAWING, "", "", 0, PARTS))
    assert len(cards) == STEPS + 1
    assert all("data-busy" in card for card in cards[:-1])
    assert "data-busy" not in cards[-1]
    assert cards[0].count("generated, unfinished") == 4
    assert cards[-1].count('class="tag">generated<') == 4
    assert cards[-1].count('class="made"') == 4
    for part in (
        "Query, as it is read",
        "Put together",
        "Before and after",
        "What alone",
        "Where alone",
        "Style alone",
        "Difference",
    ):
        assert part in cards[-1]
    assert cards[-1].count("<li class=") == 8
    assert "<b>fish</b>&nbsp;62%, <b>tea &amp; milk</b>&nbsp;25%" in cards[-1]


def test_the_card_says_which_parts_are_used_and_who_taught_them(tab: ObjectStyle) -> None:
    card = last(tab.card("", DRAWING, "", "", 0, ["where", "style"]))
    assert "from where + style" in card
    assert '<li data-used="false"><b>What</b> <small>not used</small>' in card
    assert "trained with supervision" in card
    assert "colours withheld, since ink has none" in card
    assert "learned without labels" in card
    assert "How far to trust this" in card


def test_another_style_draws_the_object_in_it(tab: ObjectStyle) -> None:
    card = last(tab.card("", DRAWING, "", "mosaic", 0, PARTS))
    assert "As mosaic" in card
    assert "meant to show fish as mosaic" in card
    assert "fish, doodle" not in card


def test_equal_seeds_have_equal_cards(tab: ObjectStyle) -> None:
    assert last(tab.card("", DRAWING, "", "", 5, PARTS)) == last(tab.card("", DRAWING, "", "", 5, PARTS))
    assert last(tab.card("", DRAWING, "", "", 5, PARTS)) != last(tab.card("", DRAWING, "", "", 6, PARTS))


def test_the_grid_has_a_row_for_each_object_and_counts_its_hits(tab: ObjectStyle) -> None:
    html = grid(tab)
    assert html.count("<tr>") == 1 + 3  # three classes in all
    assert html.count('class="tag">generated<') == 18
    assert f"18 of 18 pictures, each in {STEPS} steps, from what + where + style" in html
    assert "A sketch that is read as a doodle is a hit" in html
    assert "from where + style" in grid(tab, parts=["where", "style"])
    assert "by chance 33%" in html
    assert "same noise in all" in html
    assert "Control" not in html
    assert "own noise in each" in grid(tab, locked=False)
    assert grid(tab, rows="hits").count("<tr>") == 1 + 4


def test_shuffled_codes_are_told_as_the_control_and_miss(tab: ObjectStyle) -> None:
    html = grid(tab, shuffled=True)
    assert "parts are shuffled, so classes must miss" in html
    assert "class hit <b>0%</b> of 18 swaps (by chance 33%)" in html
    assert "drawn from row 2" in html
    assert html.count('data-holds="false"') == 18
    assert "shuffling their parts tells nothing" in grid(tab, shuffled=True, rows="hits")


def test_what_misses_is_told_in_words_and_not_by_colour_alone() -> None:
    drawn = Drawn(
        painted("fish", "photo", 0), "fish", "photo", {"tree": 0.9}, {"photo": 0.2, "sketch": 0.7}, False, False
    )
    html = panels.single(drawn, "A fish", "")
    assert 'data-holds="false"' in html
    assert "read as tree, sketch" in html
    assert "meant to show fish as photo; read as tree as sketch" in html
    held = panels.single(replace(drawn, class_holds=None, style_holds=None), "A fish", "")
    assert "data-holds" not in held
    assert "read as tree, sketch" not in held


def test_a_slider_has_seven_stops_and_names_its_ends(tab: ObjectStyle) -> None:
    html = last(tab.slide_objects("", DRAWING, "", "world", "tree-photo-1", "", 0, PARTS))
    assert html.count("<li><figure") == 7
    assert 'aria-label="From the query to tree"' in html
    assert "between, 50%" in html
    assert "mixture" not in html
    assert 'aria-label="From photo to sketch"' in last(tab.slide_styles("", DRAWING, "", "photo", "sketch", 0, PARTS))


def test_weights_and_times_draw_one_picture(tab: ObjectStyle) -> None:
    assert "map 2, words 4.5" in last(tab.knobs("", DRAWING, "", "photo", 2, 4.5, 0, PARTS))
    assert "style told above noise step 300" in last(tab.switch("", DRAWING, "", "photo", 300, True, 0, PARTS))


def test_heat_maps_come_smooth_and_with_their_cells_and_with_what_is_caused(tab: ObjectStyle) -> None:
    html = last(tab.heat("", DRAWING, "", "", 0, PARTS))
    assert html.count('class="smooth"') == html.count('class="cells"') == 3
    assert "spread 0.40" in html
    assert "spread 0.90" in html
    assert "What the object changes" in html
    assert "What the map changes" in html
    assert "“fish” is looked up in fewer places than the control" in html
    assert "16 × 16" in html


def test_the_film_marks_where_strips_part(tab: ObjectStyle) -> None:
    html = last(tab.film("", DRAWING, "", "world", "", "mosaic", 0, PARTS))
    assert html.count("parts here") == 2
    assert "at step 9" in html
    assert "at step 3" in html
    assert html.count("generated, unfinished") == 15


def test_neighbours_are_real_pictures_that_can_be_opened(tab: ObjectStyle) -> None:
    html = last(tab.nearest("", DRAWING, HIT, "world"))
    assert html.count("<section>") == 3
    assert 'data-id="duck-cartoon-0"' not in html
    assert "same class" in html
    assert "generated" not in html
    assert HOSTILE not in last(tab.nearest("", DRAWING, "", "world"))


def test_search_by_code_shows_hits_as_any_search(tab: ObjectStyle) -> None:
    status, hits = last(tab.find("", DRAWING, "", "world", "both", None, None, "cartoon", 1.0))
    assert "This object as cartoon" in status
    assert "<small>cartoon</small>" in hits
    assert "<small>photo</small>" not in hits
    status, hits = last(tab.find("", DRAWING, "", "world", "style", None, None, "", 1.0))
    assert "No style is chosen yet" in status
    assert hits == gr.skip()


def test_a_search_by_code_that_ends_when_the_visit_is_about_another_shows_nothing(tab: ObjectStyle) -> None:
    found = tab.find("a:1:clear", DRAWING, "", "world", "object", None, None, "photo", 1.0)
    next(found)
    tab.turns.begin("a:2:clear")
    assert list(found) == [("", "")]
