"""A stretch of MRA's training as the loop wants it: pre-training or fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from retrieval.data.batch import Batch
from retrieval.methods.base import Phase, Trainable
from retrieval.methods.mra import MRA
from retrieval.training.epochs import Run, Stage
from retrieval.training.recipes.mra import MRASettings
from retrieval.training.recipes.parts.people_pairs import PairBatches, PeoplePairs

AVERAGING = 0.99
PRE_TRAINING, FINE_TUNING = "pre-training", "fine-tuning"


class RelationTraining(Trainable):
    """An MRA that learns in one phase."""

    def __init__(self, method: MRA, phase: str, epochs: int, lr: float) -> None:
        super().__init__()
        self.method = method
        self._phase = Phase(phase, epochs, lr, weight_decay=0.01)

    def phases(self) -> Sequence[Phase]:
        return (self._phase,)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        return self.method.losses(batch, phase)

    def after_step(self) -> None:
        self.method.after_step()


def relation_stage(settings: MRASettings, phase: str, method: MRA, pairs: PeoplePairs, run: Run) -> Stage:
    """A phase of a recipe: pre-training with regions, or fine-tuning without, half as many pairs at half the rate."""
    before = phase == PRE_TRAINING
    size, epochs = (settings.batch, settings.epochs) if before else (settings.batch // 2, settings.tuning_epochs)
    training = RelationTraining(method, phase, epochs, settings.lr if before else settings.lr / 2)
    batches = PairBatches(pairs, size, settings.steps, regions=before)
    return Stage(training, batches, run, seed=settings.seed, device=settings.device, averaging=AVERAGING)
