"""How a prior learns to draw in four steps: a student that is consistent along the paths of its teacher.

Luo et al., "Latent Consistency Models" (2023), on Song et al., "Consistency Models" (2023): whatever point of a path
the student is shown, it must name the same end. The guidance of the teacher is baked in. The student draws; the losses
of DUDE ask the teacher.

    f(x, t)  = c_skip(t) x + c_out(t) x_0(x, t),  c_skip = s^2 / ((10 t)^2 + s^2),  c_out = 10 t / sqrt((10 t)^2 + s^2)
    (1)  L = mean  huber( f(x_t, t) - sg f_slow(x_t', t') )      x_t' guided DDIM steps of the teacher below x_t

The papers learn at fifty noise steps, each from the one below it. Two cores cannot wait until the last has heard of the
first: here t is one of the four that are drawn at, t' the next of them, and the teacher goes there in `SUBSTEPS` steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor

from retrieval.artifacts.bundle import load_bundle
from retrieval.artifacts.prior import LoadedPrior, load_prior
from retrieval.artifacts.provenance import Provenance
from retrieval.data.batch import Batch
from retrieval.diffusion.consistency import consistent, pseudo_huber, stepped_down
from retrieval.diffusion.prior import Prior
from retrieval.diffusion.prompts import EMPTY, THING_AT, prompt
from retrieval.diffusion.samplers import STUDENT, guided, scheduler
from retrieval.diffusion.spelling import Spelling
from retrieval.errors import DataError
from retrieval.methods.base import Phase, Trainable
from retrieval.methods.dude import Dude
from retrieval.training.recipes.prior_student import PriorStudentSettings
from retrieval.training.start import Start

STEPS = STUDENT.steps
SUBSTEPS = 3  # of the teacher, from one of the student's noise steps to the next
SLOW = 0.95  # share of the target network that a step keeps
INJECTED = 0.5  # share of the prompts that hold a code instead of a word
NEUTRAL = 0.2  # share of the codes that are the neutral thing
PICTURE = -1  # the noise step of a picture without noise

Code = Callable[[Tensor], Tensor]


class StudentTraining(Trainable):
    """A student in training, beside its teacher and a slow copy of itself; `code` tells what pictures show."""

    def __init__(self, teacher: Prior, code: Code | None, guidance: float, epochs: int, lr: float) -> None:
        super().__init__()
        self.student = deepcopy(teacher)
        self.slow = deepcopy(teacher.unet).requires_grad_(False)
        self.student.unet.requires_grad_(True)
        self._held = (teacher,)  # in a tuple, it is no part of what is trained
        self._code = code
        steps = scheduler(teacher, STUDENT).timesteps.long()
        self._steps = torch.cat([steps, steps.new_tensor([PICTURE])])  # descending
        self._guidance, self._epochs, self._lr = guidance, epochs, lr

    def phases(self) -> Sequence[Phase]:
        return (Phase("consistency", self._epochs, self._lr, warmup=0.02),)

    def losses(self, batch: Batch, phase: Phase) -> dict[str, Tensor]:
        """(1)"""
        (teacher,) = self._held
        student, count = self.student, len(batch.images)
        at, steps = torch.randint(len(self._steps) - 1, (count,)), self._steps
        t, below = (steps[places].to(batch.images.device) for places in (at, at + 1))
        with torch.no_grad():
            latents = teacher.latents.encode(batch.images)
            states = self._states(batch)
            seen = guided(teacher, states, self._guidance, teacher.reader([EMPTY]))
            x = teacher.noised(latents, torch.randn_like(latents), t)
            lower, now = x, t
            for number in range(1, SUBSTEPS + 1):
                then = t + torch.div((below - t) * number, SUBSTEPS, rounding_mode="trunc")
                lower, now = stepped_down(teacher, lower, now, then, seen(lower, now)), then
            kept = below.clamp(min=0)
            velocity: Tensor = self.slow(lower, kept, states).sample
            target = torch.where(
                (below == PICTURE)[:, None, None, None], lower, consistent(student, lower, kept, velocity)
            )
        named = consistent(student, x, t, student.velocity(x, t, states))
        return {"consistency": pseudo_huber(named - target).mean()}

    def _states(self, batch: Batch) -> Tensor:
        """The prompts' states; where there are codes, half of them with those of the pictures."""
        (teacher,) = self._held
        states: Tensor = teacher.reader(batch.texts)
        if self._code is None:
            return states
        prompts = [prompt(domain.name) for domain in batch.domains]
        spelled = teacher.reader(prompts, {THING_AT: self._code(batch.images)})
        chosen = (torch.rand(len(states)) < INJECTED).to(states.device)
        return torch.where(chosen[:, None, None], spelled, states)

    @torch.no_grad()
    def after_step(self) -> None:
        """The slow copy follows."""
        for slow, fast in zip(self.slow.parameters(), self.student.unet.parameters(), strict=True):
            slow.lerp_(fast, 1 - SLOW)


def begin_student(settings: PriorStudentSettings) -> Start[StudentTraining]:
    """The student beside its teacher, and what the teacher and the bundle of its words have seen."""
    teacher = load_prior(settings.prior, settings.device)
    behind, code = Provenance.at(settings.prior).inherit("teacher"), None
    if settings.dude:
        code, words = codes_of(settings.dude, teacher, settings.device)
        behind = behind.merge(words)
    return Start(StudentTraining(teacher.prior, code, settings.guidance, settings.epochs, settings.lr), behind)


def codes_of(bundle: Path, teacher: LoadedPrior, device: str) -> tuple[Code, Provenance]:
    """What the DUDE in that bundle makes of pictures (B, 3, H, W) in [-1, 1], spelled in the teacher's words; of one in
    five the neutral thing. And what it has seen.   -> (B, W)
    """
    opened = load_bundle(bundle, device)
    dude = opened.method
    if not isinstance(dude, Dude):
        raise DataError(f"{bundle} writes no words. Name a bundle that was made by dude-world, or none.")
    mean, std = (torch.tensor(v, device=device).view(3, 1, 1) for v in (dude.preprocess.mean, dude.preprocess.std))
    spelling = Spelling(teacher.prior.reader, teacher.classes)

    def code(images: Tensor) -> Tensor:
        z = spelling(dude.tokens((images / 2 + 0.5 - mean) / std))
        neutral = (torch.rand(len(z), 1) < NEUTRAL).to(z.device)
        return torch.where(neutral, dude.neutral_thing, z)

    return code, Provenance.of(opened.manifest).inherit("codes")
