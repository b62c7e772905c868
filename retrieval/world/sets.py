"""Sets of rendered pictures: every class, several objects, each object in every style, with all that is known of it.

A set is a folder: `<class>/<object>-<style>.webp` and `items.jsonl`, one line per picture. The listing is written last:
where it exists, the set is complete. Until then every finished scene leaves a record under `records/`, so that an
interrupted run goes on where it stopped. The same settings give the same set, whatever the number of processes; the
purpose is part of every seed, so no training object ever appears in the gallery.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from retrieval.errors import DataError, SettingsError
from retrieval.files import write_text
from retrieval.items import ITEMS
from retrieval.threads import cores
from retrieval.types import Progress, no_progress
from retrieval.world.captions import caption
from retrieval.world.objects import CLASSES
from retrieval.world.render import Buffers, render, use_threads
from retrieval.world.scene import Scene, object_class, sample_scene, stable_seed
from retrieval.world.styles import STYLES

FORMAT = 1
SMALLEST_PART = 0.0004  # of the picture; smaller parts get no box


@dataclass(frozen=True)
class Quality:
    """samples: light paths per pixel of the photo; webp: Pillow's quality in 0..100."""

    samples: int
    webp: int


PURPOSES: dict[str, Quality] = {
    "gallery": Quality(samples=25, webp=86),
    "training": Quality(samples=12, webp=92),
    "validation": Quality(samples=12, webp=92),
}


class Named(Protocol):
    """A piece of work whose name is unique in its set."""

    @property
    def name(self) -> str: ...


class DataclassInstance(Protocol):
    """A plan: any dataclass of plain values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


AnyTask = TypeVar("AnyTask", bound=Named)


@dataclass(frozen=True)
class Plan:
    """What a set contains. It is written to `set.json` before the first picture; a folder never changes its plan."""

    purpose: str
    seed: int
    per_class: int
    size: int
    classes: tuple[str, ...]
    styles: tuple[str, ...]
    format: int = FORMAT


@dataclass(frozen=True)
class Task:
    """One object to be rendered in all styles."""

    label: str
    number: int
    plan: Plan

    @property
    def name(self) -> str:
        """Such as "palm-tree-007"."""
        return f"{self.label.replace(' ', '-')}-{self.number:03d}"

    @property
    def seed(self) -> int:
        """The object's own seed."""
        return stable_seed(self.plan.purpose, self.plan.seed, self.label, self.number)


