"""The card of object and style as HTML: a picture, what is drawn from its parts, and where each part comes from."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from retrieval.disentangle import Card, Drawn, Use
from retrieval.ui.one_picture import address, generated, plain, real

# In the browser: how much of the drawn picture lies over the query.
COMPARE_JS = """
let at = "50";
const show = () => {
  const slider = element.querySelector(".compare input");
  if (!slider) return;
  slider.value = at;
  slider.closest(".compare").style.setProperty("--at", at + "%");
};
element.addEventListener("input", (event) => {
  if (event.target.closest(".compare")) { at = event.target.value; show(); }
});
new MutationObserver(show).observe(element, { childList: true, subtree: true });
show();
"""
TRUST = (
    '<details class="trust"><summary>How far to trust this</summary><p>The network learned from renders of 64 kinds of '
    "things, from people’s drawings and from icons. Photographs and galleries of your own can be taken apart, too, but "
    "the map of a photograph holds its background as well, what was never taught is named by the nearest known word, "
    "and the style of an upload is the judge’s guess: choose it under “Draw it in” where that is wrong. What is not in "
    "the map, fine texture and writing, is invented. The judge learned from renders and drawings; on photographs its "
    "reading is a hint and no measurement.</p></details>"
)
BLANK = '<div class="picture"></div>'
PARTS = ("what", "where", "style")


def card(card: Card, *, given: str = "", busy: str = "") -> str:
    """A picture taken apart; `given`: the style that was chosen in place of its own ("": its own)."""
    style, name = escape(card.style), escape(card.thing or "object")
    figures = (
        real(card.query, "Query, as it is read", name if given else f"{name}, {style}"),
        generated(card.drawn, f"As {style}" if given else "Put together", f"from {used(card.use)}"),
        _compared(card),
        _alone(card.what_only, "What alone", f"the word for this {name}, in no style"),
        _alone(card.where_only, "Where alone", "the map, without a word or a style"),
        _alone(card.style_only, "Style alone", f"{style}, of nothing"),
    )
    return f'<div class="card-row"{busy}>{"".join(figures)}</div><ul class="parts">{"".join(_lines(card))}</ul>{TRUST}'


def used(use: Use) -> str:
    """The parts in words, for people.

    >>> used(Use(what=False))
    'where + style'
    """
    return " + ".join(part for part in PARTS if getattr(use, part)) or "nothing"


def _alone(drawn: Drawn | None, title: str, words: str) -> str:
    return "" if drawn is None else generated(drawn, title, words)


def _compared(card: Card) -> str:
    """Query and drawn picture over each other, to be uncovered; beside it, until then, nothing."""
    if card.difference is None:
        caption = "<figcaption><b>Before and after</b><small>still being drawn</small></figcaption>"
        return f'<figure class="grey">{BLANK}{caption}</figure>'
    after = address(card.drawn.picture)
    return (
        f'<figure class="made compare"><div class="picture"><img src="{address(card.query)}" alt="The query">'
        f'<img class="after" src="{after}" alt="Over it, the drawn picture"></div>'
        '<input type="range" min="0" max="100" value="50" aria-label="How much of the drawn picture is shown">'
        "<figcaption><b>Before and after</b><small>left of the handle: drawn; right: the query</small></figcaption>"
        "</figure>"
        f'<figure class="grey">{plain(card.difference, "Difference of query and drawn picture")}<figcaption>'
        "<b>Difference</b><small>bright where the two differ</small></figcaption></figure>"
    )


def _lines(card: Card) -> Iterator[str]:
    """What each part is, who reads it, and how far it was taught."""
    if card.what_only is None:
        yield _line(
            "What", False, "Nobody reads a word off pictures in this copy, so the form comes from the map alone."
        )
    else:
        shares = ", ".join(f"<b>{escape(word)}</b>&nbsp;{share:.0%}" for word, share in card.words.items())
        spelled = f" Spelled in the words that the network was taught: {shares}." if shares else ""
        yield _line("What", card.use.what, f"DUDE’s word for the picture, learned without labels.{spelled}")
    if card.where_only is None:
        yield _line(
            "Where", False, "This prior has no image adapter, so a picture is drawn from its word and style alone."
        )
    else:
        colors = (
            "with its colours"
            if card.colors_known
            else "with its colours withheld, since ink has none: the network picks them"
        )
        words = (
            f"The image adapter’s map of form and parts, {colors}. It was <b>trained with supervision</b>, on pairs of "
            "renders of one object in two styles; DUDE has no part in it."
        )
        yield _line("Where", card.use.where, words)
    yield _line("Style", card.use.style, f"the word “{escape(card.style)}”.")


def _line(part: str, is_used: bool, words: str) -> str:
    state = "used" if is_used else "not used"
    return f'<li data-used="{str(is_used).lower()}"><b>{part}</b> <small>{state}</small> {words}</li>'
