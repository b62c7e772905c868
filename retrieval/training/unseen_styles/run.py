"""The whole table within so many seconds: starts first, then variants in a queue that several processes empty.

The first process trains the starts, measures how long a step takes, sets how many steps every variant gets, and packs
what is finished into one file once in a while. A variant that would not be done in time is not begun; the most
important come first.
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

from retrieval.training.unseen_styles.fleet import Span
from retrieval.training.unseen_styles.jobs import JOBS, Job, Place, TooLate, run_job, train_job, train_starts
from retrieval.training.unseen_styles.packing import read_pack

STARTS, PLAN = "starts.pt", "plan.json"
TAR, LOG = "ucdr.tar", "ucdr-log.txt"
MARGIN = 12.0  # seconds that are left for packing
CROWD = 1.6  # times longer that a step takes beside the other processes
USED = 0.8  # share of the time that is left in which steps are taken; models are built and measured in the rest
TRIED = 30  # steps
PACKED = 45.0  # seconds between two packings
MOST = 14_400_000  # bytes that are packed


@dataclass(frozen=True)
class Settings:
    """The command line."""

    pack: Annotated[Path, "the folder that travelled"]
    out: Annotated[Path, "where two files are written"]
    seconds: Annotated[float, "until everything is written"] = 260.0
    device: Annotated[str, "cuda or cpu"] = "cuda"
    workers: Annotated[int, "processes"] = 4
    batch: Annotated[int, "pictures of each run in a step"] = 64
    seeds: Annotated[int, "how many"] = 3
    jobs: Annotated[int, "the first so many variants"] = len(JOBS)
    starts_share: Annotated[float, "of the seconds, for the starts"] = 0.16
    start_steps: Annotated[int, "of the starts; 0: by the clock"] = 0
    most_steps: Annotated[int, "of a variant"] = 6000
    steps: Annotated[int, "of a variant; 0: as many as there is time for"] = 0
    scratch: Annotated[Path | None, "where processes meet; set by the first for the others"] = None
    number: Annotated[int, "of this process"] = 0
    deadline: Annotated[float, "of the clock; set by the first for the others"] = 0.0


def run(settings: Settings) -> None:
    """The first process, or one of the others."""
    torch.set_float32_matmul_precision("high")
    if settings.device == "cpu":
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // settings.workers))
    if settings.scratch is not None:
        _work(settings, _place(settings))
        return
    settings.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        deadline = time.time() + settings.seconds - MARGIN * min(1.0, settings.seconds / 100)
        whole = replace(settings, scratch=Path(folder), deadline=deadline)
        others = [_started(replace(whole, number=number)) for number in range(1, settings.workers)]
        packing = threading.Thread(target=_pack_often, args=(Path(folder), settings.out, deadline), daemon=True)
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
            pack_up(Path(folder), settings.out)


def _started(settings: Settings) -> subprocess.Popen[bytes]:
    words = [
        f"--{name.replace('_', '-')}={value}" for name, value in vars(settings).items() if name not in ("pack", "out")
    ]
    module = "retrieval.training.unseen_styles"
    command = [sys.executable, "-m", module, str(settings.pack), str(settings.out), *words]
    return subprocess.Popen(command)  # noqa: S603  (this very program)


def _place(settings: Settings) -> Place:
    assert settings.scratch is not None, "the first process sets it"
    seeds = tuple(range(settings.seeds))
    return Place(read_pack(settings.pack), settings.scratch, settings.device, seeds, settings.batch, settings.deadline)


def _begin(settings: Settings, place: Place) -> None:
    """Train the starts, and plan how many steps each variant gets."""
    assert settings.scratch is not None, "the first process sets it"
    _say(settings, f"read, {place.deadline - time.time():.0f} s left")
    span = Span(settings.start_steps) if settings.start_steps else Span(0, settings.seconds * settings.starts_share)
    starts = train_starts(place, span)
    unfinished = settings.scratch / f"{STARTS}.part"
    torch.save(starts, unfinished)
    jobs = JOBS[: settings.jobs]
    _say(settings, f"starts, {place.deadline - time.time():.0f} s left")
    seconds = 0.0 if settings.steps else _step_seconds(place, JOBS[0], starts)
    weight = sum(job.longer for job in jobs) / settings.workers
    left = place.deadline - time.time()
    crowd = CROWD if settings.workers > 1 else 1.0
    steps = settings.steps or int(min(settings.most_steps, USED * left / math.ceil(weight) / (seconds * crowd)))
    _say(settings, f"{seconds * 1000:.1f} ms a step, {left:.0f} s left, {steps} steps for each variant")
    (settings.scratch / PLAN).write_text(json.dumps({"steps": max(steps, 4)}), encoding="utf-8")
    unfinished.replace(settings.scratch / STARTS)


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
    assert settings.scratch is not None, "the first process sets it"
    while not (settings.scratch / STARTS).is_file():
        if time.time() > place.deadline:
            return
        time.sleep(0.1)
    starts = torch.load(settings.scratch / STARTS, weights_only=True)
    steps = int(json.loads((settings.scratch / PLAN).read_text(encoding="utf-8"))["steps"])
    last = 0.0
    for job in JOBS[: settings.jobs]:
        if time.time() + 0.85 * last * job.longer > place.deadline or not _claimed(
            settings.scratch, job.name or "-full"
        ):
            continue
        began = time.time()
        try:
            run_job(place, job, starts, steps)
            last = (time.time() - began) / job.longer
            _say(settings, f"{job.name or '-full'}: {last * job.longer:.1f} s")
        except TooLate:
            _say(settings, f"{job.name or '-full'}: not done in time")
            return
        except Exception:
            _say(settings, f"{job.name or '-full'}: {traceback.format_exc()}")


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


def _pack_often(scratch: Path, out: Path, deadline: float) -> None:
    while time.time() + PACKED < deadline:
        time.sleep(PACKED)
        pack_up(scratch, out)


def pack_up(scratch: Path, out: Path) -> None:
    """Everything that is finished, in one file, the smallest first and nothing beyond MOST."""
    files = [path for path in scratch.glob("*-*") if path.suffix in (".npz", ".json", ".safetensors")]
    total, part = 0, out / f"{TAR}.part"
    with tarfile.open(part, "w") as tar:
        for path in sorted(files, key=lambda path: path.stat().st_size):
            total += path.stat().st_size
            if total <= MOST:
                tar.add(path, path.name)
    part.replace(out / TAR)
