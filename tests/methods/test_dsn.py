"""DSN does what its file says, and what its release does where an option asks for that."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.artifacts.bundle import load_bundle, save_bundle
from retrieval.artifacts.manifest import Manifest
from retrieval.backbones.conditional_resnet import ConditionalExcitation, ConditionalResNet
from retrieval.errors import BundleError, QueryError, SettingsError
from retrieval.images import Preprocess
from retrieval.methods import DSN, Batch, config_from
from retrieval.methods.dsn import (
    Config,
    PhotoTeacher,
    SketchMemory,
    cross_modal_contrast,
    distillation,
    embedded_similarity,
    mean_cross_entropy,
    memory_loss,
    wordnet_similarity,
)
from retrieval.training.loop import fit
from retrieval.types import ENGRAVING, PAINTING, PHOTO, SKETCH

TINY: dict[str, Any] = {
    "classes": 4,
    "teacher_classes": 6,
    "trunk": "resnet10-quarter",
    "dim": 5,
    "memory_slots": 2,
    "epochs": 1,
    "lr": 1e-3,
}
PREPROCESS = Preprocess(32)


def made(**told: Any) -> DSN:
    """A student with a teacher, both at random weights."""
    torch.manual_seed(0)
    config = Config(**TINY | told)
    teacher = PhotoTeacher(config)
    method = DSN(config, PREPROCESS)
    method.learn_from(teacher, torch.rand(config.classes, config.teacher_classes))
    return method


def toy_batch() -> Batch:
    """Four classes, each as two photos and two sketches: a colour and its inverse, so that only learning matches
    them.
    """
    generator = torch.Generator().manual_seed(0)
    colors = torch.rand(4, 3, 1, 1, generator=generator).repeat(2, 1, 32, 32)
    pictures = torch.cat([colors, 1 - colors]) + 0.03 * torch.randn(16, 3, 32, 32, generator=generator)
    labels = torch.arange(4).repeat(4)
    domains = [PHOTO] * 8 + [SKETCH] * 8
    return Batch((pictures.clamp(0, 1) - 0.5) / 0.25, domains, labels, (), torch.zeros(16, 0, dtype=torch.bool))


class ToyData:
    """The same batch, three times an epoch."""

    def __len__(self) -> int:
        return 3

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield from (toy_batch() for _ in range(3))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def reached(method: DSN, term: str) -> set[str]:
    """The parts that a term alone has a gradient for."""
    method.zero_grad()
    losses = method.losses(toy_batch(), method.phases()[0])
    if losses[term].requires_grad:
        losses[term].backward()
    return {n.split(".")[0] for n, p in method.named_parameters() if p.grad is not None and p.grad.any()}


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
    path = torch.tensor([[0.1, 0.2, 0.5, 0.9]])
    kin = torch.tensor([[True, False, False, False]])
    assert torch.equal(wordnet_similarity(path, kin), torch.tensor([[1.0, 0.0, 0.5, 0.9]]))
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


# ---------------------------------------------------------------- the memory


def visited(index: str = "own") -> SketchMemory:
    """K = 2 of class 1 were kept; then came a sketch that is more like the photos, and one that is less."""
    memory = SketchMemory(3, 2, 2, index)
    sketch, photo = torch.tensor([False]), torch.tensor([True])
    for direction in ([1.0, 0.0], [0.6, 0.8]):
        memory.remember(torch.tensor([direction]), torch.tensor([1]), sketch)
    memory.remember(torch.tensor([[0.0, 2.0], [-1.0, 0.0], [0.0, 5.0]]), torch.tensor([1, 1, 1]), ~sketch.repeat(3))
    features = torch.tensor([[0.0, 3.0], [0.1, 2.0], [-1.0, -1.0]])  # a photo, and two sketches of its class
    memory.remember(features, torch.tensor([1, 1, 1]), torch.cat([photo, sketch, sketch]))
    return memory


def test_a_full_memory_replaces_the_sketch_least_like_the_photos_by_one_that_is_more_like_them() -> None:
    memory = visited()
    assert memory.counts.tolist() == [0, 2, 0]
    assert torch.allclose(memory.rows[1], torch.tensor([[0.1, 2.0], [0.6, 0.8]]))
    assert torch.allclose(memory.prototypes()[1], torch.tensor([0.35, 1.4]))


def test_a_memory_leaves_other_classes_alone() -> None:
    memory = visited()
    assert not memory.rows[0].any()
    assert not memory.rows[2].any()


def test_without_a_photo_of_its_class_nothing_is_replaced() -> None:
    memory, before = visited(), visited().rows
    memory.remember(torch.tensor([[0.0, 1.0], [0.0, 1.0]]), torch.tensor([1, 2]), torch.tensor([False, True]))
    assert torch.equal(memory.rows, before)


def test_the_memory_equals_a_plain_loop() -> None:
    memory, kept = SketchMemory(3, 4, 6).double(), {c: [] for c in range(3)}
    for step in range(6):
        features = normal(12, 6, seed=step)
        labels = torch.randint(3, (12,), generator=torch.Generator().manual_seed(step))
        photos = torch.arange(12) % 2 == 0
        memory.remember(features, labels, photos)
        for i in range(1, 12, 2):
            rows, anchors = kept[int(labels[i])], [features[j] for j in range(0, 12, 2) if labels[j] == labels[i]]
            if len(rows) < 4:
                rows.append(features[i])
            elif anchors:
                q = sum(anchors) / len(anchors)
                cosines = [float(row @ q / row.norm() / q.norm()) for row in rows]
                if float(features[i] @ q / features[i].norm() / q.norm()) > min(cosines):
                    rows[cosines.index(min(cosines))] = features[i]
    assert all(torch.equal(memory.rows[c], torch.stack(rows)) for c, rows in kept.items())


def test_the_released_memory_overwrites_a_class_that_is_named_like_the_slot() -> None:
    memory = visited("released")
    assert torch.allclose(memory.rows[0], torch.tensor([[0.1, 2.0], [0.1, 2.0]]))
    assert torch.allclose(memory.rows[1], torch.tensor([[1.0, 0.0], [0.6, 0.8]])), "and leaves its own as it was"


def test_every_epoch_begins_with_an_empty_memory_which_is_no_part_of_the_weights() -> None:
    method = made()
    method.losses(toy_batch(), method.phases()[0])
    assert method.memory.counts.tolist() == [2, 2, 2, 2]
    assert not any(name.startswith("memory") for name in method.state_dict())
    method.begin_epoch()
    assert not method.memory.counts.any()
    assert not method.memory.rows.any()


def test_a_random_memory_is_filled_alike_and_then_takes_every_sketch_of_the_class_somewhere() -> None:
    memory = SketchMemory(2, 2, 3, rule="random")
    features = torch.eye(3)[[0, 1, 2]]
    memory.remember(features, torch.tensor([1, 1, 1]), torch.zeros(3, dtype=torch.bool))
    kept = sorted(map(tuple, memory.rows[1].tolist()))
    assert tuple(features[2].tolist()) in kept, "no photo was needed"
    assert len(kept) == len({*kept} & {*map(tuple, features.tolist())}) == 2
    assert not memory.rows[0].any()


def test_shuffled_tags_are_dealt_anew_in_training_and_true_when_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    method, seen = made(shuffled_tags=True), []
    plain = ConditionalResNet.forward

    def noted(self: ConditionalResNet, images: Tensor, tags: Tensor) -> Tensor:
        seen.append(tags[:16].tolist())
        return plain(self, images, tags)

    monkeypatch.setattr(ConditionalResNet, "forward", noted)
    batch = toy_batch()
    for _ in range(4):
        method.losses(batch, method.phases()[0])
    true = method.tags(batch.domains).tolist()
    students = [tags for tags in seen if any(tags)]  # the teacher's are all zero
    assert len({*map(tuple, students)}) > 1
    assert all(sorted(tags) == sorted(true) for tags in students)
    method.encode_images(batch.images, batch.domains)
    assert seen[-1] == true


# ---------------------------------------------------------------- the album


def test_the_album_is_what_an_empty_memory_holds_after_the_same_batches_under_the_final_weights() -> None:
    method = made().train()
    steps = [dataclasses.replace(toy_batch(), images=toy_batch().images + 0.1 * step) for step in range(3)]
    method.fill_album(iter(steps))
    assert method.training, "and it learns on as before"
    memory, photos = SketchMemory(4, 2, method.album.rows.shape[-1]), torch.arange(16) < 8
    with torch.no_grad():
        for batch in steps:
            assert batch.labels is not None
            memory.remember(method.eval().trunk(batch.images, method.tags(batch.domains)), batch.labels, photos)
    assert torch.equal(method.album.counts, memory.counts)
    assert torch.equal(method.album.rows, memory.rows)
    assert not method.memory.counts.any(), "the memory of training is another"


def test_the_album_keeps_the_picture_of_every_row() -> None:
    method, batch = made().eval(), toy_batch()
    method.fill_album([batch, dataclasses.replace(batch, images=batch.images.flip(-1) * 0.9)])
    shown = [toy_batch().images, batch.images.flip(-1) * 0.9]
    with torch.no_grad():
        drawn = torch.cat([images[8:] for images in shown])
        features = method.trunk(drawn, torch.zeros(16))
    for label in range(4):
        for row, picture in zip(method.album.rows[label], method.album.pictures[label], strict=True):
            found = int((features - row).abs().sum(dim=1).argmin())
            red, green, blue = (drawn[found] * 0.25 + 0.5).clamp(0, 1)
            grey = (0.2989 * red + 0.587 * green + 0.114 * blue) * 255
            assert (picture.float() - grey).abs().max() < 2
    assert method.album.pictures.dtype == torch.uint8


def test_filling_the_album_again_forgets_the_first_time() -> None:
    method, batch = made(), toy_batch()
    method.fill_album([batch])
    before = method.album.rows.clone()
    method.fill_album([])
    assert not method.album.counts.any()
    assert not method.album.pictures.any()
    method.fill_album([batch])
    assert torch.equal(method.album.rows, before)


def test_the_album_is_saved_with_the_weights(tmp_path: Path) -> None:
    method = made()
    method.fill_album([toy_batch()])
    config = dataclasses.asdict(method.config)
    save_bundle(tmp_path, method, Manifest("tiny", "dsn", config, PREPROCESS, ("photo", "sketch"), (), method.dim, {}))
    loaded = load_bundle(tmp_path).method
    assert isinstance(loaded, DSN)
    assert torch.equal(loaded.album.counts, torch.tensor([2, 2, 2, 2]))
    assert torch.equal(loaded.album.pictures, method.album.pictures)
    assert torch.allclose(loaded.album.rows, method.album.rows, rtol=1e-3)


def test_pictures_of_a_large_method_are_kept_small() -> None:
    with torch.device("meta"):
        assert DSN(Config(**TINY), Preprocess(224)).album.pictures.shape == (4, 2, 64, 64)


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


# ---------------------------------------------------------------- the method


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
