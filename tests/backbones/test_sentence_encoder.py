"""Texts in, unit rows out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from retrieval.artifacts.manifest import WEIGHTS, reference_to
from retrieval.artifacts.parts import load_part
from retrieval.artifacts.text_tower import TOKENIZER, load_text_tower, save_text_tower
from retrieval.backbones.pretrained import PACKAGES, SENTENCES, imagenet_classifier, sentence_encoder
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.errors import BundleError, DataError
from tests.backbones.tokenizers import PIECES, toy_tokenizer

SMALL = SentenceConfig(vocabulary=len(PIECES), width=16, layers=2, heads=2, hidden=32, positions=12, longest=8)


@pytest.fixture
def encoder() -> SentenceEncoder:
    torch.manual_seed(0)
    return SentenceEncoder(toy_tokenizer(), SMALL).eval()


@torch.inference_mode()
def test_rows_have_unit_length_and_case_says_nothing(encoder: SentenceEncoder) -> None:
    rows = encoder(["a red house", "A RED House", "duck"])
    assert rows.shape == (3, 16)
    assert torch.allclose(rows.norm(dim=1), torch.ones(3), atol=1e-6)
    assert torch.equal(rows[0], rows[1])


@torch.inference_mode()
def test_padding_beside_longer_texts_changes_nothing(encoder: SentenceEncoder) -> None:
    alone, beside = encoder(["duck"])[0], encoder(["duck", "a sketch of a red house"])[0]
    assert torch.allclose(alone, beside, atol=1e-6)


@torch.inference_mode()
def test_a_text_beyond_the_longest_is_cut(encoder: SentenceEncoder) -> None:
    assert encoder.tokens(["duck " * 50])[0].shape == (1, 8)


@torch.inference_mode()
def test_a_saved_tower_says_the_same_in_half_precision(encoder: SentenceEncoder, tmp_path: Path) -> None:
    save_text_tower(tmp_path, encoder, toy_tokenizer())
    loaded = load_text_tower(tmp_path)
    assert torch.allclose(loaded(["a red house"]), encoder(["a red house"]), atol=2e-3)
    assert not any(p.requires_grad for p in loaded.parameters())


@torch.inference_mode()
def test_whoever_shares_a_tower_has_the_same_one_until_it_is_sealed_anew(
    encoder: SentenceEncoder, tmp_path: Path
) -> None:
    tower = tmp_path / "tower"
    save_text_tower(tower, encoder, toy_tokenizer())
    first = load_part(tmp_path / "bundle", "text", reference_to(tower))
    assert load_part(tmp_path / "bundle", "text", reference_to(tower)) is first
    other = SentenceEncoder(toy_tokenizer(), SMALL).eval()
    save_text_tower(tower, other, toy_tokenizer())
    second = load_part(tmp_path / "bundle", "text", reference_to(tower))
    assert torch.allclose(second(["a red house"]), other(["a red house"]), atol=2e-3)
    assert torch.allclose(first(["a red house"]), encoder(["a red house"]), atol=2e-3), "who holds it keeps it"


@pytest.mark.parametrize("name", [WEIGHTS, TOKENIZER])
def test_a_tower_whose_files_were_changed_is_refused(encoder: SentenceEncoder, tmp_path: Path, name: str) -> None:
    save_text_tower(tmp_path, encoder, toy_tokenizer())
    with (tmp_path / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(BundleError, match="checksum"):
        load_text_tower(tmp_path)


def test_a_trunk_without_a_package_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DataError, match="tf_efficientnet_lite0"):
        imagenet_classifier("resnet50")


@torch.inference_mode()
def test_the_published_sentence_encoder_knows_a_puppy_for_a_dog() -> None:
    pytest.importorskip(SENTENCES, reason="the extra `train` is not installed")
    rows = sentence_encoder()(["puppy", "dog", "sofa", "couch"])
    close = rows @ rows.T
    assert close[0, 1] > 0.75
    assert close[2, 3] > 0.8
    assert close[0, 3] < 0.5


@torch.inference_mode()
def test_the_published_classifier_has_a_thousand_classes() -> None:
    pytest.importorskip(PACKAGES["tf_efficientnet_lite0"][0], reason="the extra `train` is not installed")
    assert imagenet_classifier("tf_efficientnet_lite0")(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
