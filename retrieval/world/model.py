"""What an object of the world is made of: colours, materials, named parts, and the recorder of its free parameters.

An object class is one function `(draw: Draw) -> list[Part]`. It asks `draw` for every free choice by name, so the
choices are reproducible from the seed and written beside each picture. Geometry comes from `sdf` (organic) and
`solids` (made things). Units are free: the scene scales each object to the same size and rests its lowest point on
the ground. z is up, the front looks along +x.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import trimesh

from retrieval.world.palette import PALETTE, Rgb

T = TypeVar("T")


@dataclass(frozen=True)
class Color:
    """A colour with the word that people use for it. rgb is sRGB in [0, 1]."""

    name: str
    rgb: Rgb

    def shade(self, factor: float) -> Color:
        """The same hue, darker (factor < 1) or lighter (factor > 1)."""
        r, g, b = (min(1.0, max(0.0, channel * factor)) for channel in self.rgb)
        return Color(self.name, (r, g, b))


@dataclass(frozen=True)
class Material:
    """How a part answers light. roughness in [0, 1]; metallic in [0, 1]; clear = glass."""

    color: Color
    roughness: float = 0.5
    metallic: float = 0.0
    clear: bool = False


@dataclass(frozen=True)
class Part:
    """One named piece of an object. Several parts may share a name (two eyes, four wheels): they share a box phrase."""

    name: str
    mesh: trimesh.Trimesh
    material: Material


class Draw:
    """Answers an object's free choices from one generator and remembers them by name in `values` and `colors`."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.values: dict[str, float | str] = {}
        self.colors: dict[str, str] = {}

    def uniform(self, name: str, low: float, high: float) -> float:
        """A number in [low, high)."""
        value = float(self._rng.uniform(low, high))
        self.values[name] = round(value, 4)
        return value

    def choice(self, name: str, options: Sequence[T]) -> T:
        """One of the options, all equally likely."""
        value = options[int(self._rng.integers(len(options)))]
        self.values[name] = value if isinstance(value, str | float) else str(value)
        return value

    def color(self, name: str, options: Sequence[str], jitter: float = 0.05) -> Color:
        """One of the palette's colours, moved a little (standard deviation `jitter` per channel). The first colour
        drawn names the object.
        """
        word = options[int(self._rng.integers(len(options)))]
        moved = np.clip(np.array(PALETTE[word]) + self._rng.normal(0, jitter, 3), 0.02, 0.98)
        self.colors[name] = word
        return Color(word, (float(moved[0]), float(moved[1]), float(moved[2])))


@dataclass(frozen=True)
class ObjectClass:
    """A class of the world. Azimuths are degrees from the front, counter-clockwise seen from above; elevations are
    degrees above the horizon.
    """

    name: str
    build: Callable[[Draw], list[Part]]
    family: str
    azimuths: tuple[tuple[float, float], ...] = ((20.0, 75.0), (-75.0, -20.0))
    elevations: tuple[float, float] = (8.0, 32.0)
    synonyms: tuple[str, ...] = field(default=())


CLASSES: dict[str, ObjectClass] = {}


def object_class(
    name: str,
    *,
    family: str,
    azimuths: tuple[tuple[float, float], ...] = ((20.0, 75.0), (-75.0, -20.0)),
    elevations: tuple[float, float] = (8.0, 32.0),
    synonyms: tuple[str, ...] = (),
) -> Callable[[Callable[[Draw], list[Part]]], Callable[[Draw], list[Part]]]:
    """Register the decorated builder as a class of the world."""

    def register(build: Callable[[Draw], list[Part]]) -> Callable[[Draw], list[Part]]:
        CLASSES[name] = ObjectClass(name, build, family, azimuths, elevations, synonyms)
        return build

    return register
