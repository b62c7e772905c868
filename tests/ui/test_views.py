"""What is shown, as HTML that a parser agrees with."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from retrieval.engine import Results
from retrieval.images import parse_strokes
from retrieval.types import Crop, Domain, Held, Hit, Item, Skipped
from retrieval.ui import about_html, views
from retrieval.ui.pictures import picture
from tests.ui.conftest import FISH

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>&amp;${7*7}{{7}}"


class Reader(HTMLParser):
    """Tags, attributes and text of a piece of HTML; complains about what is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def hostile(score: float = 0.5) -> Hit:
    return Hit(Item(HOSTILE, Path("/gallery/a b#?.webp"), Domain(HOSTILE), HOSTILE, HOSTILE), score, 1)


def answer(*scores: float, cutoff: float = 0.3, held: Held | None = None) -> Results:
    hits = tuple(Hit(Item(f"i{n}", Path(f"{n}.webp"), Domain("photo"), "duck"), s, n) for n, s in enumerate(scores, 1))
    confident = held.share >= held.needed if held else scores[:1] >= (cutoff,)
    return Results(hits, confident, cutoff, 0.0381, 512, held)


@pytest.mark.parametrize(
    "html",
    [
        views.results(Results((hostile(),), True, 0.3, 0.01, 1)),
        views.results(Results((hostile(0.1),), False, 0.3, 0.01, 1)),
        views.details(hostile().item, 1, 0.5),
        views.notice(HOSTILE),
        views.trouble(HOSTILE),
        views.left_out([Skipped(Path(HOSTILE), HOSTILE)]),
        views.loading(HOSTILE),
        views.status(HOSTILE, answer(0.5)),
        views.welcome([hostile().item]),
        views.pictures([hostile().item]),
        views.phrases([HOSTILE]),
        views.drawings({HOSTILE: (HOSTILE, parse_strokes(FISH))}),
        about_html.about(
            {"name": HOSTILE, "trained_on": [{"data": HOSTILE}], "classes": [HOSTILE], "metrics": {HOSTILE: 1.0}}
        ),
    ],
)
def test_what_strangers_wrote_stays_text(html: str) -> None:
    read = Reader(html)
    assert read.open == []
    assert "script" not in read.tags
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert "alert(1)" in read.text or any("alert(1)" in (value or "") for _, value in read.attributes)


def test_the_status_tells_what_how_many_and_how_long() -> None:
    assert Reader(views.status("Your drawing", answer(0.9, 0.8, 0.1))).text == "Your drawing 2 of 512 pictures · 38 ms"


@pytest.mark.parametrize(
    ("is_closer", "words"),
    [(True, "Cropped to its object, which is closer"), (False, "The whole picture is closer than its crop")],
)
def test_the_status_says_which_view_of_a_picture_was_searched_with(is_closer: bool, words: str) -> None:
    results = replace(answer(0.9), crop=Crop(Image.new("RGB", (300, 200)), is_closer))
    read = Reader(views.status("own.png", results))
    assert words in read.text
    shown = [value for name, value in read.attributes if name == "src"]
    assert bool(shown) == is_closer
    assert all(str(value).startswith("data:image/webp") for value in shown)


def test_files_that_are_not_in_the_gallery_are_named_with_the_reason() -> None:
    assert views.left_out([]) == ""
    read = Reader(views.left_out([Skipped(Path(f"{n}.psd"), "It has a suffix.") for n in range(13)]))
    assert "13 files of this folder are not in the gallery" in read.text
    assert "0.psd: It has a suffix." in read.text
    assert "and 3 more" in read.text
    assert "12.psd" not in read.text


def test_a_card_has_picture_class_style_and_score() -> None:
    read = Reader(views.results(answer(0.834)))
    assert read.text == "duck0.83photo"
    assert ("alt", "duck, photo") in read.attributes
    assert ("loading", "lazy") in read.attributes


def test_hits_below_the_cutoff_are_kept_behind_a_line() -> None:
    html = views.results(answer(0.9, 0.2, 0.1))
    assert "Show 2 weaker" in html
    assert html.index("Show 2 weaker") < html.index('data-id="i2"')


