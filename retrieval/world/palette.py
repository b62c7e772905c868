"""The colours that objects have, and the words for them."""

from __future__ import annotations

Rgb = tuple[float, float, float]

PALETTE: dict[str, Rgb] = {  # sRGB in [0, 1]; the names are the words of captions and of the text tab
    "red": (0.80, 0.13, 0.12),
    "orange": (0.93, 0.48, 0.10),
    "yellow": (0.95, 0.78, 0.15),
    "green": (0.25, 0.58, 0.22),
    "blue": (0.16, 0.36, 0.75),
    "purple": (0.48, 0.24, 0.62),
    "pink": (0.93, 0.55, 0.66),
    "brown": (0.44, 0.27, 0.15),
    "white": (0.93, 0.92, 0.89),
    "gray": (0.52, 0.52, 0.53),
    "black": (0.09, 0.09, 0.10),
}
