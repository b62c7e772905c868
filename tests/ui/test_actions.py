"""What the handlers answer, without a browser."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import gradio as gr
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from retrieval.errors import BundleError, GalleryError
from retrieval.items import SKIPPED, write_skipped
from retrieval.settings import HOME
from retrieval.types import ImageQuery, Skipped
from retrieval.ui.actions import Actions
from retrieval.ui.errors import sentence
from retrieval.ui.object_style_api import ObjectStylePrograms
from retrieval.ui.programs import Programs
from retrieval.ui.queries import UNREADABLE
from tests.ui.conftest import FISH
from tests.ui.fakes import COLORS, FakeEngine, paint

DEFAULTS: dict[str, Any] = {
    "k": 24,
    "domains": [],
    "labels": [],
    "automatic": True,
    "cutoff": 0.5,
    "gallery": "world",
    "method": "fake",
}


@pytest.fixture(scope="module")
def actions(engine: FakeEngine) -> Actions:
    return Actions(cast("Any", engine))


@pytest.fixture(scope="module")
def programs(engine: FakeEngine) -> Programs:
    return Programs(cast("Any", engine))


def asked(kind: str, value: Any) -> str:
    return json.dumps({"kind": kind, "value": value, "at": 1})


def search(actions: Actions, query: str, **filters: Any) -> tuple[str, Any]:
    """The status line and the cards for the page's query."""
    return cast("tuple[str, Any]", actions.search(query, *(DEFAULTS | filters).values()))


def clicked(**data: Any) -> gr.EventData:
    return cast("gr.EventData", SimpleNamespace(_data=data))


def is_skipped(update: Any) -> bool:
    return bool(update == gr.skip())


# ---------------------------------------------------------------- queries


def test_each_way_in_finds_its_class(actions: Actions) -> None:
    upload = Path(get_upload_folder()) / "tests" / "tree.png"
    upload.parent.mkdir(parents=True, exist_ok=True)
    paint("tree", COLORS["tree"], "photo", 0).save(upload)
    for query, label in (
        (asked("drawing", json.dumps(FISH)), "fish"),
        (asked("text", "a duck"), "duck"),
        (asked("picture", {"path": str(upload), "name": "tree.png"}), "tree"),
        (asked("item", {"id": "fish-photo-2", "gallery": "world"}), "fish"),
    ):
        status, cards = search(actions, query)
        assert "16 of 48 pictures" in status
        assert cards.index(f"<b>{label}</b>") == cards.index("<b>")
    upload.unlink()


def test_a_small_object_on_a_page_is_searched_with_cropped(actions: Actions) -> None:
    upload = Path(get_upload_folder()) / "tests" / "small.png"
    upload.parent.mkdir(parents=True, exist_ok=True)
    page = Image.new("RGB", (600, 600), "white")
    page.paste(paint("duck", COLORS["duck"], "photo", 0).crop((60, 60, 130, 130)), (20, 500))
    page.save(upload)
    status, _ = search(actions, asked("picture", {"path": str(upload), "name": "small.png"}))
    assert "Cropped to its object" in status
    upload.unlink()
    status, _ = search(actions, asked("item", {"id": "duck-photo-2", "gallery": "world"}))
    assert "crop" not in status, "a picture of the gallery is searched with as it is"


def test_the_banner_names_the_files_that_a_gallery_was_made_without(actions: Actions, engine: FakeEngine) -> None:
    home = engine._homes["world"]
    write_skipped(home, [Skipped(home / "letter.psd", "letter.psd has the suffix .psd.")])
    banner, *_ = actions.choose_gallery("world")
    (home / SKIPPED).unlink()
    assert "letter.psd: letter.psd has the suffix .psd." in banner
    assert actions.choose_gallery("world")[0] == ""


def test_a_drawing_is_a_sketch_and_an_upload_is_a_photo(actions: Actions, engine: FakeEngine) -> None:
    search(actions, asked("drawing", json.dumps(FISH)))
    drawing = engine.asked[-1]
    assert isinstance(drawing, ImageQuery)
    assert drawing.domain.name == "sketch"
    search(actions, asked("item", {"id": "fish-cartoon-2", "gallery": None}))
    picture = engine.asked[-1]
    assert isinstance(picture, ImageQuery)
    assert picture.domain.name == "cartoon"


