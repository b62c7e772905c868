"""A scene: one object of the world, posed and lit, with everything that a renderer needs and a record can name.

`sample_scene` is a pure function of (label, seed). It decides; `surroundings` paints ground and sky, `render` makes
pixels. World units: the object fits a sphere of radius 1 around its middle and rests on the plane z = 0. Angles are in
degrees.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import trimesh

from retrieval.errors import SettingsError
from retrieval.world.model import Draw, ObjectClass, Part
from retrieval.world.objects import CLASSES
from retrieval.world.palette import Rgb

Array = npt.NDArray[np.float64]
Point = tuple[float, float, float]

GROUNDS: dict[str, tuple[str, ...]] = {  # the floors that each kind of place may have
    "studio": ("plain",),
    "room": ("planks", "tiles", "checker", "fabric", "plain"),
    "outdoors": ("grass", "sand", "paving", "plain"),
}
GROUND_COLORS: dict[str, tuple[Rgb, ...]] = {  # sRGB in [0, 1]
    "plain": (
        (0.92, 0.90, 0.86),
        (0.66, 0.80, 0.88),
        (0.93, 0.74, 0.66),
        (0.70, 0.82, 0.66),
        (0.93, 0.84, 0.58),
        (0.78, 0.72, 0.86),
        (0.36, 0.42, 0.52),
        (0.58, 0.66, 0.70),
    ),
    "planks": ((0.74, 0.52, 0.32), (0.86, 0.70, 0.48), (0.50, 0.34, 0.23), (0.80, 0.76, 0.70)),
    "tiles": ((0.88, 0.86, 0.82), (0.62, 0.74, 0.78), (0.82, 0.56, 0.42), (0.44, 0.54, 0.60)),
    "checker": ((0.90, 0.88, 0.83), (0.70, 0.82, 0.88), (0.90, 0.76, 0.62), (0.74, 0.84, 0.70)),
    "fabric": ((0.74, 0.36, 0.32), (0.34, 0.48, 0.68), (0.86, 0.74, 0.50), (0.42, 0.60, 0.48)),
    "grass": ((0.40, 0.56, 0.20), (0.52, 0.64, 0.26), (0.32, 0.50, 0.24)),
    "sand": ((0.90, 0.78, 0.56), (0.82, 0.70, 0.52), (0.94, 0.88, 0.72)),
    "paving": ((0.68, 0.67, 0.64), (0.54, 0.56, 0.60), (0.78, 0.70, 0.60)),
}
WALL_COLORS: tuple[Rgb, ...] = (
    (0.92, 0.90, 0.84),
    (0.62, 0.76, 0.80),
    (0.90, 0.72, 0.60),
    (0.60, 0.72, 0.56),
    (0.76, 0.74, 0.84),
    (0.94, 0.84, 0.60),
    (0.38, 0.48, 0.60),
    (0.80, 0.52, 0.46),
)
DISTINCT = 0.38  # distance in sRGB between the object and what is behind it
SKIES: tuple[tuple[Rgb, Rgb], ...] = (  # (zenith, horizon), linear RGB before the light is scaled
    ((0.35, 0.55, 0.95), (0.80, 0.88, 1.00)),
    ((0.55, 0.66, 0.85), (0.95, 0.95, 0.95)),
    ((0.70, 0.72, 0.76), (0.86, 0.87, 0.90)),
    ((0.40, 0.50, 0.80), (1.00, 0.84, 0.66)),
)


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from.

    `fov` is the full angle of the square frame, `aperture` the lens radius in world units (0 = all sharp).
    """

    azimuth: float
    elevation: float
    distance: float
    fov: float
    target: Point
    aperture: float

    @property
    def origin(self) -> Point:
        """The eye, in world units."""
        x, y, z = np.array(self.target) + self.distance * direction(self.azimuth, self.elevation)
        return float(x), float(y), float(z)

    def frame(self) -> Array:
        """Rows right, up, towards the viewer: `frame @ v` is the camera's view of the world direction v. (3, 3)"""
        backward = direction(self.azimuth, self.elevation)
        right = np.cross((0.0, 0.0, 1.0), backward)
        right /= np.linalg.norm(right)
        return np.stack([right, np.cross(backward, right), backward])

    def project(self, points: Array) -> Array:
        """World points (N, 3) -> places in the picture (N, 2): x right, y down, the frame is [0, 1]."""
        local = (points - np.array(self.origin)) @ self.frame().T  # (N, 3)
        flat = local[:, :2] / (-local[:, 2:] * 2 * np.tan(np.radians(self.fov / 2)))
        return flat * (1.0, -1.0) + 0.5


