"""Training can stop anywhere and go on as if it had not."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import torch

from retrieval.errors import DataError, SettingsError
from retrieval.images import Preprocess
from retrieval.methods import Batch, ClipBaseline, Phase
from retrieval.training.loop import fit
from tests.methods.test_clip_baseline import TINY, toy_batch


class ToyData:
    """Two noisy copies of one batch an epoch."""

    def __len__(self) -> int:
        return 2

    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]:
        generator = torch.Generator().manual_seed(seed + epoch)
        for _ in range(2):
            batch = toy_batch()
            noise = 0.1 * torch.randn(batch.images.shape, generator=generator)
            yield Batch(batch.images + noise, batch.domains, batch.labels, batch.texts, batch.holds)


def method(epochs: int = 4) -> ClipBaseline:
    torch.manual_seed(0)
    return ClipBaseline(ClipBaseline.config_type(**TINY | {"epochs": epochs}), Preprocess(32))


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit() -> None:
    whole = list(fit(method(), ToyData(), seed=3))
    first = fit(method(), ToyData(), seed=3)
    next(first)
    kept = io.BytesIO()
    torch.save(next(first).state(), kept)
    kept.seek(0)
    torch.manual_seed(12345)  # whatever happened in between
    resumed = list(fit(method(), ToyData(), seed=3, resume=torch.load(kept, weights_only=True)))
    assert [r.epoch for r in resumed] == [3, 4]
    assert [r.losses for r in resumed] == [r.losses for r in whole[2:]]
    for name, tensor in whole[-1].averaged().items():
        assert torch.equal(tensor, resumed[-1].averaged()[name]), name


def test_another_seed_gives_another_run() -> None:
    assert next(fit(method(), ToyData(), seed=1)).losses != next(fit(method(), ToyData(), seed=2)).losses


def test_losses_fall() -> None:
    reports = list(fit(method(epochs=20), ToyData(), seed=0))
    assert sum(reports[-1].losses.values()) < 0.8 * sum(reports[0].losses.values())


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    broken = method()
    with torch.no_grad():
        broken.model.logit_scale.fill_(float("nan"))
    with pytest.raises(DataError, match="The loss is nan in epoch 1, step 1"):
        next(fit(broken, ToyData(), seed=0))


def test_modules_move_at_their_own_rates() -> None:
    slow = method(epochs=1)
    phase = Phase("contrast", 1, 1e-3, rates={"model.visual": 0.0, "model.visual.head": 1.0})
    slow.phases = lambda: (phase,)  # type: ignore[method-assign]
    before = {name: p.detach().clone() for name, p in slow.named_parameters()}
    next(fit(slow, ToyData(), seed=0))
    for name, now in slow.named_parameters():
        moved = not torch.equal(before[name], now)
        assert moved == (not name.startswith("model.visual.") or name.startswith("model.visual.head.")), name


def test_a_rate_for_a_module_that_does_not_exist_is_refused() -> None:
    odd = method(epochs=1)
    odd.phases = lambda: (Phase("contrast", 1, 1e-3, rates={"model.visuals": 0.5}),)  # type: ignore[method-assign]
    with pytest.raises(SettingsError, match="Did you mean 'model\\.visual'"):
        next(fit(odd, ToyData(), seed=0))


def test_a_phase_that_lists_what_it_trains_moves_nothing_else_and_knows_the_names() -> None:
    short = method(epochs=1)
    before = {name: p.detach().clone() for name, p in short.named_parameters()}
    short.phases = lambda: (Phase("short", 1, 1e-3, trains=("model.logit_scale",)),)  # type: ignore[method-assign]
    next(fit(short, ToyData(), seed=0))
    assert [name for name, p in short.named_parameters() if not torch.equal(p, before[name])] == ["model.logit_scale"]
    short.phases = lambda: (Phase("short", 1, 1e-3, trains=("model.nowhere",)),)  # type: ignore[method-assign]
    with pytest.raises(SettingsError, match=r"'model\.nowhere'"):
        next(fit(short, ToyData(), seed=0))


def test_without_averaging_the_last_weights_are_kept() -> None:
    plain = method(epochs=1)
    report = next(fit(plain, ToyData(), seed=0, averaging=0.0))
    now = plain.state_dict()
    assert all(torch.equal(tensor, now[name]) for name, tensor in report.averaged().items())


def test_half_precision_still_learns() -> None:
    reports = list(fit(method(epochs=8), ToyData(), seed=0, precision=torch.bfloat16))
    assert sum(reports[-1].losses.values()) < sum(reports[0].losses.values())
