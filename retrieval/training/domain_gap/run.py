"""One of some processes that share a GPU and a folder.

roles       generate: prior, branch, drawings; describe: the describer; work: nothing, or with --drawn the sets of a
            people-drawn.tar.   Then tasks, all of them.
<work>      weights, drawn sets, claims: see `tasks`
<out>/people-drawn.tar     drawn sets, guidance, a first look
<out>/people-ladder.tar    weights of prior and branch, a file for each task, logs; written anew after each
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import subprocess
import sys
import tarfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from retrieval.artifacts.checksummed import halved
from retrieval.data.picture_table import concatenate
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.samplers import Sampler
from retrieval.files import replacing
from retrieval.methods.mra import MRA, TEXT, TRUNK
from retrieval.reranking import HEAD
from retrieval.training.adapted.clock import Stage
from retrieval.training.domain_gap.describer import read_describer, train_describer
from retrieval.training.domain_gap.drawing import (
    GUIDANCES,
    STEPS,
    Easel,
    bring_sets,
    chosen_guidance,
    draw_more,
    draw_sets,
    sheet,
)
from retrieval.training.domain_gap.generator import Learning, begin, encode, learn
from retrieval.training.domain_gap.packing import SOURCE, TARGET, Pack, unpack_all
from retrieval.training.domain_gap.tasks import ALL, FEW, NONE, SOME, Workplace, claim, work_on
from retrieval.training.domain_gap.tasks import STEPS as STEPS_AT
from retrieval.training.domain_gap.variants import BASE, DAD, VARIANTS, Bench
from retrieval.training.epochs import precision_on
from retrieval.training.recipes.parts.people_pairs import known_words

PRIOR = "prior.safetensors"
LESS = 0.8  # of the seconds of both stages where they are begun anew
GENERATE, DESCRIBE, WORK = "generate", "describe", "work"
SMALL = {"picture_layers": 1, "fusion_layers": 1, "hidden": 0.0, "matches": False}  # of MRA's configuration


@dataclass
class Settings:
    """What a process is given."""

    pack: Annotated[Path, "the packed folder"]
    work: Annotated[Path, "the folder that all processes share"]
    out: Annotated[Path, "where results are written"]
    role: Annotated[str, "generate, describe or work"] = WORK
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    deadline: Annotated[float, "of unix time; 0: none"] = 0.0
    seeds: Annotated[int, "of each row of the table"] = 3
    base_seconds: Annotated[float, "for the prior"] = 150.0
    branch_seconds: Annotated[float, "for the branch"] = 90.0
    describer_seconds: Annotated[float, "for the describer"] = 130.0
    task_seconds: Annotated[float, "for a task"] = 85.0
    figures: Annotated[int, "figures in a step of prior and branch"] = 128
    lr: Annotated[float, "the highest rate of the prior; the branch takes half"] = 1e-3
    width: Annotated[int, "channels of the U-Net at its finest resolution"] = 56
    deep_width: Annotated[int, "channels of the U-Net below"] = 104
    drawing_steps: Annotated[int, "of a drawing"] = STEPS
    pairs: Annotated[int, "pairs in a step of MRA"] = 192
    tokens: Annotated[int, "width of MRA's tokens"] = 256
    views: Annotated[int, "of each picture, for MRA"] = 4
    recorded: Annotated[int, "1: steps of prior and branch are recorded and replayed, on a GPU"] = 1
    small: Annotated[int, "1: MRA of a layer in each part that learns by contrast alone, in bfloat16"] = 0
    steps: Annotated[int, "of pre-training, 0: as many as fit into the seconds of a task"] = 0
    rows: Annotated[int, "of the table, the first; 0: all"] = 0
    few: Annotated[int, "1: fine-tuned on few people as well"] = 1
    head: Annotated[int, "figures that the second stage looks at, 0: there is none"] = HEAD
    rate: Annotated[float, "the highest rate of MRA's pre-training; fine-tuning takes half"] = 6e-4
    drawn: Annotated[Path | None, "what was drawn before, people-drawn.tar unpacked, in place of drawing"] = None
    tiny: Annotated[int, "1: so few pictures and steps that it is a rehearsal"] = 0
    seed: Annotated[int, "of prior and branch"] = 0
    begun: float = field(default_factory=time.time)

    @property
    def until(self) -> float:
        """The deadline."""
        return self.deadline or math.inf


def run(settings: Settings) -> None:
    """A process from start to end."""
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    for folder in (settings.out, settings.work / "tasks"):
        folder.mkdir(parents=True, exist_ok=True)
    note = _note_of(settings)
    note({"role": settings.role, "begun": True})
    pack = unpack_all(settings.pack, settings.device)
    pack = _tiny(pack) if settings.tiny else pack
    place = _workplace(settings, pack, note)
    note({"unpacked": len(pack.table), "more": len(pack.more), "prompts": len(pack.prompts)})
    try:
        if settings.role == GENERATE:
            generate(settings, pack, place, note)
        elif settings.role == DESCRIBE:
            train_describer(place.bench, pack, settings.work, settings.describer_seconds, 20 if settings.tiny else 1600)
            note({"described": "ready"})
        elif settings.drawn and claim(settings.work / "claims", "sets"):
            bring_sets(settings.drawn, settings.work)
    except Exception:
        note({"failed": traceback.format_exc()})
        if settings.role == GENERATE and settings.recorded:
            begin_anew(settings)
            return
    work_on(place)
    collect(settings)
    note({"ended": True})


def begin_anew(settings: Settings) -> None:
    """In another process, because this one's GPU may be in no good state, and without recording steps."""
    again = [sys.executable, *sys.orig_argv[1:], "--recorded", "0"]
    for name, seconds in (("base", settings.base_seconds), ("branch", settings.branch_seconds)):
        again += [f"--{name}-seconds", f"{LESS * seconds:g}"]
    subprocess.run(again, check=False)  # noqa: S603  # our own command line


