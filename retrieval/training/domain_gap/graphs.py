"""Steps of one shape for so many seconds; on a GPU they are recorded once and replayed (CUDA graphs).

A small network's step is a thousand tiny kernels, which one core can hardly launch as fast as a GPU runs them. So a
whole step - forward, backward, clipping, optimiser, running average - is recorded, and replaying it is one launch. What
differs from step to step is written into the same tensors before: a batch, and the learning rate. The steps that
recording takes leave no trace: their rate is 0, and the optimiser forgets them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from retrieval.errors import DataError
from retrieval.training.adapted.clock import Stage, rate

LOOKED = 25  # steps between two looks at the clock
BETAS = 0.9, 0.98
SETTLED = (20, 100, 500)  # steps after which the average begins anew: the first weights must not linger
WARM = 3  # steps before one is recorded
ALIKE = 0.1  # a replayed loss may be off by this share of the loss that is computed without a record

Draw = Callable[[], tuple[Tensor, ...]]
"""A batch, always of the same shapes, on the device."""
Loss = Callable[..., Tensor]
"""The batch's tensors -> a scalar."""


@dataclass(frozen=True)
class Look:
    """What is seen at a look at the clock."""

    step: int
    seconds: float
    loss: float  # the mean since the last look


class Stepper:
    """Parameters that learn, their running averages, and one step."""

    def __init__(
        self, parameters: Sequence[nn.Parameter], loss: Loss, draw: Draw, stage: Stage, recorded: bool
    ) -> None:
        """recorded: on a GPU alone."""
        self.parameters, self._loss, self._draw, self._stage = list(parameters), loss, draw, stage
        self.device = self.parameters[0].device
        self.averages = [p.detach().clone() for p in self.parameters]
        self._on_gpu = self.device.type == "cuda"
        lr: Any = torch.tensor(stage.lr, device=self.device) if self._on_gpu else stage.lr
        groups = [
            {"params": [p for p in self.parameters if (p.ndim >= 2) == decays], "weight_decay": decay}
            for decays, decay in ((True, stage.weight_decay), (False, 0.0))
        ]
        self._optimiser = torch.optim.AdamW(groups, lr=lr, betas=BETAS, fused=True, capturable=self._on_gpu)
        self._batch = tuple(part.clone() for part in draw())
        self.value = torch.zeros((), device=self.device)
        self._graph = self._record() if recorded and self._on_gpu else None

    def step(self, share: float, number: int) -> None:
        """One step, when that share of the time is over."""
        self._set_rate(self._stage.lr * rate(share, number, self._stage))
        for own, new in zip(self._batch, self._draw(), strict=True):
            own.copy_(new)
        if self._graph is not None:
            self._graph.replay()
        else:
            self._step()
        if number in SETTLED:
            torch._foreach_copy_(self.averages, [p.detach() for p in self.parameters])

    def _set_rate(self, lr: float) -> None:
        for group in self._optimiser.param_groups:
            if self._on_gpu:
                group["lr"].fill_(lr)
            else:
                group["lr"] = lr

    def _step(self) -> None:
        self._optimiser.zero_grad(set_to_none=True)
        self._move()

    def _forget(self) -> None:
        """Let the optimiser be as before its first step; in place, since a recorded step reads the same tensors."""
        for state in self._optimiser.state.values():
            for tensor in state.values():
                tensor.zero_()

    def _move(self) -> None:
        self.value.copy_(self._value())
        with torch.no_grad():
            kept = self._stage.averaging
            torch._foreach_lerp_(self.averages, [p.detach() for p in self.parameters], 1 - kept)

    def _value(self) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._on_gpu, cache_enabled=False):
            value = self._loss(*self._batch)
        value.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self._optimiser.step()
        return value.detach()

    def _record(self) -> torch.cuda.CUDAGraph:
        """The recorded step. Raises DataError where its loss is another than without a record."""
        self._set_rate(0.0)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self._optimiser.zero_grad(set_to_none=True)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._move()
        for own, new in zip(self._batch, self._draw(), strict=True):
            own.copy_(new)
        with torch.no_grad(), torch.autocast("cuda", torch.bfloat16):
            expected = float(self._loss(*self._batch))
        graph.replay()
        found = float(self.value)
        self._forget()
        if not abs(found - expected) <= ALIKE * abs(expected):
            raise DataError(f"A recorded step has the loss {found}, and without a record it is {expected}.")
        return graph


def steps(stepper: Stepper, stage: Stage, deadline: float = math.inf) -> Iterator[Look]:
    """Take steps for the stage's seconds, or its number of steps, or until the deadline of `time.time()`; look now and
    then. Raises DataError when the loss stops being finite.
    """
    begun, number = time.perf_counter(), 0
    total, last = torch.zeros((), device=stepper.device), 0
    share, seconds = 0.0, 0.0
    while share < 1 and time.time() < deadline:
        stepper.step(share, number)
        total += stepper.value
        number += 1
        share = number / stage.steps if stage.steps else share
        if number % LOOKED == 0 or share >= 1:
            mean = float(total) / (number - last)  # waits for the device
            seconds = time.perf_counter() - begun
            share = share if stage.steps else seconds / stage.seconds
            if not math.isfinite(mean):
                raise DataError(f"The loss of {stage.name} is {mean} at step {number}. Lower the learning rate.")
            yield Look(number, round(seconds, 1), mean)
            total.zero_()
            last = number
