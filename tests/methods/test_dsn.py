"""DSN does what its file says, and what its release does where an option asks for that."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

from retrieval.artifacts.bundle import load_bundle, save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.errors import BundleError, QueryError
from retrieval.images import Preprocess
from retrieval.methods import DSN, Batch, config_from
from retrieval.methods.dsn import (
    Config,
    PhotoTeacher,
)
from retrieval.training.loop import fit
from retrieval.types import ENGRAVING, PAINTING, PHOTO, SKETCH
from tests.methods.toy_dsn import PREPROCESS, ToyData, made, toy_batch


def test_one_batch_can_be_learnt_by_heart() -> None:
    method, batch = made(), toy_batch()
    optimiser = torch.optim.AdamW(method.parameters(), 3e-3)
    for _ in range(30):
        loss = torch.stack(list(method.losses(batch, method.phases()[0]).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    method.eval()
    with torch.inference_mode():
        codes = method.encode_images(batch.images, batch.domains)
    assert torch.allclose(codes.norm(dim=1), torch.ones(16))
    found = (codes[8:] @ codes[:8].T).argmax(dim=1) % 4
    assert found.tolist() == [0, 1, 2, 3] * 2, "each sketch finds a photo of its class"


def test_the_modality_changes_the_code_once_it_has_been_learnt() -> None:
    method, images = made(), toy_batch().images
    flipped = [PHOTO] * 8 + [SKETCH] * 8, [SKETCH] * 8 + [PHOTO] * 8
    for trained in (False, True):
        if trained:
            list(fit(method, ToyData(), seed=0))
        method.eval()
        with torch.inference_mode():
            one, other = (method.encode_images(images, domains) for domains in flipped)
        assert torch.equal(one, other) != trained


def test_whatever_is_no_sketch_counts_as_a_photo() -> None:
    assert made().tags([PHOTO, SKETCH, PAINTING, ENGRAVING]).tolist() == [1.0, 0.0, 1.0, 1.0]
    assert made(sketches=("sketch", "engraving")).tags([SKETCH, ENGRAVING]).tolist() == [0.0, 0.0]
    assert made(tagged=False).tags([PHOTO, SKETCH]).tolist() == [0.0, 0.0]


def test_no_label_reaches_the_code() -> None:
    assert list(inspect.signature(DSN.encode_images).parameters) == ["self", "images", "domains"]
    method, batch = made().eval(), toy_batch()
    with torch.inference_mode():
        before = method.encode_images(batch.images, batch.domains)
        method.losses(dataclasses.replace(batch, labels=batch.labels.flip(0)), method.phases()[0])  # fills the memory
        assert torch.equal(method.encode_images(batch.images, batch.domains), before)


def test_another_view_has_the_same_geometry_up_to_a_mirror_and_other_colours() -> None:
    torch.manual_seed(0)
    picture = torch.zeros(1, 3, 8, 8)
    picture[:, :, :, :3] = 1.0
    views = list(made()._another_view(picture.repeat(20, 1, 1, 1)))
    for view in views:
        left, right = view[:, :, :3], view[:, :, 5:]
        assert torch.allclose(left, left[:, :1, :1].expand_as(left), atol=1e-5)
        assert torch.allclose(right, right[:, :1, :1].expand_as(right), atol=1e-5)
    edges = {bool((view[:, 0, 2] - view[:, 0, 3]).abs().sum() > 1e-3) for view in views}
    assert edges == {True, False}, "some are mirrored, some are not"
    assert len({round(view.sum().item(), 3) for view in views}) > 10


def test_it_reads_no_words_and_says_so() -> None:
    assert not made().reads_texts
    with pytest.raises(QueryError, match="DSN reads no words"):
        made().encode_texts(["a duck"])


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"trunk": "resnet51"}, "trunk is 'resnet51'"),
        ({"memory_index": "ours"}, "memory_index is 'ours'"),
        ({"memory_index": "released", "classes": 3}, "at least 10 classes"),
        ({"memory_slot": 3}, "Did you mean 'memory_slots'"),
    ],
)
def test_an_impossible_configuration_is_refused(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BundleError, match=sentence):
        config_from(Config, told, "here")


def test_a_saved_bundle_encodes_as_before_up_to_half_precision(tmp_path: Path) -> None:
    method, batch = made(), toy_batch()
    list(fit(method, ToyData(), seed=0))
    method.eval()
    config = dataclasses.asdict(method.config)
    save_bundle(tmp_path, method, Manifest("tiny", "dsn", config, PREPROCESS, ("photo", "sketch"), (), method.dim, {}))
    loaded = load_bundle(tmp_path)
    with torch.inference_mode():
        codes = loaded.encode_images(batch.images, batch.domains)
        assert torch.allclose(codes, method.encode_images(batch.images, batch.domains), atol=5e-3)
    assert torch.allclose(codes.norm(dim=1), torch.ones(16), atol=1e-5)
    assert not loaded.reads_texts


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() -> None:
    whole = made(epochs=2)
    reports = list(fit(whole, ToyData(), seed=3))
    state = next(fit(made(epochs=2), ToyData(), seed=3)).state()
    resumed = made(epochs=2)
    again = list(fit(resumed, ToyData(), seed=3, resume=state))
    assert again[-1].losses == reports[-1].losses
    assert all(torch.equal(t, resumed.state_dict()[name]) for name, t in whole.state_dict().items())


def test_the_size_of_the_paper_can_be_built_and_takes_a_step() -> None:
    with torch.device("meta"):
        empty = DSN(Config(), Preprocess(224))
    assert 25e6 < sum(p.numel() for p in empty.parameters()) < 30e6
    assert empty.encode_images(torch.empty(2, 3, 224, 224, device="meta"), [PHOTO, SKETCH]).shape == (2, 64)
    torch.manual_seed(0)
    method = DSN(Config(), Preprocess(224))
    method.learn_from(PhotoTeacher(Config()), torch.rand(100, 1000))
    images = torch.randn(2, 3, 224, 224)
    batch = Batch(images, [SKETCH, PHOTO], torch.tensor([7, 7]), (), torch.zeros(2, 0, dtype=torch.bool))
    before = method.code.weight.detach().clone()
    losses = method.losses(batch, method.phases()[0])
    torch.stack(list(losses.values())).sum().backward()
    torch.optim.SGD(method.parameters(), 1e-3).step()
    assert set(losses) == {"classify", "repeat", "contrast", "memory"}
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert not torch.equal(before, method.code.weight)
