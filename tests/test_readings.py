"""Pictures are read by the names that an encoder knows, and words find pictures by these names too."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.colors import TERMS, Shares
from retrieval.readings import AHEAD, COLORED, KEPT, LOOKING, NAMED, SHARP, Readings
from retrieval.relevance import IMAGE, SCALE, TEXT, Names, held_share

STRANGE = np.eye(4, dtype=np.float32)[[0, 1, 2, 3]]
NAMES = Names(
    ("dog", "cat", "owl"), np.eye(3, 4, dtype=np.float32), np.eye(3, 5, dtype=np.float32), STRANGE,
    np.eye(3, 5, dtype=np.float32)[[1]],
)  # fmt: skip
DOG, CAT, BETWEEN = (1, 0, 0, 0), (0, 1, 0, 0), (0.6, 0.6, 0, 0.53)


def readings(*pictures: tuple[float, ...], colors: Shares | None = None) -> Readings:
    return Readings.of(NAMES, np.array(pictures, np.float32).reshape(-1, 4), colors)


def colored(*terms: str) -> Shares:
    return np.array([[255 * (own == term) for own in TERMS] for term in terms], np.uint8)


def test_a_picture_is_read_as_the_names_that_are_close_surest_first() -> None:
    read = readings(DOG, BETWEEN)
    assert read.places[0, 0] == 0
    assert set(read.places[1, :2]) == {0, 1}
    assert read.shares[0, 0] == pytest.approx(np.exp(SCALE) / (np.exp(SCALE) + 2), rel=1e-5)
    assert read.shares[1, :2] == pytest.approx([0.5, 0.5], abs=1e-4)


def test_a_name_is_there_as_surely_as_its_surest_picture_is_among_those_looked_at() -> None:
    read = readings(DOG, BETWEEN, BETWEEN)
    assert read.presence() == pytest.approx([1, 0.5, 0], abs=1e-3)
    assert read.presence(np.array([1])) == pytest.approx([0.5, 0.5, 0], abs=1e-3)
    assert readings().presence().tolist() == [0, 0, 0]


def test_the_score_of_words_is_a_mean_of_their_cosine_and_that_of_what_words_and_picture_are_read_as() -> None:
    read, meaning = readings(DOG, CAT), np.array([0.8, 0.1, 0, 0, 0.59], np.float32)
    own = np.exp(SHARP[TEXT] * np.array([0.8, 0.1, 0.0]))
    own /= np.linalg.norm(own)
    scores = read.scores(TEXT, meaning, np.array([0.2, 0.3], np.float32), np.array([1, 0]))
    weight = NAMED[TEXT]
    assert scores == pytest.approx(
        [(c + weight * n) / (1 + weight) for c, n in ((0.2, own[1]), (0.3, own[0]))], abs=1e-4
    )


def test_the_score_of_a_picture_is_a_mean_of_its_cosine_and_that_of_what_both_are_read_as() -> None:
    read, between = readings(DOG, CAT, BETWEEN), np.array(BETWEEN, np.float32)
    half, weight = np.sqrt(0.5), NAMED[IMAGE]  # what is read as two names alike is as near to each
    for asked, cosine, named in (((1, 0, 0, 0), 1.0, (1.0, 0.0, half)), (between, 0.5, (half, half, 1.0))):
        cosines = np.full(3, cosine, np.float32)
        expected = [(cosine + weight * share) / (1 + weight) for share in named]
        scores = read.scores(IMAGE, np.array(asked, np.float32), cosines, np.arange(3))
        assert scores == pytest.approx(expected, abs=2e-3)
    alone = read.scores(IMAGE, between, np.float32([0.4]), np.array([2]))
    assert alone == pytest.approx([(0.4 + weight) / (1 + weight)])


def test_pictures_of_equal_cosine_are_ranked_by_what_they_are_read_as() -> None:
    read, cosines = readings(CAT, DOG), np.array([0.5, 0.5], np.float32)
    assert read.scores(IMAGE, np.float32(DOG), cosines, np.arange(2)).argmax() == 1


def test_of_pictures_that_are_read_alike_the_nearest_comes_first() -> None:
    read, meaning = readings(DOG, DOG, CAT), np.array([0.6, 0.5, 0, 0, 0.6], np.float32)
    scores = read.scores(TEXT, meaning, np.float32([0.2, 0.3, 0.1]), np.arange(3))
    assert read.order(TEXT, scores, np.arange(3)).tolist()[0] == 1


def test_the_best_picture_of_each_name_goes_a_little_ahead() -> None:
    read, places = readings(DOG, DOG, DOG, CAT, CAT), np.arange(5)
    scores = np.array([0.7, 0.69, 0.68, 0.68 - AHEAD / 2, 0.68 - AHEAD / 2], np.float32)
    assert read.order(TEXT, scores, places).tolist() == [0, 3, 1, 2, 4]
    far = np.array([0.7, 0.69, 0.68, 0.5, 0.4], np.float32)
    assert read.order(TEXT, far, places).tolist() == [0, 1, 2, 3, 4]


def test_a_match_must_be_surer_than_a_share_of_the_nonsense_is_among_the_same_pictures() -> None:
    read = readings(DOG, CAT)
    shares = np.sort(held_share(STRANGE, NAMES.vectors, read.presence()))
    for level in (0.0, 1 / 3, 2 / 3, 1.0):
        assert read.needed(IMAGE, level) == pytest.approx(shares[round(3 * level)])
    assert read.needed(TEXT, 0.5) == pytest.approx(held_share(NAMES.strange_texts, NAMES.meanings, read.presence())[0])
    dogs = np.array([0])
    assert read.needed(TEXT, 0.5, dogs) < 0.01 < 0.99 < read.needed(TEXT, 0.5)


def test_in_a_text_that_says_a_look_names_tell_less_apart_and_the_best_scores_as_it_would() -> None:
    read, meaning, places = readings(DOG, CAT), np.array([0.8, 0.1, 0, 0, 0.59], np.float32), np.arange(2)
    cosines = np.array([0.3, 0.4], np.float32)
    plain, looking = (read.scores(TEXT, meaning, cosines, places, text) for text in ("a dog", "a sketch of a dog"))
    assert plain[0] > plain[1]
    assert looking[0] == pytest.approx(plain[0])
    told = NAMED[TEXT] / (1 + NAMED[TEXT])
    apart = (plain[0] - plain[1] + 0.1 / (1 + NAMED[TEXT])) / told  # by names alone
    assert looking[0] - looking[1] == pytest.approx(LOOKING * apart * told - 0.1 / (1 + NAMED[TEXT]), abs=1e-5)
    assert not len(read.scores(TEXT, meaning, cosines[:0], places[:0], "a sketch of a dog"))


def test_a_picture_that_asks_is_read_as_it_would_be_in_the_gallery_so_it_scores_itself_with_one() -> None:
    many, dim = 3 * KEPT, 4 * KEPT
    names = Names(tuple(map(str, range(many))), np.eye(many, dim, dtype=np.float32), np.eye(many), STRANGE, STRANGE)
    picture = np.full(dim, dim**-0.5, np.float32)  # all names fit it as well
    scores = Readings.of(names, picture[None]).scores(IMAGE, picture, np.ones(1, np.float32), np.arange(1))
    assert scores == pytest.approx([1.0])


DOGS = np.array([0.8, 0.1, 0, 0, 0.59], np.float32)


def test_of_pictures_that_are_read_alike_those_of_the_colour_that_is_said_come_first_and_score_as_before() -> None:
    places, scores = np.arange(3), np.float32([0.60, 0.62, 0.61])
    read = readings(DOG, DOG, DOG, colors=colored("red", "blue", "red"))
    assert read.order(TEXT, scores, places, "a red dog").tolist() == [2, 0, 1]
    assert read.order(TEXT, scores, places, "a blue dog").tolist() == [1, 2, 0]
    assert read.order(TEXT, scores, places, "a red and blue dog").tolist() == [1, 2, 0]
    for text in ("a dog", "orange", "a picture of a dog"):
        assert read.order(TEXT, scores, places, text).tolist() == [1, 2, 0], "no colour of a thing is said"
    assert readings(DOG, DOG, DOG).order(TEXT, scores, places, "a red dog").tolist() == [1, 2, 0], "none was counted"
    cosines = np.float32([0.3, 0.4, 0.35])
    said, unsaid = (read.scores(TEXT, DOGS, cosines, places, text) for text in ("a red dog", "a dog"))
    assert said.tolist() == unsaid.tolist(), "what a cut-off is set on knows nothing of colours"


def test_a_picture_that_shows_no_colour_stands_between_those_of_the_colour_and_those_of_others() -> None:
    read = readings(DOG, DOG, DOG, colors=np.concatenate([colored("blue", "red"), np.zeros((1, 11), np.uint8)]))
    assert read.order(TEXT, np.float32([0.6, 0.6, 0.6]), np.arange(3), "red dog").tolist() == [1, 2, 0]


def test_a_colour_does_not_make_up_for_another_thing() -> None:
    read = readings(DOG, CAT, colors=colored("blue", "red"))
    scores = read.scores(TEXT, DOGS, np.float32([0.4, 0.4]), np.arange(2), "red dog")
    assert scores[0] - scores[1] > COLORED
    assert read.order(TEXT, scores, np.arange(2), "red dog").tolist() == [0, 1]
