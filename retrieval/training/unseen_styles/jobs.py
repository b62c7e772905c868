"""One job: a variant of every style and seed, trained as a fleet, selected, scored and written."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import Tensor

from retrieval.methods.base import Phase
from retrieval.methods.ucdr_adapter import SOURCE
from retrieval.training.recipes.ucdr_adapter import FEWER_TEXTS, WITHOUT
from retrieval.training.unseen_styles import learning, scoring
from retrieval.training.unseen_styles.batches import Sampler
from retrieval.training.unseen_styles.few_bits import in_bytes, save_arrays
from retrieval.training.unseen_styles.fleet import Fleet, Span
from retrieval.training.unseen_styles.packing import About, Pack, Part

SOURCE_SHARE = 3 / 11  # of the steps, as in the recipe
CHECKS = (0.1, 0.25, 0.5, 0.75)  # shares of the last phase after which, and at whose end, runs are validated
SOURCE_LR, TARGET_LR = 3e-3, 5e-4
LONGER = 2  # times the steps of the second phase
GROUP = 4  # pictures of a class that are drawn together
OF_TARGET = ("prompts", "mask", "learns", "across")  # options that the first phase does not know


@dataclass(frozen=True)
class Job:
    """What is trained: options of the method, and how."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""  # of its start
    source_lr: float = SOURCE_LR
    rates: Mapping[str, float] = field(default_factory=dict)  # of the second phase
    longer: int = 1  # times the steps of the second phase
    short: bool = False  # of one phase: with the steps that a second phase has
    keeps: bool = False  # its weights
    peeks: bool = False  # also selects by the test queries, to show what that does


def variant(name: str, kind: str = "", **more: Any) -> Job:
    """A variant of the recipe, on that kind of start."""
    return Job(f"{name or '-full' if kind else name}{kind}", WITHOUT[name][1], kind, **more)


JOBS = (  # the most important first
    variant("", keeps=True, peeks=True),
    variant("-plain", keeps=True),
    variant("", "-white", keeps=True, peeks=True),
    variant("-plain", "-white", keeps=True),
    variant("-unmasked"),
    variant("-zeros"),
    variant("-fixed-text"),
    variant("-no-triplet"),
    variant("-no-momentum"),
    variant("-added"),
    variant("-mean"),
    Job("-probe"),
    variant("-plain-tower"),
    variant("-tower"),
    Job("-plain-short", WITHOUT["-plain"][1], short=True),
    variant("", "-lent"),
    variant("-plain", "-lent"),
    variant("", "-white-lent"),
    variant("-plain", "-white-lent"),
    variant("-no-domains"),
    variant("-no-classes"),
    variant("-untrained"),
    variant("-four"),
    variant("-released"),
    variant("-code-across", "-white"),
    variant("-plain-across", "-white"),
    variant("", "-white-large"),
    variant("-plain", "-white-large"),
    Job("-full-white-long", {}, "-white", longer=LONGER),
    Job("-plain-white-long", WITHOUT["-plain"][1], "-white", longer=LONGER),
    variant("-code-across"),
    variant("-plain-across"),
    Job("-quick", {}, "", SOURCE_LR * 5, {"generator": 10.0}),
    variant("-code"),
    variant("-across"),
    Job("-long", {}, longer=LONGER),
    Job("-plain-long", WITHOUT["-plain"][1], longer=LONGER),
)
BY_NAME = {job.name.removeprefix("-") or "full": job for job in JOBS}


@dataclass(frozen=True)
class Place:
    """Where a job runs: with what, for how many runs, until when."""

    pack: Pack
    out: Path
    device: str
    seeds: tuple[int, ...]
    batch: int
    deadline: float  # of time.time()
    left_out: tuple[str, ...] = ()  # what each run of a seed does without, where it is not what the pack says

    @property
    def runs(self) -> tuple[tuple[str, int], ...]:
        """Style and seed of each run."""
        return tuple((style, seed) for seed in self.seeds for style in self.left_out or self.pack.about.left_out)

    @property
    def styles(self) -> tuple[str, ...]:
        """The style that each run does without."""
        return tuple(style for style, _ in self.runs)

    def sampler(self, seed: int) -> Sampler:
        """Batches for all runs."""
        part, about, classes = self.pack.parts["training"], self.pack.about, self.pack.classes
        device = self.device
        return Sampler(part, about, classes, self.styles, batch=self.batch, group=GROUP, seed=seed, device=device)


class TooLate(Exception):
    """The deadline came first."""


