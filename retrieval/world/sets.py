"""Sets of rendered pictures: every class, several objects, each object in every style, with all that is known of it.

A set is a folder: `<class>/<object>-<style>.webp`, `<class>/<object>-mask.png`, `set.json` (the plan) and
`items.jsonl`, one line per picture. The listing is written last: where it exists, the set is complete. Until then every
finished scene leaves a record under `records/`, so that an interrupted run goes on where it stopped. The same settings
give the same set, whatever the number of processes; the purpose is part of every seed, so no training object ever
appears in the gallery. A line:

    id          "palm-tree-007-photo"
    path        relative to the folder
    label       the class, one of the 64 in `split`
    domain      the style
    caption     true words about this picture
    object      "palm-tree-007": the scene, shared by its pictures in all styles
    split       the class is "seen", "val_unseen" or "test_unseen" in zero-shot protocols (`split.SPLIT`)
    seed, size  the scene's seed; pixels a side
    style       the style's own choices
    colors      what was coloured freely -> colour word; the first names the object
    shape       the class' free shape parameters
    camera      azimuth (0 = front, 90 = its left side) and elevation in degrees, distance and aperture in world units,
                fov in degrees
    light       azimuth, elevation and softness of the sun in degrees, its share of the light, exposure
    stage       place and ground
    mask        path of a black and white PNG of the picture's size: where the object is
    box         of the object: centre x, centre y, width, height as fractions of the picture
    parts       [{"phrase": "wheel", "color": "black", "box": [...]}]: what is visible, one box for all parts of a name
                and colour
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
from PIL import Image

from retrieval.errors import DataError, SettingsError
from retrieval.files import write_text
from retrieval.items import ITEMS
from retrieval.threads import cores
from retrieval.types import Progress, no_progress
from retrieval.world.captions import caption
from retrieval.world.objects import CLASSES
from retrieval.world.render import Buffers, render, use_threads
from retrieval.world.scene import Scene, object_class, sample_scene, stable_seed
from retrieval.world.split import SPLIT
from retrieval.world.styles import STYLES

FORMAT = 1
SMALLEST_PART = 0.0004  # of the picture; smaller parts get no box


@dataclass(frozen=True)
class Quality:
    """samples: light paths per pixel of the photo; webp: Pillow's quality in 0..100."""

    samples: int
    webp: int


PURPOSES: dict[str, Quality] = {
    "gallery": Quality(samples=9, webp=80),
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
    write_text(listing, "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines))
    shutil.rmtree(out / "records")
    return listing


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
    mask = folder / f"{task.name}-mask.png"
    mask_picture(buffers).save(mask, optimize=True)
    facts["mask"] = mask.relative_to(out).as_posix()
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
            head
            | {"object": task.name, "split": SPLIT[task.label], "seed": task.seed, "size": task.plan.size}
            | {"style": drawing.params}
            | facts
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
        "parts": _parts(scene, buffers),
    }


def _parts(scene: Scene, buffers: Buffers) -> list[dict[str, Any]]:
    """The visible parts: one entry for all that share name and colour word."""
    places: dict[tuple[str, str], list[int]] = {}
    for place, part in enumerate(scene.parts):
        places.setdefault((part.name, part.material.color.name), []).append(place)
    masks = {key: np.isin(buffers.part, found) for key, found in places.items()}
    return [
        {"phrase": phrase, "color": color, "box": box_of(mask)}
        for (phrase, color), mask in masks.items()
        if mask.mean() >= SMALLEST_PART
    ]


def mask_picture(buffers: Buffers) -> Image.Image:
    """Where the object is: white, at the size of the finished pictures, 1 bit per pixel."""
    whole = Image.fromarray(buffers.mask.astype(np.uint8) * 255)
    small = whole.resize((round(buffers.size * whole.width / whole.height), buffers.size), Image.Resampling.BOX)
    return small.point(lambda value: 255 if value >= 128 else 0).convert("1")


def box_of(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[float]:
    """The box around the true pixels (H, W): centre x, centre y, width, height as fractions of the picture.

    >>> box_of(np.array([[False, True], [False, True]]))
    [0.75, 0.5, 0.5, 1.0]
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    height, width = mask.shape
    top, bottom, left, right = rows[0] / height, (rows[-1] + 1) / height, columns[0] / width, (columns[-1] + 1) / width
    return [round(float(v), 4) for v in ((left + right) / 2, (top + bottom) / 2, right - left, bottom - top)]
