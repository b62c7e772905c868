"""One picture of a person: gesture, camera, light and surroundings, in one of two domains.

"studio" is the clean source: an eye-level camera, soft neutral light, a plain backdrop. "street" is the target, and
differs as the two differ in life: seen from above, in dim coloured light, among things that may stand in the way.
`sample_view` is a pure function of the seeds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from retrieval.world import solids
from retrieval.world.model import Part
from retrieval.world.palette import Rgb
from retrieval.world.people.domains import STREET, STUDIO
from retrieval.world.people.figure import figure
from retrieval.world.people.identity import Identity
from retrieval.world.people.skeleton import Gesture, sample_gesture
from retrieval.world.people.street import clutter
from retrieval.world.scene import GROUND_COLORS, Camera, Light, Scene, Stage, framed, stable_seed

WORLD_SCALE = 1.12  # world units per metre
CROP = 0.5  # upright pictures show the middle half of the square frame
MARGIN = 0.03  # nothing of the person is nearer to the border, as a fraction of the height
PAVEMENTS: tuple[tuple[str, Rgb], ...] = (
    ("paving", (0.52, 0.52, 0.54)),
    ("paving", (0.60, 0.55, 0.48)),
    ("tiles", (0.50, 0.50, 0.50)),
    ("plain", (0.30, 0.31, 0.33)),
    ("plain", (0.44, 0.43, 0.42)),
    ("sand", (0.50, 0.46, 0.40)),
)
WEATHERS: dict[str, tuple[Rgb, Rgb, Rgb, float]] = {  # sun, zenith, horizon (linear), share of the sun
    "overcast": ((0.95, 1.0, 1.06), (0.62, 0.68, 0.78), (0.70, 0.75, 0.80), 0.22),
    "dusk": ((1.25, 0.86, 0.55), (0.38, 0.42, 0.70), (0.95, 0.66, 0.48), 0.55),
    "street lamps": ((1.35, 0.92, 0.45), (0.28, 0.28, 0.34), (0.42, 0.36, 0.30), 0.72),
    "neon": ((1.15, 0.62, 1.10), (0.25, 0.42, 0.66), (0.40, 0.46, 0.66), 0.55),
    "shade": ((0.80, 0.95, 1.15), (0.45, 0.58, 0.85), (0.55, 0.64, 0.80), 0.30),
}


@dataclass(frozen=True)
class View:
    """A scene whose first `own` parts are the person's; the rest is what stands around."""

    scene: Scene
    own: int
    person: Identity
    gesture: Gesture
    domain: str
    weather: str


def sample_view(person: Identity, domain: str, seed: int, view: int, views: int) -> View:
    """Picture number `view` of `views` of the person: always the same one. Azimuths spread around the person."""
    own_seed = stable_seed("people view", domain, seed, person.number, view)
    first = np.random.default_rng(stable_seed("people azimuth", domain, seed, person.number)).uniform(0, 360)
    rng = np.random.default_rng(own_seed)
    gesture = sample_gesture(rng, person)
    parts = [_scaled(part) for part in figure(person, gesture)]
    azimuth = float((first + 360 * view / views + rng.uniform(-30, 30)) % 360)
    weather, stage, light = (_studio if domain == STUDIO else _street)(rng, azimuth)
    camera = _camera(rng, domain, azimuth, parts)
    around = clutter(rng, azimuth) if domain == STREET else []
    scene = Scene(person.label, own_seed, (*parts, *around), {}, {}, camera, light, stage)
    return View(scene, len(parts), person, gesture, domain, weather)


def _scaled(part: Part) -> Part:
    """The part in world units."""
    return replace(part, mesh=solids.scaled(part.mesh, (WORLD_SCALE, WORLD_SCALE, WORLD_SCALE)))


def _camera(rng: np.random.Generator, domain: str, azimuth: float, parts: list[Part]) -> Camera:
    """A camera that has the whole person in the middle half of its frame, a little off-centre."""
    elevation = float(rng.uniform(1.0, 9.0) if domain == STUDIO else rng.uniform(20.0, 40.0))
    distance = float(rng.uniform(5.0, 8.0))
    points = np.concatenate([part.mesh.vertices[::3] for part in parts])  # enough to frame it
    start = Camera(azimuth, elevation, distance, 22.0, (0.0, 0.0, 1.0), float(rng.uniform(0.01, 0.05)))
    fill = float(rng.uniform(0.84, 0.93) if domain == STUDIO else rng.uniform(0.74, 0.92))
    flat = framed(start, points, fill, np.zeros(2)).project(points)
    wide, high = flat.max(axis=0) - flat.min(axis=0)
    fill *= min(1.0, (CROP - 2 * MARGIN) / wide)
    shrunk = min(1.0, (CROP - 2 * MARGIN) / wide)
    room = np.maximum(np.array([CROP - wide * shrunk, 1.0 - high * shrunk]) / 2 - MARGIN, 0.0)
    offset = rng.uniform(-1.0, 1.0, 2) * np.minimum(room, (0.04, 0.04))
    return framed(start, points, fill, offset)


def _studio(rng: np.random.Generator, azimuth: float) -> tuple[str, Stage, Light]:
    """Soft neutral light before a paper backdrop."""
    colors = GROUND_COLORS["plain"]
    color = _varied(rng, colors[int(rng.integers(len(colors)))])
    stage = Stage("studio", "plain", color, color, float(rng.uniform(1.2, 2.6)), 1.0, 0.0, int(rng.integers(2**31)))
    side = float(rng.choice([-1.0, 1.0]))
    light = Light(
        azimuth=azimuth + side * float(rng.uniform(15, 65)),
        elevation=float(rng.uniform(35, 60)),
        softness=float(rng.uniform(10, 20)),
        sun_share=float(rng.uniform(0.4, 0.62)),
        exposure=float(rng.uniform(1.15, 1.4)),
        sun=(1.0, 1.0, 1.0),
        zenith=(0.72, 0.73, 0.75),
        horizon=(0.86, 0.87, 0.88),
    )
    return "studio", stage, light


def _street(rng: np.random.Generator, azimuth: float) -> tuple[str, Stage, Light]:
    """Dim light of some weather, from anywhere, on a pavement."""
    ground, color = PAVEMENTS[int(rng.integers(len(PAVEMENTS)))]
    tone = _varied(rng, color)
    stage = Stage(
        "outdoors", ground, tone, tone, 3.0, float(rng.uniform(0.5, 0.9)), float(rng.uniform(-40, 40)),
        int(rng.integers(2**31)),
    )  # fmt: skip
    weather = list(WEATHERS)[int(rng.integers(len(WEATHERS)))]
    sun, zenith, horizon, share = WEATHERS[weather]
    light = Light(
        azimuth=azimuth + float(rng.uniform(-140, 140)),
        elevation=float(rng.uniform(25, 75)),
        softness=float(rng.uniform(3, 16)),
        sun_share=float(np.clip(share + rng.uniform(-0.1, 0.1), 0.1, 0.85)),
        exposure=float(rng.uniform(0.6, 1.05)),
        sun=sun,
        zenith=zenith,
        horizon=horizon,
    )
    return weather, stage, light


def _varied(rng: np.random.Generator, color: Rgb) -> Rgb:
    """The colour, a little lighter or darker and a little off in hue."""
    r, g, b = np.clip(np.array(color) * rng.uniform(0.85, 1.1) + rng.normal(0, 0.02, 3), 0.03, 0.95)
    return float(r), float(g), float(b)
