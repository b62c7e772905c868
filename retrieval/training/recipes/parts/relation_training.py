"""A stretch of MRA's training as the loop wants it: pre-training or fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from retrieval.data.batch import Batch
from retrieval.methods.base import Phase, Trainable
from retrieval.methods.mra import MRA

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
