"""The things that a sentence names, where they stand in it, and the sentence with one of them in another colour."""

from __future__ import annotations

import re
from dataclasses import dataclass

WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
GLUE = """
a an the and or but with without in on of at to from for by who that which is are was has have had his her their its
this these those there wearing wears wear dressed carrying carries carry holding holds hold pulling pulls pull walking
walks standing stands still striding along move rest seen turned away facing camera front behind side profile outdoors
street pavement studio backdrop before they he she it i me my find show looking some very
"""
PEOPLE = """
person persons people figure figures individual somebody someone anybody man woman men women boy girl child kid lady
gentleman guy one body
"""
BETWEEN = frozenset(GLUE.split())  # what ends one thing and begins another, or says what somebody does
WHO = frozenset(PEOPLE.split())
COLORS = (
    "red", "blue", "green", "yellow", "black", "white", "orange", "purple", "pink", "brown", "beige", "navy", "gray",
    "grey", "blond",
)  # fmt: skip
OTHER = {"red": "blue", "blue": "red", "blond": "black"}  # what a colour becomes; every other one becomes red


@dataclass(frozen=True)
class Phrase:
    """A thing that a sentence names: its words, and where they begin and end in the text."""

    text: str
    start: int
    end: int


def phrases_of(text: str) -> tuple[Phrase, ...]:
    """The things that the sentence names, in order: runs of words that are no glue. Words for people are no thing.

    >>> [phrase.text for phrase in phrases_of("A person with a red hat, blue jeans and dark-blue shoes.")]
    ['red hat', 'blue jeans', 'dark-blue shoes']
    """
    runs: list[list[re.Match[str]]] = [[]]
    for word in WORD.finditer(text):
        last = runs[-1][-1].end() if runs[-1] else word.start()
        if text[last : word.start()].strip():  # a comma, a full stop
            runs.append([])
        if word[0].lower() in BETWEEN:
            runs.append([])
        else:
            runs[-1].append(word)
    named = (run for run in runs if run and run[-1][0].lower() not in WHO)
    return tuple(Phrase(text[run[0].start() : run[-1].end()], run[0].start(), run[-1].end()) for run in named)


def recoloured(text: str) -> tuple[tuple[str, str, str], ...]:
    """For each thing with a colour: how it is called, how it would be called in another colour, and the whole sentence
    with that.

    >>> recoloured("a red hat and jeans")
    (('red hat', 'blue hat', 'a blue hat and jeans'),)
    """
    changes = []
    for phrase in phrases_of(text):
        color = next((word for word in WORD.finditer(phrase.text) if word[0].lower() in COLORS), None)
        if color is None:
            continue
        other = OTHER.get(color[0].lower(), "red")
        new = phrase.text[: color.start()] + other + phrase.text[color.end() :]
        start = phrase.start
        if color.start() == 0 and (article := re.search(r"\b(a|an)\s+$", text[:start], re.IGNORECASE)):
            right = "an" if other[0] in "aeiou" else "a"
            lead = right.capitalize() if article[1][0].isupper() else right
            before = text[: article.start()] + lead + " "
        else:
            before = text[:start]
        changes.append((phrase.text, new, before + new + text[phrase.end :]))
    return tuple(changes)