class Selection:
    """The weights of each run that validate best."""

    def __init__(self, place: Place, fleet: Fleet, encode: Any, *, peeks: bool = False) -> None:
        """peeks: also keep what is best by the test queries."""
        self._place, self._fleet, self._encode = place, fleet, encode
        self.best = [-1.0] * len(fleet)
        self.weights = {name: part.clone() for name, part in fleet.averages.items()}
        self._by_test = [-1.0] * len(fleet) if peeks else []
        self.peeked: dict[str, np.ndarray[Any, Any]] = {}
        self._due = list(CHECKS)

    def look_at_the_clock(self, share: float) -> None:
        """Raises TooLate after the deadline."""
        if time.time() > self._place.deadline:
            raise TooLate

    def after(self, share: float) -> None:
        """Look at the clock, and validate where it is time."""
        self.look_at_the_clock(share)
        if self._due and share >= self._due[0]:
            self._due.pop(0)
            self.check()

    def check(self) -> None:
        """Validate the averages."""
        place, part = self._place, self._place.pack.parts["validation"]
        rows = self._rows(part, self._fleet.averages)
        for run, style in enumerate(place.styles):
            score = scoring.validation(part, place.pack.about, style, rows[run])
            if score > self.best[run]:
                self.best[run] = score
                for name, whole in self.weights.items():
                    whole[run] = self._fleet.averages[name][run]
        if self._by_test:
            self._peek()

    def _peek(self) -> None:
        """Keep the values of what is best by the test queries."""
        place, part, about = self._place, self._place.pack.parts["test"], self._place.pack.about
        rows = self._rows(part, self._fleet.averages)
        for run, (style, seed) in enumerate(place.runs):
            score = scoring.peeked(part, about, style, rows[run])
            if score > self._by_test[run]:
                self._by_test[run] = score
                self.peeked |= _values(part, about, style, seed, rows[run])

    def test(self) -> dict[str, np.ndarray[Any, Any]]:
        """What every query scores with the selected weights: "style-seed/protocol" -> (metrics, Q)."""
        place, part = self._place, self._place.pack.parts["test"]
        rows = self._rows(part, self.weights)
        values: dict[str, np.ndarray[Any, Any]] = {}
        for run, (style, seed) in enumerate(place.runs):
            values |= _values(part, place.pack.about, style, seed, rows[run])
        return values

    def moved(self) -> list[float]:
        """How far prompts move the codes of the pictures to select on: 1 - cosine, the mean of each run."""
        part = self._place.pack.parts["validation"]
        likeness = self._rows(part, self.weights) * self._rows(part, self.weights, learning.bare_codes)
        return [float(1 - row) for row in likeness.sum(axis=2).mean(axis=1)]

    def _rows(self, part: Part, weights: Mapping[str, Tensor], encode: Any = None) -> scoring.Codes:
        """Of all pictures of a part, (R, N, D)."""
        call = partial(self._fleet.call, encode or self._encode, weights=weights)
        return scoring.encoded(call, part, len(self._fleet), self._place.device)


def _values(part: Part, about: About, style: str, seed: int, rows: scoring.Codes) -> dict[str, np.ndarray[Any, Any]]:
    return {
        f"{style}-{seed}/{name}": scoring.in_two_bytes(values)
        for name, values in scoring.values_of(part, about, style, rows).items()
    }


def train_starts(place: Place, span: Span, name: str = "", *, probe: bool = False) -> dict[str, Tensor]:
    """The starts of a kind of all runs, written, and what they are before the first step; their weights, stacked.

    probe: of a plain start its straight path alone.
    """
    began = time.time()
    kind = replace(learning.KINDS[name], trains=("read", "tower.straight")) if probe else learning.KINDS[name]
    sampler = place.sampler(1)
    starts = [learning.new_start(seed, kind, sampler.known(run)) for run, (_, seed) in enumerate(place.runs)]
    fleet = Fleet(starts, place.device)
    if not probe:
        begun = Selection(place, fleet, learning.start_codes)
        begun.check()
        write(place, f"-begun{name}", begun, [], None, began)
    losses = learning.StartLosses(fleet, sampler, place.pack, place.styles)
    selection = Selection(place, fleet, learning.start_codes)
    report = fleet.train(learning.start_phase(kind), span, losses, selection.after)
    selection.check()
    names = [part for part in selection.weights if part.startswith(("tower.", "read."))]
    kept = None if probe or not keeps_start(name) else names
    write(place, "-probe" if probe else f"-start{name}", selection, [report], kept, began)
    return {part: whole.cpu() for part, whole in selection.weights.items()}


def keeps_start(kind: str) -> bool:
    """Whether weights are kept of what stands on it."""
    return any(job.keeps and job.kind == kind for job in JOBS)


