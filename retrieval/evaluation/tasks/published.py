"""Protocols on published data sets in their official layouts: sketches of the unseen classes -> their photos.

Every picture of these classes takes part, as in the published lists, but each photo once: see
`data.readers.sketchy` for the twins in what others report. The data sets cannot be shipped, so nothing is measured on
them here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.sketchy import sketchy
from retrieval.data.readers.tuberlin import tuberlin
from retrieval.data.splits import SKETCHY_100_25, SKETCHY_104_21, TUBERLIN_220_30, ClassSplit
from retrieval.evaluation.tasks.base import IMAGE_METRICS, Catalog, Task, picture_task, same_class
from retrieval.types import PHOTO, SKETCH

METRICS = (*IMAGE_METRICS, "mAP@all VOC", "mAP@all macro", "P@100", "P@200")


def unseen_classes(name: str, catalog: Catalog, *, read: Callable[[Path], PictureTable], split: ClassSplit) -> Task:
    """Sketches of the unseen classes -> their photos; relevant: same class."""
    table = read(catalog.unpacked(name)).where(labels=split.unseen)
    return replace(sketches_to_photos(name, table, split.unseen, METRICS), problems=table.problems)


def sketches_to_photos(name: str, table: PictureTable, unseen: Sequence[str], metrics: tuple[str, ...]) -> Task:
    """The sketches of the table -> its photos; relevant: same class."""
    queries, gallery = (table.where(domain=domain) for domain in (SKETCH, PHOTO))
    return picture_task(name, queries, gallery, same_class(queries, gallery), unseen=unseen, metrics=metrics)


PUBLISHED: dict[str, Callable[[str, Catalog], Task]] = {
    "sketchy-ext/100-25@1": partial(unseen_classes, read=sketchy, split=SKETCHY_100_25),
    "sketchy-ext/104-21@1": partial(unseen_classes, read=sketchy, split=SKETCHY_104_21),
    "tuberlin-ext/220-30@1": partial(unseen_classes, read=tuberlin, split=TUBERLIN_220_30),
}
