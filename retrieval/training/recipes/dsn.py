"""DSN at a size that two cores can train: on the world, the ladder of its parts, and on the pack of Sketchy.

The teacher is ImageNet's classifier, as the paper's. The student's trunk is that of the foundation of the same seed,
which has learnt drawings and renders already and has seen no unseen class: frozen, its pooled features have .64 mAP@all
on the validation classes, ImageNet's own .26, from which the paper begins (each domain's mean removed, .67 and .39).
Without `--init` it begins there. The trunk stays as it is: code and heads are fitted
on top of it first, then code, heads and the gates that hear the tag learn as DSN says. `dsn_published` trains the same
method at the paper's size, with all of its trunk.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

from retrieval.images import Preprocess
from retrieval.training.recipe import PACKS, Made, Packs, Recipe, SupervisedSettings, WorldSettings
from retrieval.types import PHOTO, SKETCH, Progress
from retrieval.world.split import ALL

if TYPE_CHECKING:
    from retrieval.methods.dsn import DSN
    from retrieval.training.bundles import InTraining
    from retrieval.training.epochs import Stage
    from retrieval.training.loop import Batches
    from retrieval.training.recipes.parts.early_views import EarlySampler
    from retrieval.training.start import Start
    from retrieval.training.training_sources import TrainingSources
    from retrieval.training.validation import Validation


@dataclass(frozen=True)
class DsnSettings(SupervisedSettings):
    """DSN: sketches against photos, after a teacher that saw photos only."""

    meanings: Annotated[Path | None, "a bundle that reads words: how alike classes are"] = Path(
        "checkpoints/guise-base-zs"
    )
    lr: Annotated[float, "the highest learning rate"] = 1e-3


@dataclass(frozen=True)
class SmallDsnSettings(DsnSettings):
    """DSN on a trunk that stays as it is."""

    init: Annotated[Path | None, "a foundation whose trunk it begins from (none: ImageNet's, as the paper)"] = Path(
        "checkpoints/guise-base-zs"
    )
    views: Annotated[Path | None, "where what the trunk makes of views is kept (default: in the run)"] = None
    size: Annotated[int, "pixels that the network reads"] = 160
    stored: Annotated[int, "pixels of the pictures that are varied"] = 128
    batch: Annotated[int, "pictures in a step, before another view of each is taken"] = 144
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 3
    epochs: Annotated[int, "how long to train; the memory lives for one epoch. 0: the linear start alone"] = 4
    steps: Annotated[int, "steps in an epoch"] = 75
    lr: Annotated[float, "the highest learning rate"] = 3e-4
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch, not validated"] = 1

    @property
    def preprocess(self) -> Preprocess:
        """As EfficientNet-Lite wants its pictures."""
        return Preprocess(self.size, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class DsnWorldSettings(SmallDsnSettings, WorldSettings):
    """DSN on the world and on packs: as many sketches as photos."""

    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.17
    others: Annotated[float, "share of a batch: people's drawings of other classes"] = 0.23
    sketched: Annotated[float, "share of a batch: the world's sketches"] = 0.10
    rendered: Annotated[float, "share of a batch: the world's photos"] = 0.25
    photos: Annotated[float, "share of a batch: photographs"] = 0.25
    most: Annotated[int, "pictures of a class in each of these; twice as many drawings, a third of other classes"] = 8


@dataclass(frozen=True)
class DsnPackSettings(SmallDsnSettings):
    """DSN on the pack of Sketchy's sketches and photos, for research: it sees nothing of the world."""

    packs: Packs = PACKS
    sketched: Annotated[float, "share of a batch: the pack's sketches"] = 0.3
    others: Annotated[float, "share of a batch: people's drawings from elsewhere"] = 0.2
    shot: Annotated[float, "share of a batch: the pack's photos"] = 0.3
    photos: Annotated[float, "share of a batch: photographs from elsewhere"] = 0.2
    most: Annotated[int, "pictures of a class in each of these; from elsewhere a third of it"] = 5


D = TypeVar("D", bound=DsnSettings)
S = TypeVar("S", bound=SmallDsnSettings)


