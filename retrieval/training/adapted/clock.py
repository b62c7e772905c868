"""Training for so many seconds: the rate stays, then falls to nothing when the time is up.

A GPU that was lent for an hour ends on time or loses everything, so here time is given, and steps are what comes out.
With a number of steps instead of seconds, what is trained is a function of the seed, as everywhere else.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from retrieval.errors import DataError
from retrieval.files import replacing

LOGGED = 50  # steps between two lines of the log
CLIPPED = 1.0


@dataclass(frozen=True)
class Stage:
    """One stage of a run. Either `seconds` or `steps` say when it ends."""

    name: str
    seconds: float = 0.0
    steps: int = 0
    batch: int = 256
    lr: float = 5e-4
    weight_decay: float = 0.01
    warmup: int = 200  # steps
    falls: float = 0.5  # share of the time from which on the rate falls
    averaging: float = 0.999
    saves: float = 45.0  # seconds between two states on disk


@dataclass
class _State:
    """What a stage needs to go on."""

    weights: dict[str, nn.Parameter]  # those that learn
    others: dict[str, Tensor]  # the module's other tensors, which `after_step` may move: a slow copy
    average: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0  # that it has taken


Loss = Callable[[int, int], Tensor]
"""(step, pictures in a batch) -> the loss, a scalar"""


def train_by_clock(
    module: nn.Module,
    loss: Loss,
    stage: Stage,
    folder: Path,
    on_save: Callable[[Mapping[str, Tensor]], None] = lambda weights: None,
    after_step: Callable[[], None] = lambda: None,
) -> dict[str, Tensor]:
    """Train what learns in the module, going on from the state in `folder` if there is one; the averaged weights, which
    `on_save` has been given now and then.

    Raises DataError when the loss stops being finite.
    """
    state = _begin(module, stage, folder / f"{stage.name}.pt")
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        saved = state.seconds
        for line in _steps(loss, stage, state, after_step):
            log.write(json.dumps(line) + "\n")
            log.flush()
            print(line, flush=True)  # noqa: T201  # a GPU's log is its standard output
            if state.seconds - saved >= stage.saves or _share(stage, state) >= 1:
                saved = state.seconds
                _save(state, folder / f"{stage.name}.pt")
                on_save(state.average)
    return state.average


def _steps(loss: Loss, stage: Stage, state: _State, after_step: Callable[[], None]) -> Iterator[dict[str, Any]]:
    """Take steps until the time is up; lines of the log."""
    begun, first, before = time.perf_counter(), state.step, state.seconds
    recent: list[Tensor] = []
    while _share(stage, state) < 1:
        recent.append(_step(loss, stage, state))
        after_step()
        state.seconds = before + time.perf_counter() - begun
        if state.step % LOGGED == 0 or _share(stage, state) >= 1:
            mean = torch.stack(recent).float().mean().item()  # waits for the device
            recent.clear()
            if not math.isfinite(mean):
                raise DataError(f"The loss of {stage.name} is {mean} at step {state.step}. Lower the learning rate.")
            state.seconds = before + time.perf_counter() - begun
            speed = (state.step - first) * stage.batch / (state.seconds - before)
            line = {"stage": stage.name, "step": state.step, "seconds": round(state.seconds, 1)}
            yield {**line, "loss": round(mean, 5), "pictures a second": round(speed, 1)}


def _step(loss: Loss, stage: Stage, state: _State) -> Tensor:
    """One step; its loss."""
    for group in state.optimiser.param_groups:
        group["lr"] = stage.lr * rate(_share(stage, state), state.step, stage)
    torch.manual_seed(state.step)
    parameters = list(state.weights.values())
    device = parameters[0].device
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        value = loss(state.step, stage.batch)
    state.optimiser.zero_grad(set_to_none=True)
    value.backward()
    nn.utils.clip_grad_norm_(parameters, CLIPPED)
    state.optimiser.step()
    state.step += 1
    _average(state, stage)
    return value.detach()


def rate(share: float, step: int, stage: Stage) -> float:
    """The learning rate as a share of its highest, when `share` of the stage is over."""
    falling = 1.0 if share < stage.falls else 0.5 + 0.5 * math.cos(math.pi * (share - stage.falls) / (1 - stage.falls))
    return min(1.0, (step + 1) / stage.warmup) * falling


def _share(stage: Stage, state: _State) -> float:
    return state.step / stage.steps if stage.steps else state.seconds / max(stage.seconds, 1e-9)


def _begin(module: nn.Module, stage: Stage, path: Path) -> _State:
    weights = {name: p for name, p in module.named_parameters() if p.requires_grad}
    groups = [
        {
            "params": [p for p in weights.values() if (p.ndim >= 2) == decays],
            "weight_decay": stage.weight_decay * decays,
        }
        for decays in (True, False)
    ]
    optimiser = torch.optim.AdamW(groups, lr=stage.lr, betas=(0.9, 0.98), fused=True)
    others = {name: tensor for name, tensor in module.state_dict().items() if name not in weights}
    state = _State(weights, others, {name: p.detach().clone() for name, p in weights.items()}, optimiser)
    if path.exists():
        kept = torch.load(path, map_location=next(module.parameters()).device, weights_only=True)
        with torch.no_grad():
            for name, parameter in weights.items():
                parameter.copy_(kept["weights"][name])
            for name, tensor in others.items():
                tensor.copy_(kept["others"][name])
        state.average = kept["average"]
        optimiser.load_state_dict(kept["optimiser"])
        state.step, state.seconds = kept["step"], kept["seconds"]
    return state


def _save(state: _State, path: Path) -> None:
    kept = {
        "weights": {name: p.detach() for name, p in state.weights.items()},
        "others": state.others,
        "average": state.average,
        "optimiser": state.optimiser.state_dict(),
        "step": state.step,
        "seconds": state.seconds,
    }
    with replacing(path) as part:
        torch.save(kept, part)


@torch.no_grad()
def _average(state: _State, stage: Stage) -> None:
    """A running average, which warms up so that early weights do not linger."""
    decay = min(stage.averaging, state.step / (state.step + 10))
    torch._foreach_lerp_(list(state.average.values()), [p.detach() for p in state.weights.values()], 1 - decay)
