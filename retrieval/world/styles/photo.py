"""Photographs: the path-traced picture as a camera gives it, with grading, a lens' dark corners and film grain."""

from __future__ import annotations

import numpy as np

from retrieval.world.render import Buffers
from retrieval.world.styles.drawing import Drawing, noise, to_image


def draw(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """The scene as a photograph."""
    contrast, saturation = float(rng.uniform(0.0, 0.25)), float(rng.uniform(0.95, 1.25))
    warmth, vignette, grain = float(rng.normal(0, 0.025)), float(rng.uniform(0.0, 0.25)), float(rng.uniform(0.0, 0.012))
    side = buffers.size
    picture = buffers.photo.astype(float) * (1 + warmth, 1.0, 1 - warmth)
    picture += contrast * (picture * picture * (3 - 2 * picture) - picture)  # an S-curve that keeps black and white
    gray = picture.mean(axis=-1, keepdims=True)
    picture = gray + saturation * (picture - gray)
    y, x = (np.mgrid[0:side, 0:side] + 0.5) / side - 0.5
    picture *= 1 - vignette * (2 * (x * x + y * y))[..., None] ** 1.5
    picture += grain * noise(rng, side, 0.012)[..., None]
    params: dict[str, float | str] = {
        "contrast": round(contrast, 3),
        "saturation": round(saturation, 3),
        "warmth": round(warmth, 3),
        "vignette": round(vignette, 3),
        "grain": round(grain, 4),
    }
    return Drawing(to_image(picture, side), params)
