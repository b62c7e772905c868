"""One picture as HTML, generated or real. A generated one is captioned so, stands apart from real ones, and carries
what the judge reads in it: a bar each for class and style, and where the intended one is not the likeliest a red frame
and the words for what is read instead.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Mapping
from functools import lru_cache
from html import escape

from PIL import Image

from retrieval.disentangle import Drawn

SIDE = 256  # pixels on a side of a finished picture, so that no browser has to blur it
PREVIEW = 128  # of one that is not finished


def generated(drawn: Drawn, title: str = "", words: str = "", *, asks: bool = True) -> str:
    """A generated picture with what the judge reads in it; `asks`: whether it can be searched with."""
    state = "finished" if drawn.finished else "unfinished"
    holds = "" if drawn.holds is None else f' data-holds="{str(drawn.holds).lower()}"'
    heading = (title and f"<b>{escape(title)}</b>") + (words and f"<small>{words}</small>")
    tag = "generated" if drawn.finished else "generated, unfinished"
    side = SIDE if drawn.finished else PREVIEW
    ask = _ask(drawn) if asks else ""
    return (
        f'<figure class="made" data-state="{state}"{holds}><div class="picture">'
        f'<img src="{address(drawn.picture, side)}" alt="{escape(_said(drawn))}"></div>'
        f'<figcaption>{heading}<small class="tag">{tag}</small>{_miss(drawn)}{_judged(drawn)}{ask}'
        "</figcaption></figure>"
    )


def _ask(drawn: Drawn) -> str:
    """The button that searches with a finished picture."""
    if not drawn.finished:
        return ""
    meant = f'data-thing="{escape(drawn.intended_class or "")}" data-style="{escape(drawn.intended_style or "")}"'
    return f'<button type="button" class="ask" data-ask {meant}>Search with this</button>'


def _said(drawn: Drawn) -> str:
    """A generated picture in words, for those who do not see it."""
    meant = " as ".join(name for name in (drawn.intended_class, drawn.intended_style) if name)
    read = " as ".join(name for name in (_likeliest(drawn.class_shares), _likeliest(drawn.style_shares)) if name)
    words = "Generated picture" + (f", meant to show {meant}" if meant else "")
    if not drawn.finished:
        return f"{words}, not finished"
    return f"{words}; read as {read}" if read else words


def _miss(drawn: Drawn) -> str:
    """What is read where something else was intended."""
    read = []
    if drawn.class_holds is False:
        read.append(_likeliest(drawn.class_shares))
    if drawn.style_holds is False:
        read.append(_likeliest(drawn.style_shares))
    return f'<strong class="miss">read as {escape(", ".join(read))}</strong>' if read else ""


def _judged(drawn: Drawn) -> str:
    """A bar for the class and one for the style: of the intended one or, where none is, of the likeliest."""
    pairs = ((drawn.intended_class, drawn.class_shares), (drawn.intended_style, drawn.style_shares))
    bars = "".join(_bar(intended, shares) for intended, shares in pairs if shares)
    return bars and f'<ul class="judged" aria-label="What the judge reads">{bars}</ul>'


def _bar(intended: str | None, shares: Mapping[str, float]) -> str:
    known = intended is not None and intended in shares
    name = intended if known and intended is not None else _likeliest(shares)
    share = shares[name]
    return (
        f'<li class="{"meant" if known else "free"}"><span>{escape(name)}{"" if known else "?"}</span>'
        f'<data value="{share:.4f}">{share:.0%}</data><i style="width:{share:.1%}"></i></li>'
    )


def _likeliest(shares: Mapping[str, float]) -> str:
    return max(shares, key=lambda name: shares[name], default="")


def real(image: Image.Image, title: str, words: str) -> str:
    """A picture that was there before."""
    return (
        f'<figure class="real">{plain(image, f"{title}: {words}")}<figcaption><b>{escape(title)}</b>'
        f"<small>{words}</small></figcaption></figure>"
    )


def plain(image: Image.Image, alt: str) -> str:
    """The picture alone, without a caption."""
    return f'<div class="picture"><img src="{address(image)}" alt="{escape(alt)}"></div>'


def address(image: Image.Image, side: int = SIDE) -> str:
    """A picture as a data URI."""
    return encoded(image.mode, image.size, image.tobytes(), side)


@lru_cache(maxsize=1024)
def encoded(mode: str, size: tuple[int, int], data: bytes, side: int) -> str:
    """The picture of these bytes, its longer side enlarged to `side`, as a data URI."""
    image = Image.frombytes(mode, size, data)
    wide, high = (round(length * side / max(size)) for length in size)
    if image.size != (wide, high):
        image = image.resize((wide, high), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "webp", quality=88, method=1)
    return f"data:image/webp;base64,{b64encode(file.getvalue()).decode()}"
