"""Emoji and icons on disk: small drawings of one object each, by many hands, with its name and keywords.

A pack as `packs` reads them; here a row's class is the object's name, its concept the class that it counts as (empty
where there is none), and its caption "name | keyword, keyword".
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from retrieval.data.concepts import gives_away, is_unseen, spoken
from retrieval.data.picture_table import PictureTable
from retrieval.data.readers.packs import PackRow, pack_rows

EMOJI = ("blob", "emojione", "fluent_3d", "fluent_flat", "fxemoji", "noto", "twemoji")  # in colour; openmoji is BY-SA
MONO = ("emojione_mono", "fluent_mono", "streamline")
MEDIUM = dict.fromkeys(EMOJI, "emoji") | dict.fromkeys((*MONO, "silhouette"), "icon")  # how they are spoken of


def read_icons(
    folder: Path, domains: Collection[str], *, split: str | None = None, seen_only: bool = False
) -> PictureTable:
    """The pack's drawings by some hands, of one split. A label is the concept, or the name where there is none; `words`
    are name and keywords; the instance is "icon NAME".

    seen_only: without drawings of an unseen concept, or whose name or keywords give an unseen one away; and without the
    keywords that name one. Raises DataError where there is no such pack.
    """
    rows = [row for row in pack_rows(folder, domains) if split in (None, row.columns["split"])]
    rows = [row for row in rows if not seen_only or _is_seen(row)]
    return PictureTable(
        [row.picture for row in rows],
        [row.columns["domain"] for row in rows],
        labels=[_label(row) for row in rows],
        instances=[f"icon {row.columns['class']}" for row in rows],
        media=[MEDIUM.get(row.columns["domain"], "") for row in rows],
        words=[_seen_words(row) if seen_only else _words(row) for row in rows],
        splits=[row.columns["split"] for row in rows],
    )


def _label(row: PackRow) -> str:
    return row.concept or spoken(row.columns["class"]).lower()


def _words(row: PackRow) -> frozenset[str]:
    keywords = [word.strip().lower() for word in row.columns["caption"].partition("|")[2].split(",")]
    return frozenset(word for word in (spoken(row.columns["class"]).lower(), *keywords) if word)


def _seen_words(row: PackRow) -> frozenset[str]:
    return frozenset(word for word in _words(row) if word == _label(row) or not gives_away(word))


def _is_seen(row: PackRow) -> bool:
    name = spoken(row.columns["class"])
    if is_unseen(row.concept) or is_unseen(name):
        return False
    if row.concept:  # another object, if its own name is what gives away: "palm tree" is not a tree here
        return name == row.concept or not gives_away(name)
    return not any(map(gives_away, _words(row)))
