"""Words for people: phrases with boxes and two captions per picture, made from what the picture's part buffer shows.

A thing is only named if enough of its pixels are seen, so every word is true of this view: from the front a backpack
is two straps, a print on the chest is gone from behind, and what a coat covers is just "a top".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.world.people.identity import Garment, Identity
from retrieval.world.people.views import STREET, View
from retrieval.world.render import Buffers

Mask = npt.NDArray[np.bool_]

SEEN = 0.0035  # of the picture's pixels: about 30 of 64 x 128
SEEN_SMALL: Mapping[str, float] = {"glasses": 0.0009, "sunglasses": 0.0012, "beard": 0.0022, "bun": 0.0022, "braid": 0.0022}
READABLE = 0.018  # of the picture's pixels: enough of a garment to know its kind and pattern
PLURAL = frozenset({"trousers", "pants", "jeans", "shorts", "glasses", "sunglasses", "straps"})
COLOR_WORDS: Mapping[str, tuple[str, ...]] = {
    "gray": ("gray", "grey"),
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
    """A thing that the picture shows. slot: "hair", "upper", ...; wordings: phrases without article, the plainest first.

    `names` are the parts that it consists of, `plural` says that it takes no article.
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
    plural = not any(form.startswith("a ") for form in forms[:1])
    return Seen("hair", tuple(names), phrases, plural)


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
        phrases += [f"{c} {n} with {garment.second.name} {_marks(garment.pattern)}" for n in plain for c in _colors(garment)]
    if prints and garment.second:
        phrases = [f"{p} with a {garment.second.name} print" for p in phrases] + [f"{p} with a round print" for p in phrases]
    return Seen("upper", names, tuple(phrases))


def _marks(pattern: str | None) -> str:
    return {"striped": "stripes", "checked": "checks", "dotted": "dots"}[str(pattern)]


def _lower(person: Identity, garment: Garment, share: Mapping[str, float]) -> Seen:
    """Trousers, jeans, shorts or a skirt, whose length is told where it can be seen."""
    phrases = _colored(garment)
    if garment.kind == "skirt" and share[garment.kind] >= READABLE and not (person.coat and person.coat.kind == "long coat"):
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
        wordings = (f"bouquet of {color} flowers", f"bunch of {color} flowers") if thing.kind == "bouquet" else _colored(thing)
        yield Seen("carried", (thing.kind,), wordings)


def _nouns(kind: str) -> tuple[str, ...]:
    return NOUNS.get(kind, (kind,))


def _colors(garment: Garment) -> tuple[str, ...]:
    return COLOR_WORDS.get(garment.color.name, (garment.color.name,))


def _colored(garment: Garment) -> tuple[str, ...]:
    """The garment in every wording: "navy trousers", "dark blue pants", ..."""
    return tuple(f"{color} {noun}" for noun in _nouns(garment.kind) for color in _colors(garment))


# ---------------------------------------------------------------- sentences

SUBJECTS = ("person", "person", "person", "individual", "figure")
WALKING, STANDING = ("walking", "striding along", "on the move"), ("standing", "standing still", "waiting")
PLACES: Mapping[str, tuple[str, ...]] = {
    "studio": ("in front of a plain backdrop", "in a photo studio", "before a plain background"),
    STREET: ("in the street", "on the pavement", "outdoors in the street"),
}
LEADING = ("coat", "upper", "lower", "shoes", "scarf", "hat")
CARRYING: Mapping[str, tuple[str, ...]] = {
    "bag": ("carrying", "with"),
    "suitcase": ("pulling", "with"),
    "backpack": ("wearing", "carrying", "with"),
    "straps": ("with",),
    "carried": ("holding", "carrying"),
}


def two_captions(view: View, things: Sequence[Seen], rng: np.random.Generator) -> list[str]:
    """Two different sentences: the first names all that is seen, the second most of it in other words."""
    first = sentence(view, things, rng)
    for _ in range(20):
        kept = [thing for thing in things if thing.slot in ("coat", "upper", "lower") or rng.random() < 0.75]
        second = sentence(view, kept or things, rng)
        if second != first:
            return [first, second]
    return [first, f"A picture of {first[0].lower()}{first[1:]}"]


def sentence(view: View, things: Sequence[Seen], rng: np.random.Generator) -> str:
    """One or two sentences that name the things, in one of several forms."""
    said = {thing.slot: _said(thing, rng) for thing in things}
    head = [said[slot] for slot in ("hair", "beard", "eyewear") if slot in said]
    worn = [said[slot] for slot in _worn_order(rng) if slot in said]
    held = [_held(thing, said[thing.slot], rng) for thing in things if thing.slot in ("bag", "straps", "carried")]
    words = Words(_any(rng, SUBJECTS), listed(head), listed(worn), listed(held), _does(view, rng), _side(view, rng))
    forms = [form for form in FORMS if form(words)]
    text = forms[int(rng.integers(len(forms)))](words)
    return text[0].upper() + text[1:]


