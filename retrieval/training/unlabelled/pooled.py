"""One frozen prior for many trainings at once: what they ask of it in a step is answered together.

A training is a thread. All that ask the prior come to the same point of their steps, the last to arrive puts the
questions of all in one batch, and each gets its own errors with their gradients: the error of a picture depends on its
own vector alone. A GPU is slow at many small batches, and several times as quick at one.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from retrieval.methods.parts.noise_errors import Noised, NoiseErrors


@dataclass
class Question:
    """What one training asks in a step, and then the answer."""

    noised: Noised
    vectors: Tensor  # (B, W)
    concentrate: bool
    errors: Tensor | None = None  # (B,)
    gradients: Tensor | None = None  # (B, W): of each error, by its own vector
    failure: Exception | None = None

    @property
    def open(self) -> bool:
        """Whether nobody has answered."""
        return self.errors is None and self.failure is None


class Pool:
    """Where trainings meet that share a prior."""

    def __init__(self, errors: NoiseErrors, members: int) -> None:
        """members: how many trainings come; each asks once a step, until it leaves."""
        self.errors = errors
        self.lock = threading.Condition()
        self._members = members
        self._questions: list[Question] = []

    def ask(self, question: Question) -> Tensor:
        """Wait until all have asked.   -> (B,), which know their gradients by the vectors"""
        with self.lock:
            self._questions.append(question)
            self._answer_if_all_are_here()
            while question.open:
                self.lock.wait()
        if question.failure is not None:
            raise question.failure
        answered: Tensor = _Answered.apply(question.vectors, question.errors, question.gradients)
        return answered

    def leave(self) -> None:
        """One asks no more."""
        with self.lock:
            self._members -= 1
            self._answer_if_all_are_here()

    def _answer_if_all_are_here(self) -> None:
        if not self._questions or len(self._questions) < self._members:
            return
        questions, self._questions = self._questions, []
        try:
            for kind in (False, True):
                if asked := [question for question in questions if question.concentrate == kind]:
                    self._answer(asked)
        except Exception as error:  # whoever waits must hear of it
            for question in questions:
                question.failure = error
        self.lock.notify_all()

    def _answer(self, asked: Sequence[Question]) -> None:
        """Questions of one kind, as one batch."""
        vectors = torch.cat([question.vectors.detach().float() for question in asked]).requires_grad_(True)
        noised = Noised.together([question.noised for question in asked])
        device = vectors.device.type
        with torch.enable_grad(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            errors = self.errors.seen(noised, vectors, concentrate=asked[0].concentrate)
        (gradients,) = torch.autograd.grad(errors.sum(), vectors)
        counts = [len(question.vectors) for question in asked]
        parts = zip(asked, errors.detach().split(counts), gradients.split(counts), strict=True)
        for question, its_errors, its_gradients in parts:
            question.errors, question.gradients = its_errors, its_gradients


class PooledErrors(NoiseErrors):
    """The errors of one training that shares its prior."""

    def __init__(self, pool: Pool, *, member: bool = True) -> None:
        """member: False for a training that asks nothing of the prior."""
        self.__dict__.update(pool.errors.__dict__)
        self._pool, self._member = pool, member

    def seen(self, noised: Noised, vectors: Tensor, *, concentrate: bool = False) -> Tensor:
        """Of vectors (B, W), together with those of all others.   -> (B,)"""
        return self._pool.ask(Question(noised, vectors, concentrate))

    def of_words(self, vectors: Tensor, rows: Tensor, styles: Sequence[str | None], candidates: int) -> Tensor:
        """Who reads does so alone, and asks about vectors no more."""
        self.leave()
        with self._pool.lock:
            return super().of_words(vectors, rows, styles, candidates)

    def leave(self) -> None:
        """Ask no more; once is enough."""
        if self._member:
            self._member = False
            self._pool.leave()


class _Answered(torch.autograd.Function):
    """Errors (B,) whose gradients by the vectors (B, W) are known."""

    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> Tensor:
        _, errors, gradients = given
        ctx.save_for_backward(gradients)
        return errors.clone()

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Tensor, None, None]:
        (gradients,) = ctx.saved_tensors
        return outer[0][:, None] * gradients, None, None
