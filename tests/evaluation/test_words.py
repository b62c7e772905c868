"""Words are judged by the first five pictures, by what is shown of them, and by names alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import words
from benchmarks.words import Answered, Asked, Searcher, answers, best, chance, of_names, of_words
from retrieval.encoder import embed_texts
from retrieval.engine import Results
from retrieval.evaluation.headlines import words_headline
from retrieval.evaluation.measurement import FIRST, RIGHT, SHOWN, Target
from retrieval.methods.foundation import TEXT
from retrieval.types import PHOTO, Hit, Item, TextQuery
from retrieval.world.split import ALL

PER_CLASS = 6
GALLERY = tuple(name for name in ALL for _ in range(PER_CLASS))


def rows_of(names: list[str]) -> torch.Tensor:
    """A direction for each class; of a text that is none, none of these."""
    rows = torch.zeros(len(names), len(ALL) + 1)
    for row, name in enumerate(names):
        rows[row, ALL.index(name) if name in ALL else len(ALL)] = 1.0
    return rows


class Reader:
    """A bundle that knows the names of classes, alone and in capitals, and no other word."""

    manifest = SimpleNamespace(name="reader")
    dim = len(ALL) + 1

    def __init__(self, parts: dict[str, object]) -> None:
        self.method = SimpleNamespace(parts=parts)

    def encode_texts(self, texts: list[str]) -> torch.Tensor:
        return rows_of(texts)

    encode_meanings = encode_images = encode_texts


class Search(Searcher):
    """A gallery with pictures of each class, which shows what scores at least the cut-off; a name scores 0.5."""

    def __init__(self, cutoff: float | None, parts: dict[str, object] | None = None) -> None:
        self.bundle = Reader(parts or {})  # type: ignore[assignment]
        self.labels = GALLERY
        self.cutoff = cutoff
        self.has_cutoff = cutoff is not None

    def ask(self, text: str) -> Answered:
        scores = 0.5 * embed_texts(self.bundle, [text])[0] @ rows_of(list(GALLERY)).numpy().T
        first = np.argsort(-scores, kind="stable")[: words.TOP]
        shown = [place for place in first if self.cutoff is not None and scores[place] >= self.cutoff]
        return Answered(tuple(GALLERY[place] for place in first), tuple(GALLERY[place] for place in shown))


def test_a_query_is_asked_as_visitors_ask_and_what_is_shown_is_what_the_page_shows() -> None:
    hits = tuple(Hit(Item(label, Path(label), PHOTO, label), score, 1) for label, score in (("cat", 0.4), ("dog", 0.6)))
    asked = []

    class Shows:
        bundle = SimpleNamespace(manifest=SimpleNamespace(cutoff={"text held": 0.5}))

        def wait(self) -> None: ...

        def served(self) -> SimpleNamespace:
            return SimpleNamespace(gallery=lambda: SimpleNamespace(items=[hit.item for hit in hits]))

        def search(self, query: TextQuery, k: int) -> Results:
            asked.append((query.text, k))
            return Results(hits, True, 0.5, 0.01, 2)

    searcher = Searcher(Shows())  # type: ignore[arg-type]
    assert searcher.has_cutoff
    assert searcher.ask("puppy") == Answered(("cat", "dog"), ("dog",))
    assert asked == [("puppy", 5)]


def test_the_best_is_marked_where_it_is_relevant() -> None:
    scores = np.array([[0.9, 0.8], [0.1, 0.8]], np.float32)
    assert best(scores, np.array([[True, False], [True, False]])).tolist() == [True, False]


def test_a_random_order_has_the_chance_of_a_draw_of_five_and_of_one() -> None:
    asked = Asked(("boat",), (("sailboat", "submarine"),))
    labels = ("sailboat", "submarine", *["duck"] * 6)
    assert chance(asked, labels) == pytest.approx(2 / 8)
    assert chance(asked, labels, 5) == pytest.approx(1 - (6 * 5 * 4 * 3 * 2) / (8 * 7 * 6 * 5 * 4))


def test_names_are_counted_in_every_form_as_the_page_reads_them() -> None:
    counts = {(row.measure, row.subset): row for row in of_names(Search(0.4))}
    assert set(counts) == {(measure, form) for measure in (RIGHT, SHOWN) for form in words.FORMS}
    for form in ("name alone", "upper case", "trailing punctuation"):
        assert counts[SHOWN, form].value == 64
    plurals = counts[SHOWN, "plural"]
    assert (plurals.value, plurals.unit, plurals.target) == (3, "of 64", Target(">=", 60))  # fish, scissors, eyeglasses


def test_what_is_shown_depends_on_the_cutoff_and_is_unknown_without_one() -> None:
    asked = Asked(("duck", "DUCK!"), (("duck",), ("duck",)))
    strict = {measure: marks.tolist() for measure, marks in answers(Search(0.6), asked)}
    assert strict == {RIGHT: [True, True], SHOWN: [False, False]}
    unknown = [*of_names(Search(None)), *of_words(Search(None))]
    assert {row.measure for row in unknown} == {RIGHT, FIRST}
    assert all(row.target is None for row in unknown)
    assert all("what is shown is unknown" in row.how for row in unknown if row.measure == RIGHT)


def test_held_out_words_are_answered_by_the_sentence_encoder_alone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "HELD_OUT", {"puppy": ("dog",), "boat": ("sailboat", "submarine")})

    def knows_puppies(texts: list[str]) -> torch.Tensor:
        return rows_of(["dog" if text == "puppy" else text for text in texts])

    rows = [*of_names(Search(0.4)), *of_words(Search(0.4, {TEXT: knows_puppies}))]
    by_code = {row.code: row for row in rows if row.measure == FIRST}
    assert set(by_code) == {"reader", "names by text alone", "names by reader"}
    alone = by_code["names by text alone"]
    assert alone.value == 0.5
    assert alone.chance == pytest.approx((1 / 64 + 2 / 64) / 2)
    assert by_code["names by reader"].value == by_code["reader"].value == 0.0
    shown = next(row for row in rows if row.measure == SHOWN and row.unit == "share")
    assert (shown.value, shown.target) == (0.0, Target(">=", 0.8))
    assert "names by text alone 0.50" in words_headline(rows)
    assert "0 of 64 are right in the top 5 and shown in the form that does worst (a photo of a ...)" in words_headline(
        rows
    )
