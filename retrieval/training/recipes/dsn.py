"""DSN at a size that two cores can train: on the world, the ladder of its parts, and on the pack of Sketchy.

A student follows its teacher, a classifier of photos: `Dsn` begins it as a copy of the teacher, or fits it on top of
the trunk of a plain encoder. `dsn_published` trains the same method at the paper's size.
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from retrieval.training.recipe import PACKS, Made, Packs, Recipe, SupervisedSettings, WorldSettings
from retrieval.types import PHOTO, SKETCH, Progress
from retrieval.world.split import ALL

if TYPE_CHECKING:
    from retrieval.methods.dsn import DSN
    from retrieval.training.epochs import Stage
    from retrieval.training.recipes.parts.photo_teacher import Lesson
    from retrieval.training.start import Start
    from retrieval.training.training_sources import TrainingSources
    from retrieval.training.validation import Validation


@dataclass(frozen=True)
class DsnSettings(SupervisedSettings):
    """DSN: sketches against photos, after a teacher that saw photos only."""

    init: Annotated[
        Path | None, "a plain encoder whose trunk the teacher and the student begin from (default: from scratch)"
    ] = None
    teacher: Annotated[Path, "the run of the teacher, which is made first where it is not complete"] = Path(
        "runs/dsn-teacher"
    )
    teacher_epochs: Annotated[int, "how long to train the teacher"] = 12
    teacher_batch: Annotated[int, "pictures in a step of the teacher"] = 128
    meanings: Annotated[Path | None, "a bundle that reads words: how alike classes are"] = Path(
        "checkpoints/guise-mini-zs"
    )
    lr: Annotated[float, "the highest learning rate"] = 1e-3


@dataclass(frozen=True)
class SmallDsnSettings(DsnSettings):
    """DSN from the trunk of the plain encoder."""

    init: Annotated[
        Path | None, "a plain encoder whose trunk the teacher and the student begin from (default: from scratch)"
    ] = Path("checkpoints/guise-mini-zs")
    batch: Annotated[int, "pictures in a step, before two more views of each are made"] = 48
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 3
    epochs: Annotated[int, "how long to train; the memory lives for one epoch"] = 1
    steps: Annotated[int, "steps in an epoch"] = 100
    lr: Annotated[float, "the highest learning rate"] = 3e-4
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch, not validated"] = 1


@dataclass(frozen=True)
class DsnWorldSettings(SmallDsnSettings, WorldSettings):
    """DSN on the world and on packs: as many sketches as photos."""

    people: Annotated[float, "share of a batch: people's drawings of the world's classes"] = 0.17
    others: Annotated[float, "share of a batch: people's drawings of other classes"] = 0.23
    sketched: Annotated[float, "share of a batch: the world's sketches"] = 0.10
    rendered: Annotated[float, "share of a batch: the world's photos"] = 0.25
    photos: Annotated[float, "share of a batch: photographs"] = 0.25


@dataclass(frozen=True)
class DsnPackSettings(SmallDsnSettings):
    """DSN on the pack of Sketchy's sketches and photos, for research: it sees nothing of the world."""

    packs: Packs = PACKS
    teacher: Annotated[Path, "the run of the teacher, which is made first where it is not complete"] = Path(
        "runs/dsn-sketchy25-teacher"
    )
    epochs: Annotated[int, "how long to train; the memory lives for one epoch"] = 2
    sketched: Annotated[float, "share of a batch: the pack's sketches"] = 0.3
    others: Annotated[float, "share of a batch: people's drawings from elsewhere"] = 0.2
    shot: Annotated[float, "share of a batch: the pack's photos"] = 0.3
    photos: Annotated[float, "share of a batch: photographs from elsewhere"] = 0.2


D = TypeVar("D", bound=DsnSettings)


