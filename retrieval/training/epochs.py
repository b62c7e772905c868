"""The epochs of a training: fit, validate, keep, log and go on, once for every recipe.

A run is a folder that survives interruption:

    settings.json   what is trained, written before anything runs
    log.jsonl       one line per epoch
    state.pt        everything after the last finished epoch; replaced in one step

A run that goes on equals one that was never interrupted, bit for bit.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from retrieval.errors import DataError, SettingsError
from retrieval.files import replacing, write_text
from retrieval.methods import Trainable
from retrieval.training.loop import EMA_DECAY, Batches, EpochReport, fit
from retrieval.types import Progress, no_progress

log = logging.getLogger(__name__)
SELECTED_BY = "validation mAP@all"
DIGITS = 6  # of a loss in the log


class Run:
    """A run folder. Opening a run that was begun with other settings is refused, so that a state never meets the wrong
    recipe.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(settings, indent=2, sort_keys=True, default=str) + "\n"
        path = folder / "settings.json"
        if path.is_file() and (before := path.read_text(encoding="utf-8")) != text:
            raise DataError(
                f"{folder} was begun with other settings ({_difference(before, text)}). Name another run folder, or "
                "delete this one."
            )
        write_text(path, text)

    @property
    def begun(self) -> bool:
        """Whether an epoch was finished."""
        return (self.folder / "state.pt").is_file()

    def state(self, device: str = "cpu") -> dict[str, Any] | None:
        """The state after the last finished epoch, its tensors on the device; None where no epoch was finished."""
        if not self.begun:
            return None
        state: dict[str, Any] = torch.load(self.folder / "state.pt", map_location=device, weights_only=True)
        return state

    def save(self, state: Mapping[str, Any], line: Mapping[str, Any]) -> None:
        """Keep the state and append the line to the log."""
        with replacing(self.folder / "state.pt") as part:
            torch.save(dict(state), part)
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")


def settings_of(folder: Path) -> dict[str, Any]:
    """What a run was begun with; nothing where the folder does not tell."""
    path = folder / "settings.json"
    try:
        settings: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings


def _difference(before: str, after: str) -> str:
    """The names of the settings that differ."""
    try:
        old, new = json.loads(before), json.loads(after)
        return ", ".join(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))
    except (ValueError, AttributeError, TypeError):
        return "its settings.json cannot be read"


@dataclass(frozen=True)
class Stage:
    """One training: what learns, from which batches, and the run that keeps it.

    averaging: share of the running average of weights that one step keeps. validate: measures a copy of the learner
    with averaged weights, every `validate_every` epochs and after the last; the epoch with the best `SELECTED_BY` is
    kept, or without validation the last. after_epoch: keeps what a recipe wants of every epoch.
    """

    learner: Trainable
    data: Batches
    run: Run
    seed: int = 0
    device: str = "cpu"
    averaging: float = EMA_DECAY
    validate: Callable[[Any], dict[str, float]] | None = None
    validate_every: int = 0
    after_epoch: Callable[[EpochReport], None] | None = None


def run_epochs(stage: Stage, on_progress: Progress = no_progress) -> dict[str, float]:
    """Train to the last epoch, or go on where the run stopped; the learner keeps the selected averaged weights and
    stays on its device. Returns what validation measured of the selected epoch.
    """
    learner, run = stage.learner.to(stage.device), stage.run
    state = run.state(stage.device) or {"fit": None, "best": None, "metrics": {}}
    best, metrics = state["best"], state["metrics"]
    weights: dict[str, Tensor] | None = state["fit"] and state["fit"]["average"]
    precision, scratch = precision_on(stage.device), _Scratch(stage)
    for report in fit(
        learner,
        stage.data,
        seed=stage.seed,
        resume=state["fit"],
        averaging=stage.averaging,
        precision=precision,
        on_progress=on_progress,
    ):
        weights = report.averaged()
        measured = scratch.measure(report, weights)
        if measured and (best is None or measured[SELECTED_BY] > metrics[SELECTED_BY]):
            best, metrics = weights, measured
        if stage.after_epoch:
            stage.after_epoch(report)
        line = _line(report, measured)
        run.save({"fit": report.state(), "best": best, "metrics": metrics}, line)
        log.info("%s: %s", run.folder.name, line)
    if weights is None:
        raise SettingsError("Nothing would be trained in 0 epochs. Ask for at least one.")
    learner.load_state_dict(weights if best is None else best)
    learner.eval()
    return dict(metrics)


class _Scratch:
    """A copy of the learner that is validated, so that validation leaves no trace in what goes on learning."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._copy: Any = None

    def measure(self, report: EpochReport, weights: Mapping[str, Tensor]) -> dict[str, float]:
        """What validation measures of these weights; nothing where this epoch is not validated."""
        stage, every = self._stage, self._stage.validate_every
        if stage.validate is None or not every or (report.epoch % every and report.epoch != report.epochs):
            return {}
        if self._copy is None:
            self._copy = deepcopy(stage.learner)
        self._copy.load_state_dict(weights)
        return stage.validate(self._copy.eval())


def precision_on(device: str) -> torch.dtype:
    """What matrix products compute in: bfloat16 is twice as fast on a GPU, and slower than float32 on most CPUs."""
    return torch.float32 if device.startswith("cpu") else torch.bfloat16


def require_device(device: str) -> None:
    """Raises SettingsError for a device that is not here."""
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"Nothing can be trained on {device!r} here ({error}). Leave --device out.") from error


def _line(report: EpochReport, measured: Mapping[str, float]) -> dict[str, float | int | str]:
    losses = {name: round(value, DIGITS) for name, value in report.losses.items()}
    return {"epoch": report.epoch, "of": report.epochs, "seconds": round(report.seconds, 1), **losses, **measured}
