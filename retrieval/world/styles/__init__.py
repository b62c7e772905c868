"""The hands of the world: every style draws the same scene in its own way. A new style is one file and one line."""

from retrieval.types import CARTOON, ENGRAVING, MOSAIC, PAINTING, PHOTO, SKETCH
from retrieval.world.styles import cartoon, engraving, mosaic, painting, photo, sketch
from retrieval.world.styles.drawing import Drawing, Style

STYLES: dict[str, Style] = {
    PHOTO.name: photo.draw,
    PAINTING.name: painting.draw,
    CARTOON.name: cartoon.draw,
    MOSAIC.name: mosaic.draw,
    ENGRAVING.name: engraving.draw,
    SKETCH.name: sketch.draw,
}

__all__ = ["STYLES", "Drawing", "Style"]
