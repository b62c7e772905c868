"""What can be named in a picture of a person, with phrases for it, by the picture's own part buffer.

A thing is only named if enough of its pixels are seen, so every word is true of this view: from the front a backpack
is two straps, a print on the chest is gone from behind, and what a coat covers is just "a top".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.world.people.identity import Garment, Identity
from retrieval.world.people.views import View
from retrieval.world.render import Buffers

Mask = npt.NDArray[np.bool_]

SEEN = 0.0035  # of the picture's pixels: about 30 of 64 x 128
SEEN_SMALL: Mapping[str, float] = {
    "glasses": 0.0009,
    "sunglasses": 0.0012,
    "beard": 0.0022,
    "bun": 0.0022,
    "braid": 0.0022,
}
READABLE = 0.018  # of the picture's pixels: enough of a garment to know its kind and pattern
COLOR_WORDS: Mapping[str, tuple[str, ...]] = {
    "navy": ("navy", "navy blue", "dark blue"),
    "beige": ("beige", "sand-colored"),
    "blond": ("blond", "fair"),
}
NOUNS: Mapping[str, tuple[str, ...]] = {
    "t-shirt": ("t-shirt", "t-shirt", "tee"),
    "sweater": ("sweater", "jumper", "pullover"),
    "hoodie": ("hoodie", "hooded sweatshirt"),
    "top": ("top",),
    "long coat": ("long coat", "coat", "overcoat"),
    "puffer jacket": ("puffer jacket", "padded jacket", "quilted jacket"),
    "vest": ("vest", "padded vest", "sleeveless jacket"),
    "trousers": ("trousers", "pants"),
    "sneakers": ("sneakers", "trainers"),
    "cap": ("cap", "baseball cap"),
    "beanie": ("beanie", "woolly hat", "knit cap"),
    "brimmed hat": ("brimmed hat", "wide-brimmed hat", "hat with a brim"),
    "backpack": ("backpack", "rucksack"),
    "shoulder bag": ("shoulder bag", "crossbody bag"),
    "handbag": ("handbag", "purse"),
    "suitcase": ("suitcase", "rolling suitcase"),
    "cup": ("cup", "paper cup"),
    "paper bag": ("paper bag", "shopping bag"),
    "striped": ("striped",),
    "checked": ("checked", "plaid", "checkered"),
    "dotted": ("dotted", "polka-dot", "spotted"),
}
HAIR_WORDS: Mapping[str, tuple[str, ...]] = {
    "short": ("short {} hair",),
    "cropped": ("very short {} hair", "closely cropped {} hair"),
    "bob": ("chin-length {} hair", "a {} bob"),
    "long": ("long {} hair",),
    "curly": ("curly {} hair",),
}
TIED: Mapping[str, tuple[str, tuple[str, ...]]] = {  # the part that must be seen, and the words for it
    "ponytail": ("ponytail", ("a {} ponytail", "{} hair in a ponytail", "{} hair tied in a ponytail")),
    "bun": ("bun", ("{} hair in a bun", "a {} bun")),
    "braids": ("braid", ("{} braids", "{} hair in braids")),
}


@dataclass(frozen=True)
class Seen:
    """A thing that the picture shows: its slot ("hair", "upper", ...), the names of the parts that it consists of, and
    phrases for it without article, the plainest first; `plural` says that it takes none.
    """

    slot: str
    names: tuple[str, ...]
    wordings: tuple[str, ...]
    plural: bool = False


def shares(buffers: Buffers, view: View) -> dict[str, float]:
    """The share of the picture's pixels that each named part of the person covers."""
    counts = np.bincount(buffers.part[(buffers.part >= 0) & (buffers.part < view.own)], minlength=view.own)
    result: dict[str, float] = {}
    for name, count in zip(buffers.names[: view.own], counts, strict=True):
        result[name] = result.get(name, 0.0) + float(count) / buffers.part.size
    return result


def mask_of(buffers: Buffers, view: View, names: Sequence[str]) -> Mask:
    """Where the person's parts of those names are. (R, R / 2)"""
    places = [place for place, name in enumerate(buffers.names[: view.own]) if name in names]
    return np.isin(buffers.part, places)


def seen(view: View, share: Mapping[str, float]) -> list[Seen]:
    """What can be named in the picture, from head to foot."""
    person = view.person
    things = [*_head(person, share), *_clothes(person, share), *_things(person, share)]
    return [thing for thing in things if thing.wordings]


def shown(share: Mapping[str, float], name: str) -> bool:
    """Whether enough of the part is seen."""
    return share.get(name, 0.0) >= SEEN_SMALL.get(name, SEEN)


def _head(person: Identity, share: Mapping[str, float]) -> Iterator[Seen]:
    """Hair, beard, glasses, hat, scarf."""
    if person.hair_style == "bald":
        if person.hat is None and shown(share, "head"):
            yield Seen("hair", ("head",), ("bald head", "shaved head"))
    elif shown(share, "hair"):
        yield _hair(person, share)
    if person.beard and shown(share, "beard"):
        color = person.hair.name
        yield Seen("beard", ("beard",), (f"{color} beard", "beard"))
    if person.eyewear and shown(share, person.eyewear.kind):
        yield Seen("eyewear", (person.eyewear.kind,), _glasses(person.eyewear), plural=True)
    if person.hat and shown(share, "hat"):
        yield Seen("hat", ("hat",), _colored(person.hat))
    if person.scarf and shown(share, "scarf"):
        yield Seen("scarf", ("scarf",), _colored(person.scarf))


