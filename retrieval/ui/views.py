"""What a search shows on the page, as HTML: pure functions from values to text.

Captions, labels, file names and ids come from strangers' folders: what is not written here goes through `escape`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Protocol

from retrieval.images import Strokes
from retrieval.items import name_skipped
from retrieval.types import Crop, Held, Hit, Item, Skipped
from retrieval.ui.pictures import data_address, picture


class Answer(Protocol):
    """What of the engine's results is shown."""

    @property
    def hits(self) -> tuple[Hit, ...]: ...
    @property
    def confident(self) -> bool: ...
    @property
    def cutoff(self) -> float: ...
    @property
    def seconds(self) -> float: ...
    @property
    def gallery_size(self) -> int: ...
    @property
    def held(self) -> Held | None: ...
    @property
    def crop(self) -> Crop | None: ...
    @property
    def sure(self) -> tuple[Hit, ...]: ...


THUMBNAIL = 96  # pixels on the longer side of a crop
MARK = (
    '<svg class="mark" width="34" height="34" viewBox="0 0 32 32" aria-hidden="true">'
    '<path d="M16 2A14 14 0 0 1 30 16H16Z" fill="currentColor"/>'
    '<path d="M30 16A14 14 0 0 1 16 30V16Z" fill="currentColor" opacity=".45"/>'
    '<path d="M16 30A14 14 0 0 1 2 16h14Z" fill="none" stroke="currentColor" stroke-width="1.6"/>'
    '<path d="M2 16A14 14 0 0 1 16 2v14Z" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="2 2"/>'
    "</svg>"
)
HEADER = (
    f'<header class="masthead">{MARK}<h1>Guise</h1>'
    "<p>Draw it, show it or name it, and see the same thing in six guises.</p></header>"
)


# ---------------------------------------------------------------- around the results


def loading(progress: str) -> str:
    """The line shown until searches are answered at once."""
    return (
        '<p class="banner" role="status"><i class="spinner"></i>'
        f"<span><strong>{escape(progress or 'Loading the model')} …</strong> "
        "You can draw already; the search starts by itself.</span></p>"
    )


def working(progress: str) -> str:
    """The line shown while something is made in the background."""
    return (
        f'<p class="banner" role="status"><i class="spinner"></i><span><strong>{escape(progress)} …</strong></span></p>'
    )


def trouble(sentence: str) -> str:
    """The line shown when the model could not be loaded."""
    return f'<p class="banner bad" role="alert"><span>{escape(sentence)}</span></p>'


def left_out(skipped: Sequence[Skipped]) -> str:
    """Which files of the folder are not in its gallery, behind a line that can be opened; "" where all are."""
    if not skipped:
        return ""
    count = f"{len(skipped):,} files of this folder are" if len(skipped) > 1 else "1 file of this folder is"
    lines = "".join(f"<li>{escape(line)}</li>" for line in name_skipped(skipped))
    return f'<details class="left-out"><summary>{count} not in the gallery</summary><ul>{lines}</ul></details>'


def notice(sentence: str) -> str:
    """Why there is no answer, in place of the status line."""
    return f'<p class="notice" role="alert">{escape(sentence)}</p>'


def status(asked: str, answer: Answer) -> str:
    """What was asked, how much was found, how long it took."""
    sure = len(answer.sure)
    return (
        f'<p class="status" data-cutoff="{max(0.0, answer.cutoff):.2f}"><strong>{escape(asked)}</strong>'
        f" <span>{sure} of {answer.gallery_size} pictures · {answer.seconds * 1000:.0f} ms</span>"
        f"{_view(answer.crop)}</p>"
    )


def _view(crop: Crop | None) -> str:
    """Which view of the picture was searched with, where there were two."""
    if crop is None:
        return ""
    if not crop.is_closer:
        return " <span>The whole picture is closer than its crop.</span>"
    small = crop.picture.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return (
        f' <span class="crop"><img src="{data_address(small)}" alt="The crop">'
        "Cropped to its object, which is closer than the whole picture.</span>"
    )


UNCALIBRATED = (
    '<p class="notice">No cut-off was set for this method: the closest pictures are shown, however far they are.</p>'
)
WAITING = '<p class="status"></p>'


