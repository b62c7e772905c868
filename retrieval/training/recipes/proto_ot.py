"""ProtoOT, to compare DUDE with: the same pictures without labels, the same start, and no prior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.training.recipes.dude import UnlabelledRecipe, UnlabelledSettings
from retrieval.types import Progress

if TYPE_CHECKING:
    from retrieval.methods import ProtoOT
    from retrieval.training.recipes.parts.unlabelled import UnlabelledSources
    from retrieval.training.start import Start


@dataclass(frozen=True)
class ProtoOTSettings(UnlabelledSettings):
    """ProtoOT on pictures without labels."""


class ProtoOTRecipe(UnlabelledRecipe[ProtoOTSettings]):
    """ProtoOT on the world."""

    studied = ("prototypes", "assigned", "proportions")

    def start(self, settings: ProtoOTSettings, sources: UnlabelledSources, on_progress: Progress) -> Start[ProtoOT]:
        """ProtoOT on the frozen trunk; its codes of all pictures fill the bank."""
        from retrieval.training.recipes.parts.unlabelled import new_proto_ot

        return new_proto_ot(settings, self.options(settings, sources), sources.batches(settings))

    def release(self, settings: ProtoOTSettings, sources: UnlabelledSources, start: Start[ProtoOT]) -> None:
        """Keep nothing of what training held."""
        start.learner.finish()


SMALL: dict[str, Any] = {"width": 384, "momentum": 0.99}  # DUDE's width, and its copy, which few steps want quicker
RECIPES = (
    ProtoOTRecipe(
        "proto-ot-world",
        ProtoOTSettings(),
        "ProtoOT, to compare DUDE with: it estimates how many classes there are",
        config=SMALL,
    ),
    ProtoOTRecipe(
        "proto-ot-world-oracle",
        ProtoOTSettings(),
        "ProtoOT, to compare DUDE with: the number of classes, 64, is given",
        config=SMALL | {"prototypes": 64},
    ),
)
