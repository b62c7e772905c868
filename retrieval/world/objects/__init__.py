"""The object classes of the world: importing this package registers all. A new class is one function in its family."""

from retrieval.world.model import CLASSES
from retrieval.world.objects import (
    aircraft,
    animals,
    bakery,
    crawlers,
    food,
    furniture,
    garden,
    hoofed,
    ice_cream,
    mammals,
    places,
    plants,
    tableware,
    things,
    tools,
    vehicles,
    wear,
)

__all__ = [
    "CLASSES",
    "aircraft",
    "animals",
    "bakery",
    "crawlers",
    "food",
    "furniture",
    "garden",
    "hoofed",
    "ice_cream",
    "mammals",
    "places",
    "plants",
    "tableware",
    "things",
    "tools",
    "vehicles",
    "wear",
]
