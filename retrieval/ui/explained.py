"""Why a picture is a hit, as HTML: maps over query and hit, and for DSN the told modality and the remembered sketches.

Each panel says in a sentence what it shows and what it does not. Class names come from a bundle's manifest: `escape`.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterable
from html import escape

import numpy as np
from PIL import Image

from retrieval.types import Explanation, Grid, Memory, Modality, Occlusion, Remembered, Taught

FALL, RISE = (217, 72, 15), (37, 108, 178)  # colours of a map
LEAST = 0.02  # a change that takes the full colour at least: noise is not blown up
FINE = 96  # pixels on a side of a map
OTHER = {"sketch": "photo", "photo": "sketch"}
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


def why(told: Explanation, title: str) -> str:
    """All that is known of why a method of this title brought the hit."""
    parts = [_parts(told)]
    if told.modality:
        parts.append(_modality(told.modality, told.similarity))
    if told.memory:
        parts.append(_memory(told.memory))
    return (
        '<section class="why" tabindex="-1" aria-label="Why this hit">'
        f'<p class="eyebrow">Why this hit? · {escape(title)}</p>{"".join(parts)}</section>'
    )


def _panel(title: str, words: str, inside: str) -> str:
    return f'<section class="reason"><h3>{title}</h3><p>{words}</p>{inside}</section>'


# ---------------------------------------------------------------- parts


def _parts(told: Explanation) -> str:
    words = (
        f"How much their similarity of <b>{told.similarity:.2f}</b> falls when a part is hidden: "
        '<i class="key fall"></i> it falls, <i class="key rise"></i> it rises. This is what the network reacts to, '
        "which need not be what makes the thing what it is."
    )
    maps = _map("Your query", told.query) + _map("This hit", told.hit)
    return _panel("Parts that count", words, f'<div class="maps">{maps}</div>')


def _map(title: str, told: Occlusion) -> str:
    values = np.array(told.falls)
    row, column = divmod(int(values.argmax()), values.shape[1])
    where = f"{ROWS[3 * row // len(values)]} {COLUMNS[3 * column // values.shape[1]]}"
    most = float(values.max())
    words = f"falls by up to {most:.2f}, {where}" if most >= 0.005 else "no part matters alone"
    return (
        f'<figure><div class="map"><img src="{_address(told.picture, "webp")}" alt="">'
        f'<img src="{_address(heat(told.falls), "png")}" alt="Map over {title.lower()}: the similarity {words}"></div>'
        f"<figcaption><b>{title}</b> {words}</figcaption></figure>"
    )


def heat(falls: Grid) -> Image.Image:
    """A map as a picture to lay over another: the stronger the change, the less can be seen through it. RGBA"""
    values = np.array(falls, np.float32)
    values /= max(LEAST, float(np.abs(values).max()))
    fine = np.asarray(Image.fromarray(values).resize((FINE, FINE), Image.Resampling.BICUBIC))
    layer = np.zeros((FINE, FINE, 4), np.uint8)
    layer[..., :3] = np.where(fine[..., None] > 0, FALL, RISE)
    layer[..., 3] = (215 * np.clip(np.abs(fine), 0, 1)).astype(np.uint8)
    return Image.fromarray(layer)


def _address(image: Image.Image, kind: str) -> str:
    file = io.BytesIO()
    image.save(file, kind, quality=82)
    return f"data:image/{kind};base64,{b64encode(file.getvalue()).decode()}"


# ---------------------------------------------------------------- modality


def _modality(told: Modality, similarity: float) -> str:
    other = OTHER[told.told]
    words = (
        f"DSN is told of every picture whether it is a sketch or a photo. Your query went in as a {told.told}; here it "
        f"goes in as a {other} as well. DSN does not separate object from style: this shows what the network treats as "
        "modality."
    )
    bars = "".join(
        _bar(label, value, f"{value:.2f}")
        for label, value in (
            (f"Similarity to the hit, as a {told.told}", similarity),
            (f"Similarity to the hit, as a {other}", told.flipped),
            ("The query to itself, told both ways", told.kept),
        )
    )
    return _panel("Sketch or photo, as it is told", words, f'<ul class="measures">{bars}</ul>{_blocks(told)}')


def _bar(label: str, value: float, number: str, more: str = "") -> str:
    share = min(max(value, 0.0), 1.0)
    return (
        f"<li><span>{escape(label)}{more and f'<small>{escape(more)}</small>'}</span>"
        f'<data value="{value:.4f}">{number}</data>'
        f'<span class="track" aria-hidden="true"><i style="width:{share:.1%}"></i></span></li>'
    )


def _blocks(told: Modality) -> str:
    top = max((change for _, change in told.blocks), default=0.0)
    columns = "".join(
        f'<li><span class="gate" aria-hidden="true"><i style="height:{change / max(top, 1e-9):.1%}"></i></span>'
        f"<b>{escape(block)}</b><data>{change:.3f}</data></li>"
        for block, change in told.blocks
    )
    channels = ", ".join(f"{escape(c.block)} no. {c.number} ({c.difference:+.2f})" for c in told.channels)
    return (
        '<p class="small">How far its gates move between the two, block by block, from the eye inwards</p>'
        f'<ol class="blocks">{columns}</ol>'
        f'<p class="small">Channels that move most, + more open for photos: {channels}</p>'
    )


# ---------------------------------------------------------------- memory


def _memory(told: Memory) -> str:
    words = (
        f"The class is one of the {told.taught} that it was taught; an unseen object gets its nearest relative. "
        "It plays no part in the search."
    )
    bars = "".join(_bar(c.label, c.probability, f"{c.probability:.0%}", _near(c)) for c in told.classes)
    return _panel("What it takes the query for", words, f'<ul class="measures">{bars}</ul>{_kept(told)}')


def _near(told: Taught) -> str:
    """How near query and hit are to the mean of the class's kept sketches, where there are any."""
    return "" if told.query is None else f"to the mean of its sketches: query {told.query:.2f}, hit {told.hit:.2f}"


def _kept(told: Memory) -> str:
    if not told.sketches:
        return '<p class="small">This bundle came without the sketches of its memory.</p>'
    label = escape(told.classes[0].label)
    return (
        f'<p class="small">The sketches of “{label}” that its memory holds, the most like the query first, with the '
        "cosines of their features to the query’s and to the hit’s</p>"
        f'<ul class="kept">{_sketches(told.sketches, label)}</ul>'
    )


def _sketches(kept: Iterable[Remembered], label: str) -> str:
    return "".join(
        f'<li><img src="{_address(one.picture, "png")}" alt="Kept sketch of {label}" width="64" height="64">'
        f"<small>{one.query:.2f} · {one.hit:.2f}</small></li>"
        for one in kept
    )