@dataclass(frozen=True)
class Light:
    """Sun and sky. `sun_share` of the light comes from a sun of angular radius `softness`; `exposure` 1 is neutral."""

    azimuth: float
    elevation: float
    softness: float
    sun_share: float
    exposure: float
    sun: Rgb
    zenith: Rgb
    horizon: Rgb


@dataclass(frozen=True)
class Stage:
    """What surrounds the object: a floor and, indoors, a wall. Colours are sRGB; `turn` rotates pattern and wall."""

    place: str
    ground: str
    ground_color: Rgb
    wall_color: Rgb
    wall_distance: float
    pattern_size: float
    turn: float
    seed: int


@dataclass(frozen=True)
class Scene:
    """One object, ready to be rendered. `values` and `colors` are the choices that `model.Draw` noted."""

    label: str
    seed: int
    parts: tuple[Part, ...]
    values: dict[str, float | str]
    colors: dict[str, str]
    camera: Camera
    light: Light
    stage: Stage


def stable_seed(*words: str | int) -> int:
    """A number in [0, 2**63) that depends on the words alone: the same on every machine and in every process."""
    digest = hashlib.sha256("\x1f".join(str(word) for word in words).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def direction(azimuth: float, elevation: float) -> Array:
    """The unit vector that points there. (3,)"""
    a, e = np.radians(azimuth), np.radians(elevation)
    return np.array([np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), np.sin(e)])


def object_class(label: str) -> ObjectClass:
    """The class called `label`, or a SettingsError that names the nearest one."""
    if label in CLASSES:
        return CLASSES[label]
    near = difflib.get_close_matches(label, CLASSES, n=1, cutoff=0.0)
    raise SettingsError(
        f"The world has no class {label!r}. The nearest is {near[0]!r}; all: {', '.join(sorted(CLASSES))}."
    )


def sample_scene(label: str, seed: int) -> Scene:
    """The scene that belongs to (label, seed): always the same one."""
    kind = object_class(label)
    shape_rng, view_rng, light_rng, stage_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(stable_seed("scene", label, seed)).spawn(4)
    )
    draw = Draw(shape_rng)
    parts = _at_rest(kind.build(draw))
    camera = _sample_camera(view_rng, kind, parts)
    stage = _sample_stage(stage_rng, parts)
    light = _sample_light(light_rng, camera, stage)
    return Scene(label, seed, parts, draw.values, draw.colors, camera, light, stage)


