"""What a recipe on a published data set is trained and selected on: the seen classes of its zero-shot lists, less a few
that select the epoch. Of the unseen classes no list is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.filelists import Part
from retrieval.data.readers.sketchy import sketchy_lists
from retrieval.data.readers.tuberlin import tuberlin_lists
from retrieval.data.splits import SKETCHY, TUBERLIN
from retrieval.errors import SettingsError
from retrieval.evaluation.tasks.published import sketches_to_photos
from retrieval.training.settings import PublishedSketches, Recipe
from retrieval.training.validation import Asked


@dataclass(frozen=True)
class DataSet:
    """A published data set: its name, its classes, and what reads its lists."""

    name: str
    classes: tuple[str, ...]
    read: Callable[[Path, str, Part], PictureTable]


DATA_SETS = {
    "sketchy": DataSet("Sketchy-Extended", SKETCHY, sketchy_lists),
    "tuberlin": DataSet("TU-Berlin-Extended", TUBERLIN, tuberlin_lists),
}


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


def listed(settings: PublishedSketches, recipe: Recipe) -> Listed:
    """The seen pictures of the recipe's data set. Kept are classes at even distances in the alphabet.

    Raises DataError where the lists are missing, and SettingsError where too few or too many classes are kept.
    """
    data = DATA_SETS[recipe.published or ""]
    table = data.read(settings.data, settings.lists, "seen")
    labels = sorted(set(table.labels))
    if not (1 if settings.validate_every else 0) <= settings.kept < len(labels):
        raise SettingsError(
            f"{settings.kept} of {len(labels)} seen classes would be kept to select the epoch on. Keep one or more, "
            "and leave one or more to train on; or keep none and never validate: --kept 0 --validate-every 0."
        )
    kept = {labels[number * len(labels) // settings.kept] for number in range(settings.kept)}
    return Listed(
        data.name,
        table.where(lambda row: row.label not in kept),
        table.where(labels=kept),
        tuple(name for name in data.classes if name not in labels or name in kept),
        table.problems,
    )


def kept_classes(settings: PublishedSketches, recipe: Recipe) -> Asked:
    """Sketches of the classes that are kept from training, against their photos."""
    kept = listed(settings, recipe).kept
    return Asked(sketches_to_photos("validation", kept, (), ("mAP@all",)) if len(kept) else None)
