"""One command for a GPU: auto-encoder, prior, student, one after the other, each for its time.

    <out>/latents-1 · prior-1, prior-2 · student-1, student-2 .safetensors    averaged weights, in half precision
    <out>/log.jsonl                                                            the settings, then the losses
    <out>/sheet-prior.png · sheet-student.png                                  the first look

Weights are written while they are trained and at the end, and what fails later leaves what was written before.
"""

from __future__ import annotations

import dataclasses
import json
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from safetensors.torch import load_file
from torch import Tensor

from retrieval.diffusion.image_adapter import AdapterConfig, ImageAdapter
from retrieval.diffusion.latents import PatchAutoencoder
from retrieval.diffusion.prior import Prior, PriorConfig
from retrieval.diffusion.prompts import SentenceReaderConfig
from retrieval.training.adapted.clock import Stage, train_by_clock
from retrieval.training.adapted.pairs import PairSampler
from retrieval.training.adapted.sheets import draw_sheet
from retrieval.training.adapted.stages import PERCEIVED, LatentStage, PriorStage, StudentStage
from retrieval.training.adapted.table import unpack_table
from retrieval.training.adapted.weights import START, prefixed, save_parts, under

NORMALISED = 2048  # pictures that the spread of latents is measured on
CHUNK = 256


@dataclass(frozen=True)
class Settings:
    """What a run is told."""

    pack: Annotated[Path, "the packed folder"]
    out: Annotated[Path, "where weights are written"]
    state: Annotated[Path, "where the state of an interrupted run is kept"] = Path("runs/adapted")
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    latents: Annotated[float, "seconds for the auto-encoder; 0: it stays"] = 45
    prior: Annotated[float, "seconds for the prior"] = 240
    student: Annotated[float, "seconds for the student; 0: none"] = 70
    deadline: Annotated[float, "seconds for all; the prior gets less where the start took long; 0: none"] = 0
    batch: Annotated[int, "pairs in a step of the prior"] = 512
    student_batch: Annotated[int, "pairs in a step of the student"] = 256
    latents_batch: Annotated[int, "pictures in a step of the auto-encoder"] = 96
    lr: Annotated[float, "the prior's highest learning rate"] = 6e-4
    width: Annotated[int, "channels of the U-Net at its finest resolution"] = 128
    deep_width: Annotated[int, "channels of the U-Net below"] = 192
    text_guidance: Annotated[float, "of the teacher, which the student learns"] = 2.5
    map_guidance: Annotated[float, "of the teacher, which the student learns"] = 1.5
    seed: Annotated[int, "of the pairs and of the weights at the start"] = 0


RESERVE = 25.0  # seconds of the deadline for sheets and for writing


def run(settings: Settings) -> None:
    """All stages."""
    begun = time.perf_counter()
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    settings.out.mkdir(parents=True, exist_ok=True)
    settings.state.mkdir(parents=True, exist_ok=True)
    (settings.state / "log.jsonl").touch()
    table = unpack_table(settings.pack)
    sampler = PairSampler(table, settings.device, settings.seed)
    prior = begin(settings, table.size)
    _note(settings, {"started after": round(time.perf_counter() - begun, 1), "pictures": len(sampler.pictures)})
    _attempt(settings, lambda: tune_latents(settings, prior, sampler))
    left = settings.prior
    if settings.deadline:
        left = min(left, settings.deadline - (time.perf_counter() - begun) - settings.student - RESERVE)
    _attempt(settings, lambda: train_prior(settings, prior, sampler, left))
    _attempt(
        settings, lambda: draw_sheet(prior, table, sampler, settings.out / "sheet-prior.png", settings_of(settings))
    )
    if settings.student:
        _attempt(settings, lambda: train_student(settings, prior, sampler))
        _attempt(settings, lambda: draw_sheet(prior, table, sampler, settings.out / "sheet-student.png", None))
    _note(settings, {"ended after": round(time.perf_counter() - begun, 1)})


def settings_of(settings: Settings) -> tuple[float, float]:
    """Guidance by words and by the map."""
    return settings.text_guidance, settings.map_guidance