def test_nothing_asked_is_the_welcome(actions: Actions) -> None:
    status, cards = search(actions, "")
    assert "ms" not in status
    assert "try a duck" in cards


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (asked("drawing", ""), "Nothing is drawn yet"),
        (asked("drawing", '{"width": 512, "height": 512, "strokes": [{"points": [[NaN, 1]]}]}'), "not a number"),
        (asked("drawing", {"width": 512, "height": 512, "strokes": [{"points": [[1, 1]] * 20_001}]}), "20001 points"),
        (asked("drawing", {"width": 512, "height": 512, "strokes": [{"points": [[1, 1]]}] * 501}), "501 strokes"),
        (asked("text", "  "), "Nothing is typed yet"),
        (asked("text", "half a \ud83e duck"), UNREADABLE),
        (asked("people", {"text": "half a \ud83e duck", "changed": ""}), UNREADABLE),
        (asked("picture", None), "No picture is chosen yet"),
        (asked("picture", {"path": "/etc/hostname"}), "was not uploaded here"),
        (asked("picture", {"path": str(Path(get_upload_folder()) / ".." / "x.png")}), "was not uploaded here"),
        (asked("picture", {"path": str(Path(get_upload_folder()) / "gone.png")}), "cannot be read"),
        (asked("picture", {"path": str(Path(get_upload_folder()) / "a\0b.png")}), UNREADABLE),
        (asked("picture", {"path": str(Path(get_upload_folder()) / "a\ud800b.png")}), UNREADABLE),
        (asked("item", {"id": "../../etc/passwd", "gallery": "world"}), "There is no picture"),
        (asked("item", {"id": "duck-photo-0", "gallery": "elsewhere"}), "There is no gallery"),
        (asked("item", ["duck-photo-0"]), "cannot be read"),
        (asked("spell", "abracadabra"), "cannot be read"),
        ("{", "cannot be read"),
        ("[" * 5000, "cannot be read"),
        ("7", "cannot be read"),
    ],
)
def test_what_cannot_be_searched_gets_one_sentence_and_the_hits_stay(
    actions: Actions, query: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, cards = search(actions, query)
    assert caplog.text == ""
    assert told in status
    assert 'role="alert"' in status
    assert is_skipped(cards)


def test_a_bug_is_told_with_a_number_and_logged_under_it(actions: Actions, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        status, _ = search(actions, asked("text", "crash"))
    number = caplog.records[-1].getMessage().split()[-1]
    assert number in status
    assert "bug" not in status
    assert "ZeroDivisionError" in caplog.text


def test_our_own_errors_are_told_as_they_are() -> None:
    assert sentence(BundleError("The bundle is broken. Fetch it again.")) == "The bundle is broken. Fetch it again."


# ---------------------------------------------------------------- filters and hits


def test_filters_reach_the_engine(actions: Actions) -> None:
    status, cards = search(actions, asked("text", "duck"), domains=["cartoon"], labels=["duck"], k=3)
    assert "3 of 48 pictures" in status
    assert cards.count('class="hit"') == 3
    assert "<small>photo</small>" not in cards


def test_the_cutoff_splits_the_hits(actions: Actions) -> None:
    _, cards = search(actions, asked("text", "duck"))
    sure, unsure = cards.split("<details")
    assert sure.count('class="hit"') == 16
    assert unsure.count('class="hit"') == 8
    _, cards = search(actions, asked("text", "duck"), automatic=False, cutoff=0.95)
    assert "No confident match" in cards


def test_a_card_opens_by_its_id_alone(actions: Actions) -> None:
    status, sheet = actions.open_hit("", "world", clicked(id="duck-photo-0", rank="1", score="0.9", path="/etc/passwd"))
    assert is_skipped(status)
    assert "a duck as a photo, number 0" in sheet
    assert "passwd" not in sheet


FORGED = [
    {"rank": "first"},
    {"rank": "inf"},
    {"rank": [1]},
    {"rank": -1},
    {"rank": "9" * 5000},
    {"score": None},
    {"score": "nan"},
    {"score": 1e300},
    {"domain": ["photo"]},
    {"id": 7},
]


@pytest.mark.parametrize("data", [{}, *({"id": "duck-photo-0"} | forged for forged in FORGED)])
def test_a_forged_click_cannot_be_read_and_leaves_no_trace(
    actions: Actions, data: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    for status, *others in (
        actions.open_hit("", "world", clicked(**data)),
        actions.why_hit("", "world", "fake", clicked(**data)),
        actions.ask_hit("world", clicked(**data)),
        actions.take_apart_hit("world", clicked(**data)),
    ):
        assert UNREADABLE in status
        assert all(map(is_skipped, others))
    assert caplog.text == ""


def test_a_picture_that_nobody_knows_is_told_and_opens_nothing(actions: Actions) -> None:
    status, sheet = actions.open_hit("", "world", clicked(id="nobody"))
    assert "There is no picture" in status
    assert is_skipped(sheet)


def test_a_forged_change_of_a_sentence_cannot_be_read_and_changes_nothing(actions: Actions) -> None:
    status, *others = actions.people.changed(clicked(text="a person", changed=7))
    assert UNREADABLE in status
    assert all(map(is_skipped, others))
    said, text, changed, query = actions.people.changed(clicked(text="a red hat", changed="a blue hat"))
    assert (said, text, changed, json.loads(query)["kind"]) == ("", "a red hat", "a blue hat", "people")


def test_search_with_this_writes_the_query_and_perhaps_the_style(actions: Actions) -> None:
    _, domains, query = actions.ask_hit("world", clicked(id="fish-cartoon-1"))
    told = json.loads(query)
    assert (told["kind"], told["value"]) == ("item", {"id": "fish-cartoon-1", "gallery": "world"})
    assert is_skipped(domains)
    _, domains, again = actions.ask_hit("world", clicked(id="fish-cartoon-1", domain="cartoon"))
    assert domains == ["cartoon"]
    assert again != query, "a query that is the same is not searched for again"


# ---------------------------------------------------------------- start


def test_before_the_model_is_there_nothing_is_asked_of_the_gallery(tmp_path: Path) -> None:
    engine = FakeEngine(tmp_path / "pictures", loading=True)
    banner, timer, *rest = Actions(cast("Any", engine)).look("world")
    assert "Loading the model" in banner
    assert timer["active"] if isinstance(timer, dict) else timer.active
    assert all(map(is_skipped, rest))
    assert engine.asked == []


def test_once_it_is_there_the_gallery_is_offered(actions: Actions) -> None:
    banner, _, loaded, styles, labels, pictures, about, phrases = actions.look("world")
    assert banner == ""
    assert loaded, "a search follows its change, and shows hits or the welcome"
    assert search(actions, "")[1].count("<li>") == 4
    assert [value for value, _ in styles.choices] == ["photo", "painting", "cartoon", "sketch"]
    assert [value for value, _ in labels.choices] == ["duck", "fish", "tree"]
    assert pictures["markup"].count("data-choice") == 3
    assert "rendered world" in about
    assert "a red apple" in phrases["markup"]


def test_what_was_chosen_while_it_was_loaded_stays_and_another_gallery_begins_with_nothing(actions: Actions) -> None:
    for part in actions.look("world")[3:5]:
        assert "value" not in part.constructor_args
    for part in actions.choose_gallery("world")[1:3]:
        assert part.constructor_args["value"] == []


def test_words_to_try_are_names_that_the_gallery_knows(tmp_path: Path) -> None:
    *_, phrases = Actions(cast("Any", FakeEngine(tmp_path / "pictures", "world", "holiday"))).offer("holiday")
    assert re.findall(r"<span>(.*?)</span>", phrases["markup"]) == ["duck", "fish", "tree"]


def test_while_a_gallery_is_indexed_the_page_says_so_and_searches_once_it_is_there(
    actions: Actions, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = SimpleNamespace(progress="Indexing the gallery world with the model: 3 of 48 pictures", trouble=None)
    monkeypatch.setattr(engine.served(), "opening", lambda gallery: busy)
    assert "3 of 48 pictures" in actions.choose_gallery("world")[0]
    banner, timer, waiting = actions.load("fake", "world")
    assert "3 of 48 pictures" in banner
    assert timer.active
    before = len(engine.asked)
    assert "is being indexed" in search(actions, asked("text", "duck"))[1]
    assert len(engine.asked) == before
    monkeypatch.undo()
    banner, timer, loaded = actions.load("fake", "world")
    assert banner == ""
    assert not timer.active
    assert loaded != waiting
    assert actions.samples("world")["markup"].count("data-choice") == 3


def test_a_broken_gallery_says_so_in_the_banner_and_polling_ends(
    actions: Actions, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str | None = None) -> None:
        raise GalleryError("items.jsonl, line 1, is damaged. Rebuild it.")

    monkeypatch.setattr(engine.served(), "gallery", broken)
    banner, timer, *_ = actions.look("world")
    assert "line 1, is damaged" in banner
    assert not timer.active
    assert "line 1, is damaged" in actions.choose_gallery("world")[0]
    monkeypatch.undo()
    assert actions.choose_gallery("world")[0] == ""


# ---------------------------------------------------------------- programs


def test_programs_get_hits_as_json(programs: Programs) -> None:
    hits = programs.search_text("a fish", 2)
    assert hits == [
        {"id": "fish-photo-0", "label": "fish", "domain": "photo", "score": 0.884, "rank": 1},
        {"id": "fish-photo-1", "label": "fish", "domain": "photo", "score": 0.883, "rank": 2},
    ]
    assert json.loads(json.dumps(hits)) == hits


def test_without_a_cutoff_programs_get_all_k_and_with_one_those_above(programs: Programs) -> None:
    assert len(programs.search_text("a spaceship", 7)) == 7
    assert programs.search_text("a spaceship", 7, None, 0.5) == []
    assert len(programs.search_drawing(FISH, 24, None, 0.5)) == 16
    assert {hit["domain"] for hit in programs.search_item("duck-photo-0", 4, ["sketch"])} == {"sketch"}


def test_programs_get_the_reasons_for_a_hit_as_json(programs: Programs) -> None:
    told = programs.why_drawing(FISH, "fish-photo-0")
    assert json.loads(json.dumps(told)) == told
    assert set(told) == {"similarity", "query", "hit", "panels"}
    assert told["query"] == told["hit"] == {"falls": [[0.3, 0.1, -0.1, 0.0]] * 4}
    assert programs.why_item("duck-photo-0", "fish-photo-0")["similarity"] == 0.9
    with pytest.raises(gr.Error, match="There is no picture"):
        programs.why_drawing(FISH, "../../etc/passwd")
    with pytest.raises(gr.Error, match="was not uploaded here"):
        programs.why_image({"path": "/etc/hostname"}, "fish-photo-0")


def test_programs_get_the_sentence_as_an_error(programs: Programs) -> None:
    with pytest.raises(gr.Error, match="Nothing is typed yet"):
        programs.search_text("")
    with pytest.raises(gr.Error, match="was not uploaded here"):
        programs.search_image({"path": "/etc/hostname"})
    with pytest.raises(gr.Error, match=r"error [0-9a-f]{8}"):
        programs.search_text("crash")


def test_a_gpu_that_is_not_lent_says_why_and_a_bug_on_it_does_not() -> None:
    quota = gr.Error("You have exceeded your <b>free</b> quota (30s requested).", title="ZeroGPU quota exceeded")
    assert sentence(quota) == "No GPU could be borrowed: You have exceeded your free quota (30s requested)."
    assert "Something went wrong on our side" in sentence(gr.Error("KeyError", title="ZeroGPU worker error"))


def test_a_sentence_does_not_tell_where_this_copy_lies() -> None:
    told = sentence(BundleError(f"There is no bundle in {HOME / 'checkpoints' / 'guise-base'}."))
    assert told == "There is no bundle in checkpoints/guise-base."


# ---------------------------------------------------------------- wrong types


@pytest.mark.parametrize(
    ("endpoint", "arguments", "said"),
    [
        ("search_text", [7], "text is 7, but"),
        ("search_text", [None], "text is None, but"),
        ("search_text", ["duck", "24"], "k is '24', but"),
        ("search_text", ["duck", True], "k is True, but"),
        ("search_text", ["duck", 2**40], "k is 1099511627776, but"),
        ("search_text", ["duck", 24, "photo"], "domains is 'photo', but"),
        ("search_text", ["duck", 24, [7]], r"domains is \[7\], but"),
        ("search_text", ["duck", 24, None, "0.5"], "cutoff is '0.5', but"),
        ("search_text", ["duck", 24, None, None, 7], "gallery is 7, but"),
        ("search_text", ["duck", 24, None, None, None, {"a": 1}], "labels is {'a': 1}, but"),
        ("search_text", ["duck", 24, None, None, None, None, ["x"]], r"method is \['x'\], but"),
        ("search_drawing", [7], "strokes is 7, but"),
        ("search_image", ["duck.jpg"], "image is 'duck.jpg', but"),
        ("search_item", [7], "item_id is 7, but"),
        ("why_drawing", [FISH, 7], "item_id is 7, but"),
        ("why_item", [None, "duck-photo-0"], "query_id is None, but"),
    ],
)
def test_a_wrong_type_is_told_as_the_caller_s_mistake(
    programs: Programs, endpoint: str, arguments: list[Any], said: str
) -> None:
    with pytest.raises(gr.Error, match=said) as refused:
        getattr(programs, endpoint)(*arguments)
    assert "on our side" not in str(refused.value)


def test_a_wrong_value_of_a_million_letters_is_cut(programs: Programs) -> None:
    for arguments in ([["x" * 1_000_000]], ["duck", "x" * 1_000_000]):
        with pytest.raises(gr.Error) as refused:
            programs.search_text(*arguments)  # type: ignore[arg-type]
        assert len(str(refused.value)) < 300


def test_options_of_panels_are_checked_too(actions: Actions) -> None:
    panels = ObjectStylePrograms(actions)
    query = {"kind": "drawing", "value": FISH}
    with pytest.raises(gr.Error, match="seed is -1, but must be"):
        panels.object_style_card(query, "", -1)
    with pytest.raises(gr.Error, match="strictness is 'high', but"):
        panels.object_style_search(query, "object", "", "high")  # type: ignore[arg-type]