def _note_of(settings: Settings) -> Callable[[Mapping[str, Any]], None]:
    path = settings.work / "tasks" / f"log-{settings.role}-{os.getpid()}.jsonl"

    def note(line: Mapping[str, Any]) -> None:
        text = json.dumps({"after": round(time.time() - settings.begun, 1), **line})
        with path.open("a", encoding="utf-8") as log:
            log.write(text + "\n")
        print(f"{settings.role} {os.getpid()} {text}", flush=True)  # noqa: T201  # a GPU's log

    return note


def _workplace(settings: Settings, pack: Pack, note: Callable[[Mapping[str, Any]], None]) -> Workplace:
    parts = {TEXT: pack.encoder, TRUNK: pack.trunk}
    config = {"sentence": pack.encoder.width} | (SMALL if settings.small else {})
    bench = Bench(
        parts, torch.zeros(0), settings.device, settings.until, batch=settings.pairs, views=settings.views,
        lr=settings.rate, width=settings.tokens, config=config,
        precision=torch.bfloat16 if settings.small else precision_on(settings.device),
    )  # fmt: skip
    bench.vocabulary = known_words(bench.begin(0), [pack.of(SOURCE, "train"), pack.of(TARGET, "train")])
    seeds = tuple(range(settings.seeds))
    return Workplace(
        pack, bench, settings.work, seeds, settings.task_seconds, note, lambda: collect(settings),
        rows=settings.rows or len(VARIANTS), steps=settings.steps, head=settings.head,
        shares=(ALL, NONE, SOME, FEW) if settings.few else (ALL, NONE),
    )  # fmt: skip


def _tiny(pack: Pack) -> Pack:
    """A rehearsal's figures."""
    parts = [pack.of(SOURCE, "train")[:32], pack.of(SOURCE, "validation")[:24]]
    parts += [pack.of(TARGET, split)[:32] for split in ("train", "validation", "test")]
    return replace(pack, table=concatenate(parts), more=pack.more[:12], prompts=pack.prompts[:16])


def generate(settings: Settings, pack: Pack, place: Workplace, note: Callable[[Mapping[str, Any]], None]) -> None:
    """Prior and branch, guidance, drawings; each thing is written as soon as it is there."""
    prior = begin(pack, (settings.width, settings.deep_width), settings.seed, settings.device)
    if not read_prior(settings.work / PRIOR, prior):
        train(settings, pack, prior, note)
    draw_all(settings, pack, place, prior, note)