def _at_rest(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts scaled together into the unit sphere, centred in the plane, lowest point on z = 0."""
    points = np.concatenate([part.mesh.vertices for part in parts])
    low, high = points.min(axis=0), points.max(axis=0)
    middle = (low + high) / 2
    scale = 1.0 / float(np.linalg.norm(points - middle, axis=1).max())
    offset = np.array([middle[0], middle[1], low[2]])
    return tuple(
        Part(p.name, trimesh.Trimesh((p.mesh.vertices - offset) * scale, p.mesh.faces, process=False), p.material)
        for p in parts
    )


def _sample_camera(rng: np.random.Generator, kind: ObjectClass, parts: Sequence[Part]) -> Camera:
    """A view from the class' plausible angles: the object fills 72-88 % of the picture and lies inside it."""
    low, high = kind.azimuths[int(rng.integers(len(kind.azimuths)))]
    points = np.concatenate([part.mesh.vertices for part in parts])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    start = Camera(
        azimuth=float(rng.uniform(low, high)),
        elevation=float(rng.uniform(*kind.elevations)),
        distance=float(rng.uniform(4.0, 7.0)),
        fov=30.0,
        target=(float(middle[0]), float(middle[1]), float(middle[2])),
        aperture=float(rng.uniform(0.02, 0.09)),
    )
    fill = float(rng.uniform(0.72, 0.88))
    room = (0.94 - fill) / 2  # off-centre, yet never nearer than 3 % to the border
    return framed(start, points, fill, rng.uniform(-room, room, 2))


def framed(camera: Camera, points: Array, fill: float, offset: Array) -> Camera:
    """The camera, turned and zoomed until the points' box is `fill` long and its middle lies at 0.5 + `offset`."""
    for _ in range(6):  # each step solves the flat problem; perspective leaves a remainder that shrinks about tenfold
        flat = camera.project(points)
        low, high = flat.min(axis=0), flat.max(axis=0)
        half = np.tan(np.radians(camera.fov / 2))
        zoom = float((high - low).max()) / fill
        miss = ((low + high) / 2 - 0.5 - offset * zoom) * 2 * half * camera.distance  # world units, x right, y down
        right, up, _ = camera.frame()
        x, y, z = np.array(camera.target) + right * miss[0] - up * miss[1]
        fov = float(np.degrees(2 * np.arctan(half * zoom)))
        camera = Camera(
            camera.azimuth, camera.elevation, camera.distance, fov, (float(x), float(y), float(z)), camera.aperture
        )
    return camera


def _sample_stage(rng: np.random.Generator, parts: Sequence[Part]) -> Stage:
    """A place whose floor and wall differ visibly in colour from the object's largest part."""
    largest = max(parts, key=lambda part: float(part.mesh.area)).material.color.rgb
    place = ("studio", "room", "outdoors")[int(rng.choice(3, p=[0.3, 0.35, 0.35]))]
    fitting = {ground: _apart(GROUND_COLORS[ground], largest) for ground in GROUNDS[place]}
    grounds = [ground for ground in GROUNDS[place] if fitting[ground]] or ["plain"]  # no green chair on grass
    ground = grounds[int(rng.integers(len(grounds)))]
    ground_color = _one_of(rng, fitting[ground] or GROUND_COLORS[ground])
    wall_color = ground_color if place == "studio" else _one_of(rng, _apart(WALL_COLORS, largest) or WALL_COLORS)
    return Stage(
        place=place,
        ground=ground,
        ground_color=_varied(rng, ground_color),
        wall_color=_varied(rng, wall_color),
        wall_distance=float(rng.uniform(1.6, 3.6)),
        pattern_size=float(rng.uniform(0.7, 1.3)),
        turn=float(rng.uniform(-28, 28)),
        seed=int(rng.integers(2**31)),
    )


def _apart(colors: Sequence[Rgb], other: Rgb) -> list[Rgb]:
    """The colours that can be told from `other` at a glance."""
    return [color for color in colors if float(np.linalg.norm(np.subtract(color, other))) >= DISTINCT]


def _one_of(rng: np.random.Generator, colors: Sequence[Rgb]) -> Rgb:
    """Any of the colours."""
    return colors[int(rng.integers(len(colors)))]


def _varied(rng: np.random.Generator, color: Rgb) -> Rgb:
    """The colour, a little lighter or darker and a little off in hue."""
    r, g, b = np.clip(np.array(color) * rng.uniform(0.88, 1.08) + rng.normal(0, 0.02, 3), 0.03, 0.95)
    return float(r), float(g), float(b)


def _sample_light(rng: np.random.Generator, camera: Camera, stage: Stage) -> Light:
    """Light from the viewer's side, so that form shows: the sun stands 15-85 degrees left or right of the camera."""
    side = float(rng.choice([-1.0, 1.0]))
    warmth = float(rng.uniform(-0.4, 1.0))
    zenith, horizon = SKIES[int(rng.integers(len(SKIES)))] if stage.place == "outdoors" else SKIES[2]
    soft_range = (2.5, 7.0) if stage.place == "outdoors" else (6.0, 16.0)
    return Light(
        azimuth=camera.azimuth + side * float(rng.uniform(15, 85)),
        elevation=float(rng.uniform(30, 65)),
        softness=float(rng.uniform(*soft_range)),
        sun_share=float(rng.uniform(0.45, 0.78)),
        exposure=float(rng.uniform(1.1, 1.4)),
        sun=(1.0 + 0.10 * warmth, 1.0, 1.0 - 0.22 * warmth),
        zenith=zenith,
        horizon=horizon,
    )