class Dsn(Recipe[D]):
    """A student of sketches and photos, after its teacher of photos."""

    @abstractmethod
    def teacher_sources(self, settings: D) -> TrainingSources:
        """What the teacher sees: photos of allowed classes."""

    @abstractmethod
    def validation(self, settings: D) -> Validation:
        """What the epoch is selected by."""

    def options(self, settings: D, classes: int) -> dict[str, Any]:
        """The method's options but for those of its teacher."""
        options: dict[str, Any] = {
            "classes": classes,
            "epochs": settings.epochs,
            "lr": settings.lr,
            "teacher_epochs": settings.teacher_epochs,
            **self.config,
        }
        return options | ({"semantic_weight": 0.0} if settings.meanings is None else {})

    def lesson(self, settings: D, options: Mapping[str, Any], plain: Any, on_progress: Progress) -> Lesson:
        """The teacher, made first where its run is not complete. `plain`: the encoder whose trunk it has, if any."""
        from retrieval.training.recipes.parts.photo_teacher import own_teacher

        return own_teacher(settings, options, self.teacher_sources(settings), plain, on_progress)

    def start(self, settings: D, sources: TrainingSources, on_progress: Progress) -> Start[DSN]:
        """The student of the data's classes, after its teacher; with `--init` on top of the plain encoder's trunk."""
        from retrieval.artifacts.provenance import Provenance
        from retrieval.training.recipes.parts.dsn_student import begin_student
        from retrieval.training.start import Start, open_plain_encoder

        plain, behind = open_plain_encoder(settings.init, self) if settings.init else (None, Provenance())
        options = self.options(settings, len(sources.classes))
        lesson = self.lesson(settings, options, plain, on_progress)
        student, words = begin_student(settings, options, sources, lesson, plain)
        return Start(student, behind.merge(words, lesson.provenance))

    def stages(self, settings: D, sources: TrainingSources, start: Start[DSN]) -> Iterator[Stage]:
        """One: the student."""
        from retrieval.training.bundles import supervised_stage

        yield supervised_stage(self, settings, start, sources, self.validation(settings))

    def finish(self, settings: D, sources: TrainingSources, start: Start[DSN], metrics: Mapping[str, float]) -> Made:
        """The bundle, with its album and with the rotation of its codes into bits."""
        from retrieval.training.bundles import manifest_of, write_bundle
        from retrieval.training.recipes.parts.dsn_student import fill_album, fit_rotation

        data = sources.batches(settings)
        fill_album(start.learner, data, settings.seed)
        rotation = fit_rotation(start.learner, data, settings.seed)
        manifest = manifest_of(self, settings, start, sources.provenance, unseen=sources.unseen, metrics=metrics)
        return write_bundle(self, settings, start.learner, manifest, rotation)


class DsnWorld(Dsn[DsnWorldSettings]):
    """DSN on the world."""

    def sources(self, settings: DsnWorldSettings) -> TrainingSources:
        """Sketches and photos of the world's classes, people's drawings of others, and photographs of whatever packs
        show: classes of which there is only one of both still keep the code from narrowing to those with both.
        """
        from retrieval.training.training_sources import (
            allowed_renders,
            drawn_classes,
            join,
            people_drawings,
            photographs,
        )

        packs, size = settings.packs, settings.size
        ours = [label for label in ALL if self.allows(label)]
        others = [label for label in drawn_classes(packs, self) if label not in ALL]
        shares = {SKETCH.name: settings.sketched, PHOTO.name: settings.rendered}
        return join(
            self,
            allowed_renders(self, settings.renders, shares),
            photographs(self, packs, size, settings.photos),
            people_drawings(packs, ours, settings.people, of="the world's classes"),
            people_drawings(packs, others, settings.others, of="other classes"),
        )

    def teacher_sources(self, settings: DsnWorldSettings) -> TrainingSources:
        """Photographs of everything allowed, and the world's photos; every class as often as any other."""
        from retrieval.training.training_sources import allowed_renders, join, photographs

        rendered = allowed_renders(self, settings.renders, {PHOTO.name: 1.0})
        (portion,) = rendered.portions
        portion = dataclasses.replace(portion, share=len(rendered.classes))
        rendered = dataclasses.replace(rendered, portions=(portion,))
        return join(self, rendered, photographs(self, settings.packs, settings.size))

    def validation(self, settings: DsnWorldSettings) -> Validation:
        """People's drawings of the validation classes, against the world's photos."""
        from retrieval.training.validation import WorldValidation

        return WorldValidation(settings.renders, settings.packs, zero_shot=True)


