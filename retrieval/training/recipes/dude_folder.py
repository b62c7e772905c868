"""DUDE on a published data set's folder, in the layout of Office-Home or of DomainNet, without labels.

Every domain that is asked for is learnt from at once. Folder names are read for the measures at the end alone: each
domain asks each other, among the pictures that were trained on, as those before it report, and among pictures that were
kept from training. The prior is asked by a domain's name, which is one word.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from retrieval.training.recipe import Made
from retrieval.training.recipes.dude import READ, UNAIDED, DudeRecipe, DudeSettings

if TYPE_CHECKING:
    from retrieval.training.recipes.parts.folder_domains import FolderSources
    from retrieval.training.start import Start


@dataclass(frozen=True)
class DudeFolderSettings(DudeSettings):
    """DUDE on somebody's copy of a data set."""

    data: Annotated[Path, "the folder of the data set"] = Path("data/office-home")
    layout: Annotated[str, "office-home or domainnet"] = "office-home"
    domains: Annotated[str, "two domains or more, separated by commas; empty: all"] = ""
    classes: Annotated[str, "the classes that are looked at, separated by commas; empty: all"] = ""
    features: Annotated[Path, "the file of the trunk's features, which are computed where they are missing"] = Path(
        "runs/folder-features.safetensors"
    )


class DudeFolder(DudeRecipe):
    """DUDE on a folder, with what domains find in each other."""

    def sources(self, settings: Any) -> FolderSources:
        """The pictures of each domain: four fifths to learn from, without labels, and the others kept."""
        from retrieval.training.recipes.parts.folder_domains import read_domains

        return read_domains(settings)

    def finish(self, settings: Any, sources: Any, start: Start[Any], metrics: Mapping[str, float]) -> Made:
        """The bundle, with its measures."""
        from retrieval.training.recipes.parts.folder_domains import between_domains

        return super().finish(settings, sources, start, between_domains(start.learner, settings, sources))


RECIPES = (
    DudeFolder(
        "dude-folder", DudeFolderSettings(), "DUDE on a folder in the layout of Office-Home or DomainNet", config=READ
    ),
    DudeFolder(
        "dude-folder-contrastive",
        DudeFolderSettings(),
        "what DUDE on a folder must beat: instance contrast alone",
        config=UNAIDED,
    ),
)
