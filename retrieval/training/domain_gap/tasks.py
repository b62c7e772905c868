"""A task is a variant of a seed: pre-trained, fine-tuned on all of the street's training people, on some and on few,
and scored on people whom nothing has seen. Processes share the tasks of a folder: whoever claims one does it.

    <work>/claims/NAME       who began it
    <work>/steps.json        how many steps all variants take, set once by the time of a step
    <work>/sets/NAME/        drawn figures, as `relations.packing` packs them
    <work>/pairs/NAME.pt     figures as the frozen towers see them, ready to be learnt
    <work>/tasks/NAME.json   losses; for each share of labels the ranks of all right figures of each test caption
"""

from __future__ import annotations

import dataclasses
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from retrieval.data.picture_table import PictureTable
from retrieval.files import replacing, write_text
from retrieval.methods.mra import MRA, Sentences
from retrieval.reranking import HEAD
from retrieval.training.domain_gap.packing import MOST_SHOWN, SOURCE, TARGET, Pack
from retrieval.training.domain_gap.scoring import Asked, asked_of, ranks_of
from retrieval.training.domain_gap.variants import (
    DRAWN,
    EPOCH,
    STUDIO,
    VARIANTS,
    Bench,
    Schedule,
    Variant,
    fine_tune,
    pre_train,
    single_words,
)
from retrieval.training.recipes.parts.people_bundle import copied
from retrieval.training.recipes.parts.people_pairs import PairBatches, PeoplePairs, gather_pairs
from retrieval.training.relations.packing import read_rows

ALL, SOME, FEW, NONE = "all", "quarter", "twentieth", "none"
SHARES = {ALL: 1.0, SOME: 0.25, FEW: 0.05}  # of the street's training people
TUNED = {ALL: 0.5, SOME: 0.2, FEW: 0.1}  # steps of fine-tuning, beside those of pre-training
COST = 1.0 + 0.6 * sum(TUNED.values())  # of a task, in steps of pre-training with regions
STEPS = "steps.json"
LEAST, MOST = 20, 1200  # steps of pre-training


@dataclass(frozen=True)
class Task:
    """A row of the table for one seed."""

    variant: Variant
    seed: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.variant.name}-{self.seed}".replace(" ", "_")


@dataclass
class Workplace:
    """What a process works with; what it has made ready is kept."""

    pack: Pack
    bench: Bench
    work: Path
    seeds: tuple[int, ...]
    task_seconds: float  # that a task should take
    note: Callable[[Mapping[str, Any]], None]
    on_done: Callable[[], None] = lambda: None
    shown: int = MOST_SHOWN  # pictures of each kind
    rows: int = len(VARIANTS)  # of the table, the first
    steps: int = 0  # of pre-training; 0: as many as fit into the seconds of a task
    shares: tuple[str, ...] = (ALL, NONE, SOME, FEW)  # of the street's people that are fine-tuned on
    head: int = HEAD  # figures that the second stage looks at
    ready: dict[str, PeoplePairs] = field(default_factory=dict)
    asked: Asked | None = None

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.bench.deadline - time.time()

    @property
    def tasks(self) -> list[Task]:
        """All, seed by seed, in each the most important first."""
        return [Task(variant, seed) for seed in self.seeds for variant in VARIANTS[: self.rows]]

    def pairs(self, name: str) -> PeoplePairs:
        """Figures that are trained on, by the name of their kind."""
        if name not in self.ready:
            path = self.work / "pairs" / f"{name}.pt"
            if not path.is_file():
                table = self._table(name)
                keep(path, gather_pairs(self.bench.begin(0), table, self.bench.views, self.bench.device))
            self.ready[name] = kept(path, self.bench.device)
        return self.ready[name]

    def _table(self, name: str) -> PictureTable:
        if name in SHARES:
            street = self.pack.of(TARGET, "train")
            return street.where(labels=people_of(street, SHARES[name]))
        if name in DRAWN:
            return read_rows(self.work / "sets" / name)[: self.shown]
        studio = self.pack.of(SOURCE, "train")
        table = studio.select(sorted(np.random.default_rng(0).permutation(len(studio))[: self.shown].tolist()))
        return single_words(table) if name != STUDIO else table

    def has(self, source: str) -> bool:
        """Whether its figures are there."""
        return source not in DRAWN or (self.work / "sets" / source).is_dir()

    def test(self, method: MRA) -> Asked:
        """The test figures."""
        if self.asked is None:
            self.asked = asked_of(method, self.pack.of(TARGET, "test"))
        return self.asked


