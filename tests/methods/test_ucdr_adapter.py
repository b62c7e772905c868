"""UCDR-Adapter: who learns when, what is hidden from whom, and what encoding needs."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from retrieval.backbones.sentence_encoder import SentenceConfig, SentenceEncoder
from retrieval.errors import DataError, SettingsError
from retrieval.images import Preprocess
from retrieval.methods import Batch
from retrieval.methods.base import Shown
from retrieval.methods.foundation import TEXT, Foundation
from retrieval.methods.parts.class_queues import ClassQueues, queue_triplet
from retrieval.methods.ucdr_adapter import Config, Study, UCDRAdapter
from retrieval.training.loop import fit
from retrieval.types import Bars, Domain
from tests.backbones.tokenizers import PIECES, toy_tokenizer

STYLES = ("cartoon", "photo", "sketch")
CLASSES = ("apple", "duck", "house", "red")
SMALL: dict[str, Any] = {
    "dim": 8, "width": 16, "layers": 1, "heads": 2, "sentence": 16, "hidden": 16, "template": 2,
    "domains": STYLES, "classes": CLASSES, "source_epochs": 1, "target_epochs": 1, "source_lr": 1e-2, "target_lr": 1e-2,
}  # fmt: skip
SIZE = 32


def sentence_encoder(width: int = 16) -> SentenceEncoder:
    torch.manual_seed(0)
    sizes = SentenceConfig(vocabulary=len(PIECES), width=width, layers=1, heads=2, hidden=32, positions=32, longest=12)
    return SentenceEncoder(toy_tokenizer(), sizes).eval().requires_grad_(False)


def adapter(**options: Any) -> UCDRAdapter:
    """Ready to be trained, on a start whose transformer has a say."""
    torch.manual_seed(1)
    config = Config(**SMALL | options)
    start = Foundation(config, Preprocess(SIZE)).eval()
    start.attach({TEXT: sentence_encoder(config.sentence)})
    if hasattr(start.tower, "project"):
        torch.nn.init.normal_(start.tower.project.weight)
    method = UCDRAdapter(config, Preprocess(SIZE))
    method.learn_from(start, stem(method))
    return method.eval()


def stem(method: UCDRAdapter, count: int = 6) -> Tensor:
    """What the tower's frozen part might have made of pictures."""
    shape = (method.tower.features_out, 1, 1) if hasattr(method.tower, "features_out") else (1, method.tower.width)
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(count))


def batch(method: UCDRAdapter, count: int = 6) -> Batch:
    return Batch(
        images=stem(method, count),
        domains=[Domain(STYLES[i % 3]) for i in range(count)],
        labels=torch.arange(count) % len(CLASSES),
        texts=(),
        holds=torch.zeros(count, 0, dtype=torch.bool),
    )


class OneBatch:
    """An epoch of so many steps on one batch."""

    def __init__(self, batch: Batch, steps: int = 2) -> None:
        self._batch, self._steps = batch, steps

    def __len__(self) -> int:
        return self._steps

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        yield from [self._batch] * self._steps


def numbers(method: UCDRAdapter, count: int = 6) -> tuple[Tensor, Tensor]:
    """The domains and the classes of `batch`."""
    return torch.arange(count) % 3, torch.arange(count) % len(CLASSES)


# ---------------------------------------------------------------- what is hidden


@pytest.mark.parametrize("tokens", [1, 3])
@torch.no_grad()
def test_own_prompts_have_no_weight_and_no_effect_in_training(tokens: int) -> None:
    method = adapter(tokens=tokens)
    domains, classes = (which[:1] for which in numbers(method))
    places = stem(method)[:1]
    for _, weights in method._composed(method._summary(places), domains, classes):
        assert torch.allclose(weights.sum(dim=1), torch.ones(1))
        assert (weights[0, :tokens] == 0).all(), "both are the first of their bank"
        assert (weights[0, tokens:] > 0).all()
    before = method._code(places, method._prompts(places, domains, classes))
    method.banks.domains[:tokens] += 5.0
    method.banks.classes[:tokens] -= 5.0
    assert torch.equal(method._code(places, method._prompts(places, domains, classes)), before)
    assert not torch.allclose(method.encode_images(places, ()), before), "to encode, nothing is hidden"