class Dsn(Recipe[D]):
    """A student of sketches and photos, after its teacher of photos."""

    @abstractmethod
    def validation(self, settings: D) -> Validation:
        """What the epoch is selected by."""

    def batches(self, settings: D, sources: TrainingSources, start: Start[DSN]) -> Batches:
        """What a step sees."""
        return sources.batches(settings)

    def encoder(self, settings: D, method: DSN) -> InTraining:
        """The student as it is validated."""
        from retrieval.training.bundles import InTraining

        return InTraining(method)

    def options(self, settings: D, classes: int) -> dict[str, Any]:
        """The method's options but for those of its teacher."""
        options: dict[str, Any] = {"classes": classes, "epochs": settings.epochs, "lr": settings.lr, **self.config}
        return options | ({"semantic_weight": 0.0} if settings.meanings is None else {})

    def stages(self, settings: D, sources: TrainingSources, start: Start[DSN]) -> Iterator[Stage]:
        """One: the student, selected by validation."""
        from retrieval.training.epochs import Stage

        if settings.epochs:
            checks = self.validation(settings)
            yield Stage(
                start.learner,
                self.batches(settings, sources, start),
                self.run(settings),
                seed=settings.seed,
                device=settings.device,
                validate=lambda method: checks.score(self.encoder(settings, method)),
                validate_every=settings.validate_every,
            )

    def finish(self, settings: D, sources: TrainingSources, start: Start[DSN], metrics: Mapping[str, float]) -> Made:
        """The bundle, with its album and with the rotation of its codes into bits."""
        from retrieval.training.bundles import manifest_of, write_bundle
        from retrieval.training.recipes.parts.dsn_student import fill_album, fit_rotation

        if not settings.epochs:
            metrics = self.validation(settings).score(self.encoder(settings, start.learner.eval()))
        data = self.batches(settings, sources, start)
        fill_album(start.learner, data, settings.seed)
        rotation = fit_rotation(start.learner, data, settings.seed)
        manifest = manifest_of(self, settings, start, sources.provenance, unseen=sources.unseen, metrics=metrics)
        return write_bundle(self, settings, start.learner, manifest, rotation)


class SmallDsn(Dsn[S]):
    """DSN on a frozen trunk, taught by ImageNet's classifier."""

    free: ClassVar[tuple[str, ...]] = ("views",)

    def start(self, settings: S, sources: TrainingSources, on_progress: Progress) -> Start[DSN]:
        """The student of the data's classes, fitted on top of its trunk."""
        from retrieval.training.recipes.parts.dsn_student import begin_on_trunk

        return begin_on_trunk(self, settings, sources, on_progress)

    def batches(self, settings: S, sources: TrainingSources, start: Start[DSN]) -> EarlySampler:
        """What the trunk made of views, which `start` has kept."""
        from retrieval.training.recipes.parts.dsn_student import sampler

        return sampler(self, settings, sources)

    def encoder(self, settings: S, method: DSN) -> InTraining:
        """One that remembers what its trunk, which stays as it is, made of pictures."""
        from retrieval.training.recipes.parts.dsn_student import early_encoder

        return early_encoder(settings, method)


