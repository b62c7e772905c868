"""Takes the grain out of a path-traced picture, guided by what the renderer knows about each pixel.

Edge-avoiding wavelets (Dammertz et al., "Edge-Avoiding A-Trous Wavelet Transform for Fast Global Illumination
Filtering", HPG 2010): the light is divided by the surface's colour, smoothed where normal, depth and light agree, and
multiplied back.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Array = npt.NDArray[np.float64]

KERNEL = {-2: 1 / 16, -1: 1 / 4, 0: 3 / 8, 1: 1 / 4, 2: 1 / 16}  # the B3 spline
LEVELS = 3


def denoised(light: Array, guides: Array) -> Array:
    """Smooth linear light (H, W, 3); guides (H, W, 7) = albedo 3, shading normal 3, depth 1, means over each pixel."""
    albedo, light = guides[..., :3], _without_sparks(light)
    lit = albedo.max(axis=-1, keepdims=True) > 0.01
    surface = np.where(lit, albedo + 0.01, 1.0)  # sky and glass keep their own light
    facts = np.concatenate([albedo / 0.10, guides[..., 3:6] / 0.30, np.log1p(guides[..., 6:]) / 0.03], axis=-1)
    smooth = light / surface
    for level in range(LEVELS):
        smooth = _smoothed(smooth, facts, step=2**level, tolerance=0.8 / 2**level)
    return smooth * surface


def _without_sparks(light: Array) -> Array:
    """The light with single pixels that outshine all their neighbours dimmed: rare paths that hit the sun."""
    brightness = light.mean(axis=-1)
    limit = 1.3 * ndimage.rank_filter(brightness, -2, size=3)  # the second brightest of each 3 x 3 pixels
    return light * np.minimum(1.0, limit / np.maximum(brightness, 1e-6))[..., None]


def _smoothed(light: Array, facts: Array, step: int, tolerance: float) -> Array:
    """One level: a 5 x 5 mean with holes of `step` pixels, weighted by likeness; `tolerance` is for log light."""
    height, width = light.shape[:2]
    reach = 2 * step
    brightness = np.log(light.mean(axis=-1, keepdims=True) + 0.05) / tolerance
    stack = np.concatenate([light, facts, brightness], axis=-1)
    wide = np.pad(stack, ((reach, reach), (reach, reach), (0, 0)), mode="edge")
    total, weights = np.zeros_like(light), np.zeros((*light.shape[:2], 1))
    for dy, wy in KERNEL.items():
        for dx, wx in KERNEL.items():
            other = wide[reach + dy * step :, reach + dx * step :][:height, :width]
            gap = ((other[..., 3:] - stack[..., 3:]) ** 2).sum(axis=-1, keepdims=True)
            weight = wy * wx * np.exp(-gap / 2)
            total += weight * other[..., :3]
            weights += weight
    smooth: Array = total / weights
    return smooth
