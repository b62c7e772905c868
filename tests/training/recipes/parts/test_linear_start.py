"""What is fitted on top of a trunk fits, and the trunk stays as it was."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from retrieval.methods.dsn import DSN, Config, PhotoTeacher
from retrieval.training.recipes.parts.linear_start import Features, begin_linearly, fit_classifier
from tests.methods.toy_dsn import PREPROCESS, TINY, toy_batch


def toy_start() -> tuple[DSN, Features]:
    """A student that starts as its teacher, and what their trunk makes of the toy batch."""
    torch.manual_seed(0)
    config = Config(**TINY)
    teacher, method, batch = PhotoTeacher(config), DSN(config, PREPROCESS), toy_batch()
    method.learn_from(teacher, torch.zeros(config.classes, config.teacher_classes))
    assert batch.labels is not None
    with torch.no_grad():
        features = method.eval().trunk(batch.images, torch.ones(16))  # it does not listen to tags yet
        return method, Features(features, batch.labels, torch.arange(16) < 8, teacher.classify(features))


def test_the_classifier_is_where_its_loss_is_least() -> None:
    torch.manual_seed(0)
    features, shares = torch.randn(60, 5), torch.randn(60, 3).softmax(dim=1)
    fitted = fit_classifier(features, shares, 3)
    weight, bias = fitted.weight.clone().requires_grad_(), fitted.bias.clone().requires_grad_()
    loss = F.cross_entropy(features @ weight.T + bias, shares) + 1e-4 * weight.square().sum()
    gradients = torch.autograd.grad(loss, (weight, bias))
    assert all(gradient.abs().max() < 1e-3 for gradient in gradients)
    assert torch.equal(fit_classifier(features, shares, 3).weight, fitted.weight), "nothing is random"


def test_a_linear_start_fits_the_heads_to_a_code_of_principal_axes_and_leaves_the_trunk_alone() -> None:
    method, seen = toy_start()
    before = {name: t.clone() for name, t in method.state_dict().items()}
    begin_linearly(method, seen)
    after = method.state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"code", "classify", "repeat"}
    with torch.no_grad():
        codes = method.code(seen.features)
        covariance = torch.cov(codes.T)
        assert torch.allclose(covariance, covariance.diagonal().diag(), atol=1e-3 * float(covariance.max()))
        assert torch.allclose(codes.mean(dim=0), torch.zeros(5), atol=1e-4)
        assert (method.classify(codes).argmax(dim=1) == seen.labels).all()
        wanted, repeated = seen.answers[seen.photos].softmax(1), method.repeat(codes[seen.photos]).softmax(1)
        assert torch.allclose(repeated, wanted, atol=0.05)
    assert all(p.requires_grad and p.grad is None for p in method.repeat.parameters())
