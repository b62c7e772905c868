"""Whose object and style the tab shows, what ends its work, and what it says where something goes wrong."""

from __future__ import annotations

import json
import re
import struct
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio.utils import get_upload_folder

from retrieval.diffusion.guidance import GUIDANCE
from retrieval.errors import QueryError
from retrieval.types import SKETCH, STYLES
from retrieval.ui import object_style_actions, object_style_subjects
from retrieval.ui.actions import Actions
from retrieval.ui.object_style_actions import ObjectStyle, shown
from retrieval.ui.object_style_card import PARTS
from retrieval.ui.queries import GENERATED, read_query
from tests.ui.fake_disentangler import FakeDisentangler
from tests.ui.fakes import COLORS, FakeEngine, paint
from tests.ui.subjects import DRAWING, HIT, last

ALL = [style.name for style in STYLES]


def headed(side: int) -> str:
    """The head alone of a generated picture of side x side pixels."""
    chunk = b"VP8L" + struct.pack("<IBI", 6, 0x2F, (side - 1) | (side - 1) << 14) + b"\0"
    return GENERATED + b64encode(b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk).decode()


# ---------------------------------------------------------------- whose object and style


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("", "Draw something or upload a picture under Search"),
        (json.dumps({"kind": "text", "value": "a duck"}), "Words have no picture"),
        (json.dumps({"kind": "people", "value": {"text": "a red jacket", "changed": ""}}), "Words have no picture"),
        (json.dumps({"kind": "item", "value": {"id": "../passwd", "gallery": None}}), "There is no picture"),
        (json.dumps({"kind": "picture", "value": {"path": "/etc/hostname"}}), "was not uploaded here"),
        ("{", "cannot be read"),
    ],
)
def test_without_a_picture_the_tab_says_what_to_do(tab: ObjectStyle, asked: str, sentence: str) -> None:
    assert sentence in last(tab.card("", asked, "", "", 0, PARTS))


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
    uploaded = tab.subjects.uploaded({"path": str(upload), "name": "tree.png"})
    upload.unlink()
    assert uploaded is not None
    assert uploaded.style is None
    assert tab.subjects.read_style(uploaded) == "photo"


def test_the_tab_opens_with_an_example_and_says_so(engine: FakeEngine, idle: None) -> None:
    tab = ObjectStyle(Actions(cast("Any", engine)), DRAWING)
    assert "An example" in tab.begin("", "", "world")[0]
    assert "Put together" in last(tab.card("", "", "", "", 0, PARTS))
    assert "Your query" in tab.begin(DRAWING, "", "world")[0]


def test_a_generated_picture_is_searched_with_under_its_own_name(tab: ObjectStyle, engine: FakeEngine) -> None:
    card = last(tab.card("", DRAWING, "", "mosaic", 0, PARTS))
    data = re.findall(r'src="(data:image/webp;base64,[^"]+)"', card)[-1]
    assert 'data-ask data-thing="fish" data-style="mosaic"' in card
    made = cast("gr.EventData", SimpleNamespace(_data={"data": data, "thing": "fish", "style": "mosaic"}))
    _, _, asked = Actions(cast("Any", engine)).ask_generated(made)
    query, name = read_query(cast("Any", engine), asked)
    assert name == "Generated picture: fish as mosaic"
    assert query.domain.name == "mosaic"
    assert tab.subjects.subject(asked).style == "mosaic"


@pytest.mark.parametrize(
    "value",
    [
        {"data": "data:image/webp;base64,AAAA", "thing": "", "style": ""},
        {"data": "https://example.org/a.webp", "thing": "", "style": ""},
        {"data": 3},
        *({"data": headed(side), "thing": "", "style": ""} for side in (513, 10_000, 16_383)),
        "x",
    ],
)
def test_a_forged_generated_picture_is_refused(engine: FakeEngine, value: Any) -> None:
    with pytest.raises(QueryError, match="cannot be read"):
        read_query(cast("Any", engine), json.dumps({"kind": "generated", "value": value}))


# ---------------------------------------------------------------- what ends


