"""What the tab of object and style tells, without a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio.utils import get_upload_folder

from retrieval.diffusion.guidance import GUIDANCE
from retrieval.disentangle import Drawn, Original
from retrieval.types import SKETCH, STYLES
from retrieval.ui import object_style_actions, object_style_subjects
from retrieval.ui import object_style_views as panels
from retrieval.ui.actions import Actions
from retrieval.ui.object_style_actions import ObjectStyle, shown
from retrieval.ui.object_style_api import ObjectStylePrograms, plain
from tests.ui.conftest import FISH
from tests.ui.fake_disentangler import STEPS, FakeDisentangler, painted
from tests.ui.fakes import COLORS, HOSTILE, FakeEngine, paint

DRAWING = json.dumps({"kind": "drawing", "value": FISH})
HIT = json.dumps({"kind": "item", "value": {"id": "duck-mosaic-0", "gallery": "world"}}).replace("mosaic", "cartoon")
ALL = [style.name for style in STYLES]


@pytest.fixture(autouse=True)
def fresh(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn yet; and whatever a test puts in place of what draws is gone after it."""
    monkeypatch.setattr(engine, "disentangler", FakeDisentangler())


@pytest.fixture
def tab(engine: FakeEngine) -> ObjectStyle:
    return ObjectStyle(Actions(cast("Any", engine)))


@pytest.fixture
def programs(engine: FakeEngine) -> ObjectStylePrograms:
    return ObjectStylePrograms(Actions(cast("Any", engine)))


def last(values: Iterator[Any]) -> Any:
    return list(values)[-1]


def grid(tab: ObjectStyle, **options: Any) -> str:
    told = {"rows": "things", "styles": ALL, "shuffled": False, "locked": True, "guidance": GUIDANCE, "seed": 0}
    return cast("str", last(tab.grid("", DRAWING, "", "world", *(told | options).values())))


# ---------------------------------------------------------------- whose object and style


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("", "Draw something or upload a picture under Search"),
        (json.dumps({"kind": "text", "value": "a duck"}), "Words have no picture"),
        (json.dumps({"kind": "item", "value": {"id": "../passwd", "gallery": None}}), "There is no picture"),
        (json.dumps({"kind": "picture", "value": {"path": "/etc/hostname"}}), "was not uploaded here"),
        ("{", "cannot be read"),
    ],
)
def test_without_a_picture_the_tab_says_what_to_do(tab: ObjectStyle, asked: str, told: str) -> None:
    assert told in last(tab.card("", asked, "", "", 0))


def test_a_hit_is_shown_in_place_of_the_query(tab: ObjectStyle) -> None:
    about, others, second = tab.begin(DRAWING, HIT, "world")
    assert "A hit" in about
    assert "duck-cartoon-0" in about
    assert second.startswith(("fish", "tree"))
    assert others.count('type="radio"') == 6
    assert others.count("checked") == 1
    assert "Your query" in tab.begin(DRAWING, "", "world")[0]


def test_the_button_of_a_hit_opens_the_tab(engine: FakeEngine) -> None:
    event = cast("gr.EventData", SimpleNamespace(_data={"id": "duck-cartoon-0"}))
    _, pages, subject = Actions(cast("Any", engine)).take_apart_hit("world", event)
    assert pages["selected"] if isinstance(pages, dict) else pages.selected == "object-style"
    assert json.loads(subject) == json.loads(HIT)
    event = cast("gr.EventData", SimpleNamespace(_data={"id": "duck-cartoon-0", "rank": 1, "score": 0.5}))
    assert "data-apart" in Actions(cast("Any", engine)).open_hit("", "world", event)[1]


def test_a_drawing_is_a_doodle_and_an_upload_is_read_by_the_judge(tab: ObjectStyle) -> None:
    assert tab.subjects.subject(DRAWING).style == "doodle"
    assert tab.subjects.subject(DRAWING).query.domain == SKETCH
    upload = Path(get_upload_folder()) / "tests" / "tree-of-codes.png"
    upload.parent.mkdir(parents=True, exist_ok=True)
    paint("tree", COLORS["tree"], "photo", 0).save(upload)
    told = tab.subjects.uploaded({"path": str(upload), "name": "tree.png"})
    upload.unlink()
    assert told is not None
    assert told.style is None
    assert tab.subjects.read_style(told) == "photo"


