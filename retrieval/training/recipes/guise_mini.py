"""The plain dual encoders: guise-mini for visitors, guise-mini-zs for protocols, and one without each style.

Pictures of every kind, people's drawings and words; nothing here touches what `evaluation.tasks` reports on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from retrieval.errors import SettingsError
from retrieval.training.recipe import Made, Recipe, SupervisedSettings, WorldSettings
from retrieval.types import PHOTO, SKETCH, STYLES, Progress
from retrieval.world.split import ALL

if TYPE_CHECKING:
    from retrieval.methods import ClipBaseline
    from retrieval.training.epochs import Stage
    from retrieval.training.start import Start
    from retrieval.training.training_sources import TrainingSources


@dataclass(frozen=True)
class GuiseMiniSettings(WorldSettings, SupervisedSettings):
    """A plain dual encoder."""

    validation: Annotated[Path, "a set rendered --for validation"] = Path("runs/world-validation-64")
    gallery: Annotated[Path, "the gallery that the cut-offs are for"] = Path("assets/gallery")
    init: Annotated[Path | None, "a bundle of the same architecture to begin from (default: from scratch)"] = None
    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.26
    others: Annotated[float, "share of a batch: people's drawings of other classes"] = 0.10
    rendered: Annotated[float, "share of a batch: the world, its styles evenly"] = 0.42
    icons: Annotated[float, "share of a batch: emoji and icons"] = 0.08
    photos: Annotated[float, "share of a batch: photographs"] = 0.14


class GuiseMini(Recipe[GuiseMiniSettings]):
    """A plain dual encoder on pictures of every kind, selected on validation drawings."""

    def sources(self, settings: GuiseMiniSettings) -> TrainingSources:
        """Renders, icons, drawings and photographs, but for what looks like the style that is left out."""
        from retrieval.training.training_sources import (
            FEWER,
            allowed_renders,
            drawn_classes,
            icons,
            join,
            people_drawings,
            photographs,
        )

        packs, size = settings.packs, settings.size
        parts = [
            allowed_renders(self, settings.renders, settings.rendered),
            icons(self, packs, size, settings.icons),
        ]
        if self.without_style != SKETCH.name:
            drawn = drawn_classes(packs, self)
            ours, others = ([name for name in drawn if (name in ALL) == known] for known in (True, False))
            parts.append(people_drawings(packs, ours, settings.people, of="the world's classes"))
            parts.append(people_drawings(packs, others, settings.others, of="other classes", every=FEWER))
        if self.without_style != PHOTO.name:
            parts.append(photographs(self, packs, size, settings.photos))
        return join(self, *parts)

    def start(
        self, settings: GuiseMiniSettings, sources: TrainingSources, on_progress: Progress
    ) -> Start[ClipBaseline]:
        """A dual encoder of the recipe's shape, with the weights of `--init`."""
        import torch

        from retrieval.methods import ClipBaseline
        from retrieval.training.start import Start, open_plain_encoder

        torch.manual_seed(settings.seed)
        config = ClipBaseline.config_type(**{"epochs": settings.epochs, **self.config})
        method = ClipBaseline(config, settings.preprocess)
        if settings.init is None:
            return Start(method)
        begun, provenance = open_plain_encoder(settings.init, self)
        try:
            method.load_state_dict(begun.state_dict())
        except RuntimeError as error:
            raise SettingsError(
                f"{settings.init} has another architecture than {self.name} ({error}). Name a bundle of the same."
            ) from error
        return Start(method, provenance)

    def stages(
        self, settings: GuiseMiniSettings, sources: TrainingSources, start: Start[ClipBaseline]
    ) -> Iterator[Stage]:
        """One: everything at once."""
        from retrieval.training.bundles import supervised_stage
        from retrieval.training.validation import WorldValidation

        renders = settings.renders if self.zero_shot else settings.validation
        yield supervised_stage(self, settings, start, sources, WorldValidation(renders, settings.packs, self.zero_shot))

    def finish(
        self,
        settings: GuiseMiniSettings,
        sources: TrainingSources,
        start: Start[ClipBaseline],
        metrics: Mapping[str, float],
    ) -> Made:
        """The bundle; for visitors, with cut-offs."""
        from retrieval.training.bundles import manifest_of, write_bundle
        from retrieval.training.calibration import calibrated
        from retrieval.training.training_sources import drawn_classes

        entries = {"metrics": metrics, "concepts": drawn_classes(settings.packs, self)}
        manifest = manifest_of(self, settings, start, sources.provenance, unseen=sources.unseen, **entries)
        made = write_bundle(self, settings, start.learner, manifest)
        return calibrated(made, settings.gallery, settings.packs) if self.for_visitors else made


RECIPES = (
    GuiseMini("guise-mini-zs", GuiseMiniSettings(), "for protocols: without the unseen concepts", zero_shot=True),
    *(
        GuiseMini(
            f"guise-mini-zs-no-{style.name}",
            GuiseMiniSettings(epochs=6, validate_every=0),
            f"for protocols: without the unseen concepts and without any {style.name}",
            zero_shot=True,
            without_style=style.name,
        )
        for style in STYLES
    ),
)
