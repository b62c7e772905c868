"""DSN at the paper's size, on published data sets in their official layout: Sketchy-Extended and TU-Berlin-Extended.

It trains on the seen classes of the zero-shot lists, but for a few that select the epoch. No list of unseen classes is
opened.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from retrieval.errors import SettingsError
from retrieval.images import Preprocess
from retrieval.training.recipes.dsn import Dsn, DsnSettings
from retrieval.types import PHOTO, SKETCH, Domain, Progress

if TYPE_CHECKING:
    from retrieval.data.picture_table import PictureTable
    from retrieval.methods.dsn import DSN
    from retrieval.training.recipes.parts.photo_teacher import Lesson
    from retrieval.training.start import Start
    from retrieval.training.training_sources import TrainingSources
    from retrieval.training.validation import Validation

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DsnPublishedSettings(DsnSettings):
    """DSN at the paper's size on a published data set in its official layout.

    As released: how many sketches and photos stand in a step, how many steps and epochs there are, and the rate. Ours:
    every class is drawn as often as any other, pictures are varied like all others here, and the epoch is selected on
    seen classes that are kept from training, where the release takes sketches and photos of trained ones.
    The paper's teacher knows ImageNet, and with it most classes that `zeroshot1` and TU-Berlin call unseen, so it is
    asked for by name.
    """

    teacher: Annotated[Path, "the run of the teacher, which is made first where it is not complete"] = Path(
        "runs/dsn-teacher"
    )
    teacher_epochs: Annotated[int, "how long to train the teacher"] = 12
    teacher_batch: Annotated[int, "pictures in a step of the teacher"] = 128
    data: Annotated[Path, "the folder that the data set was unpacked into"] = Path("data")
    lists: Annotated[str, "the folder of the zero-shot lists in it"] = "zeroshot1"
    kept: Annotated[int, "seen classes that are kept from training and select the epoch"] = 10
    imagenet: Annotated[
        str | None, "timm's ImageNet classifier that teaches instead, for example seresnet50.a1_in1k"
    ] = None
    meanings: Annotated[
        Path | None, "a bundle that reads words: how alike classes are (default: no answer of the teacher is shifted)"
    ] = None
    workers: Annotated[int, "processes that open pictures; 0: none but this one"] = 2
    size: Annotated[int, "pixels that the encoder reads"] = 224
    batch: Annotated[int, "pictures in a step, before two more views of each are made"] = 96
    group: Annotated[int, "pictures of one class that stand in a batch together"] = 1
    sketches: Annotated[float, "share of a batch: sketches"] = 32 / 96
    steps: Annotated[int, "steps in an epoch"] = 1068
    validate_every: Annotated[int, "epochs between two validations; 0 keeps the last epoch, not validated"] = 1
    lr: Annotated[float, "the highest learning rate"] = 1e-4

    @property
    def preprocess(self) -> Preprocess:
        """As ImageNet classifiers want their pictures."""
        return Preprocess(self.size, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Listed:
    """What the lists of seen classes name: pictures to train on and pictures to select on, of different classes; all
    classes of the data set that are not trained on; and what is wrong with this copy.
    """

    name: str
    trained: PictureTable
    kept: PictureTable
    unseen: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class DsnPublished(Dsn[DsnPublishedSettings]):
    """DSN on one published data set, "sketchy" or "tuberlin"."""

    data_set: str = "sketchy"

    def sources(self, settings: DsnPublishedSettings) -> TrainingSources:
        """Sketches and photos of the trained classes, in exact numbers a step."""
        sources = self._listed(settings, {SKETCH: settings.sketches, PHOTO: 1 - settings.sketches})
        for problem in sources.problems:
            log.info("%s", problem)
        return sources

    def teacher_sources(self, settings: DsnPublishedSettings) -> TrainingSources:
        """The photos that the student sees."""
        return self._listed(settings, {PHOTO: 1.0})

    def _listed(self, settings: DsnPublishedSettings, shares: Mapping[Domain, float]) -> TrainingSources:
        from retrieval.training.training_sources import listed_files

        lists = self.read_lists(settings)
        entries = {"unseen": lists.unseen, "problems": lists.problems, "workers": settings.workers}
        return listed_files(lists.name, lists.trained, shares, **entries)

    def read_lists(self, settings: DsnPublishedSettings) -> Listed:
        """The seen pictures of the data set. Kept from training are classes at even distances in the alphabet.

        Raises DataError where the lists are missing, and SettingsError where too few or too many classes are kept.
        """
        name, classes, read = _data_set(self.data_set)
        seen = read(settings.data, settings.lists, "seen")
        labels = sorted(set(seen.labels))
        kept = _kept_classes(labels, settings)
        return Listed(
            name,
            seen.where(lambda row: row.label not in kept),
            seen.where(labels=kept),
            tuple(label for label in classes if label not in labels or label in kept),
            seen.problems,
        )

    def options(self, settings: DsnPublishedSettings, classes: int) -> dict[str, Any]:
        """With what the teacher is told."""
        return {"teacher_epochs": settings.teacher_epochs} | super().options(settings, classes)

    def lesson(self, settings: DsnPublishedSettings, options: Mapping[str, Any], on_progress: Progress) -> Lesson:
        """timm's classifier of ImageNet where it is asked for, or one of the photos of this training."""
        from retrieval.training.recipes.parts.photo_teacher import imagenet_teacher, own_teacher

        if settings.imagenet:
            return imagenet_teacher(settings.imagenet, options)
        return own_teacher(settings, options, self.teacher_sources(settings), on_progress)

    def start(self, settings: DsnPublishedSettings, sources: TrainingSources, on_progress: Progress) -> Start[DSN]:
        """The student as a copy of its teacher."""
        from retrieval.training.recipes.parts.dsn_student import begin_student
        from retrieval.training.start import Start

        options = self.options(settings, len(sources.classes))
        lesson = self.lesson(settings, options, on_progress)
        student, words = begin_student(settings, options, sources, lesson)
        return Start(student, words.merge(lesson.provenance))

    def validation(self, settings: DsnPublishedSettings) -> Validation:
        """Sketches of the classes that are kept from training, against their photos."""
        from retrieval.evaluation.tasks.published import sketches_to_photos
        from retrieval.training.validation import TaskValidation

        kept = self.read_lists(settings).kept
        return TaskValidation(sketches_to_photos("validation", kept, (), ("mAP@all",)) if len(kept) else None)


