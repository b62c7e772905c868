"""What MRA is trained on: boxes move with their pictures, batches are pairs that belong together, and towers in bytes
are nearly what they were.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.data.pictures import ArrayPicture, Pixels
from retrieval.methods.mra import MRA, TEXT
from retrieval.training.recipes.parts.people_pairs import PairBatches, PeoplePairs, gather_pairs, read_all, vary
from retrieval.training.relations.packing import _known_words, as_bytes, from_bytes
from retrieval.types import Region
from tests.methods.toy_mra import COAT, HAT, PAIRS, figure, sentence, toy_mra

BOX = torch.tensor([[[0.25, 0.25, 0.25, 0.125]]])


def upright(hat: str, coat: str) -> Pixels:
    """A figure as an upright picture.   -> (64, 32, 3)"""
    picture = figure(hat, coat)[:, :, 16:48].permute(1, 2, 0)
    return np.asarray(((picture + 1) * 127.5).round().byte().numpy())


@pytest.fixture(scope="module")
def method() -> MRA:
    return toy_mra()


@pytest.fixture(scope="module")
def pairs(method: MRA) -> PeoplePairs:
    """Nine figures in three views; the last has no parts."""
    parts = [(Region(HAT, f"{hat} hat"), Region(COAT, f"{coat} coat")) for hat, coat in PAIRS]
    table = PictureTable(
        [ArrayPicture(upright(*pair)) for pair in PAIRS],
        "street",
        labels=[f"person-{at // 3}" for at in range(9)],
        captions=[(sentence(*pair), f"a {pair[0]} hat") for pair in PAIRS],
        regions=[*parts[:-1], ()],
    )
    return gather_pairs(method, table, 3, "cpu")


def test_a_box_moves_with_what_it_holds() -> None:
    picture = -torch.ones(1, 3, 64, 32)
    picture[:, :, 12:20, 4:12] = 1.0  # what the box holds
    for seed in range(8):
        seen, boxes = vary(picture, BOX, 128, torch.Generator().manual_seed(seed))
        smooth = torch.nn.functional.avg_pool2d(seen, 4)[0].mean(dim=0)  # (32, 16)
        bright = (smooth > (smooth.amax() + smooth.amin()) / 2).nonzero().float()  # (n, 2)
        middle = (bright.mean(dim=0) + 0.5) / torch.tensor([32.0, 16.0])
        torch.testing.assert_close(middle, boxes[0, 0, :2].flip(0), atol=0.03, rtol=0)


def test_the_first_view_is_the_picture_as_it_is() -> None:
    picture = torch.rand(1, 3, 64, 32) * 2 - 1
    seen, boxes = vary(picture, BOX, 64, torch.Generator(), varied=False)
    torch.testing.assert_close(seen, picture)
    torch.testing.assert_close(boxes, BOX)


def test_a_batch_holds_captions_boxes_and_phrases_of_its_pictures(pairs: PeoplePairs) -> None:
    (batch,) = PairBatches(pairs, 9, 1, regions=True).epoch(0, 0)
    assert batch.captions is not None
    assert batch.boxes is not None
    assert batch.phrase_numbers is not None
    seen = set()
    for at, stem in enumerate(batch.images):
        row, view = (pairs.stems.float() == stem).flatten(2).all(dim=2).nonzero()[0].tolist()
        own = pairs.captions.pieces[pairs.caption_rows[row]]  # (2, L)
        assert (own == batch.captions.pieces[at]).all(dim=1).any()
        box = (pairs.box_phrases[row] == batch.phrase_numbers[at]).nonzero()[0, 0]
        assert torch.equal(pairs.boxes[row, view, box], batch.boxes[at])
        seen.add(row)
    assert seen == set(range(9))


def test_texts_of_all_lengths_are_read_as_one_by_one(method: MRA) -> None:
    texts = ["red hat", sentence("red", "green"), "a blue coat", "green hat"]
    together = read_all(method, texts)
    for row, text in enumerate(texts):
        alone = method.read([text])
        count = int(alone.real.sum())
        assert together.real[row].sum() == count
        torch.testing.assert_close(together.states[row, :count], alone.states[0, :count])


def test_a_picture_without_parts_has_its_caption_and_the_whole(pairs: PeoplePairs) -> None:
    assert (pairs.box_phrases[-1] >= 0).sum() == 1
    assert pairs.boxes[-1, 0, 0].tolist() == [0.5, 0.5, 1.0, 1.0]


def test_a_batch_of_pairs_has_no_boxes(pairs: PeoplePairs) -> None:
    (batch,) = PairBatches(pairs, 4, 1, regions=False).epoch(0, 0)
    assert batch.boxes is None
    assert batch.images.shape[0] == 4


def test_the_batches_of_an_epoch_depend_on_its_seed_alone(pairs: PeoplePairs) -> None:
    first, again, other = ([b.images for b in PairBatches(pairs, 4, 2, True).epoch(seed, 0)] for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_a_sentence_encoder_in_bytes_says_nearly_the_same(method: MRA) -> None:
    encoder = method.parts[TEXT]
    texts = ["a red hat", "wears blue shoes"]
    packed = as_bytes(_known_words(encoder, texts))
    before = encoder(texts)
    other = toy_mra(1).parts[TEXT]
    other.load_state_dict(from_bytes(packed, other))
    assert (before * other(texts)).sum(dim=1).min() > 0.999
