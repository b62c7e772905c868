"""The protocols, by name and version. A task says which queries meet which gallery and what counts as relevant;
nothing about a model.

    quickdraw-world/all@1                held-out human strokes -> the photos of the embedded gallery; same class
    quickdraw-world/zero-shot@1          strokes of the 10 unseen classes -> their photos; same class
    quickdraw-world/zero-shot-mixed@1    the same strokes -> photos of all 64 classes; same class
    world/zero-shot@1                    rendered sketches of the 10 unseen classes -> their photos; same class
    world/zero-shot-mixed@1              the same sketches -> photos of all 64 classes; same class
    world/cross-style@1                  every picture -> all of other styles; same class
    world/same-object@1                  every rendered sketch -> all pictures of other styles; the same object
    world/leave-style-out:STYLE@1        an unseen style of the 10 unseen classes -> their photos (paintings where the
                                         style is photo); same class. One task for each of the six styles
    text-world/all@1                     a class in four wordings -> all pictures of the embedded gallery; same class
    text-world/style@1                   "{style} of a {class}" -> all pictures; same class and style
    text-world/color@1                   "a {colour} {class}" -> all pictures; same class and colour; pairs that occur
    people/text@1                        every caption of a test figure in the street -> all test figures; same person
    sketchy125/zero-shot@1               human sketches of the 30 unseen concepts -> their photos; same concept
    sketchy125/all@1                     human sketches of 125 concepts -> their photos; same concept
    emoji/cross-style@1                  every picture of a test object -> those of other styles; same object
    emoji/zero-shot@1                    every picture of an unseen concept -> those of other styles; same concept
    sketchy-ext/100-25@1                 every sketch of the 25 unseen classes of Sketchy-Extended -> their photos
    sketchy-ext/104-21@1                 the same with the 21 unseen classes that ImageNet-1k lacks
    tuberlin-ext/220-30@1                every sketch of the 30 unseen classes of TU-Berlin-Extended -> their photos

The last three are `PUBLISHED`: their data are brought by whoever has them (`Catalog.data`). All others are `TASKS`, and
are measured for the README.

Unseen are the classes of `world.split.TEST_UNSEEN`, and in packs the concepts of `data.concepts.TEST_UNSEEN`; a bundle
that has seen one of them is refused. The held-out strokes are those of `data.readers.quickdraw`'s test split: 40 of
each class, none of which was trained on. Reserved pictures of packs are never used, and sketchy125 goes without the
photos that a training pack holds too. Finishes of one drawing (fluent_3d, fluent_flat and fluent_mono; emojione and
emojione_mono) are not considered for each other.

Where renders ask for renders of their class, the picture of the very object that was asked with is not considered:
its silhouette would give it away.
"""

from __future__ import annotations

from collections.abc import Callable

from retrieval.errors import SettingsError
from retrieval.evaluation.tasks import packs, published, texts, world
from retrieval.evaluation.tasks.base import (
    IMAGE_METRICS,
    TEXT_METRICS,
    Catalog,
    Picture,
    Shown,
    Task,
    picture,
    picture_task,
)

__all__ = [
    "IMAGE_METRICS",
    "PUBLISHED",
    "TASKS",
    "TEXT_METRICS",
    "Catalog",
    "Picture",
    "Shown",
    "Task",
    "picture",
    "picture_task",
    "task",
]

TASKS: dict[str, Callable[[str, Catalog], Task]] = world.TASKS | texts.TASKS | packs.TASKS
PUBLISHED = published.PUBLISHED


def task(name: str, catalog: Catalog) -> Task:
    """The named task on this data. Raises SettingsError for a name that does not exist and DataError where data is
    missing.
    """
    known = TASKS | PUBLISHED
    if name not in known:
        raise SettingsError(f"There is no task {name!r}. Choose {', '.join(known)}.")
    return known[name](name, catalog)