def welcome(guises: Sequence[Item] = ()) -> str:
    """What is shown before anything is asked; `guises` are pictures of one class in several styles."""
    return (
        '<div class="empty"><h2>Draw something: try a duck</h2>'
        "<p>A few lines are enough; hits appear while you draw. "
        "Or upload a picture, or say in words what you look for.</p>"
        f'<ul class="guises">{"".join(map(_guise, guises))}</ul></div>'
    )


def _guise(item: Item) -> str:
    return f"<li>{_image(item)}<small>{escape(item.domain.name)}</small></li>"


# ---------------------------------------------------------------- hits


def results(answer: Answer) -> str:
    """The hits as cards: those that are sure, and the others behind a line that can be opened."""
    sure = answer.sure
    unsure = [hit for hit in answer.hits if hit not in sure]
    if not answer.hits:
        return _nothing(
            "No pictures", "No picture of this gallery has the chosen styles and classes. Choose fewer filters."
        )
    if not sure:
        return _nothing("No confident match", _refusal(answer)) + _weaker(
            f"Show the {len(unsure)} closest anyway", unsure
        )
    return (
        (UNCALIBRATED if answer.cutoff <= -1 else "")
        + _cards(sure)
        + (_weaker(f"Show {len(unsure)} weaker", unsure) if unsure else "")
    )


def _refusal(answer: Answer) -> str:
    """Why there is no match, what was compared with what, and what to do. Shares are rounded apart, so that what is
    missing never rounds away.
    """
    best = _down(max(hit.score for hit in answer.hits))
    if answer.held is None:
        return (
            f"The closest picture scores {best}; a match needs {_up(answer.cutoff)}. A score says how alike the model "
            "finds query and picture, at most 1. Add a few lines, use other words, or lower the cut-off under Refine."
        )
    share, needed = math.floor(100 * answer.held.share), math.ceil(100 * answer.held.needed)
    return (
        f"The model compared this with all names that it knows: it is {share} % sure that this is one of those that it "
        f"reads in the pictures searched, and a match needs {needed} %. Add a few lines, use other words or another "
        f"picture, or set your own cut-off under Refine: it looks at scores alone, of which the best is {best}."
    )


def _down(score: float) -> str:
    return f"{math.floor(100 * score) / 100:.2f}"


def _up(score: float) -> str:
    return f"{math.ceil(100 * score) / 100:.2f}"


def opening(gallery: str) -> str:
    """What is shown in place of hits while a gallery is being indexed."""
    return _nothing("One moment", f"The gallery “{gallery}” is being indexed. The search starts by itself.")


def _nothing(title: str, words: str) -> str:
    return f'<div class="empty"><h2>{escape(title)}</h2><p>{escape(words)}</p></div>'


def _weaker(summary: str, hits: Sequence[Hit]) -> str:
    return f'<details class="weaker"><summary>{escape(summary)}</summary>{_cards(hits)}</details>'


def _cards(hits: Iterable[Hit]) -> str:
    return f'<ol class="hits">{"".join(map(_card, hits))}</ol>'


def _card(hit: Hit) -> str:
    item, share = hit.item, min(max(hit.score, 0.0), 1.0)
    return (
        f'<li><button type="button" class="hit" data-id="{escape(item.id)}" data-rank="{hit.rank}" '
        f'data-score="{hit.score:.4f}">{_image(item)}'
        f'<span class="bar" aria-hidden="true"><i style="width:{share:.0%}"></i></span>'
        f'<span class="facts"><b>{escape(item.label or "unlabelled")}</b>'
        f'<data value="{hit.score:.4f}">{hit.score:.2f}</data>'
        f"<small>{escape(item.domain.name)}</small></span></button></li>"
    )


def plain_cards(items: Iterable[Item]) -> str:
    """Pictures that are no hits, as cards without scores."""
    return f'<ol class="hits">{"".join(map(_plain_card, items))}</ol>'


def _plain_card(item: Item) -> str:
    return (
        f'<li><button type="button" class="hit" data-id="{escape(item.id)}" data-rank="0" data-score="0">{_image(item)}'
        f'<span class="facts"><b>{escape(item.label or "unlabelled")}</b>'
        f"<small>{escape(item.domain.name)}</small></span></button></li>"
    )


