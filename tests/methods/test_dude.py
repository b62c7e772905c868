"""DUDE learns without labels: its losses equal naive loops, its neighbours are mutual, and no label can reach it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import THING_AT, ReaderConfig, prompt
from retrieval.diffusion.spelling import SHARPNESS
from retrieval.methods.dude import Config, Dude, neighbour_contrast
from retrieval.methods.parts.neighbours import NOBODY, chosen, neighbours, without_hubs
from retrieval.methods.parts.noise_errors import NoiseErrors, concentrated
from retrieval.training.recipes.parts.view_features import ViewBatches
from tests.methods.unlabelled import (
    PREPROCESS,
    STYLES,
    TRUNK,
    assert_goes_on_after_two_epochs,
    assert_no_label_changes_a_weight,
    noise_of_three_styles,
)

SMALL = Config(
    width=32,
    trunk=TRUNK,
    hidden=16,
    styles=STYLES,
    word_length=0.3,
    epochs=4,
    noise_share=0.5,
    within=(2, 3),
    across=(1, 2),
)


@pytest.fixture(scope="module")
def prior() -> Prior:
    torch.manual_seed(0)
    return Prior(PriorConfig(size=32, widths=(16, 32), reader=ReaderConfig(width=32, layers=1, heads=2))).eval()


@pytest.fixture(scope="module")
def data() -> ViewBatches:
    return noise_of_three_styles()


def latents_like(prior: Prior, data: ViewBatches) -> torch.Tensor:
    return torch.randn(len(data.ids), *prior.latent_shape, generator=torch.Generator().manual_seed(3))


def made(prior: Prior | None, data: ViewBatches, seed: int = 0, words: tuple[str, ...] = (), **options: object) -> Dude:
    torch.manual_seed(seed)
    method = Dude(dataclasses.replace(SMALL, **options), PREPROCESS)  # type: ignore[arg-type]
    errors = NoiseErrors(prior, latents_like(prior, data), words) if prior else None
    method.learn_from(errors, data.ids, data.domains)
    return method


def test_neighbour_contrast_is_the_equation_row_by_row() -> None:
    torch.manual_seed(1)
    logits = torch.randn(5, 9, dtype=torch.float64)
    pool = torch.rand(5, 9) < 0.8
    positive = (torch.rand(5, 9) < 0.3) & pool
    positive[2] = False
    total = 0.0
    for i in range(5):
        chosen_ones = [j for j in range(9) if positive[i, j]]
        if not chosen_ones:
            continue
        below = sum(math.exp(logits[i, k]) for k in range(9) if pool[i, k])
        total += -sum(math.log(math.exp(logits[i, j]) / below) for j in chosen_ones) / len(chosen_ones)
    assert neighbour_contrast(logits, positive, pool).item() == pytest.approx(total / 5, abs=1e-6)


def test_neighbours_are_those_that_choose_each_other() -> None:
    torch.manual_seed(2)
    a, b = F.normalize(torch.randn(12, 4), dim=1), F.normalize(torch.randn(9, 4), dim=1)
    alike = a @ b.T
    found = neighbours(alike, alike.T, 3, mutual=True)
    for i in range(12):
        mine = set(alike[i].argsort(descending=True)[:3].tolist())
        wanted = {j for j in mine if i in alike[:, j].argsort(descending=True)[:3].tolist()}
        assert set(found[i].tolist()) - {NOBODY} == wanted
    assert (neighbours(alike, alike.T, 3, mutual=False) != NOBODY).all()


def test_a_hub_loses_what_it_has_from_being_everybodys_neighbour() -> None:
    alike = torch.full((20, 20), 0.1)
    alike.fill_diagonal_(0.5)
    alike[:, 0] = 0.6  # a hub
    assert (alike.argmax(dim=1) == 0).all()
    assert (without_hubs(alike).argmax(dim=1)[1:] == torch.arange(1, 20)).all()


def test_chosen_marks_places_and_nothing_else() -> None:
    mask = chosen(torch.tensor([[2, NOBODY], [NOBODY, NOBODY], [0, 2]]), 3)
    assert mask.tolist() == [[False, False, True], [False, False, False], [True, False, True]]


def test_codes_are_unit_rows_and_words_keep_the_length_of_words(prior: Prior, data: ViewBatches) -> None:
    method, images = made(prior, data).eval(), torch.randn(4, 3, 32, 32)
    words = method.tokens(images)
    assert words.norm(dim=1).tolist() == pytest.approx([0.3] * len(words), rel=1e-3)
    codes = method.encode_images(images, data.domains[:4])
    assert codes.norm(dim=1).tolist() == pytest.approx([1.0] * len(codes), rel=1e-5)


@pytest.mark.parametrize("term", ["instance", "within", "across", "noise"])
def test_every_loss_alone_moves_the_extractor_and_no_loss_the_prior(term: str, prior: Prior, data: ViewBatches) -> None:
    method = made(prior, data, progressive=False)
    for _ in range(2):
        method.begin_epoch()
        for batch in data.epoch(0, 0):
            losses = method.losses(batch, method.phases()[0])
    losses[term].backward()
    assert losses[term].item() > 0
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in method.extractor.head.parameters())
    assert all(p.grad is None for p in method.extractor.trunk.parameters())
    assert all(p.grad is None for p in prior.parameters())


WORDS = ("duck", "car", "alarm clock")


def reading(prior: Prior, data: ViewBatches, **options: object) -> Dude:
    return made(prior, data, words=WORDS, read_epochs=2, candidates=3, **options)  # type: ignore[arg-type]


def test_the_second_phase_reads_in_place_of_seeing_noise(prior: Prior, data: ViewBatches) -> None:
    method = reading(prior, data)
    first, second = method.phases()
    assert (first.epochs, second.epochs) == (4, 2)
    for _ in range(5):
        method.begin_epoch()
    assert method._weights() == (0.5, 0.5), "neighbours count in full"
    batch = next(data.epoch(0, 0))
    assert {*method.losses(batch, first)} - {*method.losses(batch, second)} == {"noise"}
    assert {*method.losses(batch, second)} - {*method.losses(batch, first)} == {"reading"}
    assert len(made(prior, data).phases()) == 1


def test_what_is_read_is_the_expected_error_word_by_word(prior: Prior, data: ViewBatches) -> None:
    latents, words = latents_like(prior, data), prior.reader
    errors = NoiseErrors(prior, latents, WORDS)
    z, rows = torch.randn(4, 32), torch.tensor([3, 0, 9, 17])
    styles = [data.domains[row].name for row in rows]
    torch.manual_seed(5)
    measured = errors.of_words(z, rows, styles, len(WORDS))
    torch.manual_seed(5)
    torch.rand(4, len(WORDS))
    noise, t = torch.randn(4, *prior.latent_shape), errors.steps(4)
    mean = torch.stack([words.word(name) for name in WORDS]).mean(dim=0)
    for i, row in enumerate(rows):
        cosines = [F.cosine_similarity(z[i], words.word(name) - mean, dim=0).item() for name in WORDS]
        likely = [math.exp(cosine / SHARPNESS) for cosine in cosines]
        expected = 0.0
        for name, weight in zip(WORDS, likely, strict=True):
            states = words([prompt(styles[i])], {THING_AT: words.word(name)[None]})
            error = prior.velocity_error(latents[row][None], noise[i : i + 1], t[i : i + 1], states)
            expected += weight / sum(likely) * error.item()
        assert measured[i].item() == pytest.approx(expected, rel=1e-4)


def test_reading_leads_to_the_words_under_which_pictures_are_likelier(prior: Prior, data: ViewBatches) -> None:
    errors = NoiseErrors(prior, latents_like(prior, data), WORDS)
    free, rows = torch.randn(6, 32).mul(0.05).requires_grad_(), torch.arange(6)
    losses = []
    for _ in range(40):
        torch.manual_seed(1)
        loss = errors.of_words(free, rows, ["photo"] * 6, 3).mean()
        (step,) = torch.autograd.grad(loss, free)
        losses.append(loss.item())
        free = (free - 0.03 * step / step.norm(dim=1, keepdim=True).clamp(min=1e-9)).detach().requires_grad_()
    assert losses[-1] < losses[0]
    assert errors.spelling is not None
    assert errors.spelling.shares(free).max(dim=1).values.mean() > 0.9


def test_errors_count_where_the_vector_is_looked_up(prior: Prior, data: ViewBatches) -> None:
    maps = torch.rand(2, 4, 4)
    weights = concentrated(maps)
    assert weights.mean(dim=(1, 2)).tolist() == pytest.approx([1, 1])
    assert (weights.flatten(1).argmax(1) == maps.flatten(1).argmax(1)).all()
    ratio = weights.amax(dim=(1, 2)) / weights.amin(dim=(1, 2))
    assert ratio.tolist() == pytest.approx([5, 5]), "a fifth where it is looked up least"
    errors = NoiseErrors(prior, latents_like(prior, data))
    z, rows, measured = torch.randn(2, 32), torch.tensor([0, 1]), []
    for concentrate in (False, True):
        torch.manual_seed(0)
        measured.append(errors.of_vectors(z, rows, ["photo", "sketch"], concentrate=concentrate))
    assert (measured[0] != measured[1]).all()
    assert (measured[0] * 0.2 < measured[1]).all()


def test_concentration_begins_after_the_warm_up(
    prior: Prior, data: ViewBatches, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, asked = made(prior, data, concentrate=True, epochs=10), []
    kept = NoiseErrors.of_vectors
    monkeypatch.setattr(NoiseErrors, "of_vectors", lambda *a, **k: (asked.append(k["concentrate"]), kept(*a, **k))[1])
    for _ in range(3):
        method.begin_epoch()
        method.losses(next(data.epoch(0, 0)), method.phases()[0])
    assert asked == [False, True, True]


def test_a_joint_denoiser_learns_along_and_reads_no_prompt(prior: Prior, data: ViewBatches) -> None:
    method = made(prior, data, joint=True, epochs=1)
    assert method.study is not None
    assert method.study.denoiser is not None
    before = [p.clone() for p in method.study.denoiser.unet.parameters()]
    frozen = [p.clone() for p in prior.parameters()]
    method.begin_epoch()
    batch = next(data.epoch(0, 0))
    method.losses(batch, method.phases()[0])["noise"].backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in method.study.denoiser.unet.parameters())
    assert not torch.equal(before[0], next(iter(prior.unet.parameters()))), "it begins at random"
    assert all(torch.equal(a, b) for a, b in zip(frozen, prior.parameters(), strict=True))
    method.finish(torch.ones(2, 32))
    assert not [name for name in method.state_dict() if "denoiser" in name], "nothing of it is kept"


def test_without_the_noise_loss_no_prior_is_asked(data: ViewBatches) -> None:
    method = made(None, data, noise_weight=0.0)
    method.begin_epoch()
    assert set(method.losses(next(data.epoch(0, 0)), method.phases()[0])) == {"instance"}


def test_neighbours_come_within_first_and_across_later(data: ViewBatches) -> None:
    method = made(None, data, noise_weight=0.0, epochs=20)
    seen = []
    for _ in range(20):
        method.begin_epoch()
        seen.append(method._weights())
    within, across = (np.array(weights) for weights in zip(*seen, strict=True))
    assert (within[:2] == 0).all()
    assert (np.diff(within[2:10]) > 0).all()
    assert (within[10:] == 0.5).all()
    assert (across[:10] == 0).all()
    assert 0 < across[10] < 0.5
    assert (across[12:] == 0.5).all()


def test_the_bank_holds_the_other_view_of_the_very_picture(data: ViewBatches) -> None:
    method = made(None, data, noise_weight=0.0)
    method.begin_epoch()
    batch = next(data.epoch(0, 0))
    method.losses(batch, method.phases()[0])
    rows = [data.ids.index(name) for name in batch.instances]
    assert method.study is not None
    lengths = method.study.bank.norm(dim=1)
    assert lengths[rows].tolist() == pytest.approx([1.0] * len(rows), rel=1e-5)
    assert lengths.sum().item() == pytest.approx(len(rows), rel=1e-5)


def test_no_label_changes_a_weight(data: ViewBatches) -> None:
    assert_no_label_changes_a_weight(lambda: made(None, data, noise_weight=0.0, epochs=2), data)


def test_no_label_changes_a_weight_while_it_reads(prior: Prior, data: ViewBatches) -> None:
    def begun() -> Dude:
        return reading(prior, data, epochs=1, noise_weight=0.0, read_share=0.2)

    assert len(begun().phases()) == 2
    assert_no_label_changes_a_weight(begun, data)


def test_a_run_that_was_interrupted_while_it_read_goes_on_as_if_it_had_not_been(
    prior: Prior, data: ViewBatches
) -> None:
    def begun(seed: int) -> Dude:
        return reading(prior, data, seed=seed, epochs=1, noise_weight=0.0, read_share=0.2)

    assert_goes_on_after_two_epochs(begun, data)


def test_a_run_that_was_interrupted_goes_on_as_if_it_had_not_been(prior: Prior, data: ViewBatches) -> None:
    assert_goes_on_after_two_epochs(lambda seed: made(prior, data, seed, epochs=3, noise_share=0.2), data)


def test_what_is_kept_is_the_extractor_and_a_neutral_word(prior: Prior, data: ViewBatches) -> None:
    method = made(prior, data).eval()
    words = method.extractor.head(data.plain)
    method.finish(words)
    assert method.neutral_thing.norm().item() == pytest.approx(words.norm(dim=1).median().item(), rel=1e-4)
    assert all(name.startswith("extractor.") or name == "neutral_thing" for name in method.state_dict())


def test_batches_are_even_over_domains_and_an_epoch_has_every_picture(data: ViewBatches) -> None:
    names = []
    for batch in data.epoch(3, 1):
        assert batch.labels is None
        assert {style: sum(d.name == style for d in batch.domains) for style in STYLES} == dict.fromkeys(STYLES, 4)
        names += batch.instances
    assert sorted(names) == sorted(data.ids)


def test_a_batch_holds_two_views_of_each_picture_and_never_the_picture_as_it_is(data: ViewBatches) -> None:
    for batch in data.epoch(5, 0):
        for name, (one, other) in zip(batch.instances, batch.images, strict=True):
            kept = data.features[data.ids.index(name)]
            places = [int((kept == view).all(dim=1).nonzero()) for view in (one, other)]
            assert 0 not in places
            assert places[0] != places[1]


def test_the_same_seed_gives_the_same_batches(data: ViewBatches) -> None:
    one, two = (next(data.epoch(4, 2)) for _ in range(2))
    assert torch.equal(one.images, two.images)
    assert one.instances == two.instances