@dataclass(frozen=True)
class Words:
    """The pieces of a sentence; an empty text where there is nothing to say."""

    subject: str
    head: str
    worn: str
    held: str
    does: str
    side: str


def _worn_order(rng: np.random.Generator) -> tuple[str, ...]:
    """From the outside in, from top to bottom, or from the feet up."""
    orders = (LEADING, ("hat", "scarf", "coat", "upper", "lower", "shoes"), ("lower", "coat", "upper", "shoes", "hat", "scarf"))
    return orders[int(rng.choice(3, p=[0.45, 0.4, 0.15]))]


def _any(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _said(thing: Seen, rng: np.random.Generator) -> str:
    """One wording of the thing, with its article; the plainest wording half the time."""
    phrase = thing.wordings[0] if rng.random() < 0.4 else _any(rng, thing.wordings)
    bare = thing.plural and not phrase.endswith((" ponytail", " bun", " bob")) or phrase.endswith(" hair")
    return phrase if bare else with_article(phrase)


def with_article(phrase: str) -> str:
    """The phrase with "a" or "an".

    >>> with_article("orange hoodie")
    'an orange hoodie'
    """
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _held(thing: Seen, said: str, rng: np.random.Generator) -> str:
    """Such as "pulling a green suitcase"."""
    key = thing.names[0] if thing.names[0] in CARRYING else thing.slot
    return f"{_any(rng, CARRYING[key])} {said}"


def _does(view: View, rng: np.random.Generator) -> str:
    """Walking or standing, sometimes where."""
    place = f" {_any(rng, PLACES[view.domain])}" if rng.random() < 0.2 else ""
    return _any(rng, WALKING if view.gesture.walks else STANDING) + place


def _side(view: View, rng: np.random.Generator) -> str:
    """From where the person is seen, or nothing."""
    away = abs((view.scene.camera.azimuth + 180) % 360 - 180)
    if away < 30:
        return _any(rng, ("seen from the front", "facing the camera"))
    if away > 150:
        return _any(rng, ("seen from behind", "turned away from the camera"))
    return _any(rng, ("seen from the side", "in profile")) if 65 < away < 115 else ""


def listed(words: Sequence[str]) -> str:
    """The words as people list them.

    >>> listed(["a red cap", "a black coat", "blue jeans"])
    'a red cap, a black coat and blue jeans'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _with(lead: str, words: str) -> str:
    """The words after their lead, or nothing."""
    return f"{lead}{words}" if words else ""


def _plain(w: Words) -> str:
    return f"{with_article(w.subject)}{_with(' with ', w.head)}{_with(' wearing ', w.worn)}{_with(', ', w.held)}."


def _dressed(w: Words) -> str:
    return f"{with_article(w.subject)} dressed in {w.worn}{_with(', with ', w.head)}{_with(', ', w.held)}." if w.worn else ""


def _doing(w: Words) -> str:
    side = _with(", ", w.side)
    return f"{with_article(w.subject)} {w.does}{side}, {_with('wearing ', w.worn)}{_with(', ', w.held)}{_with('; the person has ', w.head)}." if w.worn else ""


def _wearing_first(w: Words) -> str:
    return f"wearing {w.worn}, {with_article(w.subject)}{_with(' with ', w.head)} is {w.does}{_with(', ', w.held)}." if w.worn else ""


def _two_sentences(w: Words) -> str:
    return f"the {w.subject} wears {w.worn}. They have {w.head}{_with(', ', w.held)}." if w.worn and w.head else ""


def _seen(w: Words) -> str:
    return f"{with_article(w.subject)} {w.side} in {w.worn}{_with(', with ', w.head)}{_with(', ', w.held)}." if w.worn and w.side else ""


def _there(w: Words) -> str:
    return f"there is {with_article(w.subject)} in {w.worn}{_with(' who has ', w.head)}{_with(', ', w.held)}." if w.worn else ""


def _somebody(w: Words) -> str:
    return f"somebody in {w.worn}, {w.does}{_with(', ', w.held)}{_with('. The hair and face: ', '')}." if w.worn and not w.head else ""


def _short(w: Words) -> str:
    return f"{w.worn}{_with('; ', w.head)}{_with('; ', w.held)}." if w.worn else ""


FORMS: tuple[Callable[[Words], str], ...] = (
    _plain, _plain, _dressed, _doing, _doing, _wearing_first, _two_sentences, _seen, _there, _somebody, _short,
)  # fmt: skip
