"""The gallery's card: what is in it, who drew it under which licence, and what it must not be used to claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from retrieval.emoji.packages import NAMES, Hand
from retrieval.files import write_text

CARD = "README.md"
TEXT = """\
# Emoji and icons by many hands

{pictures} pictures of {things} things, each drawn by at least {least} different hands: published emoji and icons,
rendered at {size} px on white. `items.jsonl` lists them with name, hand, keywords and source. The gallery shows no
person, no flag of a country and no brand.

The pictures are the work of others. Each stays under the licence of its set, which is not the licence of this
project's code:

| hand | set, by whom | licence | pictures | from |
|---|---|---|---|---|
{rows}

Changed in all: rendered from SVG at {size} px on white, with a margin, and stored as WebP; icons of one colour are
drawn in nearly black. `fluent` and `fluent ink` are two finishes of the same drawings and count as one hand. Names
and keywords are those of `{names}` (MIT, after the Unicode CLDR); a thing that the rendered world
has too goes by its name there.

The pictures of **OpenMoji are under CC BY-SA 4.0**: whoever changes and passes them on does so under the same
licence. They are shown here, in a collection, and no weights of this project are trained on them.

## Training and measuring

No training reads this folder, and no task is measured on it. It is not unseen either: a bundle whose manifest names
emoji among its sources learned from other renderings of the same sets, those of things in its training split. So a
hit here says nothing about unseen things. The tasks `emoji/cross-style@1` and `emoji/zero-shot@1` have their own
pictures; the things that they ask for stay out of training as before.

## Building it again

    make emoji-gallery

The packages and their versions are in `retrieval/emoji/packages.py`; the same versions give the same bytes.

## Notices

Apache License 2.0 (`noto`, `blob`, `fxemoji`): the text is the file `LICENSE` of this project.

MIT License (`fluent` and `fluent ink`: Copyright (c) Microsoft Corporation; names and keywords: Copyright (c)
2017-2019 Miles Johnson): Permission is hereby granted, free of charge, to any person obtaining a copy of this
software and associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the
Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions: The
above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
"""


def write_card(out: Path, drawn_by: Sequence[Hand], *, things: int, least_hands: int, size: int) -> None:
    """Write the card of a gallery; `drawn_by` has the hand of each picture."""
    counts = sorted(Counter(drawn_by).items(), key=lambda count: count[0].name)
    rows = "\n".join(_row(hand, pictures) for hand, pictures in counts)
    text = TEXT.format(
        pictures=f"{len(drawn_by):,}", things=things, least=least_hands, size=size, rows=rows, names="@".join(NAMES)
    )
    write_text(out / CARD, text)


def _row(hand: Hand, pictures: int) -> str:
    made_by, licence = f"[{hand.title}]({hand.source}), {hand.author}", f"[{hand.licence}]({hand.link})"
    return f"| `{hand.name}` | {made_by} | {licence} | {pictures} | `{hand.package}@{hand.version}` |"
