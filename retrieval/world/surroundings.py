"""Ground, wall and sky of a scene, as plain arrays: `render` hands them to the path tracer, nothing here knows how.

A new floor is one function in `PATTERNS`. Textures tile seamlessly and are sRGB in [0, 1]; the sky is linear radiance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import trimesh
from scipy import ndimage

from retrieval.world.palette import Rgb
from retrieval.world.scene import Camera, Light, Stage, direction

Array = npt.NDArray[np.float64]
TEXELS = 256
SKY_ROWS = 96


def linear(color: Array | Rgb) -> Array:
    """sRGB in [0, 1] -> linear light."""
    c = np.asarray(color, float)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def display(light: Array) -> Array:
    """Linear light -> sRGB in [0, 1]."""
    c = np.clip(light, 0.0, 1.0)
    return np.where(c <= 0.0031308, c * 12.92, 1.055 * c ** (1 / 2.4) - 0.055)


def cloud(rng: np.random.Generator, shape: tuple[int, int], grain: float | tuple[float, float]) -> Array:
    """Smooth noise that tiles, mean 0 and standard deviation 1; `grain` is its feature size in texels. -> shape"""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), grain, mode="wrap")
    spread: Array = (noise - noise.mean()) / max(float(noise.std()), 1e-9)
    return spread


def ground_texture(stage: Stage) -> tuple[Array, float]:
    """The floor's pattern (TEXELS, TEXELS, 3) sRGB, and the side of one repeat in world units."""
    rng = np.random.default_rng(stage.seed)
    tint, side = PATTERNS[stage.ground](rng)  # (TEXELS, TEXELS) brightness around 1
    return np.clip(np.array(stage.ground_color) * tint[..., None], 0.0, 1.0), side * stage.pattern_size


def _plain(rng: np.random.Generator) -> tuple[Array, float]:
    return 1 + 0.012 * cloud(rng, (TEXELS, TEXELS), 6), 4.0


def _planks(rng: np.random.Generator) -> tuple[Array, float]:
    """Eight boards side by side, each with its own tone, long grain and one joint."""
    row, column = np.mgrid[0:TEXELS, 0:TEXELS]
    width = TEXELS // 8
    board = row // width
    grain = 0.07 * cloud(rng, (TEXELS, TEXELS), (1.0, 24)) + 0.03 * cloud(rng, (TEXELS, TEXELS), (0.6, 8))
    tint = 1 + rng.uniform(-0.13, 0.13, 8)[board] + grain
    seam = (row % width == 0) | (np.abs(column - rng.integers(0, TEXELS, 8)[board]) < 1)
    return np.where(seam, tint * 0.55, tint), 3.2


