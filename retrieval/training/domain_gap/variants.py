"""What MRA is pre-trained on, with which losses, and how it is fine-tuned: the rows of the factorial table."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from retrieval.data.batch import Batch
from retrieval.data.picture_table import PictureTable
from retrieval.methods.base import Phase
from retrieval.methods.mra import MRA, Config
from retrieval.training.loop import fit
from retrieval.training.recipes.mra import MRASettings
from retrieval.training.recipes.parts.people_bundle import new_mra
from retrieval.training.recipes.parts.people_pairs import PairBatches, PeoplePairs
from retrieval.training.recipes.parts.relation_training import AVERAGING, FINE_TUNING, PRE_TRAINING, RelationTraining

STUDIO, BASE, DAD, SIFTED, DESCRIBED = "studio", "base", "dad", "sifted", "described"
DRAWN = (BASE, DAD, SIFTED, DESCRIBED)
EPOCH = 10  # steps between two looks at the clock
TIMED = 8  # steps that are timed


@dataclass(frozen=True)
class Variant:
    """A row: what is pre-trained on ("": nothing), whether with regions, which losses are left out, whether phrases are
    single words, and whether it is also fine-tuned on few people.
    """

    name: str
    source: str = ""
    regions: bool = False
    without: tuple[str, ...] = ()
    words: bool = False
    few: bool = False


VARIANTS = (  # the most important first
    Variant("nothing", few=True),
    Variant("base", BASE, few=True),
    Variant("DaD", DAD, few=True),
    Variant("DaD + filter + captions + regions", DESCRIBED, regions=True, few=True),
    Variant("DaD + filter", SIFTED),
    Variant("DaD + filter + captions", DESCRIBED),
    Variant("studio", STUDIO, few=True),
    Variant("studio + regions", STUDIO, regions=True, few=True),
    Variant("studio + object words", STUDIO, regions=True, words=True),
    Variant("studio + region matching", STUDIO, regions=True, without=("region contrast",)),
    Variant("studio + region contrast", STUDIO, regions=True, without=("region matching",)),
)


@dataclass(frozen=True)
class Schedule:
    """Steps, the highest rate, and the seed of batches and views."""

    steps: int
    lr: float
    seed: int


@dataclass
class Bench:
    """What all trainings share."""

    parts: Mapping[str, Any]  # the frozen towers
    vocabulary: Tensor
    device: str
    deadline: float  # of time.time()
    batch: int = 192
    views: int = 4
    lr: float = 6e-4
    width: int = 256
    config: Mapping[str, Any] = field(default_factory=dict)
    precision: torch.dtype = torch.float32  # of matrix products

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Attention is computed step by step on a CPU in bfloat16, where its fused form is many times slower."""
        if self.device == "cpu" and self.precision != torch.float32:
            with sdpa_kernel(SDPBackend.MATH):
                yield
        else:
            yield

    def begin(self, seed: int) -> MRA:
        """MRA at random weights, with its towers."""
        config = Config(**{"width": self.width, **self.config})
        method = new_mra(config, MRASettings().preprocess, self.parts, seed, self.device)
        method.vocabulary = self.vocabulary
        return method

    def timed(self, pairs: PeoplePairs) -> float:
        """Seconds of a step of pre-training with regions."""
        training = RelationTraining(self.begin(0), PRE_TRAINING, 2, 0.0)
        batches = PairBatches(pairs, self.batch, TIMED, True)
        return [r.seconds / TIMED for r in fit(training, batches, seed=0, precision=self.precision)][-1]


class Lacking(RelationTraining):
    """MRA that learns without some losses."""

    def __init__(self, method: MRA, phase: str, epochs: int, lr: float, without: tuple[str, ...]) -> None:
        super().__init__(method, phase, epochs, lr)
        self._without = without

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        return {name: value for name, value in super().losses(batch, phase).items() if name not in self._without}


def pre_train(
    bench: Bench, method: MRA, batches: PairBatches, schedule: Schedule, without: tuple[str, ...] = ()
) -> dict[str, float]:
    """The losses of the last epoch; the method holds averaged weights."""
    return _train(bench, Lacking(method, PRE_TRAINING, _epochs(schedule), schedule.lr, without), batches, schedule)


def fine_tune(bench: Bench, method: MRA, pairs: PeoplePairs, schedule: Schedule) -> dict[str, float]:
    """Likewise, on pairs alone, half as many at half the rate."""
    batches = PairBatches(pairs, bench.batch // 2, EPOCH, False)
    return _train(bench, RelationTraining(method, FINE_TUNING, _epochs(schedule), schedule.lr / 2), batches, schedule)


def _epochs(schedule: Schedule) -> int:
    return max(schedule.steps // EPOCH, 1)


def _train(bench: Bench, training: RelationTraining, batches: PairBatches, schedule: Schedule) -> dict[str, float]:
    """Raises TimeoutError at the deadline."""
    losses: Mapping[str, float] = {}
    batches = dataclasses.replace(batches, steps=EPOCH)
    for report in fit(training, batches, seed=schedule.seed, averaging=AVERAGING, precision=bench.precision):
        if time.time() > bench.deadline:
            raise TimeoutError(f"ended in epoch {report.epoch} of {report.epochs}")
        losses = report.losses
        if report.epoch == report.epochs:
            training.load_state_dict(report.averaged())
    training.method.eval()
    return {name: round(value, 4) for name, value in losses.items()}


def single_words(table: PictureTable) -> PictureTable:
    """The table with the last word of each phrase in its place: "yellow backpack" -> "backpack"."""
    regions = [
        tuple(dataclasses.replace(part, phrase=part.phrase.split()[-1]) for part in row) if row else row
        for row in table.regions
    ]
    return table.with_columns(regions=regions)
