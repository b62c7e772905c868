"""DUDE: objects without labels, on the world and on icons; and the recipes of its ablations.

Nothing is selected: without labels there is nothing to select by, so the last epoch is kept. `UnlabelledRecipe` is what
DUDE and ProtoOT share, which are compared from the same pictures and the same start.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from retrieval.images import Preprocess
from retrieval.training.recipe import Made, Recipe, WorldSettings
from retrieval.types import Progress

if TYPE_CHECKING:
    from retrieval.artifacts.manifest import Reference
    from retrieval.methods import Dude
    from retrieval.training.epochs import Stage
    from retrieval.training.recipes.parts.unlabelled import UnlabelledSources
    from retrieval.training.start import Start


@dataclass(frozen=True)
class UnlabelledSettings(WorldSettings):
    """Pictures of the world and people's drawings, without labels."""

    renders: Annotated[Path, "a set of 128 px rendered --for training"] = Path("runs/world-training-128")
    objects: Annotated[int, "objects of each class"] = 10
    drawings: Annotated[int, "people's drawings of each class"] = 12
    trunk: Annotated[str, "the ImageNet classifier whose trunk stays frozen"] = "tf_efficientnet_lite0"
    features: Annotated[Path, "the file of the trunk's features, which are computed where they are missing"] = Path(
        "runs/unlabelled-features.safetensors"
    )
    views: Annotated[int, "views of each picture that the trunk is shown"] = 4
    size: Annotated[int, "pixels that the network reads"] = 160
    epochs: Annotated[int, "how long to train; an epoch has every picture once"] = 12
    batch: Annotated[int, "pictures in a step"] = 192
    lr: Annotated[float, "the highest learning rate"] = 1e-3

    @property
    def preprocess(self) -> Preprocess:
        """As EfficientNet-Lite wants its pictures."""
        return Preprocess(self.size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class DudeSettings(UnlabelledSettings):
    """DUDE: pictures without labels, and a prior."""

    prior: Annotated[Path, "the text-to-image prior"] = Path("checkpoints/prior-world")


U = TypeVar("U", bound=UnlabelledSettings)


class UnlabelledRecipe(Recipe[U]):
    """A method that learns from pictures without labels.

    Beside the run stand, for every epoch, the arrays of the method's study that `studied` names (in files of its first
    name), and the head as it was at the start and after each epoch, so that training can be looked at.
    """

    studied: ClassVar[tuple[str, ...]]
    free: ClassVar[tuple[str, ...]] = ("features",)

    def sources(self, settings: U) -> UnlabelledSources:
        """Renders in their styles and people's drawings, of all classes alike: no name says what a picture shows."""
        from retrieval.training.recipes.parts.unlabelled import world_without_labels

        return world_without_labels(settings)

    @abstractmethod
    def start(self, settings: U, sources: UnlabelledSources, on_progress: Progress) -> Start[Any]:
        """The method, ready to learn from the pictures."""

    def options(self, settings: U, sources: UnlabelledSources) -> dict[str, Any]:
        """The method's options."""
        own = {"styles": sources.domains, "trunk": settings.trunk, "epochs": settings.epochs, "lr": settings.lr}
        return {**own, **self.config}

    def stages(self, settings: U, sources: UnlabelledSources, start: Start[Any]) -> Iterator[Stage]:
        """One: all epochs."""
        from retrieval.training.epochs import Stage
        from retrieval.training.recipes.parts.unlabelled import EpochFiles

        run, data = self.run(settings), sources.batches(settings)
        files = EpochFiles(run, start.learner, self.studied, data.ids)
        files.keep_start()
        yield Stage(
            start.learner,
            data,
            run,
            seed=settings.seed,
            device=settings.device,
            after_epoch=files.keep,
        )

    def finish(self, settings: U, sources: UnlabelledSources, start: Start[Any], metrics: Mapping[str, float]) -> Made:
        """The bundle, without what training held."""
        from retrieval.training.bundles import manifest_of, write_bundle

        self.release(settings, sources, start)
        refers_to = self.references(settings)
        manifest = manifest_of(self, settings, start, sources.provenance, refers_to=refers_to, metrics=metrics)
        return write_bundle(self, settings, start.learner, manifest)

    @abstractmethod
    def release(self, settings: U, sources: UnlabelledSources, start: Start[Any]) -> None:
        """Drop what training held from the method."""

    def references(self, settings: U) -> dict[str, Reference]:
        """The folders that the bundle refers to."""
        return {}


class DudeRecipe(UnlabelledRecipe[DudeSettings]):
    """DUDE on the world."""

    studied = ("pairs", "within", "across")

    def start(self, settings: DudeSettings, sources: UnlabelledSources, on_progress: Progress) -> Start[Dude]:
        """DUDE on the frozen trunk, beside the prior if it asks it."""
        from retrieval.training.recipes.parts.unlabelled import PIXELS, new_dude

        pixels = sources.table.pixels(size=PIXELS)
        return new_dude(settings, self.options(settings, sources), sources.batches(settings), pixels)

    def release(self, settings: DudeSettings, sources: UnlabelledSources, start: Start[Dude]) -> None:
        """Keep the mean of all words."""
        import torch

        method = start.learner
        with torch.no_grad():
            method.finish(method.extractor.head(sources.batches(settings).plain))

    def references(self, settings: DudeSettings) -> dict[str, Reference]:
        """The prior, if it was asked."""
        from retrieval.artifacts.manifest import reference_to
        from retrieval.methods.dude import Config

        config = Config(**self.config)
        return {"prior": reference_to(settings.prior)} if config.noise_weight or config.read_epochs else {}


class DudeIcons(DudeRecipe):
    """DUDE on icons instead: no renders and no people's drawings are read."""

    def sources(self, settings: DudeSettings) -> UnlabelledSources:
        """Icons by many hands, without labels."""
        from retrieval.training.recipes.parts.unlabelled import icons_without_labels

        return icons_without_labels(settings)


UNAIDED: dict[str, Any] = {"noise_weight": 0.0, "within_weight": 0.0, "across_weight": 0.0}
UNASKED: dict[str, Any] = {"noise_weight": 0.0}
READ: dict[str, Any] = {"read_epochs": 4}
WITHOUT: dict[str, tuple[str, dict[str, Any]]] = {  # what is taken from DUDE or added to it, or all that is left
    "unread": ("without the second phase, like all below", {}),
    "contrastive": ("instance contrast alone", UNAIDED),
    "noise": ("the noise loss alone", {"instance_weight": 0.0, "within_weight": 0.0, "across_weight": 0.0}),
    "within": ("without neighbours across domains", {"across_weight": 0.0}),
    "no-noise": ("without the noise loss", UNASKED),
    "no-noise-within": ("without it and without neighbours across domains", {**UNASKED, "across_weight": 0.0}),
    "no-noise-not-mutual": ("without it, and neighbours need not be mutual", {**UNASKED, "mutual": False}),
    "no-noise-hubs": ("without it, and neighbours across domains by plain similarity", {**UNASKED, "hubs": False}),
    "no-noise-at-once": (
        "without it, and neighbours across domains from the first epoch",
        {**UNASKED, "progressive": False},
    ),
    "no-word": ("the prior does not read the domain", {"domain_word": False}),
    "not-mutual": ("neighbours need not be mutual", {"mutual": False}),
    "hubs": ("neighbours across domains by plain similarity", {"hubs": False}),
    "at-once": ("neighbours across domains from the first epoch", {"progressive": False}),
    "concentrated": ("noise counts where the prior looks the vector up", {"concentrate": True}),
    "joint": ("a U-Net that learns along, and no prior", {"joint": True}),
}
RECIPES = (
    DudeRecipe(
        "dude-world", DudeSettings(), "DUDE: objects without labels, on the world and people's drawings", config=READ
    ),
    DudeIcons("dude-icons", DudeSettings(), "DUDE: objects without labels, on emoji and icons by many hands"),
    *(
        DudeRecipe(f"dude-world-{name}", DudeSettings(), f"for the ablations of DUDE: {about}", config=config)
        for name, (about, config) in WITHOUT.items()
    ),
)
