"""Protocols on real photographs of test splits: visitors' photos of the world's classes, and a folder of photos such as
anybody has, asked with names and with people's drawings.

Photos are those of the packs' test split, without those that a training pack holds too; their classes may have been
trained on, and a few have a twin in their own set's training split (docs/results/quality.md). A photo whose concept
nobody knows is in no gallery, for nobody can say to what it is relevant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from retrieval.data.picture_table import PictureTable, concatenate
from retrieval.data.readers.packs import duplicates, read_pack
from retrieval.data.readers.quickdraw import quickdraw, quickdraw_labels
from retrieval.data.readers.world import read_rendered
from retrieval.evaluation.tasks.base import IMAGE_METRICS, TEXT_METRICS, Catalog, Task, picture_task, same_class
from retrieval.evaluation.tasks.packs import SKETCHY, in_training
from retrieval.evaluation.tasks.texts import classes_in_words
from retrieval.types import PHOTO

CALTECH, DRAWINGS = "caltech101", "quickdraw345"
SMALL = "P@8 truncated"  # beside P@8, which cannot reach 1 where a concept has fewer than eight test photos


def photo_world(name: str, catalog: Catalog) -> Task:
    """Test photos of Sketchy and Caltech -> all pictures of the embedded gallery; relevant: same class."""
    gallery = read_rendered(catalog.gallery)
    classes = set(gallery.labels)
    packs = [_test_photos(pack, name, catalog, classes) for pack in (SKETCHY, CALTECH)]
    queries = concatenate([photos for photos, _ in packs])
    return picture_task(
        name,
        queries,
        gallery,
        same_class(queries, gallery),
        metrics=(*IMAGE_METRICS, "R@5"),  # whether the right class is in the top 5
        dropped=sum(dropped for _, dropped in packs),
    )


def caltech_text(name: str, catalog: Catalog) -> Task:
    """The names of Caltech's concepts in four wordings -> its test photos; relevant: same concept."""
    photos, dropped = _test_photos(CALTECH, name, catalog)
    return classes_in_words(name, photos, (*TEXT_METRICS, SMALL), dropped)


def caltech_sketch(name: str, catalog: Catalog) -> Task:
    """Held-out strokes of the concepts of Caltech's test photos -> those photos; relevant: same concept."""
    photos, dropped = _test_photos(CALTECH, name, catalog)
    strokes = catalog.pack(DRAWINGS, name)
    drawn = [label for label in quickdraw_labels(strokes) if label in photos.labels]
    queries = quickdraw(strokes, drawn, "test")
    metrics = (*IMAGE_METRICS, SMALL)
    return picture_task(name, queries, photos, same_class(queries, photos), metrics=metrics, dropped=dropped)


def _test_photos(
    pack: str, task: str, catalog: Catalog, labels: Collection[str] | None = None
) -> tuple[PictureTable, int]:
    """The pack's test photos of these concepts (None: of all), and how many were dropped as twins."""
    folder = catalog.pack(pack, task)
    photos = read_pack(folder, (PHOTO.name,), labels, split="test").where(lambda row: row.label != "")
    known = in_training(duplicates(folder.parent))
    kept = photos.where(lambda row: row.id not in known)
    return kept, len(photos) - len(kept)


TASKS: dict[str, Callable[[str, Catalog], Task]] = {
    "photo-world/all@1": photo_world,
    "caltech/text@1": caltech_text,
    "caltech/sketch@1": caltech_sketch,
}
