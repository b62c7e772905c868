"""From buffers to the picture: what the cameras of the two domains do to the light. Every choice is recorded."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from retrieval.world.people.domains import STREET, STUDIO
from retrieval.world.render import Buffers
from retrieval.world.styles.drawing import Array, Drawing, Style, to_image


def studio(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """A clean photograph, lightly graded."""
    contrast, saturation, grain = (
        float(rng.uniform(0.0, 0.2)),
        float(rng.uniform(0.95, 1.15)),
        float(rng.uniform(0, 0.006)),
    )
    picture = buffers.photo.astype(float)
    picture += contrast * (picture * picture * (3 - 2 * picture) - picture)
    gray = picture.mean(axis=-1, keepdims=True)
    picture = gray + saturation * (picture - gray) + grain * rng.normal(size=(*picture.shape[:2], 1))
    params: dict[str, float | str] = {
        "contrast": round(contrast, 3), "saturation": round(saturation, 3), "grain": round(grain, 4),
    }  # fmt: skip
    return Drawing(to_image(picture, picture.shape[0]), params)


def street(buffers: Buffers, rng: np.random.Generator) -> Drawing:
    """What a cheap camera far up keeps: few pixels, shaken or out of focus, noisy in the dark, packed hard."""
    blur = ("focus", "motion")[int(rng.integers(2))]
    reach = float(rng.uniform(0.0035, 0.011) if blur == "focus" else rng.uniform(0.010, 0.032))  # of the height
    angle, fewer = float(rng.uniform(-35, 35)), float(rng.uniform(0.40, 0.75))
    noise, chroma = float(rng.uniform(0.004, 0.020)), float(rng.uniform(0.3, 0.9))
    saturation, fog, packing = float(rng.uniform(0.65, 1.0)), float(rng.uniform(0.0, 0.07)), int(rng.integers(38, 80))
    picture = buffers.photo.astype(float)
    high, wide = picture.shape[:2]
    picture = _defocused(picture, reach * high) if blur == "focus" else _shaken(picture, reach * high, angle)
    picture = _resized(picture, max(8, round(wide * fewer)), max(16, round(high * fewer)))
    gray = picture.mean(axis=-1, keepdims=True)
    picture = fog + (1 - fog) * (gray + saturation * (picture - gray))
    grain = rng.normal(size=(*picture.shape[:2], 1)) + chroma * rng.normal(size=picture.shape)
    picture += noise * (0.6 + np.sqrt(np.clip(picture, 0, 1))) * grain
    picture = _packed(_resized(picture, wide, high), packing)
    params: dict[str, float | str] = {
        "blur": blur, "reach": round(reach, 4), "angle": round(angle, 1), "scale": round(fewer, 3),
        "noise": round(noise, 4), "chroma": round(chroma, 3), "saturation": round(saturation, 3),
        "fog": round(fog, 3), "packing": packing,
    }  # fmt: skip
    return Drawing(to_image(picture, high), params)


FINISHES: dict[str, Style] = {STUDIO: studio, STREET: street}


def _defocused(picture: Array, radius: float) -> Array:
    """The picture out of focus by a radius in pixels."""
    return np.asarray(ndimage.gaussian_filter(picture, (radius, radius, 0.0), mode="nearest"))


def _shaken(picture: Array, length: float, angle: float) -> Array:
    """The mean of the picture along a straight movement of so many pixels."""
    steps = np.linspace(-0.5, 0.5, max(3, int(np.ceil(2 * length)) | 1)) * length
    dy, dx = np.sin(np.radians(angle)), np.cos(np.radians(angle))
    shifted = [ndimage.shift(picture, (s * dy, s * dx, 0.0), order=1, mode="nearest") for s in steps]
    return np.asarray(np.mean(shifted, axis=0))


def _resized(picture: Array, wide: int, high: int) -> Array:
    """The picture (H, W, 3) in another size, free of aliasing."""
    planes = [Image.fromarray(np.ascontiguousarray(picture[..., c], np.float32)) for c in range(3)]
    return np.stack([np.asarray(p.resize((wide, high), Image.Resampling.BICUBIC), float) for p in planes], axis=-1)


def _packed(picture: Array, quality: int) -> Array:
    """The picture after it was stored as a JPEG."""
    store = io.BytesIO()
    to_image(picture, picture.shape[0]).save(store, "JPEG", quality=quality)
    with Image.open(store) as image:
        return np.asarray(image, float) / 255