def people_of(table: PictureTable, share: float) -> frozenset[str]:
    """That share of the people, always the same."""
    people = sorted(set(table.labels))
    count = max(round(share * len(people)), 2)
    return frozenset(people[at] for at in np.random.default_rng(0).permutation(len(people))[:count])


def keep(path: Path, pairs: PeoplePairs) -> None:
    """Write pairs for all processes, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        torch.save(dataclasses.asdict(pairs), part)


def kept(path: Path, device: str) -> PeoplePairs:
    """What `keep` wrote."""
    parts: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    captions, phrases = (Sentences(**parts.pop(name)) for name in ("captions", "phrases"))
    return PeoplePairs(**parts, captions=captions, phrases=phrases)


def claim(folder: Path, name: str) -> bool:
    """Whether nobody else has it; from now on it is ours."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(folder / name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def work_on(place: Workplace) -> None:
    """Do tasks until none is left, or no time."""
    steps = planned(place)
    while place.left > 0:
        waiting = [task for task in place.tasks if not (place.work / "claims" / task.name).exists()]
        if not waiting:
            return
        task = next((t for t in waiting if place.has(t.variant.source) and claim(place.work / "claims", t.name)), None)
        if task is None:
            time.sleep(1)
            continue
        try:
            with place.bench.computing():
                do(place, task, steps)
        except Exception as error:  # the others go on
            place.note({"task": task.name, "failed": f"{type(error).__name__}: {error}"})


def planned(place: Workplace) -> int:
    """Steps of pre-training, the same for all: whoever comes first measures a step."""
    path = place.work / STEPS
    if place.steps:
        write_text(path, json.dumps({"steps": place.steps}))
        return place.steps
    if claim(place.work / "claims", "steps"):
        took = place.bench.timed(place.pairs(STUDIO))
        count = int(place.task_seconds / COST / took) // EPOCH * EPOCH
        write_text(path, json.dumps({"steps": min(max(count, LEAST), MOST), "seconds of a step": round(took, 4)}))
        place.note({"seconds of a step": round(took, 4), "steps": min(max(count, LEAST), MOST)})
    while not path.exists() and place.left > 0:
        time.sleep(0.5)
    return int(json.loads(path.read_text(encoding="utf-8"))["steps"])


def do(place: Workplace, task: Task, steps: int) -> None:
    """One task; its file is written anew after each thing that was measured."""
    began, variant, bench = time.time(), task.variant, place.bench
    method = bench.begin(task.seed)
    row: dict[str, Any] = {"variant": variant.name, "seed": task.seed, "steps": steps, "ranks": {}}
    row |= {"width": bench.width, "batch": bench.batch, "head": place.head}
    if variant.source:
        pairs = place.pairs(f"{variant.source}, words" if variant.words else variant.source)
        batches = PairBatches(pairs, bench.batch, EPOCH, variant.regions)
        row["losses"] = pre_train(bench, method, batches, Schedule(steps, bench.lr, task.seed), variant.without)
        row["pictures"] = len(pairs.people)
    for share in [share for share in place.shares if variant.few or share in (ALL, NONE)]:
        tuned = copied(method)
        if share != NONE:
            count, street = int(TUNED[share] * steps), place.pairs(share)
            losses = fine_tune(bench, tuned, street, Schedule(count, bench.lr, task.seed))
            people = len(set(street.people.tolist()))
            row.setdefault("tuning", {})[share] = {"steps": count, "people": people, "losses": losses}
        test = place.test(tuned)
        row |= {"figures": len(test.people), "asked": test.asked.tolist()}
        found_in = ranks_of(tuned, test, place.head, bench.precision)
        row["ranks"][share] = {name: found.tolist() for name, found in found_in.items()}
        write_text(place.work / "tasks" / f"{task.name}.json", json.dumps(row, separators=(",", ":")))
        first = {name: _first(found) for name, found in row["ranks"][share].items()}
        place.note({"task": task.name, "labels": share, **first, "seconds": round(time.time() - began, 1)})
    place.on_done()


def _first(ranks: list[list[int]]) -> float:
    """R@1 of ranks from 0."""
    return round(float(np.mean([row[0] == 0 for row in ranks])), 4)