@torch.no_grad()
def test_a_row_of_zeros_still_takes_part_and_an_empty_mask_hides_nothing() -> None:
    zeros, unmasked = adapter(mask="zero"), adapter(mask="none")
    domains, classes = (which[:1] for which in numbers(zeros))
    for method in (zeros, unmasked):
        (_, weights), _ = method._composed(method._summary(stem(method)[:1]), domains, classes)
        assert weights[0, 0] > 0
    before = zeros._prompts(stem(zeros)[:1], domains, classes)
    zeros.banks.domains[0] += 5.0
    assert torch.equal(zeros._prompts(stem(zeros)[:1], domains, classes), before)
    blanked = copy.deepcopy(zeros)
    blanked.banks.domains[0] = 0.0
    blanked.banks.classes[0] = 0.0
    assert torch.allclose(blanked._prompts(stem(zeros)[:1]), before, atol=1e-6)


@torch.no_grad()
def test_no_domain_reaches_a_code_and_no_label_can() -> None:
    method = adapter()
    places = stem(method)
    one, other = (method.encode_images(places, [Domain(name)] * 6) for name in ("sketch", "never heard of"))
    assert torch.equal(one, other)
    assert torch.allclose(one.norm(dim=1), torch.ones(6), atol=1e-5)
    alone = torch.cat([method.encode_images(place[None], ()) for place in places])
    assert torch.allclose(alone, one, atol=1e-5), "neighbours in a batch do not matter"


@torch.no_grad()
def test_pictures_are_encoded_as_their_stems_are() -> None:
    method = adapter()
    pictures = torch.randn(2, 3, SIZE, SIZE)
    codes = method.encode_images(method.tower.stem(pictures), ())
    assert torch.allclose(method.encode_images(pictures, ()), codes, atol=1e-5)


# ---------------------------------------------------------------- who learns when


@pytest.mark.parametrize("trunk", ["tf_efficientnet_lite0", "ViT-B-32"])
def test_each_phase_moves_what_it_lists_and_nothing_else(trunk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval.backbones import prompted

    monkeypatch.setitem(
        prompted.VITS, "ViT-B-32", {"patch_size": 32, "width": 16, "layers": 1, "heads": 2, "mlp_ratio": 4.0}
    )
    method = adapter(trunk=trunk)
    states = [{name: part.clone() for name, part in method.named_parameters()}]
    for report in fit(method, OneBatch(batch(method)), seed=0, averaging=0.0):
        states.append({name: part.detach().clone() for name, part in method.named_parameters()})
        assert all(torch.isfinite(torch.tensor(value)) for value in report.losses.values())
    start, source, target = ({name: part for name, part in state.items() if "momentum" not in name} for state in states)
    tower = "foundation.tower"
    closing = {f"{tower}.straight.weight", f"{tower}.straight.bias", f"{tower}.project.weight"}
    opening = {f"{tower}.pooled_to_token.weight", f"{tower}.pooled_to_token.bias"}
    if trunk == "ViT-B-32":
        closing, opening = {f"{tower}.trunk.proj"}, {f"{tower}.trunk.class_embedding"}
    assert _moved(start, source) == {"template.tokens", "banks.domains", "banks.classes"}
    generator = {f"generator.{name}" for name, _ in method.generator.named_parameters()}
    assert _moved(source, target) == generator | opening | closing


def _moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, part in before.items() if not torch.equal(part, after[name])}


def test_a_summary_is_the_same_before_and_after_training() -> None:
    method = adapter()
    before = method._summary(stem(method))
    for _ in fit(method, OneBatch(batch(method)), seed=0, averaging=0.0):
        pass
    assert torch.allclose(method._summary(stem(method)), before, atol=1e-5)
    assert not torch.allclose(method.tower.class_token(stem(method)), method.first_token(stem(method)))


def test_the_momentum_encoder_is_the_running_average_of_the_prompts() -> None:
    method = adapter(momentum=0.9)
    assert method.study
    start = method.banks.domains.detach().clone()
    for step in range(1, 4):
        with torch.no_grad():
            method.banks.domains.copy_(start + step)
        method.study.follow(method.banks, 0.9)
    wanted = start + 0.1 * (1 * 0.9**2 + 2 * 0.9 + 3)
    assert torch.allclose(method.study.momentum.domains, wanted, atol=1e-5)
    random = Study(method.banks, Config(**SMALL, momentum_start="random"), method.tower.width)
    assert not torch.allclose(random.momentum.domains, method.banks.domains), "as released"


def test_the_sentence_learns_through_the_frozen_encoder_in_every_nth_step() -> None:
    method = adapter(text_every=2)
    learnt = []
    for _ in range(4):
        method.zero_grad()
        sum(method.losses(batch(method), method.phases()[0]).values()).backward()
        learnt.append(method.template.tokens.grad is not None)
    assert learnt == [True, False, True, False]


