"""The plain dual encoder does what its file says."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch

from retrieval.images import Preprocess
from retrieval.methods import Batch, ClipBaseline
from retrieval.methods.clip_baseline import cross_domain_masks, twin_mask
from retrieval.types import PHOTO, SKETCH

TINY = {
    "trunk": "test_resnet",
    "dim": 16,
    "text_width": 16,
    "text_layers": 1,
    "text_heads": 2,
    "context_length": 8,
    "epochs": 1,
}


def made() -> ClipBaseline:
    torch.manual_seed(0)
    return ClipBaseline(ClipBaseline.config_type(**TINY), Preprocess(32))


def toy_batch() -> Batch:
    """Four classes, each as photo and sketch: a colour and its inverse, so that only learning can match them."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.rand(4, 3, 1, 1, generator=generator).expand(4, 3, 32, 32)
    images = torch.cat([colors, -colors]) * 2 + 0.1 * torch.randn(8, 3, 32, 32, generator=generator)
    labels = torch.arange(4).repeat(2)
    names = [("duck", "car", "mug", "house")[i] for i in labels]
    texts = [f"a {name}" for name in names]
    return Batch(images, [PHOTO] * 4 + [SKETCH] * 4, labels, texts, labels[:, None] == labels[None, :])


def test_codes_are_unit_rows() -> None:
    method = made().eval()
    images = method.encode_images(torch.randn(3, 3, 32, 32), [PHOTO] * 3)
    texts = method.encode_texts(["a duck", "a very long sentence about a duck that goes on and on and on and on"])
    assert images.shape == (3, 16)
    assert texts.shape == (2, 16)
    assert torch.allclose(torch.cat([images, texts]).norm(dim=1), torch.ones(5))


def test_each_loss_alone_reaches_the_parameters_it_should() -> None:
    method = made()
    for name, towers in {"image_text": ("visual", "transformer"), "image_image": ("visual",)}.items():
        method.zero_grad()
        method.losses(toy_batch(), method.phases()[0])[name].backward()
        for tower in towers:
            reached = [p for n, p in method.named_parameters() if tower in n and p.grad is not None and p.grad.any()]
            assert reached, f"{name} does not reach {tower}"


def test_twins_are_pairs_of_one_object_and_nothing_is_its_own_twin() -> None:
    found = twin_mask(["a", "", "a", "", "b"], torch.device("cpu"))
    assert found.nonzero().tolist() == [[0, 2], [2, 0]]


def test_the_contrast_of_objects_equals_a_plain_loop_and_reaches_the_pictures() -> None:
    method, batch = made().double(), toy_batch()
    things = ["duck-1", "", "", "house-1", "duck-1", "", "", "house-1"]
    batch = dataclasses.replace(batch, images=batch.images.double(), instances=things)
    method.zero_grad()
    loss = method.losses(batch, method.phases()[0])["thing"]
    loss.backward()
    assert any(p.grad is not None and p.grad.any() for n, p in method.named_parameters() if "visual" in n)
    codes = method.encode_images(batch.images, batch.domains).detach()
    terms = []
    for i, thing in enumerate(things):
        for j, other in enumerate(things):
            if thing and i != j and thing == other:
                scores = [float(codes[i] @ codes[k]) / method.config.image_temperature for k in range(8) if k != i]
                wanted = float(codes[i] @ codes[j]) / method.config.image_temperature
                terms.append(math.log(sum(math.exp(s) for s in scores)) - wanted)
    assert loss.item() == pytest.approx(method.config.thing_weight * sum(terms) / len(terms))


def test_one_batch_can_be_learnt_by_heart() -> None:
    method, batch = made(), toy_batch()
    optimiser = torch.optim.AdamW(method.parameters(), 3e-3)
    for _ in range(60):
        loss = torch.stack(list(method.losses(batch, method.phases()[0]).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    method.eval()
    with torch.inference_mode():
        codes = method.encode_images(batch.images, batch.domains)
        texts = method.encode_texts(batch.texts)
    assert (codes[4:] @ codes[:4].T).argmax(dim=1).tolist() == [0, 1, 2, 3], "each sketch finds its photo"
    assert (texts[:4] @ codes[:4].T).argmax(dim=1).tolist() == [0, 1, 2, 3], "each text finds its photo"


def test_the_domain_is_not_looked_at() -> None:
    method, images = made().eval(), torch.randn(2, 3, 32, 32)
    assert torch.equal(method.encode_images(images, [PHOTO] * 2), method.encode_images(images, [SKETCH] * 2))


def test_pairs_of_one_class_in_one_domain_neither_attract_nor_repel() -> None:
    attract, repel = cross_domain_masks(torch.tensor([0, 0, 0, 1]), [PHOTO, PHOTO, SKETCH, SKETCH])
    assert attract.tolist() == [
        [False, False, True, False],
        [False, False, True, False],
        [True, True, False, False],
        [False, False, False, False],
    ]
    assert repel[:3, 3].all()
    assert not repel[:3, :3].any()


def test_the_temperature_stays_in_its_range() -> None:
    method = made()
    method.model.logit_scale.data.fill_(99.0)
    method.after_step()
    assert method.model.logit_scale.exp().item() <= 100.001