def render_set(
    out: Path,
    *,
    purpose: str,
    seed: int,
    per_class: int,
    size: int,
    classes: Sequence[str] | None = None,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Make the set in folder `out`, or finish it, and return the path of its `items.jsonl`.

    size: pixels a side. workers: processes; None = one per core. Progress counts scenes, each in every style.
    """
    plan = _plan(purpose, seed, per_class, size, classes)
    tasks = [Task(label, number, plan) for number in range(per_class) for label in plan.classes]
    return finish_set(out, plan, tasks, _render_task, workers, on_progress)


def finish_set(
    out: Path,
    plan: DataclassInstance,
    tasks: Sequence[AnyTask],
    work: Callable[[Path, AnyTask], str],
    workers: int | None,
    on_progress: Progress | None,
) -> Path:
    """Do the tasks that have no record yet, list everything in `items.jsonl` once all are done, and return its path.

    work: makes the pictures of a task, leaves its lines in `record_of`, and returns its name; must be picklable.
    """
    listing = out / ITEMS
    _claim(out, plan)
    if listing.exists():
        return listing
    waiting = [task for task in tasks if not record_of(out, task.name).exists()]
    report, done = on_progress or no_progress, len(tasks) - len(waiting)
    report(done, len(tasks))
    for _ in _finished(out, waiting, work, workers or cores()):
        done += 1
        report(done, len(tasks))
    lines = [line for task in tasks for line in json.loads(record_of(out, task.name).read_text())]
    write_text(listing, "".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(out / "records")
    return listing


def contact_sheet(folder: Path, out: Path, per_class: int = 2, cell: int = 128) -> Path:
    """A PNG of the set in `folder`: a row per class, for each of its first objects every style. Returns `out`."""
    listing = folder / ITEMS
    if not listing.exists():
        raise DataError(
            f"{folder} holds no finished set: {listing.name} is missing. Render it first, or let the rendering finish."
        )
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in listing.read_text().splitlines():
        item = json.loads(line)
        rows.setdefault(item["label"], []).append(item)
    columns = per_class * len({item["domain"] for items in rows.values() for item in items})
    margin = cell
    sheet = Image.new("RGB", (margin + columns * cell, len(rows) * cell), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=cell / 7)
    for row, (label, items) in enumerate(rows.items()):
        pen.text((cell / 16, (row + 0.5) * cell), label, fill="black", font=font, anchor="lm")
        for column, item in enumerate(items[:columns]):
            with Image.open(folder / item["path"]) as picture:
                sheet.paste(
                    picture.convert("RGB").resize((cell, cell), Image.Resampling.LANCZOS),
                    (margin + column * cell, row * cell),
                )
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out)
    return out


def _plan(purpose: str, seed: int, per_class: int, size: int, classes: Sequence[str] | None) -> Plan:
    """The checked settings of a set."""
    if purpose not in PURPOSES:
        raise SettingsError(f"A set cannot be made for {purpose!r}. Choose one of: {', '.join(PURPOSES)}.")
    if per_class < 1 or not 16 <= size <= 1024:
        raise SettingsError(
            f"A set needs at least 1 object per class and 16 to 1024 pixels, not {per_class} objects of {size} pixels."
        )
    labels = tuple(object_class(label).name for label in (classes if classes is not None else sorted(CLASSES)))
    return Plan(purpose, seed, per_class, size, labels, tuple(STYLES))


def _claim(out: Path, plan: DataclassInstance) -> None:
    """Write the plan into the folder, or make sure that the folder already has this plan."""
    path = out / "set.json"
    wanted = json.loads(json.dumps(asdict(plan)))
    if path.exists():
        found = json.loads(path.read_text())
        other = [
            f"{key} {found.get(key)!r} instead of {wanted[key]!r}" for key in wanted if found.get(key) != wanted[key]
        ]
        if other:
            raise DataError(
                f"{out} already holds another set ({'; '.join(other)}). Choose another folder, or remove this one."
            )
        return
    (out / "records").mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(wanted, indent=1) + "\n")


def record_of(out: Path, name: str) -> Path:
    """Where the finished task of that name leaves its lines."""
    return out / "records" / f"{name}.json"


def _finished(out: Path, tasks: Sequence[AnyTask], work: Callable[[Path, AnyTask], str], workers: int) -> Iterator[str]:
    """Do the tasks, and yield the name of each as it is finished; one worker stays in this process."""
    if workers == 1 or len(tasks) < 2:
        use_threads(1)
        for task in tasks:
            yield work(out, task)
        return
    with _quiet_threads():
        context = multiprocessing.get_context("spawn")  # a fork would copy this process' threads in an unknown state
        pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=context, initializer=use_threads, initargs=(1,))
        try:
            for future in as_completed([pool.submit(work, out, task) for task in tasks]):
                yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _quiet_threads() -> Iterator[None]:
    """While the workers start, ask numerical libraries for one thread each: the processes already fill the cores."""
    wanted = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = {key: os.environ.get(key) for key in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _render_task(out: Path, task: Task) -> str:
    """Render one object in every style, write pictures and record, and return the object's name."""
    quality = PURPOSES[task.plan.purpose]
    scene = sample_scene(task.label, task.seed)
    buffers = render(scene, task.plan.size, quality.samples)
    facts = _scene_facts(scene, buffers)
    folder = out / task.label.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for domain in task.plan.styles:
        rng = np.random.default_rng(stable_seed("style", domain, task.seed))  # own stream: a new style changes no other
        drawing = STYLES[domain](buffers, rng)
        path = folder / f"{task.name}-{domain}.webp"
        drawing.image.save(path, quality=quality.webp, method=5)
        words = caption(
            rng,
            domain,
            task.label,
            next(iter(scene.colors.values()), ""),
            ground=scene.stage.ground,
            synonyms=object_class(task.label).synonyms,
        )
        head = {
            "id": path.stem,
            "path": path.relative_to(out).as_posix(),
            "label": task.label,
            "domain": domain,
            "caption": words,
        }
        lines.append(
            head | {"object": task.name, "seed": task.seed, "size": task.plan.size, "style": drawing.params} | facts
        )
    write_text(record_of(out, task.name), json.dumps(lines))
    return task.name


def _scene_facts(scene: Scene, buffers: Buffers) -> dict[str, Any]:
    """What all pictures of a scene share, ready for JSON. Boxes are (centre x, centre y, width, height) in [0, 1]."""
    camera, light = scene.camera, scene.light
    return {
        "colors": scene.colors,
        "shape": scene.values,
        "camera": {
            key: round(getattr(camera, key), 3) for key in ("azimuth", "elevation", "distance", "fov", "aperture")
        },
        "light": {
            key: round(getattr(light, key), 3) for key in ("azimuth", "elevation", "softness", "sun_share", "exposure")
        },
        "stage": {"place": scene.stage.place, "ground": scene.stage.ground},
        "box": box_of(buffers.mask),
        "parts": [
            {"phrase": part.name, "color": part.material.color.name, "box": box_of(buffers.part == place)}
            for place, part in enumerate(scene.parts)
            if (buffers.part == place).mean() >= SMALLEST_PART
        ],
    }


def box_of(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[float]:
    """The box around the true pixels (H, W): centre x, centre y, width, height as fractions of the picture.

    >>> box_of(np.array([[False, True], [False, True]]))
    [0.75, 0.5, 0.5, 1.0]
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    top, bottom, left, right = rows[0] / height, (rows[-1] + 1) / height, columns[0] / width, (columns[-1] + 1) / width
    return [round(float(v), 4) for v in ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)]