# ---------------------------------------------------------------- panels


def test_the_card_comes_with_previews_and_says_what_is_generated(tab: ObjectStyle, monkeypatch: Any) -> None:
    monkeypatch.setattr(object_style_actions, "PACE", 0)
    cards = list(tab.card("", DRAWING, "", "", 0))
    assert len(cards) == STEPS + 1
    assert all("data-busy" in card for card in cards[:-1])
    assert "data-busy" not in cards[-1]
    assert cards[0].count("generated, unfinished") == 3
    assert cards[-1].count('class="tag">generated<') == 3
    assert cards[-1].count('class="made"') == 3
    for part in ("Query, as it is read", "Reconstruction", "Object only", "Style only", "Difference"):
        assert part in cards[-1]
    assert cards[-1].count("<li class=") == 6
    assert "<b>fish</b>&nbsp;62%, <b>tea &amp; milk</b>&nbsp;25%" in cards[-1]


def test_another_style_draws_the_object_in_it(tab: ObjectStyle) -> None:
    card = last(tab.card("", DRAWING, "", "mosaic", 0))
    assert "As mosaic" in card
    assert "meant to show fish as mosaic" in card
    assert "fish, doodle" not in card


def test_equal_seeds_have_equal_cards(tab: ObjectStyle) -> None:
    assert last(tab.card("", DRAWING, "", "", 5)) == last(tab.card("", DRAWING, "", "", 5))
    assert last(tab.card("", DRAWING, "", "", 5)) != last(tab.card("", DRAWING, "", "", 6))


def test_the_grid_has_a_row_for_each_object_and_counts_its_hits(tab: ObjectStyle) -> None:
    told = grid(tab)
    assert told.count("<tr>") == 1 + 3  # three classes in all
    assert told.count('class="tag">generated<') == 18
    assert f"18 of 18 pictures, each in {STEPS} steps" in told
    assert "by chance 33%" in told
    assert "same noise in all" in told
    assert "Control" not in told
    assert "own noise in each" in grid(tab, locked=False)
    assert grid(tab, rows="hits").count("<tr>") == 1 + 4


def test_shuffled_codes_are_told_as_the_control_and_miss(tab: ObjectStyle) -> None:
    told = grid(tab, shuffled=True)
    assert "codes are shuffled, so classes must miss" in told
    assert "class hit <b>0%</b>" in told
    assert "code of row 2" in told
    assert told.count('data-holds="false"') == 18
    assert "shuffling their codes tells nothing" in grid(tab, shuffled=True, rows="hits")


def test_what_misses_is_told_in_words_and_not_by_colour_alone() -> None:
    drawn = Drawn(
        painted("fish", "photo", 0), "fish", "photo", {"tree": 0.9}, {"photo": 0.2, "sketch": 0.7}, False, False
    )
    told = panels.single(drawn, "A fish", "")
    assert 'data-holds="false"' in told
    assert "read as tree, sketch" in told
    assert "meant to show fish as photo; read as tree as sketch" in told
    held = panels.single(replace(drawn, class_holds=None, style_holds=None), "A fish", "")
    assert "data-holds" not in held
    assert "read as tree, sketch" not in held


def test_a_slider_has_seven_stops_and_names_its_ends(tab: ObjectStyle) -> None:
    told = last(tab.slide_objects("", DRAWING, "", "world", "tree-photo-1", "", 0))
    assert told.count("<li><figure") == 7
    assert 'aria-label="From the query to tree"' in told
    assert "between, 50%" in told
    assert "mixture" not in told
    assert 'aria-label="From photo to sketch"' in last(tab.slide_styles("", DRAWING, "", "photo", "sketch", 0))


def test_weights_and_times_draw_one_picture(tab: ObjectStyle) -> None:
    assert "object 2, style 4.5" in last(tab.knobs("", DRAWING, "", "photo", 2, 4.5, 0))
    assert "style told above noise step 300" in last(tab.switch("", DRAWING, "", "photo", 300, True, 0))


def test_heat_maps_come_smooth_and_with_their_cells_and_with_what_is_caused(tab: ObjectStyle) -> None:
    told = last(tab.heat("", DRAWING, "", "", 0))
    assert told.count('class="smooth"') == told.count('class="cells"') == 3
    assert "spread 0.40" in told
    assert "spread 0.90" in told
    assert "What the object changes" in told
    assert "16 × 16" in told


