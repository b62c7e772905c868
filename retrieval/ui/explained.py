"""Why a picture is a hit, as HTML: maps over query and hit, and the panels that the method adds.

Each panel says in a sentence what it shows and what it does not. Class names come from a bundle's manifest: `escape`.
"""

from __future__ import annotations

from html import escape

import numpy as np
from PIL import Image

from retrieval.types import Bar, Bars, Columns, Explanation, Grid, Note, Occlusion, Panel, Thumbnails
from retrieval.ui.pictures import data_address

FALL, RISE = (217, 72, 15), (37, 108, 178)  # colours of a map
LEAST = 0.02  # a change that takes the full colour at least: noise is not blown up
FINE = 96  # pixels on a side of a map
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")


def why(explanation: Explanation, title: str) -> str:
    """All that is known of why a method of this title brought the hit."""
    panels = "".join((_maps(explanation), *map(_panel_of, explanation.panels)))
    return (
        '<section class="why" tabindex="-1" aria-label="Why this hit">'
        f'<p class="eyebrow">Why this hit? · {escape(title)}</p>{panels}</section>'
    )


def _panel(title: str, words: str, inside: str) -> str:
    return f'<section class="reason"><h3>{title}</h3><p>{words}</p>{inside}</section>'


# ---------------------------------------------------------------- parts


def _maps(explanation: Explanation) -> str:
    words = (
        f"How much their similarity of <b>{explanation.similarity:.2f}</b> falls when a part is hidden: "
        '<i class="key fall"></i> it falls, <i class="key rise"></i> it rises. This is what the network reacts to, '
        "which need not be what makes the thing what it is."
    )
    maps = _map("Your query", explanation.query) + _map("This hit", explanation.hit)
    return _panel("Parts that count", words, f'<div class="maps">{maps}</div>')


def _map(title: str, occlusion: Occlusion) -> str:
    values = np.array(occlusion.falls)
    row, column = divmod(int(values.argmax()), values.shape[1])
    where = f"{ROWS[3 * row // len(values)]} {COLUMNS[3 * column // values.shape[1]]}"
    most = float(values.max())
    words = f"falls by up to {most:.2f}, {where}" if most >= 0.005 else "no part matters alone"
    return (
        f'<figure><div class="map"><img src="{data_address(occlusion.picture, "webp")}" alt="">'
        f'<img src="{data_address(heat(occlusion.falls), "png")}" '
        f'alt="Map over {title.lower()}: the similarity {words}"></div>'
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


# ---------------------------------------------------------------- what a method adds


def _panel_of(panel: Panel) -> str:
    return _panel(escape(panel.title), escape(panel.about), "".join(map(_part, panel.parts)))


def _part(part: Bars | Columns | Thumbnails | Note) -> str:
    match part:
        case Bars():
            return f'<ul class="measures">{"".join(map(_bar, part.bars))}</ul>'
        case Columns():
            return f'<ol class="blocks">{_columns(part)}</ol>'
        case Thumbnails():
            return f'<ul class="kept">{_thumbnails(part)}</ul>'
        case Note():
            return f'<p class="small">{escape(part.text)}</p>'


def _bar(bar: Bar) -> str:
    share = min(max(bar.value, 0.0), 1.0)
    return (
        f"<li><span>{escape(bar.label)}{bar.note and f'<small>{escape(bar.note)}</small>'}</span>"
        f'<data value="{bar.value:.4f}">{escape(bar.text)}</data>'
        f'<span class="track" aria-hidden="true"><i style="width:{share:.1%}"></i></span></li>'
    )


def _columns(part: Columns) -> str:
    top = max((column.value for column in part.columns), default=0.0)
    return "".join(
        f'<li><span class="gate" aria-hidden="true"><i style="height:{column.value / max(top, 1e-9):.1%}"></i></span>'
        f"<b>{escape(column.label)}</b><data>{escape(column.text)}</data></li>"
        for column in part.columns
    )


def _thumbnails(part: Thumbnails) -> str:
    return "".join(
        f'<li><img src="{data_address(thumbnail.picture, "png")}" alt="{escape(thumbnail.alt)}" width="64" height="64">'
        f"<small>{escape(thumbnail.caption)}</small></li>"
        for thumbnail in part.pictures
    )
