"""A text-to-image prior of figures, which learns the studio, and its branch, which learns the street (DaD)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from retrieval.training.recipe import Made, Recipe, TrainingSettings
from retrieval.types import Progress

if TYPE_CHECKING:
    from retrieval.data.picture_table import PictureTable
    from retrieval.diffusion.prior import Prior
    from retrieval.training.epochs import Stage
    from retrieval.training.start import Start

SOURCE, TARGET = "studio", "street"


@dataclass(frozen=True)
class PeoplePriorSettings(TrainingSettings):
    """A prior of rendered figures, and its branch."""

    studio: Annotated[Path, "the rendered figures that the prior learns"] = Path("assets/people/studio")
    street: Annotated[Path, "those that the branch learns; of both, no test identities"] = Path("assets/people/street")
    latents: Annotated[Path, "the prior whose auto-encoder is shared"] = Path("checkpoints/prior-world")
    tower: Annotated[Path, "the sentence encoder that is shared"] = Path("checkpoints/text-minilm")
    size: Annotated[int, "the pictures' height in pixels"] = 128
    batch: Annotated[int, "pictures in a step"] = 32
    steps: Annotated[int, "steps in an epoch"] = 50
    epochs: Annotated[int, "epochs of the prior before its rate starts anew"] = 20
    again: Annotated[int, "epochs after that"] = 0
    lr: Annotated[float, "the highest learning rate of the prior; half more after it starts anew"] = 8e-4
    branch_epochs: Annotated[int, "epochs of the branch"] = 10
    branch_lr: Annotated[float, "the highest learning rate of the branch"] = 4e-4


class PeoplePrior(Recipe[PeoplePriorSettings]):
    """A prior with a branch."""

    free = ("street", "branch_epochs", "branch_lr")

    def sources(self, settings: PeoplePriorSettings) -> dict[str, PictureTable]:
        """Studio figures without test identities, and street figures of training identities alone."""
        from retrieval.data.readers.world import read_rendered

        studio = read_rendered(settings.studio, unfinished=True).where(lambda row: row.split != "test")
        return {SOURCE: studio, TARGET: read_rendered(settings.street, unfinished=True).where(split="train")}

    def start(
        self, settings: PeoplePriorSettings, sources: Mapping[str, PictureTable], on_progress: Progress
    ) -> Start[Prior]:
        """A prior at random weights, with the shared auto-encoder and sentence encoder."""
        from retrieval.training.recipes.parts.figure_training import new_prior

        return new_prior(self, settings)

    def stages(
        self, settings: PeoplePriorSettings, sources: Mapping[str, PictureTable], start: Start[Prior]
    ) -> Iterator[Stage]:
        """The prior, then its branch."""
        from retrieval.training.recipes.parts.figure_training import base_stage, branch_stage

        yield base_stage(settings, sources[SOURCE], start.learner, self.run(settings, "base"))
        yield branch_stage(settings, sources[TARGET], start.learner, self.run_folder(settings) / "branch")

    def finish(
        self,
        settings: PeoplePriorSettings,
        sources: Mapping[str, PictureTable],
        start: Start[Prior],
        metrics: Mapping[str, float],
    ) -> Made:
        """The prior in diffusers' format, with its branch beside it."""
        from retrieval.training.recipes.parts.figure_training import write_figures

        folder = write_figures(self, settings, sources, start)
        return Made(folder, hint=f"Draw with it: python -m benchmarks.people --prior {folder}")


FIGURES: Mapping[str, Any] = {"widths": (56, 104), "text_channels": 104, "upright": True, "domain": TARGET}
RECIPES = (
    PeoplePrior(
        "people-prior",
        PeoplePriorSettings(),
        "a text-to-image prior of rendered figures, with a branch that draws them in the street",
        config=FIGURES,
    ),
)
