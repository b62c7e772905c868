"""DSN's trunk, which is told the modality, and the teacher that it starts from."""

from __future__ import annotations

import dataclasses

import pytest
import timm
import torch
from torch.nn import functional as F

from retrieval.backbones.conditional_resnet import ConditionalExcitation, ConditionalResNet
from retrieval.errors import SettingsError
from retrieval.methods import DSN, Batch
from retrieval.methods.dsn import (
    Config,
    PhotoTeacher,
)
from retrieval.training.loop import fit
from tests.methods.toy_dsn import PREPROCESS, TINY, ToyData, made, normal, toy_batch

# ---------------------------------------------------------------- the trunk


@pytest.mark.parametrize(("ours", "theirs"), [("resnet10t", "resnet10t"), ("resnet50", "seresnet50")])
def test_while_the_tags_weigh_nothing_the_trunk_is_a_plain_se_resnet(ours: str, theirs: str) -> None:
    torch.manual_seed(0)
    plain = timm.create_model(theirs, num_classes=0, block_args={"attn_layer": "se"}).eval()
    trunk = ConditionalResNet(ours).eval()
    missing, unexpected = trunk.load_state_dict(plain.state_dict(), strict=False)
    assert not unexpected
    assert all(name.endswith("se.tag") for name in missing)
    assert len(missing) == sum(isinstance(part, ConditionalExcitation) for part in trunk.modules())
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(trunk(images, torch.tensor([0.0, 1.0])), plain(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet10t", "resnet50"])
def test_a_trunk_that_takes_over_a_plain_resnet_is_that_resnet_under_both_tags(name: str) -> None:
    torch.manual_seed(0)
    plain = timm.create_model(name, num_classes=0, zero_init_last=False).eval()
    trunk = ConditionalResNet(name).eval()
    trunk.take_over(plain.state_dict())
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        for tag in (0.0, 1.0):
            found, wanted = trunk(images, torch.full((2,), tag)), plain(images)
            assert torch.allclose(found, wanted, rtol=1e-4, atol=1e-5 * float(wanted.abs().max()))
        assert all((gates == 0.5).all() for gates in trunk.gates(images, torch.zeros(2)).values())
    trunk(images, torch.ones(2)).sum().backward()
    parts = [part for part in trunk.modules() if isinstance(part, ConditionalExcitation)]
    assert all(p.grad is not None and p.grad.any() for part in parts for p in (part.tag, part.fc2.weight))


def test_weights_of_another_trunk_are_not_taken_over() -> None:
    trunk = ConditionalResNet("resnet10t")
    weights = timm.create_model("resnet10t", num_classes=0).state_dict()
    with pytest.raises(SettingsError, match="do not fit the trunk"):
        ConditionalResNet("resnet10-quarter").take_over(weights)
    with pytest.raises(SettingsError, match=r"1 parts differ, among them layer1\.0\.bn1\.bias"):
        trunk.take_over({name: t for name, t in weights.items() if name != "layer1.0.bn1.bias"})
    with pytest.raises(SettingsError, match="1 parts differ, among them head"):
        trunk.take_over(weights | {"head": torch.zeros(1)})


def test_settled_normalisations_keep_their_statistics_and_the_trunk_learns_slower_than_its_gates() -> None:
    method = made(settled=True, trunk_rate=0.25)
    before = {name: t.clone() for name, t in method.state_dict().items()}
    rates = method.phases()[0].rates
    assert rates == {"trunk": 0.25} | {f"trunk.layer{n}.0.se": 1.0 for n in range(1, 5)}
    list(fit(method, ToyData(), seed=0))
    after = method.state_dict()
    running = [name for name in before if "running" in name or "num_batches" in name]
    assert running
    assert all(torch.equal(before[name], after[name]) for name in running)
    assert not torch.equal(before["trunk.conv1.0.weight"], after["trunk.conv1.0.weight"])
    assert method.code.training, "all else is in training"


def test_the_excitation_is_one_matrix_over_the_squeezed_channels_and_the_tag() -> None:
    torch.manual_seed(0)
    part = ConditionalExcitation(32).double()
    torch.nn.init.normal_(part.tag)
    features, tags = normal(3, 32, 4, 4), torch.tensor([0.0, 1.0, 1.0]).double()
    w1, w2 = part.fc1.weight[:, :, 0, 0], torch.cat([part.fc2.weight[:, :, 0, 0], part.tag], dim=1)  # (C, C / 16 + 1)
    for u, t, found in zip(features, tags, part(features, tags), strict=True):
        a = F.relu(w1 @ u.mean(dim=(1, 2)) + part.fc1.bias)
        s = torch.sigmoid(w2 @ torch.cat([a, t[None]]) + part.fc2.bias)
        assert torch.allclose(found, s[:, None, None] * u)


def test_every_block_learns_to_tell_the_modalities_apart_from_the_first_step_on() -> None:
    method = made()
    torch.stack(list(method.losses(toy_batch(), method.phases()[0]).values())).sum().backward()
    tags = [p for name, p in method.named_parameters() if name.endswith("se.tag")]
    assert len(tags) == 4
    assert all(not tag.any() and tag.grad is not None and tag.grad.any() for tag in tags)


def test_the_gates_are_those_that_a_forward_pass_goes_through() -> None:
    torch.manual_seed(0)
    trunk, images, tags = (
        ConditionalResNet("resnet10-quarter").eval(),
        torch.randn(2, 3, 32, 32),
        torch.tensor([0.0, 1.0]),
    )
    parts = [part for part in trunk.modules() if isinstance(part, ConditionalExcitation)]
    passed = []
    for part in parts:
        torch.nn.init.normal_(part.tag)
        part.register_forward_hook(lambda part, told, out: passed.append(part.gates(*told).flatten(1)))
    with torch.no_grad():
        trunk(images, tags)
        wanted, found = list(passed), trunk.gates(images, tags)
    assert list(found) == ["1.1", "2.1", "3.1", "4.1"]
    assert all(torch.equal(a, b) for a, b in zip(wanted, found.values(), strict=True))


# ---------------------------------------------------------------- the teacher


def test_the_student_starts_as_the_best_narrow_approximation_of_its_teacher() -> None:
    torch.manual_seed(0)
    config = Config(**TINY | {"dim": 3})
    teacher, method = PhotoTeacher(config), DSN(config, PREPROCESS)
    method.learn_from(teacher, torch.rand(4, 6))
    method.eval()
    with torch.no_grad():
        features = teacher.trunk(toy_batch().images, torch.zeros(16))
        assert torch.equal(method.trunk(toy_batch().images, torch.ones(16)), features)
        left, values, right = torch.linalg.svd(teacher.classify.weight)
        best = left[:, :3] @ torch.diag(values[:3]) @ right[:3]
        assert torch.allclose(method.repeat.weight @ method.code.weight, best, atol=1e-5)
        found = method.repeat(method.code(features)) - method.repeat(method.code(torch.zeros_like(features)))
        assert torch.allclose(found, features @ best.T, atol=1e-4)


def test_the_teacher_learns_from_photos_alone() -> None:
    torch.manual_seed(0)
    batch, teacher = toy_batch(), PhotoTeacher(Config(**TINY))
    phase = teacher.phases()[0]
    before = teacher.losses(batch, phase)["classify"]
    drawn = batch.images.clone()
    drawn[8:] = 0.0
    assert torch.equal(teacher.losses(dataclasses.replace(batch, images=drawn), phase)["classify"], before)
    before.backward()
    tags = [p for name, p in teacher.named_parameters() if name.endswith("se.tag")]
    assert not any(tag.any() or (tag.grad is not None and tag.grad.any()) for tag in tags)


def test_training_leaves_the_teacher_as_it_was_and_out_of_the_weights() -> None:
    method = made()
    assert method._lesson is not None
    teacher = method._lesson[0]
    before = {name: t.clone() for name, t in teacher.state_dict().items()}
    list(fit(method, ToyData(), seed=0))
    assert not teacher.training
    assert all(torch.equal(before[name], t) for name, t in teacher.state_dict().items())
    assert not any(name.startswith("_lesson") for name in method.state_dict())


def test_only_photos_are_distilled_and_a_batch_without_them_is_no_trouble() -> None:
    method, batch = made(), toy_batch()
    drawn = Batch(batch.images[8:], batch.domains[8:], batch.labels[8:], (), batch.holds[8:])  # type: ignore[index]
    losses = method.losses(drawn, method.phases()[0])
    assert losses["repeat"].item() == 0.0
    assert losses["memory"].item() == 0.0


def test_training_without_a_teacher_is_refused_in_a_sentence() -> None:
    method = DSN(Config(**TINY), PREPROCESS)
    with pytest.raises(SettingsError, match="no teacher yet"):
        method.losses(toy_batch(), method.phases()[0])
    with pytest.raises(SettingsError, match=r"shape \(6, 4\)"):
        method.learn_from(PhotoTeacher(Config(**TINY)), torch.rand(6, 4))
