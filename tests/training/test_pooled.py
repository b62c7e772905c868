"""Trainings that share a prior are told what each would have been told alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import ReaderConfig
from retrieval.methods.parts.noise_errors import Noised, NoiseErrors
from retrieval.training.unlabelled.pooled import Pool, PooledErrors

COUNTS = (3, 2, 4)


@pytest.fixture(scope="module")
def errors() -> NoiseErrors:
    torch.manual_seed(0)
    prior = Prior(PriorConfig(size=32, widths=(16, 32), reader=ReaderConfig(width=32, layers=1, heads=2))).eval()
    return NoiseErrors(prior, torch.randn(20, *prior.latent_shape), ("duck", "car"))


def noised(errors: NoiseErrors, count: int) -> Noised:
    latents = torch.randn(count, *errors.prior.latent_shape)
    prompts = tuple(["a photo of a thing", "a sketch of a thing"] * count)[:count]
    return Noised(latents, torch.randn_like(latents), torch.randint(100, 900, (count,)), prompts)


def side_by_side(acts: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=act, daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "somebody waits for ever"


def test_errors_and_gradients_are_those_of_asking_alone(errors: NoiseErrors) -> None:
    torch.manual_seed(1)
    pictures = [noised(errors, count) for count in COUNTS]
    vectors = [torch.randn(count, 32, requires_grad=True) for count in COUNTS]
    kinds = (False, True, False)
    pool, told = Pool(errors, len(COUNTS)), dict[int, tuple[Tensor, Tensor]]()

    def ask(number: int) -> None:
        pooled = PooledErrors(pool)
        found = pooled.seen(pictures[number], vectors[number], concentrate=kinds[number])
        (gradient,) = torch.autograd.grad(found.square().mean(), vectors[number])
        told[number] = found.detach(), gradient

    side_by_side([lambda number=number: ask(number) for number in range(3)])  # type: ignore[misc]
    for number, (found, gradient) in told.items():
        alone = errors.seen(pictures[number], vectors[number], concentrate=kinds[number])
        (wanted,) = torch.autograd.grad(alone.square().mean(), vectors[number])
        assert torch.allclose(found, alone, rtol=1e-4)
        assert torch.allclose(gradient, wanted, rtol=1e-3, atol=1e-6)
    assert len(told) == 3


def test_who_leaves_or_reads_is_not_waited_for(errors: NoiseErrors) -> None:
    pool, done = Pool(errors, 3), []

    def leave() -> None:
        pooled = PooledErrors(pool)
        pooled.leave()
        pooled.leave()
        done.append("left")

    def read() -> None:
        vectors = torch.randn(2, 32)
        assert PooledErrors(pool).of_words(vectors, torch.tensor([0, 1]), ["photo", None], 2).shape == (2,)
        done.append("read")

    def stay() -> None:
        for _ in range(2):
            assert PooledErrors(pool).seen(noised(errors, 2), torch.randn(2, 32)).isfinite().all()
        done.append("asked")

    side_by_side([stay, leave, read])
    assert sorted(done) == ["asked", "left", "read"]


def test_all_hear_of_what_fails(errors: NoiseErrors) -> None:
    pool, heard = Pool(errors, 2), []

    def ask(width: int) -> None:
        try:
            PooledErrors(pool).seen(noised(errors, 2), torch.randn(2, width))
        except Exception as error:
            heard.append(type(error))

    side_by_side([lambda: ask(32), lambda: ask(31)])
    assert len(heard) == 2
