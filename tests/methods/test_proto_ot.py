"""ProtoOT learns without labels: transport and losses equal naive loops, and what the release gets wrong is right."""

from __future__ import annotations

import dataclasses
import inspect
import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from retrieval.errors import DataError
from retrieval.methods import config_from
from retrieval.methods.proto_ot import (
    Config,
    ProtoOT,
    clustered,
    estimated,
    gathered,
    nearest_rows,
    pulled,
    transported,
    worth,
)
from retrieval.training.loop import fit
from retrieval.training.recipes.parts.view_features import ViewBatches
from retrieval.types import Domain
from tests.methods.unlabelled import (
    PREPROCESS,
    STYLES,
    TRUNK,
    assert_goes_on_after_two_epochs,
    assert_no_label_changes_a_weight,
    noise_of_three_styles,
)

SMALL = Config(
    width=16,
    trunk=TRUNK,
    hidden=16,
    styles=STYLES,
    prototypes=3,
    momentum=0.9,
    epochs=2,
    lr=1e-3,
)


@pytest.fixture(scope="module")
def data() -> ViewBatches:
    return noise_of_three_styles()


def made(data: ViewBatches, seed: int = 0, **options: object) -> ProtoOT:
    torch.manual_seed(seed)
    method = ProtoOT(dataclasses.replace(SMALL, **options), PREPROCESS)  # type: ignore[arg-type]
    method.learn_from(data.plain, data.ids, data.domains)
    return method


def rows(count: int, width: int = 4, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)).double(), dim=1)


def groups(many: int, each: int, width: int = 8) -> Tensor:
    """Rows (many * each, width) around so many centres."""
    draws = torch.Generator().manual_seed(1)
    centres = torch.randn(many, width, generator=draws)
    return (centres.repeat_interleave(each, 0) + 0.05 * torch.randn(many * each, width, generator=draws)).double()


# ---------------------------------------------------------------- transport and losses


def test_transport_is_three_rounds_of_sinkhorn_counted_one_by_one() -> None:
    similarity, share = rows(7) @ rows(3, seed=1).T, [0.5, 0.3, 0.2]
    plan = [[math.exp(float(similarity[i, k]) / 0.05) for k in range(3)] for i in range(7)]
    for _ in range(3):
        for k in range(3):
            total = sum(plan[i][k] for i in range(7))
            for i in range(7):
                plan[i][k] *= share[k] / total
        for i in range(7):
            total = sum(plan[i])
            plan[i] = [one / total for one in plan[i]]
    found = transported(similarity, torch.tensor(share).double(), 0.05, 3)
    assert torch.allclose(found, torch.tensor(plan).double(), atol=1e-7)


def test_a_prototype_takes_as_many_pictures_as_its_proportion_says() -> None:
    share = torch.tensor([0.6, 0.3, 0.1]).double()
    plan = transported(rows(40) @ rows(3, seed=1).T, share, 0.5, 200)
    assert torch.allclose(plan.mean(dim=0), share, atol=1e-6)
    assert torch.allclose(plan.sum(dim=1), torch.ones(40).double())


def test_the_loss_within_a_domain_is_the_equation_row_by_row() -> None:
    z, positive = rows(5), torch.rand(5, generator=torch.Generator().manual_seed(3)).double()
    prototypes, own = torch.stack([rows(3, seed=i) for i in range(5)]), torch.tensor([0, 2, 1, 1, 0])
    total = 0.0
    for i in range(5):
        right = math.exp(positive[i] / 0.2)
        wrong = sum(math.exp(float(z[i] @ prototypes[i, k]) / 0.2) for k in range(3) if k != own[i])
        total -= math.log(right / (right + wrong))
    assert pulled(z, positive, prototypes, own, 0.2).item() == pytest.approx(total / 5, abs=1e-9)


def test_the_nearest_is_another_picture_of_the_same_domain() -> None:
    bank, places = rows(10), torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    asking = torch.tensor([1, 4, 7])
    found = nearest_rows(bank[asking], bank, asking, places).tolist()
    for i, row in zip(asking.tolist(), found, strict=True):
        mates = [j for j in range(10) if places[j] == places[i] and j != i]
        assert row == max(mates, key=lambda j: float(bank[i] @ bank[j]))


def plain(method: ProtoOT, data: ViewBatches) -> tuple[Tensor, Tensor, Tensor]:
    """One step without chance or movement: z (B, W) and its places (B,), and the losses, before any prototype moves."""
    method.eval().double()
    method.begin_epoch()
    batch = next(data.epoch(0, 0))
    batch = dataclasses.replace(batch, images=batch.images[:, :1].expand(-1, 2, -1).double())
    study = method.study
    assert study is not None
    before = study.prototypes.clone()
    losses = method.losses(batch, method.phases()[0])
    at = study.rows(batch.instances)
    return at, before, torch.stack(list(losses.values()))