def run_job(place: Place, job: Job, starts: Mapping[str, Tensor], steps: int) -> None:
    """Train a variant on all starts, and write what came of it."""
    if job.name == "-probe":
        train_starts(place, Span(steps), probe=True)
        return
    began = time.time()
    selection, reports, trained = train_job(place, job, starts, steps)
    kept = [name for name in selection.weights if any(name.startswith(part) for part in trained)]
    name = job.name or "-full"
    moved = selection.moved() if job.options.get("prompts") != "none" else ()
    write(place, name, selection, reports, kept if job.keeps else None, began, moved)
    if selection.peeked:
        save_arrays(place.out / f"values{name}-peeked.npz", selection.peeked)


def train_job(
    place: Place, job: Job, starts: Mapping[str, Tensor], steps: int
) -> tuple[Selection, list[Any], tuple[str, ...]]:
    """The selected weights, what happened in each phase, and what was trained."""
    sampler = place.sampler(2)
    methods = [_on_start(place, job, starts, run, sampler) for run in range(len(place.runs))]
    phases = methods[0].phases()
    fleet = Fleet(methods, place.device)
    losses = learning.AdapterLosses(fleet, sampler, place.pack, methods, place.pack.parts["training"].rows)
    selection = Selection(place, fleet, learning.codes, peeks=job.peeks)
    reports = []
    for phase in phases:
        span = span_of(phase, len(phases), job, steps)
        last = phase is phases[-1]
        known = None if last else _of_first_phase(place, job, span)
        if known and known.is_file():  # by a variant that differs in the second phase alone
            reports.append(fleet.load(known))
            sampler.skip(span.steps)
            continue
        after, rates = (selection.after, job.rates) if last else (selection.look_at_the_clock, {})
        reports.append(fleet.train(phase, span, losses.of(phase), after, rates))
        fleet.take_averages()
        if known:
            fleet.save(known, reports[-1])
    selection.check()
    return selection, reports, tuple(name for phase in phases for name in phase.trains)


def _of_first_phase(place: Place, job: Job, span: Span) -> Path:
    """The file of what a first phase learnt, the same for all variants that differ in the second alone."""
    options = {name: value for name, value in options_of(job).items() if name not in OF_TARGET}
    said = json.dumps([job.kind, span.steps, options], sort_keys=True)
    return place.out / f"first{hashlib.sha256(said.encode()).hexdigest()[:12]}.pt"


def _on_start(place: Place, job: Job, starts: Mapping[str, Tensor], run: int, sampler: Sampler) -> Any:
    """The method of a run before its first step."""
    style, seed = place.runs[run]
    start = learning.new_start(seed, learning.KINDS[job.kind], sampler.known(run))
    start.load_state_dict({name: whole[run] for name, whole in starts.items()})
    rows = sampler.some(run, learning.MEASURED).cpu()
    return learning.new_adapter(place.pack, start, style, options_of(job), seed, rows)


def options_of(job: Job) -> dict[str, Any]:
    """Options of the method."""
    lr = {"source_lr": job.source_lr, "target_lr": TARGET_LR, "source_epochs": 1, "target_epochs": 1}
    return FEWER_TEXTS | lr | dict(learning.KINDS[job.kind].size) | dict(job.options)


def span_of(phase: Phase, phases: int, job: Job, steps: int) -> Span:
    """The steps of a phase: where there is only one, it gets those of both, or, where the job says so, the second's."""
    source = round(steps * SOURCE_SHARE)
    if phase.name == SOURCE:
        return Span(source)
    target = steps - source if phases > 1 or job.short else steps
    return Span(target + (job.longer - 1) * (steps - source))


def write(
    place: Place,
    name: str,
    selection: Selection,
    reports: Sequence[Any],
    kept: Sequence[str] | None,
    began: float,
    moved: Sequence[float] = (),
) -> None:
    """The values of all queries, the weights of all runs where they are kept, and a line."""
    save_arrays(place.out / f"values{name}.npz", selection.test())
    if kept is not None:
        whole: dict[str, Tensor] = {}
        for run, (style, seed) in enumerate(place.runs):
            own = {part: selection.weights[part][run].float().cpu().contiguous() for part in kept}
            whole |= {f"{style}-{seed}/{part}": weight for part, weight in in_bytes(own).items()}
        save_file(whole, place.out / f"weights{name}.safetensors")
    runs = [f"{style}-{seed}" for style, seed in place.runs]
    line: dict[str, Any] = {"job": name, "seconds": round(time.time() - began, 1), "phases": list(reports)}
    line |= {"validation": dict(zip(runs, selection.best, strict=True)), "moved": dict(zip(runs, moved, strict=False))}
    (place.out / f"log{name}.json").write_text(json.dumps(line) + "\n", encoding="utf-8")