def _image(item: Item) -> str:
    source, words = picture(item.path), escape(described(item))
    return f'<img src="{source}" alt="{words}" loading="lazy" decoding="async" width="192" height="192">'


def details(
    item: Item, rank: int, score: float, kind: str = "", *, apart: bool = False, turn: int | None = None
) -> str:
    """One hit in full, or a picture that is no hit (rank 0), for the sheet; `kind` of the query that it can still be
    asked about ("": of none); `apart`: whether its object and style can be shown; `turn`: the sheet's, if it asked.
    """
    name = escape(item.id)
    style = escape(item.domain.name)
    asked = "" if turn is None else f' data-turn="{turn}"'
    rows = {
        "Class": item.label,
        "Style": item.domain.name,
        "Caption": item.caption,
        "Score": f"{score:.3f}" if rank else "",
        "Id": item.id,
    }
    facts = "".join(f"<div><dt>{term}</dt><dd>{escape(value)}</dd></div>" for term, value in rows.items() if value)
    return (
        f'<article class="detail" data-id="{name}"{asked}>'
        f'<img src="{picture(item.path)}" alt="{escape(described(item))}">'
        f'<div><p class="eyebrow">{f"Hit {rank}" if rank else "Picture"}</p>'
        f"<h2>{escape(item.label or item.domain.name)}</h2><dl>{facts}</dl>"
        f'<p class="actions"><button type="button" class="primary" data-search="{name}">Search with this</button>'
        f'<button type="button" class="plain" data-search="{name}" data-domain="{style}">More in this style</button>'
        f"{_why(name, rank, score, kind)}{_apart(name) if apart else ''}</p></div></article>"
    )


def _why(name: str, rank: int, score: float, kind: str) -> str:
    if kind == "text":
        return "<small>Words have no parts that could be hidden, so a text is not asked why.</small>"
    if not kind:
        return ""
    return (
        f'<button type="button" class="plain" data-why data-id="{name}" data-rank="{rank}" data-score="{score:.4f}">'
        "Why this hit?</button>"
    )


def _apart(name: str) -> str:
    return f'<button type="button" class="plain" data-apart="{name}">Show object &amp; style</button>'


def described(item: Item) -> str:
    """The picture in words, for those who do not see it."""
    return item.caption or f"{item.label or 'picture'}, {item.domain.name}"


# ---------------------------------------------------------------- examples


def drawings(examples: Mapping[str, tuple[str, Strokes]]) -> str:
    """Buttons with small drawings. Examples: name -> (what the canvas loads, what is shown)."""
    return _row(
        "Try one", (_example(text, f"Draw a {name}", sketch(strokes)) for name, (text, strokes) in examples.items())
    )


def pictures(items: Iterable[Item]) -> str:
    """Buttons with pictures of the gallery; a button's choice is the picture's id."""
    image = '<img src="{}" alt="" width="96" height="96" loading="lazy">'
    return _row("Try one", (_example(item.id, described(item), image.format(picture(item.path))) for item in items))


def phrases(texts: Iterable[str]) -> str:
    """Buttons with words."""
    return _row("Try one", (_example(text, text, f"<span>{escape(text)}</span>") for text in texts))


def _row(title: str, buttons: Iterable[str]) -> str:
    inside = "".join(buttons)
    return f'<p class="eyebrow">{title}</p><div class="examples">{inside}</div>' if inside else ""


def _example(choice: str, label: str, inside: str) -> str:
    return f'<button type="button" data-choice="{escape(choice)}" aria-label="{escape(label)}">{inside}</button>'


def sketch(drawing: Strokes) -> str:
    """The drawing as a picture that takes the colours of the page."""
    thinnest = drawing.width / 40  # a thin pen still shows at the size of a thumbnail
    lines = "".join(
        f'<polyline class="{"rubbed" if stroke.erase else "ink"}" stroke-width="{max(stroke.width, thinnest):g}" '
        f'points="{" ".join(f"{x:g},{y:g}" for x, y in stroke.points)}"/>'
        for stroke in drawing.strokes
    )
    return f'<svg viewBox="0 0 {drawing.width:g} {drawing.height:g}" aria-hidden="true">{lines}</svg>'
