"""From noise to a picture: what the prior is made to predict, and the steps that follow its predictions.

The two halves know nothing of each other. A `Velocity` says where a noisy latent comes from: under one prompt, guided
away from the empty one, with a knob each for thing and style, or under another prompt below some noise step. `denoise`
walks from pure noise to a picture by any of them, with DPM-Solver++ (Lu et al., 2022) or, for a consistency student,
with the steps of latent consistency models (Luo et al., 2023).

Predictions of velocity are combined instead of those of noise: at one x_t both are the same combination.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
from diffusers.schedulers.scheduling_lcm import LCMScheduler
from torch import Tensor

from retrieval.diffusion.guidance import (
    GUIDANCE,
    LAID_OUT_ABOVE,
    MOST_GUIDANCE,
    PAINTED_BELOW,
    STUDENT_BY_MAP,
    STUDENT_BY_WORDS,
)
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import EMPTY
from retrieval.errors import SettingsError

FRAMES = 6  # of a film strip
PARTED = 0.1  # the difference of two pixels, as a share of the range, from which they look different,
PARTED_SHARE = 0.05  # and the share of such pixels from which two pictures do

Velocity = Callable[[Tensor, Tensor], Tensor]
"""Noisy latents (B, C, h, w) and their noise steps (B,), all equal -> velocities (B, C, h, w)."""


def _checked(weight: float) -> float:
    if not 0 <= weight <= MOST_GUIDANCE:
        raise SettingsError(f"A guidance of {weight:g} was asked for; choose 0 to {MOST_GUIDANCE:g}.")
    return weight


@dataclass(frozen=True)
class Sampler:
    """How a picture is reached. A consistency student has learned its guidance; see `in_intervals` for more of it."""

    steps: int = 10
    guidance: float = GUIDANCE  # 1: none
    student: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.steps <= 50:
            raise SettingsError(f"A picture was asked for in {self.steps} steps; choose 1 to 50.")
        _checked(self.guidance)


TEACHER = Sampler()
STUDENT = Sampler(steps=4, guidance=1.0, student=True)


def noise(prior: Prior, seed: int, count: int = 1, *, locked: bool = True) -> Tensor:
    """Where pictures start: the noise of `seed` in all rows when locked, else that of seed, seed + 1, ...

    -> (count, C, h, w), on the prior's device, but the same on all devices
    """
    device = next(prior.unet.parameters()).device
    seeds = [seed] if locked else range(seed, seed + count)
    rows = [torch.randn(prior.latent_shape, generator=torch.Generator().manual_seed(one)) for one in seeds]
    return torch.stack(rows).expand(count, -1, -1, -1).to(device)


# ---------------------------------------------------------------- what is predicted


def plain(prior: Prior, states: Tensor, control: Tensor | None = None) -> Velocity:
    """What the prior predicts under prompts with states (B, L, W) and controls (B, M, h, w)."""
    return lambda x, t: prior.velocity(x, t, states, control)


def guided(
    prior: Prior, states: Tensor, guidance: float, empty: Tensor | None = None, strength: float = 0.0
) -> Velocity:
    """Away from the empty prompt (1, L, W), towards states (B, L, W): v(0) + w [v(C) - v(0)], in one call. strength: of
    the branch that draws another domain, in [0, 1].

    The prompts' own rows are the last of the call.
    """
    if not 0 <= strength <= 1:
        raise SettingsError(f"A strength of {strength:g} was asked for; choose 0 to 1.")
    see = partial(prior.velocity, strength=strength) if strength else prior.velocity
    if _checked(guidance) == 1:
        return lambda x, t: see(x, t, states)
    return _away(see, (_nothing(prior, states, empty),), (states,), guidance)


def two_knobs(prior: Prior, states: Tensor, thing: Tensor, w_thing: float, w_style: float) -> Velocity:
    """v(0) + w_thing [v(thing) - v(0)] + w_style [v(C) - v(thing)], in one call; `thing` (B, L, W) are the states of
    the same prompts with the neutral style, both weights are in [0, 6].
    """
    for weight in (w_thing, w_style):
        _checked(weight)
    three = torch.cat([_nothing(prior, states), thing, states])  # (3 B, L, W)

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        without, of_thing, seen = prior.velocity(x.repeat(3, 1, 1, 1), t.repeat(3), three).chunk(3)
        return without + w_thing * (of_thing - without) + w_style * (seen - of_thing)

    return velocity


def controlled(
    prior: Prior, states: Tensor, control: Tensor, w_text: float, w_map: float, empty: Tensor | None = None
) -> Velocity:
    """v(0, 0) + w_map [v(0, m) - v(0, 0)] + w_text [v(C, m) - v(0, m)], in one call: controls (B, M, h, w) are where
    things stand, states (B, L, W) are the words; both weights are in [0, 6], and both at 1 are no guidance.
    """
    if _checked(w_text) == _checked(w_map) == 1:
        return plain(prior, states, control)
    assert prior.adapter is not None, "controls are of a prior with an adapter"
    nothing = _nothing(prior, states, empty)
    texts = torch.cat([nothing, nothing, states])  # (3 B, L, W)
    maps = torch.cat([prior.adapter.without(len(control)), control, control])  # (3 B, M, h, w)

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        without, of_map, of_both = prior.velocity(x.repeat(3, 1, 1, 1), t.repeat(3), texts, maps).chunk(3)
        return without + w_map * (of_map - without) + w_text * (of_both - of_map)

    return velocity


def in_intervals(prior: Prior, states: Tensor, control: Tensor) -> Velocity:
    """A student's velocity v(C, m) under states (B, L, W) and controls (B, M, h, w): away from that without the map,
    v(C, 0), while it is decided where things stand, and away from that without words, v(0, m), while it is decided how
    they are painted (Kynkäänniemi et al., "Applying Guidance in a Limited Interval Improves Sample and Distribution
    Quality in Diffusion Models", 2024).
    """
    assert prior.adapter is not None, "controls are of a prior with an adapter"
    asked, mapless = (states, control), (states, prior.adapter.without(len(control)))
    laid_out = _away(prior.velocity, mapless, asked, STUDENT_BY_MAP)
    painted = _away(prior.velocity, (_nothing(prior, states), control), asked, STUDENT_BY_WORDS)
    return switched(laid_out, switched(plain(prior, *asked), painted, PAINTED_BELOW), LAID_OUT_ABOVE)


def switched(early: Velocity, late: Velocity, below: int) -> Velocity:
    """`early` down to the noise step `below`, `late` under it: layout is decided first, style last."""
    return lambda x, t: (late if int(t[0]) < below else early)(x, t)


def _away(see: Callable[..., Tensor], less: Sequence[Tensor], asked: Sequence[Tensor], weight: float) -> Velocity:
    """v(less) + weight [v(asked) - v(less)], in one call: `see` gets x, t and all that is asked, (B, ...) each. The
    rows of `asked` are the last.
    """
    both = [torch.cat(pair) for pair in zip(less, asked, strict=True)]  # (2 B, ...)

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        without, seen = see(x.repeat(2, 1, 1, 1), t.repeat(2), *both).chunk(2)
        return without + weight * (seen - without)

    return velocity


def _nothing(prior: Prior, states: Tensor, empty: Tensor | None = None) -> Tensor:
    """The states of the empty prompt, once for each of states (B, L, W)."""
    return (prior.reader([EMPTY]) if empty is None else empty).expand(len(states), -1, -1)


# ---------------------------------------------------------------- the steps


def draw(prior: Prior, states: Tensor, x: Tensor, sampler: Sampler = TEACHER) -> Iterator[Tensor]:
    """Pictures of prompts with states (B, L, W) from noise x (B, C, h, w); see `denoise`."""
    with torch.no_grad():
        velocity = plain(prior, states) if sampler.student else guided(prior, states, sampler.guidance)
    return denoise(prior, velocity, x, sampler)


@torch.no_grad()
def denoise(prior: Prior, velocity: Velocity, x: Tensor, sampler: Sampler = TEACHER) -> Iterator[Tensor]:
    """After each step, the pictures that x (B, C, h, w) seems to come from, (B, 3, H, W) in [-1, 1]; the last are the
    pictures. Whoever stops to ask ends the work.

    A row's picture depends on its prompt and its noise alone: the noise that a student adds on its way is a function of
    the noise that the row began with.
    """
    schedule = scheduler(prior, sampler)
    on_the_way = [torch.Generator().manual_seed(_seed(row)) for row in x] if sampler.student else []
    for number, step in enumerate(schedule.timesteps.tolist(), start=1):
        t = torch.full((len(x),), step, device=x.device)
        predicted = velocity(x, t)
        if number == sampler.steps:
            yield prior.latents.decode(_stepped(schedule, predicted, step, x, on_the_way))
        else:
            signal = prior.signal(t)
            yield prior.latents.decode(signal.sqrt() * x - (1 - signal).sqrt() * predicted)
            x = _stepped(schedule, predicted, step, x, on_the_way)


def scheduler(prior: Prior, sampler: Sampler) -> Any:
    """diffusers' scheduler, on the very noise schedule that the prior was trained with, at the sampler's steps; it is
    given velocities, whatever the U-Net predicts.
    """
    kind = LCMScheduler if sampler.student else DPMSolverMultistepScheduler
    made = kind.from_config(prior.schedule.config, timestep_spacing="trailing", prediction_type="v_prediction")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # diffusers hands tensors to numpy in a way that will go
        made.set_timesteps(sampler.steps)
    return made


def _stepped(schedule: Any, predicted: Tensor, step: int, x: Tensor, on_the_way: list[torch.Generator]) -> Tensor:
    options = {"generator": on_the_way} if on_the_way else {}
    after: Tensor = schedule.step(predicted, step, x, return_dict=False, **options)[0]
    return after


def _seed(row: Tensor) -> int:
    """A seed that is a function of the latent's content."""
    return int.from_bytes(hashlib.sha256(row.cpu().numpy().tobytes()).digest()[:7])


# ---------------------------------------------------------------- film strips


def frames(steps: int, count: int = FRAMES) -> tuple[int, ...]:
    """Which of a picture's steps a film strip shows, evenly, the last always; counted from 0.

    >>> frames(10)
    (0, 2, 4, 5, 7, 9)
    >>> frames(4)
    (0, 1, 2, 3)
    """
    shown = min(steps, count)
    return tuple(round(i * (steps - 1) / max(1, shown - 1)) for i in range(shown)) if shown > 1 else (steps - 1,)


def first_parted(one: Tensor, other: Tensor) -> int | None:
    """The first frame from which on two strips (F, 3, H, W) in [-1, 1] look different to the end; None: they never
    do.
    """
    differs = (one - other).abs().mean(dim=1) / 2 > PARTED  # (F, H, W)
    apart = (differs.flatten(1).float().mean(dim=1) > PARTED_SHARE).tolist()
    if not apart[-1]:
        return None
    together = [i for i, parted in enumerate(apart) if not parted]
    return together[-1] + 1 if together else 0
