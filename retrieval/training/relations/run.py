"""One seed of MRA's ladder on a GPU, within so many seconds: pre-trained with regions, without, and not at all.

    <out>/log-<seed>.jsonl          settings, losses, failures
    <out>/scores-<seed>.npz         of each variant the scores of every test caption over every test figure, by cosine
                                    and after the second stage
    <out>/mra-<seed>.safetensors    averaged weights of the first variant, in half precision, where they are asked for

All variants of a seed take the same steps; how many follows from a step's measured time. What comes first is written
first, so what the time cuts off is the last of the variants, and the log says so.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from safetensors.torch import save_file

from retrieval.artifacts.checksummed import halved
from retrieval.data.picture_table import PictureTable
from retrieval.encoder import embed_images
from retrieval.evaluation.second_stage import second_stage
from retrieval.methods.mra import MRA, TEXT, TRUNK, Config
from retrieval.reranking import Scores
from retrieval.training.epochs import precision_on
from retrieval.training.loop import fit
from retrieval.training.recipes.mra import SOURCE, TARGET, MRASettings
from retrieval.training.recipes.parts.people_bundle import copied, new_mra
from retrieval.training.recipes.parts.people_pairs import PairBatches, PeoplePairs, gather_pairs, known_words
from retrieval.training.recipes.parts.relation_training import AVERAGING, FINE_TUNING, PRE_TRAINING, RelationTraining
from retrieval.training.relations.packing import unpack_people
from retrieval.types import Domain

VARIANTS = ("regions", "nothing", "pairs")  # what pre-training knows, the most important first
EPOCH = 10  # steps between two looks at the clock
TIMED = 6  # steps that are timed
CAUTION = 0.8  # share of the time that is planned for: others use the GPU, too
COSTS = {"regions": 1.0, "pairs": 0.65, "tuning": 0.65}  # of a step, beside one with regions
TUNED = 0.5  # steps of fine-tuning, beside those of pre-training


@dataclass
class Settings:
    """What a run is given."""

    pack: Annotated[Path, "the packed folder"]
    out: Annotated[Path, "where results are written"]
    seconds: Annotated[float, "for everything"]
    seed: Annotated[int, "of every random choice"] = 0
    device: Annotated[str, "what trains, for example cuda"] = "cpu"
    views: Annotated[int, "varied views of each picture"] = 8
    batch: Annotated[int, "pairs in a step"] = 192
    lr: Annotated[float, "the highest learning rate of pre-training; fine-tuning takes half"] = 6e-4
    keep: Annotated[int, "1: the weights of the first variant are written"] = 0
    most: Annotated[int, "pictures of each domain that are used, 0: all"] = 0
    width: Annotated[int, "of tokens"] = 256
    begun: float = field(default_factory=time.perf_counter)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.seconds - (time.perf_counter() - self.begun)


def run(settings: Settings) -> None:
    """All variants."""
    torch.set_float32_matmul_precision("high")
    settings.out.mkdir(parents=True, exist_ok=True)
    note(settings, {key: str(value) for key, value in vars(settings).items()})
    table, encoder, trunk = unpack_people(settings.pack)
    parts = {TEXT: encoder.to(settings.device), TRUNK: trunk.to(settings.device)}
    base = begin(settings, parts)
    shown = {
        SOURCE: table.where(domain=Domain(SOURCE)),
        TARGET: table.where(domain=Domain(TARGET), split="train"),
    }
    if settings.most:
        shown = {name: pictures[: settings.most] for name, pictures in shown.items()}
    pairs = {name: gather_pairs(base, t, settings.views, settings.device, settings.seed) for name, t in shown.items()}
    test = table.where(domain=Domain(TARGET), split="test")
    base.vocabulary = known_words(base, shown.values())
    steps = planned_steps(settings, base, pairs[SOURCE])
    note(settings, {"pictures": {n: len(t) for n, t in shown.items()}, "test": len(test), "steps": steps})
    scores: dict[str, Scores] = {}
    for variant in VARIANTS:
        try:
            method = train_variant(settings, variant, base, pairs, steps)
            if variant == VARIANTS[0] and settings.keep:
                save_file(halved(method.state_dict()), settings.out / f"mra-{settings.seed}.safetensors")
            scores |= score_variant(variant, method, test)
            write_scores(settings.out / f"scores-{settings.seed}.npz", scores)
            note(settings, {"variant": variant, **quick_recall(scores, variant, test), "left": round(settings.left, 1)})
        except TimeoutError as error:
            note(settings, {"variant": variant, "cut": str(error)})
        except Exception:
            note(settings, {"variant": variant, "failed": traceback.format_exc()})


def begin(settings: Settings, parts: Mapping[str, Any]) -> MRA:
    """MRA at random weights, on the device, with its towers."""
    return new_mra(Config(width=settings.width), MRASettings().preprocess, parts, settings.seed, settings.device)


def planned_steps(settings: Settings, base: MRA, pairs: PeoplePairs) -> int:
    """Steps of pre-training that fit into the time."""
    training = RelationTraining(copied(base), PRE_TRAINING, 2, 0.0)
    batches = PairBatches(pairs, settings.batch, TIMED, True)
    took = [report.seconds / TIMED for report in fit(training, batches, seed=0, precision=_precision(settings))]
    share = COSTS["regions"] + COSTS["pairs"] + len(VARIANTS) * TUNED * COSTS["tuning"]
    steps = int(settings.left * CAUTION / share / took[-1] / EPOCH) * EPOCH
    note(settings, {"seconds a step": round(took[-1], 4)})
    return max(steps, 2 * EPOCH)


def train_variant(settings: Settings, variant: str, base: MRA, pairs: Mapping[str, PeoplePairs], steps: int) -> MRA:
    """Pre-training where the variant has any, then fine-tuning."""
    method = copied(base)
    if variant != "nothing":
        batches = PairBatches(pairs[SOURCE], settings.batch, EPOCH, variant == "regions")
        train_phase(settings, variant, method, PRE_TRAINING, batches, steps, settings.lr)
    tuning = PairBatches(pairs[TARGET], settings.batch // 2, EPOCH, False)
    train_phase(settings, variant, method, FINE_TUNING, tuning, int(steps * TUNED), settings.lr / 2)
    return method.eval()


def train_phase(
    settings: Settings, variant: str, method: MRA, phase: str, batches: PairBatches, steps: int, lr: float
) -> None:
    """Train; the method holds the averaged weights afterwards. Raises TimeoutError when the time is over."""
    training = RelationTraining(method, phase, max(steps // EPOCH, 1), lr)
    averaged = dict(training.state_dict())
    for report in fit(training, batches, seed=settings.seed, averaging=AVERAGING, precision=_precision(settings)):
        if settings.left < 0:
            raise TimeoutError(f"{phase} ended in epoch {report.epoch} of {report.epochs}")
        if report.epoch == report.epochs:
            averaged = report.averaged()
        if report.epoch % 5 == 1 or report.epoch == report.epochs:
            losses = {name: round(value, 4) for name, value in report.losses.items()}
            note(settings, {"variant": variant, "phase": phase, "epoch": report.epoch, "of": report.epochs, **losses})
    training.load_state_dict(averaged)


@torch.inference_mode()
def score_variant(variant: str, method: MRA, test: PictureTable) -> dict[str, Scores]:
    """Scores of every caption over every figure: by cosine, and after the second stage.   (Q, N) each"""
    texts, encoder = [text for row in test.captions for text in row], _Placed(method)
    gallery = embed_images(encoder, ((row.picture.open(), row.domain) for row in test))
    cosines = method.encode_texts(texts).cpu().numpy() @ gallery.T
    return {f"{variant} cosine": cosines, variant: second_stage(encoder, test, texts, cosines)}


def write_scores(path: Path, scores: Mapping[str, Scores]) -> None:
    """In half precision."""
    halves: dict[str, Any] = {name: rows.astype(np.float16) for name, rows in scores.items()}
    np.savez_compressed(path, **halves)


class _Placed:
    """A method as an encoder that takes pictures from anywhere."""

    fingerprint = "in-training·00000000"

    def __init__(self, method: MRA) -> None:
        self.dim, self.preprocess, self.rerank, self._method = method.dim, method.preprocess, method.rerank, method

    def encode_images(self, images: torch.Tensor, domains: Any) -> torch.Tensor:
        return self._method.encode_images(images.to(self._method.scale.device), domains)

    def picture_places(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self._method.picture_places(images.to(self._method.scale.device))


def quick_recall(scores: Mapping[str, Scores], variant: str, test: PictureTable) -> dict[str, float]:
    """R@1 by cosine and after the second stage."""
    people = np.array(test.labels)
    asked = np.repeat(people, [len(row) for row in test.captions])
    return {
        f"R@1 {name}": round(float((people[scores[name].argmax(axis=1)] == asked).mean()), 4)
        for name in (f"{variant} cosine", variant)
    }


def _precision(settings: Settings) -> torch.dtype:
    return precision_on(settings.device)


def note(settings: Settings, line: Mapping[str, Any]) -> None:
    """Write a line of the log, at once."""
    text = json.dumps({"after": round(time.perf_counter() - settings.begun, 1), **line})
    with (settings.out / f"log-{settings.seed}.jsonl").open("a", encoding="utf-8") as log:
        log.write(text + "\n")
    print(text, flush=True)  # noqa: T201  # a GPU's log is its standard output