def _kept_classes(labels: list[str], settings: DsnPublishedSettings) -> set[str]:
    if not (1 if settings.validate_every else 0) <= settings.kept < len(labels):
        raise SettingsError(
            f"{settings.kept} of {len(labels)} seen classes would be kept to select the epoch on. Keep one or more, "
            "and leave one or more to train on; or keep none and never validate: --kept 0 --validate-every 0."
        )
    return {labels[number * len(labels) // settings.kept] for number in range(settings.kept)}


def _data_set(name: str) -> tuple[str, tuple[str, ...], Any]:
    """Its name for people, its classes, and what reads its lists."""
    from retrieval.data.readers.sketchy import sketchy_lists
    from retrieval.data.readers.tuberlin import tuberlin_lists
    from retrieval.data.splits import SKETCHY, TUBERLIN

    return {
        "sketchy": ("Sketchy-Extended", SKETCHY, sketchy_lists),
        "tuberlin": ("TU-Berlin-Extended", TUBERLIN, tuberlin_lists),
    }[name]


RECIPES = (
    DsnPublished(
        "dsn-sketchy",
        DsnPublishedSettings(data=Path("data/sketchy"), teacher=Path("runs/dsn-sketchy-teacher"), teacher_epochs=20),
        "DSN at the paper's size on Sketchy-Extended: 32 sketches and 64 photos in a step",
        zero_shot=True,
        data_set="sketchy",
    ),
    DsnPublished(
        "dsn-tuberlin",
        DsnPublishedSettings(
            data=Path("data/tuberlin"),
            lists="zeroshot",
            teacher=Path("runs/dsn-tuberlin-teacher"),
            teacher_epochs=16,
            batch=90,
            sketches=9 / 90,
            epochs=16,
            steps=1711,
        ),
        "DSN at the paper's size on TU-Berlin-Extended: 9 sketches and 81 photos in a step",
        zero_shot=True,
        data_set="tuberlin",
    ),
)