def test_the_film_marks_where_strips_part(tab: ObjectStyle) -> None:
    told = last(tab.film("", DRAWING, "", "world", "", "mosaic", 0))
    assert told.count("parts here") == 2
    assert "at step 9" in told
    assert "at step 3" in told
    assert told.count("generated, unfinished") == 15


def test_neighbours_are_real_pictures_that_can_be_opened(tab: ObjectStyle) -> None:
    told = last(tab.nearest("", DRAWING, HIT, "world"))
    assert told.count("<section>") == 3
    assert 'data-id="duck-cartoon-0"' not in told
    assert "same class" in told
    assert "generated" not in told
    assert HOSTILE not in last(tab.nearest("", DRAWING, "", "world"))


def test_search_by_code_shows_hits_as_any_search(tab: ObjectStyle) -> None:
    status, hits = last(tab.find(DRAWING, "", "world", "both", None, None, "cartoon", 1.0))
    assert "This object as cartoon" in status
    assert "<small>cartoon</small>" in hits
    assert "<small>photo</small>" not in hits
    status, hits = last(tab.find(DRAWING, "", "world", "style", None, None, "", 1.0))
    assert "No style is chosen yet" in status
    assert hits == gr.skip()


# ---------------------------------------------------------------- what ends


def test_a_turn_that_is_over_ends_what_runs_and_what_still_waits(
    tab: ObjectStyle, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_style_actions, "PACE", 0)
    running = tab.grid("me:1:keep", DRAWING, "", "world", "things", ALL, False, True, GUIDANCE, 0)
    assert "data-busy" in next(running)
    tab.turns.begin("me:2:keep")
    kept = last(running)
    assert "data-busy" not in kept
    assert engine.disentangler.steps == 2
    tab.turns.begin("me:3:clear")
    assert last(tab.card("me:2:keep", DRAWING, "", "", 0)) == ""
    assert "Reconstruction" in last(tab.card("me:3:clear", DRAWING, "", "", 0))
    assert "Reconstruction" in last(tab.card("you:0:keep", DRAWING, "", "", 0))


@pytest.mark.parametrize("turn", ["", "me", "me:", "me:x:clear", "me:-1:clear", ":::"])
def test_a_forged_turn_is_nobodys(tab: ObjectStyle, turn: str) -> None:
    tab.turns.begin(turn)
    assert tab.turns.ended("me:0:keep") is None
    assert "Reconstruction" in last(tab.card(turn, DRAWING, "", "", 0))


def test_only_so_many_visits_are_remembered(tab: ObjectStyle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_style_actions, "MOST_VISITS", 2)
    for visit in ("a", "b", "c"):
        tab.turns.begin(f"{visit}:1:keep")
    assert [tab.turns.ended(f"{visit}:0:keep") for visit in ("a", "b", "c")] == [None, "keep", "keep"]


# ---------------------------------------------------------------- what goes wrong


def test_a_bad_seed_or_style_is_told_in_its_panel(tab: ObjectStyle) -> None:
    assert "no whole number" in last(tab.card("", DRAWING, "", "", None))
    assert "no word for" in last(tab.card("", DRAWING, "", "graffiti", 0))
    assert 'role="alert"' in last(tab.card("", DRAWING, "", "graffiti", 0))


def test_a_panel_ends_at_its_deadline_and_keeps_what_is_finished(tab: ObjectStyle, monkeypatch: Any) -> None:
    monkeypatch.setattr(object_style_actions, "DEADLINE", -1)
    told = list(tab.card("", DRAWING, "", "", 0))
    assert len(told) == 1
    assert "was stopped" in told[0]
    assert "Reconstruction" in told[0]
    assert "data-busy" not in told[0]


def test_whoever_stops_to_ask_ends_the_drawing(tab: ObjectStyle, engine: FakeEngine) -> None:
    drawing = tab.grid("", DRAWING, "", "world", "things", ALL, False, True, GUIDANCE, 0)
    next(drawing)
    cast("Any", drawing).close()
    assert engine.disentangler.steps == 1


def test_while_it_loads_the_panel_says_so(tab: ObjectStyle, engine: FakeEngine, monkeypatch: Any) -> None:
    monkeypatch.setattr(object_style_subjects, "POLL", 0)
    engine.disentangler = FakeDisentangler(loading=True)
    cards = tab.card("", DRAWING, "", "", 0)
    assert "Loading what draws" in next(cards)
    engine.disentangler.finish()
    assert "Reconstruction" in last(cards)


