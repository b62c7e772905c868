"""MRA: what its codes see, what its losses reach, and what must never happen."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from retrieval.methods.base import Phase
from retrieval.methods.mra import MRA
from tests.methods.toy_mra import COAT, HAT, PAIRS, figure, sentence, toy_batch, toy_mra

PRE, FINE = Phase("pre-training", 1, 1e-3), Phase("fine-tuning", 1, 1e-3)
TERMS = {  # of the loss -> a part that it must move
    "contrast": ("picture_head", "text_head"),
    "matching": ("fusion", "match_head", "picture_reader"),
    "words": ("word_head", "fusion", "picture_reader"),
    "region contrast": ("region_head", "phrase_head", "picture_reader"),
    "region matching": ("fusion", "match_head"),
}


@pytest.fixture(scope="module")
def trained() -> MRA:
    """A small MRA that knows nine figures by heart."""
    method = toy_mra()
    batch = toy_batch(method)
    optimiser = torch.optim.AdamW(method.parameters(), lr=3e-3)
    torch.manual_seed(0)
    for _ in range(150):
        optimiser.zero_grad()
        sum(method.losses(batch, PRE).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
        method.after_step()
    return method.eval().requires_grad_(False)


@pytest.mark.parametrize("term", TERMS)
def test_every_loss_reaches_its_parts(term: str) -> None:
    method = toy_mra()
    method.losses(toy_batch(method), PRE)[term].backward()  # type: ignore[no-untyped-call]
    for part in TERMS[term]:
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in getattr(method, part).parameters()), part


def test_a_batch_without_boxes_has_no_losses_of_regions() -> None:
    method = toy_mra()
    assert set(method.losses(toy_batch(method, regions=False), FINE)) == {"contrast", "matching", "words"}


def test_without_matching_and_hidden_words_contrast_alone_is_learnt() -> None:
    method = toy_mra()
    method.config = dataclasses.replace(method.config, matches=False, hidden=0.0)
    assert set(method.losses(toy_batch(method), PRE)) == {"contrast", "region contrast"}


def test_two_boxes_of_a_picture_have_different_codes(trained: MRA) -> None:
    places = trained.picture_reader(toy_batch(trained).images)
    codes = [trained.region_codes(places, trained.inside(torch.tensor(box).expand(9, 4))) for box in (HAT, COAT)]
    assert (codes[0] * codes[1]).sum(dim=1).mean() < 0.95


def test_a_region_that_is_the_whole_picture_has_another_code_than_its_parts(trained: MRA) -> None:
    places = trained.picture_reader(toy_batch(trained).images)
    whole, hat = (
        trained.region_codes(places, trained.inside(torch.tensor(box).expand(9, 4)))
        for box in ((0.5, 0.5, 1.0, 1.0), HAT)
    )
    assert not torch.allclose(whole, hat, atol=1e-3)


def test_a_phrase_finds_its_region(trained: MRA) -> None:
    places = trained.picture_reader(toy_batch(trained).images)
    boxes = [trained.inside(torch.tensor(box).expand(9, 4)) for box in (HAT, COAT)]
    regions = torch.stack([trained.region_codes(places, inside) for inside in boxes], dim=1)  # (9, 2, D)
    phrases = trained.read([f"{hat} hat" for hat, _ in PAIRS])
    words = trained.phrase_codes(trained.text_reader(phrases.states, phrases.real), phrases.real)
    right = (regions @ words[:, :, None])[..., 0].argmax(dim=1) == 0
    assert right.float().mean() >= 0.8


def test_swapping_a_colour_lowers_the_match(trained: MRA) -> None:
    pictures = trained.picture_places(torch.stack([figure("red", "blue")]))
    right, wrong = (trained.rerank(sentence(hat, "blue"), pictures) for hat in ("red", "green"))
    assert right > wrong


def test_the_match_of_a_region_ignores_what_lies_outside(trained: MRA) -> None:
    places = trained.picture_reader(toy_batch(trained).images)
    inside = trained.inside(torch.tensor(HAT).expand(9, 4))
    phrase = trained.read(["red hat"] * 9)
    tokens = trained.text_reader(phrase.states, phrase.real)
    changed = torch.where(inside[..., None], places, torch.randn_like(places))
    first, second = (trained.match(tokens, phrase.real, seen, inside) for seen in (places, changed))
    torch.testing.assert_close(first, second)


def test_the_code_of_a_text_does_not_change_with_padding(trained: MRA) -> None:
    short, long = "a red hat", sentence("red", "blue")
    alone, padded = trained.encode_texts([short])[0], trained.encode_texts([short, long])[0]
    torch.testing.assert_close(alone, padded)


def test_codes_are_unit_rows_and_a_mirrored_picture_has_the_same(trained: MRA) -> None:
    pictures = torch.stack([figure("red", "blue"), figure("green", "red")])
    pictures[0, :, :, : pictures.shape[-1] // 2] *= 0.5
    codes, mirrored = (trained.encode_images(view, []) for view in (pictures, pictures.flip(-1)))
    torch.testing.assert_close(codes.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(codes, mirrored)


def test_a_sentence_finds_its_figure(trained: MRA) -> None:
    pictures = torch.stack([figure(*pair) for pair in PAIRS])
    codes, words = trained.encode_images(pictures, []), trained.encode_texts([sentence(*pair) for pair in PAIRS])
    assert ((words @ codes.T).argmax(dim=1) == torch.arange(9)).float().mean() >= 0.8


def test_the_temperature_stays_within_bounds() -> None:
    method = toy_mra()
    with torch.no_grad():
        method.scale.fill_(9.0)
    method.after_step()
    assert method.scale.exp().item() == pytest.approx(100.0)
