"""The protocols, by name and version. A task says which queries meet which gallery and what counts as relevant;
nothing about a model. What each asks stands in `evaluation.task_words`.

`PUBLISHED` tasks need data sets that cannot be shipped (`Catalog.data`). All others are `TASKS`, and are measured for
the docs.

Unseen are the classes of `world.split.TEST_UNSEEN`, and in packs the concepts of `data.concepts.TEST_UNSEEN`; a bundle
that has seen one of them is refused. The held-out strokes are those of `data.readers.quickdraw`'s test split: 40 of
each class, none of which was trained on. Reserved pictures of packs are never used, and photos that a training pack
holds too are left out. Finishes of one drawing (fluent_3d, fluent_flat and fluent_mono; emojione and
emojione_mono) are not considered for each other.

Where renders ask for renders of their class, the picture of the very object that was asked with is not considered:
its silhouette would give it away.
"""

from __future__ import annotations

from collections.abc import Callable

from retrieval.errors import SettingsError
from retrieval.evaluation.tasks import packs, photos, published, texts, world
from retrieval.evaluation.tasks.base import (
    IMAGE_METRICS,
    TEXT_METRICS,
    Catalog,
    Task,
    picture_task,
)

__all__ = [
    "IMAGE_METRICS",
    "PUBLISHED",
    "TASKS",
    "TEXT_METRICS",
    "Catalog",
    "Task",
    "picture_task",
    "task",
]

TASKS: dict[str, Callable[[str, Catalog], Task]] = world.TASKS | texts.TASKS | packs.TASKS | photos.TASKS
PUBLISHED = published.PUBLISHED


def task(name: str, catalog: Catalog) -> Task:
    """The named task on this data. Raises SettingsError for a name that does not exist and DataError where data is
    missing.
    """
    known = TASKS | PUBLISHED
    if name not in known:
        raise SettingsError(f"There is no task {name!r}. Choose {', '.join(known)}.")
    return known[name](name, catalog)