@pytest.mark.parametrize("unit_rows", [False, True])
def test_both_losses_of_a_step_are_the_equations_with_the_intended_marginals(
    unit_rows: bool, data: ViewBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = made(data, across_from=0.0, across_weight=1.0, unit_rows=unit_rows)
    at, before, losses = plain(method, data)
    study, told = method.study, method.config
    assert study is not None
    z, bank, after = study.bank[at], study.bank, study.prototypes
    of = [[i for i in range(len(bank)) if study.places[i] == d] for d in range(3)]

    def assigned(d: int, prototypes: Tensor, e: int) -> list[int]:
        similarity = bank[of[d]] @ prototypes.T
        similarity = similarity / similarity.norm(dim=1, keepdim=True) if unit_rows else similarity
        found: list[int] = transported(similarity, study.proportions[e], 0.05, 3).argmax(dim=1).tolist()
        return found

    within, across = 0.0, 0.0
    for i, row in enumerate(at.tolist()):
        d = int(study.places[row])
        k = assigned(d, before[d], d)[of[d].index(row)]
        near = max((j for j in of[d] if j != row), key=lambda j: float(z[i] @ bank[j]))
        p = float(z[i] @ bank[row]) + 0.5 * float(z[i] @ bank[near]) + 0.05 * float(z[i] @ before[d, k])
        wrong = sum(math.exp(float(z[i] @ before[d, m]) / 0.2) for m in range(3) if m != k)
        within -= math.log(math.exp(p / 0.2) / (math.exp(p / 0.2) + wrong)) / len(at)
        for e in (e for e in range(3) if e != d):
            m = assigned(d, after[e], e)[of[d].index(row)]
            logits = [math.exp(float(z[i] @ after[e, n]) / 0.2) for n in range(3)]
            across -= math.log(logits[m] / sum(logits)) / len(at) / 2
    assert losses.tolist() == pytest.approx([within, across], abs=1e-6)
    assert told.nearest_weight == 0.5


def test_prototypes_are_the_means_of_what_was_transported_to_them(
    data: ViewBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = made(data)
    _, before, _ = plain(method, data)
    study = method.study
    assert study is not None
    for d in range(3):
        mine = study.bank[study.of(d)]
        plan = transported(mine @ before[d].T, study.proportions[d], 0.05, 3)
        wanted = torch.stack([sum(plan[i, k] * mine[i] for i in range(len(mine))) for k in range(3)])  # type: ignore[misc]
        assert torch.allclose(study.prototypes[d], F.normalize(wanted, dim=1), atol=1e-6)
        assert torch.equal(study.assigned[study.of(d)], plan.argmax(dim=1))


@pytest.mark.parametrize("term", ["within", "across"])
def test_every_loss_alone_moves_the_extractor_and_nothing_else(term: str, data: ViewBatches) -> None:
    method = made(data, across_from=0.0)
    method.begin_epoch()
    losses = method.losses(next(data.epoch(0, 0)), method.phases()[0])
    losses[term].backward()
    assert losses[term].item() > 0
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in method.extractor.parameters())
    assert method.study is not None
    assert all(p.grad is None for p in method.study.parameters())


@pytest.mark.parametrize("weight", ["nearest_weight", "prototype_weight"])
def test_every_positive_has_its_share_of_the_gradient(weight: str, data: ViewBatches) -> None:
    gradients = []
    for value in (0.0, 1.0):
        method = made(data, **{"nearest_weight": 0.0, "prototype_weight": 0.0, weight: value})
        torch.manual_seed(1)
        method.begin_epoch()
        method.losses(next(data.epoch(0, 0)), method.phases()[0])["within"].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in method.extractor.parameters() if p.grad is not None]))
    assert not torch.allclose(*gradients)


def test_prototypes_of_other_domains_come_in_the_second_half(data: ViewBatches) -> None:
    method = made(data, epochs=6)
    batch, told = next(data.epoch(0, 0)), []
    for _ in range(6):
        method.begin_epoch()
        told.append("across" in method.losses(batch, method.phases()[0]))
    assert told == [False] * 3 + [True] * 3


# ---------------------------------------------------------------- clusters


def test_clusters_that_are_apart_are_found() -> None:
    torch.manual_seed(0)
    centres = clustered(groups(5, 20), 5)
    _, nearest = gathered(groups(5, 20), centres)
    assert all(len(set(part.tolist())) == 1 for part in nearest.view(5, 20))
    assert len(set(nearest.tolist())) == 5


