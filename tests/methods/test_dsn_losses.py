"""Every loss of DSN against a plain loop, and what its gradient reaches."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from retrieval.methods.dsn import SketchMemory
from retrieval.methods.parts.dsn_losses import (
    cross_modal_contrast,
    distillation,
    embedded_similarity,
    mean_cross_entropy,
    memory_loss,
)
from retrieval.training.loop import fit
from tests.methods.toy_dsn import ToyData, made, normal, reached, toy_batch

# ---------------------------------------------------------------- losses


def test_the_distillation_equals_a_plain_loop() -> None:
    logits, teacher, bias = normal(5, 7), normal(5, 7, seed=1), 0.3 * normal(5, 7, seed=2).abs()
    total = 0.0
    for d, t, m in zip(logits.tolist(), teacher.tolist(), bias.tolist(), strict=True):
        q = [math.exp(a + b) for a, b in zip(t, m, strict=True)]
        norm = math.log(sum(math.exp(a) for a in d))
        total -= sum(a / sum(q) * (b - norm) for a, b in zip(q, d, strict=True)) / 5
    assert distillation(logits, teacher, bias).item() == pytest.approx(total, rel=1e-12)


def test_the_classification_equals_a_plain_loop() -> None:
    logits, labels = normal(5, 4), torch.tensor([3, 0, 1, 1, 2])
    rows = zip(logits.tolist(), labels.tolist(), strict=True)
    total = sum(math.log(sum(math.exp(a) for a in row)) - row[y] for row, y in rows) / 5
    assert mean_cross_entropy(logits, labels).item() == pytest.approx(total, rel=1e-12)


def test_the_contrast_equals_a_plain_loop() -> None:
    embeddings, labels = normal(8, 5), torch.tensor([0, 1, 2, 0] * 2)
    u = [row / row.norm() for row in embeddings]
    total = 0.0
    for a in range(8):
        below = sum(math.exp(float(u[a] @ u[b]) / 0.07) for b in range(8) if b != a)
        friends = [p for p in range(8) if p != a and labels[p] == labels[a]]
        shares = [math.log(math.exp(float(u[a] @ u[p]) / 0.07) / below) for p in friends]
        total -= sum(shares) / len(friends) / 8
    assert cross_modal_contrast(embeddings, labels, 0.07).item() == pytest.approx(total, rel=1e-12)


def test_the_memory_loss_and_its_gradient_equal_the_formula() -> None:
    memory = SketchMemory(4, 3, 6).double()
    memory.counts += torch.tensor([2, 0, 3, 1])
    memory.rows += normal(4, 3, 6)
    features, labels = normal(5, 6, seed=1).requires_grad_(), torch.tensor([0, 1, 2, 2, 3])
    loss = memory_loss(features, labels, memory)
    loss.backward()
    assert features.grad is not None
    known, total = [0, 2, 3, 4], 1.0
    for i in known:
        label = int(labels[i])
        kept = memory.rows[label, : int(memory.counts[label])]
        mu, f = sum(kept) / len(kept), features[i].detach()
        cosine = (f @ mu) / (f.norm() * mu.norm())
        total -= float(cosine) / len(known)
        slope = mu / (f.norm() * mu.norm()) - cosine * f / f.norm() ** 2
        assert torch.allclose(features.grad[i], -slope / len(known), rtol=1e-10)
    assert not features.grad[1].any(), "nothing is in memory of its class"
    assert loss.item() == pytest.approx(total, rel=1e-12)


def test_the_memory_loss_is_zero_while_nothing_is_in_memory() -> None:
    assert memory_loss(torch.randn(3, 6), torch.tensor([0, 1, 1]), SketchMemory(2, 3, 6)).item() == 0.0


def test_similarities_lie_between_zero_and_one() -> None:
    found = embedded_similarity(torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 0.0], [3.0, 3.0], [-1.0, 0.0]]))
    assert torch.allclose(found, torch.tensor([[1.0, 0.5**0.5, 0.0]]))


def test_the_terms_are_the_weighted_equations_on_the_plain_view_and_two_others() -> None:
    weights = {"class_weight": 0.5, "teacher_weight": 2.0, "contrast_weight": 0.2, "memory_weight": 3.0}
    method, batch = made(**weights).eval(), toy_batch()
    assert batch.labels is not None
    assert method._lesson is not None
    teacher, similarity = method._lesson
    torch.nn.init.normal_(dict(method.trunk.named_modules())["layer4.0.se"].tag)  # as if it had been learnt
    views = iter([batch.images + 0.1, batch.images - 0.1])
    method._another_view = lambda images: next(views)  # type: ignore[assignment]
    with torch.no_grad():
        found = method.losses(batch, method.phases()[0])
        tags = torch.tensor([1.0] * 8 + [0.0] * 8)
        plain, one, other = (method.trunk(batch.images + shift, tags) for shift in (0.0, 0.1, -0.1))
        codes, labels = method.code(plain), batch.labels
        both = torch.cat([method.project(method.code(one)), method.project(method.code(other))])
        bias = 0.3 * similarity[labels[:8]]
        means = torch.stack([plain[8:][labels[8:] == c].mean(dim=0) for c in range(4)])
        wanted = {
            "classify": 0.5 * F.cross_entropy(method.classify(codes), labels),
            "repeat": 2.0 * distillation(method.repeat(codes[:8]), teacher(batch.images[:8]), bias),
            "contrast": 0.2 * cross_modal_contrast(both, torch.cat([labels, labels]), 0.07),
            "memory": 3.0 * (1 - F.cosine_similarity(plain[:8], means[labels[:8]], dim=1).mean()),
        }
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_a_term_without_weight_is_left_out() -> None:
    method = made(teacher_weight=0.0, contrast_weight=0.0, memory_weight=0.0)
    assert list(method.losses(toy_batch(), method.phases()[0])) == ["classify"]


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize(
    ("term", "parts"),
    [
        ("classify", {"trunk", "code", "classify"}),
        ("repeat", {"trunk", "code", "repeat"}),
        ("contrast", {"trunk", "code", "project"}),
        ("memory", {"trunk"}),
    ],
)
def test_each_loss_alone_reaches_the_parameters_it_should(term: str, parts: set[str]) -> None:
    assert reached(made(), term) == parts


def test_the_released_contrast_works_on_the_code_itself() -> None:
    assert reached(made(proj_head=False), "contrast") == {"trunk", "code"}


def test_the_released_memory_loss_reaches_nothing() -> None:
    assert reached(made(memory_grad=False), "memory") == set()


@pytest.mark.parametrize("index", ["own", "released"])
def test_training_with_the_memory_as_released_is_training_without_bit_for_bit(index: str) -> None:
    told = {"memory_index": index, "memory_grad": False}
    trained = {}
    for weight in (1.0, 0.0):
        method = made(memory_weight=weight, **told)
        reports = list(fit(method, ToyData(), seed=1))
        trained[weight] = method.state_dict()
        assert ("memory" in reports[-1].losses) == bool(weight)
    assert all(torch.equal(trained[0.0][name], now) for name, now in trained[1.0].items())
    method = made()
    list(fit(method, ToyData(), seed=1))
    assert any(not torch.equal(trained[0.0][name], now) for name, now in method.state_dict().items())
