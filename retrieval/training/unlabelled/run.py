"""One command for a GPU: the trunk looks at all views once, then a few processes train, each many trainings side by
side, which ask one prior together.

    <out>/dude-world.safetensors   the heads of DUDE, of every seed, and how seed 0 came about; half precision
    <out>/others.safetensors       the heads of its ablations and rivals, in eight bits
    <out>/pairs.npz                who was whose neighbour
    <out>/log.jsonl                settings, losses, what failed

All are written anew as trainings end. Threads share a source of chance, so what is trained depends on more than seeds.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from retrieval.artifacts.checksummed import halved
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.files import replacing, sha256
from retrieval.methods import proto_ot
from retrieval.methods.dude import Config, Dude
from retrieval.methods.parts.noise_errors import NoiseErrors
from retrieval.methods.proto_ot import ProtoOT
from retrieval.training.epochs import precision_on
from retrieval.training.loop import EpochReport, fit
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dude import DudeSettings
from retrieval.training.recipes.parts.unlabelled import head_of, latents_of
from retrieval.training.recipes.parts.view_features import ViewBatches, kept_features, view_features
from retrieval.training.unlabelled.fewer_bits import in_few_bits
from retrieval.training.unlabelled.jobs import READING, SEEDS, Job, all_waves, claim
from retrieval.training.unlabelled.packing import PRIOR, TRUNK, Packed, open_prior, open_trunk, unpack
from retrieval.training.unlabelled.pooled import Pool, PooledErrors

RESERVE = 12.0  # seconds at the end, for writing
COLLECTED = 20.0  # seconds between two looks at what is done
KEPT = ("dude-world", "dude-world-at-once")  # trainings whose neighbours are kept


@dataclass(frozen=True)
class Settings:
    """What a run is given."""

    pack: Annotated[Path, "the packed folder"]
    out: Annotated[Path, "where heads are written"]
    seconds: Annotated[float, "for all"] = 260
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    processes: Annotated[int, "that train a wave of trainings each"] = 2
    epochs: Annotated[int, "of the first phase"] = 13
    seeds: Annotated[tuple[int, ...], "of every training"] = SEEDS
    views: Annotated[int, "of each picture"] = 8
    batch: Annotated[int, "pictures in a step"] = 192
    stops: Annotated[int, "times that the head of seed 0 is kept on its way"] = 4
    noise_weight: Annotated[float, "of the noise loss; 0: the method's"] = 0
    read_weight: Annotated[float, "of what is read; 0: the method's"] = 0
    only: Annotated[tuple[str, ...], "these recipes and no others; none: all"] = ()
    kept: Annotated[Path | None, "a folder for what the frozen parts make of the pictures, for the next run"] = None
    deadline: Annotated[float, "set by the first process"] = 0
    number: Annotated[int, "of this process; below 0: the first"] = -1


def run(settings: Settings) -> None:
    """Everything; what fails is logged, and what was made before is written."""
    torch.set_float32_matmul_precision("high")
    if settings.number >= 0:
        attempt(settings, lambda: work(settings))
        return
    shutil.rmtree(_state(settings), ignore_errors=True)
    _state(settings).mkdir(parents=True)
    settings = dataclasses.replace(settings, deadline=time.time() + settings.seconds - RESERVE)
    note(settings, {**{k: str(v) for k, v in dataclasses.asdict(settings).items()}, "run": "begins"})
    attempt(settings, lambda: prepare(settings))
    attempt(settings, lambda: supervise(settings))
    collect(settings)


def prepare(settings: Settings) -> None:
    """Compute features and latents, for all processes."""
    packed = unpack(settings.pack)
    features_in(settings, packed)
    latents_in(settings, packed)
    note(settings, {"pictures": len(packed.ids), "prepared after": _age(settings)})


def features_in(settings: Settings, packed: Packed) -> Tensor:
    """What the packed trunk makes of the pictures and their views, computed where it is not kept.   -> (N, 1 + V, F)"""
    preprocess = DudeSettings().preprocess

    def compute() -> Tensor:
        trunk = open_trunk(settings.pack, packed.about["trunk"]).to(settings.device)
        trunk = trunk.to(memory_format=torch.channels_last)
        return view_features(trunk, packed.pixels, preprocess, settings.views, 0)

    asked = {"trunk": sha256(settings.pack / TRUNK), "preprocess": preprocess, "views": settings.views}
    return kept_features(_made(settings) / "features.safetensors", packed.pixels, compute, **asked)


def latents_in(settings: Settings, packed: Packed) -> Tensor:
    """What the packed prior makes of the pictures, computed where it is not kept.   -> (N, C, h, w)"""

    def compute() -> Tensor:
        return latents_of(open_prior(settings.pack, settings.device), packed.pixels)

    prior = sha256(settings.pack / PRIOR)
    return kept_features(_made(settings) / "latents.safetensors", packed.pixels, compute, prior=prior)


def supervise(settings: Settings) -> None:
    """Start the processes, wait until the time is up, and write what is done."""
    command = [sys.executable, "-m", "retrieval.training.unlabelled", "train", *words_of(settings)]
    commands = [[*command, "--number", str(n)] for n in range(settings.processes)]
    workers = [subprocess.Popen(words) for words in commands]  # noqa: S603  # this very program
    collected, done = time.time(), 0
    try:
        while any(worker.poll() is None for worker in workers) and time.time() < settings.deadline:
            time.sleep(0.5)
            now = len(list(_state(settings).glob("*.safetensors")))
            if now > done and time.time() > collected + COLLECTED:
                collect(settings)
                collected, done = time.time(), now
    finally:
        for worker in workers:
            worker.kill()


def words_of(settings: Settings) -> list[str]:
    """The words of a command line that mean these settings, but for the number of the process."""
    words = [str(settings.pack), str(settings.out)]
    for field in dataclasses.fields(settings)[2:-1]:
        value = getattr(settings, field.name)
        given = value if isinstance(value, tuple | list) else () if value is None else (value,)
        words += [f"--{field.name.replace('_', '-')}", *map(str, given)] if given else []
    return words


def work(settings: Settings) -> None:
    """One process: train the waves that nobody else has taken."""
    bench = Bench(settings)
    for number, wave in enumerate(all_waves(settings.seeds, settings.only)):
        if claim(_state(settings), number):
            attempt(settings, lambda wave=wave: bench.train_all(wave))  # type: ignore[misc]


class Bench:
    """What all trainings of a process share."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._device = settings, settings.device
        self._packed = packed = unpack(settings.pack)
        features = features_in(settings, packed)
        self._data = ViewBatches(features, packed.ids, packed.domains, batch=settings.batch).on(settings.device)
        prior, latents = open_prior(settings.pack, settings.device), latents_in(settings, packed).to(settings.device)
        self._errors = NoiseErrors(prior, latents, packed.about["classes"])

    def train_all(self, jobs: Sequence[Job]) -> None:
        """Train them side by side, a thread each."""
        pool = Pool(self._errors, sum(job.shares for job in jobs))
        asking = [PooledErrors(pool, member=job.shares) for job in jobs]
        begun = [self.begin(job, errors) for job, errors in zip(jobs, asking, strict=True)]
        threads = [threading.Thread(target=self._train, args=each) for each in zip(jobs, begun, asking, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _train(self, job: Job, method: Dude | ProtoOT, errors: PooledErrors) -> None:
        try:
            attempt(self._settings, lambda: self.train(job, method))
        finally:
            errors.leave()

    def begin(self, job: Job, errors: NoiseErrors) -> Dude | ProtoOT:
        """The method before its first step. Its trunk is not used: features were computed before."""
        recipe, data, epochs = RECIPES[job.recipe], self._data, self._settings.epochs
        domains = tuple(dict.fromkeys(domain.name for domain in data.domains))
        options: dict[str, Any] = {"styles": domains, **recipe.config, "epochs": epochs}
        torch.manual_seed(job.seed)
        if job.recipe.startswith("proto-ot"):
            rival = ProtoOT(proto_ot.Config(**options), DudeSettings().preprocess).to(self._device)
            rival.learn_from(data.plain, data.ids, data.domains)
            rival.to(self._device)
            return rival
        options |= {"width": SentenceReaderConfig.width, "word_length": self._packed.about["word length"]}
        if options.get("read_epochs"):
            options["read_epochs"] = max(1, round(READING * epochs))
        given = {"noise_weight": self._settings.noise_weight, "read_weight": self._settings.read_weight}
        options = {**{name: value for name, value in given.items() if value}, **options}
        method = Dude(Config(**options), DudeSettings().preprocess)
        method.learn_from(errors, data.ids, data.domains)
        return method.to(self._device)

    def train(self, job: Job, method: Dude | ProtoOT) -> None:
        """Train it, and keep its head; of DUDE, the head before it reads, too."""
        settings, begun, epochs = self._settings, time.time(), self._settings.epochs
        self._keep(job, "at-000", head_of(method.state_dict()))
        lines = []
        for report in fit(method, self._data, seed=job.seed, precision=precision_on(self._device)):
            lines.append({k: round(v, 4) for k, v in report.losses.items()})
            self._after(job, method, report)
            if time.time() > settings.deadline:
                note(settings, {"job": job.name, "out of time after epoch": report.epoch})
                return
        _save(settings, job.name, head_of(report.averaged()))
        note(settings, {"job": job.name, "epochs": epochs, "seconds": round(time.time() - begun, 1), "losses": lines})

    def _after(self, job: Job, method: Dude | ProtoOT, report: EpochReport) -> None:
        """What is kept of an epoch."""
        weights, epochs = head_of(report.averaged()), self._settings.epochs
        if job.recipe == "dude-world" and report.epoch == epochs:
            _save(self._settings, f"dude-world-unread-{job.seed}", weights)
        if report.epoch % max(1, round(report.epochs / max(self._settings.stops, 1))) == 0:
            self._keep(job, f"at-{report.epoch:03d}", weights)
        if job.recipe in KEPT and isinstance(method, Dude) and report.epoch <= epochs:
            study = method.study
            assert study is not None
            every = max(1, epochs // 6)
            if report.epoch % every == 0 or report.epoch in (epochs, round(epochs / 2)):
                kept = {part: getattr(study, part).cpu().numpy().astype(np.int16) for part in ("within", "across")}
                np.savez_compressed(_state(self._settings) / f"pairs-{job.name}-{report.epoch:03d}.npz", **kept)

    def _keep(self, job: Job, name: str, weights: Mapping[str, Tensor]) -> None:
        if job == Job("dude-world", 0) and self._settings.stops:
            _save(self._settings, f"{job.name}.{name}", weights)


def collect(settings: Settings) -> None:
    """Write what there is into `out`."""
    state, out = _state(settings), settings.out
    out.mkdir(parents=True, exist_ok=True)
    heads = {path.stem: load_file(path) for path in sorted(state.glob("*.safetensors"))}
    full = {f"{n}/{k}": t for n, w in heads.items() if n.startswith("dude-world-") and _whole(n) for k, t in w.items()}
    others = {f"{n}/{k}": t for n, w in heads.items() if not _whole(n) for k, t in w.items()}
    if full:
        _write(out / "dude-world.safetensors", halved(full))
    if others:
        small = {name: torch.from_numpy(np.array(a)) for name, a in in_few_bits(others, 8, 10**9).items()}
        _write(out / "others.safetensors", small)
    pairs = {path.stem: dict(np.load(path)) for path in sorted(state.glob("pairs-*.npz"))}
    if pairs:
        arrays: dict[str, Any] = {f"{n}/{k}": a for n, kept in pairs.items() for k, a in kept.items()}
        with replacing(out / "pairs.npz") as part, part.open("wb") as file:
            np.savez_compressed(file, **arrays)
    note(settings, {"collected": sorted(heads), "after": _age(settings)})


def _whole(name: str) -> bool:
    """Whether a head is DUDE's own, or one on its way."""
    return name.split(".")[0].removeprefix("dude-world-").removeprefix("unread-").isdigit()


def attempt(settings: Settings, act: Callable[[], None]) -> None:
    """Do it; if it fails, say so and go on."""
    try:
        act()
    except Exception:
        note(settings, {"failed": traceback.format_exc()[-3000:]})


def note(settings: Settings, line: Mapping[str, Any]) -> None:
    """A line of the log, which is shown, too."""
    text = json.dumps({"process": settings.number, **line})
    settings.out.mkdir(parents=True, exist_ok=True)
    with (settings.out / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(text + "\n")
    print(text, flush=True)  # noqa: T201


def _save(settings: Settings, name: str, weights: Mapping[str, Tensor]) -> None:
    kept = {k: t.detach().cpu().contiguous() for k, t in weights.items()}
    _write(_state(settings) / f"{name}.safetensors", kept)


def _write(path: Path, weights: Mapping[str, Tensor]) -> None:
    with replacing(path) as part:
        save_file(dict(weights), part)


def _state(settings: Settings) -> Path:
    """What processes share, and what does not travel back."""
    return settings.out.with_name(settings.out.name + "-state")


def _made(settings: Settings) -> Path:
    """Where features and latents lie; beside the heads, which are looked for by their suffix, in a folder of their
    own.
    """
    return settings.kept or _state(settings) / "made"


def _age(settings: Settings) -> float:
    return round(settings.seconds - RESERVE - (settings.deadline - time.time()), 1)