class DsnPack(Dsn[DsnPackSettings]):
    """DSN on a pack of sketches and photos."""

    def sources(self, settings: DsnPackSettings) -> TrainingSources:
        """Sketches and photos of the pack, and as with the world drawings and photographs from elsewhere."""
        from retrieval.training.training_sources import drawn_classes, join, people_drawings, photographs

        packs, size = settings.packs, settings.size
        return join(
            self,
            self._own(settings, {PHOTO: settings.shot, SKETCH: settings.sketched}),
            photographs(self, packs, size, settings.photos),
            people_drawings(packs, drawn_classes(packs, self), settings.others),
        )

    def teacher_sources(self, settings: DsnPackSettings) -> TrainingSources:
        """The photos of both."""
        from retrieval.training.training_sources import join, photographs

        elsewhere = photographs(self, settings.packs, settings.size, settings.photos)
        return join(self, self._own(settings, {PHOTO: settings.shot}), elsewhere)

    def _own(self, settings: DsnPackSettings, shares: Mapping[Any, float]) -> TrainingSources:
        from retrieval.evaluation.tasks.packs import SKETCHY, SKETCHY_NAMED
        from retrieval.training.training_sources import packed_pictures

        licence = "its authors' terms: research"
        return packed_pictures(self, settings.packs / SKETCHY, settings.size, shares, SKETCHY_NAMED, licence)

    def validation(self, settings: DsnPackSettings) -> Validation:
        """The pack's sketches of the validation classes, against their photos."""
        from retrieval.data.concepts import VAL_UNSEEN
        from retrieval.evaluation.tasks.base import Catalog
        from retrieval.evaluation.tasks.packs import sketchy
        from retrieval.training.validation import TaskValidation

        return TaskValidation(sketchy("validation", Catalog(settings.packs, settings.packs), unseen=VAL_UNSEEN))


WHOLE = {"trunk": "resnet10t", "trunk_rate": 0.1, "settled": True}  # the plain encoder's, which is not to forget
NO_PARTS = {"tagged": False, "contrast_weight": 0.0, "memory_weight": 0.0}
ALL_PARTS: dict[str, Any] = {"tagged": True, "contrast_weight": 0.1, "memory_weight": 1.0}
RUNGS: dict[str, tuple[str, dict[str, Any]]] = {  # each but the controls has one part more than the one above
    "classes": ("classes alone", {"teacher_weight": 0.0, "semantic_weight": 0.0}),
    "teacher": ("classes and the teacher", {"semantic_weight": 0.0}),
    "meaning": ("what the teacher says is shifted towards classes of similar meaning, too", {}),
    "tag": ("and the tag", {"tagged": True}),
    "contrast": ("and the contrast of views", {"tagged": True, "contrast_weight": 0.1}),
    "shuffled-tags": (
        "a control: all of DSN, but in training the tags say nothing",
        ALL_PARTS | {"shuffled_tags": True},
    ),
    "random-memory": (
        "a control: all of DSN, but the memory keeps any sketches",
        ALL_PARTS | {"memory_rule": "random"},
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
            DsnWorldSettings(),
            f"for the ladder of DSN: {about}",
            zero_shot=True,
            config=WHOLE | NO_PARTS | parts,
        )
        for rung, (about, parts) in RUNGS.items()
    ),
    DsnPack(
        "dsn-sketchy25",
        DsnPackSettings(),
        "DSN on the pack of Sketchy, for research only",
        zero_shot=True,
        config=WHOLE,
    ),
)
