"""The training loop: a generator of epochs. It sums a method's named losses and steps; the caller logs, validates,
saves or stops.

Every epoch draws its randomness from (seed, epoch) alone, so a run that is resumed after an epoch goes on bit for bit
as if it had never stopped.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

import torch
from torch import Tensor

from retrieval.errors import DataError, SettingsError
from retrieval.methods import Batch, Phase, Trainable
from retrieval.training.schedules import rate
from retrieval.types import Progress, no_progress

EMA_DECAY = 0.998


class Batches(Protocol):
    """Training data: how many batches an epoch has, and those of one epoch as a pure function of (seed, epoch)."""

    def __len__(self) -> int: ...
    def epoch(self, seed: int, epoch: int) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class EpochReport:
    """What happened in one epoch. `state()` is everything needed to go on; `averaged()` the weights to keep."""

    phase: str
    epoch: int  # counted from 1 over all phases
    epochs: int
    losses: Mapping[str, float]
    seconds: float
    state: Callable[[], dict[str, Any]]
    averaged: Callable[[], dict[str, Tensor]]


def fit(
    method: Trainable,
    data: Batches,
    *,
    seed: int,
    resume: dict[str, Any] | None = None,
    averaging: float = EMA_DECAY,
    precision: torch.dtype = torch.float32,
    on_progress: Progress = no_progress,
) -> Iterator[EpochReport]:
    """Train the method through its phases, on the device where it is, and yield after every epoch. `resume` takes an
    earlier report's `state()`.

    averaging: share of the running average that one step keeps; 0 keeps the last weights alone. precision: what
    matrix products compute in; bfloat16 is twice as fast on a GPU, and slower than float32 on most CPUs.

    Raises DataError when a loss stops being finite: nothing that follows could be trusted.
    """
    total = sum(phase.epochs for phase in method.phases())
    average = _Average(method, averaging)
    first = 0 if resume is None else resume["epoch"]
    if resume is not None:
        method.load_state_dict(resume["method"])
        average.weights, average.updates = resume["average"], resume["updates"]
    done = 0
    for phase in method.phases():
        if done + phase.epochs <= first:
            done += phase.epochs
            continue
        _hold_others(method, phase)
        optimiser = _optimiser(method, phase)
        if resume is not None and first > done:
            optimiser.load_state_dict(resume["optimiser"])
        for epoch in range(max(first - done, 0), phase.epochs):
            start = time.perf_counter()
            stretch = _Stretch(phase, epoch, seed * 100_003 + done + epoch, precision)
            losses = _epoch(method, data, stretch, optimiser, average, on_progress)
            number = done + epoch + 1
            state = _State(method, optimiser, average, number)
            yield EpochReport(phase.name, number, total, losses, time.perf_counter() - start, state, average.copied)
        done += phase.epochs


@dataclass(frozen=True)
class _Stretch:
    """One epoch: which of which phase, from which seed, in which precision."""

    phase: Phase
    epoch: int
    seed: int
    precision: torch.dtype


def _epoch(
    method: Trainable,
    data: Batches,
    stretch: _Stretch,
    optimiser: torch.optim.Optimizer,
    average: _Average,
    on_progress: Progress,
) -> dict[str, float]:
    phase, epoch = stretch.phase, stretch.epoch
    torch.manual_seed(stretch.seed)
    method.train()
    method.begin_epoch()
    device = next(method.parameters()).device
    mixed = stretch.precision != torch.float32
    sums: dict[str, float] = defaultdict(float)
    steps = len(data)
    for step, batch in enumerate(data.epoch(stretch.seed, epoch)):
        factor = rate(phase.schedule, (epoch + step / steps) / phase.epochs, phase.warmup)
        for group in optimiser.param_groups:
            group["lr"] = phase.lr * group["factor"] * factor
        with torch.autocast(device.type, stretch.precision, enabled=mixed):
            losses = method.losses(batch.on(device), phase)
        each = torch.stack([value.float() for value in losses.values()])
        loss, numbers = each.sum(), each.tolist()  # the only time that a step waits for its device
        if not math.isfinite(sum(numbers)):
            raise DataError(
                f"The loss is {sum(numbers)} in epoch {epoch + 1}, step {step + 1}. Lower the learning rate."
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(method.parameters(), 5.0)
        optimiser.step()
        method.after_step()
        average.update(method)
        for name, number in zip(losses, numbers, strict=True):
            sums[name] += number / steps
        on_progress(step + 1, steps)
    return dict(sums)


def _hold_others(method: Trainable, phase: Phase) -> None:
    """Let only what `phase.trains` names ask for gradients. Raises SettingsError for a name that does not exist."""
    if not phase.trains:
        return
    held = dict.fromkeys(phase.trains, False)
    for name, parameter in method.named_parameters():
        names = [listed for listed in phase.trains if name == listed or name.startswith(f"{listed}.")]
        parameter.requires_grad_(bool(names))
        held |= dict.fromkeys(names, True)
    if missing := [name for name, has in held.items() if not has]:
        raise SettingsError(f"The phase {phase.name!r} trains {missing[0]!r}, of which there is no parameter.")


def _optimiser(method: Trainable, phase: Phase) -> torch.optim.Optimizer:
    """AdamW; gains, biases and temperatures do not decay. A parameter's rate is that of the longest module name in
    `phase.rates` that begins its own. Raises SettingsError for a module that does not exist.
    """
    modules = {name for name, _ in method.named_modules()}
    for name in phase.rates:
        if name not in modules:
            near = get_close_matches(name, modules, 1)
            raise SettingsError(f"No module is called {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
    groups: dict[tuple[float, bool], list[torch.nn.Parameter]] = defaultdict(list)
    for name, parameter in method.named_parameters():
        if parameter.requires_grad:
            groups[_factor(name, phase.rates), parameter.ndim >= 2].append(parameter)
    options = [
        {"params": parameters, "factor": factor, "weight_decay": phase.weight_decay if decays else 0.0}
        for (factor, decays), parameters in groups.items()
    ]
    return torch.optim.AdamW(options, lr=phase.lr, betas=(0.9, 0.98), fused=True)


def _factor(parameter: str, rates: Mapping[str, float]) -> float:
    holding = [name for name in rates if parameter.startswith(f"{name}.")]
    return rates[max(holding, key=len)] if holding else 1.0


class _Average:
    """A running average of the weights, which retrieves better than the last ones. It warms up, so early epochs do
    not linger.
    """

    def __init__(self, method: Trainable, kept: float) -> None:
        self.kept = kept
        self.weights = {name: t.detach().clone() for name, t in method.state_dict().items()}
        self.updates = 0

    @torch.no_grad()
    def update(self, method: Trainable) -> None:
        self.updates += 1
        decay = min(self.kept, self.updates / (self.updates + 10))
        for name, now in method.state_dict().items():
            if now.is_floating_point():
                self.weights[name].lerp_(now, 1 - decay)
            else:
                self.weights[name].copy_(now)

    def copied(self) -> dict[str, Tensor]:
        return {name: t.clone() for name, t in self.weights.items()}


@dataclass(frozen=True)
class _State:
    """Called: everything that `fit` needs to go on after this epoch."""

    method: Trainable
    optimiser: torch.optim.Optimizer
    average: _Average
    epoch: int

    def __call__(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "method": {name: t.clone() for name, t in self.method.state_dict().items()},
            "optimiser": deepcopy(self.optimiser.state_dict()),
            "average": self.average.copied(),
            "updates": self.average.updates,
        }
