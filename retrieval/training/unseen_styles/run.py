"""The whole table within so many seconds: starts first, then variants in a queue that several processes empty.

The processes share the kinds of starts. The first measures how long a step takes, sets how many steps every variant
gets, and packs what is finished into one file once in a while. A variant that would not be done in time is not begun;
the most important come first.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import traceback
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch

from retrieval.errors import SettingsError
from retrieval.files import replacing, write_text
from retrieval.training.recipes.ucdr_adapter import FEWER_TEXTS
from retrieval.training.unseen_styles.fleet import Span
from retrieval.training.unseen_styles.jobs import BY_NAME, Job, Place, TooLate, run_job, train_job, train_starts
from retrieval.training.unseen_styles.learning import KINDS
from retrieval.training.unseen_styles.packing import read_pack

PLAN = "plan.json"
LOG = "ucdr-log.txt"
MARGIN = 12.0  # seconds that are left for packing
CROWD = 1.6  # times longer that a step takes beside the other processes
USED = 0.8  # share of the time that is left in which steps are taken; models are built and measured in the rest
TRIED = 30  # steps
PACKED = 45.0  # seconds between two packings


@dataclass(frozen=True)
class Settings:
    """The command line."""

    pack: Annotated[Path, "the folder that travelled"]
    out: Annotated[Path, "where two files are written"]
    seconds: Annotated[float, "until everything is written"] = 260.0
    tar: Annotated[str, "the name of the larger"] = "ucdr.tar"
    most: Annotated[int, "bytes that are packed"] = 14_400_000
    device: Annotated[str, "cuda or cpu"] = "cuda"
    workers: Annotated[int, "processes"] = 4
    batch: Annotated[int, "pictures of each run in a step"] = 64
    seeds: Annotated[int, "how many"] = 3
    first_seed: Annotated[int, "the others follow it"] = 0
    jobs: Annotated[str, "variants, the most important first, with commas between them"] = ",".join(BY_NAME)
    text_every: Annotated[int, "steps of the prompts between two looks at the sentences"] = FEWER_TEXTS["text_every"]
    start_steps: Annotated[int, "of the starts"] = 1000
    most_steps: Annotated[int, "of a variant"] = 6000
    steps: Annotated[int, "of a variant; 0: as many as there is time for"] = 0
    scratch: Annotated[Path | None, "where processes meet; set by the first for the others"] = None
    number: Annotated[int, "of this process"] = 0
    deadline: Annotated[float, "of the clock; set by the first for the others"] = 0.0


def chosen(settings: Settings) -> tuple[Job, ...]:
    """What is trained. Raises SettingsError for a name that no variant has."""
    names = settings.jobs.split(",")
    if unknown := [name for name in names if name not in BY_NAME]:
        raise SettingsError(f"There is no variant {unknown[0]!r}, only {', '.join(BY_NAME)}.")
    every = {"text_every": settings.text_every}
    return tuple(replace(BY_NAME[name], options={**BY_NAME[name].options, **every}) for name in names)


def run(settings: Settings) -> None:
    """The first process, or one of the others. Raises SettingsError for a variant that is not known."""
    chosen(settings)
    torch.set_float32_matmul_precision("high")
    if settings.device == "cpu":
        torch.set_num_threads(max(1, min(torch.get_num_threads(), (os.cpu_count() or 1) // settings.workers)))
    if settings.scratch is not None:
        place = _place(settings)
        _begin(settings, place)
        _work(settings, place)
        return
    settings.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        deadline = time.time() + settings.seconds - MARGIN * min(1.0, settings.seconds / 100)
        whole = replace(settings, scratch=Path(folder), deadline=deadline)
        others = [_started(replace(whole, number=number)) for number in range(1, settings.workers)]
        packing = threading.Thread(target=_pack_often, args=(whole,), daemon=True)
        packing.start()
        try:
            place = _place(whole)
            _begin(whole, place)
            _work(whole, place)
            for other in others:
                other.wait(timeout=max(1.0, deadline + 3 - time.time()))
        except Exception:
            _say(whole, traceback.format_exc())
        finally:
            for other in others:
                other.kill()
            pack_up(Path(folder), settings.out / settings.tar, settings.most)


def _started(settings: Settings) -> subprocess.Popen[bytes]:
    words = [
        f"--{name.replace('_', '-')}={value}" for name, value in vars(settings).items() if name not in ("pack", "out")
    ]
    module = "retrieval.training.unseen_styles"
    command = [sys.executable, "-m", module, str(settings.pack), str(settings.out), *words]
    return subprocess.Popen(command)  # noqa: S603  (this very program)


def _place(settings: Settings) -> Place:
    seeds = tuple(range(settings.first_seed, settings.first_seed + settings.seeds))
    return Place(
        read_pack(settings.pack), _scratch(settings), settings.device, seeds, settings.batch, settings.deadline
    )


def _begin(settings: Settings, place: Place) -> None:
    """Train this process's share of the starts; the first also plans how many steps each variant gets."""
    scratch = _scratch(settings)
    kinds = list(dict.fromkeys(job.kind for job in chosen(settings)))
    for kind in kinds[settings.number :: settings.workers]:
        starts = train_starts(place, Span(settings.start_steps), kind)
        with replacing(_starts(scratch, kind)) as part:
            torch.save(starts, part)
        _say(settings, f"start{kind}, {place.deadline - time.time():.0f} s left")
        if kind == kinds[0]:
            _plan(settings, place, starts)


