"""Programs get every panel of object and style as JSON, search by code, and meet its errors."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr
import pytest

from retrieval.disentangle import Original
from retrieval.ui.object_style_api import ObjectStylePrograms, plain
from tests.ui.fake_disentangler import FakeDisentangler, painted
from tests.ui.fakes import FakeEngine
from tests.ui.subjects import DRAWING, HIT


def test_programs_get_every_panel_as_json(programs: ObjectStylePrograms) -> None:
    query = json.loads(DRAWING)
    answers: dict[str, Any] = {
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
    assert json.loads(json.dumps(answers)) == answers
    assert answers["card"]["drawn"]["picture"].startswith("data:image/png;base64,")
    assert answers["card"]["drawn"]["intended_style"] == "mosaic"
    assert answers["grid"]["class_hit"] == 0
    assert len(answers["objects"]["frames"]) == 7
    assert answers["film"]["object_parts"] == 1
    assert [row["code"] for row in answers["nearest"]] == ["object", "style", "raw"]
    assert set(answers["nearest"][0]["hits"][0]) == {"item", "score", "rank"}
    assert "path" not in answers["nearest"][0]["hits"][0]["item"]


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
    payload = plain({"a": (1, None), "b": Original(painted("duck", "photo", 0), "photo")})
    assert payload["a"] == [1, None]
    assert payload["b"]["style"] == "photo"
    assert json.dumps(payload)
