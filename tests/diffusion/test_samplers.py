"""Sampling: the same seed is the same picture, rows do not mix, and knobs are the formula that they say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import EMPTY, STYLE_AT, prompt
from retrieval.diffusion.samplers import (
    STUDENT,
    TEACHER,
    Sampler,
    denoise,
    draw,
    first_parted,
    frames,
    guided,
    noise,
    plain,
    scheduler,
    switched,
    two_knobs,
)
from retrieval.errors import SettingsError
from tests.diffusion.priors import COLORS, HalvesPrior, tiny_prior

BOTH = [pytest.param(TEACHER, id="teacher"), pytest.param(STUDENT, id="student")]


@pytest.fixture(scope="module")
def prior() -> Prior:
    return tiny_prior()


def states(prior: Prior, *texts: str) -> Tensor:
    return prior.reader(texts)


def last(prior: Prior, told: Tensor, x: Tensor, sampler: Sampler = TEACHER) -> Tensor:
    return list(draw(prior, told, x, sampler))[-1]


# ---------------------------------------------------------------- noise


def test_locked_noise_is_the_same_in_all_rows_and_unlocked_noise_is_that_of_the_next_seeds(prior: Prior) -> None:
    locked, free = noise(prior, 7, 3), noise(prior, 7, 3, locked=False)
    assert locked.shape == free.shape == (3, *prior.latent_shape)
    assert torch.equal(locked[0], locked[2])
    assert torch.equal(free[0], locked[0])
    assert torch.equal(free[2], noise(prior, 9)[0])
    assert not torch.equal(free[0], free[1])


# ---------------------------------------------------------------- steps


@pytest.mark.parametrize("sampler", BOTH)
def test_the_same_seed_is_the_same_picture_to_the_byte(prior: Prior, sampler: Sampler) -> None:
    told = states(prior, prompt("photo", "duck"), prompt("sketch", "car"))
    torch.manual_seed(1)
    one = last(prior, told, noise(prior, 3, 2), sampler)
    torch.manual_seed(2)
    other = last(prior, told, noise(prior, 3, 2), sampler)
    assert torch.equal(one, other)
    assert one.shape == (2, 3, 64, 64)
    assert one.abs().max() <= 1


@pytest.mark.parametrize("sampler", BOTH)
def test_a_row_is_a_function_of_its_own_prompt_and_noise(prior: Prior, sampler: Sampler) -> None:
    texts = [prompt("photo", "duck"), prompt("sketch", "car"), prompt("sketch", "mug")]
    alone = last(prior, states(prior, texts[1]), noise(prior, 5), sampler)
    among = last(prior, states(prior, *texts), noise(prior, 4, 3, locked=False), sampler)
    torch.testing.assert_close(among[1], alone[0], atol=1e-4, rtol=0)


def test_there_is_a_preview_for_every_step_and_the_last_is_the_picture(prior: Prior) -> None:
    told, x = states(prior, prompt("photo", "duck")), noise(prior, 0)
    assert len(list(draw(prior, told, x, STUDENT))) == STUDENT.steps
    seen = list(draw(prior, told, x, TEACHER))
    assert len(seen) == TEACHER.steps
    schedule, velocity = scheduler(prior, TEACHER), guided(prior, told, TEACHER.guidance)
    for step in schedule.timesteps:
        x = schedule.step(velocity(x, step[None]), step, x).prev_sample
    assert torch.equal(seen[-1], prior.latents.decode(x))


def test_the_schedule_is_the_one_of_training_and_begins_in_pure_noise(prior: Prior) -> None:
    trained = prior.schedule.alphas_cumprod
    for sampler in (TEACHER, STUDENT):
        made = scheduler(prior, sampler)
        torch.testing.assert_close(made.alphas_cumprod, trained, atol=1e-6, rtol=0)
        assert made.config.prediction_type == "v_prediction"
        assert int(made.timesteps[0]) == prior.steps - 1
        assert len(made.timesteps) == sampler.steps


def test_a_preview_is_what_x_seems_to_come_from() -> None:
    """A prior that sees the same picture behind all noise previews it from the first step."""
    prior = HalvesPrior()
    told = states(prior, prompt("photo", "duck"))
    x = noise(prior, 0)
    for sampler in (TEACHER, STUDENT):
        for seen in denoise(prior, plain(prior, told), x, sampler):
            assert seen[0, :, 10, 10].tolist() == pytest.approx(COLORS[0].tolist(), abs=1e-2)
            assert seen[0, :, 10, 50].tolist() == pytest.approx(COLORS[0].tolist(), abs=1e-2)


def test_who_stops_to_ask_ends_the_work(prior: Prior) -> None:
    calls = []
    velocity = plain(prior, states(prior, EMPTY))

    def counted(x: Tensor, t: Tensor) -> Tensor:
        calls.append(int(t[0]))
        return velocity(x, t)

    next(denoise(prior, counted, noise(prior, 0)))
    assert calls == [999]


def test_drawing_keeps_no_gradients(prior: Prior) -> None:
    told = states(prior, prompt("photo", "duck")).requires_grad_()
    assert not last(prior, told, noise(prior, 0), Sampler(steps=2)).requires_grad


# ---------------------------------------------------------------- what is predicted


@pytest.fixture(scope="module")
def asked(prior: Prior) -> tuple[Tensor, Tensor]:
    return noise(prior, 1, 2, locked=False), torch.full((2,), 499)


def test_guidance_is_the_formula_in_one_call(prior: Prior, asked: tuple[Tensor, Tensor]) -> None:
    told = states(prior, prompt("photo", "duck"), prompt("sketch", "car"))
    nothing = states(prior, EMPTY, EMPTY)
    without, seen = (prior.velocity(*asked, one) for one in (nothing, told))
    torch.testing.assert_close(guided(prior, told, 3.0)(*asked), without + 3 * (seen - without), atol=1e-4, rtol=1e-4)
    assert torch.equal(guided(prior, told, 1.0)(*asked), seen)
    torch.testing.assert_close(guided(prior, told, 0.0)(*asked), without, atol=1e-4, rtol=1e-4)


def test_two_knobs_turned_alike_are_one_guidance(prior: Prior, asked: tuple[Tensor, Tensor]) -> None:
    told = states(prior, prompt("photo", "duck"), prompt("sketch", "car"))
    bare = states(prior, prompt(None, "duck"), prompt(None, "car"))
    alike = two_knobs(prior, told, bare, 2.5, 2.5)(*asked)
    torch.testing.assert_close(alike, guided(prior, told, 2.5)(*asked), atol=1e-4, rtol=1e-4)
    thing_alone = two_knobs(prior, told, bare, 2.5, 0.0)(*asked)
    torch.testing.assert_close(thing_alone, guided(prior, bare, 2.5)(*asked), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("weight", [-0.1, 6.5, float("nan")])
def test_a_weight_beyond_its_slider_is_refused(prior: Prior, weight: float) -> None:
    told = states(prior, prompt("photo", "duck"))
    with pytest.raises(SettingsError, match="choose 0 to 6"):
        two_knobs(prior, told, told, weight, 1.0)
    with pytest.raises(SettingsError, match="choose 0 to 6"):
        Sampler(guidance=weight)


def test_states_change_below_the_noise_step(prior: Prior) -> None:
    early, late = (plain(prior, states(prior, text)) for text in (prompt("photo", "duck"), prompt("sketch", "duck")))
    x = noise(prior, 0)
    both = switched(early, late, below=500)
    for step, expected in ((999, early), (500, early), (499, late), (0, late)):
        t = torch.tensor([step])
        assert torch.equal(both(x, t), expected(x, t))


def test_a_vector_in_the_place_of_a_word_is_that_word(prior: Prior) -> None:
    word = prior.reader.word("sketch")[None]
    placed = prior.reader([prompt("photo", "duck")], {STYLE_AT: word})
    torch.testing.assert_close(placed, states(prior, prompt("sketch", "duck")))


# ---------------------------------------------------------------- film strips


def test_a_strip_ends_with_the_picture() -> None:
    assert frames(20)[-1] == 19
    assert len(frames(20)) == len(set(frames(20))) == 6
    assert frames(1) == (0,)


def test_strips_part_where_they_stay_apart() -> None:
    strip = torch.zeros(6, 3, 8, 8)
    other = strip.clone()
    assert first_parted(strip, other) is None
    other[1, :, :4] = 1  # apart for one frame only
    other[4:, :, :4] = 1
    assert first_parted(strip, other) == 4
    assert first_parted(strip, strip + 1) == 0
    other[4:] = strip[4:]
    other[4:, :, 0, :2] = 1  # 2 pixels of 64: nobody sees them
    assert first_parted(strip, other) is None
