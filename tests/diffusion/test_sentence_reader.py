"""A sentence encoder reads prompts with vectors in the places of words."""

from __future__ import annotations

import pytest
import torch

from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.diffusion.sentence_reader import SentenceReader
from retrieval.errors import QueryError
from tests.backbones.tokenizers import PIECES, toy_tokenizer

SIZES = SentenceConfig(vocabulary=len(PIECES), width=16, layers=2, heads=2, hidden=32, positions=24)


@pytest.fixture(scope="module")
def reader() -> SentenceReader:
    torch.manual_seed(0)
    encoder = SentenceEncoder(toy_tokenizer(), SIZES).eval().requires_grad_(False)
    return SentenceReader(encoder, positions=9)


def test_a_word_put_in_as_a_vector_is_that_word(reader: SentenceReader) -> None:
    vector = reader.word("duck")
    torch.testing.assert_close(
        reader(["a sketch of a house"], {5: vector[None]}), reader(["a sketch of a duck"]), atol=1e-6, rtol=0
    )


def test_a_vector_takes_the_place_of_all_pieces_of_a_word(reader: SentenceReader) -> None:
    vector = reader.word("duck")
    torch.testing.assert_close(
        reader(["a houses of a apples"], {2: vector[None], 5: vector[None]}), reader(["a duck of a duck"])
    )


def test_states_do_not_depend_on_the_other_prompts_of_a_batch_and_are_zero_behind_the_end(
    reader: SentenceReader,
) -> None:
    together = reader(["a duck", "a sketch of a red house"])
    torch.testing.assert_close(together[:1], reader(["a duck"]), atol=1e-6, rtol=0)
    assert together.shape == (2, 9, 16)
    assert together[0, 4:].abs().max() == 0
    assert together[0, 3].abs().max() > 0


def test_the_empty_prompt_has_states(reader: SentenceReader) -> None:
    assert reader([""])[0, :2].abs().min(dim=1).values.shape == (2,)
    assert reader([""])[0, 2:].abs().max() == 0


def test_a_gradient_reaches_a_vector_among_the_words(reader: SentenceReader) -> None:
    vector = reader.word("duck").clone().requires_grad_()
    reader(["a sketch of a house"], {5: vector[None]})[0, 2, 0].backward()
    assert vector.grad is not None
    assert vector.grad.abs().sum() > 0


def test_a_prompt_that_is_too_long_is_a_sentence_with_both_numbers(reader: SentenceReader) -> None:
    with pytest.raises(QueryError, match="10 pieces of words, but the prior reads 9"):
        reader(["a red red red red red red duck"])