def _tiles(rng: np.random.Generator) -> tuple[Array, float]:
    """Four by four square tiles with pale joints."""
    row, column = np.mgrid[0:TEXELS, 0:TEXELS]
    width = TEXELS // 4
    tone = rng.uniform(-0.06, 0.06, (4, 4))[row // width, column // width]
    joint = (row % width < 3) | (column % width < 3)
    return np.where(joint, 0.78, 1 + tone + 0.02 * cloud(rng, (TEXELS, TEXELS), 4)), 3.0


def _checker(rng: np.random.Generator) -> tuple[Array, float]:
    """A two-tone checkerboard, two by two fields per repeat."""
    row, column = np.mgrid[0:TEXELS, 0:TEXELS] // (TEXELS // 2)
    low = rng.uniform(0.55, 0.82)
    return np.where((row + column) % 2 == 0, 1.05, low) + 0.015 * cloud(rng, (TEXELS, TEXELS), 3), 1.5


def _fabric(rng: np.random.Generator) -> tuple[Array, float]:
    """A woven rug with broad stripes."""
    row, column = np.mgrid[0:TEXELS, 0:TEXELS]
    stripes = 0.12 * np.sign(np.sin(row * (2 * np.pi * int(rng.integers(2, 5)) / TEXELS)))
    weave = 0.05 * np.sin(row * np.pi / 2) * np.sin(column * np.pi / 2)
    return 1 + stripes + weave + 0.04 * cloud(rng, (TEXELS, TEXELS), 1), 2.6


def _grass(rng: np.random.Generator) -> tuple[Array, float]:
    blades = 0.16 * cloud(rng, (TEXELS, TEXELS), (2.2, 0.7)) + 0.10 * cloud(rng, (TEXELS, TEXELS), 5)
    return 1 + blades + 0.10 * cloud(rng, (TEXELS, TEXELS), 28), 3.0


def _sand(rng: np.random.Generator) -> tuple[Array, float]:
    return 1 + 0.045 * cloud(rng, (TEXELS, TEXELS), 0.7) + 0.05 * cloud(rng, (TEXELS, TEXELS), (5, 14)), 3.4


def _paving(rng: np.random.Generator) -> tuple[Array, float]:
    """Stones in rows, each row shifted by half a stone."""
    row, column = np.mgrid[0:TEXELS, 0:TEXELS]
    height, width = TEXELS // 8, TEXELS // 4
    line = row // height
    shifted = (column + (line % 2) * width // 2) % TEXELS
    tone = rng.uniform(-0.12, 0.12, (8, 4))[line, shifted // width]
    joint = (row % height < 3) | (shifted % width < 3)
    return np.where(joint, 0.62, 1 + tone) + 0.05 * cloud(rng, (TEXELS, TEXELS), 1), 3.2


PATTERNS: dict[str, Callable[[np.random.Generator], tuple[Array, float]]] = {
    "plain": _plain,
    "planks": _planks,
    "tiles": _tiles,
    "checker": _checker,
    "fabric": _fabric,
    "grass": _grass,
    "sand": _sand,
    "paving": _paving,
}


def wall_mesh(stage: Stage, camera: Camera) -> trimesh.Trimesh | None:
    """The wall behind the object; in the studio a paper sweep that curves into the floor. None outdoors."""
    if stage.place == "outdoors":
        return None
    bend = 1.4 if stage.place == "studio" else 0.0
    turn = camera.azimuth + (0.0 if stage.place == "studio" else stage.turn)
    away, along = -direction(turn, 0.0), direction(turn + 90.0, 0.0)
    angles = np.linspace(-np.pi / 2, 0.0, 13 if bend else 1)
    start = stage.wall_distance + 1.0
    profile = [(start + bend * np.cos(a), bend * (1 + np.sin(a)) - 0.004) for a in angles]  # (distance, z)
    profile.append((profile[-1][0], 9.0))
    rows = np.array([away * d + (0.0, 0.0, z) + along * s for d, z in profile for s in (-20.0, 20.0)])
    corner = 2 * np.arange(len(profile) - 1)
    faces = np.concatenate(
        [np.stack([corner, corner + 1, corner + 2], 1), np.stack([corner + 1, corner + 3, corner + 2], 1)]
    )
    return trimesh.Trimesh(rows, faces, process=False)


def sky_map(light: Light, stage: Stage) -> Array:
    """Radiance from every direction; a surface that faces the sun receives about pi * exposure in all.

    Column u of row v looks along (sin t sin p, sin t cos p, cos t), t = pi v, p = 2 pi u. -> (SKY_ROWS, 2 SKY_ROWS, 3)
    """
    t = (np.arange(SKY_ROWS) + 0.5) / SKY_ROWS * np.pi
    p = (np.arange(2 * SKY_ROWS) + 0.5) / SKY_ROWS * np.pi
    sine, cosine = np.sin(t)[:, None], np.cos(t)[:, None]
    height = np.clip(cosine, 0.0, 1.0)[..., None] ** 0.6  # (rows, 1, 1)
    sky = np.array(light.horizon) * (1 - height) + np.array(light.zenith) * height
    sky = np.repeat(sky, 2 * SKY_ROWS, axis=1) * (1.0 - light.sun_share) / 0.80
    if stage.place == "outdoors":
        sky = _with_horizon(sky, np.random.default_rng(stage.seed + 1), t, stage)
    toward = direction(light.azimuth, light.elevation)
    facing = sine * np.sin(p) * toward[0] + sine * np.cos(p) * toward[1] + cosine * toward[2]  # cosine to the sun
    disc = np.exp((facing - 1.0) / (np.radians(light.softness) ** 2 / 2))
    power = float((disc * sine * np.clip(facing, 0.0, None)).sum()) * (np.pi / SKY_ROWS) ** 2
    return light.exposure * (sky + disc[..., None] * np.array(light.sun) * (light.sun_share * np.pi / power))


def _with_horizon(sky: Array, rng: np.random.Generator, t: Array, stage: Stage) -> Array:
    """The sky with distant hills or trees, as soft as a lens would leave them."""
    columns = sky.shape[1]
    ridge = np.radians(
        4.0 + 2.5 * cloud(rng, (1, columns), (0.0, 7.0))[0] + 1.2 * cloud(rng, (1, columns), (0.0, 2.0))[0]
    )
    rise = np.pi / 2 - t[:, None]  # elevation of each row
    cover = np.clip((ridge[None, :] - rise) / np.radians(2.5) + 0.5, 0.0, 1.0) * rng.choice([0.0, 0.7, 0.9])
    hills = linear((0.30, 0.40, 0.36)) * (1 + 0.25 * cloud(rng, sky.shape[:2], 2.0)[..., None]) + 0.08
    ground = linear(stage.ground_color) * 0.8
    sky = sky * (1 - cover[..., None]) + hills * cover[..., None]
    below = np.clip(-rise / np.radians(3.0), 0.0, 1.0)[..., None]
    mixed: Array = sky * (1 - below) + ground * below
    return mixed
