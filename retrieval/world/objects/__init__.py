"""The object classes of the world. Importing this package registers every one; a new class is one function in a family's module."""

from retrieval.world.model import CLASSES
from retrieval.world.objects import animals, food, places, plants, things, vehicles

__all__ = ["CLASSES", "animals", "food", "places", "plants", "things", "vehicles"]
