"""Search by code, on six pictures whose cosines with the query are written down.

Object codes and raw features order them differently, so that an answer tells which of the two it came from.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.code_search import Codes, Nearest
from retrieval.encoder import Vectors
from retrieval.errors import GalleryError, QueryError, RetrievalError, SettingsError
from retrieval.gallery import Gallery
from retrieval.loaded_encoder import Served
from retrieval.stores.faiss_store import FaissStore
from retrieval.types import PHOTO, Domain, Hit, ImageQuery, Item, Query

PICTURES = (  # id, class, style, cosine of object codes, cosine of raw features
    ("a", "duck", "photo", 0.9, 0.1),
    ("b", "duck", "sketch", 0.8, 0.7),
    ("c", "fish", "photo", 0.3, 0.6),
    ("d", "fish", "sketch", 0.2, 0.9),
    ("e", "duck", "cartoon", 0.7, 0.5),
    ("f", "fish", "cartoon", 0.4, 0.2),
)
ITEMS = tuple(Item(name, Path(name), Domain(style), label) for name, label, style, *_ in PICTURES)
BY_OBJECT, BY_RAW = (tuple(picture[place] for picture in PICTURES) for place in (3, 4))
QUERY = ImageQuery(Image.new("RGB", (8, 8)), PHOTO)
DIM = 2 + len(PICTURES)  # an axis for each encoder's query, and one for each picture
ONE_STYLE = "one style"  # the second gallery: the photos alone


class Written(Served):
    """An encoder whose cosines are written down; every query is the same axis, another one for each encoder."""

    def __init__(self, cosines: Sequence[float], axis: int, failure: str | None = None) -> None:
        super().__init__(Path("written"), {"world": Path("world"), ONE_STYLE: Path(ONE_STYLE)})
        self.cosines = cosines
        self.axis = axis
        self.failure = failure

    def _load(self) -> None:
        if self.failure:
            raise RetrievalError(self.failure)
        photos = [place for place, item in enumerate(ITEMS) if item.domain == PHOTO]
        for name, places in (("world", range(len(ITEMS))), (ONE_STYLE, photos)):
            self._galleries[name] = indexed([ITEMS[i] for i in places], [self.cosines[i] for i in places], self.axis)

    def vector(self, query: Query) -> Vectors:
        return np.eye(DIM, dtype=np.float32)[self.axis]


def indexed(items: Sequence[Item], cosines: Sequence[float], axis: int) -> Gallery:
    """A gallery whose pictures have these cosines with an axis of the first two."""
    vectors = np.eye(len(items), DIM, 2) * np.sqrt(1 - np.square(cosines))[:, None]
    vectors[:, axis] = cosines
    store = FaissStore(DIM)
    store.add(np.arange(len(items)), vectors)
    return Gallery(Path("world"), items, store, "written")


@pytest.fixture
def codes() -> Codes:
    return Codes(Written(BY_OBJECT, 0), Written(BY_RAW, 1))


def names(hits: Sequence[Hit]) -> str:
    return "".join(hit.item.id for hit in hits)


def scores(hits: Sequence[Hit]) -> list[float]:
    return [round(hit.score, 3) for hit in hits]


# ---------------------------------------------------------------- search


def test_by_object_all_styles_are_searched_by_the_object_code(codes: Codes) -> None:
    hits = codes.search("object", QUERY, k=4)
    assert names(hits) == "abef"
    assert scores(hits) == [0.9, 0.8, 0.7, 0.4]
    assert names(codes.search("object", QUERY, "sketch", strictness=0.0)) == "abefcd", "the style changes nothing"


def test_by_style_pictures_of_the_style_alone_are_ordered_by_the_raw_feature(codes: Codes) -> None:
    hits = codes.search("style", QUERY, "photo")
    assert names(hits) == "ca"
    assert scores(hits) == [0.6, 0.1]
    assert names(codes.search("style", QUERY, "sketch", k=1)) == "d"


def test_by_both_pictures_of_the_style_are_ordered_by_the_object_code(codes: Codes) -> None:
    hits = codes.search("both", QUERY, "photo")
    assert names(hits) == "ac"
    assert scores(hits) == [0.9, 0.3]


@pytest.mark.parametrize(
    ("strictness", "order"),
    [(0.0, "abefcd"), (0.2, "abecfd"), (0.3, "abcefd"), (0.5, "acbefd"), (0.99, "acbefd"), (1.0, "ac")],
)
def test_the_stricter_the_rarer_are_other_styles(codes: Codes, strictness: float, order: str) -> None:
    """Ordered by (1 - s) cosine + s [photo]; at 0.2: a 0.92, b 0.64, e 0.56, c 0.44, f 0.32, d 0.16."""
    hits = codes.search("both", QUERY, "photo", strictness=strictness)
    assert names(hits) == order
    assert [hit.rank for hit in hits] == list(range(1, len(order) + 1))
    cosines = dict(zip("abcdef", BY_OBJECT, strict=True))
    assert scores(hits) == [cosines[name] for name in order], "a score is a cosine, whatever the order"


def test_no_more_than_k_come_and_they_are_the_first(codes: Codes) -> None:
    for by, strictness, order in (("object", 1.0, "abefcd"), ("both", 0.3, "abcefd"), ("both", 1.0, "ac")):
        for k in (1, 2, 3):
            assert names(codes.search(by, QUERY, "photo", strictness=strictness, k=k)) == order[:k]


def test_a_gallery_of_one_style_has_no_others_to_mix_in(codes: Codes) -> None:
    for strictness in (0.0, 0.5, 1.0):
        hits = codes.search("both", QUERY, "photo", strictness=strictness, gallery=ONE_STYLE)
        assert names(hits) == "ac"


@pytest.mark.parametrize("by", ["raw", "", "Object"])
def test_an_unknown_code_is_answered_with_those_that_there_are(codes: Codes, by: str) -> None:
    with pytest.raises(SettingsError, match=f"no code '{by}' to search by. Choose object or style or both"):
        codes.search(by, QUERY, "photo")


@pytest.mark.parametrize("strictness", [-0.01, 1.01, float("nan")])
def test_a_strictness_that_is_no_share_is_refused(codes: Codes, strictness: float) -> None:
    with pytest.raises(SettingsError, match="choose 0 to 1"):
        codes.search("both", QUERY, "photo", strictness=strictness)


@pytest.mark.parametrize("by", ["style", "both"])
def test_a_style_that_the_gallery_lacks_is_answered_with_those_that_it_has(codes: Codes, by: str) -> None:
    with pytest.raises(QueryError, match=r"the style 'mosaic'\. Choose photo or sketch or cartoon\."):
        codes.search(by, QUERY, "mosaic")
    with pytest.raises(QueryError, match=r"the style 'sketch'\. Choose photo\."):
        codes.search(by, QUERY, "sketch", gallery=ONE_STYLE)


def test_an_unknown_gallery_is_refused(codes: Codes) -> None:
    with pytest.raises(GalleryError, match="There is no gallery 'elsewhere'"):
        codes.search("object", QUERY, gallery="elsewhere")


# ---------------------------------------------------------------- nearest


def by_code(rows: Sequence[Nearest]) -> dict[str, Nearest]:
    return {row.code: row for row in rows}


def test_each_code_has_its_own_neighbours_and_the_querys_own_picture_is_none(codes: Codes) -> None:
    rows = codes.nearest(QUERY, "photo", own=ITEMS[0], k=2)
    assert [(row.code, names(row.hits)) for row in rows] == [("object", "be"), ("style", "c"), ("raw", "db")]
    for row in rows:
        assert [hit.rank for hit in row.hits] == list(range(1, len(row.hits) + 1))


def test_k_neighbours_come_whether_or_not_the_own_picture_is_among_them(codes: Codes) -> None:
    for own, order in ((None, "abef"), (ITEMS[3], "abef"), (ITEMS[1], "aefc")):
        assert names(codes.nearest(QUERY, "photo", own=own, k=4)[0].hits) == order
    by_style = by_code(codes.nearest(QUERY, "photo", own=ITEMS[2], k=1))["style"]
    assert names(by_style.hits) == "a", "the own picture is the first of its style"


def test_shares_of_the_neighbours_are_of_the_querys_domain_and_class(codes: Codes) -> None:
    rows = by_code(codes.nearest(QUERY, "sketch", own=ITEMS[3], k=3))  # a fish; its neighbours: abe, b, bce
    assert {row.domain for row in rows.values()} == {"sketch"}
    assert {code: row.same_domain for code, row in rows.items()} == pytest.approx(
        {"object": 1 / 3, "style": 1.0, "raw": 1 / 3}
    )
    assert {code: row.precision for code, row in rows.items()} == pytest.approx(
        {"object": 0.0, "style": 0.0, "raw": 1 / 3}
    )
    assert {row.expected for row in rows.values()} == {1 / 5}, "one sketch among the five others"


def test_of_a_query_that_is_no_picture_of_the_gallery_no_class_is_known(codes: Codes) -> None:
    rows = codes.nearest(QUERY, "sketch", k=3)
    assert [row.precision for row in rows] == [None] * 3
    assert [row.expected for row in rows] == pytest.approx([2 / 6] * 3)


def test_a_style_that_the_gallery_lacks_is_replaced_by_the_querys_domain(codes: Codes) -> None:
    rows = by_code(codes.nearest(QUERY, "doodle", k=4))
    assert {row.domain for row in rows.values()} == {"photo"}
    assert names(rows["style"].hits) == "ca"


def test_neighbours_come_from_the_gallery_that_was_asked_for(codes: Codes) -> None:
    rows = by_code(codes.nearest(QUERY, "photo", gallery=ONE_STYLE))
    assert {code: names(row.hits) for code, row in rows.items()} == {"object": "ac", "style": "ca", "raw": "ca"}
    assert {row.expected for row in rows.values()} == {1.0}


# ---------------------------------------------------------------- loading


def test_it_is_ready_when_both_encoders_are() -> None:
    for first, second in (("coded", "raw"), ("raw", "coded")):
        codes = Codes(Written(BY_OBJECT, 0), Written(BY_RAW, 1))
        getattr(codes, first).wait()
        assert not codes.ready
        getattr(codes, second).wait()
        assert codes.ready


@pytest.mark.parametrize("slow", ["coded", "raw"])
def test_waiting_ends_with_a_sentence_when_either_takes_too_long(
    codes: Codes, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(getattr(codes, slow), "_load", lambda: release.wait(20))  # then it fails, and does not hang
    with pytest.raises(RetrievalError, match="still loading after 0 seconds"):
        codes.wait(0.2)
    release.set()


def test_one_encoder_that_cannot_be_loaded_is_told_to_everyone_who_asks() -> None:
    whole, broken = (lambda: Written(BY_RAW, 1)), (lambda: Written(BY_RAW, 1, "The weights are broken."))
    for codes in (Codes(whole(), broken()), Codes(broken(), whole())):
        assert codes.trouble is None
        with pytest.raises(RetrievalError, match="The weights are broken"):
            codes.search("object", QUERY)
        assert codes.trouble == "The weights are broken."
        assert not codes.ready


def test_warming_loads_both_in_the_background(codes: Codes) -> None:
    codes.warm()
    for served in (codes.coded, codes.raw):
        assert served._loaded.wait(10)
    assert codes.ready
    assert codes.progress == ""


def test_what_is_being_loaded_is_told_whichever_it_is(codes: Codes) -> None:
    codes.coded._progress = "Loading DUDE"
    assert codes.progress == "Loading DUDE"
    codes.raw._progress = "Loading the model"
    assert codes.progress == "Loading the model"
