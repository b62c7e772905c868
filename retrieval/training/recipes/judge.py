"""The judge of generated pictures: it learns from real pictures alone, and is saved with its accuracy on others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from retrieval.training.recipe import Made, Recipe, WorldSettings
from retrieval.types import Progress
from retrieval.world.split import ALL

if TYPE_CHECKING:
    from retrieval.artifacts.judge import Judge
    from retrieval.data.picture_table import PictureTable
    from retrieval.training.epochs import Stage
    from retrieval.training.start import Start


@dataclass(frozen=True)
class JudgeSettings(WorldSettings):
    """A judge of class and style."""

    held_out: Annotated[Path, "a set rendered --for validation, on which its accuracy is measured"] = Path(
        "runs/world-validation-64"
    )
    gallery: Annotated[Path, "the gallery, on which its accuracy is measured at its size"] = Path("assets/gallery")
    epochs: Annotated[int, "how long to train"] = 14
    steps: Annotated[int, "steps in an epoch"] = 200
    batch: Annotated[int, "pictures in a step"] = 64


class JudgeRecipe(Recipe[JudgeSettings]):
    """A judge on renders and people's drawings."""

    def sources(self, settings: JudgeSettings) -> PictureTable:
        """The rendered set, and people's training drawings of its classes, drawn anew."""
        from retrieval.training.recipes.parts.judge_pictures import training_pictures

        return training_pictures(settings.renders, settings.packs, size=settings.size)

    def start(self, settings: JudgeSettings, sources: PictureTable, on_progress: Progress) -> Start[Judge]:
        """A judge at random weights."""
        import torch

        from retrieval.artifacts.judge import Judge, JudgeConfig
        from retrieval.training.recipes.parts.judge_pictures import JUDGED
        from retrieval.training.start import Start

        torch.manual_seed(settings.seed)
        options = {"size": settings.size, "epochs": settings.epochs, **self.config}
        return Start(Judge(JudgeConfig(ALL, JUDGED, **options)))

    def stages(self, settings: JudgeSettings, sources: PictureTable, start: Start[Judge]) -> Iterator[Stage]:
        """One: class and style together."""
        from retrieval.training.epochs import Stage
        from retrieval.training.recipes.parts.judge_pictures import JudgedBatches

        data = JudgedBatches(sources, ALL, batch=settings.batch, steps=settings.steps)
        yield Stage(start.learner, data, self.run(settings), seed=settings.seed, device=settings.device)

    def finish(
        self, settings: JudgeSettings, sources: PictureTable, start: Start[Judge], metrics: Mapping[str, float]
    ) -> Made:
        """The judge with its accuracy on renders, drawings and the gallery that it never saw."""
        from retrieval.artifacts.judge import save_judge
        from retrieval.artifacts.provenance import Provenance
        from retrieval.data.readers.world import read_rendered
        from retrieval.training.recipes.parts.judge_pictures import accuracies, held_out_doodles

        judge = start.learner.cpu().requires_grad_(False)
        measured = accuracies(judge, read_rendered(settings.held_out).in_memory())
        measured |= accuracies(judge, held_out_doodles(settings.packs, size=settings.size))
        smaller = accuracies(judge, read_rendered(settings.gallery).in_memory(settings.size))
        measured |= {f"{name}, gallery made smaller": value for name, value in smaller.items()}
        measured = {name: round(value, 4) for name, value in measured.items()}
        folder = self.out_folder(settings)
        own = Provenance.of_training((), classes=judge.classes, domains=judge.styles)
        save_judge(folder, judge, measured, own.named(self.name).stages)
        return Made(folder, measured)


RECIPES = (
    JudgeRecipe("judge", JudgeSettings(), "the judge of generated pictures, for the measures of object and style"),
)
