"""Anybody's labelled pictures as a protocol: FOLDER/DOMAIN/CLASS/*.png, the pictures of one domain asking for those of
another (or of their own, each without itself).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from retrieval.data.picture_table import PictureTable, Row
from retrieval.data.readers.files import table_of
from retrieval.data.readers.folder import folder_items
from retrieval.encoder import Encoder
from retrieval.errors import SettingsError, UnreadableImage
from retrieval.evaluation.harness import Memory, Report, evaluate
from retrieval.evaluation.tasks import Task, picture_task
from retrieval.evaluation.tasks.base import equal, same_class
from retrieval.types import Item

METRICS = (
    "mAP@all",
    "mAP@all macro",
    "mAP@200 strict",
    "mAP@200 lenient",
    "P@1",
    "P@5",
    "P@15",
    "P@100 truncated",
    "R@1",
    "mINP",
)


def folder_tables(folder: Path, domains: Sequence[str]) -> list[PictureTable]:
    """The pictures of each domain, with their classes. Raises SettingsError, which lists the domains that there are."""
    by_domain: dict[str, list[Item]] = {}
    for item in folder_items(folder):
        if len(Path(item.id).parts) >= 3:  # a class in a domain
            by_domain.setdefault(item.domain.name, []).append(item)
    for name in domains:
        if name not in by_domain:
            there = (
                f"It has {', '.join(sorted(by_domain))}."
                if by_domain
                else "It has none; they look like DOMAIN/CLASS/1.png."
            )
            raise SettingsError(f"{folder} has no pictures of the domain {name!r}. {there}")
    return [table_of(by_domain[name]) for name in domains]


def folder_task(queries: PictureTable, gallery: PictureTable) -> Task:
    """Relevant is the same class. A picture that is in the gallery too is not considered for itself."""
    relevant = same_class(queries, gallery)
    itself = equal(queries.ids, gallery.ids)
    considered = ~itself if itself.any() else None
    return picture_task("folder", queries, gallery, relevant, considered=considered, metrics=METRICS)


def evaluate_folder(encoder: Encoder, folder: Path, queries: str, gallery: str, say: Callable[[str], None]) -> Report:
    """The report on queries of one domain against a gallery of another; what had to be left out goes to `say`."""
    memory, unreadable = Memory(), set[str]()

    def skip(row: Row, error: UnreadableImage) -> None:
        unreadable.add(row.id)
        say(f"skipped {folder / row.id}: {error}")

    asked, shown = folder_tables(folder, (queries, gallery))
    for table in (asked, shown) if queries != gallery else (asked,):
        memory.embed(encoder, table, skip)
    readable = [table.where(lambda row: row.id not in unreadable) for table in (asked, shown)]
    task = folder_task(*readable)
    if task.left_out:
        say(f"{task.left_out} queries left out: no other picture of their class is in the gallery")
    report = evaluate(encoder, task, memory=memory)
    return replace(report, task=f"{folder.name}: {queries} -> {gallery}")