def _hair(person: Identity, share: Mapping[str, float]) -> Seen:
    """The hair; how it is tied is only told if that is seen."""
    forms, names = HAIR_WORDS.get(person.hair_style, ("{} hair",)), ["hair"]
    if person.hair_style in TIED:
        name, tied = TIED[person.hair_style]
        if shown(share, name):
            forms, names = tied, ["hair", name]
    words = COLOR_WORDS.get(person.hair.name, (person.hair.name,))
    phrases = tuple(form.format(word).removeprefix("a ") for form in forms for word in words)
    return Seen("hair", tuple(names), phrases)


def _glasses(garment: Garment) -> tuple[str, ...]:
    if garment.kind == "sunglasses":
        return ("sunglasses", "dark sunglasses")
    return ("glasses", f"{garment.color.name} glasses", "round glasses")


def _clothes(person: Identity, share: Mapping[str, float]) -> Iterator[Seen]:
    """Coat, top or dress, trousers or skirt, shoes."""
    coat, upper, lower = person.coat, person.upper, person.lower
    if coat and shown(share, coat.kind):
        yield Seen("coat", (coat.kind,), _colored(coat))
    if shown(share, upper.kind):
        yield _upper(person, share)
    if lower and shown(share, lower.kind):
        yield _lower(person, lower, share)
    if shown(share, "shoe"):
        yield Seen("shoes", ("shoe",), _colored(person.shoes), plural=True)


def _upper(person: Identity, share: Mapping[str, float]) -> Seen:
    """The top with its pattern, or just "top" where a coat hides most of it."""
    garment, area = person.upper, share.get(person.upper.kind, 0.0)
    covered = person.coat is not None
    if covered and garment.kind != "dress":
        garment = Garment("top", garment.color, garment.pattern, garment.second)
    readable = area >= READABLE
    prints = readable and garment.pattern == "print" and shown(share, "print")
    names = (person.upper.kind, "print") if prints else (person.upper.kind,)
    phrases = list(_colored(garment))
    if readable and garment.second and garment.pattern not in (None, "print") and share.get(person.upper.kind, 0.0) > 0:
        words = NOUNS[garment.pattern]
        plain = _nouns(garment.kind)
        phrases = [f"{c} {w} {n}" for n in plain for w in words for c in _colors(garment)]
        phrases += [
            f"{c} {n} with {garment.second.name} {_marks(garment.pattern)}" for n in plain for c in _colors(garment)
        ]
    if prints and garment.second:
        phrases = [f"{p} with a {garment.second.name} print" for p in phrases] + [
            f"{p} with a round print" for p in phrases
        ]
    return Seen("upper", names, tuple(phrases))


def _marks(pattern: str | None) -> str:
    return {"striped": "stripes", "checked": "checks", "dotted": "dots"}[str(pattern)]


def _lower(person: Identity, garment: Garment, share: Mapping[str, float]) -> Seen:
    """Trousers, jeans, shorts or a skirt, whose length is told where it can be seen."""
    phrases = _colored(garment)
    if (
        garment.kind == "skirt"
        and share[garment.kind] >= READABLE
        and not (person.coat and person.coat.kind == "long coat")
    ):
        length = "knee-length" if person.long_hem else "short"
        phrases = (*phrases, *(f"{length} {phrase}" for phrase in phrases))
    return Seen("lower", (garment.kind,), phrases, plural=garment.kind != "skirt")


def _things(person: Identity, share: Mapping[str, float]) -> Iterator[Seen]:
    """The bag or its straps, and what a hand holds."""
    bag, thing = person.bag, person.carried
    strap = {"backpack": "strap", "shoulder bag": "bag strap"}.get(bag.kind if bag else "")
    if bag and shown(share, bag.kind):
        yield Seen("bag", (bag.kind,), _colored(bag))
    elif bag and strap and shown(share, strap):
        color = bag.color.name
        if strap == "strap":
            yield Seen("straps", (strap,), (f"{color} backpack straps", f"{color} shoulder straps"), plural=True)
        else:
            yield Seen("straps", (strap,), (f"{color} bag strap", f"{color} shoulder strap"))
    if thing and shown(share, thing.kind):
        color = thing.color.name
        wordings = (
            (f"bouquet of {color} flowers", f"bunch of {color} flowers") if thing.kind == "bouquet" else _colored(thing)
        )
        yield Seen("carried", (thing.kind,), wordings)


def _nouns(kind: str) -> tuple[str, ...]:
    return NOUNS.get(kind, (kind,))


def _colors(garment: Garment) -> tuple[str, ...]:
    return COLOR_WORDS.get(garment.color.name, (garment.color.name,))


def _colored(garment: Garment) -> tuple[str, ...]:
    """The garment in every wording: "navy trousers", "dark blue pants", ..."""
    return tuple(f"{color} {noun}" for noun in _nouns(garment.kind) for color in _colors(garment))