def train(settings: Settings, pack: Pack, prior: Prior, note: Callable[[Mapping[str, Any]], None]) -> None:
    """Both stages."""
    shown = concatenate([pack.of(SOURCE, "train"), pack.more]) if len(pack.more) else pack.of(SOURCE, "train")
    source, target = encode(prior, shown), encode(prior, pack.of(TARGET, "train"))
    asked = [encode(prior, pack.of(domain, "validation"), 1) for domain in (SOURCE, TARGET)]
    note({"encoded": [len(source.latents), len(target.latents)]})
    for branch, seconds, rate in ((False, settings.base_seconds, 1.0), (True, settings.branch_seconds, 0.5)):
        if branch:
            assert prior.branch is not None
            prior.branch.begin(prior.unet)
        learning = Learning(
            prior, branch, target if branch else source, asked[branch], bool(settings.recorded), settings.until
        )
        stage = Stage(
            "branch" if branch else "base", seconds, steps=10 if settings.tiny else 0, batch=settings.figures,
            lr=rate * settings.lr, falls=0.3,
        )  # fmt: skip
        note({"stage": stage.name, **learn(learning, stage, note)})
        write_prior(settings.work / PRIOR, prior, stage.name)
        collect(settings)


def draw_all(
    settings: Settings, pack: Pack, place: Workplace, prior: Prior, note: Callable[[Mapping[str, Any]], None]
) -> None:
    """Guidance and drawings."""
    judge: list[MRA | None] = []
    patience = time.time() + 45

    def wait() -> bool:
        time.sleep(0.5)
        return time.time() < min(patience, settings.until)

    def describer() -> MRA | None:
        if not judge or judge[0] is None:
            judge[:] = [read_describer(place.bench, settings.work, wait)]
        return judge[0]

    easel = Easel(prior, pack, settings.work, note, Sampler(settings.drawing_steps, 2.0))
    guidance = chosen_guidance(easel, describer(), GUIDANCES[1:3] if settings.tiny else GUIDANCES)
    note({"chosen guidance": guidance})
    easel = replace(easel, sampler=Sampler(settings.drawing_steps, guidance))
    kept = draw_sets(easel, describer)
    facts: dict[str, Any] = {"guidance": guidance, "steps": settings.drawing_steps}
    if kept is not None:
        facts |= {"kept": kept.rows.tolist(), "grey": kept.grey, "unlike": kept.unlike}
    (settings.work / "drawing.json").write_text(json.dumps(facts), encoding="utf-8")
    _pack_drawn(settings)
    Image.fromarray(sheet(easel)).save(settings.work / "sheet.png", optimize=True)
    draw_more(easel)
    _pack_drawn(settings)


def _pack_drawn(settings: Settings) -> None:
    """What is drawn until now; of described figures their words alone: their pictures are those that were kept."""
    sets, work = settings.work / "sets", settings.work
    paths = [sets / BASE, sets / DAD, *sorted(sets.glob("strength-?.??")), *sorted(sets.glob("strength-?.?"))]
    paths += [*sets.glob("spread"), *sets.glob("described/rows.json"), *work.glob("drawing.json"), *work.glob("*.png")]
    _tar(settings.out / "people-drawn.tar", {path: str(path.relative_to(work)) for path in paths})


def write_prior(path: Path, prior: Prior, stage: str) -> None:
    """The weights of prior and branch after a stage, in half precision."""
    weights = {f"unet.{name}": part for name, part in prior.unet.state_dict().items()}
    assert prior.branch is not None
    weights |= {f"branch.{name}": part for name, part in prior.branch.state_dict().items()}
    with replacing(path) as part:
        save_file(halved(weights), part, {"stage": stage})


def read_prior(path: Path, prior: Prior) -> bool:
    """Give the prior the weights of the file, where both stages are in it."""
    if not path.exists():
        return False
    with safe_open(path, "pt") as file:
        if (file.metadata() or {}).get("stage") != "branch":
            return False
    weights = load_file(path)
    for name in ("unet", "branch"):
        part = {key[len(name) + 1 :]: w.float() for key, w in weights.items() if key.startswith(f"{name}.")}
        getattr(prior, name).load_state_dict(part)
    prior.requires_grad_(False).eval()
    return True


def collect(settings: Settings) -> None:
    """Pack all that is there; one process at a time."""
    with (settings.work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = sorted((settings.work / "tasks").iterdir())
        kept = [p for p in files if p.suffix in (".json", ".jsonl")]
        weights = [p for p in (settings.work / PRIOR, settings.work / STEPS_AT) if p.exists()]
        _tar(settings.out / "people-ladder.tar", {p: p.name for p in weights + kept})


def _tar(path: Path, files: Mapping[Path, str]) -> None:
    with replacing(path) as part, tarfile.open(part, "w") as tar:
        for file, name in files.items():
            tar.add(file, name)