def test_the_template_stands_between_from_and_domain_in_every_sentence() -> None:
    method = adapter()
    words = sentence_encoder()
    said = method.template(words, ["duck", "red house"])
    begun, end = words.tokens(["a photo of duck from"])[0][0, :-1], words.tokens(["domain."])[0][0, 1:]
    by_hand = torch.cat([words.words(begun), method.template.tokens, words.words(end)])[None]
    assert torch.allclose(said[:1], words.sentences(by_hand, torch.ones(by_hand.shape[:2]).bool()), atol=1e-5)


# ---------------------------------------------------------------- the triplet


def test_queues_keep_the_last_codes_of_their_class() -> None:
    queues = ClassQueues(classes=2, length=3, dim=1)
    places = queues.push(torch.tensor([[1.0], [2.0], [3.0], [4.0], [9.0]]), torch.tensor([0, 0, 0, 0, 1]))
    assert places.tolist() == [0, 1, 2, 0, 0]
    assert sorted(queues.rows[0, :, 0].tolist()) == [2.0, 3.0, 4.0], "the first is out"
    assert queues.filled.tolist() == [[True] * 3, [True, False, False]]


def test_pairs_are_of_the_class_and_of_others_but_never_the_anchors_own() -> None:
    queues = ClassQueues(classes=2, length=3, dim=1)
    labels = torch.tensor([0, 0, 1])
    own = queues.push(torch.tensor([[1.0], [2.0], [9.0]]), labels)
    positives, negatives, usable = queues.pairs(labels, 50, own)
    assert usable.tolist() == [True, True, False], "the third has no other of its class"
    assert set(positives[0].flatten().tolist()) == {2.0}
    assert set(negatives[1].flatten().tolist()) == {9.0}
    assert queues.pairs(labels, 50)[2].all(), "with its own it has one"


def test_in_blocks_of_classes_no_pair_is_of_another_block() -> None:
    queues = ClassQueues(classes=4, length=2, dim=1)
    codes, labels = torch.arange(6.0)[:, None], torch.tensor([0, 0, 1, 2, 3, 3])
    own = queues.push(codes, labels)
    positives, negatives, usable = queues.pairs(labels, 50, own, blocks=2)
    assert usable.tolist() == [True, True, False, False, True, True]
    assert [set(rows.flatten().tolist()) for rows in positives[usable]] == [{1.0}, {0.0}, {5.0}, {4.0}]
    assert [set(rows.flatten().tolist()) for rows in negatives[usable]] == [{2.0}, {2.0}, {3.0}, {3.0}]


def test_a_triplet_is_what_it_is_by_hand() -> None:
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    near, far = torch.tensor([[0.8, 0.6]]), torch.tensor([[-1.0, 0.0]])
    loss, active = queue_triplet(z, near.expand(2, 1, 2), far.expand(2, 1, 2), torch.tensor([True, False]), 1.5)
    assert loss.item() == pytest.approx(0.4**0.5 - 2.0 + 1.5)
    assert active.item() == 1.0
    nothing, _ = queue_triplet(z, near.expand(2, 1, 2), far.expand(2, 1, 2), torch.tensor([False, False]), 1.5)
    assert nothing.item() == 0.0


def test_both_losses_of_the_first_phase_reach_the_prompts() -> None:
    method = adapter()
    for name in ("image_text", "triplet"):
        method.losses(batch(method), method.phases()[0])  # fills the queues
        method.zero_grad()
        method.losses(batch(method), method.phases()[0])[name].backward()
        assert method.banks.domains.grad is not None
        assert method.banks.domains.grad.abs().sum() > 0


# ---------------------------------------------------------------- variants, errors, size


def test_a_toy_batch_is_learnt_by_heart() -> None:
    method = adapter(target_epochs=4, text_temperature=0.002)  # a toy says nearly the same of all classes
    losses = [report.losses["image_text"] for report in fit(method, OneBatch(batch(method), 30), seed=0, averaging=0.0)]
    assert losses[-1] < 0.2 * losses[0]


@pytest.mark.parametrize("prompts", ["mean", "none"])
def test_what_it_is_compared_with_trains_the_same_tower(prompts: str) -> None:
    method = adapter(prompts=prompts)
    generator = {name: part.clone() for name, part in method.generator.named_parameters()}
    before = method.tower.project.weight.detach().clone()
    for _ in fit(method, OneBatch(batch(method)), seed=0, averaging=0.0):
        pass
    assert all(torch.equal(part, generator[name]) for name, part in method.generator.named_parameters())
    assert not torch.equal(method.tower.project.weight, before)


