"""What the gallery shows: things by their names, without people, flags, signs and near copies of one another.

Names, keywords and groups are those of `emojibase-data`. A thing that the rendered world has too goes by its name
there, so that a filter or a caption means the same in both galleries.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.emoji.packages import NAMES, package_folder, read_json

GROUPS = ("animals-nature", "food-drink", "travel-places", "activities", "objects")
# No face of a person, nor a figure of one; no sign; nothing that differs from a neighbour by its colour or hour alone.
LEFT_OUT = frozenset(
    {
        "statue of liberty", "moai", "nesting dolls", "japanese dolls", "joker", "performing arts", "framed picture",
        "wedding", "x-ray", "identification card", "card index", "mirror", "love hotel", "elevator", "piñata",
        "jack-o-lantern", "sun with face", "wind face", "full moon face", "new moon face", "first quarter moon face",
        "last quarter moon face", "roller coaster", "running shirt", "spade suit", "heart suit", "diamond suit",
        "club suit", "mahjong red dragon", "flower playing cards", "kaaba", "yen banknote",
        "dollar banknote", "euro banknote", "pound banknote", "chart increasing with yen", "2nd place medal",
        "3rd place medal", "waxing crescent moon", "first quarter moon", "waxing gibbous moon", "new moon",
        "waning gibbous moon", "last quarter moon", "waning crescent moon", "map of japan",
        "globe showing europe-africa", "globe showing asia-australia", "green book", "blue book", "orange book",
        "ledger", "page with curl", "bell with slash", "muted speaker", "speaker low volume",
        "speaker medium volume", "speaker high volume", "magnifying glass tilted right", "hourglass not done",
        "goal net", "e-mail", "snowman without snow", "closed mailbox with lowered flag",
        "open mailbox with raised flag", "camera with flash", "open mailbox with lowered flag",
        "japanese post office", "post office", "locked with pen", "locked with key", "unlocked",
        "oncoming automobile", "oncoming police car", "oncoming bus", "oncoming taxi", "umbrella with rain drops",
        "round pushpin", "dvd", "incoming envelope", "envelope with arrow", "spiral calendar", "tear-off calendar",
        "construction", "stop sign", "label", "pager", "level slider", "cityscape at dusk", "sunrise over mountains",
        "suspension railway", "mountain railway", "atm sign", "adhesive bandage", "drop of blood", "cigarette",
        "coffin", "funeral urn", "horse racing", "bus stop", "metro", "water pistol", "front-facing baby chick",
        "barber pole", "tram car", "bullet train", "light rail", "foggy",
    }
)  # fmt: skip
RENAMED = {
    "red apple": "apple", "honeybee": "bee", "automobile": "car", "couch and lamp": "couch", "doughnut": "donut",
    "glasses": "eyeglasses", "soft ice cream": "ice cream", "ice cream": "bowl of ice cream", "lady beetle": "ladybug",
    "hourglass done": "hourglass", "locked": "padlock", "ear of corn": "corn", "globe showing americas": "globe",
    "magnifying glass tilted left": "magnifying glass", "bread": "loaf of bread", "ewe": "sheep",
    "bowling": "bowling pins", "closed mailbox with raised flag": "mailbox", "tennis": "tennis ball",
    "woman’s clothes": "blouse", "woman’s sandal": "sandal", "woman’s boot": "boot", "woman’s hat": "sun hat",
    "man’s shoe": "dress shoe", "tumbler glass": "tumbler", "cooking": "fried egg",
    "sun behind cloud": "sun and cloud", "game die": "dice", "high voltage": "lightning bolt",
    "1st place medal": "gold medal", "hot beverage": "hot drink", "computer disk": "minidisc",
    "optical disk": "compact disc", "snow-capped mountain": "snowy peak", "water wave": "wave",
    "admission tickets": "tickets", "wrapped gift": "gift", "ping pong": "table tennis bat",
    "rescue worker’s helmet": "helmet", "headphone": "headphones",
}  # fmt: skip
_HOUR = re.compile(r"o’clock$|-thirty$")


@dataclass(frozen=True)
class Subject:
    """A thing that hands drew. `label` is what the gallery calls it, `name` what the standard does."""

    label: str
    name: str
    code: str  # code points, "1f419"
    keywords: tuple[str, ...]

    @property
    def slug(self) -> str:
        """The label as a part of file names and ids."""
        return slug(self.label)


def slug(name: str) -> str:
    """A name as packages write it.

    >>> slug("Tokyo tower")
    'tokyo-tower'
    """
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("’", "").replace("'", "")).strip("-")


def read_subjects(packages: Path) -> list[Subject]:
    """The things that the gallery may show, in the standard's order."""
    folder = package_folder(packages, *NAMES)
    numbers = {name: int(number) for number, name in read_json(folder / "meta" / "groups.json")["groups"].items()}
    groups = {numbers[name] for name in GROUPS}
    rows = [row for row in read_json(folder / "en" / "data.json") if row.get("group") in groups]
    return [_subject(row) for row in sorted(rows, key=lambda row: row["order"]) if _is_shown(row["label"].lower())]


def _is_shown(name: str) -> bool:
    return name not in LEFT_OUT and not _HOUR.search(name)


def _subject(row: dict[str, Any]) -> Subject:
    name = row["label"].lower()
    code = row["hexcode"].lower().replace("-fe0f", "")
    return Subject(RENAMED.get(name, name), name, code, tuple(row.get("tags", ())))
