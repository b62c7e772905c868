"""Many trainings of one shape at once: their weights lie in stacks, (R, ...), and one step moves them all.

A small network leaves a GPU idle; thirty of them, side by side in one product, do not. Runs share nothing but the
step: each has its own batch, its own loss, its own clipping, and the optimiser moves every number by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from retrieval.errors import DataError
from retrieval.files import replacing
from retrieval.methods.base import Phase
from retrieval.training.schedules import rate

KEPT = 0.99  # share of the running average of weights that one step keeps
CLIPPED = 5.0  # the largest gradient of a run
BETAS = 0.9, 0.98
LOGGED = 50  # steps between two looks at the losses


@dataclass
class Span:
    """How long a phase is: so many steps, or, where `seconds` are given, until these are over."""

    steps: int
    seconds: float = 0.0

    def shares(self) -> Iterator[float]:
        """The share of the phase that is done before each step."""
        begun, taken = time.monotonic(), 0
        while True:
            share = (time.monotonic() - begun) / self.seconds if self.seconds else taken / self.steps
            if share >= 1:
                self.steps = taken
                return
            yield share
            taken += 1


class Fleet:
    """Runs whose weights are stacked, and the running averages of these."""

    def __init__(self, methods: Sequence[nn.Module], device: str) -> None:
        """methods: of one shape."""
        self.device = device
        self._shape = methods[0]
        parameters, buffers = stack_module_state(list(methods))
        self._parameters = tuple(parameters)
        self.weights = {name: part.detach().to(device) for name, part in (parameters | buffers).items()}
        self.averages = {name: part.clone() for name, part in self.weights.items()}
        self.updates = 0

    def __len__(self) -> int:
        return len(next(iter(self.weights.values())))

    def call(
        self, function: Callable[..., Tensor], *batches: Tensor, weights: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """What each run's method makes of its own batch: function(method, *batch) -> Tensor.   -> (R, ...)"""
        shell = _Shell(self._shape, function)
        named = {f"method.{name}": part for name, part in (weights or self.weights).items()}

        def run(own: dict[str, Tensor], *batch: Tensor) -> Tensor:
            result: Tensor = functional_call(shell, own, batch)
            return result

        with sdpa_kernel(SDPBackend.MATH):  # which is made of products that can be stacked
            stacked: Tensor = vmap(run, randomness="different")(named, *batches)
        return stacked

    def train(
        self,
        phase: Phase,
        span: Span,
        losses: Callable[[], Tensor],
        after: Callable[[float], None] = lambda share: None,
        weight_rates: Mapping[str, float] | None = None,
    ) -> dict[str, Any]:
        """Move what the phase trains. losses: of each run, (R,), anew in every step. after: gets the share done.

        weight_rates: by the beginning of a name, a factor on its rate. Returns what happened. Raises DataError where a
        loss is no number.
        """
        names = [name for name in self._parameters if _is_under(name, phase.trains)]
        learning = {name: self.weights[name].requires_grad_() for name in names}
        optimiser = _optimiser(learning, phase, weight_rates or {})
        seen: list[list[float]] = []
        begun = time.monotonic()
        for step, share in enumerate(span.shares()):
            factor = rate(phase.schedule, share, phase.warmup)
            for group in optimiser.param_groups:
                group["lr"] = phase.lr * group["factor"] * factor
            loss = losses()
            optimiser.zero_grad(set_to_none=True)
            loss.sum().backward()
            _clip([part.grad for part in learning.values() if part.grad is not None])
            optimiser.step()
            self._average(learning)
            if step % LOGGED == 0:
                seen.append(loss.detach().tolist())
                if not all(value == value for value in seen[-1]):
                    raise DataError(f"A loss is no number in step {step} of {phase.name!r}. Lower the rate.")
            after(share)
        for part in learning.values():
            part.requires_grad_(False).grad = None
        first, last = (sum(row) / len(row) for row in (seen[0], seen[-1])) if seen else (0.0, 0.0)
        seconds = round(time.monotonic() - begun, 2)
        return {"phase": phase.name, "steps": span.steps, "seconds": seconds, "first loss": first, "last loss": last}

    @torch.no_grad()
    def _average(self, learning: Mapping[str, Tensor]) -> None:
        self.updates += 1
        kept = min(KEPT, self.updates / (self.updates + 10))
        torch._foreach_lerp_([self.averages[name] for name in learning], list(learning.values()), 1 - kept)

    def take_averages(self) -> None:
        """Go on from the averages."""
        self.weights = {name: part.clone() for name, part in self.averages.items()}

    def save(self, path: Path, report: Mapping[str, Any]) -> None:
        """Write the averages, and what happened."""
        with replacing(path) as part:
            torch.save({"averages": self.averages, "updates": self.updates, "report": dict(report)}, part)

    def load(self, path: Path) -> dict[str, Any]:
        """Go on from averages that were written. Returns what happened."""
        found = torch.load(path, weights_only=True, map_location=self.device)
        self.averages, self.updates = found["averages"], found["updates"]
        self.take_averages()
        report: dict[str, Any] = found["report"]
        return report


class _Shell(nn.Module):
    """A method, and what is done with it, as a module that can be called with other weights."""

    def __init__(self, method: nn.Module, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.method, self._function = method, function

    def forward(self, *batch: Tensor) -> Tensor:
        return self._function(self.method, *batch)


def _is_under(name: str, listed: Sequence[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in listed)


def _optimiser(learning: Mapping[str, Tensor], phase: Phase, rates: Mapping[str, float]) -> torch.optim.AdamW:
    """AdamW; a matrix of one run has three dimensions in the stack, and alone decays."""
    groups: list[dict[str, Any]] = []
    for name, part in learning.items():
        factor = next((value for begun, value in rates.items() if name.startswith(begun)), 1.0)
        decay = phase.weight_decay if part.ndim >= 3 else 0.0
        groups.append({"params": [part], "factor": factor, "weight_decay": decay})
    merged: dict[tuple[float, float], dict[str, Any]] = {}
    for group in groups:
        key = group["factor"], group["weight_decay"]
        merged.setdefault(key, group | {"params": []})["params"] += group["params"]
    return torch.optim.AdamW(list(merged.values()), lr=phase.lr, betas=BETAS, fused=True)


@torch.no_grad()
def _clip(gradients: Sequence[Tensor]) -> None:
    """Make the gradient of each run at most CLIPPED long."""
    squares = torch.stack([part.flatten(1).square().sum(dim=1) for part in gradients]).sum(dim=0)  # (R,)
    factor = (CLIPPED / (squares.sqrt() + 1e-6)).clamp(max=1.0)
    for part in gradients:
        part.mul_(factor.view(-1, *[1] * (part.ndim - 1)))
