"""Object and style of pictures, taken apart and put together again by drawing: the panels, and what they show.

Names from here import nothing heavy; `panels`, which draws, imports torch and diffusers, so a page opens it through
`ServedDisentangler`.
"""

from __future__ import annotations

from retrieval.disentangle.loaded import ServedDisentangler
from retrieval.disentangle.panel_values import (
    ALL_PARTS,
    Card,
    Drawn,
    Film,
    Frame,
    Heat,
    Original,
    Slide,
    SwapGrid,
    Use,
    WordMap,
)

__all__ = [
    "ALL_PARTS",
    "Card",
    "Drawn",
    "Film",
    "Frame",
    "Heat",
    "Original",
    "ServedDisentangler",
    "Slide",
    "SwapGrid",
    "Use",
    "WordMap",
]
