"""The foundation stands on weights of others, as they published them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.checksummed import halved, seal
from retrieval.artifacts.manifest import PUBLISHED, WEIGHTS, Manifest, reference_to
from retrieval.artifacts.text_tower import save_text_tower
from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.errors import BundleError
from retrieval.images import Preprocess
from retrieval.methods.clip_baseline import ClipBaseline
from retrieval.methods.foundation import TEXT, Config, Foundation
from retrieval.types import PHOTO
from tests.backbones.tokenizers import PIECES, toy_tokenizer

TINY = Config(dim=8, width=16, layers=1, heads=2, sentence=32, hidden=8)
TRUNK = "tower.trunk."


@pytest.fixture(scope="module")
def method() -> Foundation:
    torch.manual_seed(0)
    return Foundation(TINY, Preprocess(32)).eval()


def bundle(home: Path, method: Foundation, left_out: str = "") -> Path:
    """A bundle whose trunk is another file: that of a whole network, with a classifier that nobody needs."""
    sizes = SentenceConfig(vocabulary=len(PIECES), width=32, layers=1, heads=2, hidden=32, positions=24)
    save_text_tower(home / "tower", SentenceEncoder(toy_tokenizer(), sizes), toy_tokenizer())
    state = method.state_dict()
    own = {name: weight for name, weight in state.items() if not name.startswith(TRUNK)}
    theirs = {name.removeprefix(TRUNK): weight for name, weight in state.items() if name.startswith(TRUNK)}
    theirs = {name: weight for name, weight in theirs.items() if name != left_out} | {"classifier.bias": torch.ones(9)}
    config = dataclasses.asdict(method.config)
    manifest = Manifest("toy", "foundation", config, method.preprocess, (), (), method.dim, {})
    payload = dataclasses.asdict(manifest) | {"refers_to": {"text": dataclasses.asdict(reference_to(home / "tower"))}}
    seal(home / "toy", payload, {WEIGHTS: halved(own), PUBLISHED: halved(theirs)})
    return home / "toy"


def test_a_bundle_takes_its_trunk_out_of_what_others_published(method: Foundation, tmp_path: Path) -> None:
    loaded = load_bundle(bundle(tmp_path, method))
    pictures = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        expected = method.encode_images(pictures, [PHOTO, PHOTO])
        torch.testing.assert_close(loaded.encode_images(pictures, [PHOTO, PHOTO]), expected, rtol=0, atol=5e-3)


def test_words_are_read_in_one_pass_as_they_are_in_two(
    method: Foundation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_bundle(bundle(tmp_path, method))
    texts = ["a duck", "a photo of a red duck"]
    encoder = loaded.method.parts[TEXT]
    passes: list[int] = []
    monkeypatch.setattr(
        encoder, "forward", lambda texts, read=encoder.forward: passes.append(len(texts)) or read(texts)
    )
    with torch.inference_mode():
        vectors, meanings = loaded.encode_words(texts)
        assert passes == [4]
        torch.testing.assert_close(vectors, loaded.encode_texts(texts))
        torch.testing.assert_close(meanings, loaded.encode_meanings(texts))


def test_weights_that_are_not_the_trunks_are_refused(method: Foundation, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"1 tensors differ, among them tower\.trunk\.conv_stem\.weight"):
        load_bundle(bundle(tmp_path, method, left_out="conv_stem.weight"))


def test_a_method_that_stands_on_nobodys_weights_refuses_them() -> None:
    method = ClipBaseline(ClipBaseline.config_type(dim=8, text_width=16, text_layers=1, text_heads=2), Preprocess(32))
    assert method.adopt({}) == {}
    with pytest.raises(BundleError, match="ClipBaseline adopts no weights of others"):
        method.adopt({"a": torch.zeros(1)})