def _plan(settings: Settings, place: Place, starts: Any) -> None:
    """Measure a step, and write how many each variant gets."""
    jobs = chosen(settings)
    seconds = 0.0 if settings.steps else _step_seconds(place, jobs[0], starts)
    weight = sum(job.longer for job in jobs) / settings.workers
    left = place.deadline - time.time()
    crowd = CROWD if settings.workers > 1 else 1.0
    steps = settings.steps or int(min(settings.most_steps, USED * left / math.ceil(weight) / (seconds * crowd)))
    _say(settings, f"{seconds * 1000:.1f} ms a step, {left:.0f} s left, {steps} steps for each variant")
    write_text(_scratch(settings) / PLAN, json.dumps({"steps": max(steps, 4)}))


def _scratch(settings: Settings) -> Path:
    assert settings.scratch is not None, "the first process sets it"
    return settings.scratch


def _starts(scratch: Path, kind: str) -> Path:
    return scratch / f"starts{kind}.pt"


def _waited_for(path: Path, deadline: float) -> Path:
    """The file, once another process has written it. Raises TooLate."""
    while not path.is_file():
        if time.time() > deadline:
            raise TooLate
        time.sleep(0.1)
    return path


def _step_seconds(place: Place, job: Job, starts: Any) -> float:
    """How long a step takes: a training of a few steps, when everything is loaded, and one of TRIED more."""
    durations: list[float] = []
    for count in (4, 4, 4 + TRIED):
        began = time.time()
        train_job(place, job, starts, count)
        durations.append(time.time() - began)
    return max(durations[2] - durations[1], 1e-3) / TRIED


def _work(settings: Settings, place: Place) -> None:
    """Take variants until none is left, or until there is no time for another."""
    scratch, last = _scratch(settings), 0.0
    for job in chosen(settings):
        name = job.name or "-full"
        if time.time() + 0.85 * last * job.longer > place.deadline or not _claimed(scratch, name):
            continue
        try:
            plan = json.loads(_waited_for(scratch / PLAN, place.deadline).read_text(encoding="utf-8"))
            starts = torch.load(_waited_for(_starts(scratch, job.kind), place.deadline), weights_only=True)
            began = time.time()
            run_job(place, job, starts, int(plan["steps"]))
            last = (time.time() - began) / job.longer
            _say(settings, f"{name}: {last * job.longer:.1f} s")
        except TooLate:
            _say(settings, f"{name}: not done in time")
            return
        except Exception:
            _say(settings, f"{name}: {traceback.format_exc()}")


def _claimed(scratch: Path, name: str) -> bool:
    """Whether this process is the first to ask for the variant."""
    try:
        os.close(os.open(scratch / f"claimed{name}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _say(settings: Settings, text: str) -> None:
    line = f"{time.strftime('%H:%M:%S')} [{settings.number}] {text}\n"
    sys.stderr.write(line)
    with (settings.out / LOG).open("a", encoding="utf-8") as log:
        log.write(line)


def _pack_often(settings: Settings) -> None:
    while time.time() + PACKED < settings.deadline:
        time.sleep(PACKED)
        pack_up(_scratch(settings), settings.out / settings.tar, settings.most)


def pack_up(scratch: Path, path: Path, most: int) -> None:
    """Everything that is finished, in one file and nothing beyond so many bytes: values and logs first, then weights,
    of the kind of start that validates best before others.
    """
    files = [file for file in scratch.glob("*-*") if file.suffix in (".npz", ".json", ".safetensors")]
    total = 0
    with replacing(path) as part, tarfile.open(part, "w") as tar:
        for file in sorted(files, key=lambda file: (_rank(file), file.stat().st_size)):
            total += file.stat().st_size
            if total <= most:
                tar.add(file, file.name)


def _rank(file: Path) -> float:
    """What is packed first ranks low."""
    if file.suffix != ".safetensors":
        return -1.0
    kind = max((kind for kind in KINDS if file.stem.endswith(kind)), key=len)
    log = file.with_name(f"log-start{kind}.json")
    scores = json.loads(log.read_text(encoding="utf-8"))["validation"].values() if log.is_file() else [0.0]
    return 1 - sum(scores) / len(scores)