def test_a_failed_load_is_told(tab: ObjectStyle, engine: FakeEngine) -> None:
    engine.disentangler.trouble = "The prior is broken. Fetch it again."
    assert "The prior is broken" in last(tab.card("", DRAWING, "", "", 0))


def test_without_a_prior_there_is_one_sentence_and_no_button(tab: ObjectStyle, engine: FakeEngine) -> None:
    engine.disentangler = FakeDisentangler(offered=False)
    assert "came without the network that draws" in last(tab.card("", DRAWING, "", "", 0))
    event = cast("gr.EventData", SimpleNamespace(_data={"id": "duck-photo-0", "rank": 1, "score": 0.5}))
    assert "data-apart" not in Actions(cast("Any", engine)).open_hit("", "world", event)[1]


def test_previews_are_rationed_and_the_last_value_always_comes() -> None:
    def slowly() -> Iterator[int]:
        for value in range(200):
            time.sleep(0.001)
            yield value

    told = list(shown(slowly(), lambda value, busy: f"{value} {busy}"))
    assert told[0] == "0 True"
    assert told[-1] == "199 False"
    assert len(told) < 20


# ---------------------------------------------------------------- programs


def test_programs_get_every_panel_as_json(programs: ObjectStylePrograms) -> None:
    query = json.loads(DRAWING)
    told: dict[str, Any] = {
        "card": programs.object_style_card(query, "mosaic", 3),
        "grid": programs.object_style_grid(query, "world", "things", None, True),
        "objects": programs.object_style_objects(query, "tree-photo-0"),
        "styles": programs.object_style_styles(query, "photo", "sketch"),
        "knobs": programs.object_style_knobs(query, "photo", 1, 5),
        "switch": programs.object_style_switch(query, "photo", 200),
        "heat": programs.object_style_heat(HIT),
        "film": programs.object_style_film(query, "mosaic"),
        "nearest": programs.object_style_nearest(query),
    }
    assert json.loads(json.dumps(told)) == told
    assert told["card"]["reconstruction"]["picture"].startswith("data:image/png;base64,")
    assert told["card"]["reconstruction"]["intended_style"] == "mosaic"
    assert told["grid"]["class_hit"] == 0
    assert len(told["objects"]["frames"]) == 7
    assert told["film"]["object_parts"] == 1
    assert [row["code"] for row in told["nearest"]] == ["object", "style", "raw"]
    assert set(told["nearest"][0]["hits"][0]) == {"item", "score", "rank"}
    assert "path" not in told["nearest"][0]["hits"][0]["item"]


def test_programs_search_by_code_as_by_anything(programs: ObjectStylePrograms) -> None:
    hits = programs.object_style_search(DRAWING, "both", "cartoon", 1.0, 3)
    assert {hit["domain"] for hit in hits} == {"cartoon"}
    assert set(hits[0]) == {"id", "label", "domain", "score", "rank"}
    assert {hit["domain"] for hit in programs.object_style_search(HIT, "style", "", 1.0, 3)} == {"cartoon"}
    with pytest.raises(gr.Error, match="no pictures in the style"):
        programs.object_style_search(DRAWING, "both")


def test_programs_get_the_sentence_as_an_error(programs: ObjectStylePrograms, engine: FakeEngine) -> None:
    with pytest.raises(gr.Error, match="Words have no picture"):
        programs.object_style_card({"kind": "text", "value": "a duck"})
    engine.disentangler = FakeDisentangler(offered=False)
    with pytest.raises(gr.Error, match="came without the network"):
        programs.object_style_card(DRAWING)


def test_all_endpoints_are_named_alike(programs: ObjectStylePrograms) -> None:
    names = {endpoint.__name__ for endpoint in programs.endpoints}
    parts = {"card", "grid", "objects", "styles", "knobs", "switch", "heat", "film", "nearest", "search"}
    assert names == {f"object_style_{part}" for part in parts}


def test_values_become_plain() -> None:
    told = plain({"a": (1, None), "b": Original(painted("duck", "photo", 0), "photo")})
    assert told["a"] == [1, None]
    assert told["b"]["style"] == "photo"
    assert json.dumps(told)