def test_released_places_to_read_are_others() -> None:
    ours, theirs = adapter(), adapter(readout="prompt", image_query="patch")
    theirs.load_state_dict(ours.state_dict())
    with torch.no_grad():
        assert not torch.allclose(ours._summary(stem(ours)), theirs._summary(stem(ours)))
        assert not torch.allclose(ours.encode_images(stem(ours), ()), theirs.encode_images(stem(ours), ()))


def test_training_needs_labels_known_domains_and_a_start() -> None:
    method = adapter()
    whole, phase = batch(method), method.phases()[0]
    with pytest.raises(DataError, match="has none"):
        method.losses(Batch(whole.images, whole.domains, None, (), whole.holds), phase)
    with pytest.raises(DataError, match="'engraving'"):
        method.losses(Batch(whole.images, [Domain("engraving")] * 6, whole.labels, (), whole.holds), phase)
    with pytest.raises(SettingsError, match="class token"), torch.device("meta"):
        UCDRAdapter(Config(**SMALL | {"trunk": "ViT-B-16-SigLIP2"}), Preprocess(SIZE))
    with pytest.raises(SettingsError, match="learn_from"):
        UCDRAdapter(Config(**SMALL), Preprocess(SIZE)).losses(whole, phase)


def test_what_only_training_needs_is_not_saved() -> None:
    method = adapter()
    method.finish()
    assert not [name for name in method.state_dict() if name.startswith("study")]
    fresh = UCDRAdapter(Config(**SMALL), Preprocess(SIZE)).eval()
    fresh.load_state_dict(method.state_dict())
    with torch.no_grad():
        assert torch.equal(fresh.encode_images(stem(method), ()), method.encode_images(stem(method), ()))


def test_panels_say_what_a_query_borrows() -> None:
    method = adapter()
    pictures = torch.randn(2, 3, SIZE, SIZE)
    shown = [Shown(picture, Domain("sketch"), torch.zeros(8)) for picture in pictures]
    styles, classes, _ = method.explain(shown[0], shown[1], CLASSES)
    for panel, names in ((styles, STYLES), (classes, CLASSES)):
        bars = next(part for part in panel.parts if isinstance(part, Bars)).bars
        assert {bar.label for bar in bars} == set(names)
        assert sum(bar.value for bar in bars) == pytest.approx(1.0, abs=1e-5)


def test_an_exchange_of_prompts_begins_at_the_similarity_as_it_is() -> None:
    method = adapter()
    pictures = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        codes = method.encode_images(pictures, ())
    shown = [Shown(picture, Domain("sketch"), code) for picture, code in zip(pictures, codes, strict=True)]
    bars = next(part for part in method.explain(shown[0], shown[1], CLASSES)[-1].parts if isinstance(part, Bars)).bars
    assert bars[0].value == pytest.approx(float(codes[0] @ codes[1]), abs=1e-5)
    assert len({round(bar.value, 6) for bar in bars}) > 1


def test_prompts_that_are_added_to_the_code_learn_and_begin_without_a_say() -> None:
    method = adapter(enter="code", across=0.5)
    pictures = batch(method)
    with torch.no_grad():
        before = method.encode_images(pictures.images, ())
        plain = torch.nn.functional.normalize(method.tower.code(pictures.images), dim=-1)
    assert torch.allclose(before, plain, atol=1e-6)
    for _ in fit(method, OneBatch(pictures, 4), seed=0, averaging=0.0):
        pass
    assert method.leave.weight.abs().sum() > 0
    assert set(method.losses(pictures, method.phases()[1])) == {"image_text", "across"}


def test_the_published_size_takes_a_step_of_each_phase() -> None:
    config = Config(
        dim=512, trunk="ViT-B-32", sentence=16, domains=tuple(map(str, range(5))), classes=tuple(map(str, range(245)))
    )
    method = UCDRAdapter(config, Preprocess(224))
    start = Foundation(config, Preprocess(224))
    start.attach({TEXT: sentence_encoder()})
    method.learn_from(start, start.tower.stem(torch.randn(2, 3, 224, 224)))
    domains = [Domain("0"), Domain("4")]
    pictures = Batch(torch.randn(2, 3, 224, 224), domains, torch.tensor([0, 244]), (), torch.zeros(2, 0).bool())
    trained = []
    for phase in method.phases():
        sum(method.losses(pictures, phase).values()).backward()
        trained.append(sum(p.numel() for n, p in method.named_parameters() if n.startswith(phase.trains)))
    assert trained == [250 * 768 + 16 * 16, 3 * (768 * 768 + 768) + 2 * 768 + 768 + 768 * 512]
