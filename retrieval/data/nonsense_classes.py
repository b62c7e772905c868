"""Things that no bundle is trained on and that the world does not hold: people's drawings of them, and their names, are
the nonsense queries on which "no confident match" is set and measured.

Chosen by hand before anything was measured, because they look like none of the 64 classes (a coffee cup would be found
as a mug, and rightly). Every second one is for validation, the others for the test.
"""

from __future__ import annotations

STRANGERS = (
    "anvil",
    "bandage",
    "bracelet",
    "broom",
    "calculator",
    "cannon",
    "clarinet",
    "compass",
    "diamond",
    "dresser",
    "fence",
    "foot",
    "garden hose",
    "harp",
    "hockey stick",
    "key",
    "ladder",
    "light bulb",
    "lightning",
    "megaphone",
    "moustache",
    "necklace",
    "nose",
    "paintbrush",
    "paper clip",
    "passport",
    "pencil",
    "pliers",
    "power outlet",
    "rainbow",
    "roller coaster",
    "saxophone",
    "screwdriver",
    "shovel",
    "skateboard",
    "sock",
    "spoon",
    "stairs",
    "stethoscope",
    "syringe",
)
VALIDATION = STRANGERS[::2]
TEST = STRANGERS[1::2]
WORDS = (  # for validation too: words alone, of which there are more than people drew; none is a stranger
    "stapler", "zipper", "thimble", "corkscrew", "barbed wire", "algebra", "democracy", "invoice", "photosynthesis",
    "thunder", "elbow pad", "escalator", "gearbox", "circuit board", "hairdryer", "perfume", "curtain", "carpet",
    "doorknob", "wallet", "belt buckle", "shoelace", "glove", "scarf", "mitten", "trampoline", "treadmill",
    "surfboard", "snowshoe", "barometer", "dice", "chessboard", "playing cards", "jigsaw puzzle", "excavator",
    "oil rig", "pipeline", "radiator", "boiler", "concrete", "gravel", "glacier", "canyon", "waterfall", "galaxy",
    "asteroid", "molecule", "skeleton", "kidney", "tongue", "fingerprint", "tattoo", "football match", "election",
    "tax return", "password", "keyboard shortcut", "printer ink", "usb stick", "hard drive", "satellite dish",
    "antenna", "street sign", "parking meter", "manhole", "sewer", "bar code", "price tag", "stamp", "diploma",
    "medal", "handcuffs", "grenade", "armour", "noose", "coffin", "cheese grater", "rolling pin", "vacuum cleaner",
    "ironing board", "needle and thread", "pin cushion", "magnet", "gyroscope", "sundial", "metronome", "tuning fork",
    "drum kit", "cymbals", "bagpipes", "noodles", "soup", "walnut", "happiness", "anger", "yesterday", "purple",
)  # fmt: skip