def test_a_centre_without_a_row_stays_where_it_is() -> None:
    far = torch.tensor([[0.0, 0.0], [9.0, 9.0]])
    centres, nearest = gathered(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), far)
    assert centres.tolist() == [[0.5, 0.5], [9.0, 9.0]]
    assert nearest.tolist() == [0, 0]


def test_what_clusters_are_worth_is_counted_one_by_one() -> None:
    shown, centres = groups(3, 6, width=2), groups(3, 1, width=2) + 0.3
    nearest = [min(range(3), key=lambda k: float((row - centres[k]).square().sum())) for row in shown]
    error = sum(float((row - centres[k]).square().sum()) for row, k in zip(shown, nearest, strict=True))
    variance = error / (2 * (18 - 3))
    likely = sum(
        math.log(nearest.count(k) / 18) - math.log(2 * math.pi * variance) for k in nearest
    )  # of the width of a row, 2, half
    assert worth(shown, centres) == pytest.approx(likely - 2 * 15 / 2 - 3 * 3 / 2 * math.log(18), rel=1e-9)


def test_the_number_of_clusters_is_estimated_near_the_truth_from_codes_alone() -> None:
    torch.manual_seed(0)
    assert "labels" not in inspect.signature(estimated).parameters
    assert 10 <= estimated([groups(12, 20), groups(12, 16)]) <= 16


def test_without_a_number_of_prototypes_it_is_estimated_and_told(data: ViewBatches) -> None:
    method = made(data, prototypes=0)
    assert method.config.prototypes >= 1
    assert method.study is not None
    assert method.study.prototypes.shape == (3, method.config.prototypes, 16)
    assert made(data, prototypes=0, seed=0).config == method.config


def test_more_prototypes_than_pictures_are_refused(data: ViewBatches) -> None:
    with pytest.raises(DataError, match="8 pictures of a domain cannot have 9 prototypes"):
        made(data, prototypes=9).begin_epoch()


def test_the_share_of_a_prototype_is_that_of_its_own_cluster(data: ViewBatches) -> None:
    method = made(data)
    method.begin_epoch()
    study = method.study
    assert study is not None
    with torch.no_grad():
        study.bank.copy_(F.normalize(torch.randn(len(study.bank), 16), dim=1) * 0.01)
        study.bank[:, 0] += torch.tensor([1.0] * 6 + [-1.0] * 2).repeat(3)
        study.bank.copy_(F.normalize(study.bank, dim=1))
        study.prototypes.zero_()
        study.prototypes[:, 0, 0], study.prototypes[:, 1, 0], study.prototypes[:, 2, 1] = -1.0, 1.0, 1.0
    method.begin_epoch()
    assert torch.allclose(study.proportions, torch.tensor([3.0, 7.0, 1.0]) / 11)


# ---------------------------------------------------------------- the whole


def test_the_bank_begins_with_every_picture_as_it_is(data: ViewBatches) -> None:
    method = made(data)
    codes = F.normalize(method.extractor.head(data.plain), dim=1)
    assert method.study is not None
    assert torch.allclose(method.study.bank, codes, atol=1e-6)
    assert codes.norm(dim=1).tolist() == pytest.approx([1.0] * len(codes), rel=1e-5)


def test_no_label_changes_a_weight(data: ViewBatches) -> None:
    assert_no_label_changes_a_weight(lambda: made(data), data)


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(data: ViewBatches) -> None:
    assert_goes_on_after_two_epochs(lambda seed: made(data, seed, epochs=3), data)


def test_training_gathers_pictures_around_their_prototypes() -> None:
    draws = torch.Generator().manual_seed(0)
    centres = torch.randn(3, 1, 256, generator=draws)
    views = torch.cat([centres.repeat(4, 5, 1) + torch.randn(12, 5, 256, generator=draws) for _ in STYLES])
    domains = [Domain(style) for style in STYLES for _ in range(12)]
    data = ViewBatches(views, [str(row) for row in range(36)], domains, batch=12)
    losses = [report.losses["within"] for report in fit(made(data, epochs=6, lr=5e-3), data, seed=0)]
    assert losses[-1] < 0.95 * losses[0]


def test_what_is_kept_is_the_extractor(data: ViewBatches) -> None:
    method = made(data)
    method.finish()
    assert all(name.startswith("extractor.") for name in method.state_dict())
    told = config_from(ProtoOT.config_type, dataclasses.asdict(method.config), "here")
    ProtoOT(told, PREPROCESS).load_state_dict(method.state_dict())
