"""MRA on rendered figures: pre-trained with regions in the studio, fine-tuned without them in the street."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from retrieval.images import Preprocess
from retrieval.training.recipe import Made, Recipe, TrainingSettings
from retrieval.types import Domain, Progress

if TYPE_CHECKING:
    from retrieval.data.picture_table import PictureTable
    from retrieval.methods.mra import MRA
    from retrieval.training.epochs import Stage
    from retrieval.training.start import Start

SOURCE, TARGET = "studio", "street"


@dataclass(frozen=True)
class MRASettings(TrainingSettings):
    """MRA on two frozen towers."""

    people: Annotated[Sequence[Path], "rendered sets, finished or not; figures for tests are left out"] = (
        Path("assets/people/studio"),
        Path("assets/people/street"),
    )
    tower: Annotated[Path, "the frozen sentence encoder"] = Path("checkpoints/text-minilm")
    trunk: Annotated[Path, "the frozen ImageNet trunk"] = Path("checkpoints/trunk-lite0")
    size: Annotated[int, "the pictures' height in pixels"] = 256
    views: Annotated[int, "varied views of each picture"] = 4
    batch: Annotated[int, "pairs in a step of pre-training; fine-tuning takes half"] = 192
    steps: Annotated[int, "steps in an epoch"] = 10
    epochs: Annotated[int, "epochs of pre-training"] = 60
    tuning_epochs: Annotated[int, "epochs of fine-tuning"] = 30
    lr: Annotated[float, "the highest learning rate of pre-training; fine-tuning takes half"] = 6e-4

    @property
    def preprocess(self) -> Preprocess:
        """As EfficientNet-Lite wants its pictures."""
        return Preprocess(self.size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class MRARecipe(Recipe[MRASettings]):
    """Both phases."""

    def sources(self, settings: MRASettings) -> dict[str, PictureTable]:
        """Studio figures without test identities, and street figures of training identities alone."""
        from retrieval.data.picture_table import concatenate
        from retrieval.data.readers.world import read_rendered
        from retrieval.errors import DataError

        table = concatenate([read_rendered(folder, unfinished=True) for folder in settings.people])
        studio = table.where(lambda row: row.domain.name == SOURCE and row.split != "test")
        sources = {SOURCE: studio, TARGET: table.where(domain=Domain(TARGET), split="train")}
        if empty := [name for name, pictures in sources.items() if not len(pictures)]:
            raise DataError(
                f"{', '.join(map(str, settings.people))} hold no {empty[0]} figures to train on. Name sets of both "
                f"{SOURCE} and {TARGET} after --people."
            )
        return sources

    def start(self, settings: MRASettings, sources: Mapping[str, PictureTable], on_progress: Progress) -> Start[MRA]:
        """Readers at random weights on both frozen towers."""
        from retrieval.training.recipes.parts.people_bundle import new_start

        return new_start(settings, self.config)

    def stages(self, settings: MRASettings, sources: Mapping[str, PictureTable], start: Start[MRA]) -> Iterator[Stage]:
        """Pre-training with regions, then fine-tuning on pairs alone."""
        from retrieval.training.recipes.parts.people_pairs import gather_pairs, known_words
        from retrieval.training.recipes.parts.relation_training import FINE_TUNING, PRE_TRAINING, relation_stage

        method = start.learner
        method.vocabulary = known_words(method, sources.values())
        for phase, domain in ((PRE_TRAINING, SOURCE), (FINE_TUNING, TARGET)):
            pairs = gather_pairs(method, sources[domain], settings.views, settings.device, settings.seed)
            yield relation_stage(settings, phase, method, pairs, self.run(settings, phase))

    def finish(
        self,
        settings: MRASettings,
        sources: Mapping[str, PictureTable],
        start: Start[MRA],
        metrics: Mapping[str, float],
    ) -> Made:
        """The bundle, which refers to both towers."""
        from retrieval.training.recipes.parts.people_bundle import write_people

        return write_people(self, settings, sources.values(), start)


RECIPES = (MRARecipe("mra-people", MRASettings(), "MRA: a sentence finds a rendered figure, in two stages"),)
