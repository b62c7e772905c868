"""UCDR-Adapter on the world, one style left out of everything: its start, the method, and what it is compared with.

    ucdr-start-STYLE            a foundation on the frozen ImageNet trunk, without the style: the zero-shot row
    ucdr-adapter-STYLE          prompts on that start
    ucdr-adapter-STYLE-plain    the same steps on the same pictures without prompts

The trunk is run once over the pictures; all trainings read its maps. Selection is on the classes that are kept for it,
in the styles that are trained on.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, TypeVar

from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.training.recipe import PLACES, Made, Recipe, SupervisedSettings, WorldSettings
from retrieval.types import PHOTO, STYLES, Progress

if TYPE_CHECKING:
    from retrieval.artifacts.provenance import Provenance
    from retrieval.methods.ucdr_adapter import UCDRAdapter
    from retrieval.training.epochs import Stage
    from retrieval.training.recipes.parts.trunk_maps import MappedPictures
    from retrieval.training.recipes.parts.ucdr_training import StartTraining
    from retrieval.training.start import Start

T = TypeVar("T", bound="MapSettings")


@dataclass(frozen=True)
class MapSettings(WorldSettings, SupervisedSettings):
    """What the start and the method share."""

    renders: Annotated[Path, "a set rendered --for training"] = Path("runs/world-training-128")
    maps: Annotated[Path, "the folder of the trunk's maps, which are computed where they are missing"] = Path(
        "runs/ucdr-maps"
    )
    trunk: Annotated[str, "the ImageNet classifier to begin from"] = "tf_efficientnet_lite0"
    text: Annotated[Path, "the sealed sentence encoder"] = Path("checkpoints/text-minilm")
    objects: Annotated[int, "objects of each class"] = 12
    validation_objects: Annotated[int, "objects of each class that is kept to select on"] = 8
    size: Annotated[int, "pixels that the network reads"] = 160
    batch: Annotated[int, "pictures in a step"] = 64
    steps: Annotated[int, "steps in an epoch"] = 20
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch, not validated"] = 2

    @property
    def preprocess(self) -> Preprocess:
        """As EfficientNet-Lite wants its pictures."""
        return Preprocess(self.size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class UcdrStartSettings(MapSettings):
    """The start of UCDR-Adapter."""

    epochs: Annotated[int, "how long to train"] = 10
    lr: Annotated[float, "the highest learning rate"] = 1e-3


@dataclass(frozen=True)
class UcdrSettings(MapSettings):
    """UCDR-Adapter."""

    init: Annotated[
        Path | None, "the start (default: that of the same style and seed, trained where it is missing)"
    ] = None
    source_epochs: Annotated[int, "how long to train the prompts"] = 3
    source_lr: Annotated[float, "the highest learning rate of the prompts"] = 3e-3
    epochs: Annotated[int, "how long to train the generator, the class token and the projection"] = 8
    lr: Annotated[float, "the highest learning rate of the second phase"] = 5e-4


@dataclass(frozen=True)
class MapSources:
    """Pictures to train on and to select on."""

    training: MappedPictures
    validation: MappedPictures
    provenance: Provenance
    classes: tuple[str, ...]
    domains: tuple[str, ...]


@dataclass(frozen=True)
class MapRecipe(Recipe[T], Generic[T]):
    """A training on the trunk's maps."""

    zero_shot: bool = True
    free: ClassVar[tuple[str, ...]] = ("maps", "text")

    def sources(self, settings: T) -> MapSources:
        """Renders of the seen classes, and of those kept to select on, in all styles but the one left out."""
        from retrieval.training.recipes.parts.ucdr_sources import read_sources

        return read_sources(self, settings)

    def stages(self, settings: T, sources: MapSources, start: Start[Any]) -> Iterator[Stage]:
        """One: all epochs."""
        from retrieval.training.epochs import Stage
        from retrieval.training.recipes.parts.ucdr_training import MapSampler, MapValidation

        checks = MapValidation(sources.validation, settings.device)
        yield Stage(
            start.learner,
            MapSampler(
                sources.training, sources.classes, batch=settings.batch, steps=settings.steps, group=settings.group
            ),
            self.run(settings),
            seed=settings.seed,
            device=settings.device,
            averaging=0.98,  # there are few steps
            validate=lambda learner: checks.score(encode) if (encode := self.encoding(learner)) else {},
            validate_every=settings.validate_every,
        )

    @abstractmethod
    def encoding(self, learner: Any) -> Any:
        """What the learner makes of maps, (B, F, h, w) -> unit rows; None while it is not to be selected."""

    def write(self, settings: T, sources: MapSources, start: Start[Any], metrics: Mapping[str, float]) -> Made:
        """Write the bundle of what was learnt."""
        from retrieval.artifacts.manifest import reference_to
        from retrieval.training.bundles import manifest_of, write_bundle

        manifest = manifest_of(
            self, settings, start, sources.provenance, unseen=self.kept_unseen, metrics=metrics,
            refers_to={"text": reference_to(settings.text)},
        )  # fmt: skip
        return write_bundle(self, settings, start.learner, manifest)


class UcdrStart(MapRecipe[UcdrStartSettings]):
    """A foundation on the frozen trunk."""

    def start(self, settings: UcdrStartSettings, sources: MapSources, on_progress: Progress) -> Start[StartTraining]:
        """The frozen trunk, and principal components of what it says of photographs."""
        from retrieval.training.recipes.parts.ucdr_sources import new_start

        return new_start(self, settings, sources)

    def encoding(self, learner: StartTraining) -> Any:
        """The tower without prompts."""
        return learner.encode

    def finish(
        self, settings: UcdrStartSettings, sources: MapSources, start: Start[StartTraining],
        metrics: Mapping[str, float],
    ) -> Made:  # fmt: skip
        """The bundle of a foundation."""
        method = dataclasses.replace(start, learner=start.learner.method)  # type: ignore[arg-type]
        return self.write(settings, sources, method, metrics)


