"""The foundation's bundles: guise-base for visitors, guise-base-zs for protocols.

Both begin from an ImageNet classifier and a frozen sentence encoder, and learn what the same things look like when
people, icon makers and our renderer draw them. First the head learns, then everything, the trunk at a fraction of the
rate. Pictures lie on the device that trains; the same command serves two cores and a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from retrieval.images import Preprocess
from retrieval.training.recipe import Made, Recipe, SupervisedSettings, WorldSettings
from retrieval.types import Progress
from retrieval.world.split import ALL

if TYPE_CHECKING:
    from retrieval.training.epochs import Stage
    from retrieval.training.recipes.parts.foundation_objective import FoundationTraining
    from retrieval.training.start import Start
    from retrieval.training.training_sources import TrainingSources


@dataclass(frozen=True)
class GuiseBaseSettings(WorldSettings, SupervisedSettings):
    """The foundation."""

    renders: Annotated[Path, "a set rendered --for training"] = Path("runs/world-training-128")
    validation: Annotated[Path, "a set rendered --for validation"] = Path("runs/world-validation-128")
    gallery: Annotated[Path, "the gallery that the cut-offs are for"] = Path("assets/gallery")
    trunk: Annotated[str, "the ImageNet classifier to begin from"] = "tf_efficientnet_lite0"
    text: Annotated[Path, "the sealed sentence encoder"] = Path("checkpoints/text-minilm")
    texts: Annotated[Path | None, "a file of embedded texts: written where it is missing (default: in the run)"] = None
    export: Annotated[
        Path | None, "a file for the trained weights, instead of a bundle: for a machine without a gallery"
    ] = None
    init: Annotated[Path | None, "a foundation to begin from (default: the frozen trunk)"] = None
    weights: Annotated[Path | None, "a finished training's weights: nothing is trained then"] = None
    size: Annotated[int, "pixels that the network reads"] = 160
    stored: Annotated[int, "pixels of the pictures that are varied"] = 128
    epochs: Annotated[int, "how long to train everything, after the head"] = 18
    head_epochs: Annotated[int, "how long to train the head alone"] = 2
    steps: Annotated[int, "steps in an epoch"] = 100
    batch: Annotated[int, "pictures in a step"] = 256
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch, not validated"] = 3
    lr: Annotated[float, "the highest learning rate"] = 1e-3
    trunk_rate: Annotated[float, "the trunk's share of it"] = 0.2
    still: Annotated[int, "first stages of the trunk that stay as they are, which spares a step their way back"] = 0
    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.20
    others: Annotated[float, "share of a batch: people's drawings of other classes"] = 0.18
    rendered: Annotated[float, "share of a batch: the world, its styles evenly"] = 0.30
    icons: Annotated[float, "share of a batch: emoji and icons"] = 0.12
    photos: Annotated[float, "share of a batch: photographs"] = 0.20

    @property
    def preprocess(self) -> Preprocess:
        """As EfficientNet-Lite wants its pictures."""
        return Preprocess(self.size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class GuiseBase(Recipe[GuiseBaseSettings]):
    """The foundation on pictures of every kind, selected on validation drawings."""

    losses: Mapping[str, float] = field(default_factory=dict)  # weights other than the objective's own
    free: ClassVar[tuple[str, ...]] = ("export", "weights", "texts", "text")  # files, and no part of what is trained

    def sources(self, settings: GuiseBaseSettings) -> TrainingSources:
        """Renders, icons, people's drawings and photographs."""
        from retrieval.training.training_sources import (
            FEWER,
            allowed_renders,
            drawn_classes,
            icons,
            join,
            people_drawings,
            photographs,
        )

        packs, size = settings.packs, settings.stored
        drawn = drawn_classes(packs, self)
        ours, others = ([name for name in drawn if (name in ALL) == known] for known in (True, False))
        return join(
            self,
            allowed_renders(self, settings.renders, settings.rendered),
            icons(self, packs, size, settings.icons),
            people_drawings(packs, ours, settings.people, of="the world's classes"),
            people_drawings(packs, others, settings.others, of="other classes", every=FEWER),
            photographs(self, packs, size, settings.photos),
        )

    def start(
        self, settings: GuiseBaseSettings, sources: TrainingSources, on_progress: Progress
    ) -> Start[FoundationTraining]:
        """The frozen trunk, principal components of what it says of photographs, and a reader at random weights."""
        from retrieval.training.recipes.parts.foundation_start import begin

        return begin(self, settings, sources, on_progress)

    def stages(
        self, settings: GuiseBaseSettings, sources: TrainingSources, start: Start[FoundationTraining]
    ) -> Iterator[Stage]:
        """One run of two phases; none where finished weights are given."""
        from retrieval.training.bundles import InTraining
        from retrieval.training.epochs import Stage
        from retrieval.training.recipes.parts.foundation_start import sampler
        from retrieval.training.validation import WorldValidation

        if settings.weights:
            return
        renders = settings.renders if self.zero_shot else settings.validation
        checks = WorldValidation(renders, settings.packs, self.zero_shot) if settings.validate_every else None
        yield Stage(
            start.learner,
            sampler(self, settings, sources),
            self.run(settings),
            seed=settings.seed,
            device=settings.device,
            validate=(lambda learner: checks.score(InTraining(learner.method))) if checks else None,
            validate_every=settings.validate_every,
        )

    def finish(
        self,
        settings: GuiseBaseSettings,
        sources: TrainingSources,
        start: Start[FoundationTraining],
        metrics: Mapping[str, float],
    ) -> Made:
        """The bundle, which refers to the sentence encoder; for visitors, with cut-offs."""
        from retrieval.training.recipes.parts.foundation_start import export, finish

        if settings.export:
            return export(start.learner, settings.export, metrics)
        return finish(self, settings, sources, start, metrics)


RECIPES: tuple[GuiseBase, ...] = (
    GuiseBase("guise-base", GuiseBaseSettings(), "the foundation, for visitors: all classes", for_visitors=True),
    GuiseBase(
        "guise-base-zs",
        GuiseBaseSettings(),
        "the foundation, for protocols: without the unseen concepts",
        zero_shot=True,
    ),
    *(
        GuiseBase(
            f"guise-base-zs-{name}",
            GuiseBaseSettings(),
            f"for the ladder of the foundation: {about}",
            True,
            losses=losses,
        )
        for name, about, losses in (
            ("free", "nothing keeps what the trunk knew", {"anchor": 0.0, "keep": 0.0}),
            ("no-prototypes", "without prototypes of photographs", {"prototype": 0.0}),
        )
    ),
)
