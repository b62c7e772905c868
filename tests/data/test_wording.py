"""What is said of pictures is true of them, and nothing is said where nothing may be."""

from __future__ import annotations

import numpy as np

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture
from retrieval.data.wording import captions, no_words

TABLE = PictureTable(
    [ArrayPicture(np.zeros((2, 2, 3), np.uint8))] * 3,
    ["photo", "photo", "noto"],
    labels=["duck", "owl", "duck"],
    colors=["yellow", "", ""],
    media=["", "", "emoji"],
    words=[frozenset(), frozenset(), frozenset({"duck", "waterfowl"})],
)


def test_a_caption_is_true_of_its_own_row_and_of_no_other_class() -> None:
    rng = np.random.default_rng(0)
    shared = []
    for _ in range(40):
        texts, holds = captions(list(TABLE), rng)
        assert len(texts) == 3
        assert holds.diagonal().all()
        assert not holds[1, 0]
        assert not holds[0, 1]
        shared.append(bool(holds[0, 2]))
        assert not (shared[-1] and ("waterfowl" in texts[2] or "emoji" in texts[2]))
    assert set(shared) == {True, False}


def test_styles_are_spoken_of_by_their_medium_where_they_have_one() -> None:
    said = {captions(list(TABLE), np.random.default_rng(seed))[0][2] for seed in range(40)}
    assert any("emoji" in text for text in said)
    assert not any("noto" in text for text in said)


def test_without_words_there_is_no_column() -> None:
    texts, holds = no_words(list(TABLE), np.random.default_rng(0))
    assert (texts, holds.shape) == ([], (3, 0))
