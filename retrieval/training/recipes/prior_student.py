"""The prior's student, which draws in four steps. It sees what its teacher saw, and DUDE's words for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from retrieval.training.recipe import Made, Recipe
from retrieval.training.recipes.prior import PromptedSettings, write_prior
from retrieval.types import Progress

if TYPE_CHECKING:
    from retrieval.training.epochs import Stage
    from retrieval.training.recipes.parts.consistency import StudentTraining
    from retrieval.training.recipes.parts.prior_pictures import PriorPictures
    from retrieval.training.start import Start


@dataclass(frozen=True)
class PriorStudentSettings(PromptedSettings):
    """A student of a prior, that draws in four steps."""

    prior: Annotated[Path, "the teacher"] = Path("checkpoints/prior-world")
    dude: Annotated[Path | None, "the bundle whose words it must draw, too"] = Path("checkpoints/dude-world")
    guidance: Annotated[float, "of the teacher, which the student learns by heart"] = 3.0
    epochs: Annotated[int, "how long to train"] = 5
    lr: Annotated[float, "the highest learning rate"] = 1e-4


class PriorStudent(Recipe[PriorStudentSettings]):
    """A student that is consistent along the paths of its teacher."""

    free = ("pack",)

    def sources(self, settings: PriorStudentSettings) -> PriorPictures:
        """What the teacher saw."""
        from retrieval.training.recipes.parts.prior_pictures import prior_pictures

        return prior_pictures(self, settings)

    def start(
        self, settings: PriorStudentSettings, sources: PriorPictures, on_progress: Progress
    ) -> Start[StudentTraining]:
        """A copy of the teacher, beside it."""
        from retrieval.training.recipes.parts.consistency import begin_student

        return begin_student(settings)

    def stages(
        self, settings: PriorStudentSettings, sources: PriorPictures, start: Start[StudentTraining]
    ) -> Iterator[Stage]:
        """One: consistency."""
        from retrieval.training.epochs import Stage
        from retrieval.training.recipes.parts.prior_training import noise_batches

        data = noise_batches(settings, sources)
        yield Stage(start.learner, data, self.run(settings), seed=settings.seed, device=settings.device)

    def finish(
        self,
        settings: PriorStudentSettings,
        sources: PriorPictures,
        start: Start[StudentTraining],
        metrics: Mapping[str, float],
    ) -> Made:
        """The student in the format of its teacher, with the number of its steps and the guidance that it learnt."""
        from retrieval.artifacts.manifest import reference_to
        from retrieval.artifacts.prior import load_prior
        from retrieval.training.recipes.parts.consistency import STEPS

        teacher = load_prior(settings.prior)
        entries = {
            "styles": teacher.styles,
            "classes": teacher.classes,
            "steps": STEPS,
            "guidance": settings.guidance,
            "refers_to": {"teacher": reference_to(settings.prior)},
        }
        return Made(write_prior(self, settings, sources, start.learner.student, start, **entries))


RECIPES = (
    PriorStudent(
        "prior-world-student", PriorStudentSettings(), "the prior's student, which draws in four steps", zero_shot=True
    ),
)
