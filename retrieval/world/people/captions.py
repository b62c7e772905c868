"""Two captions per picture of a person: a small grammar over what is seen, so that every word is true of this view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.world.people.domains import STREET, STUDIO

if TYPE_CHECKING:  # a caption is made without a renderer
    from retrieval.world.people.seen import Seen
    from retrieval.world.people.views import View

SUBJECTS = ("person", "person", "person", "individual", "figure")
WALKING, STANDING = ("walking", "striding along", "on the move"), ("standing", "standing still", "at rest")
PLACES: Mapping[str, tuple[str, ...]] = {
    STUDIO: ("in front of a plain backdrop", "in a photo studio", "before a plain background"),
    STREET: ("in the street", "on the pavement", "outdoors in the street"),
}
LEADING = ("coat", "upper", "lower", "shoes", "scarf", "hat")
CARRYING: Mapping[str, tuple[str, ...]] = {
    "bag": ("carrying", "with"),
    "suitcase": ("pulling", "with"),
    "backpack": ("carrying", "with"),
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
    text = text.replace("gray", "grey") if rng.random() < 0.4 else text.replace("grey", "gray")
    return text[0].upper() + text[1:]


def sentence_of(things: Sequence[tuple[str, str]], rng: np.random.Generator) -> str:
    """A sentence of (slot, phrase) pairs without articles, where nothing else is known of the picture."""
    said = {slot: phrase if _needs_no_article(phrase) else with_article(phrase) for slot, phrase in things}
    head = [said[slot] for slot in ("hair", "beard", "eyewear") if slot in said]
    worn = [said[slot] for slot in _worn_order(rng) if slot in said]
    held = [f"with {said[slot]}" for slot in ("bag", "straps", "carried") if slot in said]
    words = Words(_any(rng, SUBJECTS), listed(head), listed(worn), listed(held), "", "")
    texts = [text for form in (_plain, _dressed, _two_sentences, _there, _short) if (text := form(words))]
    text = _any(rng, texts)
    return text[0].upper() + text[1:]


def _needs_no_article(phrase: str) -> bool:
    """Whether it is in the plural, or of hair, or has an article."""
    return phrase.endswith(("s", " hair")) or " hair " in phrase or phrase.startswith(("a ", "an "))


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
    orders = (
        LEADING,
        ("hat", "scarf", "coat", "upper", "lower", "shoes"),
        ("lower", "coat", "upper", "shoes", "hat", "scarf"),
    )
    return orders[int(rng.choice(3, p=[0.45, 0.4, 0.15]))]


def _any(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _said(thing: Seen, rng: np.random.Generator) -> str:
    """One wording of the thing, with its article; the plainest wording half the time."""
    phrase = thing.wordings[0] if rng.random() < 0.4 else _any(rng, thing.wordings)
    if thing.slot == "hair":
        return (
            with_article(phrase)
            if phrase.endswith((" ponytail", " bun", " bob", " head")) and " hair " not in phrase
            else phrase
        )
    return phrase if thing.plural else with_article(phrase)


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
    return (
        f"{with_article(w.subject)} dressed in {w.worn}{_with(', with ', w.head)}{_with(', ', w.held)}."
        if w.worn
        else ""
    )


def _doing(w: Words) -> str:
    if not w.worn:
        return ""
    how = f"{w.does}{_with(', ', w.side)}, wearing {w.worn}{_with(', ', w.held)}"
    return f"{with_article(w.subject)} {how}{_with('; the person has ', w.head)}."


def _wearing_first(w: Words) -> str:
    return (
        f"wearing {w.worn}, {with_article(w.subject)}{_with(' with ', w.head)} is {w.does}{_with(', ', w.held)}."
        if w.worn
        else ""
    )


def _two_sentences(w: Words) -> str:
    return f"the {w.subject} wears {w.worn}. They have {w.head}{_with(', ', w.held)}." if w.worn and w.head else ""


def _seen(w: Words) -> str:
    return (
        f"{with_article(w.subject)} {w.side} in {w.worn}{_with(', with ', w.head)}{_with(', ', w.held)}."
        if w.worn and w.side
        else ""
    )


def _there(w: Words) -> str:
    return (
        f"there is {with_article(w.subject)} in {w.worn}{_with(' who has ', w.head)}{_with(', ', w.held)}."
        if w.worn
        else ""
    )


def _somebody(w: Words) -> str:
    return f"somebody in {w.worn}, {w.does}{_with(', ', w.held)}." if w.worn and not w.head else ""


def _short(w: Words) -> str:
    return f"{w.worn}{_with('; ', w.head)}{_with('; ', w.held)}." if w.worn else ""


FORMS: tuple[Callable[[Words], str], ...] = (
    _plain, _plain, _dressed, _doing, _doing, _wearing_first, _two_sentences, _seen, _there, _somebody, _short,
)  # fmt: skip
