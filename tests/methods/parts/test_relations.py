"""Contrast, hard negatives and hidden words, against what they are by definition."""

from __future__ import annotations

import math

import pytest
import torch

from retrieval.methods.parts.relations import contrast, hard_negatives, hide_words, scaled

MASK = 99
PIECES = torch.tensor([[2, 10, 11, 12, 3, 0, 0], [2, 13, 14, 15, 16, 17, 3]])
WORDS = torch.tensor([[0, 1, 2, 2, 0, 0, 0], [0, 1, 2, 3, 4, 5, 0]])
VOCABULARY = torch.arange(10, 18)


def naive_contrast(similarity: torch.Tensor, same: torch.Tensor, smoothing: float) -> float:
    total, count = 0.0, len(similarity)
    for i in range(count):
        for j in range(count):
            target = (1 - smoothing) * float(same[i, j]) / int(same[i].sum()) + smoothing / count
            row = math.log(sum(math.exp(similarity[i, k]) for k in range(count)))
            column = math.log(sum(math.exp(similarity[k, i]) for k in range(count)))
            total -= target * (float(similarity[i, j]) - row + float(similarity[j, i]) - column)
    return total / count / 2


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_contrast_is_its_formula(smoothing: float) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 1, 0, 2])
    similarity, same = torch.randn(4, 4), labels[:, None] == labels
    assert contrast(similarity, same, smoothing).item() == pytest.approx(naive_contrast(similarity, same, smoothing))


def test_a_negative_is_never_of_the_same_identity_and_mostly_a_hard_one() -> None:
    torch.manual_seed(0)
    same = torch.eye(4, dtype=torch.bool)
    similarity = torch.tensor([9.0, 4.0, 0.0, 0.0]).repeat(4, 1)
    drawn = torch.stack([hard_negatives(similarity, same)[0] for _ in range(200)])  # (200, 4)
    assert not (drawn == torch.arange(4)).any()
    assert (drawn[:, 0] == 1).float().mean() > 0.9
    assert (drawn[:, 1] == 0).float().mean() > 0.9


def test_a_batch_of_one_phrase_has_no_negatives() -> None:
    columns, usable = hard_negatives(torch.zeros(3, 3), torch.ones(3, 3, dtype=torch.bool))
    assert not usable.any()
    assert columns.shape == (3,)


def test_words_are_hidden_whole_and_never_padding_or_ends() -> None:
    torch.manual_seed(0)
    for _ in range(50):
        pieces, hidden = hide_words(PIECES, WORDS, MASK, VOCABULARY, 0.5, 10)
        chosen = hidden >= 0
        assert not chosen[WORDS == 0].any()
        assert (pieces == PIECES)[~chosen].all()
        assert (hidden[chosen] == PIECES[chosen]).all()
        assert chosen[0, 2] == chosen[0, 3]  # two pieces of one word
        assert chosen.any(dim=1).all()


def test_the_share_of_hidden_words_is_kept_and_most_of_them_show_the_mask() -> None:
    torch.manual_seed(0)
    pieces, hidden = hide_words(PIECES[1:].repeat(500, 1), WORDS[1:].repeat(500, 1), MASK, VOCABULARY, 0.4, 10)
    chosen = hidden >= 0
    assert (chosen.sum(dim=1) == 2).all()
    assert (pieces[chosen] == MASK).float().mean() == pytest.approx(0.8, abs=0.05)
    assert (hide_words(PIECES, WORDS, MASK, VOCABULARY, 1.0, 1)[1] >= 0)[1].sum() == 1


def test_scores_are_scaled_row_by_row() -> None:
    assert scaled(torch.tensor([[2.0, 4.0, 3.0], [7.0, 7.0, 7.0]])).tolist() == [[0.0, 1.0, 0.5], [0.0, 0.0, 0.0]]
