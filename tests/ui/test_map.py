"""What the tab of the map tells, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from retrieval.evaluation.embedding_map_file import MAP
from retrieval.ui import map_views
from retrieval.ui.actions import Actions
from retrieval.ui.map_tab import Charts
from tests.ui.fakes import FakeEngine
from tests.ui.toy_map import write_map


@pytest.fixture
def own(tmp_path: Path) -> FakeEngine:
    return FakeEngine(tmp_path / "pictures")


def charts(engine: FakeEngine) -> Charts:
    return Charts(Actions(cast("Any", engine)))


def test_a_copy_without_a_map_says_how_to_make_one(own: FakeEngine) -> None:
    said, chart, seen = charts(own).shown("")
    assert "python -m retrieval train dude-world" in said["value"]
    assert "python -m retrieval map" in said["value"]
    assert said["visible"]
    assert (chart, seen) == ("", "")


def test_the_map_is_sent_once_and_again_when_it_has_changed(own: FakeEngine) -> None:
    write_map(own)
    tab = charts(own)
    said, chart, seen = tab.shown("")
    assert not said["visible"]
    told = json.loads(chart)
    assert [picture["id"] for picture in told["pictures"]] == [item.id for item in own.pictures]
    assert tab.shown(seen)[1] == {"__type__": "update"}
    assert tab.shown("")[1] == chart
    (own.settings.codes / MAP).write_text((own.settings.codes / MAP).read_text(encoding="utf-8") + "\n")
    assert tab.shown(seen)[1] == chart


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda engine: write_map(engine, weights="other"), "holds other weights by now"),
        (lambda engine: (engine.settings.codes / MAP).write_text("{"), "is damaged"),
        (lambda engine: (engine.settings.gallery / "items.jsonl").write_text(""), "is of other pictures"),
    ],
)
def test_a_map_of_others_or_a_damaged_one_is_a_sentence(own: FakeEngine, change: Any, sentence: str) -> None:
    write_map(own)
    change(own)
    said, chart, seen = charts(own).shown("")
    assert sentence in said["value"]
    assert "python -m retrieval map" in said["value"]
    assert "Something went wrong" not in said["value"]
    assert (chart, seen) == ("", "")


def test_tiles_and_caption_tell_the_numbers_of_the_epoch(own: FakeEngine) -> None:
    atlas = write_map(own)
    start, end = (map_views.tiles(atlas, "object", place) for place in (0, 2))
    assert "<b>30%</b>" in start
    assert "<b>90%</b>" in end
    assert "chance 33.3%" in end
    assert "halves of one style: \N{MINUS SIGN}0.001" in end
    assert "<b>none</b>" in end
    assert "before training" in map_views.caption(atlas, "object", 0)
    assert "after epoch 9 of 9" in map_views.caption(atlas, "object", 2)
    assert "These two axes hold 20%" in map_views.caption(atlas, "object", 2)
    assert "Dotted" in map_views.caption(atlas, "object", 1)
    assert "Dotted" not in map_views.caption(atlas, "object", 2)


def test_a_bundles_name_is_text_and_never_markup(own: FakeEngine) -> None:
    from dataclasses import replace

    atlas = replace(write_map(own), bundle="<img src=x>")
    assert "<img" not in map_views.small_print(atlas)
