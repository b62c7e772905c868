"""One command for a GPU: the trunk looks at all views once, then several processes train side by side until the time is
up.

    <out>/dude-world.safetensors   the heads of DUDE, of every seed, and how seed 0 came about; half precision
    <out>/others.safetensors       the heads of its ablations and rivals, in eight bits
    <out>/pairs.npz                who was whose neighbour
    <out>/log.jsonl                settings, losses, what failed
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from retrieval.artifacts.checksummed import halved
from retrieval.artifacts.prior import load_prior
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.errors import RetrievalError
from retrieval.methods import proto_ot
from retrieval.methods.dude import Config, Dude
from retrieval.methods.parts.noise_errors import NoiseErrors
from retrieval.methods.proto_ot import ProtoOT
from retrieval.training.epochs import precision_on
from retrieval.training.loop import EpochReport, fit
from retrieval.training.recipes import RECIPES
from retrieval.training.recipes.dude import DudeSettings
from retrieval.training.recipes.parts.unlabelled import head_of, latents_of
from retrieval.training.recipes.parts.view_features import ViewBatches, view_features
from retrieval.training.unlabelled.fewer_bits import in_few_bits
from retrieval.training.unlabelled.jobs import READING, Job, all_jobs, claim, epochs_that_fit
from retrieval.training.unlabelled.packing import Packed, open_reader, open_trunk, unpack

RESERVE = 12.0  # seconds at the end, for writing
STOPS = 4  # of seed 0, besides its start
KEPT = ("dude-world-0", "dude-world-at-once-0")  # trainings whose neighbours are kept
TIMED, WARM = 12, 4  # steps that say how fast it goes, and those before that do not count


@dataclass(frozen=True)
class Settings:
    """What a run is given."""

    pack: Annotated[Path, "the packed folder"]
    out: Annotated[Path, "where heads are written"]
    prior: Annotated[Path, "the prior's folder"] = Path("checkpoints/prior-world")
    seconds: Annotated[float, "for all"] = 260
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    processes: Annotated[int, "trainings at once"] = 5
    seeds: Annotated[int, "of every training, at most"] = 3
    views: Annotated[int, "of each picture"] = 8
    batch: Annotated[int, "pictures in a step"] = 192
    least: Annotated[int, "epochs of the first phase"] = 4
    most: Annotated[int, "epochs of the first phase"] = 30
    noise_weight: Annotated[float, "of the noise loss; 0: the method's"] = 0
    read_weight: Annotated[float, "of what is read; 0: the method's"] = 0
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
    trunk = open_trunk(settings.pack, packed.about["trunk"]).to(settings.device)
    trunk = trunk.to(memory_format=torch.channels_last)
    features = view_features(trunk, packed.pixels, DudeSettings().preprocess, settings.views, 0).cpu()
    torch.save(features, _state(settings) / "features.pt")
    prior, _ = open_prior(settings)
    torch.save(latents_of(prior, packed.pixels).cpu(), _state(settings) / "latents.pt")
    note(settings, {"pictures": len(packed.ids), "prepared after": _age(settings)})


def supervise(settings: Settings) -> None:
    """Start the processes, tell them for how many epochs to train, and wait until the time is up."""
    known = [f"--{f.name.replace('_', '-')}={getattr(settings, f.name)}" for f in dataclasses.fields(Settings)[2:-1]]
    command = [sys.executable, "-m", "retrieval.training.unlabelled", "train", settings.pack, settings.out, *known]
    commands = [[*map(str, command), f"--number={n}"] for n in range(settings.processes)]
    workers = [subprocess.Popen(words) for words in commands]  # noqa: S603  # this very program
    try:
        _plan(settings, workers)
        while _alive(workers) and time.time() < settings.deadline:
            time.sleep(0.5)
    finally:
        for worker in workers:
            worker.kill()


def _plan(settings: Settings, workers: list[subprocess.Popen[bytes]]) -> None:
    """Wait until all processes know how fast they are, and tell them for how many epochs to train."""
    files = [_state(settings) / f"speed-{n}.json" for n in range(settings.processes)]
    while not all(file.is_file() for file in files) and time.time() < settings.deadline and _alive(workers):
        time.sleep(0.2)
    speeds = [json.loads(file.read_text())["epoch"] for file in files if file.is_file()] or [0.0]
    left = settings.deadline - time.time()
    epoch = max(max(speeds), 0.01)
    epochs = epochs_that_fit(0.85 * left, len(speeds), epoch, settings.seeds, settings.least, settings.most)
    note(settings, {"seconds of an epoch": speeds, "left": round(left, 1), "epochs": epochs})
    _write(_state(settings) / "epochs.json", {"epochs": epochs})


def _alive(workers: list[subprocess.Popen[bytes]]) -> bool:
    return any(worker.poll() is None for worker in workers)


def work(settings: Settings) -> None:
    """One process: measure the speed, then train what nobody else has taken."""
    torch.set_num_threads(max(1, torch.get_num_threads() // settings.processes))
    bench = Bench(settings)
    _write(_state(settings) / f"speed-{settings.number}.json", {"epoch": bench.seconds_of_an_epoch()})
    while not (_state(settings) / "epochs.json").is_file():
        time.sleep(0.05)
    epochs = json.loads((_state(settings) / "epochs.json").read_text())["epochs"]
    for job in all_jobs(settings.seeds):
        if claim(_state(settings), job):
            attempt(settings, lambda job=job: bench.train(job, epochs))  # type: ignore[misc]


class Bench:
    """What all trainings of a process share."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._device = settings, settings.device
        self._packed: Packed = unpack(settings.pack)
        features = torch.load(_state(settings) / "features.pt", weights_only=True)
        packed = self._packed
        self._data = ViewBatches(features, packed.ids, packed.domains, batch=settings.batch).on(settings.device)
        prior, self._length = open_prior(settings)
        latents = torch.load(_state(settings) / "latents.pt", weights_only=True).to(settings.device)
        self._errors = NoiseErrors(prior, latents, packed.about["classes"])

    def seconds_of_an_epoch(self) -> float:
        """Of the whole method, while other processes do the same."""
        method = self.begin(Job("dude-world-no-word", 0), 1)
        method.begin_epoch()
        method.begin_epoch()
        optimiser = torch.optim.AdamW(method.extractor.head.parameters())
        begun = time.perf_counter()
        for step in range(WARM + TIMED if self._device != "cpu" else 3):
            if step == (WARM if self._device != "cpu" else 1):
                begun = time.perf_counter()
            batch = next(self._data.epoch(0, step))
            with torch.autocast("cuda" if self._device != "cpu" else "cpu", torch.bfloat16, self._device != "cpu"):
                losses = method.losses(batch, method.phases()[0])
            torch.stack([value.float() for value in losses.values()]).sum().backward()
            optimiser.step()
            _ = [value.item() for value in losses.values()]
        timed = TIMED if self._device != "cpu" else 2
        return (time.perf_counter() - begun) / timed * len(self._data)

    def begin(self, job: Job, epochs: int) -> Dude | ProtoOT:
        """The method before its first step. Its trunk is not used: features were computed before."""
        recipe, data = RECIPES[job.recipe], self._data
        domains = tuple(dict.fromkeys(domain.name for domain in data.domains))
        options: dict[str, Any] = {"styles": domains, **recipe.config, "epochs": epochs}
        torch.manual_seed(job.seed)
        if job.recipe.startswith("proto-ot"):
            rival = ProtoOT(proto_ot.Config(**options), DudeSettings().preprocess).to(self._device)
            rival.learn_from(data.plain, data.ids, data.domains)
            rival.to(self._device)
            return rival
        options |= {"width": SentenceReaderConfig.width, "word_length": self._length}
        if options.get("read_epochs"):
            options["read_epochs"] = max(1, round(READING * epochs))
        given = {"noise_weight": self._settings.noise_weight, "read_weight": self._settings.read_weight}
        options = {**{name: value for name, value in given.items() if value}, **options}
        method = Dude(Config(**options), DudeSettings().preprocess)
        method.learn_from(self._errors, data.ids, data.domains)
        return method.to(self._device)

    def train(self, job: Job, epochs: int) -> None:
        """Train it, and keep its head; of DUDE, the head before it reads, too."""
        settings, begun = self._settings, time.time()
        method = self.begin(job, epochs)
        head = {"": head_of(method.state_dict())}
        self._keep(job, "at-000", head[""])
        lines = []
        for report in fit(method, self._data, seed=job.seed, precision=precision_on(self._device)):
            lines.append({k: round(v, 4) for k, v in report.losses.items()})
            self._after(job, method, report, epochs)
            if time.time() > settings.deadline:
                note(settings, {"job": job.name, "out of time after epoch": report.epoch})
                return
        _save(settings, job.name, head_of(report.averaged()))
        note(settings, {"job": job.name, "epochs": epochs, "seconds": round(time.time() - begun, 1), "losses": lines})

    def _after(self, job: Job, method: Dude | ProtoOT, report: EpochReport, epochs: int) -> None:
        """What is kept of an epoch."""
        weights = head_of(report.averaged())
        if job.recipe == "dude-world" and report.epoch == epochs:
            _save(self._settings, f"dude-world-unread-{job.seed}", weights)
        if report.epoch % max(1, round(report.epochs / STOPS)) == 0:
            self._keep(job, f"at-{report.epoch:03d}", weights)
        if job.name in KEPT and isinstance(method, Dude) and report.epoch <= epochs:
            study = method.study
            assert study is not None
            every = max(1, epochs // 6)
            if report.epoch % every == 0 or report.epoch in (epochs, round(epochs / 2)):
                kept = {part: getattr(study, part).cpu().numpy().astype(np.int16) for part in ("within", "across")}
                np.savez_compressed(_state(self._settings) / f"pairs-{job.name}-{report.epoch:03d}.npz", **kept)

    def _keep(self, job: Job, name: str, weights: Mapping[str, Tensor]) -> None:
        if job == Job("dude-world", 0):
            _save(self._settings, f"{job.name}.{name}", weights)


def open_prior(settings: Settings) -> tuple[Prior, float]:
    """The prior, and how long its words are; with the pack's text tower where its own is not beside it."""
    try:
        prior = load_prior(settings.prior, settings.device).prior
        return prior, float(prior.reader.token_embedding.weight.norm(dim=1).median())
    except RetrievalError as error:
        note(settings, {"prior": f"the pack's text tower reads for it: {error}"})
        reader, length = open_reader(settings.pack, SentenceReaderConfig.positions)
        return load_prior(settings.prior, settings.device, (reader, None)).prior, length


def collect(settings: Settings) -> None:
    """Write what there is into `out`."""
    state, out = _state(settings), settings.out
    heads = {path.stem: load_file(path) for path in sorted(state.glob("*.safetensors"))}
    full = {f"{n}/{k}": t for n, w in heads.items() if n.startswith("dude-world-") and _whole(n) for k, t in w.items()}
    others = {f"{n}/{k}": t for n, w in heads.items() if not _whole(n) for k, t in w.items()}
    if full:
        save_file(halved(full), out / "dude-world.safetensors")
    if others:
        small = {name: torch.from_numpy(np.array(a)) for name, a in in_few_bits(others, 8, 10**9).items()}
        save_file(small, out / "others.safetensors")
    pairs = {path.stem: dict(np.load(path)) for path in sorted(state.glob("pairs-*.npz"))}
    if pairs:
        np.savez_compressed(out / "pairs.npz", **{f"{n}/{k}": a for n, kept in pairs.items() for k, a in kept.items()})
    note(settings, {"collected": sorted(heads), "after": _age(settings)})


def _whole(name: str) -> bool:
    """Whether a head is DUDE's own, or one on its way."""
    return name.split(".")[0].removeprefix("dude-world-").isdigit()


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
    part = _state(settings) / f"{name}.part"
    save_file({k: t.detach().cpu().contiguous() for k, t in weights.items()}, part)
    part.rename(_state(settings) / f"{name}.safetensors")


def _write(path: Path, payload: Mapping[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(payload), encoding="utf-8")
    part.rename(path)


def _state(settings: Settings) -> Path:
    """What processes share, and what does not travel back."""
    return settings.out.with_name(settings.out.name + "-state")


def _age(settings: Settings) -> float:
    return round(settings.seconds - RESERVE - (settings.deadline - time.time()), 1)