class DsnWorld(SmallDsn[DsnWorldSettings]):
    """DSN on the world."""

    def sources(self, settings: DsnWorldSettings) -> TrainingSources:
        """Sketches and photos of the world's classes, people's drawings of others, and photographs of whatever packs
        show: classes of which there is only one of both still keep the code from narrowing to those with both.
        """
        from retrieval.training.training_sources import (
            FEWER,
            allowed_renders,
            drawn_classes,
            join,
            people_drawings,
            photographs,
        )

        packs, size, most = settings.packs, settings.stored, settings.most
        ours = [label for label in ALL if self.allows(label)]
        others = [label for label in drawn_classes(packs, self) if label not in ALL]
        shares = {SKETCH.name: settings.sketched, PHOTO.name: settings.rendered}
        return join(
            self,
            allowed_renders(self, settings.renders, shares, most),
            photographs(self, packs, size, settings.photos, most),
            people_drawings(packs, ours, settings.people, of="the world's classes", most=2 * most),
            people_drawings(packs, others, settings.others, of="other classes", most=max(1, most // FEWER)),
        )

    def validation(self, settings: DsnWorldSettings) -> Validation:
        """People's drawings of the validation classes, against the world's photos."""
        return _world_validation(settings.renders, settings.packs)


@cache
def _world_validation(renders: Path, packs: Path) -> Validation:
    """That of all recipes on the world, which are trained one after the other."""
    from retrieval.training.validation import WorldValidation

    return WorldValidation(renders, packs, zero_shot=True)


class DsnPack(SmallDsn[DsnPackSettings]):
    """DSN on a pack of sketches and photos."""

    def sources(self, settings: DsnPackSettings) -> TrainingSources:
        """Sketches and photos of the pack, and as with the world drawings and photographs from elsewhere."""
        from retrieval.evaluation.tasks.packs import SKETCHY, SKETCHY_NAMED
        from retrieval.training.training_sources import (
            FEWER,
            drawn_classes,
            join,
            packed_pictures,
            people_drawings,
            photographs,
        )

        packs, size, most = settings.packs, settings.stored, settings.most
        shares, terms = {PHOTO: settings.shot, SKETCH: settings.sketched}, "its authors' terms: research"
        few = max(1, most // FEWER)
        return join(
            self,
            packed_pictures(self, packs / SKETCHY, size, shares, name=SKETCHY_NAMED, licence=terms, most=most),
            photographs(self, packs, size, settings.photos, few),
            people_drawings(packs, drawn_classes(packs, self), settings.others, most=few),
        )

    def validation(self, settings: DsnPackSettings) -> Validation:
        """The pack's sketches of the validation classes, against their photos."""
        from retrieval.data.concepts import VAL_UNSEEN
        from retrieval.evaluation.tasks.base import Catalog
        from retrieval.evaluation.tasks.packs import sketchy
        from retrieval.training.validation import TaskValidation

        return TaskValidation(sketchy("validation", Catalog(settings.packs, settings.packs), unseen=VAL_UNSEEN))


WHOLE = {"trunk": "tf_efficientnet_lite0", "frozen": True, "settled": True, "gate_rate": 30.0}
NO_PARTS = {"tagged": False, "contrast_weight": 0.0, "memory_weight": 0.0}
ONLY_CLASSES = NO_PARTS | {"teacher_weight": 0.0, "semantic_weight": 0.0}
ALL_PARTS: dict[str, Any] = {"tagged": True, "contrast_weight": 0.1, "memory_weight": 1.0}
CONTROL = "plain"  # the rung that everything is compared with
RUNGS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {  # about, parts, other settings
    "start": ("the linear start, before any step", ONLY_CLASSES, {"epochs": 0}),
    "classes": ("classes alone", ONLY_CLASSES, {}),
    "teacher": ("and the teacher, whose answers are shifted towards classes of similar meaning", NO_PARTS, {}),
    "tag": ("and the tag", NO_PARTS | {"tagged": True}, {}),
    "contrast": ("and the contrast of views", NO_PARTS | {"tagged": True, "contrast_weight": 0.1}, {}),
    CONTROL: (
        "a control: a plain encoder, that is classes alone, of both views; same start, pictures and steps",
        ONLY_CLASSES | {"every_view": True},
        {},
    ),
    "shuffled-tags": (
        "a control: all of DSN, but in training the tags say nothing",
        ALL_PARTS | {"shuffled_tags": True},
        {},
    ),
}
RECIPES = (
    DsnWorld(
        "dsn-world",
        DsnWorldSettings(),
        "DSN: sketch to photo, without the unseen concepts",
        zero_shot=True,
        config=WHOLE,
    ),
    *(
        DsnWorld(
            f"dsn-world-{rung}",
            dataclasses.replace(DsnWorldSettings(), **others),
            f"for the ladder of DSN: {about}",
            zero_shot=True,
            config=WHOLE | parts,
        )
        for rung, (about, parts, others) in RUNGS.items()
    ),
    *(
        DsnPack(f"dsn-sketchy25{suffix}", DsnPackSettings(), about, zero_shot=True, config=WHOLE | parts)
        for suffix, about, parts in (
            ("", "DSN on the pack of Sketchy, for research only", {}),
            ("-plain", "its control, a plain encoder tuned on the same pictures", RUNGS[CONTROL][1]),
        )
    ),
)
