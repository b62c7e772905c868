"""Sets of people: identities x views as upright pictures (size / 2 wide, size high) with all that is known of each.

A set is a folder: `<label>/<label>-<view>.webp`, `set.json` (the plan) and `items.jsonl`, one line per picture, which
is written last (see `retrieval.world.sets`). A line:

    id          "person-0012-1"
    path        relative to the folder
    label       the identity, "person-0012"; no identity is in both domains
    domain      "studio" or "street"
    caption     the first of `captions`
    captions    two different texts, true of this view
    split       "train", "validation" or "test"; depends on the label alone (`identity.split_of`)
    identity    the person's attributes: body, skin, hair, garments with kind, colour word and pattern
    view        number, views, walks, arms, gesture angles, azimuth ("front" is 0, 90 the left side)
    seed, size  the view's seed; the picture's height in pixels
    camera, light, stage    as in the world's other sets; `stage.weather` names the street's light
    style       the finish's own choices (blur, noise, ...)
    box         of the visible person: centre x, centre y, width, height as fractions of the upright picture
    parts       [{"phrase": "red jacket", "slot": "coat", "share": 0.08, "box": [...]}]: what is seen, head to foot;
                share is the fraction of the picture's pixels
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.errors import SettingsError
from retrieval.types import Progress
from retrieval.world.people.captions import two_captions
from retrieval.world.people.domains import DOMAINS, STUDIO
from retrieval.world.people.finish import FINISHES
from retrieval.world.people.identity import MOST, STREET_FIRST, sample_identity
from retrieval.world.people.seen import mask_of, seen, shares
from retrieval.world.people.views import View, sample_view
from retrieval.world.render import Buffers, render
from retrieval.world.scene import stable_seed
from retrieval.world.sets import box_of, finish_set, record_of

FORMAT = 1
SAMPLES = 6  # light paths per pixel; the denoiser does the rest
WEBP = 88  # Pillow's quality


@dataclass(frozen=True)
class PeoplePlan:
    """What a set contains. It is written to `set.json` before the first picture; a folder never changes its plan."""

    domain: str
    seed: int
    identities: int
    views: int
    size: int
    format: int = FORMAT


@dataclass(frozen=True)
class PersonTask:
    """One person to be rendered from all sides."""

    number: int
    plan: PeoplePlan

    @property
    def name(self) -> str:
        """The person's label."""
        return f"person-{self.number:04d}"


def render_people(
    out: Path,
    *,
    domain: str,
    identities: int,
    views: int = 3,
    size: int = 128,
    seed: int = 0,
    workers: int | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Make the set in folder `out`, or finish it, and return the path of its `items.jsonl`.

    size: the pictures' height in pixels, a multiple of 4. workers: processes; None = one per core. Progress counts
    people, each in all views.
    """
    plan = _plan(domain, seed, identities, views, size)
    first = 0 if domain == STUDIO else STREET_FIRST
    tasks = [PersonTask(number, plan) for number in range(first, first + identities)]
    return finish_set(out, plan, tasks, _render_person, workers, on_progress)


def _plan(domain: str, seed: int, identities: int, views: int, size: int) -> PeoplePlan:
    """The checked settings of a set."""
    if domain not in DOMAINS:
        raise SettingsError(
            f"People cannot be rendered for the domain {domain!r}. Choose one of: {', '.join(DOMAINS)}."
        )
    most = STREET_FIRST if domain == STUDIO else MOST - STREET_FIRST
    if not 1 <= identities <= most or views < 1:
        raise SettingsError(f"A set has 1 to {most} identities of at least 1 view, not {identities} of {views}.")
    if size % 4 or not 32 <= size <= 1024:
        raise SettingsError(f"The height of the pictures is a multiple of 4 from 32 to 1024 pixels, not {size}.")
    return PeoplePlan(domain, seed, identities, views, size)


def _render_person(out: Path, task: PersonTask) -> str:
    """Render one person in all views, write pictures and record, and return the person's label."""
    plan = task.plan
    person = sample_identity(plan.seed, task.number)
    folder = out / person.label
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(plan.views):
        view = sample_view(person, plan.domain, plan.seed, number, plan.views)
        buffers = render(view.scene, plan.size, SAMPLES, upright=True)
        rng = np.random.default_rng(stable_seed("people finish", view.scene.seed))
        drawing = FINISHES[plan.domain](buffers, rng)
        path = folder / f"{person.label}-{number}.webp"
        drawing.image.save(path, quality=WEBP, method=5)
        head = {"id": path.stem, "path": path.relative_to(out).as_posix(), "label": person.label}
        lines.append(head | _facts(view, buffers, plan, number) | {"style": drawing.params})
    record_of(out, task.name).write_text(json.dumps(lines))
    return task.name


def _facts(view: View, buffers: Buffers, plan: PeoplePlan, number: int) -> dict[str, Any]:
    """All that is known of a picture, ready for JSON."""
    share = shares(buffers, view)
    things = seen(view, share)
    captions = two_captions(view, things, np.random.default_rng(stable_seed("people words", view.scene.seed)))
    parts = [
        {
            "phrase": thing.wordings[0],
            "slot": thing.slot,
            "share": round(sum(share.get(name, 0.0) for name in thing.names), 5),
            "box": box_of(mask_of(buffers, view, thing.names)),
        }
        for thing in things
    ]
    scene = view.scene
    return {
        "domain": view.domain,
        "caption": captions[0],
        "captions": captions,
        "split": view.person.split,
        "identity": view.person.told(),
        "view": {"number": number, "views": plan.views, "walks": view.gesture.walks}
        | {key: round(v, 3) if isinstance(v, float) else v for key, v in asdict(view.gesture).items()},
        "seed": scene.seed,
        "size": plan.size,
        "camera": _rounded(scene.camera, ("azimuth", "elevation", "distance", "fov", "aperture")),
        "light": _rounded(scene.light, ("azimuth", "elevation", "softness", "sun_share", "exposure")),
        "stage": {"place": scene.stage.place, "ground": scene.stage.ground, "weather": view.weather},
        "box": box_of(mask_of(buffers, view, buffers.names[: view.own])),
        "parts": parts,
    }


def _rounded(thing: object, keys: tuple[str, ...]) -> dict[str, float]:
    return {key: round(getattr(thing, key), 3) for key in keys}