def test_a_turn_that_is_over_ends_what_runs_and_what_still_waits(
    tab: ObjectStyle, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_style_actions, "PACE", 0)
    running = tab.grid("me:1:keep", DRAWING, "", "world", "things", ALL, False, True, GUIDANCE, 0, PARTS)
    assert "data-busy" in next(running)
    tab.turns.begin("me:2:keep")
    kept = last(running)
    assert "data-busy" not in kept
    assert engine.disentangler.steps == 2
    tab.turns.begin("me:3:clear")
    assert ">waiting<" not in kept
    assert ">not drawn<" in kept
    assert last(tab.card("me:2:keep", DRAWING, "", "", 0, PARTS)) == ""
    assert "Put together" in last(tab.card("me:3:clear", DRAWING, "", "", 0, PARTS))
    assert "Put together" in last(tab.card("you:0:keep", DRAWING, "", "", 0, PARTS))


@pytest.mark.parametrize("turn", ["", "me", "me:", "me:x:clear", "me:-1:clear", ":::", f"me:{'9' * 5000}:clear"])
def test_a_forged_turn_is_nobodys(tab: ObjectStyle, turn: str) -> None:
    tab.turns.begin(turn)
    assert tab.turns.ended("me:0:keep") is None
    assert "Put together" in last(tab.card(turn, DRAWING, "", "", 0, PARTS))


def test_only_so_many_visits_are_remembered(tab: ObjectStyle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_style_actions, "MOST_VISITS", 2)
    for visit in ("a", "b", "c"):
        tab.turns.begin(f"{visit}:1:keep")
    assert [tab.turns.ended(f"{visit}:0:keep") for visit in ("a", "b", "c")] == [None, "keep", "keep"]


# ---------------------------------------------------------------- what goes wrong


def test_a_bad_seed_or_style_is_told_in_its_panel(tab: ObjectStyle) -> None:
    assert "no whole number" in last(tab.card("", DRAWING, "", "", None, PARTS))
    assert "no word for" in last(tab.card("", DRAWING, "", "graffiti", 0, PARTS))
    assert 'role="alert"' in last(tab.card("", DRAWING, "", "graffiti", 0, PARTS))


def test_a_panel_ends_at_its_deadline_and_keeps_what_is_finished(tab: ObjectStyle, monkeypatch: Any) -> None:
    monkeypatch.setattr(object_style_actions, "DEADLINE", -1)
    values = list(tab.card("", DRAWING, "", "", 0, PARTS))
    assert len(values) == 1
    assert "was stopped" in values[0]
    assert "Put together" in values[0]
    assert "data-busy" not in values[0]


def test_whoever_stops_to_ask_ends_the_drawing(tab: ObjectStyle, engine: FakeEngine) -> None:
    drawing = tab.grid("", DRAWING, "", "world", "things", ALL, False, True, GUIDANCE, 0, PARTS)
    next(drawing)
    cast("Any", drawing).close()
    assert engine.disentangler.steps == 1


def test_while_it_loads_the_panel_says_so(tab: ObjectStyle, engine: FakeEngine, monkeypatch: Any) -> None:
    monkeypatch.setattr(object_style_subjects, "POLL", 0)
    engine.disentangler = FakeDisentangler(loading=True)
    cards = tab.card("", DRAWING, "", "", 0, PARTS)
    assert "Loading what draws" in next(cards)
    engine.disentangler.finish()
    assert "Put together" in last(cards)


def test_a_failed_load_is_told(tab: ObjectStyle, engine: FakeEngine) -> None:
    engine.disentangler.trouble = "The prior is broken. Fetch it again."
    assert "The prior is broken" in last(tab.card("", DRAWING, "", "", 0, PARTS))


def test_without_a_prior_there_is_one_sentence_and_no_button(tab: ObjectStyle, engine: FakeEngine) -> None:
    engine.disentangler = FakeDisentangler(offered=False)
    assert "came without the network that draws" in last(tab.card("", DRAWING, "", "", 0, PARTS))
    event = cast("gr.EventData", SimpleNamespace(_data={"id": "duck-photo-0", "rank": 1, "score": 0.5}))
    assert "data-apart" not in Actions(cast("Any", engine)).open_hit("", "world", event)[1]


def test_previews_are_rationed_and_the_last_value_always_comes() -> None:
    def slowly() -> Iterator[int]:
        for value in range(200):
            time.sleep(0.001)
            yield value

    values = list(shown(slowly(), lambda value, busy: f"{value} {busy}"))
    assert values[0] == "0 True"
    assert values[-1] == "199 False"
    assert len(values) < 20
