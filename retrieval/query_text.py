"""The one form in which an encoder reads a text: "Cats!!!", "cats" and " CATS " are the same query."""

from __future__ import annotations

import unicodedata

OUTER = " \t\n\"'`.,;:!?…()[]{}<>*_-–—/\\|~“”‘’«»¿¡"  # of a query's ends nothing of this is meant


def normalise_text(text: str) -> str:
    """Compatible characters made one (NFKC), lower case, single spaces, no punctuation at the ends.

    A text of nothing but punctuation stays as it is, so that it can be refused by what it says.

    >>> normalise_text("  A Cat. "), normalise_text("PIZZA!!!"), normalise_text("t-shirt"), normalise_text("???")
    ('a cat', 'pizza', 't-shirt', '???')
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return plain.strip(OUTER) or plain