def prior_config(settings: Settings, size: int) -> PriorConfig:
    """The sizes of the prior."""
    return PriorConfig(
        size=size,
        widths=(settings.width, settings.deep_width),
        reader=SentenceReaderConfig(),
        text_channels=settings.deep_width,
        adapter=AdapterConfig(size=size),
    )


def begin(settings: Settings, size: int) -> Prior:
    """A prior at random weights, but for its trunk and its auto-encoder; it reads no words, whose states are packed."""
    torch.manual_seed(settings.seed)
    prior = Prior(prior_config(settings, size), torch.nn.Identity())
    start = {name: tensor.float() for name, tensor in load_file(settings.pack / START).items()}
    assert isinstance(prior.adapter, ImageAdapter)
    prior.adapter.trunk.load_state_dict(under("trunk", start))
    prior.latents.load_state_dict(under("latents", start))
    prior.latents.requires_grad_(False)
    prior.schedule.alphas_cumprod = prior.schedule.alphas_cumprod.to(settings.device)  # not sent there in every step
    return prior.to(settings.device)


def tune_latents(settings: Settings, prior: Prior, sampler: PairSampler) -> None:
    """Fine-tune the auto-encoder; if that fails, it stays as it was."""
    before = {name: t.clone() for name, t in prior.latents.state_dict().items()}
    try:
        if settings.latents:
            assert isinstance(prior.adapter, ImageAdapter)
            assert isinstance(prior.latents, PatchAutoencoder)
            stage = LatentStage(prior.latents, prior.adapter.trunk.reading(PERCEIVED), sampler)
            plan = Stage("latents", settings.latents, batch=settings.latents_batch, lr=8e-4, averaging=0.995)
            average = train_by_clock(stage, stage.loss, plan, settings.state)
            prior.latents.load_state_dict(under("latents", average), strict=False)
            pictures = torch.cat([sampler.random_pictures(i, CHUNK) for i in range(NORMALISED // CHUNK)])
            prior.latents.normalise(pictures)
    except Exception:
        prior.latents.load_state_dict(before)
        raise
    finally:
        prior.latents.requires_grad_(False)
        save_parts(settings.out, "latents", prefixed("latents", prior.latents))


def train_prior(settings: Settings, prior: Prior, sampler: PairSampler, seconds: float) -> None:
    """Train U-Net and adapter; the prior holds their averages afterwards, or the last that were saved."""
    stage = PriorStage(prior, sampler)
    plan = Stage("prior", seconds, batch=settings.batch, lr=settings.lr)
    latest: dict[str, Tensor] = {}

    def save(average: Mapping[str, Tensor]) -> None:
        save_parts(settings.out, "prior", average)
        latest.update(average)

    try:
        latest.update(train_by_clock(stage, stage.loss, plan, settings.state, save))
        save_parts(settings.out, "prior", latest)
    finally:
        stage.load_state_dict(latest, strict=False)


def train_student(settings: Settings, prior: Prior, sampler: PairSampler) -> None:
    """Train a student of the prior, which draws as the student does afterwards."""
    stage = StudentStage(prior.requires_grad_(False), sampler, settings.text_guidance, settings.map_guidance)
    plan = Stage("student", settings.student, batch=settings.student_batch, lr=1.5e-4, warmup=50, averaging=0.99)
    average = train_by_clock(
        stage, stage.loss, plan, settings.state, lambda w: save_parts(settings.out, "student", w), stage.after_step
    )
    save_parts(settings.out, "student", average)
    prior.unet.load_state_dict(under("unet", average))


def _attempt(settings: Settings, work: Callable[[], None]) -> None:
    """Do the work; if it fails, say so and go on with what there is."""
    try:
        work()
    except Exception:
        _note(settings, {"failed": traceback.format_exc()})
    _copy_log(settings)


def _note(settings: Settings, line: Mapping[str, object]) -> None:
    known = {k: str(v) for k, v in dataclasses.asdict(settings).items()} if "started after" in line else {}
    with (settings.state / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps({**known, **line}) + "\n")
    print({**known, **line}, flush=True)  # noqa: T201
    _copy_log(settings)


def _copy_log(settings: Settings) -> None:
    (settings.out / "log.jsonl").write_bytes((settings.state / "log.jsonl").read_bytes())