class UcdrAdapter(MapRecipe[UcdrSettings]):
    """Prompts on a start that never saw the style."""

    def start(self, settings: UcdrSettings, sources: MapSources, on_progress: Progress) -> Start[UCDRAdapter]:
        """The method on the foundation of `--init`, or on that of the style, which is trained where it is missing."""
        from retrieval.training.recipes.parts.ucdr_sources import new_adapter

        return new_adapter(self, settings, sources, settings.init or self._trained_start(settings, on_progress))

    def _trained_start(self, settings: UcdrSettings, on_progress: Progress) -> Path:
        """The folder of the start of this style and seed."""
        recipe = STARTS[self.without_style or ""]
        shared = {name: getattr(settings, name) for name in ("seed", "device", "renders", "maps", "trunk", "text",
                  "objects", "validation_objects", "size", "batch", "steps")}  # fmt: skip
        asked = dataclasses.replace(recipe.settings, **shared)
        folder = recipe.out_folder(asked)
        if not folder.is_dir():
            return recipe.make(asked, on_progress).folder
        _require_asked(recipe, asked, {*shared} - {*PLACES, *recipe.free}, folder)
        return folder

    def encoding(self, learner: UCDRAdapter) -> Any:
        """The tower with generated prompts, once the generator learns."""
        return (lambda maps: learner.encode_images(maps, ())) if learner.is_composing else None

    def finish(
        self, settings: UcdrSettings, sources: MapSources, start: Start[UCDRAdapter], metrics: Mapping[str, float]
    ) -> Made:
        """The bundle, without what training held."""
        start.learner.finish()
        return self.write(settings, sources, start, metrics)


def _require_asked(recipe: UcdrStart, asked: UcdrStartSettings, names: Iterable[str], folder: Path) -> None:
    """Raises SettingsError where the start in the folder was trained with others of these settings than are asked for,
    or nothing tells with which.
    """
    from retrieval.training.epochs import settings_of

    run = recipe.run_folder(asked)
    before = settings_of(run)
    if differing := sorted(name for name in names if str(before.get(name)) != str(getattr(asked, name))):
        how = f"with other settings ({', '.join(differing)})" if before else f"with settings that {run} does not tell"
        raise SettingsError(
            f"{folder} was trained {how}. Begin from it as it is: --init {folder}. Or delete it and {run}: it is "
            "trained anew."
        )


LEFT_OUT = tuple(style.name for style in STYLES if style != PHOTO)
SIZE: dict[str, Any] = {"width": 128, "layers": 1}  # of the small tower's transformer: quick on two busy cores
FEWER_TEXTS: dict[str, Any] = {"template": 8, "text_every": 8}  # a look at the sentences costs as much as some batches
WITHOUT: dict[str, tuple[str, dict[str, Any]]] = {  # what is taken from the method, or changed
    "": ("prompts composed of those of other domains and classes", {}),
    "-plain": ("the same steps without prompts", {"prompts": "none", "template": 0}),
    "-mean": ("everybody gets the mean prompt", {"prompts": "mean"}),
    "-unmasked": ("own prompts are not hidden, as released", {"mask": "none"}),
    "-zeros": ("own prompts are zeros, as the paper writes", {"mask": "zero"}),
    "-fixed-text": ("a fixed sentence", {"template": 0}),
    "-no-triplet": ("without the triplet", {"triplet_weight": 0.0}),
    "-no-momentum": ("codes in the queues are those of the encoder itself", {"momentum": 0.0}),
    "-no-domains": ("without prompts of domains", {"banks": "classes"}),
    "-no-classes": ("without prompts of classes", {"banks": "domains"}),
    "-untrained": ("random prompts, which the first phase does not train", {"source_epochs": 0}),
    "-released": (
        "all that the released code does otherwise",
        {"mask": "none", "readout": "prompt", "image_query": "patch", "momentum_start": "random", "own_positive": True},
    ),
    "-four": ("four prompts for each domain and class", {"tokens": 4}),
    "-added": ("prompts are added to the class token instead of standing beside it", {"enter": "token"}),
    "-code": ("prompts are added to the code instead of standing beside the class token", {"enter": "code"}),
    "-across": ("the second phase also draws a class together across styles", {"across": 0.5}),
    "-code-across": (
        "both: prompts are added to the code, and a class is drawn together",
        {"enter": "code", "across": 0.5},
    ),
    "-plain-across": ("that without prompts", {"prompts": "none", "template": 0, "across": 0.5}),
    "-tower": ("the second phase trains all that stands on the trunk", {"learns": "tower"}),
    "-plain-tower": (
        "the same without prompts: fine-tuned above the trunk",
        {"prompts": "none", "template": 0, "learns": "tower"},
    ),
}
STARTS = {
    style: UcdrStart(
        f"ucdr-start-{style}",
        UcdrStartSettings(),
        f"the start of UCDR-Adapter, which has never seen the style {style}",
        without_style=style,
        config=SIZE,
    )
    for style in LEFT_OUT
}
RECIPES: tuple[MapRecipe[Any], ...] = (
    *STARTS.values(),
    *(
        UcdrAdapter(
            f"ucdr-adapter-{style}{name}",
            UcdrSettings(),
            f"UCDR-Adapter without the style {style}: {about}",
            without_style=style,
            config=FEWER_TEXTS | config,
        )
        for style in LEFT_OUT
        for name, (about, config) in WITHOUT.items()
    ),
)
