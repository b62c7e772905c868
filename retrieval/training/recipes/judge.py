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

    renders: Annotated[Path, "a set rendered --for training --size 128"] = Path("runs/world-training-128")
    held_out: Annotated[Path, "a set rendered --for validation, on which its accuracy is measured"] = Path(
        "runs/world-validation-128"
    )
    gallery: Annotated[Path, "the gallery, on which its accuracy is measured at its size"] = Path("assets/gallery")
    trunk: Annotated[Path, "the sealed trunk that it reads"] = Path("checkpoints/trunk-lite0")
    size: Annotated[int, "pixels on a side of what it sees"] = 128
    epochs: Annotated[int, "how long to train"] = 20
    steps: Annotated[int, "steps in an epoch"] = 200
    batch: Annotated[int, "pictures in a step"] = 256


class JudgeRecipe(Recipe[JudgeSettings]):
    """A judge on renders and people's drawings."""

    def sources(self, settings: JudgeSettings) -> PictureTable:
        """The rendered set, and people's training drawings of its classes, drawn anew."""
        from retrieval.training.recipes.parts.judge_pictures import training_pictures

        return training_pictures(settings.renders, settings.packs, size=settings.size)

    def start(self, settings: JudgeSettings, sources: PictureTable, on_progress: Progress) -> Start[Judge]:
        """A judge whose heads have random weights."""
        import torch

        from retrieval.artifacts.judge import Judge, JudgeConfig
        from retrieval.artifacts.parts import open_part
        from retrieval.training.recipes.parts.judge_pictures import JUDGED
        from retrieval.training.start import Start

        torch.manual_seed(settings.seed)
        options = {"size": settings.size, "epochs": settings.epochs, **self.config}
        return Start(Judge(JudgeConfig(ALL, JUDGED, **options), open_part(settings.trunk)))

    def stages(self, settings: JudgeSettings, sources: PictureTable, start: Start[Judge]) -> Iterator[Stage]:
        """One: class and style together, from features that are computed once."""
        from retrieval.training.epochs import Stage
        from retrieval.training.recipes.parts.judge_pictures import JudgedBatches, judged_features

        features = judged_features(start.learner, sources, self.run_folder(settings) / "features.safetensors")
        data = JudgedBatches(features, sources, ALL, batch=settings.batch, steps=settings.steps)
        yield Stage(start.learner, data, self.run(settings), seed=settings.seed, device=settings.device)

    def finish(
        self, settings: JudgeSettings, sources: PictureTable, start: Start[Judge], metrics: Mapping[str, float]
    ) -> Made:
        """The judge with its accuracy on renders, drawings and the gallery that it never saw."""
        from retrieval.artifacts.judge import save_judge
        from retrieval.artifacts.manifest import reference_to
        from retrieval.artifacts.provenance import Provenance
        from retrieval.data.readers.world import read_rendered
        from retrieval.training.recipes.parts.judge_pictures import accuracies, held_out_doodles
        from retrieval.training.recipes.parts.unlabelled import TRUNK

        judge = start.learner.cpu().eval().requires_grad_(False)
        measured = accuracies(judge, read_rendered(settings.held_out).in_memory(settings.size))
        measured |= accuracies(judge, held_out_doodles(settings.packs, size=settings.size))
        gallery = accuracies(judge, read_rendered(settings.gallery).in_memory(settings.size))
        measured |= {f"{name}, gallery": value for name, value in gallery.items()}
        measured = {name: round(value, 4) for name, value in measured.items()}
        folder = self.out_folder(settings)
        own = Provenance.of_training((), classes=judge.classes, domains=judge.styles).named(self.name)
        save_judge(folder, judge, measured, reference_to(settings.trunk), TRUNK.merge(own).stages)
        return Made(folder, measured)


RECIPES = (
    JudgeRecipe("judge", JudgeSettings(), "the judge of generated pictures, for the measures of object and style"),
)
