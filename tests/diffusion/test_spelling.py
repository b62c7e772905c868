"""Vectors are written in the words that a prior was taught, and a word is written as itself."""

from __future__ import annotations

import pytest
import torch

from retrieval.diffusion.spelling import Spelling
from tests.diffusion.priors import tiny_prior

WORDS = ("duck", "car", "alarm clock")


@pytest.fixture(scope="module")
def spelling() -> Spelling:
    return Spelling(tiny_prior().reader, WORDS)


def test_shares_are_of_the_words_and_those_of_a_word_are_its_own(spelling: Spelling) -> None:
    shares = spelling.shares(spelling.words)  # (3, 3)
    assert shares.sum(dim=1).tolist() == pytest.approx([1.0] * 3)
    assert shares.argmax(dim=1).tolist() == [0, 1, 2]
    assert shares.diagonal().min() > 0.9


def test_what_is_written_is_a_mixture_of_words_as_long_as_one(spelling: Spelling) -> None:
    torch.manual_seed(0)
    vectors = torch.randn(5, spelling.words.shape[1])
    written = spelling(vectors)
    length = spelling.words.norm(dim=1).median().item()
    assert written.norm(dim=1).tolist() == pytest.approx([length] * 5, rel=1e-5)
    weights = torch.linalg.lstsq(spelling.words.T, written.T).solution.T  # (5, 3)
    assert torch.allclose(weights @ spelling.words, written, atol=1e-5)
    assert torch.allclose(weights / weights.sum(dim=1, keepdim=True), spelling.shares(vectors), atol=1e-4)


def test_the_length_of_a_vector_says_nothing(spelling: Spelling) -> None:
    vectors = torch.randn(4, spelling.words.shape[1])
    assert torch.allclose(spelling(vectors), spelling(7 * vectors), atol=1e-6)


def test_the_likeliest_words_come_first_with_their_shares(spelling: Spelling) -> None:
    vector = spelling.words[1] + 0.2 * spelling.words[2]
    found = spelling.likeliest(vector, 2)
    shares = spelling.shares(vector[None])[0]
    assert list(found) == ["car", "alarm clock"]
    assert list(found.values()) == pytest.approx([shares[1].item(), shares[2].item()])
    assert len(spelling.likeliest(vector, 9)) == len(WORDS)
