"""Who a person is: everything that stays the same from picture to picture, drawn from a seed and a number.

Numbers below STREET_FIRST belong to the studio, the others to the street, so no one is ever in both domains. A person
is in the same split in every set: it depends on the label alone (`split_of`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.world.model import Color
from retrieval.world.palette import PALETTE, Rgb
from retrieval.world.scene import stable_seed

STREET_FIRST = 5000  # the number of the first person of the street
MOST = 10_000  # numbers have four digits
SPLITS = (("train", 70), ("validation", 80), ("test", 100))  # upper bounds of a hash in 0..99

FABRICS: dict[str, Rgb] = PALETTE | {"beige": (0.80, 0.69, 0.52), "navy": (0.11, 0.15, 0.33)}
BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
SOBER = ("white", "gray", "black", "brown", "beige", "navy")
SKINS: dict[str, Rgb] = {
    "very light": (0.93, 0.76, 0.66),
    "light": (0.88, 0.68, 0.55),
    "olive": (0.78, 0.58, 0.43),
    "tan": (0.66, 0.46, 0.32),
    "brown": (0.48, 0.31, 0.21),
    "dark": (0.31, 0.20, 0.15),
}
HAIRS: dict[str, Rgb] = {
    "black": (0.075, 0.065, 0.065),
    "brown": (0.29, 0.165, 0.09),
    "blond": (0.86, 0.67, 0.34),
    "red": (0.66, 0.27, 0.10),
    "gray": (0.56, 0.56, 0.57),
    "white": (0.90, 0.89, 0.87),
    "blue": (0.18, 0.38, 0.72),
    "pink": (0.90, 0.46, 0.60),
}
HAIR_SHARES = {
    "short": 0.22, "cropped": 0.09, "bob": 0.13, "long": 0.16, "ponytail": 0.12, "bun": 0.09, "curly": 0.10,
    "braids": 0.05, "bald": 0.04,
}  # fmt: skip
HAIR_COLOR_SHARES = {
    "black": 0.27, "brown": 0.27, "blond": 0.18, "red": 0.09, "gray": 0.08, "white": 0.05, "blue": 0.03, "pink": 0.03,
}  # fmt: skip
HATS = {None: 0.66, "cap": 0.12, "beanie": 0.12, "brimmed hat": 0.10}
EYEWEAR = {None: 0.68, "glasses": 0.2, "sunglasses": 0.12}
UPPERS = {"t-shirt": 0.27, "shirt": 0.19, "sweater": 0.2, "hoodie": 0.2, "dress": 0.14}
COATS = {None: 0.52, "jacket": 0.18, "long coat": 0.13, "puffer jacket": 0.1, "vest": 0.07}
LOWERS = {"trousers": 0.29, "jeans": 0.29, "shorts": 0.19, "skirt": 0.23}
BAGS = {None: 0.3, "backpack": 0.27, "shoulder bag": 0.16, "handbag": 0.15, "suitcase": 0.12}
CARRIED = {None: 0.66, "cup": 0.07, "book": 0.07, "bouquet": 0.06, "ball": 0.07, "paper bag": 0.07}
PATTERNS: dict[str, dict[str | None, float]] = {
    "t-shirt": {None: 0.5, "striped": 0.25, "print": 0.25},
    "shirt": {None: 0.5, "striped": 0.2, "checked": 0.3},
    "sweater": {None: 0.55, "striped": 0.45},
    "hoodie": {None: 0.7, "print": 0.3},
    "dress": {None: 0.6, "striped": 0.2, "dotted": 0.2},
}
JEANS_COLORS = ("blue", "blue", "blue", "black", "gray")
OPEN = {"vest": 0.85}  # share of coats of that kind that are worn open; others: half
SHOES = {"shoes": 0.35, "sneakers": 0.4, "boots": 0.25}


@dataclass(frozen=True)
class Garment:
    """Something worn or carried: its everyday name, its colour, and a pattern in a second colour if it has one."""

    kind: str
    color: Color
    pattern: str | None = None
    second: Color | None = None


@dataclass(frozen=True)
class Body:
    """Height in metres; the others are factors around 1."""

    height: float
    girth: float
    shoulders: float
    hips: float
    head: float


@dataclass(frozen=True)
class Identity:
    """A person. `lower` is None under a dress, `hair_style` "bald" means no hair; None elsewhere: has none."""

    number: int
    body: Body
    skin: Color
    hair_style: str
    hair: Color
    curliness: float
    fringe: float
    beard: bool
    hat: Garment | None
    eyewear: Garment | None
    scarf: Garment | None
    upper: Garment
    coat: Garment | None
    coat_open: bool
    long_hem: bool
    lower: Garment | None
    shoes: Garment
    bag: Garment | None
    carried: Garment | None

    @property
    def label(self) -> str:
        """Such as "person-0012"."""
        return f"person-{self.number:04d}"

    @property
    def split(self) -> str:
        """ "train", "validation" or "test"."""
        return split_of(self.label)

    def told(self) -> dict[str, Any]:
        """What the person has, ready for JSON: colours by their words, numbers to three places, nothing that is absent.

        The rest follows from seed and number (`sample_identity`).
        """
        return {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__ if getattr(self, name)}


def _plain(value: Any) -> Any:
    """A value of an identity in JSON's terms."""
    if isinstance(value, Color):
        return value.name
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, Garment | Body):
        told = {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        return {name: plain for name, plain in told.items() if plain is not None}
    return value


def split_of(label: str) -> str:
    """The split of a person: a stable hash of the label in 0..99; 70 % train, 10 % validation, 20 % test.

    >>> split_of("person-0000")
    'train'
    """
    place = stable_seed("people split", label) % 100
    return next(name for name, bound in SPLITS if place < bound)


def sample_identity(seed: int, number: int) -> Identity:
    """The person with this number: always the same one."""
    rng = np.random.default_rng(stable_seed("person", seed, number))
    body = Body(
        height=float(np.clip(rng.normal(1.71, 0.09), 1.50, 1.93)),
        girth=float(np.clip(rng.normal(1.0, 0.12), 0.82, 1.32)),
        shoulders=float(rng.uniform(0.9, 1.12)),
        hips=float(rng.uniform(0.9, 1.12)),
        head=float(rng.uniform(0.95, 1.05)),
    )
    skin = _named(rng, list(SKINS)[int(rng.integers(len(SKINS)))], SKINS, 0.012)
    style = _one(rng, HAIR_SHARES)
    hair = _named(rng, _one(rng, HAIR_COLOR_SHARES), HAIRS, 0.02)
    curliness, fringe = float(rng.uniform()), float(rng.uniform())
    beard = bool(rng.random() < (0.3 if style in ("short", "cropped", "bald") else 0.05))
    hat, eyewear = _worn(rng, _one(rng, HATS)), _eyewear(rng, _one(rng, EYEWEAR))
    upper = _upper(rng, _one(rng, UPPERS))
    coat = _worn(rng, _one(rng, COATS), unlike=upper.color)
    lower = None if upper.kind == "dress" else _lower(rng, _one(rng, LOWERS), (coat or upper).color)
    above = lower or upper
    return Identity(
        number, body, skin, style, hair, curliness, fringe, beard, hat, eyewear,
        scarf=_worn(rng, "scarf", unlike=(coat or upper).color) if rng.random() < 0.15 else None,
        upper=upper, coat=coat, coat_open=coat is not None and bool(rng.random() < OPEN.get(coat.kind, 0.5)),
        long_hem=bool(rng.random() < 0.5), lower=lower,
        shoes=_shoes(rng, _one(rng, SHOES), above.color),
        bag=_worn(rng, _one(rng, BAGS), unlike=(coat or upper).color),
        carried=_carried(rng, _one(rng, CARRIED)),
    )  # fmt: skip


def _one(rng: np.random.Generator, shares: Mapping[Any, float]) -> Any:
    """One of the keys, by their shares."""
    weights = np.array(list(shares.values()))
    return list(shares)[int(rng.choice(len(weights), p=weights / weights.sum()))]


def _named(rng: np.random.Generator, word: str, table: Mapping[str, Rgb], jitter: float = 0.03) -> Color:
    """The table's colour of that name, moved a little."""
    r, g, b = np.clip(np.array(table[word]) + rng.normal(0, jitter, 3), 0.02, 0.97)
    return Color(word, (round(float(r), 4), round(float(g), 4), round(float(b), 4)))


def _fabric(rng: np.random.Generator, words: Sequence[str], unlike: Color | None = None) -> Color:
    """A fabric's colour; never the word of `unlike`, which it has to stand out from."""
    left = [word for word in words if unlike is None or word != unlike.name]
    return _named(rng, left[int(rng.integers(len(left)))], FABRICS)


def _worn(
    rng: np.random.Generator, kind: str | None, words: Sequence[str] = (*BRIGHT, *SOBER), unlike: Color | None = None
) -> Garment | None:
    """A plain garment of that kind, or None."""
    return None if kind is None else Garment(kind, _fabric(rng, words, unlike))


def _shoes(rng: np.random.Generator, kind: str, unlike: Color) -> Garment:
    """A pair of shoes; never the colour word of what is above."""
    return Garment(kind, _fabric(rng, ("black", "brown", "white", "gray", *BRIGHT), unlike))


def _eyewear(rng: np.random.Generator, kind: str | None) -> Garment | None:
    """Glasses with a frame in a colour that shows on skin."""
    if kind == "sunglasses":
        return Garment(kind, _named(rng, "black", FABRICS, 0.01))
    return _worn(rng, kind, ("black", "black", "red", "blue", "white"))


def _upper(rng: np.random.Generator, kind: str) -> Garment:
    """What the torso wears, perhaps patterned in a colour that differs much in brightness."""
    color = _fabric(rng, (*BRIGHT, *SOBER))
    pattern = _one(rng, PATTERNS[kind])
    dark = sum(color.rgb) < 1.5
    words = ("white", "yellow", "beige") if dark else ("black", "navy", "red") if color.name != "red" else ("black",)
    return Garment(kind, color, pattern, _fabric(rng, words) if pattern else None)


def _lower(rng: np.random.Generator, kind: str, above: Color) -> Garment:
    """What the legs wear: sober colours more often, and never the word of what is above."""
    if kind == "jeans":
        return Garment(kind, _fabric(rng, JEANS_COLORS, above))
    words = (*BRIGHT, *SOBER) if kind == "skirt" else (*SOBER, *SOBER, *BRIGHT)
    return Garment(kind, _fabric(rng, words, above))


def _carried(rng: np.random.Generator, kind: str | None) -> Garment | None:
    """What one hand holds."""
    words = {"paper bag": ("brown", "white", "beige"), "bouquet": ("red", "pink", "yellow", "purple", "white")}
    return None if kind is None else _worn(rng, kind, words.get(kind, ("white", *BRIGHT)))
