"""Anybody's labelled pictures as a protocol: FOLDER/DOMAIN/CLASS/*.png, the pictures of one domain asking for those of
another (or of their own, each without itself).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from retrieval.data.readers.folder import folder_items
from retrieval.encoder import Encoder
from retrieval.errors import SettingsError, UnreadableImage
from retrieval.evaluation.harness import Memory, Report, evaluate
from retrieval.evaluation.tasks import Picture, Task, picture, picture_task
from retrieval.evaluation.tasks.base import equal, same_class
from retrieval.types import Domain, Item

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


def folder_pictures(folder: Path, domains: Sequence[str]) -> list[list[Picture]]:
    """The pictures of each domain, with their classes. Raises SettingsError, which lists the domains that there are."""
    found: dict[str, list[Picture]] = {}
    for item in folder_items(folder):
        parts = Path(item.id).parts
        if len(parts) >= 3:
            domain, label = parts[0], parts[1].replace("_", " ")
            found.setdefault(domain, []).append(picture(Item(item.id, item.path, Domain(domain), label)))
    for name in domains:
        if name not in found:
            there = (
                f"It has {', '.join(sorted(found))}." if found else "It has none; they look like DOMAIN/CLASS/1.png."
            )
            raise SettingsError(f"{folder} has no pictures of the domain {name!r}. {there}")
    return [found[name] for name in domains]


def folder_task(queries: Sequence[Picture], gallery: Sequence[Picture]) -> Task:
    """Relevant is the same class. A picture that is in the gallery too is not considered for itself."""
    relevant = same_class(queries, gallery)
    itself = equal([p.key for p in queries], [p.key for p in gallery])
    considered = ~itself if itself.any() else None
    return picture_task("folder", queries, gallery, relevant, considered=considered, metrics=METRICS)


def evaluate_folder(encoder: Encoder, folder: Path, queries: str, gallery: str, say: Callable[[str], None]) -> Report:
    """The report on queries of one domain against a gallery of another; what had to be left out goes to `say`."""
    memory, unreadable = Memory(), set[str]()

    def skip(shown: Picture, error: UnreadableImage) -> None:
        unreadable.add(shown.key)
        say(f"skipped {shown.key}: {error}")

    asked, shown = folder_pictures(folder, (queries, gallery))
    for pictures in (asked, shown) if queries != gallery else (asked,):
        memory.embed(encoder, pictures, skip)
    readable = [[p for p in pictures if p.key not in unreadable] for pictures in (asked, shown)]
    task = folder_task(*readable)
    if task.left_out:
        say(f"{task.left_out} queries left out: no other picture of their class is in the gallery")
    report = evaluate(encoder, task, memory=memory)
    return replace(report, task=f"{folder.name}: {queries} -> {gallery}")