def test_no_confident_match_says_how_far_the_closest_is_and_offers_it() -> None:
    html = views.results(answer(0.21, 0.2))
    assert "No confident match" in html
    assert "scores 0.21; a match needs 0.30" in html
    assert "Show the 2 closest anyway" in html


def test_no_confident_match_says_how_sure_it_is_whatever_the_hits_score() -> None:
    refused = answer(0.9, 0.8, 0.1, held=Held(0.3799, 0.3801))
    html = views.results(refused)
    assert "No confident match" in html
    assert (
        "is 37 % sure that this is one of those that it reads in the pictures searched, and a match needs 39 %" in html
    )
    assert "scores alone, of which the best is 0.90" in html
    assert "Show the 3 closest anyway" in html
    assert html.index("closest anyway") < html.index('data-id="i1"')
    assert "0 of 512 pictures" in Reader(views.status("Your drawing", refused)).text


@pytest.mark.parametrize(("scores", "sure"), [((0.9, 0.2), 1), ((0.2, 0.1), 1), ((0.9, 0.8), 2), ((0.2,), 1)])
def test_the_best_hit_of_a_match_is_sure_and_the_cutoff_divides_the_others(
    scores: tuple[float, ...], sure: int
) -> None:
    matched = answer(*scores, held=Held(0.6, 0.4))
    shown = views.results(matched).split("<details")
    assert [part.count('class="hit"') for part in shown] == [n for n in (sure, len(scores) - sure) if n]
    assert f"{sure} of 512 pictures" in Reader(views.status("Your drawing", matched)).text


def test_a_cutoff_of_ones_own_hides_whatever_scores_less_wherever_it_stands() -> None:
    mixed = answer(0.5, 0.7, 0.6, cutoff=0.55)
    assert [hit.score for hit in dataclasses.replace(mixed, confident=True).sure] == [0.7, 0.6]
    shown = views.results(dataclasses.replace(mixed, confident=True)).split("<details")
    assert ['data-id="i1"' in part for part in shown] == [False, True]


def test_the_status_carries_the_cutoff_from_which_ones_own_begins() -> None:
    assert ("data-cutoff", "0.30") in Reader(views.status("cat", answer(0.5))).attributes
    assert ("data-cutoff", "0.00") in Reader(views.status("cat", answer(0.5, cutoff=-1.0))).attributes


def test_a_method_without_a_cutoff_says_so() -> None:
    assert "No cut-off was set for this method" in views.results(answer(0.4, cutoff=-1.0))
    assert "No cut-off was set" not in views.results(answer(0.4))


def test_no_hits_at_all_is_about_the_filters() -> None:
    assert "Choose fewer filters" in views.results(answer())


def test_scores_outside_zero_and_one_keep_the_bar_inside_the_card() -> None:
    assert "width:0%" in views.results(answer(-0.4, cutoff=-1.0))
    assert "width:100%" in views.results(answer(1.0001))


def test_a_picture_s_address_tells_nothing_of_where_it_lies() -> None:
    address = picture(Path("/home/somebody/c#?\n.webp"))
    assert re.fullmatch(r"picture/[0-9a-f]{32}", address)
    assert address != picture(Path("/home/somebody/else.webp"))


def test_a_drawing_becomes_lines_that_take_the_colours_of_the_page() -> None:
    drawing = parse_strokes(
        {"width": 512, "height": 512, "strokes": [FISH["strokes"][0], {"points": [[1, 2]], "erase": True}]}
    )
    html = views.sketch(drawing)
    assert 'viewBox="0 0 512 512"' in html
    assert 'points="60,250 450,300"' in html
    assert html.count("rubbed") == 1


def test_about_folds_a_long_list_of_classes_behind_its_length() -> None:
    names = [f"class {number}" for number in range(700)]
    told = about_html.about({"name": "big", "classes": names, "domains": ["photo", "sketch"]})
    assert "<summary>700: class 0, class 1, class 2 …</summary>" in told
    assert "class 699</details>" in told
    assert "<dd>photo, sketch</dd>" in told


def test_about_tells_of_every_method_that_is_offered() -> None:
    told = about_html.about({"name": "first", "others": [{"name": "second", "method": "dsn", "classes": ["duck"]}]})
    assert told.index("first") < told.index("second") < told.index("duck")
