"""What is fitted on top of a trunk fits, and the trunk stays as it was."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from retrieval.methods.dsn import DSN, Config, PhotoTeacher
from retrieval.training.recipes.parts.linear_start import Features, begin_linearly, extract_features, fit_classifier
from tests.methods.toy_dsn import PREPROCESS, TINY, toy_batch


def toy_start() -> tuple[DSN, PhotoTeacher, Features]:
    """A student that starts as its teacher, and what their trunk makes of the toy batch."""
    torch.manual_seed(0)
    config = Config(**TINY)
    teacher, method = PhotoTeacher(config), DSN(config, PREPROCESS)
    method.learn_from(teacher, torch.zeros(config.classes, config.teacher_classes))
    return method, teacher, extract_features(method.trunk, [toy_batch(), toy_batch()], config.sketches)


def test_features_are_those_of_the_trunk_at_rest() -> None:
    method, _, seen = toy_start()
    batch = toy_batch()
    assert method.trunk.training, "as it was"
    method.eval()
    with torch.no_grad():
        wanted = method.trunk(batch.images, torch.ones(16))  # it does not listen to tags yet
    assert torch.allclose(seen.features, wanted.repeat(2, 1), atol=1e-5)
    assert seen.labels.tolist() == batch.labels.tolist() * 2  # type: ignore[union-attr]
    assert seen.photos.tolist() == ([True] * 8 + [False] * 8) * 2


def test_the_classifier_is_where_its_loss_is_least() -> None:
    torch.manual_seed(0)
    features, shares = torch.randn(60, 5), torch.randn(60, 3).softmax(dim=1)
    fitted = fit_classifier(features, shares, 3)
    weight, bias = fitted.weight.clone().requires_grad_(), fitted.bias.clone().requires_grad_()
    loss = F.cross_entropy(features @ weight.T + bias, shares) + 1e-4 * weight.square().sum()
    gradients = torch.autograd.grad(loss, (weight, bias))
    assert all(gradient.abs().max() < 1e-3 for gradient in gradients)
    assert torch.equal(fit_classifier(features, shares, 3).weight, fitted.weight), "nothing is random"


def test_a_linear_start_teaches_code_and_heads_and_leaves_the_trunk_alone() -> None:
    method, teacher, seen = toy_start()
    before = {name: t.clone() for name, t in method.state_dict().items()}
    begin_linearly(method, teacher, torch.randn(7, seen.features.shape[1]), seen, seed=0)
    after = method.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"code", "classify", "repeat"}
    with torch.no_grad():
        codes = method.code(seen.features)
        assert (method.classify(codes).argmax(dim=1) == seen.labels).all()
        photos = seen.features[seen.photos]
        wanted, repeated = teacher.classify(photos).softmax(1), method.repeat(codes[seen.photos]).softmax(1)
        assert torch.allclose(repeated, wanted, atol=0.05)
    assert all(p.requires_grad and p.grad is None for p in method.repeat.parameters())


def test_a_linear_start_is_the_same_for_the_same_seed() -> None:
    codes = []
    for seed in (3, 3, 4):
        method, teacher, seen = toy_start()
        plain = torch.randn(7, seen.features.shape[1], generator=torch.Generator().manual_seed(0))
        begin_linearly(method, teacher, plain, seen, seed)
        codes.append(method.code.weight.detach().clone())
    assert torch.equal(codes[0], codes[1])
    assert not torch.equal(codes[0], codes[2])
