"""The object classes of the world: importing this package registers all. A new class is one function in its family."""

from retrieval.world.model import CLASSES
from retrieval.world.objects import (
    aircraft,
    animals,
    crawlers,
    food,
    furniture,
    garden,
    hoofed,
    mammals,
    places,
    plants,
    things,
    tools,
    vehicles,
    wear,
)

__all__ = [
    "CLASSES",
    "aircraft",
    "animals",
    "crawlers",
    "food",
    "furniture",
    "garden",
    "hoofed",
    "mammals",
    "places",
    "plants",
    "things",
    "tools",
    "vehicles",
    "wear",
]
